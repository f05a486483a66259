"""Layer normalisation, forward: the result and what a backward pass needs of the statistics."""

from __future__ import annotations

import mlx.core as mx
import triton
import triton.language as tl

LONGEST_BLOCK = 8192


@triton.jit
def layer_norm_kernel(
    x_ptr, weight_ptr, bias_ptr, out_ptr, mean_ptr, rstd_ptr, cols, eps, BLOCK: tl.constexpr
):
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    inside = offsets < cols
    x = tl.load(x_ptr + row * cols + offsets, mask=inside, other=0.0).to(tl.float32)
    mean = tl.sum(x, axis=0) / cols
    centred = tl.where(inside, x - mean, 0.0)
    variance = tl.sum(centred * centred, axis=0) / cols
    rstd = 1.0 / tl.sqrt(variance + eps)
    weight = tl.load(weight_ptr + offsets, mask=inside, other=0.0).to(tl.float32)
    bias = tl.load(bias_ptr + offsets, mask=inside, other=0.0).to(tl.float32)
    y = centred * rstd * weight + bias
    tl.store(out_ptr + row * cols + offsets, y.to(out_ptr.dtype.element_ty), mask=inside)
    tl.store(mean_ptr + row, mean)
    tl.store(rstd_ptr + row, rstd)


def layer_norm(
    x: mx.array, weight: mx.array, bias: mx.array, eps: float = 1e-5
) -> tuple[mx.array, mx.array, mx.array]:
    """Each row of `x` (rows, cols) to mean 0 and variance 1, times `weight` (cols,) plus `bias`.

    Returns the result in x's dtype, and the rows' means and reciprocal standard deviations
    (rows,) in float32. cols up to 8192.
    """
    rows, cols = x.shape
    if cols > LONGEST_BLOCK:
        raise ValueError(f"layer_norm: {cols} columns do not fit one block of {LONGEST_BLOCK}")
    out = mx.zeros(x.shape, x.dtype)
    mean = mx.zeros((rows,), mx.float32)
    rstd = mx.zeros((rows,), mx.float32)
    block = triton.next_power_of_2(cols)
    layer_norm_kernel[(rows,)](x, weight, bias, out, mean, rstd, cols, eps, BLOCK=block)
    return out, mean, rstd
