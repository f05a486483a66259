"""Offsets in 32 bits: the same addresses, and no 64-bit arithmetic left where it is not needed."""

from __future__ import annotations

import corpus
import numpy as np
import pytest
import triton
import triton.language as tl

from triton_mlx.fusion import passes
from triton_mlx.fusion.graph import Function
from triton_mlx.fusion.lift import lift
from triton_mlx.fusion.passes.clean import RemoveDeadNodes
from triton_mlx.fusion.passes.narrow import NarrowOffsets
from triton_mlx.fusion.types import I64
from triton_mlx.fusion.verify import verify


@triton.jit
def k_wide(x, o, stride, N: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    at = row * stride + tl.arange(0, N)
    total = tl.zeros((N,), tl.float32)
    p = x + at
    for _ in range(3):
        total += tl.load(p)
        p += stride.to(tl.int64) * 2
    tl.store(o + row * N + tl.arange(0, N), total)


@triton.jit
def k_kept(x, o, N: tl.constexpr):
    """The high half of a 64-bit number decides which element is read."""
    seed = tl.load(x).to(tl.int64) * 0x100000001
    at = tl.arange(0, N) + ((seed >> 32) % N)
    tl.store(o + tl.arange(0, N), tl.load(x + at % N) + (seed >> 32).to(tl.float32))


def narrow(function: Function) -> Function:
    made = passes.run((NarrowOffsets(), RemoveDeadNodes()), function).function
    verify(made, "narrowed")
    return made


def wide_arithmetic(function: Function) -> list[str]:
    return [
        n.op
        for n in function.body.walk()
        if n.op in ("add", "sub", "mul") and n.types[0].scalar == I64
    ]


def test_no_64_bit_arithmetic_is_left_in_addresses() -> None:
    function = corpus.fused(lift(corpus.text_of(k_wide, ("*fp32", "*fp32", "i32"), {"N": 16})))
    assert wide_arithmetic(function)
    made = narrow(function)
    assert not wide_arithmetic(made)
    x = np.arange(200, dtype=np.float32)
    results = []
    for f in (function, made):
        out = np.zeros(64, np.float32)
        corpus.call(f, x, out, 20, grid=(4,))
        results.append(out)
    np.testing.assert_array_equal(*results)
    assert results[0][17] == (21 + 61 + 101)


def test_what_needs_its_high_half_keeps_it() -> None:
    function = corpus.fused(lift(corpus.text_of(k_kept, ("*i32", "*fp32"), {"N": 8})))
    made = narrow(function)
    assert wide_arithmetic(made)
    x = np.array([3, 9, 8, 7, 6, 5, 4, 1], np.int32)
    results = []
    for f in (function, made):
        out = np.zeros(8, np.float32)
        corpus.call(f, x, out)
        results.append(out)
    np.testing.assert_array_equal(*results)
    np.testing.assert_array_equal(results[0], np.roll(x, -3) + np.float32(3))


@pytest.mark.parametrize("kernel", corpus.FORMS, ids=lambda k: k.__name__)
def test_every_kernel_of_the_corpus_stays_valid(kernel: triton.JITFunction) -> None:
    narrow(corpus.fused(corpus.lifted(kernel)))
