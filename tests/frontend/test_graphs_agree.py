"""After our passes the graphs of both front ends compute the same, bit for bit."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any

import pytest
from differential import stand_in
from features import KERNELS
from graphs import computed, from_native, from_python

from triton_mlx.runtime.frontend import place

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracle"))

pytestmark = pytest.mark.skipif(place.is_python(), reason="no native Triton to compare with")
GRID = (2, 1, 1)
LIFTED = sorted(set(KERNELS) - {"misc"})  # an instruction of NVIDIA's, which lifting refuses


@pytest.mark.parametrize("name", LIFTED)
def test_kernels_of_every_feature(name: str) -> None:
    native, python = from_native(*KERNELS[name]), from_python(*KERNELS[name])
    ran = 0
    for seed in range(8):
        want = computed(native, seed, GRID)
        assert computed(python, seed, GRID) == want
        ran += isinstance(want, list)
    assert ran, f"never ran: {want}"


@pytest.mark.parametrize("seed", range(25))
def test_random_kernels(seed: int, tmp_path: Path) -> None:
    from random_kernels_lib.generate import generate
    from random_records import kernel_of, signature

    program = generate(seed)
    kernel = kernel_of(program.source(), tmp_path, seed)
    given: Any = (kernel, signature(program, list(inspect.signature(kernel.fn).parameters)), {})
    try:
        native = from_native(*given)
    except Exception as error:  # noqa: BLE001  refused: then by both, in the same way
        with pytest.raises(type(error)):
            from_python(*given)
        return
    python = from_python(*given)
    for number in range(3):
        assert computed(python, number, GRID) == computed(native, number, GRID)


def test_a_difference_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    builder: Any = stand_in().builder
    right = from_native(*KERNELS["loops"])
    monkeypatch.setattr(builder, "create_fadd", builder.create_fsub)
    wrong = from_python(*KERNELS["loops"])
    assert any(computed(wrong, s, GRID) != computed(right, s, GRID) for s in range(8))
