"""Sequences of ordinary kernels as eager libraries launch them: how many kernels are left, and the bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
import triton
import triton.language as tl

import triton_mlx

ROWS, COLS = 24, 96
N = ROWS * COLS


@triton.jit
def k_unary(x, o, n, KIND: tl.constexpr, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + at, mask=at < n).to(tl.float32)
    if KIND == 0:
        v = v * v
    elif KIND == 1:
        v = tl.sqrt(v)
    elif KIND == 2:
        v = 1.0 / v
    elif KIND == 3:
        v = v / (1.0 + tl.exp(-v))
    tl.store(o + at, v.to(o.dtype.element_ty), mask=at < n)


@triton.jit
def k_scalar(x, o, n, scale, shift, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(o + at, tl.load(x + at, mask=at < n) * scale + shift, mask=at < n)


@triton.jit
def k_binary(x, y, o, n, KIND: tl.constexpr, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    a, b = tl.load(x + at, mask=at < n), tl.load(y + at, mask=at < n)
    r = a + b if KIND == 0 else a - b if KIND == 1 else a * b if KIND == 2 else a / b
    tl.store(o + at, r, mask=at < n)


@triton.jit
def k_mean(x, o, N, BLOCK: tl.constexpr):
    row, at = tl.program_id(0), tl.arange(0, BLOCK)
    v = tl.load(x + row * N + at, mask=at < N, other=0.0)
    tl.store(o + row, tl.sum(v, axis=0) / N)


@triton.jit
def k_rows(x, r, o, M, N, BM: tl.constexpr, BN: tl.constexpr):
    """Every row of x times its number in r."""
    rows = tl.program_id(0) * BM + tl.arange(0, BM)[:, None]
    cols = tl.program_id(1) * BN + tl.arange(0, BN)[None, :]
    inside = (rows < M) & (cols < N)
    scale = tl.load(r + rows, mask=rows < M)
    tl.store(o + rows * N + cols, tl.load(x + rows * N + cols, mask=inside) * scale, mask=inside)


@triton.jit
def k_columns(x, w, o, n, N, BLOCK: tl.constexpr):
    """Every column of x times its number in w."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    w_at = tl.load(w + at % N, mask=at < n)
    tl.store(o + at, tl.load(x + at, mask=at < n) * w_at, mask=at < n)


@triton.jit
def k_softmax(x, o, N, BLOCK: tl.constexpr):
    row, at = tl.program_id(0), tl.arange(0, BLOCK)
    v = tl.load(x + row * N + at, mask=at < N, other=-float("inf"))
    e = tl.exp(v - tl.max(v, axis=0))
    tl.store(o + row * N + at, e / tl.sum(e, axis=0), mask=at < N)


