"""Sequences of launches as eager libraries make them, and the same as formulas of MLX's operations.

Every kernel is ordinary and small: an operation of a framework. `triton_mlx.fuse` joins each sequence
into one kernel. Blocks differ from launch to launch on purpose.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import triton
import triton.language as tl

from .matmul import linear

ADD, SUBTRACT, MULTIPLY, DIVIDE = 0, 1, 2, 3
COPY, SQUARE, ROOT, SIGMOID, GELU = 0, 1, 2, 3, 4


@triton.jit
def unary(x, o, n, KIND: tl.constexpr, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + at, mask=at < n).to(tl.float32)
    if KIND == 1:
        v = v * v
    elif KIND == 2:
        v = tl.sqrt(v)
    elif KIND == 3:
        v = 1.0 / (1.0 + tl.exp(-v))
    elif KIND == 4:
        v = 0.5 * v * (1.0 + tl.erf(v * 0.7071067811865476))
    tl.store(o + at, v.to(o.dtype.element_ty), mask=at < n)


@triton.jit
def binary(x, y, o, n, KIND: tl.constexpr, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    a, b = tl.load(x + at, mask=at < n), tl.load(y + at, mask=at < n)
    r = a + b if KIND == 0 else a - b if KIND == 1 else a * b if KIND == 2 else a / b
    tl.store(o + at, r, mask=at < n)


@triton.jit
def scale(x, o, n, factor, shift, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(o + at, tl.load(x + at, mask=at < n) * factor + shift, mask=at < n)


@triton.jit
def update(x, y, n, factor, BLOCK: tl.constexpr):
    """x += factor * y, in place."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    a, b = tl.load(x + at, mask=at < n), tl.load(y + at, mask=at < n)
    tl.store(x + at, a + factor * b, mask=at < n)


@triton.jit
def decay(x, n, factor, BLOCK: tl.constexpr):
    """x *= factor, in place."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(x + at, tl.load(x + at, mask=at < n) * factor, mask=at < n)


@triton.jit
def columns(x, w, o, n, N, KIND: tl.constexpr, BLOCK: tl.constexpr):
    """Every column of x plus, or times, its number in w."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    a, b = tl.load(x + at, mask=at < n), tl.load(w + at % N, mask=at < n)
    tl.store(o + at, a + b if KIND == 0 else a * b, mask=at < n)


@triton.jit
def rms(x, w, o, N, BLOCK: tl.constexpr):
    row, at = tl.program_id(0), tl.arange(0, BLOCK)
    v = tl.load(x + row * N + at, mask=at < N, other=0.0)
    r = 1 / tl.sqrt(tl.sum(v * v, axis=0) / N + 1e-5)
    tl.store(o + row * N + at, v * r * tl.load(w + at, mask=at < N), mask=at < N)


@triton.jit
def standardise(x, o, N, BLOCK: tl.constexpr):
    row, at = tl.program_id(0), tl.arange(0, BLOCK)
    v = tl.load(x + row * N + at, mask=at < N, other=0.0)
    d = tl.where(at < N, v - tl.sum(v, axis=0) / N, 0.0)
    tl.store(o + row * N + at, d / tl.sqrt(tl.sum(d * d, axis=0) / N + 1e-5), mask=at < N)


@triton.jit
def softmax(x, o, N, BLOCK: tl.constexpr):
    row, at = tl.program_id(0), tl.arange(0, BLOCK)
    v = tl.load(x + row * N + at, mask=at < N, other=-float("inf"))
    e = tl.exp(v - tl.max(v, axis=0))
    tl.store(o + row * N + at, e / tl.sum(e, axis=0), mask=at < N)


@triton.jit
def half_turn(x, o, n, HALF, BLOCK: tl.constexpr):
    """Rows of 2 * HALF: the second half negated, then the first."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    col = at % (2 * HALF)
    from_ = at + tl.where(col < HALF, HALF, -HALF)
    v = tl.load(x + from_, mask=at < n)
    tl.store(o + at, tl.where(col < HALF, -v, v), mask=at < n)


@triton.jit
def silu_slope(x, s, o, n, BLOCK: tl.constexpr):
    """The derivative of x * s, where s is the sigmoid of x."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v, g = tl.load(x + at, mask=at < n), tl.load(s + at, mask=at < n)
    tl.store(o + at, g * (1.0 + v * (1.0 - g)), mask=at < n)


