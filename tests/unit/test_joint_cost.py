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
from triton_mlx.fusion.joint.codes import Refusal
from triton_mlx.fusion.joint.cost import Chip, Footprint
from triton_mlx.fusion.joint.judge import Judge
from triton_mlx.fusion.joint.plan import traffic
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


def one_program(kernel: Any, chip: Chip) -> Any:
    """An elementwise kernel of eight programs, then a loop over all rows in one program."""
    p = Program()
    x, y, t, o = (p.array(values(24, 40)) for _ in range(4))
    args = (x, y, t, 960) if kernel is k.add else (x, t, 960, 2.0)
    p.run(kernel, args, (8,), BLOCK=128)
    p.run(k.rows_loop, (t, o, 24, 40), (1,), BLOCK=64)
    return p.check(o, judge=Judge(chip))


@pytest.mark.parametrize(
    "kernel, cores, code",
    [
        (k.add, 0, "PROLOGUE"),  # nobody knows
        (k.add, 1, "PROLOGUE"),
        (k.add, 8, "COST"),  # 3 arrays on 8 cores and 2 on one are less than 3 on one
        (k.scale, 8, "PROLOGUE"),  # 2 on one are less than 2 on 8 and 2 on one
    ],
)
def test_a_kernel_must_not_leave_the_chip_idle(
    kernel: Any, cores: int, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "OPERATIONS_PER_LAUNCH", 0)
    made = one_program(kernel, Chip("made up", cores))
    assert [d.code for d in made.decisions] == [code]
    if code == "COST":
        assert "1 of 8 programs left for 8 cores (made up)" in made.decisions[0].what


def test_a_launch_is_worth_some_idle_cores() -> None:
    made = one_program(k.add, Chip("made up", 8, rate=1e12))
    assert [d.code for d in made.decisions] == ["PROLOGUE"]


def test_what_a_byte_costs_is_of_the_chip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "OPERATIONS_PER_LAUNCH", 0)
    cost.check_worth(PAIR[0], 3000, 10, 1000, 2000, Chip("slow memory", operations_per_byte=10))
    with pytest.raises(Refusal, match="COST.*3 times.*2e.04 operations more for 2e.03 bytes less"):
        cost.check_worth(PAIR[0], 3000, 10, 1000, 2000, Chip("fast memory", operations_per_byte=9))


def _pair() -> Any:
    p = Program()
    x, t, o = (p.array(values(64 * 128)) for _ in range(3))
    p.run(k.scale, (x, t, 64 * 128, 2.0), (64,), BLOCK=128)
    p.run(k.scale, (t, o, 64 * 128, 2.0), (64,), BLOCK=128)
    return *p.launches, p.check(o).launches[0]


PAIR = _pair()
ROOMY = Footprint(40, 0, 0, 4, 32, 24, 24, "threads")


@pytest.mark.parametrize(
    "own, found",
    [
        (ROOMY, ""),
        (Footprint(70, 0, 0, 4, 32, 16, 24, "registers"), ""),  # two thirds, but half the bytes
        (Footprint(90, 0, 0, 4, 32, 8, 24, "registers"), "8 of 24 simdgroups on a core .registers"),
        (
            Footprint(40, 0, 28 << 10, 4, 32, 8, 24, "threadgroup memory"),
            "28672 bytes of threadgroup memory, 8 of 24 simdgroups on a core .threadgroup memory",
        ),
        (Footprint(130, 1, 0, 4, 32), ""),
        (Footprint(160, 32, 0, 4, 32), "about 160 registers of a thread, 32 of them spilled"),
    ],
    ids=["free", "worth it", "registers", "threadgroup memory", "spills little", "spills"],
)
def test_what_a_kernel_takes_of_a_core(
    own: Footprint, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "OPERATIONS_PER_LAUNCH", 0)
    first, later, joint = PAIR
    footprints = {first: ROOMY, later: ROOMY, joint: own}
    args = joint, (first, later), traffic, footprints, Chip("made up", 4)
    if not found:
        return cost.check_footprint(*args)
    with pytest.raises(Refusal, match=rf"COST.*{found}.*made up.*times as slow as apart"):
        cost.check_footprint(*args)
    return None


def test_few_programs_do_not_fill_cores_however_many_fit() -> None:
    chip = Chip("made up", 4)
    parts = [cost.busy_part(n, chip, ROOMY) for n in (1, 12, 24, 99)]
    assert parts == [1 / 24, 0.5, 1.0, 1.0]


def test_what_lost_stays_apart_in_the_next_plan() -> None:
    judge = Judge()
    p = Program()
    x, t, u, o = (p.array(values(960)) for _ in range(4))
    for source, target in ((x, t), (t, u), (u, o)):
        p.run(k.scale, (source, target, 960, 2.0), (8,), BLOCK=128)
    assert [x.members for x in p.check(o, judge=judge).launches] == [(0, 1, 2)]
    judge.lost[(0, 1, 2)] = Refusal("COST", "said the model")
    made = p.check(o, judge=judge)
    assert [x.members for x in made.launches] == [(0, 1), (2,)]
    assert [(d.code, d.what) for d in made.decisions if not d.fused] == [("COST", "said the model")]
