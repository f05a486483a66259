"""Kernels of the measurements that the examples do not have."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def gelu(x, o, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + at, mask=at < n).to(tl.float32)
    y = 0.5 * v * (1.0 + tl.erf(v * 0.7071067811865476))
    tl.store(o + at, y.to(o.dtype.element_ty), mask=at < n)


@triton.jit
def cross_entropy(x, labels, loss, stride, classes, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    x += row * stride
    label = tl.load(labels + row)
    peak = tl.full((BLOCK,), -1.0e30, tl.float32)
    total = tl.zeros((BLOCK,), tl.float32)
    for start in range(0, classes, BLOCK):
        at = start + tl.arange(0, BLOCK)
        v = tl.load(x + at, mask=at < classes, other=-float("inf")).to(tl.float32)
        higher = tl.maximum(peak, v)
        total = total * tl.exp(peak - higher) + tl.exp(v - higher)
        peak = higher
    top = tl.max(peak, axis=0)
    whole = tl.sum(total * tl.exp(peak - top), axis=0)
    tl.store(loss + row, tl.log(whole) + top - tl.load(x + label).to(tl.float32))


@triton.jit
def matmul(
    a, b, bias, o, M, N, K,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP: tl.constexpr, GELU: tl.constexpr,
):  # fmt: skip
    pid = tl.program_id(0)
    blocks_m, blocks_n = tl.cdiv(M, BM), tl.cdiv(N, BN)
    first = pid // (GROUP * blocks_n) * GROUP
    height = min(blocks_m - first, GROUP)
    within = pid % (GROUP * blocks_n)
    rows = (first + within % height) * BM + tl.arange(0, BM)
    cols = (within // height) * BN + tl.arange(0, BN)
    depth = tl.arange(0, BK)
    pa = a + rows[:, None] * K + depth[None, :]
    pb = b + depth[:, None] * N + cols[None, :]
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for _ in range(0, K, BK):
        acc = tl.dot(tl.load(pa), tl.load(pb), acc)
        pa += BK
        pb += BK * N
    if GELU:
        v = acc + tl.load(bias + cols)[None, :].to(tl.float32)
        acc = 0.5 * v * (1.0 + tl.erf(v * 0.7071067811865476))
    tl.store(o + rows[:, None] * N + cols[None, :], acc.to(o.dtype.element_ty))
