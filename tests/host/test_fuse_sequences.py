"""Sequences of ordinary kernels as eager libraries launch them: how many kernels are left, and the bytes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
import triton
import triton.language as tl

import triton_mlx

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))
import corpus

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
    elif KIND == 4:
        v = 1.0 / (1.0 + tl.exp(-v))
    elif KIND == 5:
        v = tl.rsqrt(v)
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


@triton.jit
def k_update(x, y, n, SIGN: tl.constexpr, BLOCK: tl.constexpr):
    """x += SIGN * y."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    a, b = tl.load(x + at, mask=at < n), tl.load(y + at, mask=at < n)
    tl.store(x + at, a + b if SIGN == 1 else a - b, mask=at < n)


@triton.jit
def k_scale_in_place(x, n, scale, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(x + at, tl.load(x + at, mask=at < n) * scale, mask=at < n)


@triton.jit
def k_half(x, o, n, HALF, first, SIGN: tl.constexpr, BLOCK: tl.constexpr):
    """Columns first to first + HALF - 1 of rows of 2 * HALF, times SIGN."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + at // HALF * (2 * HALF) + first + at % HALF, mask=at < n)
    tl.store(o + at, v * SIGN, mask=at < n)


@triton.jit
def k_cat(x, y, o, n, HALF, BLOCK: tl.constexpr):
    """Rows of x and y side by side."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    row, col = at // (2 * HALF), at % (2 * HALF)
    left = tl.load(x + row * HALF + col, mask=(at < n) & (col < HALF))
    right = tl.load(y + row * HALF + col - HALF, mask=(at < n) & (col >= HALF))
    tl.store(o + at, tl.where(col < HALF, left, right), mask=at < n)


@triton.jit
def k_silu_slope(x, s, o, n, BLOCK: tl.constexpr):
    """The derivative of x * s, s the sigmoid of x."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v, g = tl.load(x + at, mask=at < n), tl.load(s + at, mask=at < n)
    tl.store(o + at, g * (1.0 + v * (1.0 - g)), mask=at < n)


def g(block: int, n: int = N) -> tuple[int]:
    return (triton.cdiv(n, block),)


def zeros(*shape: int, dtype: Any = mx.float32) -> mx.array:
    return mx.zeros(shape or (N,), dtype)


def rms_norm(x: mx.array, w: mx.array, y: mx.array) -> mx.array:
    """cast, pow, mean, add, rsqrt, mul, cast, mul: eight launches on three shapes and grids."""
    wide, square, scaled = zeros(), zeros(), zeros()
    mean, shifted, inverse = (zeros(ROWS) for _ in range(3))
    narrow, out = zeros(dtype=mx.float16), zeros(dtype=mx.float16)
    x, w = x.astype(mx.float16), w.astype(mx.float16)
    k_unary[g(128)](x, wide, N, KIND=9, BLOCK=128)
    k_unary[g(64)](wide, square, N, KIND=0, BLOCK=64)
    k_mean[(ROWS,)](square, mean, COLS, BLOCK=128)
    k_scalar[g(16, ROWS)](mean, shifted, ROWS, 1.0, 1e-5, BLOCK=16)
    k_unary[g(8, ROWS)](shifted, inverse, ROWS, KIND=5, BLOCK=8)
    k_rows[(3, 2)](wide, inverse, scaled, ROWS, COLS, BM=8, BN=64)
    k_unary[g(128)](scaled, narrow, N, KIND=9, BLOCK=128)
    k_columns[g(256)](narrow, w, out, N, COLS, BLOCK=256)
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


def adamw_step(x: mx.array, w: mx.array, y: mx.array) -> tuple[mx.array, ...]:
    """One step in place: parameters, moments; gradients y. 31 accesses of 4 bytes an element."""
    p, m, v = x + 0, x * 0.5, mx.abs(y)
    a, b, c, d, e, f, h = (zeros() for _ in range(7))
    k_scale_in_place[g(64)](p, N, 0.999, BLOCK=64)
    k_scale_in_place[g(128)](m, N, 0.9, BLOCK=128)
    k_scalar[g(256)](y, a, N, 0.1, 0.0, BLOCK=256)
    k_update[g(64)](m, a, N, SIGN=1, BLOCK=64)
    k_unary[g(32)](y, b, N, KIND=0, BLOCK=32)
    k_binary[g(128)](b, v, c, N, KIND=1, BLOCK=128)
    k_scalar[g(64)](c, d, N, 0.001, 0.0, BLOCK=64)
    k_update[g(256)](v, d, N, SIGN=1, BLOCK=256)
    k_unary[g(128)](v, e, N, KIND=1, BLOCK=128)
    k_scalar[g(64)](e, f, N, 1.5, 1e-8, BLOCK=64)
    k_binary[g(32)](m, f, h, N, KIND=3, BLOCK=32)
    k_scale_in_place[g(128)](h, N, 0.01, BLOCK=128)
    k_update[g(64)](p, h, N, SIGN=-1, BLOCK=64)
    return p, m, v


def rope(x: mx.array, w: mx.array, y: mx.array) -> mx.array:
    """neg, copy, cat, mul, mul, add; cosines and sines are as large as x."""
    cosine, sine = mx.cos(y), mx.sin(y)
    left, right = zeros(N // 2), zeros(N // 2)
    turned, a, b, out = (zeros() for _ in range(4))
    k_half[g(64, N // 2)](x, left, N // 2, COLS // 2, COLS // 2, SIGN=-1, BLOCK=64)
    k_half[g(128, N // 2)](x, right, N // 2, COLS // 2, 0, SIGN=1, BLOCK=128)
    k_cat[g(256)](left, right, turned, N, COLS // 2, BLOCK=256)
    k_binary[g(64)](x, cosine, a, N, KIND=2, BLOCK=64)
    k_binary[g(128)](turned, sine, b, N, KIND=2, BLOCK=128)
    k_binary[g(32)](a, b, out, N, KIND=0, BLOCK=32)
    return out


def swiglu_backward(x: mx.array, w: mx.array, y: mx.array) -> tuple[mx.array, mx.array]:
    """Gate x, up y, gradient of silu(x) * y: sigmoid, four products and the derivative."""
    gradient = x * 0.5 + y
    s, silu, up, slope, part, gate = (zeros() for _ in range(6))
    k_unary[g(128)](x, s, N, KIND=4, BLOCK=128)
    k_binary[g(64)](x, s, silu, N, KIND=2, BLOCK=64)
    k_binary[g(256)](gradient, silu, up, N, KIND=2, BLOCK=256)
    k_silu_slope[g(32)](x, s, slope, N, BLOCK=32)
    k_binary[g(128)](gradient, y, part, N, KIND=2, BLOCK=128)
    k_binary[g(64)](part, slope, gate, N, KIND=2, BLOCK=64)
    return gate, up


def gate_and_up(x: mx.array, w: mx.array, y: mx.array) -> mx.array:
    """Two products of matrices, then SiLU of one times the other."""
    a, b, c = x[: ROWS * 32], y[: 16 * COLS], x[: 16 * COLS]
    columns = COLS // 2
    n = ROWS * columns
    gate, up, s, out = (zeros(n) for _ in range(4))
    blocks = {"BM": 16, "BN": 16, "BK": 16, "GROUP": 2}
    corpus.k_matmul[(2 * 3,)](a, b, gate, ROWS, columns, 32, **blocks)
    corpus.k_matmul[(2 * 3,)](a, c, up, ROWS, columns, 32, **blocks)
    k_unary[g(128, n)](gate, s, n, KIND=3, BLOCK=128)
    k_binary[g(64, n)](s, up, out, n, KIND=2, BLOCK=64)
    return out


# The sequence, its launches, and the bytes that they move apart and as one kernel.
SEQUENCES: list[tuple[Callable[..., Any], int, int, int]] = [
    (rms_norm, 8, 36 * N + 24 * ROWS + 2 * COLS, 4 * N + 2 * COLS),
    (attention_weights, 4, 36 * N, 12 * N),
    (layer_norm, 4, 34 * N + 4 * COLS, 10 * N + 4 * COLS),
    (adam_step, 10, 96 * N, 28 * N),
    (gated, 2, 20 * N, 12 * N),
    (adamw_step, 13, 124 * N, 28 * N),
    (rope, 6, 52 * N, 16 * N),
    (swiglu_backward, 6, 68 * N, 20 * N),
]


def bits(result: Any) -> list[bytes]:
    found = result if isinstance(result, tuple) else (result,)
    return [np.asarray(a).tobytes() for a in found]


@pytest.mark.parametrize(
    "function, launches, apart, moved", SEQUENCES, ids=lambda v: getattr(v, "__name__", "")
)
def test_one_kernel(
    function: Callable[..., Any], launches: int, apart: int, moved: int, target: str
) -> None:
    x, y = (mx.random.normal((N,), key=mx.random.key(s)) for s in (0, 1))
    w = mx.random.normal((COLS,), key=mx.random.key(2))
    fused = triton_mlx.fuse(function)
    assert bits(fused(x, w, y)) == bits(function(x, w, y))
    report = triton_mlx.fuse_report(fused)
    assert len(report.names) == launches
    assert len(report.groups) == 1, str(report)
    assert (report.bytes_before, report.bytes_after) == (apart, moved), str(report)


def test_two_products_of_matrices_on_one_grid_are_one_kernel(target: str) -> None:
    """Program by program: the second product behind the first, and the gate at the end."""
    x, y = (mx.random.normal((N,), key=mx.random.key(s)) for s in (0, 1))
    fused = triton_mlx.fuse(gate_and_up)
    assert bits(fused(x, x, y)) == bits(gate_and_up(x, x, y))
    report = triton_mlx.fuse_report(fused)
    assert report.groups == ((0, 1, 2, 3),), str(report)
    assert report.bytes_after == 4 * (ROWS * 32 + 2 * 16 * COLS + ROWS * COLS // 2)
