"""Kernels in Metal that are easy to get wrong: names, barriers, overflow."""

from __future__ import annotations

import mlx.core as mx
import numpy as np
import pytest
import triton
import triton.language as tl

import triton_mlx


@triton.jit
def unlucky(arena, half, scalars, linux, N: tl.constexpr):
    lane = tl.arange(0, N)
    fma = tl.load(arena + lane)
    min = tl.minimum(fma, scalars)  # noqa: A001
    i0 = tl.max(fma)
    tile_multiply = tl.where(fma > i0 / 2, min, linux)
    arena_shape = tl.sum(tile_multiply)
    while arena_shape > 100:
        arena_shape = arena_shape / 2
    tl.store(half + lane, tile_multiply + arena_shape)


def test_variables_may_be_words_of_metal() -> None:
    x, out = mx.arange(256).astype(mx.float32), mx.zeros((256,))
    with triton_mlx.use("simulate", checked=True):
        unlucky[(1,)](x, out, 200.0, -1.0, 256)
    picked = mx.where(x > 127.5, mx.minimum(x, 200.0), -1.0)
    total = mx.sum(picked).item()
    while total > 100:
        total /= 2
    assert mx.allclose(out, picked + total)


@triton.jit
def barriers_that_may_not_run(x_ptr, out_ptr, times, N: tl.constexpr):
    at = tl.arange(0, N)
    x = tl.gather(tl.load(x_ptr + at), (at + 1) % N, axis=0)
    for _ in range(0, times):
        tl.debug_barrier()
    x = tl.gather(x, (at + 1) % N, axis=0)
    k = 0
    while k < times:
        tl.debug_barrier()
        k += 1
    tl.store(out_ptr + at, tl.gather(x, (at + 1) % N, axis=0))


@pytest.mark.parametrize("times", [0, 2])
def test_barriers_of_a_loop_that_does_not_run_do_not_count(times: int) -> None:
    x, out = mx.arange(256), mx.zeros((256,), mx.int32)
    with triton_mlx.use("simulate", checked=True):
        barriers_that_may_not_run[(1,)](x, out, times, 256)
    assert mx.array_equal(out, (x + 3) % 256)


@triton.jit
def barrier_behind_the_exit(x_ptr, out_ptr, N: tl.constexpr):
    at = tl.arange(0, N)
    x = tl.load(x_ptr + at)
    while tl.max(x, axis=0) > 0:
        x = x - 1
        tl.debug_barrier()
    tl.store(out_ptr + at, x + tl.sum(x, axis=0))


def test_a_barrier_behind_the_exit_of_a_loop_does_not_count() -> None:
    x, out = mx.arange(256) % 3, mx.zeros((256,), mx.int32)
    with triton_mlx.use("simulate", checked=True):
        barrier_behind_the_exit[(1,)](x, out, 256)
    assert mx.array_equal(out, x - 2 + mx.sum(x - 2))


@triton.jit
def sums_that_wrap(a_ptr, out_ptr, N: tl.constexpr):
    i, j = tl.arange(0, N)[:, None], tl.arange(0, N)[None, :]
    a = tl.load(a_ptr + i * N + j)
    start = tl.full((N, N), 2147483647, tl.int32)
    tl.store(out_ptr + i * N + j, tl.dot(a, a, start))


def test_an_integer_product_wraps() -> None:
    a = np.ones((16, 16), np.int8)
    out = mx.zeros((16, 16), mx.int32)
    with triton_mlx.use("simulate", checked=True):
        sums_that_wrap[(1,)](mx.array(a), out, 16)
    assert np.all(np.array(out) == -(2**31) + 15)
