"""Small kernels as programs write them, with masks, grids and shapes of many kinds."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def add(x, y, o, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < n
    tl.store(o + at, tl.load(x + at, mask=inside) + tl.load(y + at, mask=inside), mask=inside)


@triton.jit
def mul(x, y, o, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < n
    tl.store(o + at, tl.load(x + at, mask=inside) * tl.load(y + at, mask=inside), mask=inside)


@triton.jit
def scale(x, o, n, factor, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(o + at, (tl.load(x + at, mask=at < n) * factor).to(o.dtype.element_ty), mask=at < n)


@triton.jit
def exp(x, o, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + at, mask=at < n).to(tl.float32)
    tl.store(o + at, tl.exp(v), mask=at < n)


@triton.jit
def scale_2d(x, o, M, N, factor, BM: tl.constexpr, BN: tl.constexpr):
    rows = tl.program_id(0) * BM + tl.arange(0, BM)[:, None]
    cols = tl.program_id(1) * BN + tl.arange(0, BN)[None, :]
    inside = (rows < M) & (cols < N)
    v = tl.load(x + rows * N + cols, mask=inside)
    tl.store(o + rows * N + cols, v * factor, mask=inside)


@triton.jit
def bias_2d(x, b, o, M, N, BM: tl.constexpr, BN: tl.constexpr):
    rows = tl.program_id(0) * BM + tl.arange(0, BM)
    cols = tl.program_id(1) * BN + tl.arange(0, BN)
    inside = (rows[:, None] < M) & (cols[None, :] < N)
    v = tl.load(x + rows[:, None] * N + cols[None, :], mask=inside)
    bias = tl.load(b + cols, mask=cols < N)
    tl.store(o + rows[:, None] * N + cols[None, :], v + bias[None, :], mask=inside)


@triton.jit
def rms(x, w, o, N, BLOCK: tl.constexpr):
    row, at = tl.program_id(0), tl.arange(0, BLOCK)
    v = tl.load(x + row * N + at, mask=at < N, other=0.0)
    r = 1 / tl.sqrt(tl.sum(v * v, axis=0) / N + 1e-5)
    g = tl.load(w + at, mask=at < N)
    tl.store(o + row * N + at, v * r * g, mask=at < N)


@triton.jit
def mean_square(x, o, N, BLOCK: tl.constexpr):
    row, at = tl.program_id(0), tl.arange(0, BLOCK)
    v = tl.load(x + row * N + at, mask=at < N, other=0.0)
    tl.store(o + row, tl.sum(v * v, axis=0) / N)


@triton.jit
def divide_rows(x, stat, o, n, N, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    s = tl.load(stat + at // N, mask=at < n)
    tl.store(o + at, tl.load(x + at, mask=at < n) / s, mask=at < n)


@triton.jit
def shifted(x, o, n, shift, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + at + shift, mask=at + shift < n, other=0.0)
    tl.store(o + at, v, mask=at < n)


@triton.jit
def half_of(x, o, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(o + at, tl.load(x + at, mask=at < n // 2), mask=at < n // 2)


@triton.jit
def odd_masks(x, o, p, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + at, mask=at < n)
    tl.store(o + at, v, mask=at < n)
    tl.store(p + at, v, mask=at < n - 3)


@triton.jit
def count(x, o, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.atomic_add(o + at, tl.load(x + at, mask=at < n), mask=at < n)


@triton.jit
def transpose(x, o, M, N, BM: tl.constexpr, BN: tl.constexpr):
    rows = tl.program_id(0) * BM + tl.arange(0, BM)[:, None]
    cols = tl.program_id(1) * BN + tl.arange(0, BN)[None, :]
    inside = (rows < M) & (cols < N)
    v = tl.load(x + rows * N + cols, mask=inside)
    tl.store(o + cols * M + rows, v, mask=inside)


@triton.jit
def add_in_place(x, y, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(x + at, tl.load(x + at, mask=at < n) + tl.load(y + at, mask=at < n), mask=at < n)


@triton.jit
def load_after_store(x, o, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(x + at, 1.0, mask=at < n)
    tl.store(o + at, tl.load(x + at, mask=at < n), mask=at < n)


@triton.jit
def rows_loop(x, o, M, N, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK,), tl.float32)
    for row in range(M):
        total += tl.load(x + row * N + at, mask=at < N, other=0.0)
    tl.store(o + at, total, mask=at < N)


@triton.jit
def pick(x, index, o, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    i = tl.load(index + at, mask=at < n, other=0)
    tl.store(o + at, tl.load(x + i, mask=at < n), mask=at < n)


@triton.jit
def mul_add(x, y, z, o, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < n
    p = tl.load(x + at, mask=inside) * tl.load(y + at, mask=inside)
    tl.store(o + at, p + tl.load(z + at, mask=inside), mask=inside)


@triton.jit
def reverse(x, o, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(o + at, tl.load(x + n - 1 - at, mask=at < n), mask=at < n)


@triton.jit
def turn_round(x, o, n, BLOCK: tl.constexpr):
    """In place, so it is right in one program only."""
    at = tl.arange(0, BLOCK)
    v = tl.load(x + n - 1 - at, mask=at < n)
    tl.store(x + at, v, mask=at < n)
    tl.store(o + at, v, mask=at < n)


@triton.jit
def add_turned(x, o, n, BLOCK: tl.constexpr):
    """In place, so it is right in one program only."""
    at = tl.arange(0, BLOCK)
    v = tl.load(x + at, mask=at < n) + tl.load(o + n - 1 - at, mask=at < n)
    tl.store(o + at, v, mask=at < n)


@triton.jit
def overwritten(x, o, n, BLOCK: tl.constexpr):
    """The second store overwrites the first in another order, so it is right in one program only."""
    at = tl.arange(0, BLOCK)
    v = tl.load(x + at, mask=at < n)
    tl.store(o + at, v, mask=at < n)
    tl.store(o + n - 1 - at, v * 2, mask=at < n)


@triton.jit
def strided(x, o, n, BLOCK: tl.constexpr):
    for block in range(tl.program_id(0), tl.cdiv(n, BLOCK), tl.num_programs(0)):
        at = block * BLOCK + tl.arange(0, BLOCK)
        tl.store(o + at, tl.load(x + at, mask=at < n), mask=at < n)


@triton.jit
def every_second(x, o, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(o + 2 * at, tl.load(x + 2 * at, mask=2 * at < n), mask=2 * at < n)


@triton.jit
def two_results(x, o, p, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + at, mask=at < n)
    tl.store(o + at, v + 1, mask=at < n)
    tl.store(p + at, v - 1, mask=at < n)


@triton.jit
def softmax(x, o, N, BLOCK: tl.constexpr):
    row, at = tl.program_id(0), tl.arange(0, BLOCK)
    v = tl.load(x + row * N + at, mask=at < N, other=-float("inf"))
    e = tl.exp(v - tl.max(v, axis=0))
    tl.store(o + row * N + at, e / tl.sum(e, axis=0), mask=at < N)


@triton.jit
def said(x, o, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.device_print("at", at)
    tl.store(o + at, tl.load(x + at, mask=at < n), mask=at < n)


@triton.jit
def volatile(x, o, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(o + at, tl.load(x + at, mask=at < n, volatile=True), mask=at < n)


@triton.jit
def twice(x, o, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(o + at, tl.load(x + at, mask=at < n), mask=at < n)
    tl.store(o + at, tl.load(x + at, mask=at < n) * 2, mask=at < n)
