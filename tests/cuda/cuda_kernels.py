"""Kernels of the CUDA tests, each with a launch on small arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx.core as mx
import triton
import triton.language as tl

from triton_mlx.examples import attention, dropout, elementwise, layernorm, matmul, softmax


@triton.jit
def running_sum(x_ptr, out_ptr, N: tl.constexpr):
    at = tl.program_id(0) * N + tl.arange(0, N)
    tl.store(out_ptr + at, tl.cumsum(tl.load(x_ptr + at), axis=0))


@triton.jit
def doubled(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at, mask=at < n)
    tl.store(out_ptr + at, tl.where(x > 1, x * 2, -x), mask=at < n)


@triton.jit
def best_of_rows(x_ptr, value_ptr, index_ptr, M: tl.constexpr, N: tl.constexpr):
    rows, cols = tl.arange(0, M), tl.arange(0, N)
    x = tl.load(x_ptr + rows[:, None] * N + cols[None, :])
    value, index = tl.max(x, axis=1, return_indices=True)
    tl.store(value_ptr + rows, value)
    tl.store(index_ptr + rows, index)


@triton.jit
def counted(x_ptr, count_ptr, n, BLOCK: tl.constexpr, BINS: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.atomic_add(count_ptr + tl.load(x_ptr + at, mask=at < n, other=0) % BINS, 1, mask=at < n)


@triton.jit
def swapped(x_ptr, place_ptr, half_ptr, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at)
    old = tl.atomic_cas(place_ptr + at, x, x + 1)
    tl.atomic_max(place_ptr + at % 8, old)
    tl.atomic_add(half_ptr + at % 3, x.to(tl.float16))


@triton.jit
def masked(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at, mask=at < n)
    tl.store(out_ptr + at, tl.exp(x) * x + 1.0, mask=(at < n) & (x > 0))


@triton.jit
def small_float(x_ptr, out_ptr, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    tl.store(out_ptr + at, (tl.load(x_ptr + at) * 2).to(tl.float8e5).to(tl.float32))


@triton.jit
def products(a_ptr, b_ptr, out_ptr, N: tl.constexpr):
    rows, cols = tl.arange(0, N)[:, None], tl.arange(0, N)[None, :]
    a, b = tl.load(a_ptr + rows * N + cols), tl.load(b_ptr + rows * N + cols)
    tl.store(out_ptr + rows * N + cols, tl.dot(a, b).to(tl.float16))


@triton.jit
def long_numbers(x_ptr, out_ptr, BLOCK: tl.constexpr):
    x = tl.load(x_ptr + tl.arange(0, BLOCK))
    tl.store(out_ptr, tl.sum(x * x + (x >> 3), axis=0))


def zeros(*shape: int, dtype: mx.Dtype = mx.float32) -> mx.array:
    return mx.zeros(shape, dtype)


def half(*shape: int) -> mx.array:
    return mx.zeros(shape, mx.float16)


def brain(*shape: int) -> mx.array:
    return mx.zeros(shape, mx.bfloat16)


def whole(n: int) -> mx.array:
    return mx.zeros((n,), mx.int32)


@triton.jit
def batches(a_ptr, b_ptr, out_ptr, B: tl.constexpr, N: tl.constexpr):
    """The right operand lies turned in memory."""
    i, j = tl.arange(0, N)[None, :, None], tl.arange(0, N)[None, None, :]
    batch = tl.arange(0, B)[:, None, None] * N * N
    a, b = tl.load(a_ptr + batch + i * N + j), tl.load(b_ptr + batch + j * N + i)
    tl.store(out_ptr + batch + i * N + j, tl.dot(a, b).to(tl.float16))


@triton.jit
def chatty():
    tl.device_print("no arrays", tl.program_id(0))


KERNELS: dict[str, tuple[Any, Callable[[], Any]]] = {
    "add": (elementwise.add_kernel, lambda: elementwise.add(zeros(5000), zeros(5000))),
    "add_half": (elementwise.add_kernel, lambda: elementwise.add(half(4096), half(4096))),
    "add_bfloat": (elementwise.add_kernel, lambda: elementwise.add(brain(4096), brain(4096))),
    "softmax": (softmax.softmax_kernel, lambda: softmax.softmax(zeros(37, 300))),
    "softmax_bfloat": (softmax.softmax_kernel, lambda: softmax.softmax(brain(32, 256))),
    "softmax_long": (softmax.softmax_long_kernel, lambda: softmax.softmax_long(zeros(5, 3000))),
    "layer_norm": (
        layernorm.layer_norm_kernel,
        lambda: layernorm.layer_norm(zeros(37, 300), zeros(300), zeros(300)),
    ),
    "matmul": (matmul.matmul_kernel, lambda: matmul.matmul(zeros(100, 70), zeros(70, 90))),
    "matmul_half": (matmul.matmul_kernel, lambda: matmul.matmul(half(128, 64), half(64, 128))),
    "attention": (
        attention.attention_kernel,
        lambda: attention.attention(*[zeros(1, 2, 100, 64)] * 3, True),
    ),
    "attention_half": (
        attention.attention_kernel,
        lambda: attention.attention(*[half(1, 2, 128, 64)] * 3, True),
    ),
    "dropout": (dropout.dropout_kernel, lambda: dropout.dropout(zeros(5000), 0.5, 7)),
    "running_sum": (running_sum, lambda: running_sum[(4,)](zeros(2048), zeros(2048), N=512)),
    "best_of_rows": (
        best_of_rows,
        lambda: best_of_rows[(1,)](zeros(16, 64), zeros(16), whole(16), M=16, N=64),
    ),
    "counted": (
        counted,
        lambda: counted[(4,)](whole(4000), whole(32), 4000, BLOCK=1024, BINS=32),
    ),
    "swapped": (swapped, lambda: swapped[(1,)](whole(64), whole(64), half(3), BLOCK=64)),
    "masked": (masked, lambda: masked[(4,)](zeros(1000), zeros(1000), 1000, BLOCK=256)),
    "small_float": (small_float, lambda: small_float[(1,)](half(64), zeros(64), BLOCK=64)),
    "products_long": (
        products,
        lambda: products[(1,)](half(128, 128), half(128, 128), half(128, 128), N=128, num_warps=8),
    ),
    "batches": (
        batches,
        lambda: batches[(1,)](half(2, 32, 32), half(2, 32, 32), half(2, 32, 32), B=2, N=32),
    ),
    "chatty": (chatty, lambda: chatty[(1,)]()),
    "products": (products, lambda: products[(1,)](half(32, 32), half(32, 32), half(32, 32), N=32)),
    "long_numbers": (
        long_numbers,
        lambda: long_numbers[(1,)](zeros(64, dtype=mx.int64), zeros(1, dtype=mx.int64), BLOCK=64),
    ),
}
