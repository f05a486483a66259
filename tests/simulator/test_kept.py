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


@triton.jit
def all_or_none(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    """One condition of data for whole vectors."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out_ptr + at, tl.load(x_ptr + at) * 2, mask=tl.load(x_ptr) > n)


@triton.jit
def rows(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    """One condition of data for each row of a tile."""
    row, at = tl.arange(0, 4)[:, None], tl.arange(0, BLOCK)[None, :]
    wanted = tl.load(x_ptr + row * BLOCK) > n
    tl.store(out_ptr + row * BLOCK + at, tl.load(x_ptr + row * BLOCK + at) * 2, mask=wanted)


def mode(kernel: Any) -> tuple[str, bool]:
    access = lowered_last(kernel, "simulate").accesses[-1]
    return access.mode, access.keeps


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
@pytest.mark.parametrize("first", [-1, 1])
def test_vectors_under_one_condition_of_data_stay_as_a_whole(first: int, dtype: str) -> None:
    x = mx.array(np.random.default_rng(2).integers(1, 60, 512)).astype(getattr(mx, dtype))
    x[0] = first
    out = mx.full((512,), 3, dtype=x.dtype)
    with triton_mlx.use("simulate", checked=True):
        all_or_none[(2,)](x, out, 0, BLOCK=256)
    assert mx.array_equal(out, mx.where(x[0] > 0, x * 2, 3))
    assert mode(all_or_none) == ("fresh", True)
    assert "tile_load" in lowered_last(all_or_none, "simulate").body


def test_rows_under_a_condition_of_data_stay_as_a_whole() -> None:
    x = mx.array(np.random.default_rng(2).integers(1, 60, (4, 128))).astype(mx.float32)
    x[1, 0] = x[2, 0] = -1
    out = mx.full((4, 128), 3.0)
    with triton_mlx.use("simulate", checked=True):
        rows[(1,)](x, out, 0, BLOCK=128)
    assert mx.array_equal(out, mx.where(x[:, :1] > 0, x * 2, 3))
    assert mode(rows) == ("fresh", True)


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
