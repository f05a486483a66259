"""Attention in one pass over the keys (flash attention), forward, optionally causal."""

from __future__ import annotations

import math

import mlx.core as mx
import triton
import triton.language as tl


@triton.jit
def attention_kernel(
    q_ptr, k_ptr, v_ptr, out_ptr, queries, keys, scale,
    BM: tl.constexpr, BN: tl.constexpr, D: tl.constexpr, CAUSAL: tl.constexpr,
):  # fmt: skip
    block = tl.program_id(0)
    head = tl.program_id(1)
    q_ptr += head * queries * D
    k_ptr += head * keys * D
    v_ptr += head * keys * D
    out_ptr += head * queries * D
    rows = block * BM + tl.arange(0, BM)
    dims = tl.arange(0, D)
    at_rows = rows[:, None] * D + dims[None, :]
    q = tl.load(q_ptr + at_rows, mask=rows[:, None] < queries, other=0.0)

    # exp2 is what hardware has: the factor 1 / ln 2 goes into the scale of the scores.
    to_exponent = scale * 1.4426950408889634
    peak = tl.full((BM,), -float("inf"), tl.float32)
    total = tl.zeros((BM,), tl.float32)
    acc = tl.zeros((BM, D), tl.float32)
    end = keys
    if CAUSAL:
        end = min(keys, (block + 1) * BM)
    # Key 0 is visible to every row, so after the first block the peak of a row is finite.
    for start in range(0, end, BN):
        cols = start + tl.arange(0, BN)
        k_at = cols[None, :] * D + dims[:, None]
        k = tl.load(k_ptr + k_at, mask=cols[None, :] < keys, other=0.0)
        scores = tl.dot(q, k, input_precision="ieee") * to_exponent
        visible = cols[None, :] < keys
        if CAUSAL:
            visible = visible & (cols[None, :] <= rows[:, None])
        scores = tl.where(visible, scores, -float("inf"))
        new_peak = tl.maximum(peak, tl.max(scores, axis=1))
        weights = tl.exp2(scores - new_peak[:, None])
        shrink = tl.exp2(peak - new_peak)
        total = total * shrink + tl.sum(weights, axis=1)
        v_at = cols[:, None] * D + dims[None, :]
        v = tl.load(v_ptr + v_at, mask=cols[:, None] < keys, other=0.0)
        acc = acc * shrink[:, None]
        acc = tl.dot(weights.to(v.dtype), v, acc, input_precision="ieee")
        peak = new_peak
    acc = acc / total[:, None]
    tl.store(out_ptr + at_rows, acc.to(out_ptr.dtype.element_ty), mask=rows[:, None] < queries)


def attention(
    q: mx.array, k: mx.array, v: mx.array, causal: bool = False, bm: int = 64, bn: int = 32
) -> mx.array:
    """`softmax(q @ k.T / sqrt(dim)) @ v` per head, for q, k, v (batch, heads, length, dim).

    float32 or float16; dim a power of two from 16 (64 and 128 are usual). k and v may be longer
    or shorter than q, except with `causal`, where row i sees keys 0 to i and lengths are equal.
    """
    batch, heads, queries, dim = q.shape
    keys = k.shape[2]
    if causal and keys != queries:
        raise ValueError(f"attention: causal needs as many keys as queries, not {keys}, {queries}")
    out = mx.zeros(q.shape, q.dtype)
    grid = (triton.cdiv(queries, bm), batch * heads)
    attention_kernel[grid](
        q, k, v, out, queries, keys, 1.0 / math.sqrt(dim), BM=bm, BN=bn, D=dim, CAUSAL=causal
    )
    return out