@triton.jit
def k_dropout(x, o, n, p, seed, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    keep = tl.rand(seed, at) > p
    v = tl.load(x + at, mask=at < n)
    tl.store(o + at, tl.where(keep, v / (1 - p), 0.0), mask=at < n)


@triton.jit
def k_layer_norm(x, o, N, BLOCK: tl.constexpr):
    row, at = tl.program_id(0), tl.arange(0, BLOCK)
    v = tl.load(x + row * N + at, mask=at < N, other=0.0)
    mean = tl.sum(v, axis=0) / N
    d = tl.where(at < N, v - mean, 0.0)
    tl.store(o + row * N + at, d / tl.sqrt(tl.sum(d * d, axis=0) / N + 1e-5), mask=at < N)


def g(block: int, n: int = N) -> tuple[int]:
    return (triton.cdiv(n, block),)


def zeros(*shape: int, dtype: Any = mx.float32) -> mx.array:
    return mx.zeros(shape or (N,), dtype)


def rms_norm(x: mx.array, w: mx.array, y: mx.array) -> mx.array:
    """cast, pow, mean, add, rsqrt (as sqrt and 1/x), mul, mul, cast: nine launches on three shapes."""
    wide, square, mean, shifted, root, inverse = (
        zeros(),
        zeros(),
        *(zeros(ROWS) for _ in range(4)),
    )
    scaled, weighted, out = zeros(), zeros(), zeros(dtype=mx.float16)
    x = x.astype(mx.float16)
    k_unary[g(128)](x, wide, N, KIND=9, BLOCK=128)
    k_unary[g(64)](wide, square, N, KIND=0, BLOCK=64)
    k_mean[(ROWS,)](square, mean, COLS, BLOCK=128)
    k_scalar[g(16, ROWS)](mean, shifted, ROWS, 1.0, 1e-5, BLOCK=16)
    k_unary[g(32, ROWS)](shifted, root, ROWS, KIND=1, BLOCK=32)
    k_unary[g(8, ROWS)](root, inverse, ROWS, KIND=2, BLOCK=8)
    k_rows[(3, 2)](wide, inverse, scaled, ROWS, COLS, BM=8, BN=64)
    k_columns[g(256)](scaled, w, weighted, N, COLS, BLOCK=256)
    k_unary[g(128)](weighted, out, N, KIND=9, BLOCK=128)
    return out


def attention_weights(x: mx.array, w: mx.array, y: mx.array) -> mx.array:
    """scale, mask, softmax, dropout."""
    scaled, masked, weights, out = (zeros() for _ in range(4))
    k_scalar[g(128)](x, scaled, N, 0.125, 0.0, BLOCK=128)
    k_binary[g(64)](scaled, y, masked, N, KIND=0, BLOCK=64)
    k_softmax[(ROWS,)](masked, weights, COLS, BLOCK=128)
    k_dropout[g(256)](weights, out, N, 0.25, 7, BLOCK=256)
    return out


def layer_norm(x: mx.array, w: mx.array, y: mx.array) -> mx.array:
    """normalise, affine, cast."""
    normed, scaled, shifted, out = zeros(), zeros(), zeros(), zeros(dtype=mx.float16)
    k_layer_norm[(ROWS,)](x, normed, COLS, BLOCK=128)
    k_columns[g(64)](normed, w, scaled, N, COLS, BLOCK=64)
    k_binary[g(256)](scaled, y, shifted, N, KIND=0, BLOCK=256)
    k_unary[g(128)](shifted, out, N, KIND=9, BLOCK=128)
    return out


def adam_step(x: mx.array, w: mx.array, y: mx.array) -> tuple[mx.array, ...]:
    """One step as an eager optimiser makes it: parameters x, gradients y, moments m and v."""
    m, v = x * 0.5, mx.abs(y)
    a, b, c, d, e, f, h = (zeros() for _ in range(7))
    k_scalar[g(64)](m, a, N, 0.9, 0.0, BLOCK=64)
    k_scalar[g(128)](y, b, N, 0.1, 0.0, BLOCK=128)
    k_binary[g(256)](a, b, m, N, KIND=0, BLOCK=256)
    k_unary[g(64)](y, c, N, KIND=0, BLOCK=64)
    k_scalar[g(32)](v, d, N, 0.999, 0.0, BLOCK=32)
    k_binary[g(256)](c, d, v, N, KIND=0, BLOCK=256)
    k_unary[g(128)](v, e, N, KIND=1, BLOCK=128)
    k_binary[g(64)](m, e, f, N, KIND=3, BLOCK=64)
    k_scalar[g(64)](f, h, N, 0.01, 0.0, BLOCK=64)
    out = zeros()
    k_binary[g(128)](x, h, out, N, KIND=1, BLOCK=128)
    return out, m, v


def gated(x: mx.array, w: mx.array, y: mx.array) -> mx.array:
    """SiLU of one, times the other."""
    s, out = zeros(), zeros()
    k_unary[g(128)](x, s, N, KIND=3, BLOCK=128)
    k_binary[g(64)](s, y, out, N, KIND=2, BLOCK=64)
    return out


SEQUENCES: list[tuple[Callable[..., Any], int, int]] = [
    (rms_norm, 9, (2 + 2) * N + 4 * COLS),
    (attention_weights, 4, 12 * N),
    (layer_norm, 4, (4 + 4 + 2) * N + 4 * COLS),
    (adam_step, 10, 4 * 7 * N),
    (gated, 2, 12 * N),
]


def bits(result: Any) -> list[bytes]:
    found = result if isinstance(result, tuple) else (result,)
    return [np.asarray(a).tobytes() for a in found]


@pytest.mark.parametrize(
    "function, launches, moved", SEQUENCES, ids=lambda v: getattr(v, "__name__", "")
)
def test_one_kernel(function: Callable[..., Any], launches: int, moved: int, target: str) -> None:
    x, y = (mx.random.normal((N,), key=mx.random.key(s)) for s in (0, 1))
    w = mx.random.normal((COLS,), key=mx.random.key(2))
    fused = triton_mlx.fuse(function)
    assert bits(fused(x, w, y)) == bits(function(x, w, y))
    report = triton_mlx.fuse_report(fused)
    assert len(report.names) == launches
    assert len(report.groups) == 1, str(report)
    assert report.bytes_after == moved, str(report)
