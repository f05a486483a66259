"""Packed vectors: which accesses become vectors, and that odd addresses and bounds stay right."""

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
def scaled(x_ptr, out_ptr, n, first, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + first + at, mask=at < n, other=0.0)
    tl.store(out_ptr + at, x * 2, mask=at < n)


@triton.jit
def turned(x_ptr, out_ptr, M: tl.constexpr, N: tl.constexpr):
    m, n = tl.arange(0, M), tl.arange(0, N)
    x = tl.load(x_ptr + m[:, None] * N + n[None, :])
    tl.store(out_ptr + m[:, None] + n[None, :] * M, x + 1)


@triton.jit
def two_stores_around_a_sum(count_ptr, out_ptr, N: tl.constexpr):
    tl.store(count_ptr + tl.arange(0, 1), tl.full((1,), 1, tl.float32))
    total = tl.sum(tl.full((4, 1), 1, tl.int8), axis=0).to(tl.int32)
    tl.store(out_ptr, tl.argmin(total, axis=0) + tl.sum(total))


@pytest.fixture(autouse=True)
def _simulated() -> Any:
    with triton_mlx.use("simulate", checked=True):
        yield


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.integers(1, 300),
    st.integers(0, 9),
    st.sampled_from(["float32", "float16", "bfloat16", "int8", "uint16", "int64"]),
    st.sampled_from([1, 2, 4]),
)
def test_views_that_start_anywhere(n: int, first: int, dtype: str, warps: int) -> None:
    kind = getattr(mx, dtype)
    x = mx.arange(n + 20).astype(kind)[3:]
    out = mx.full((n + 5,), -1).astype(kind)[2:]
    scaled[(3,)](x, out, n, first, 128, num_warps=warps)
    want = np.full(n + 3, -1)
    want[:n] = np.arange(3 + first, 3 + first + n) * 2
    want = np.array(mx.array(want).astype(kind).astype(mx.float32))
    np.testing.assert_array_equal(np.array(out.astype(mx.float32)), want)


@pytest.mark.parametrize(("n", "vectors"), [(256, True), (257, False)])
def test_a_bound_inside_a_vector_needs_single_elements(n: int, vectors: bool) -> None:
    x, out = mx.arange(n + 16).astype(mx.float32), mx.zeros((n,))
    scaled[(3,)](x, out, n, 16, 128, num_warps=1)
    text = emit_last(scaled)
    assert ("tile_load<packed_float4>" in text) == vectors
    assert ("tile_store<packed_float4>" in text) == vectors


@pytest.mark.parametrize("shape", [(32, 64), (16, 16), (8, 128)])
def test_each_side_is_accessed_along_its_memory(shape: tuple[int, int]) -> None:
    m, n = shape
    x = mx.arange(m * n).astype(mx.float32)
    out = mx.zeros((n, m))
    turned[(1,)](x, out, m, n)
    assert mx.array_equal(out, x.reshape(m, n).T + 1)
    text = emit_last(turned)
    assert "tile_load<packed_float" in text and "tile_store<packed_float" in text


def test_the_simulator_s_compiler_copies_no_shuffle() -> None:
    """Equal conditions before and after shuffles: threading one into the other would copy them."""
    count, out = mx.zeros((1,)), mx.zeros((1,), mx.int32)
    two_stores_around_a_sum[(1,)](count, out, 4)
    assert (count.item(), out.item()) == (1, 4)
