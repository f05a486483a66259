"""Stores under conditions on data: without marks where each element is the turn of one thread."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import numpy as np
import pytest
import triton
import triton.language as tl

import triton_mlx
from triton_mlx.runtime.inspect import lowered_last


@triton.jit
def where_positive(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < n
    x = tl.load(x_ptr + at, mask=inside)
    tl.store(out_ptr + at, x * 2, mask=inside & (x > 0))


@triton.jit
def overlapping(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * (BLOCK - 1) + tl.arange(0, BLOCK)
    inside = at < n
    x = tl.load(x_ptr + at, mask=inside)
    tl.store(out_ptr + at, x * 2, mask=inside & (x > 0))


@triton.jit
def first_half(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < n // 2
    x = tl.load(x_ptr + at, mask=inside)
    tl.store(out_ptr + at, x * 2, mask=inside & (x > 0))


@triton.jit
def in_place(out_ptr, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(out_ptr + at, mask=at < n)
    tl.store(out_ptr + at, x * 2, mask=(at < n) & (x > 0))


@triton.jit
def twice(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < n
    x = tl.load(x_ptr + at, mask=inside)
    tl.store(out_ptr + at, x, mask=inside & (x > 0))
    tl.store(out_ptr + at, x * 2, mask=inside & (x > 0))


@triton.jit
def if_any(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < n
    x = tl.load(x_ptr + at, mask=inside, other=0)
    if tl.max(x, axis=0) > 0:
        tl.store(out_ptr + at, x * 2, mask=inside & (x > 0))


KEPT = {"where_positive": where_positive, "in_place": in_place}
MARKED = {"overlapping": overlapping, "first_half": first_half, "twice": twice, "if_any": if_any}


def mode(kernel: Any) -> tuple[str, bool]:
    access = lowered_last(kernel, "simulate").accesses[-1]
    return access.mode, access.keeps


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
@pytest.mark.parametrize(("n", "block"), [(1000, 256), (100, 16), (7, 8)])
@pytest.mark.parametrize("name", KEPT | MARKED)
def test_what_is_not_stored_stays(name: str, n: int, block: int, dtype: str) -> None:
    kernel = (KEPT | MARKED)[name]
    x = mx.array(np.random.default_rng(n).integers(-60, 60, n)).astype(getattr(mx, dtype))
    out = x + 0 if name == "in_place" else mx.full((n,), 3, dtype=x.dtype)
    reach = n // 2 if name == "first_half" else n
    want = mx.where((x > 0) & (mx.arange(n) < reach), x * 2, out)
    given = (out,) if name == "in_place" else (x, out)
    step = block - 1 if name == "overlapping" else block
    # Two programs that store one value to one element race, harmlessly.
    with triton_mlx.use("simulate", checked=name != "overlapping"):
        kernel[(triton.cdiv(n, step),)](*given, n, block)
    assert mx.array_equal(out, want)
    if n > block:
        assert mode(kernel) == (("fresh", True) if name in KEPT else ("merged", False))
