"""A kernel whose variables are words of Metal."""

from __future__ import annotations

import mlx.core as mx
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
