"""Matrix product in blocks, with an optional bias and leaky ReLU applied to the accumulator."""

from __future__ import annotations

import mlx.core as mx
import triton
import triton.language as tl


@triton.jit
def matmul_kernel(
    a_ptr, b_ptr, bias_ptr, out_ptr,
    M, N, K,
    stride_am, stride_ak, stride_bk, stride_bn, stride_om, stride_on,
    slope,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP: tl.constexpr,
    BIAS: tl.constexpr, LEAKY_RELU: tl.constexpr,
):  # fmt: skip
    # Programs walk the output in groups of GROUP block rows, so that neighbours share operands.
    pid = tl.program_id(0)
    blocks_m = tl.cdiv(M, BM)
    blocks_n = tl.cdiv(N, BN)
    first_m = pid // (GROUP * blocks_n) * GROUP
    height = min(blocks_m - first_m, GROUP)
    within = pid % (GROUP * blocks_n)
    rows = (first_m + within % height) * BM + tl.arange(0, BM)
    cols = (within // height) * BN + tl.arange(0, BN)
    depth = tl.arange(0, BK)

    a_ptrs = a_ptr + rows[:, None] * stride_am + depth[None, :] * stride_ak
    b_ptrs = b_ptr + depth[:, None] * stride_bk + cols[None, :] * stride_bn
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for start in range(0, K, BK):
        left = K - start
        a = tl.load(a_ptrs, mask=(rows[:, None] < M) & (depth[None, :] < left), other=0.0)
        b = tl.load(b_ptrs, mask=(depth[:, None] < left) & (cols[None, :] < N), other=0.0)
        acc = tl.dot(a, b, acc, input_precision="ieee")
        a_ptrs += BK * stride_ak
        b_ptrs += BK * stride_bk

    if BIAS:
        bias = tl.load(bias_ptr + cols, mask=cols < N, other=0.0).to(tl.float32)
        acc = acc + bias[None, :]
    if LEAKY_RELU:
        acc = tl.where(acc >= 0, acc, acc * slope)
    out_ptrs = out_ptr + rows[:, None] * stride_om + cols[None, :] * stride_on
    inside = (rows[:, None] < M) & (cols[None, :] < N)
    tl.store(out_ptrs, acc.to(out_ptr.dtype.element_ty), mask=inside)


def _launch(
    a: mx.array, b: mx.array, bias: mx.array | None, slope: float | None, block: int
) -> mx.array:
    (m, k), n = a.shape, b.shape[1]
    if b.shape[0] != k:
        raise ValueError(f"matmul: a is {a.shape} and b is {b.shape}, the inner sizes differ")
    out = mx.zeros((m, n), a.dtype)
    grid = (triton.cdiv(m, block) * triton.cdiv(n, block),)
    matmul_kernel[grid](
        a, b, a if bias is None else bias, out,
        m, n, k,
        k, 1, n, 1, n, 1,
        0.0 if slope is None else slope,
        BM=block, BN=block, BK=32, GROUP=8,
        BIAS=bias is not None, LEAKY_RELU=slope is not None,
    )  # fmt: skip
    return out


def matmul(a: mx.array, b: mx.array, block: int = 64) -> mx.array:
    """`a @ b` for row-major a (m, k) and b (k, n) of one float dtype; sums are float32."""
    return _launch(a, b, None, None, block)


def linear(
    x: mx.array, weight: mx.array, bias: mx.array, slope: float | None = None, block: int = 64
) -> mx.array:
    """`x @ weight + bias` for x (m, k), weight (k, n), bias (n,), all row-major and of one dtype.

    With `slope`, leaky ReLU with that slope follows, in the same kernel.
    """
    return _launch(x, weight, bias, slope, block)
