"""Scans by shuffles and one slot per simdgroup: every side, direction and number of simdgroups."""

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
def after(a, b, c, d):
    """x → a x + b, then x → c x + d: associative, but the order matters."""
    return a * c, b * c + d


@triton.jit
def composed(a_ptr, b_ptr, out_ptr, M: tl.constexpr, N: tl.constexpr, AXIS: tl.constexpr,
             REVERSE: tl.constexpr):  # fmt: skip
    at = tl.arange(0, M)[:, None] * N + tl.arange(0, N)[None, :]
    pair = (tl.load(a_ptr + at), tl.load(b_ptr + at))
    a, b = tl.associative_scan(pair, AXIS, after, reverse=REVERSE)
    tl.store(out_ptr + at, a * 7 + b)


def expected(a: Any, b: Any, axis: int, reverse: bool) -> Any:
    a, b = (np.moveaxis(x.astype(np.int64), axis, 0) for x in (a, b))
    if reverse:
        a, b = a[::-1], b[::-1]
    found, c, d = [], np.ones_like(a[0]), np.zeros_like(b[0])
    for x, y in zip(a, b):
        c, d = c * x, d * x + y
        found.append((c * 7 + d).astype(np.int32))
    return np.moveaxis(np.array(found[::-1] if reverse else found), 0, axis)


@pytest.fixture(autouse=True)
def _simulated() -> Any:
    with triton_mlx.use("simulate", checked=True):
        yield


SIZES = st.sampled_from([1, 2, 8, 32, 64])


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(SIZES, SIZES, st.sampled_from([0, 1]), st.booleans(), st.sampled_from([1, 2, 4]))
def test_order_is_kept(m: int, n: int, axis: int, reverse: bool, warps: int) -> None:
    rng = np.random.default_rng(m * n)
    a, b = (rng.integers(-2, 3, (m, n)).astype(np.int32) for _ in range(2))
    out = mx.zeros((m, n), mx.int32)
    composed[(1,)](mx.array(a), mx.array(b), out, m, n, axis, reverse, num_warps=warps)
    np.testing.assert_array_equal(np.array(out), expected(a, b, axis, reverse))


@pytest.mark.parametrize(
    ("shape", "axis", "barriers"), [((1, 4096), 1, 1), ((128, 4), 0, 1), ((64, 32), 1, 0)]
)
def test_one_barrier_at_most(shape: tuple[int, int], axis: int, barriers: int) -> None:
    rng = np.random.default_rng(5)
    a, b = (rng.integers(-2, 3, shape).astype(np.int32) for _ in range(2))
    out = mx.zeros(shape, mx.int32)
    composed[(1,)](mx.array(a), mx.array(b), out, *shape, axis, False, num_warps=4)
    np.testing.assert_array_equal(np.array(out), expected(a, b, axis, False))
    assert emit_last(composed).count("threadgroup_barrier") == barriers
