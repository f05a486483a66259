"""Eager code as libraries of Triton operators launch it: a kernel per operator, any rank, any strides."""

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
from triton_mlx.fusion.joint import budget
from triton_mlx.runtime import capture

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))
A, B, C = 2, 12, 40
N = A * B * C


@triton.jit
def combined(a, b, KIND: tl.constexpr):
    if KIND == 0:
        return a + b
    if KIND == 1:
        return a - b
    if KIND == 2:
        return a * b
    return a / b


@triton.jit
def e_binary_3d(
    x, y, o, x0, x1, x2, y0, y1, y2, o0, o1, o2, s0, s1, s2, n,
    KIND: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """An operator on operands of any strides: the index is taken apart, last axis first."""
    left = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = left < n
    i2 = left % s2
    left = left // s2
    i1 = left % s1
    left = left // s1
    i0 = left % s0
    a = tl.load(x + i0 * x0 + i1 * x1 + i2 * x2, mask=mask)
    b = tl.load(y + i0 * y0 + i1 * y1 + i2 * y2, mask=mask)
    tl.store(o + i0 * o0 + i1 * o1 + i2 * o2, combined(a, b, KIND), mask=mask)


@triton.jit
def e_binary_2d_tiles(
    x, y, o, x0, x1, y0, y1, o0, o1, M, N,
    KIND: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr,
):  # fmt: skip
    """The same with tiles that are numbered along one axis of the grid."""
    across = tl.cdiv(N, BN)
    rows = tl.program_id(0) // across * BM + tl.arange(0, BM)[:, None]
    cols = tl.program_id(0) % across * BN + tl.arange(0, BN)[None, :]
    mask = (rows < M) & (cols < N)
    a = tl.load(x + rows * x0 + cols * x1, mask=mask)
    b = tl.load(y + rows * y0 + cols * y1, mask=mask)
    tl.store(o + rows * o0 + cols * o1, combined(a, b, KIND), mask=mask)


@triton.jit
def e_unary(x, o, n, KIND: tl.constexpr, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + at, mask=at < n)
    if KIND == 0:
        v = tl.rsqrt(v + 1e-5)
    elif KIND == 1:
        v = tl.exp(v)
    tl.store(o + at, v, mask=at < n)


@triton.jit
def e_row(x, o, N, KIND: tl.constexpr, BLOCK: tl.constexpr):
    """Mean, maximum or sum of the last axis."""
    row, at = tl.program_id(0), tl.arange(0, BLOCK)
    v = tl.load(x + row * N + at, mask=at < N, other=-float("inf") if KIND == 1 else 0.0)
    r = (
        tl.sum(v, axis=0) / N
        if KIND == 0
        else tl.max(v, axis=0)
        if KIND == 1
        else tl.sum(v, axis=0)
    )
    tl.store(o + row, r)


FULL, ROW, COLUMN = (B * C, C, 1), (B, 1, 0), (0, 0, 1)
TURNED = (1, A, A * B)


def new(n: int = N) -> mx.array:
    return mx.zeros((n,))


def binary(x: Any, y: Any, kind: int, xs: Any = FULL, ys: Any = FULL, block: int = 128) -> mx.array:
    o = new()
    e_binary_3d[(triton.cdiv(N, block),)](
        x, y, o, *xs, *ys, *FULL, A, B, C, N, KIND=kind, BLOCK=block
    )
    return o


def tiles(x: Any, y: Any, kind: int, xs: Any = (C, 1), ys: Any = (C, 1)) -> mx.array:
    o = new()
    grid = (triton.cdiv(A * B, 8) * triton.cdiv(C, 16),)
    e_binary_2d_tiles[grid](x, y, o, *xs, *ys, C, 1, A * B, C, KIND=kind, BM=8, BN=16)
    return o


def row(x: Any, kind: int) -> mx.array:
    o = new(A * B)
    e_row[(A * B,)](x, o, C, KIND=kind, BLOCK=64)
    return o


def unary(x: Any, kind: int, n: int = N, block: int = 256) -> mx.array:
    o = new(n)
    e_unary[(triton.cdiv(n, block),)](x, o, n, KIND=kind, BLOCK=block)
    return o


def rms_norm(x: mx.array, w: mx.array, y: mx.array) -> mx.array:
    mean = row(binary(x, x, 2), 0)
    return tiles(binary(x, unary(mean, 0, A * B, 8), 2, ys=ROW), w, 2, ys=(0, 1))


def softmax(x: mx.array, w: mx.array, y: mx.array) -> mx.array:
    e = unary(binary(x, row(x, 1), 1, ys=ROW), 1)
    return binary(e, row(e, 2), 3, ys=ROW, block=64)


def log_sum_exp_parts(x: mx.array, w: mx.array, y: mx.array) -> tuple[mx.array, mx.array]:
    high = row(x, 1)
    return row(unary(tiles(x, high, 1, ys=(1, 0)), 1), 2), high


def doubled(x: mx.array, w: mx.array, y: mx.array) -> mx.array:
    t = binary(x, w, 0, ys=COLUMN)
    t = binary(t, t, 0, block=64)
    return tiles(t, t, 2)


def residual(x: mx.array, w: mx.array, y: mx.array) -> mx.array:
    return binary(tiles(x, y, 0), binary(y, x, 2, block=32), 1, block=64)


def turned(x: mx.array, w: mx.array, y: mx.array) -> mx.array:
    """The second operator reads the first's result with its axes the other way round."""
    return binary(binary(x, y, 0), y, 2, xs=TURNED, block=64)


def turned_rows(x: mx.array, w: mx.array, y: mx.array) -> mx.array:
    return binary(binary(x, row(x, 2), 2, ys=ROW), y, 2, xs=TURNED, block=64)


# (program, launches, kernels, bytes moved by the kernels)
PROGRAMS: list[tuple[Callable[..., Any], int, int, int | None]] = [
    (rms_norm, 5, 1, 4 * (2 * N + C)),
    (softmax, 5, 1, 8 * N),
    (log_sum_exp_parts, 4, 1, 4 * (N + 2 * A * B)),
    (doubled, 3, 1, 4 * (2 * N + C)),
    (residual, 3, 1, 12 * N),
    (turned, 2, 1, 12 * N),
    (turned_rows, 3, 2, None),
]


def bits(result: Any) -> list[bytes]:
    found = result if isinstance(result, tuple) else (result,)
    return [np.asarray(a).tobytes() for a in found]


@pytest.mark.parametrize(
    "function, launches, kernels, moved", PROGRAMS, ids=[p[0].__name__ for p in PROGRAMS]
)
def test_eager_operators(
    function: Callable[..., Any], launches: int, kernels: int, moved: int | None, target: str
) -> None:
    x, y = (mx.random.normal((N,), key=mx.random.key(s)) for s in (0, 1))
    w = mx.random.normal((C,), key=mx.random.key(2))
    fused = triton_mlx.fuse(function)
    assert bits(fused(x, w, y)) == bits(function(x, w, y))
    report = triton_mlx.fuse_report(fused)
    assert len(report.names) == launches
    assert len(report.groups) == kernels, str(report)
    if moved is not None:
        assert report.bytes_after == moved, str(report)
    if kernels > 1:
        assert report.refusals


# Its three arrays of rows are read at tiles of another shape: that is evaluated.
EVALUATED = frozenset({"log_sum_exp_parts"})


@pytest.mark.parametrize(
    "function, kernels",
    [p[0:3:2] for p in PROGRAMS if p[0].__name__ not in EVALUATED],
    ids=[p[0].__name__ for p in PROGRAMS if p[0].__name__ not in EVALUATED],
)
def test_operators_of_any_size_are_joined(
    function: Callable[..., Any], kernels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is proved from linear forms does not depend on the size; what is evaluated has a limit."""
    monkeypatch.setattr(budget, "MOST_ADDRESSES", 0)
    monkeypatch.setattr(capture, "_plans", {})
    x, y = (mx.random.normal((N,), key=mx.random.key(s)) for s in (0, 1))
    w = mx.random.normal((C,), key=mx.random.key(2))
    fused = triton_mlx.fuse(function)
    with triton_mlx.use("host"):
        assert bits(fused(x, w, y)) == bits(function(x, w, y))
    report = triton_mlx.fuse_report(fused)
    assert len(report.groups) == kernels, str(report)
