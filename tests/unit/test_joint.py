"""Launches joined by proof: evaluated as planned they give the same bits as one by one."""

from __future__ import annotations

from typing import Any

import corpus
import joint_kernels as k
import numpy as np
import pytest
from joint_program import Program

from triton_mlx.fusion.joint import join, program

N, ROWS, COLS = 1000, 20, 50
RNG = np.random.default_rng(0)


def cdiv(n: int, block: int) -> tuple[int]:
    return (-(-n // block),)


def values(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype(np.float32)


def test_a_chain_with_other_blocks_and_grids_is_one_kernel() -> None:
    p = Program()
    x, y, t, u, o = (p.array(values(N)) for _ in range(5))
    p.run(k.add, (x, y, t, N), cdiv(N, 128), BLOCK=128)
    p.run(k.mul, (t, y, u, N), cdiv(N, 64), BLOCK=64)
    p.run(k.scale_2d, (u, o, ROWS, COLS, 3.0), (3, 4), BM=8, BN=16)
    made = p.check(o)
    assert [d.code for d in made.decisions] == ["EPILOGUE", "EPILOGUE"]
    assert len(made.launches) == 1
    assert made.bytes_after == 3 * 4 * N  # x, y and o, each once
    assert sum(n.op == "store" for n in made.launches[0].function.body) == 1


def test_an_intermediate_that_is_visible_is_written() -> None:
    p = Program()
    x, t, o = (p.array(values(N)) for _ in range(3))
    p.run(k.scale, (x, t, N, 2.0), cdiv(N, 128), BLOCK=128)
    p.run(k.exp, (t, o, N), cdiv(N, 32), BLOCK=32)
    made = p.check(t, o)
    assert len(made.launches) == 1 and made.bytes_after == 3 * 4 * N


def test_rounding_of_the_intermediate_is_kept() -> None:
    p = Program()
    x, o = p.array(values(N) * 100), p.array(values(N))
    t = p.array(np.zeros(N, np.float16))
    p.run(k.scale, (x, t, N, 1.37), cdiv(N, 128), BLOCK=128)
    p.run(k.exp, (t, o, N), cdiv(N, 32), BLOCK=32)
    assert len(p.check(o).launches) == 1


def test_add_rms_scale_is_one_kernel() -> None:
    p = Program()
    x, r, h, y, o = (p.array(values(ROWS, COLS)) for _ in range(5))
    w = p.array(values(COLS))
    p.run(k.add, (x, r, h, N), cdiv(N, 128), BLOCK=128)
    p.run(k.rms, (h, w, y, COLS), (ROWS,), BLOCK=64)
    p.run(k.scale, (y, o, N, 2.0), cdiv(N, 256), BLOCK=256)
    made = p.check(h, o)
    assert len(made.launches) == 1, made.decisions
    assert made.bytes_after == 4 * (4 * N + COLS)  # x, r, h, o and w


def test_row_statistics_used_by_a_flat_kernel() -> None:
    p = Program()
    x, o = (p.array(values(ROWS, COLS)) for _ in range(2))
    s = p.array(values(ROWS))
    p.run(k.mean_square, (x, s, COLS), (ROWS,), BLOCK=64)
    p.run(k.divide_rows, (x, s, o, N, COLS), cdiv(N, 128), BLOCK=128)
    made = p.check(o)
    assert len(made.launches) == 1, made.decisions
    assert made.bytes_after == 2 * 4 * N


def test_matmul_bias_activation_is_one_kernel() -> None:
    p = Program()
    M, K, NN = 40, 24, 50
    a, b, c = (p.array(values(*s)) for s in ((M, K), (K, NN), (M, NN)))
    bias, t, o = p.array(values(NN)), p.array(values(M, NN)), p.array(values(M, NN))
    p.run(corpus.k_matmul, (a, b, c, M, NN, K), (3 * 4,), BM=16, BN=16, BK=16, GROUP=2)
    p.run(k.bias_2d, (c, bias, t, M, NN), (5, 2), BM=8, BN=32)
    p.run(k.exp, (t, o, M * NN), cdiv(M * NN, 128), BLOCK=128)
    made = p.check(o)
    assert len(made.launches) == 1, made.decisions


def test_siblings_and_diamonds() -> None:
    p = Program()
    x, a, b, o = (p.array(values(N)) for _ in range(4))
    p.run(k.scale, (x, a, N, 2.0), cdiv(N, 128), BLOCK=128)
    p.run(k.exp, (x, b, N), cdiv(N, 64), BLOCK=64)
    p.run(k.add, (a, b, o, N), cdiv(N, 256), BLOCK=256)
    made = p.check(o)
    assert len(made.launches) == 1 and made.bytes_after == 2 * 4 * N


def test_in_place_chains() -> None:
    p = Program()
    x, y, z = (p.array(values(N)) for _ in range(3))
    p.run(k.add_in_place, (x, y, N), cdiv(N, 128), BLOCK=128)
    p.run(k.add_in_place, (x, z, N), cdiv(N, 64), BLOCK=64)
    made = p.check(x)
    assert len(made.launches) == 1, made.decisions
    assert sum(n.op == "store" for n in made.launches[0].function.body) == 1


def test_one_array_as_several_arguments() -> None:
    p = Program()
    x, t, o = (p.array(values(N)) for _ in range(3))
    p.run(k.add, (x, x, t, N), cdiv(N, 128), BLOCK=128)
    p.run(k.mul, (t, t, o, N), cdiv(N, 64), BLOCK=64)
    p.run(k.mul_add, (o, x, o, o, N), cdiv(N, 32), BLOCK=32)
    made = p.check(o)
    assert len(made.launches) == 1, made.decisions
    assert made.bytes_after == 2 * 4 * N


def test_a_transposed_copy() -> None:
    p = Program()
    x, t, o = (p.array(values(N)) for _ in range(3))
    p.run(k.scale, (x, t, N, 2.0), cdiv(N, 128), BLOCK=128)
    p.run(k.transpose, (t, o, ROWS, COLS), (3, 4), BM=8, BN=16)
    p.check(o)


def test_stores_under_different_masks_can_be_a_host() -> None:
    p = Program()
    x, t, o, q = (p.array(values(N)) for _ in range(4))
    p.run(k.scale, (x, t, N, 2.0), cdiv(N, 128), BLOCK=128)
    p.run(k.odd_masks, (t, o, q, N), cdiv(N, 128), BLOCK=128)
    assert len(p.check(*p.arrays).launches) == 1


def test_a_shifted_reader_computes_what_nobody_else_sees() -> None:
    p = Program()
    x, t, o = (p.array(values(N)) for _ in range(3))
    p.run(k.scale, (x, t, N, 2.0), cdiv(N, 128), BLOCK=128)
    p.run(k.shifted, (t, o, N, 1), cdiv(N, 64), BLOCK=64)
    assert [d.code for d in p.check(o).decisions] == ["PROLOGUE"]


def _shift(p: Program, x: Any, t: Any, o: Any) -> None:
    p.run(k.scale, (x, t, N, 2.0), cdiv(N, 128), BLOCK=128)
    p.run(k.shifted, (t, o, N, 1), cdiv(N, 128), BLOCK=128)


def _half(p: Program, x: Any, t: Any, o: Any) -> None:
    p.run(k.half_of, (x, t, N), cdiv(N, 128), BLOCK=128)
    p.run(k.exp, (t, o, N), cdiv(N, 64), BLOCK=64)


def _atomics(p: Program, x: Any, t: Any, o: Any) -> None:
    p.run(k.scale, (x, t, N, 2.0), cdiv(N, 128), BLOCK=128)
    p.run(k.count, (t, o, N), cdiv(N, 128), BLOCK=128)


def _war(p: Program, x: Any, t: Any, o: Any) -> None:
    p.run(k.shifted, (x, t, N, 1), cdiv(N, 128), BLOCK=128)
    p.run(k.scale, (t, x, N, 2.0), cdiv(N, 128), BLOCK=128)


def _loads_back(p: Program, x: Any, t: Any, o: Any) -> None:
    p.run(k.scale, (x, t, N, 2.0), cdiv(N, 128), BLOCK=128)
    p.run(k.load_after_store, (t, o, N), cdiv(N, 64), BLOCK=64)


REFUSED = [
    (_shift, "STILL_VISIBLE"),
    (_half, "NOT_INVERTIBLE"),
    (_atomics, "ATOMICS"),
    (_war, "WAR"),
    (_loads_back, "WAR"),
]


@pytest.mark.parametrize("build, code", REFUSED, ids=[c for _, c in REFUSED])
def test_refusals(build: Any, code: str) -> None:
    p = Program()
    x, t, o = (p.array(values(N)) for _ in range(3))
    build(p, x, t, o)
    made = p.check(*p.arrays)
    assert len(made.launches) == 2
    assert [d.code for d in made.decisions] == [code]


def test_common_sequences_are_proved_without_evaluating_addresses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is evaluated grows with the arrays; what is seen from linear forms does not."""

    def evaluated(*_: Any) -> None:
        raise AssertionError("addresses were evaluated")

    p = Program()
    x, t, u, v, w, o = (p.array(values(ROWS, COLS)) for _ in range(6))
    p.run(k.add, (x, t, u, N), cdiv(N, 128), BLOCK=128)
    p.run(k.rms, (u, t, v, COLS), (ROWS,), BLOCK=64)
    p.run(k.softmax, (v, w, COLS), (ROWS,), BLOCK=64)
    p.run(k.mul, (w, u, v, N), cdiv(N, 64), BLOCK=64)
    p.run(k.two_results, (v, w, x, N), cdiv(N, 64), BLOCK=64)
    p.run(k.add, (w, x, o, N), cdiv(N, 32), BLOCK=32)
    for module in (join, program):
        monkeypatch.setattr(module, "places", evaluated)
    monkeypatch.setattr(program, "meet", evaluated)
    assert len(p.check(u, o).launches) == 1
