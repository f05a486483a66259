"""Launches joined by `fuse` against the same launches apart, and against mx.compile of the same formula.

Arrays of 8M float32 are larger than the caches of a processor. Both sides run in alternating rounds on the host
target, allocate what they write (mx.zeros), and evaluate the result; a floor of the ratio is asserted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import pytest
import triton
import triton.language as tl
from conftest import Comparison

import triton_mlx

pytestmark = pytest.mark.usefixtures("host")

COLUMNS, ROWS = 1024, 8192
N = ROWS * COLUMNS
ROUNDS = 5
GRID = {block: (N // block,) for block in (1024, 2048, 4096)}


@triton.jit
def scale(x, o, n, factor, shift, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(o + at, tl.load(x + at, mask=at < n) * factor + shift, mask=at < n)


@triton.jit
def binary(x, y, o, n, KIND: tl.constexpr, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    a, b = tl.load(x + at, mask=at < n), tl.load(y + at, mask=at < n)
    r = a + b if KIND == 0 else a - b if KIND == 1 else a * b if KIND == 2 else a / b
    tl.store(o + at, r, mask=at < n)


@triton.jit
def unary(x, o, n, KIND: tl.constexpr, BLOCK: tl.constexpr):
    """Square, root, sigmoid."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + at, mask=at < n)
    r = v * v if KIND == 0 else tl.sqrt(v) if KIND == 1 else 1.0 / (1.0 + tl.exp(-v))
    tl.store(o + at, r, mask=at < n)


@triton.jit
def rms(x, w, o, N, BLOCK: tl.constexpr):
    row, at = tl.program_id(0), tl.arange(0, BLOCK)
    v = tl.load(x + row * N + at, mask=at < N, other=0.0)
    r = 1 / tl.sqrt(tl.sum(v * v, axis=0) / N + 1e-5)
    tl.store(o + row * N + at, v * r * tl.load(w + at, mask=at < N), mask=at < N)


def empty() -> mx.array:
    return mx.zeros((ROWS, COLUMNS))


def gated(x: mx.array, y: mx.array, w: mx.array) -> mx.array:
    """SiLU of one, times the other."""
    s, silu, out = empty(), empty(), empty()
    unary[GRID[1024]](x, s, N, KIND=2, BLOCK=1024)
    binary[GRID[2048]](x, s, silu, N, KIND=2, BLOCK=2048)
    binary[GRID[4096]](silu, y, out, N, KIND=2, BLOCK=4096)
    return out


def gated_formula(x: mx.array, y: mx.array, w: mx.array) -> mx.array:
    return x * mx.sigmoid(x) * y


def chain(x: mx.array, y: mx.array, w: mx.array) -> mx.array:
    """Five launches: scale, add, multiply, subtract, scale."""
    a, b, c, d, out = (empty() for _ in range(5))
    scale[GRID[1024]](x, a, N, 0.75, 0.5, BLOCK=1024)
    binary[GRID[2048]](a, y, b, N, KIND=0, BLOCK=2048)
    binary[GRID[4096]](b, x, c, N, KIND=2, BLOCK=4096)
    binary[GRID[1024]](c, y, d, N, KIND=1, BLOCK=1024)
    scale[GRID[2048]](d, out, N, 2.0, 1.0, BLOCK=2048)
    return out


def chain_formula(x: mx.array, y: mx.array, w: mx.array) -> mx.array:
    return ((x * 0.75 + 0.5 + y) * x - y) * 2.0 + 1.0


def norm(x: mx.array, y: mx.array, w: mx.array) -> mx.array:
    """Residual, RMS norm, scale."""
    h, z, out = empty(), empty(), empty()
    binary[GRID[1024]](x, y, h, N, KIND=0, BLOCK=1024)
    rms[(ROWS,)](h, w, z, COLUMNS, BLOCK=COLUMNS)
    scale[GRID[4096]](z, out, N, 0.5, 0.0, BLOCK=4096)
    return out


def norm_formula(x: mx.array, y: mx.array, w: mx.array) -> mx.array:
    return mx.fast.rms_norm(x + y, w, 1e-5) * 0.5


def adam(x: mx.array, y: mx.array, w: mx.array) -> tuple[mx.array, mx.array, mx.array]:
    """A step with gradients y and, to have two arrays fewer, moments x and y; ten launches."""
    a, b, m, c, d, v, e, f, h, out = (empty() for _ in range(10))
    scale[GRID[1024]](x, a, N, 0.9, 0.0, BLOCK=1024)
    scale[GRID[2048]](y, b, N, 0.1, 0.0, BLOCK=2048)
    binary[GRID[4096]](a, b, m, N, KIND=0, BLOCK=4096)
    unary[GRID[1024]](y, c, N, KIND=0, BLOCK=1024)
    unary[GRID[2048]](x, d, N, KIND=0, BLOCK=2048)
    binary[GRID[1024]](c, d, v, N, KIND=0, BLOCK=1024)
    unary[GRID[4096]](v, e, N, KIND=1, BLOCK=4096)
    scale[GRID[1024]](e, f, N, 100.0, 1e-6, BLOCK=1024)
    binary[GRID[2048]](m, f, h, N, KIND=3, BLOCK=2048)
    binary[GRID[4096]](x, h, out, N, KIND=1, BLOCK=4096)
    return out, m, v


def adam_formula(x: mx.array, y: mx.array, w: mx.array) -> tuple[mx.array, mx.array, mx.array]:
    m, v = 0.9 * x + 0.1 * y, mx.square(y) + mx.square(x)
    return x - m / (100.0 * mx.sqrt(v) + 1e-6), m, v


@dataclass(frozen=True, slots=True)
class Sequence:
    """`apart`, `compiled`: floors of how many times faster than launches apart and mx.compile."""

    launches: Callable[..., Any]
    formula: Callable[..., Any]
    apart: float
    compiled: float


SEQUENCES = (
    Sequence(gated, gated_formula, 2.0, 2.0),
    Sequence(chain, chain_formula, 2.0, 0.7),
    Sequence(norm, norm_formula, 2.0, 2.0),
    Sequence(adam, adam_formula, 2.0, 0.8),
)
each = pytest.mark.parametrize("sequence", SEQUENCES, ids=lambda s: s.launches.__name__)


def inputs() -> tuple[mx.array, mx.array, mx.array]:
    x, y = (mx.random.normal((ROWS, COLUMNS), key=mx.random.key(k)) for k in (0, 1))
    w = mx.random.normal((COLUMNS,), key=mx.random.key(2))
    mx.eval(x, y, w)
    return x, y, w


@each
def test_fused_against_apart(sequence: Sequence, speedup: Comparison) -> None:
    arrays = inputs()
    fused = triton_mlx.fuse(sequence.launches)
    ratio = speedup(lambda: fused(*arrays), lambda: sequence.launches(*arrays), rounds=ROUNDS)
    assert len(triton_mlx.fuse_report(fused).groups) == 1
    assert ratio >= sequence.apart


@each
def test_fused_against_mx_compile(sequence: Sequence, speedup: Comparison) -> None:
    arrays = inputs()
    fused, compiled = triton_mlx.fuse(sequence.launches), mx.compile(sequence.formula)
    ours, theirs = fused(*arrays), compiled(*arrays)
    assert mx.allclose(*(r[0] if isinstance(r, tuple) else r for r in (ours, theirs)), 1e-4, 1e-4)
    ratio = speedup(lambda: fused(*arrays), lambda: compiled(*arrays), rounds=ROUNDS)
    assert ratio >= sequence.compiled
