"""Tiles that change their layout: inside a simdgroup by shuffles, between them by threadgroup memory."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import numpy as np
import pytest
import triton
import triton.language as tl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import triton_mlx
from triton_mlx.runtime.inspect import emit_last


@triton.jit
def mixed(x_ptr, out_ptr, ORDER: tl.constexpr, A: tl.constexpr, B: tl.constexpr, C: tl.constexpr):
    a, b, c = tl.arange(0, A), tl.arange(0, B), tl.arange(0, C)
    at = a[:, None, None] * (B * C) + b[None, :, None] * C + c[None, None, :]
    x = tl.load(x_ptr + at)
    y = tl.reshape(tl.permute(x, ORDER), (A, B, C))
    tl.store(out_ptr + at, tl.where(y > x, y, x))


@pytest.fixture(autouse=True)
def _simulated() -> Any:
    with triton_mlx.use("simulate", checked=True):
        yield


SIZES = st.sampled_from([1, 2, 4, 8])
DTYPES = ("bool_", "int8", "uint16", "int32", "int64", "float16", "bfloat16", "float32")


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.permutations([0, 1, 2]),
    SIZES,
    SIZES,
    SIZES,
    st.sampled_from(DTYPES),
    st.sampled_from([1, 2]),
)
def test_permuted(order: list[int], a: int, b: int, c: int, dtype: str, warps: int) -> None:
    numbers = np.arange(a * b * c).reshape(a, b, c) * 7 % 101
    x = mx.array(numbers).astype(getattr(mx, dtype))
    out = mx.zeros(x.shape, x.dtype)
    mixed[(1,)](x, out, tuple(order), a, b, c, num_warps=warps)
    assert mx.array_equal(out, mx.maximum(x, x.transpose(order).reshape(a, b, c)))


@pytest.mark.parametrize(("warps", "word"), [(1, "tile_shuffle"), (4, "threadgroup_barrier")])
def test_the_way_is_chosen_by_where_the_elements_are(warps: int, word: str) -> None:
    x = mx.arange(256).reshape(4, 8, 8)
    out = mx.zeros(x.shape, x.dtype)
    mixed[(1,)](x, out, (1, 2, 0), 4, 8, 8, num_warps=warps)
    assert mx.array_equal(out, mx.maximum(x, x.transpose(1, 2, 0).reshape(4, 8, 8)))
    assert word in emit_last(mixed)
