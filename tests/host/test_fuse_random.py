"""Random programs on the host: compiled joint kernels give the same bits as separate launches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import triton_mlx

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))
import joint_random

VIEWS: tuple[Callable[[Any], Any], ...] = (
    lambda a: a.reshape(2, -1),
    lambda a: a[::-1],
    lambda a: mx.sum(a),
    lambda a: a.reshape(6, 10).T,
)
# (after which launch, of which array, which view; whether that takes the array's place)
peeks = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.integers(0, joint_random.ARRAYS - 1),
        st.integers(0, len(VIEWS) - 1),
        st.booleans(),
    ),
    max_size=3,
)
Peeks = Sequence[tuple[int, int, int, bool]]


def run(
    steps: Sequence[joint_random.Step], way: str, visible: set[int], looks: Peeks
) -> list[bytes]:
    """The results' bytes, of launches "apart", "fused", or "compiled": fused, and traced by mx.compile."""
    rng = np.random.default_rng(2)
    made = [
        mx.array(rng.standard_normal(joint_random.SIZE).astype(np.float32))
        for _ in range(joint_random.ARRAYS)
    ]

    def program(arrays: list[Any]) -> list[Any]:
        seen = []
        for number, step in enumerate(steps):
            chosen = [arrays[k] for k in step.places]
            step.kernel[step.grid](*chosen, *step.numbers, **dict(step.constants))
            for after, array, kind, replaces in looks:
                if after == number:
                    view = VIEWS[kind](arrays[array])
                    if replaces and view.size == arrays[array].size:
                        arrays[array] = view + 0 if kind % 2 else view
                    else:
                        seen.append(view)
        return [arrays[k] for k in sorted(visible)] + seen

    call: Any = program if way == "apart" else triton_mlx.fuse(program)
    mx.eval(made)
    if way == "compiled":
        again = mx.compile(lambda *arrays: call(list(arrays)))
        again(*made)
        return [np.asarray(a).tobytes() for a in again(*made)]
    # The program's own list is the only one that holds the arrays nobody sees afterwards.
    holder = [list(made)]
    del made
    found = call(holder.pop())
    if way == "fused":
        assert len(call.last.report.kernels) <= len(steps)
    return [np.asarray(a).tobytes() for a in found]


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(joint_random.programs, joint_random.visible, peeks)
@pytest.mark.filterwarnings("ignore")
def test_random_programs(steps: list[joint_random.Step], visible: set[int], looks: Peeks) -> None:
    check("host", steps, visible, looks)


def check(target: str, steps: list[joint_random.Step], visible: set[int], looks: Peeks) -> None:
    with triton_mlx.use(target):
        apart = run(steps, "apart", visible, looks)
        assert run(steps, "fused", visible, looks) == apart
        if target == "host":
            assert run(steps, "compiled", visible, looks) == apart
