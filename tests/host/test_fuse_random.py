"""Random programs on the host: compiled joint kernels give the same bits as separate launches."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import triton_mlx

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))
import joint_random


def run(steps: Sequence[joint_random.Step], fused: bool, visible: set[int]) -> list[bytes]:
    rng = np.random.default_rng(2)
    made = [
        mx.array(rng.standard_normal(joint_random.SIZE).astype(np.float32))
        for _ in range(joint_random.ARRAYS)
    ]

    def program(arrays: list[Any]) -> list[Any]:
        for step in steps:
            chosen = [arrays[k] for k in step.places]
            step.kernel[step.grid](*chosen, *step.numbers, **dict(step.constants))
        return [arrays[k] for k in sorted(visible)]

    call = triton_mlx.fuse(program) if fused else program
    mx.eval(made)
    # The program's own list is the only one that holds the arrays nobody sees afterwards.
    holder = [list(made)]
    del made
    return [np.asarray(a).tobytes() for a in call(holder.pop())]


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(joint_random.programs, joint_random.visible)
@pytest.mark.filterwarnings("ignore")
def test_random_programs(steps: list[joint_random.Step], visible: set[int]) -> None:
    with triton_mlx.use("host"):
        assert run(steps, True, visible) == run(steps, False, visible)
