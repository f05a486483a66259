"""Launches over one grid, joined program by program: the same bits, and only where each keeps to its own."""

from __future__ import annotations

from typing import Any

import corpus
import joint_kernels as k
import numpy as np
import pytest
import triton
import triton.language as tl
from joint_program import Program

ROWS, COLS = 24, 40
N = ROWS * COLS
ROW = {"BLOCK": 64}


@triton.jit
def row_max(x, o, N, BLOCK: tl.constexpr):
    row, at = tl.program_id(0), tl.arange(0, BLOCK)
    v = tl.load(x + row * N + at, mask=at < N, other=-float("inf"))
    tl.store(o + row, tl.max(v, axis=0))


@triton.jit
def row_sum_of_exp(x, high, o, N, BLOCK: tl.constexpr):
    row, at = tl.program_id(0), tl.arange(0, BLOCK)
    v = tl.load(x + row * N + at, mask=at < N, other=-float("inf"))
    tl.store(o + row, tl.sum(tl.exp(v - tl.load(high + row)), axis=0))


@triton.jit
def row_pick(x, target, o, N):
    row = tl.program_id(0)
    tl.store(o + row, tl.load(x + row * N + tl.load(target + row)))


@triton.jit
def loss(high, total, picked, o, M, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    m, s = tl.load(high + at, mask=at < M), tl.load(total + at, mask=at < M, other=1.0)
    tl.store(o + at, m + tl.log(s) - tl.load(picked + at, mask=at < M), mask=at < M)


@triton.jit
def row_sum_in_steps(x, o, N, BLOCK: tl.constexpr):
    row, total = tl.program_id(0), 0.0
    for begin in range(0, N, BLOCK):
        at = begin + tl.arange(0, BLOCK)
        total += tl.sum(tl.load(x + row * N + at, mask=at < N, other=0.0), axis=0)
    tl.store(o + row, total)


@triton.jit
def row_minus_next(x, s, o, M, N, STEP: tl.constexpr, BLOCK: tl.constexpr):
    """Rows of x less the number of the row STEP further on."""
    row, at = tl.program_id(0), tl.arange(0, BLOCK)
    v = tl.load(x + row * N + at, mask=at < N, other=0.0)
    v -= tl.load(s + (row + STEP) % M) + tl.sum(v, axis=0)
    tl.store(o + row * N + at, v, mask=at < N)


def values(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def stores(launch: Any) -> int:
    return sum(n.op == "store" for n in launch.function.body.walk())


def test_the_pieces_of_a_cross_entropy_are_one_kernel() -> None:
    p = Program()
    x, o = p.array(values(ROWS, COLS)), p.array(np.zeros(ROWS, np.float32))
    high, total, picked = (p.array(np.zeros(ROWS, np.float32)) for _ in range(3))
    target = p.array(np.random.default_rng(1).integers(0, COLS, ROWS).astype(np.int32))
    p.run(row_max, (x, high, COLS), (ROWS,), **ROW)
    p.run(row_sum_of_exp, (x, high, total, COLS), (ROWS,), **ROW)
    p.run(row_pick, (x, target, picked, COLS), (ROWS,))
    p.run(loss, (high, total, picked, o, ROWS), (2,), BLOCK=16)
    made = p.check(o)
    assert len(made.launches) == 1, made.decisions
    assert stores(made.launches[0]) == 1
    assert made.bytes_after == 4 * (N + 2 * ROWS)
    wide = x.astype(np.float64)
    wanted = np.log(np.exp(wide).sum(1)) - wide[np.arange(ROWS), target]
    np.testing.assert_allclose(p.versions[p.newest[id(o)]], wanted, rtol=1e-5, atol=1e-5)


def test_a_softmax_of_a_softmax_takes_the_tile_over() -> None:
    p = Program()
    x, t, o = (p.array(values(ROWS, COLS, seed=s)) for s in range(3))
    p.run(k.softmax, (x, t, COLS), (ROWS,), **ROW)
    p.run(k.softmax, (t, o, COLS), (ROWS,), **ROW)
    made = p.check(o)
    assert [d.code for d in made.decisions] == ["PROGRAM"]
    assert len(made.launches) == 1 and stores(made.launches[0]) == 1
    assert made.bytes_after == 2 * 4 * N


def test_what_is_read_in_other_tiles_stays_in_memory() -> None:
    p = Program()
    x, t, s = p.array(values(ROWS, COLS)), p.array(values(ROWS, COLS)), p.array(values(ROWS))
    p.run(k.softmax, (x, t, COLS), (ROWS,), **ROW)
    p.run(row_sum_in_steps, (t, s, COLS), (ROWS,), BLOCK=16)
    made = p.check(s)
    assert len(made.launches) == 1 and stores(made.launches[0]) == 2


def test_in_place_rows() -> None:
    p = Program()
    x, o = p.array(values(ROWS, COLS)), p.array(values(ROWS, COLS))
    p.run(k.add_up_in_place, (x, COLS), (ROWS,), **ROW)
    p.run(k.add_up_in_place, (x, COLS), (ROWS,), **ROW)
    p.run(k.softmax, (x, o, COLS), (ROWS,), **ROW)
    assert len(p.check(x, o).launches) == 1


def test_two_products_of_matrices_then_a_gate() -> None:
    p = Program()
    M, K, NN = 40, 24, 50
    a, b, c = (p.array(values(*s)) for s in ((M, K), (K, NN), (K, NN)))
    gate, up, o = (p.array(values(M, NN)) for _ in range(3))
    blocks = {"BM": 16, "BN": 16, "BK": 16, "GROUP": 2}
    p.run(corpus.k_matmul, (a, b, gate, M, NN, K), (3 * 4,), **blocks)
    p.run(corpus.k_matmul, (a, c, up, M, NN, K), (3 * 4,), **blocks)
    p.run(k.mul, (gate, up, o, M * NN), (8,), BLOCK=256)
    made = p.check(o)
    assert len(made.launches) == 1, made.decisions
    assert made.bytes_after == 4 * (M * K + 2 * K * NN + M * NN)


@pytest.mark.parametrize("step, kernels", [(0, 1), (1, 2), (ROWS - 1, 2), (ROWS, 1)])
def test_a_program_may_not_need_what_another_one_makes(step: int, kernels: int) -> None:
    p = Program()
    x, s, o = p.array(values(ROWS, COLS)), p.array(values(ROWS)), p.array(values(ROWS, COLS))
    p.run(row_sum_in_steps, (x, s, COLS), (ROWS,), BLOCK=16)
    p.run(row_minus_next, (x, s, o, ROWS, COLS), (ROWS,), STEP=step, BLOCK=64)
    made = p.check(s, o)
    assert len(made.launches) == kernels
    assert {d.code for d in made.decisions} == {"PROGRAM" if kernels == 1 else "OTHER_ELEMENT"}


@pytest.mark.parametrize("step, kernels", [(0, 1), (1, 2)])
def test_a_program_may_not_change_what_another_one_reads(step: int, kernels: int) -> None:
    p = Program()
    x, s, o = p.array(values(ROWS, COLS)), p.array(values(ROWS)), p.array(values(ROWS, COLS))
    p.run(row_minus_next, (x, s, o, ROWS, COLS), (ROWS,), STEP=step, BLOCK=64)
    p.run(row_sum_in_steps, (x, s, COLS), (ROWS,), BLOCK=16)
    made = p.check(s, o)
    assert len(made.launches) == kernels
    assert {d.code for d in made.decisions} == {"SIBLING" if kernels == 1 else "WAR"}


def test_addresses_that_depend_on_data_are_no_proof() -> None:
    p = Program()
    x, s = p.array(values(ROWS, COLS)), p.array(values(ROWS, COLS))
    target, o = p.array(np.arange(ROWS, dtype=np.int32)), p.array(values(ROWS))
    p.run(k.softmax, (x, s, COLS), (ROWS,), **ROW)
    p.run(row_pick, (s, target, o, COLS), (ROWS,))
    made = p.check(o)
    assert [d.code for d in made.decisions] == ["NO_COMMON_TILE"] and len(made.launches) == 2


@triton.jit
def row_sum_of_block(x, o, N, n, BLOCK: tl.constexpr):
    """The sum of BLOCK numbers from the row's first on, into the next row."""
    row, at = tl.program_id(0), tl.arange(0, BLOCK)
    tl.store(o + row, tl.sum(tl.load(x + row * N + at, mask=row * N + at < n, other=0.0), axis=0))


@triton.jit
def row_pair(s, o, M):
    row = tl.program_id(0)
    tl.store(o + row, tl.load(s + row) + tl.load(s + tl.minimum(row + 1, M - 1)))


def test_a_part_of_a_row_that_was_not_written_is_read_from_memory() -> None:
    p = Program()
    x, t, o = (p.array(values(ROWS, COLS, seed=s)) for s in range(3))
    p.run(k.softmax_part, (x, t, COLS, 30), (ROWS,), **ROW)
    p.run(k.softmax, (t, o, COLS), (ROWS,), **ROW)
    made = p.check(o)
    assert len(made.launches) == 1 and stores(made.launches[0]) == 2


def test_more_of_the_same_tile_is_another_programs() -> None:
    p = Program()
    x, t, s = p.array(values(ROWS, COLS)), p.array(values(ROWS, COLS)), p.array(values(ROWS))
    p.run(k.softmax, (x, t, COLS), (ROWS,), **ROW)
    p.run(row_sum_of_block, (t, s, COLS, N), (ROWS,), **ROW)
    assert [d.code for d in p.check(s).decisions] == ["OTHER_ELEMENT"]


def test_what_two_programs_read_none_may_change() -> None:
    p = Program()
    x, s, o = p.array(values(ROWS, COLS)), p.array(values(ROWS)), p.array(values(ROWS))
    p.run(row_pair, (s, o, ROWS), (ROWS,))
    p.run(row_sum_in_steps, (x, s, COLS), (ROWS,), BLOCK=16)
    assert len(p.check(o, s).launches) == 2
