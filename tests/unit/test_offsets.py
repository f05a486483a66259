"""Carried and chosen pointers as offsets: the same results, and no pointer left to carry."""

from __future__ import annotations

from typing import Any

import corpus
import numpy as np
import numpy.typing as npt
import pytest
import triton
import triton.language as tl

from triton_mlx.fusion.errors import PointerProvenance
from triton_mlx.fusion.graph import Function
from triton_mlx.fusion.lift import lift
from triton_mlx.fusion.passes.offsets import CarryOffsets
from triton_mlx.fusion.verify import verify

Array = npt.NDArray[Any]


@triton.jit
def k_wander(x, o, n, m, BLOCK: tl.constexpr):
    c = tl.arange(0, BLOCK)
    p = tl.where(c < m, x + c, x + BLOCK + c)
    total = tl.load(p)
    i = 0
    while i < n:
        total += tl.load(p)
        if i % 2 == 0:
            p += BLOCK
        else:
            p = x + 2 * c
        for k in range(i):
            p += k
        i += 1
    tl.store(o + c, total)


@triton.jit
def k_two_arrays(x, y, o, n, BLOCK: tl.constexpr):
    c = tl.arange(0, BLOCK)
    tl.store(o + c, tl.load(tl.where(c < n, x + c, y + c)))


def wander(x: Array, trips: int, m: int) -> Array:
    """What k_wander computes."""
    c = np.arange(16)
    place = np.where(c < m, c, 16 + c)
    total = x[place]
    for i in range(trips):
        total = total + x[place]
        place = (place + 16 if i % 2 == 0 else 2 * c) + sum(range(i))
    return total


def carried_pointers(function: Function) -> int:
    return sum(
        t.is_pointer
        for node in function.body.walk()
        if node.op in ("for", "while", "if", "select")
        for t in node.types
    )


@pytest.mark.parametrize("trips", [0, 1, 4, 5])
def test_the_same_elements_are_read(trips: int) -> None:
    text = corpus.text_of(k_wander, ["*fp32", "*fp32", "i32", "i32"], {"BLOCK": 16})
    before = lift(text)
    result = CarryOffsets().run(before)
    assert carried_pointers(before) >= 3
    assert carried_pointers(result.function) == 0
    assert all(d.applied for d in result.decisions)
    verify(result.function, "lifted")
    x = np.random.default_rng(5).standard_normal(200).astype(np.float32)
    out = np.zeros(16, np.float32)
    corpus.call(result.function, x, out, trips, 5)
    np.testing.assert_array_equal(out, wander(x, trips, 5))


def test_a_choice_between_two_arrays_is_refused() -> None:
    with pytest.raises(PointerProvenance, match=r"test_offsets\.py:\d+"):
        corpus.text_of(k_two_arrays, ["*fp32", "*fp32", "*fp32", "i32"], {"BLOCK": 16})
