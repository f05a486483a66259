"""Launches computed again where they are read, in loops too, and only where the model says that it pays."""

from __future__ import annotations

from typing import Any

import corpus
import joint_kernels as k
import numpy as np
import pytest
import triton
import triton.language as tl
from joint_program import Program

from triton_mlx.fusion.joint import cost
from triton_mlx.fusion.joint.walk import sites


@triton.jit
def silu(x, o, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + at, mask=at < n)
    tl.store(o + at, v / (1.0 + tl.exp(-v)), mask=at < n)


@triton.jit
def until(x, limit, o, N, BLOCK: tl.constexpr):
    """Sums of rows of x, as many as `limit` says."""
    at = tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK,), tl.float32)
    for row in range(tl.load(limit)):
        total += tl.load(x + row * N + at, mask=at < N, other=0.0)
    tl.store(o + at, total, mask=at < N)


@triton.jit
def chosen(x, o, n, BLOCK: tl.constexpr):
    """A branch on the program's number, and in it a loop."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.zeros((BLOCK,), tl.float32)
    if tl.program_id(0) % 2 == 0:
        for step in range(tl.program_id(0) + 1):
            v += tl.load(x + at, mask=at < n - step, other=0.0)
    tl.store(o + at, v, mask=at < n)


def values(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def product(kernel: Any, columns: int) -> Any:
    """An elementwise kernel, then a product in which `columns` / 16 programs read each element."""
    p = Program()
    M, K = 16, 32
    x, t, b, o = (p.array(values(*s)) for s in ((M, K), (M, K), (K, columns), (M, columns)))
    more = (2.0,) if kernel is k.scale else ()
    p.run(kernel, (x, t, M * K, *more), (4,), BLOCK=128)
    blocks = {"BM": 16, "BN": 16, "BK": 16, "GROUP": 1}
    p.run(corpus.k_matmul, (t, b, o, M, columns, K), (columns // 16,), **blocks)
    return p, p.check(o)


def test_a_loop_may_read_what_an_elementwise_launch_made() -> None:
    p = Program()
    x, t, o = (p.array(values(24, 40)) for _ in range(3))
    p.run(k.scale, (x, t, 960, 2.0), (8,), BLOCK=128)
    p.run(k.rows_loop, (t, o, 24, 40), (1,), BLOCK=64)
    made = p.check(o)
    assert [d.code for d in made.decisions] == ["PROLOGUE"]
    assert len(made.launches) == 1 and made.bytes_after == 2 * 4 * 960


@pytest.mark.parametrize(
    "kernel, columns, code",
    [(k.scale, 16, "PROLOGUE"), (silu, 16, "PROLOGUE"), (silu, 1024, "COST")],
    ids=["scale", "silu once", "silu 64 times"],
)
def test_a_product_recomputes_what_is_cheap(
    kernel: Any, columns: int, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "OPERATIONS_PER_LAUNCH", 0)
    _, made = product(kernel, columns)
    assert [d.code for d in made.decisions] == [code]
    assert len(made.launches) == (1 if code == "PROLOGUE" else 2)


def test_a_launch_is_worth_some_recomputation() -> None:
    assert len(product(silu, 1024)[1].launches) == 1


def test_a_loop_whose_length_depends_on_data() -> None:
    p = Program()
    x, t, o = (p.array(values(24, 40)) for _ in range(3))
    limit = p.array(np.array([5], np.int32))
    p.run(k.scale, (x, t, 960, 2.0), (8,), BLOCK=128)
    p.run(until, (t, limit, o, 40), (1,), BLOCK=64)
    assert [d.code for d in p.check(o).decisions] == ["RECOMPUTE"]


def test_every_pass_through_a_load_counts() -> None:
    p = Program()
    x, o = p.array(values(1000)), p.array(values(1000))
    p.run(chosen, (x, o, 1000), (8,), BLOCK=128)
    launch = p.launches[0]
    loads = [s.node.id for s in sites(launch) if s.node.op == "load"]
    assert cost.lanes(launch, loads) == (1 + 3 + 5 + 7) * 128
