"""What a plan evaluates is limited; what programs number in their own way is proved from the numbers."""

from __future__ import annotations

from typing import Any

import corpus
import joint_kernels as k
import numpy as np
import pytest
import triton
import triton.language as tl
from joint_program import Program
from test_joint_program import COLS, ROWS, row_sum_in_steps

from triton_mlx.fusion.joint import budget, numbered
from triton_mlx.fusion.joint.codes import Refusal
from triton_mlx.fusion.joint.walk import sites


def values(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@triton.jit
def numbered_tiles(x, o, across, down, STEP: tl.constexpr, BLOCK: tl.constexpr):
    """Copies a matrix in BLOCK-wide strips of rows; tile `pid * STEP % (across * down)` is a program's."""
    tile = tl.program_id(0) * STEP % (across * down)
    at = tile % across * BLOCK + tile // across * (across * BLOCK) + tl.arange(0, BLOCK)
    tl.store(o + at, tl.load(x + at))


def strips(step: int, offset: int = 0) -> Any:
    p = Program()
    x, o = p.array(values(7 * 3 * 16 + offset)), p.array(values(7 * 3 * 16 + offset))
    p.run(numbered_tiles, (x, o, 7, 3), (21,), STEP=step, BLOCK=16)
    return p, x, o


@pytest.mark.parametrize("step, once", [(1, True), (5, True), (20, True), (3, False), (7, False)])
def test_a_swizzle_counts_if_it_has_every_tile_once(
    step: int, once: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numbered, "places", lambda *_: [])  # nothing is evaluated
    p, _, _ = strips(step)
    launch = p.launches[0]
    assert [numbered.is_permutation(launch, s) for s in sites(launch)] == [once, once]


def test_a_larger_array_is_not_walked() -> None:
    p, _, _ = strips(1, offset=16)
    launch = p.launches[0]
    assert not any(numbered.is_permutation(launch, s) for s in sites(launch))


@pytest.mark.parametrize("rows, columns", [(48, 80), (40, 72), (16, 16)], ids=str)
def test_groups_of_a_product_are_proved_from_the_numbers_of_programs(
    rows: int, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "MOST_ADDRESSES", 0)
    p = Program()
    a, b, c, o = (p.array(values(*s)) for s in ((rows, 32), (32, columns), *2 * [(rows, columns)]))
    blocks = {"BM": 16, "BN": 16, "BK": 16, "GROUP": 2}
    grid = (-(-rows // 16) * -(-columns // 16),)
    p.run(corpus.k_matmul, (a, b, c, rows, columns, 32), grid, **blocks)
    p.run(k.scale, (c, o, rows * columns, 2.0), (8,), BLOCK=512)
    assert [d.code for d in p.check(o).decisions] == ["EPILOGUE"]


@triton.jit
def row_minus_own(x, s, o, N, FLIP: tl.constexpr, BLOCK: tl.constexpr):
    """Rows of x less the row's number in s, found in a roundabout way that has no linear form."""
    row, at = tl.program_id(0), tl.arange(0, BLOCK)
    v = tl.load(x + row * N + at, mask=at < N, other=0.0)
    v -= tl.load(s + (tl.cdiv(N, N) + FLIP - 1 ^ row ^ FLIP)) + tl.sum(v, axis=0)
    tl.store(o + row * N + at, v, mask=at < N)


def rows_and_their_sums() -> tuple[Program, Any, Any]:
    p = Program()
    x, s, o = p.array(values(ROWS, COLS)), p.array(values(ROWS)), p.array(values(ROWS, COLS))
    p.run(row_sum_in_steps, (x, s, COLS), (ROWS,), BLOCK=16)
    p.run(row_minus_own, (x, s, o, COLS), (ROWS,), FLIP=8, BLOCK=64)
    return p, s, o


@pytest.mark.parametrize("most, code", [(ROWS * 3, "PROGRAM"), (ROWS, "WORK_LIMIT")])
def test_what_would_be_too_much_work_is_refused(
    most: int, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "MOST_ADDRESSES", most)
    p, s, o = rows_and_their_sums()
    made = p.check(s, o)
    assert [d.code for d in made.decisions] == [code]
    assert code == "PROGRAM" or str(most) in made.decisions[0].what


@pytest.mark.parametrize("flip, code", [(4, "WORK_LIMIT"), (8, "PROGRAM")], ids=["other", "same"])
def test_a_plan_has_one_limit_for_all_its_proofs_and_makes_each_once(
    flip: int, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "MOST_ADDRESSES", ROWS * 3)
    p, s, o = rows_and_their_sums()
    x, u, v = p.array(values(ROWS, COLS)), p.array(values(ROWS)), p.array(values(ROWS, COLS))
    p.run(row_sum_in_steps, (x, u, COLS), (ROWS,), BLOCK=16)
    p.run(row_minus_own, (x, u, v, COLS), (ROWS,), FLIP=flip, BLOCK=64)
    assert [d.code for d in p.check(s, o, u, v).decisions] == ["PROGRAM", code]


def test_nothing_is_taken_for_what_is_refused() -> None:
    with budget.limited():
        with pytest.raises(Refusal):
            budget.spend("kernel", budget.MOST_ADDRESSES + 1)
        budget.spend("kernel", budget.MOST_ADDRESSES)
