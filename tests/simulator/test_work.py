"""What the report counts on graphs, against the evaluator's runs and the simulator's counters."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
import triton
import triton.language as tl

import triton_mlx
from triton_mlx.fusion.evaluate import evaluate
from triton_mlx.fusion.graph import Node
from triton_mlx.fusion.joint.records import Launch
from triton_mlx.fusion.ops import OPS
from triton_mlx.fusion.work import Computed, computed
from triton_mlx.runtime.inspect import last_launcher
from triton_mlx.runtime.report import details
from triton_mlx.runtime.report.history import last_launch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))
import corpus
import joint_kernels as k

N, ROWS, COLS = 1000, 20, 50


def cdiv(n: int, block: int) -> tuple[int]:
    return (-(-n // block),)


@triton.jit
def triangle(x, o, n, BLOCK: tl.constexpr):
    """Program p adds p + 1 blocks, and only the even ones are scaled."""
    p, at = tl.program_id(0), tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK,), tl.float32)
    for block in range(p + 1):
        total += tl.load(x + block * BLOCK + at, mask=block * BLOCK + at < n, other=0.0)
    if p % 2 == 0:
        total = total * 3.0
    tl.store(o + p * BLOCK + at, total)


@triton.jit
def until(x, o, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    v = tl.load(x + at)
    while tl.sum(v, axis=0) > 1.0:
        v = v * 0.5
    tl.store(o + at, v)


def ones(*shape: int) -> mx.array:
    return mx.ones(shape)


CASES: dict[str, tuple[Any, Callable[[], None]]] = {
    "add": (k.add, lambda: k.add[cdiv(N, 128)](*(ones(N) for _ in range(3)), N, BLOCK=128)),
    "exp": (k.exp, lambda: k.exp[cdiv(N, 64)](ones(N), ones(N), N, BLOCK=64)),
    "rms": (k.rms, lambda: k.rms[(ROWS,)](ones(N), ones(COLS), ones(N), COLS, BLOCK=64)),
    "softmax": (k.softmax, lambda: k.softmax[(ROWS,)](ones(N), ones(N), COLS, BLOCK=64)),
    "rows_loop": (
        k.rows_loop,
        lambda: k.rows_loop[cdiv(COLS, 32)](ones(N), ones(COLS), ROWS, COLS, BLOCK=32),
    ),
    "strided": (k.strided, lambda: k.strided[(3,)](ones(N), ones(N), N, BLOCK=128)),
    "triangle": (triangle, lambda: triangle[(8,)](ones(N), ones(8 * 128), N, BLOCK=128)),
    "matmul": (
        corpus.k_matmul,
        lambda: corpus.k_matmul[(2 * 3,)](
            ones(32, 64), ones(64, 48), ones(32, 48), 32, 48, 64, BM=16, BN=16, BK=32, GROUP=2
        ),
    ),
}


def launched(name: str) -> Launch:
    kernel, run = CASES[name]
    run()
    return last_launch(last_launcher(kernel))


def evaluated(launch: Launch) -> tuple[int, int]:
    """(element operations, multiply-adds of products), each node weighed whenever the evaluator runs it."""
    arrays: list[Any] = [np.ones(b.elements, np.float32) for b in launch.buffers]
    inner = {
        n.id
        for combine in launch.function.body.walk()
        if combine.op in ("reduce", "scan")
        for n in combine.regions[0].walk()
    }
    found = [0, 0]

    def each(node: Node) -> None:
        kind = OPS[node.op].kind
        if kind == "combine":
            found[0] += math.prod(node.inputs[0].type.shape) * len(node.regions[0])
        elif kind == "elementwise" and not node.types[0].is_pointer and node.id not in inner:
            found[0] += OPS[node.op].cost * math.prod(node.types[0].shape)
        elif kind == "dot":
            found[1] += math.prod(node.types[0].shape) * node.inputs[0].type.shape[-1]

    buffers = {p: arrays[s] for p, s in launch.slots.items()}
    evaluate(launch.function, buffers, launch.scalars, launch.grid, each=each)
    return found[0], found[1]


def products(found: Computed) -> int:
    return sum(d.multiply_adds * d.times for d in found.dots)


@pytest.mark.parametrize("name", CASES)
def test_operations_are_those_that_the_evaluator_runs(name: str) -> None:
    launch = launched(name)
    found = computed(launch.function, launch.scalars, launch.grid)
    assert found.exact
    assert (found.elements, products(found)) == evaluated(launch)


@pytest.mark.parametrize("name", CASES)
def test_bytes_and_products_are_what_the_simulator_counts(name: str) -> None:
    with triton_mlx.use("simulate"), triton_mlx.counted() as counts:
        launch = launched(name)
    (got,) = counts
    arrays = [t for n, t in got.buffers.items() if n != "scalars"]
    moved = sum(t.distinct_read + t.distinct_written for t in arrays)
    assert (details.counted(launch).bytes, details.counted(launch).bytes_exact) == (moved, True)
    multiplied = 512 * got.matrix_multiplies
    assert products(details.counted(launch).computed) == multiplied


def test_float_operations_of_known_kernels() -> None:
    """Whole tiles count: the last block of 128 is not full."""
    assert computed_of("add").flops == 8 * 128
    assert computed_of("matmul").flops == 2 * 32 * 48 * 64
    assert computed_of("triangle").flops == 128 * (sum(range(1, 9)) + 4)


def computed_of(name: str) -> Computed:
    launch = launched(name)
    return computed(launch.function, launch.scalars, launch.grid)


def test_what_depends_on_data_is_said_not_to_be_exact() -> None:
    until[(1,)](ones(64), ones(64), BLOCK=64)
    launch = last_launch(last_launcher(until))
    found = computed(launch.function, launch.scalars, launch.grid)
    assert not found.exact and found.flops > 0


def test_a_launch_of_no_programs_computes_nothing() -> None:
    launch = launched("add")
    assert computed(launch.function, launch.scalars, (0, 1, 1)) == Computed(0, 0, (), True)


def test_of_very_many_programs_some_stand_for_all() -> None:
    launch = launched("triangle")
    many = computed(launch.function, launch.scalars, (3 << 20, 1, 1))
    programs = 3 << 20
    whole = 128 * (programs * (programs + 1) // 2 + programs // 2)
    assert not many.exact
    straight = launched("add")
    assert computed(straight.function, straight.scalars, (3 << 20, 1, 1)).exact
    assert abs(many.flops - whole) < 0.5 * whole


PARTS: dict[str, tuple[Any, Callable[[], None]]] = {
    "half_of": (k.half_of, lambda: k.half_of[cdiv(N, 128)](ones(N), ones(N), N, BLOCK=128)),
    "shifted": (k.shifted, lambda: k.shifted[cdiv(N, 128)](ones(N), ones(N), N, 7, BLOCK=128)),
    "every_second": (
        k.every_second,
        lambda: k.every_second[cdiv(N, 256)](ones(N), ones(N), N, BLOCK=128),
    ),
    "odd_masks": (
        k.odd_masks,
        lambda: k.odd_masks[cdiv(N, 128)](ones(N), ones(N), ones(N), N, BLOCK=128),
    ),
    "few rows": (
        k.rows_loop,
        lambda: k.rows_loop[cdiv(COLS, 32)](ones(N), ones(2 * COLS), 3, COLS, BLOCK=32),
    ),
}


@pytest.mark.parametrize("name", PARTS)
def test_bytes_of_a_part_of_an_array_are_of_that_part(name: str) -> None:
    kernel, run = PARTS[name]
    run()
    launch = last_launch(last_launcher(kernel))
    with triton_mlx.use("simulate"), triton_mlx.counted() as counts:
        run()
    (got,) = counts
    found = details.counted(launch)
    arrays = {
        n: t for n, t in got.buffers.items() if n != "scalars" and not n.endswith(("_set", "_old"))
    }
    assert found.bytes_exact
    assert found.bytes == sum(t.distinct_read + t.distinct_written for t in arrays.values())
    assert found.bytes < sum(b.elements * b.itemsize for b in launch.buffers)


def test_elements_that_data_picks_are_at_most_all() -> None:
    k.pick[cdiv(N, 128)](ones(N), mx.zeros((N,), mx.int32), ones(N), N, BLOCK=128)
    found = details.counted(last_launch(last_launcher(k.pick)))
    assert (found.bytes, found.bytes_exact) == (3 * 4 * N, False)
