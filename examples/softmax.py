"""Softmax over the last axis of a matrix: a row held in one block, and a row of any length."""

from __future__ import annotations

import mlx.core as mx
import triton
import triton.language as tl

LONGEST_BLOCK = 4096


@triton.jit
def softmax_kernel(x_ptr, out_ptr, x_stride, out_stride, cols, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    inside = offsets < cols
    x = tl.load(x_ptr + row * x_stride + offsets, mask=inside, other=-float("inf")).to(tl.float32)
    numerator = tl.exp(x - tl.max(x, axis=0))
    y = numerator / tl.sum(numerator, axis=0)
    tl.store(out_ptr + row * out_stride + offsets, y.to(out_ptr.dtype.element_ty), mask=inside)


@triton.jit
def softmax_long_kernel(x_ptr, out_ptr, x_stride, out_stride, cols, BLOCK: tl.constexpr):
    # First pass: each of the BLOCK positions keeps its own running maximum and sum, so the loop
    # has no reduction in it. Second pass: normalise.
    row = tl.program_id(0)
    x_ptr += row * x_stride
    out_ptr += row * out_stride
    offsets = tl.arange(0, BLOCK)
    # A finite start: with -inf, a position past the end of a short row would give inf - inf.
    peak = tl.full((BLOCK,), -1.0e30, tl.float32)
    total = tl.zeros((BLOCK,), tl.float32)
    for start in range(0, cols, BLOCK):
        inside = start + offsets < cols
        x = tl.load(x_ptr + start + offsets, mask=inside, other=-float("inf")).to(tl.float32)
        new_peak = tl.maximum(peak, x)
        total = total * tl.exp(peak - new_peak) + tl.exp(x - new_peak)
        peak = new_peak
    row_peak = tl.max(peak, axis=0)
    row_total = tl.sum(total * tl.exp(peak - row_peak), axis=0)
    for start in range(0, cols, BLOCK):
        inside = start + offsets < cols
        x = tl.load(x_ptr + start + offsets, mask=inside, other=-float("inf")).to(tl.float32)
        y = tl.exp(x - row_peak) / row_total
        tl.store(out_ptr + start + offsets, y.to(out_ptr.dtype.element_ty), mask=inside)


def softmax(x: mx.array) -> mx.array:
    """Softmax of each row of `x` (rows, cols), float32, float16 or bfloat16; cols up to 4096."""
    rows, cols = x.shape
    if cols > LONGEST_BLOCK:
        raise ValueError(f"softmax: {cols} columns do not fit one block, use softmax_long")
    out = mx.zeros(x.shape, x.dtype)
    block = triton.next_power_of_2(cols)
    softmax_kernel[(rows,)](x, out, cols, cols, cols, BLOCK=block)
    return out


def softmax_long(x: mx.array, block: int = 1024) -> mx.array:
    """Softmax of each row of `x` (rows, cols) for rows of any length, `block` columns at a time."""
    rows, cols = x.shape
    out = mx.zeros(x.shape, x.dtype)
    softmax_long_kernel[(rows,)](x, out, cols, cols, cols, BLOCK=block)
    return out
