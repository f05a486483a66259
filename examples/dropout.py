"""Dropout whose mask is a function of a seed, so it never has to be stored."""

from __future__ import annotations

import mlx.core as mx
import triton
import triton.language as tl


@triton.jit
def dropout_kernel(x_ptr, out_ptr, n, p, scale, seed, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = offsets < n
    x = tl.load(x_ptr + offsets, mask=inside).to(tl.float32)
    keep = tl.rand(seed, offsets) > p
    y = tl.where(keep, x * scale, 0.0)
    tl.store(out_ptr + offsets, y.to(out_ptr.dtype.element_ty), mask=inside)


def dropout(x: mx.array, p: float, seed: int) -> mx.array:
    """Zero each element of `x` with probability `p` (0 <= p < 1), and divide the rest by 1 - p.

    Which elements are dropped depends on `seed` and on the element's position alone.
    """
    if not 0.0 <= p < 1.0:
        raise ValueError(f"dropout: p is {p}, it must be at least 0 and below 1")
    out = mx.zeros(x.shape, x.dtype)
    grid = (triton.cdiv(x.size, 1024),)
    dropout_kernel[grid](x, out, x.size, p, 1.0 / (1.0 - p), seed, BLOCK=1024)
    return out
