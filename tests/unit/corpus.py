"""Kernels in many forms, their lifted functions, and the ways to run those in numpy."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from triton_mlx.fusion.evaluate import evaluate
from triton_mlx.fusion.graph import Function
from triton_mlx.fusion.lift import lift
from triton_mlx.fusion.passes import default, run

Array = npt.NDArray[Any]


@triton.jit
def k_add(x, y, o, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < n
    a = tl.load(x + at, mask=inside)
    tl.store(o + at, a + tl.load(y + at, mask=inside), mask=inside)


@triton.jit
def k_softmax(x, o, n, stride, BLOCK: tl.constexpr):
    row, at = tl.program_id(0), tl.arange(0, BLOCK)
    v = tl.load(x + row * stride + at, mask=at < n, other=-float("inf"))
    e = tl.exp(v - tl.max(v, axis=0))
    tl.store(o + row * stride + at, e / tl.sum(e, axis=0), mask=at < n)


@triton.jit
def k_matmul(
    a, b, o, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP: tl.constexpr
):
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
    for start in range(0, K, BK):
        left = K - start
        ta = tl.load(pa, mask=(rows[:, None] < M) & (depth[None, :] < left), other=0.0)
        tb = tl.load(pb, mask=(depth[:, None] < left) & (cols[None, :] < N), other=0.0)
        acc = tl.dot(ta, tb, acc, input_precision="ieee")
        pa += BK
        pb += BK * N
    inside = (rows[:, None] < M) & (cols[None, :] < N)
    tl.store(o + rows[:, None] * N + cols[None, :], acc, mask=inside)


@triton.jit
def k_walk(x, o, start, end, stride, BLOCK: tl.constexpr, STEP: tl.constexpr):
    p = x + tl.arange(0, BLOCK) * stride
    q = tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK,), tl.float32)
    for i in range(start, end, STEP):
        total += tl.load(p) * i
        p += 1
        q += 3
    tl.store(o + tl.arange(0, BLOCK), total + tl.load(p) + q)


@triton.jit
def k_collatz(x, o, BLOCK: tl.constexpr):
    at = tl.program_id(0)
    v = tl.load(x + at)
    steps = 0
    while v > 1:
        if v % 2 == 0:
            v = v // 2
        else:
            v = 3 * v + 1
        steps += 1
    tl.store(o + at, steps)


@triton.jit
def k_argmax(x, value, index, N: tl.constexpr, M: tl.constexpr):
    v = tl.load(x + tl.arange(0, N)[:, None] * M + tl.arange(0, M)[None, :])
    m, i = tl.max(v, axis=1, return_indices=True)
    tl.store(value + tl.arange(0, N), m)
    tl.store(index + tl.arange(0, N), i)


@triton.jit
def k_transpose(x, o, N: tl.constexpr, M: tl.constexpr):
    v = tl.load(x + tl.arange(0, N)[:, None] * M + tl.arange(0, M)[None, :])
    t = tl.trans(v) + tl.reshape(v, (M, N))
    tl.store(o + tl.arange(0, M)[:, None] * N + tl.arange(0, N)[None, :], t)


@triton.jit
def k_histogram(x, o, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.atomic_add(o + tl.load(x + at, mask=at < n, other=0), 1, mask=at < n)


@triton.jit
def k_ticket(t, o):
    tl.store(o + tl.atomic_add(t, 1), tl.program_id(0))


@triton.jit
def k_positive(x, o, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    tl.store(o + at, tl.load(x + at) > 0)


@triton.jit
def k_stride(o, n, BLOCK: tl.constexpr):
    for tile in range(tl.program_id(0), tl.cdiv(n, BLOCK), tl.num_programs(0)):
        at = tile * BLOCK + tl.arange(0, BLOCK)
        tl.store(o + at, at, mask=at < n)


@triton.jit
def k_rows(o, rows, BLOCK: tl.constexpr):
    for r in range(rows):
        tl.store(o + r * BLOCK + tl.arange(0, BLOCK), r)


@triton.jit
def k_branch(o, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    if tl.program_id(0) % 2 == 0:
        tl.store(o + at, 0, mask=at < n)
    else:
        tl.store(o + at, 1, mask=at < n)


@triton.jit
def k_even(o, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    if tl.program_id(0) % 2 == 0:
        tl.store(o + at, 0, mask=at < n)


@triton.jit
def k_scatter(index, o, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    tl.store(o + tl.load(index + at), at)


# Kernel → (signature without constexprs, constexprs), to be lifted.
FORMS: dict[Any, tuple[Sequence[str], Mapping[str, int]]] = {
    k_add: (("*fp32", "*fp32", "*fp32", "i32"), {"BLOCK": 64}),
    k_softmax: (("*fp32", "*fp32", "i32", "i32"), {"BLOCK": 64}),
    k_matmul: (
        ("*fp32", "*fp32", "*fp32", "i32", "i32", "i32"),
        {"BM": 16, "BN": 16, "BK": 16, "GROUP": 2},
    ),
    k_walk: (("*fp32", "*fp32", "i32", "i32", "i32"), {"BLOCK": 16, "STEP": 1}),
    k_collatz: (("*i32", "*i32"), {"BLOCK": 1}),
    k_argmax: (("*fp32", "*fp32", "*i32"), {"N": 8, "M": 16}),
    k_transpose: (("*fp32", "*fp32"), {"N": 8, "M": 16}),
    k_histogram: (("*i32", "*i32", "i32"), {"BLOCK": 64}),
    k_ticket: (("*i32", "*i32"), {}),
    k_positive: (("*fp32", "*i1"), {"BLOCK": 16}),
    k_stride: (("*i32", "i32"), {"BLOCK": 16}),
    k_rows: (("*i32", "i32"), {"BLOCK": 16}),
    k_branch: (("*i32", "i32"), {"BLOCK": 16}),
    k_even: (("*i32", "i32"), {"BLOCK": 16}),
    k_scatter: (("*i32", "*i32"), {"BLOCK": 16}),
}


def text_of(kernel: Any, types: Sequence[str], constants: Mapping[str, int]) -> str:
    """Generic-form IR of `kernel` for arguments of these Triton types."""
    names = kernel.arg_names
    plain = dict(zip((n for n in names if n not in constants), types))
    signature = {n: plain.get(n, "constexpr") for n in names}
    source = ASTSource(kernel, signature, {(names.index(n),): v for n, v in constants.items()})
    made = triton.compile(source, target=GPUTarget("mlx", "host", 32))
    binary: bytes = made.asm["tmlx"]
    return binary.decode()


def lifted(
    kernel: Any, types: Sequence[str] | None = None, constants: Mapping[str, int] | None = None
) -> Function:
    """`kernel` as it is before any pass, in its form of FORMS where none is given."""
    known = FORMS.get(kernel, ((), {}))
    chosen = tuple(types or known[0])
    return _lifted(kernel, chosen, tuple((known[1] if constants is None else constants).items()))


@functools.cache
def _lifted(
    kernel: Any, types: tuple[str, ...], constants: tuple[tuple[str, int], ...]
) -> Function:
    return lift(text_of(kernel, types, dict(constants)))


def fused(function: Function) -> Function:
    """`function` after the passes of every launch."""
    return run(default(), function).function


def call(function: Function, *args: Any, grid: tuple[int, ...] = (1,)) -> None:
    """Evaluate `function` on arrays and numbers in the order of its parameters; arrays change."""
    full = (*grid, 1, 1)[:3]
    arrays = {k: a.reshape(-1) for k, a in enumerate(args) if isinstance(a, np.ndarray)}
    scalars = {k: a for k, a in enumerate(args) if not isinstance(a, np.ndarray)}
    evaluate(function, arrays, scalars, (full[0], full[1], full[2]))
