"""Kernels of the structure of Triton's tutorials on attention and on many matrix products at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import triton
import triton.language as tl
from test_tutorials import near, normal, put  # noqa: F401

import triton_mlx

# 06: attention; forward through tensor descriptors, backward through pointers

LOG2E = tl.constexpr(1.4426950408889634)


@triton.jit
def absorb(
    total, weight, top, q, keys, values, base, rows, first, last, scale, CAUSAL: tl.constexpr,
    TN: tl.constexpr,
):  # fmt: skip
    """One more stretch of keys and values into the running softmax of a block of queries."""
    for start in tl.range(first, last, TN):
        start = tl.multiple_of(start, TN)
        scores = tl.dot(q, keys.load([base + start, 0]).T) * scale
        if CAUSAL:
            columns = start + tl.arange(0, TN)
            scores = tl.where(rows[:, None] >= columns[None, :], scores, -1.0e6)
        higher = tl.maximum(top, tl.max(scores, 1))
        powers = tl.exp2(scores - higher[:, None])
        fade = tl.exp2(top - higher)
        weight = weight * fade + tl.sum(powers, 1)
        value = values.load([base + start, 0])
        total = tl.dot(powers.to(value.dtype), value, total * fade[:, None])
        top = higher
    return total, weight, top


@triton.jit
def attention_kernel(
    q_ptr, k_ptr, v_ptr, out_ptr, level_ptr, scale, heads, length,
    D: tl.constexpr, TM: tl.constexpr, TN: tl.constexpr, CAUSAL: tl.constexpr,
):  # fmt: skip
    head, block = tl.program_id(1), tl.program_id(0)
    base = head * length
    shape = [heads * length, D]
    queries = tl.make_tensor_descriptor(q_ptr, shape, [D, 1], [TM, D])
    keys = tl.make_tensor_descriptor(k_ptr, shape, [D, 1], [TN, D])
    values = tl.make_tensor_descriptor(v_ptr, shape, [D, 1], [TN, D])
    outs = tl.make_tensor_descriptor(out_ptr, shape, [D, 1], [TM, D])
    rows = block * TM + tl.arange(0, TM)
    top = tl.full([TM], -float("inf"), tl.float32)
    weight, total = tl.zeros([TM], tl.float32), tl.zeros([TM, D], tl.float32)
    q = queries.load([base + block * TM, 0])
    scale *= LOG2E
    before = block * TM if CAUSAL else length
    total, weight, top = absorb(
        total, weight, top, q, keys, values, base, rows, 0, before, scale, False, TN
    )
    if CAUSAL:
        total, weight, top = absorb(
            total, weight, top, q, keys, values, base, rows, before, before + TM, scale, True, TN
        )
    tl.store(level_ptr + base + rows, top + tl.log2(weight))
    outs.store([base + block * TM, 0], (total / weight[:, None]).to(out_ptr.dtype.element_ty))


@triton.jit
def inner_products_kernel(a_ptr, b_ptr, out_ptr, D: tl.constexpr, TM: tl.constexpr):
    rows = tl.program_id(0) * TM + tl.arange(0, TM)
    at = rows[:, None] * D + tl.arange(0, D)[None, :]
    a, b = tl.load(a_ptr + at).to(tl.float32), tl.load(b_ptr + at).to(tl.float32)
    tl.store(out_ptr + rows, tl.sum(a * b, axis=1))


@triton.jit
def key_gradients(
    dk, dv, k, v, q_ptr, d_ptr, level_ptr, delta_ptr, columns, start, steps, scale,
    D: tl.constexpr, TM: tl.constexpr, CAUSAL: tl.constexpr,
):  # fmt: skip
    """What the queries from `start` on add to the gradients of one block of keys and values."""
    inner = tl.arange(0, D)
    for step in range(steps):
        rows = start + step * TM + tl.arange(0, TM)
        q_turned = tl.load(q_ptr + rows[None, :] * D + inner[:, None])
        powers = tl.exp2(tl.dot(k, q_turned) * scale - tl.load(level_ptr + rows)[None, :])
        if CAUSAL:
            powers = tl.where(rows[None, :] >= columns[:, None], powers, 0.0)
        d = tl.load(d_ptr + rows[:, None] * D + inner[None, :])
        dv += tl.dot(powers.to(d.dtype), d)
        change = powers * (tl.dot(v, tl.trans(d)) - tl.load(delta_ptr + rows)[None, :])
        dk += tl.dot(change.to(d.dtype), tl.trans(q_turned))
    return dk, dv


@triton.jit
def query_gradients(
    dq, q, d, level, delta, k_ptr, v_ptr, rows, start, steps, scale,
    D: tl.constexpr, TN: tl.constexpr, CAUSAL: tl.constexpr,
):  # fmt: skip
    """What the keys from `start` on add to the gradient of one block of queries."""
    inner = tl.arange(0, D)
    for step in range(steps):
        columns = start + step * TN + tl.arange(0, TN)
        at = columns[None, :] * D + inner[:, None]
        k_turned, v_turned = tl.load(k_ptr + at), tl.load(v_ptr + at)
        powers = tl.exp2(tl.dot(q, k_turned) * scale - level[:, None])
        if CAUSAL:
            powers = tl.where(rows[:, None] >= columns[None, :], powers, 0.0)
        change = powers * (tl.dot(d, v_turned) - delta[:, None])
        dq += tl.dot(change.to(q.dtype), tl.trans(k_turned))
    return dq


@triton.jit
def attention_gradient_kernel(
    q_ptr, k_ptr, v_ptr, d_ptr, level_ptr, delta_ptr, dq_ptr, dk_ptr, dv_ptr, scale, length,
    D: tl.constexpr, WIDE: tl.constexpr, NARROW: tl.constexpr, CAUSAL: tl.constexpr,
):  # fmt: skip
    block, head = tl.program_id(0), tl.program_id(1)
    shift = (head * length * D).to(tl.int64)
    q_ptr += shift
    k_ptr += shift
    v_ptr += shift
    d_ptr += shift
    level_ptr += head * length
    delta_ptr += head * length
    first = block * WIDE
    own = first + tl.arange(0, WIDE)
    at = own[:, None] * D + tl.arange(0, D)[None, :]
    grown = scale * LOG2E

    k, v = tl.load(k_ptr + at), tl.load(v_ptr + at)
    dk, dv = tl.zeros([WIDE, D], tl.float32), tl.zeros([WIDE, D], tl.float32)
    start = 0
    if CAUSAL:
        # The square on the diagonal needs the mask; below it all queries see all these keys.
        dk, dv = key_gradients(
            dk, dv, k, v, q_ptr, d_ptr, level_ptr, delta_ptr, own, first, WIDE // NARROW, grown,
            D, NARROW, True,
        )  # fmt: skip
        start = first + WIDE
    dk, dv = key_gradients(
        dk, dv, k, v, q_ptr, d_ptr, level_ptr, delta_ptr, own, start, (length - start) // NARROW,
        grown, D, NARROW, False,
    )  # fmt: skip
    tl.store(dv_ptr + shift + at, dv)
    tl.store(dk_ptr + shift + at, dk * scale)

    q, d = tl.load(q_ptr + at), tl.load(d_ptr + at)
    level, delta = tl.load(level_ptr + own), tl.load(delta_ptr + own)
    dq = tl.zeros([WIDE, D], tl.float32)
    steps = length // NARROW
    if CAUSAL:
        dq = query_gradients(
            dq, q, d, level, delta, k_ptr, v_ptr, own, first, WIDE // NARROW, grown,
            D, NARROW, True,
        )  # fmt: skip
        steps = first // NARROW
    dq = query_gradients(
        dq, q, d, level, delta, k_ptr, v_ptr, own, 0, steps, grown, D, NARROW, False
    )
    tl.store(dq_ptr + shift + at, dq * scale)


def attention(q: Any, k: Any, v: Any, d: Any, scale: float, causal: bool) -> tuple[Any, ...]:
    """The output and the gradients of q, k and v, in fp64."""
    q, k, v, d = (t.astype(np.float64) for t in (q, k, v, d))
    scores = np.einsum("hmd,hnd->hmn", q, k) * scale
    if causal:
        scores = np.where(np.tri(q.shape[1], dtype=bool), scores, -np.inf)
    p = np.exp(scores - scores.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    out = p @ v
    change = p * (d @ v.swapaxes(1, 2) - (out * d).sum(-1, keepdims=True)) * scale
    return out, change @ k, change.swapaxes(1, 2) @ q, p.swapaxes(1, 2) @ d


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_attention(put: Any, dtype: Any, causal: bool, target: str) -> None:  # noqa: F811
    heads, length, depth, scale = 2, 64, 16, 0.3
    q, k, v, d = (normal(heads, length, depth, dtype=dtype) for _ in range(4))
    tensors = [put(t) for t in (q, k, v, d)]
    out, dq, dk, dv = (put(np.zeros_like(q)) for _ in range(4))
    level, delta = (put(np.zeros((heads, length), np.float32)) for _ in range(2))
    attention_kernel[(length // 32, heads)](
        *tensors[:3], out, level, scale, heads, length, D=depth, TM=32, TN=16, CAUSAL=causal
    )
    inner_products_kernel[(heads * length // 32,)](out, tensors[3], delta, D=depth, TM=32)
    attention_gradient_kernel[(length // 32, heads)](
        *tensors, level, delta, dq, dk, dv, scale, length,
        D=depth, WIDE=32, NARROW=16, CAUSAL=causal,
    )  # fmt: skip
    tolerance = 2e-2 if dtype == np.float16 else 1e-4
    for got, want in zip((out, dq, dk, dv), attention(q, k, v, d, scale, causal)):
        near(got, want, tolerance)


# 08: many products in one launch; each program walks over the tiles of all of them


@triton.jit
def many_products_kernel(
    a_ptr, b_ptr, c_ptr, sizes, places, count,
    PROGRAMS: tl.constexpr, TM: tl.constexpr, TN: tl.constexpr, TK: tl.constexpr,
    ADDRESSES: tl.constexpr,
):  # fmt: skip
    """The matrices lie in one array at `places`, or anywhere, as addresses of ADDRESSES."""
    tile, done = tl.program_id(0), 0
    for g in range(count):
        m, n, k = tl.load(sizes + 3 * g), tl.load(sizes + 3 * g + 1), tl.load(sizes + 3 * g + 2)
        across = tl.cdiv(n, TN)
        tiles = tl.cdiv(m, TM) * across
        while (tile >= done) & (tile < done + tiles):
            at_a, at_b = tl.load(places + 3 * g), tl.load(places + 3 * g + 1)
            at_c = tl.load(places + 3 * g + 2)
            if ADDRESSES is not None:
                a, b = at_a.to(tl.pointer_type(ADDRESSES)), at_b.to(tl.pointer_type(ADDRESSES))
                c = at_c.to(tl.pointer_type(ADDRESSES))
            else:
                a, b, c = a_ptr + at_a, b_ptr + at_b, c_ptr + at_c
            rows = (tile - done) // across * TM + tl.arange(0, TM)
            columns = (tile - done) % across * TN + tl.arange(0, TN)
            total = tl.zeros((TM, TN), tl.float32)
            for start in range(0, k, TK):
                inner = start + tl.arange(0, TK)
                x = tl.load(
                    a + rows[:, None] * k + inner[None, :],
                    mask=(rows[:, None] < m) & (inner[None, :] < k),
                    other=0.0,
                )
                y = tl.load(
                    b + inner[:, None] * n + columns[None, :],
                    mask=(inner[:, None] < k) & (columns[None, :] < n),
                    other=0.0,
                )
                total += tl.dot(x, y)
            inside = (rows[:, None] < m) & (columns[None, :] < n)
            tl.store(
                c + rows[:, None] * n + columns[None, :], total.to(c.dtype.element_ty), mask=inside
            )
            tile += PROGRAMS
        done += tiles


SIZES = [(40, 30, 20), (16, 70, 33), (5, 5, 64), (64, 16, 16)]


def pairs() -> list[tuple[Any, Any]]:
    return [(normal(m, k), normal(k, n)) for m, n, k in SIZES]


def starts(lengths: list[int]) -> Any:
    return np.cumsum([0, *lengths[:-1]])


def test_many_products(put: Any, target: str) -> None:  # noqa: F811
    given = pairs()
    places = np.stack(
        [
            starts([a.size for a, _ in given]),
            starts([b.size for _, b in given]),
            starts([m * n for m, n, _ in SIZES]),
        ],
        axis=1,
    )
    a, b = (put(np.concatenate([pair[i].ravel() for pair in given])) for i in (0, 1))
    c = put(np.zeros(sum(m * n for m, n, _ in SIZES), np.float32))
    many_products_kernel[(3,)](
        a, b, c, put(np.array(SIZES, np.int32)), put(places.astype(np.int32)), len(SIZES),
        PROGRAMS=3, TM=16, TN=32, TK=16, ADDRESSES=None,
    )  # fmt: skip
    near(c, np.concatenate([(x @ y).ravel() for x, y in given]), 1e-4)


@pytest.mark.parametrize("kind", ["float16", "float32"])
def test_many_products_by_address(kind: str) -> None:
    torch = pytest.importorskip("torch")
    dtype = getattr(torch, kind)
    given = [tuple(torch.from_numpy(t).to(dtype) for t in pair) for pair in pairs()]
    outs = [torch.zeros(m, n, dtype=dtype) for m, n, _ in SIZES]
    places = torch.tensor([[t.data_ptr() for t in (*pair, c)] for pair, c in zip(given, outs)])
    with triton_mlx.use("host"):
        many_products_kernel[(3,)](
            places, places, places, torch.tensor(SIZES, dtype=torch.int32), places, len(SIZES),
            PROGRAMS=3, TM=16, TN=32, TK=16, ADDRESSES=getattr(tl, kind),
        )  # fmt: skip
    for (a, b), c in zip(given, outs):
        near(c.float(), a.float() @ b.float(), 1e-4 if kind == "float32" else 4e-3)
