"""What a schedule changes in a lowered kernel, and that the model's choice stays what it was."""

from __future__ import annotations

import itertools
import re

import mlx.core as mx
import numpy as np
import pytest
import triton
import triton.language as tl

import triton_mlx
from triton_mlx.examples import matmul, softmax
from triton_mlx.fusion.errors import TileTooLarge
from triton_mlx.lowering.record import Kernel
from triton_mlx.lowering.schedule import MODEL, Schedule
from triton_mlx.runtime import lowered
from triton_mlx.runtime.inspect import last_launcher
from triton_mlx.runtime.prepared import call_for
from triton_mlx.runtime.target import Choice


@triton.jit
def place_kernel(out_ptr, order_ptr):
    x, y, z = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    number = (z * tl.num_programs(1) + y) * tl.num_programs(0) + x
    tl.store(out_ptr + number, tl.atomic_add(order_ptr, 1))


def made(target: str, schedule: Schedule, rows: int = 64) -> Kernel:
    with triton_mlx.use("host"):
        softmax.softmax(mx.zeros((4, rows)))
    launcher = last_launcher(softmax.softmax_kernel)
    return lowered.kernel_for(
        launcher.text, target, launcher.num_warps, launcher.last_facts, schedule
    )


@pytest.mark.parametrize("axis", [None, 0, 1, 2])
def test_programs_follow_each_other_along_the_axis(axis: int | None) -> None:
    grid = (2, 3, 4)
    with triton_mlx.use("host"):
        place_kernel[grid](mx.zeros(24, mx.int32), mx.zeros(1, mx.int32))
    launcher = last_launcher(place_kernel)
    call = call_for(launcher.text, Choice("host"), 4, launcher.last_facts, Schedule(axis=axis))
    # One thread: the order is that of the numbers.
    from triton_mlx.runtime import native

    out, order = mx.zeros(24, mx.int32), mx.zeros(1, mx.int32)
    with native.on_threads(1):
        call((out, order), b"", grid)
        mx.eval(out)
    first = axis or 0
    slower = [k for k in (2, 1, 0) if k != first]
    places = [
        dict(zip((*slower, first), at))
        for at in itertools.product(*(range(grid[k]) for k in (*slower, first)))
    ]
    wanted = np.zeros((4, 3, 2), np.int32)
    for number, at in enumerate(places):
        wanted[at[2], at[1], at[0]] = number
    np.testing.assert_array_equal(np.array(out), wanted.reshape(-1))


def test_the_host_is_told_its_vectors_and_says_so() -> None:
    plain, told = made("host", MODEL), made("host", Schedule(vector_bits=128))
    assert (plain.vector_bits, plain.schedule) == (0, "")
    assert (told.vector_bits, told.schedule) == (128, "128-bit vectors")
    assert told.body == plain.body
    assert "p % grid[0]" in plain.body


@pytest.mark.parametrize("count", [1, 2, 8])
def test_a_program_gets_the_simdgroups_of_the_schedule(count: int) -> None:
    kernel = made("simulate", Schedule(simdgroups=count), 1024)
    assert kernel.threads == 32 * count
    assert kernel.schedule.startswith(f"given: {count} simdgroup")


def test_threads_have_no_vectors_or_axes_to_choose() -> None:
    assert made("simulate", Schedule(vector_bits=128, axis=1)) == made("simulate", MODEL)


@pytest.mark.parametrize(
    ("count", "rows", "why"),
    [(32, 64, "no elements for more"), (1, 4096, "registers"), (64, 4096, "at most 1024 threads")],
)
def test_what_does_not_fit_is_refused(count: int, rows: int, why: str) -> None:
    with pytest.raises(TileTooLarge, match=why):
        made("simulate", Schedule(simdgroups=count), rows)


def test_the_result_does_not_depend_on_it(target: str) -> None:
    a = mx.random.normal((64, 64), key=mx.random.key(0))
    out = matmul.matmul(a, a)
    launcher = last_launcher(matmul.matmul_kernel)
    values = {"host": Schedule(axis=0), "simulate": Schedule(simdgroups=8)}
    call = call_for(
        launcher.text, launcher.choice, launcher.num_warps, launcher.last_facts, values[target]
    )
    again = mx.zeros(out.shape, out.dtype)
    call((a, again), launcher.last_scalars, launcher.last_grid)
    assert mx.array_equal(out, again)


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        (MODEL, "the model's choice"),
        (Schedule(simdgroups=1), "1 simdgroup"),
        (Schedule(vector_bits=256, axis=1), "256-bit vectors, programs along axis 1 first"),
    ],
)
def test_it_says_what_it_is(schedule: Schedule, text: str) -> None:
    assert re.fullmatch(re.escape(text), str(schedule))