def empty(shape: tuple[int, ...], dtype: Any = mx.float32) -> mx.array:
    """Where a launch stores its result."""
    return mx.zeros(shape, dtype)


class _Launches:
    """Launches over the elements, or the rows, of arrays of one shape."""

    def __init__(self, like: mx.array):
        self.shape, self.n, self.cols = like.shape, like.shape[0] * like.shape[1], like.shape[1]
        self.block = 512

    def _next(self) -> tuple[tuple[int], int]:
        """Grid and block of the next launch over the elements."""
        self.block = 1024 if self.block == 4096 else 2 * self.block
        return (triton.cdiv(self.n, self.block),), self.block

    def made(
        self,
        kernel: Any,
        *arrays: mx.array,
        scalars: Any = (),
        dtype: Any = mx.float32,
        **kind: int,
    ) -> mx.array:
        """What `kernel` stores to its last array, the output."""
        grid, block = self._next()
        out = empty(self.shape, dtype)
        kernel[grid](*arrays, out, self.n, *scalars, BLOCK=block, **kind)
        return out

    def unary(self, x: mx.array, kind: int, dtype: Any = mx.float32) -> mx.array:
        return self.made(unary, x, dtype=dtype, KIND=kind)

    def binary(self, x: mx.array, y: mx.array, kind: int) -> mx.array:
        return self.made(binary, x, y, KIND=kind)

    def scale(self, x: mx.array, factor: float, shift: float = 0.0) -> mx.array:
        return self.made(scale, x, scalars=(factor, shift))

    def columns(self, x: mx.array, w: mx.array, kind: int) -> mx.array:
        return self.made(columns, x, w, scalars=(self.cols,), KIND=kind)

    def update(self, x: mx.array, y: mx.array, factor: float) -> None:
        grid, block = self._next()
        update[grid](x, y, self.n, factor, BLOCK=block)

    def decay(self, x: mx.array, factor: float) -> None:
        grid, block = self._next()
        decay[grid](x, self.n, factor, BLOCK=block)

    def rows(self, kernel: Any, *arrays: mx.array) -> mx.array:
        out, block = empty(self.shape), triton.next_power_of_2(self.cols)
        kernel[(self.shape[0],)](*arrays, out, self.cols, BLOCK=block)
        return out


def gated(x: mx.array, y: mx.array, w: mx.array) -> mx.array:
    """SiLU of one, times the other: 3 launches."""
    do = _Launches(x)
    return do.binary(do.binary(x, do.unary(x, SIGMOID), MULTIPLY), y, MULTIPLY)


def chain(x: mx.array, y: mx.array, w: mx.array) -> mx.array:
    """Scale, add, multiply, subtract, scale: 5 launches."""
    do = _Launches(x)
    a = do.binary(do.scale(x, 0.75, 0.5), y, ADD)
    return do.scale(do.binary(do.binary(a, x, MULTIPLY), y, SUBTRACT), 2.0, 1.0)


def residual_norm(x: mx.array, y: mx.array, w: mx.array) -> mx.array:
    """Residual, RMS norm, scale: 3 launches."""
    do = _Launches(x)
    return do.scale(do.rows(rms, do.binary(x, y, ADD), w), 0.5)


def layer_norm(x: mx.array, y: mx.array, w: mx.array) -> mx.array:
    """Normalise, weigh, shift, cast to half precision: 4 launches."""
    do = _Launches(x)
    weighed = do.columns(do.rows(standardise, x), w, MULTIPLY)
    return do.unary(do.columns(weighed, w, ADD), COPY, mx.float16)


def attention_weights(x: mx.array, y: mx.array, w: mx.array) -> mx.array:
    """Scale, mask, softmax, mask of dropout: 4 launches."""
    do = _Launches(x)
    masked = do.binary(do.scale(x, 0.125), y, ADD)
    return do.columns(do.rows(softmax, masked), w, MULTIPLY)


