"""Bounds of what loops carry: found where nothing can wrap or go back, and nowhere else."""

from __future__ import annotations

import corpus
import pytest
import triton
import triton.language as tl

from triton_mlx.fusion.lift import lift
from triton_mlx.lowering.forward import FAR, bounds
from triton_mlx.lowering.values import Values

LAST = (1 << 31) - 2  # of an induction variable: below an end of 32 bits


@triton.jit
def k_forward(
    o, n, START: tl.constexpr, STEP: tl.constexpr, FACTOR: tl.constexpr, MORE: tl.constexpr
):
    p = o + 64
    for k in range(START, n, STEP):
        tl.store(p, k)
        p += k * FACTOR + MORE


@pytest.mark.parametrize(
    ("start", "step", "factor", "more", "induction", "offset"),
    [
        (0, 1, 1, 0, (0, LAST), (64, FAR)),
        (0, 1, 1, 1, (0, LAST), (64, FAR)),
        (5, 3, 1, -5, (5, LAST), (64, FAR)),
        (0, 1, 1, -1, (0, LAST), None),  # may step back
        (-1, 1, 1, 0, (-1, LAST), None),
        (0, 1, 1, 2, (0, LAST), None),  # k + 2 wraps at the last k
        (0, 1, 2, 0, (0, LAST), None),  # and 2k before
        (1, -1, 1, 0, None, None),  # counts down
    ],
)
def test_bounds(
    start: int,
    step: int,
    factor: int,
    more: int,
    induction: tuple[int, int] | None,
    offset: tuple[int, int] | None,
) -> None:
    constants = {"START": start, "STEP": step, "FACTOR": factor, "MORE": more}
    function = corpus.fused(lift(corpus.text_of(k_forward, ("*i32", "i32"), constants)))
    (loop,) = (n for n in function.body.walk() if n.op == "for")
    values = Values(function)
    counter, *carried = loop.regions[0].args
    assert bounds(values, counter) == induction
    assert [bounds(values, v) for v in carried if v.type.scalar.bits == 64] == [offset]