def rope(x: mx.array, y: mx.array, w: mx.array) -> mx.array:
    """Rotary embedding, cosines in x's place and sines in y's: turn, 2 products, sum, 4 launches."""
    do = _Launches(x)
    turned = do.binary(do.made(half_turn, x, scalars=(do.cols // 2,)), y, MULTIPLY)
    return do.binary(do.columns(x, w, MULTIPLY), turned, ADD)


def swiglu_backward(x: mx.array, y: mx.array, w: mx.array) -> tuple[mx.array, mx.array]:
    """Gradients of silu(x) * y where the result's gradient is x / 2: 7 launches."""
    do = _Launches(x)
    s, gradient = do.unary(x, SIGMOID), do.scale(x, 0.5)
    up = do.binary(gradient, do.binary(x, s, MULTIPLY), MULTIPLY)
    part = do.binary(gradient, y, MULTIPLY)
    return do.binary(part, do.made(silu_slope, x, s), MULTIPLY), up


def adam(x: mx.array, y: mx.array, w: mx.array) -> tuple[mx.array, mx.array, mx.array]:
    """A step with gradients y and, to have two arrays fewer, moments x and y: 10 launches."""
    do = _Launches(x)
    m = do.binary(do.scale(x, 0.9), do.scale(y, 0.1), ADD)
    v = do.binary(do.unary(y, SQUARE), do.unary(x, SQUARE), ADD)
    step = do.binary(m, do.scale(do.unary(v, ROOT), 100.0, 1e-6), DIVIDE)
    return do.binary(x, step, SUBTRACT), m, v


def momentum(x: mx.array, y: mx.array, w: mx.array) -> tuple[mx.array, mx.array]:
    """A step in place of parameters x and their momentum, with decay: 5 launches."""
    do = _Launches(x)
    p, m = x + 0, do.scale(y, 0.5)
    do.decay(m, 0.9)
    do.update(m, y, 0.1)
    do.decay(p, 0.999)
    do.update(p, m, -0.01)
    return p, m


def feed_forward(x: mx.array, y: mx.array, w: mx.array) -> mx.array:
    """Product of matrices (x and a square of y) with bias, GELU, residual: 3 launches."""
    do = _Launches(x)
    return do.binary(do.unary(linear(x, y[: do.cols], w), GELU), x, ADD)


def gelu(x: mx.array) -> mx.array:
    return 0.5 * x * (1 + mx.erf(x * 0.7071067811865476))


def _layer_norm(x: mx.array, y: mx.array, w: mx.array) -> mx.array:
    return mx.fast.layer_norm(x, w, w, 1e-5).astype(mx.float16)


def _rope(x: mx.array, y: mx.array, w: mx.array) -> mx.array:
    half = x.shape[1] // 2
    return x * w + mx.concatenate([-x[:, half:], x[:, :half]], axis=1) * y


def _swiglu_backward(x: mx.array, y: mx.array, w: mx.array) -> tuple[mx.array, mx.array]:
    s = mx.sigmoid(x)
    return 0.5 * x * y * (s * (1 + x * (1 - s))), 0.5 * x * (x * s)


def _adam(x: mx.array, y: mx.array, w: mx.array) -> tuple[mx.array, mx.array, mx.array]:
    m, v = 0.9 * x + 0.1 * y, mx.square(y) + mx.square(x)
    return x - m / (100.0 * mx.sqrt(v) + 1e-6), m, v


def _momentum(x: mx.array, y: mx.array, w: mx.array) -> tuple[mx.array, mx.array]:
    m = 0.45 * y + 0.1 * y
    return 0.999 * x - 0.01 * m, m


@dataclass(frozen=True, slots=True)
class Sequence:
    """`launches` and `formula` take x and y (rows, cols) and w (cols,), all float32, and agree.

    The number of columns is even and at most that of rows.
    """

    launches: Callable[..., Any]
    formula: Callable[..., Any]

    @property
    def name(self) -> str:
        return self.launches.__name__


SEQUENCES = (
    Sequence(gated, lambda x, y, w: x * mx.sigmoid(x) * y),
    Sequence(chain, lambda x, y, w: ((x * 0.75 + 0.5 + y) * x - y) * 2.0 + 1.0),
    Sequence(residual_norm, lambda x, y, w: mx.fast.rms_norm(x + y, w, 1e-5) * 0.5),
    Sequence(layer_norm, _layer_norm),
    Sequence(attention_weights, lambda x, y, w: mx.softmax(x * 0.125 + y, axis=-1) * w),
    Sequence(rope, _rope),
    Sequence(swiglu_backward, _swiglu_backward),
    Sequence(adam, _adam),
    Sequence(momentum, _momentum),
    Sequence(feed_forward, lambda x, y, w: gelu(x @ y[: x.shape[1]] + w) + x),
)
