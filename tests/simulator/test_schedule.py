"""Every schedule gives the same numbers; what each costs in barriers and bytes; which one the model picks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
import triton
import triton.language as tl

import triton_mlx
from triton_mlx import hwinfo
from triton_mlx.examples import attention, matmul
from triton_mlx.fusion.errors import UnsupportedOperation
from triton_mlx.lowering.banks import Place, turns
from triton_mlx.lowering.choose import improved
from triton_mlx.lowering.record import BufferFacts, Costs, Kernel
from triton_mlx.lowering.schedule import PARAMETERS, Schedule, candidates, space
from triton_mlx.lowering.targets import target_for
from triton_mlx.runtime import lowered
from triton_mlx.runtime.inspect import lowered_last
from triton_mlx.runtime.simulator import Counts

Launch = Callable[[], mx.array]
DTYPES = ["float32", "float16"]


def normal(*shape: int, dtype: str) -> mx.array:
    return mx.random.normal(shape).astype(getattr(mx, dtype))


def forced(patch: pytest.MonkeyPatch, schedule: Schedule) -> None:
    """Launches from here on are lowered by `schedule`."""
    own = lowered.kernel_for

    def kernel_for(
        text: str, target: str, num_warps: int, facts: Mapping[int, BufferFacts], *_: Schedule
    ) -> Kernel:
        return own(text, target, num_warps, facts, schedule)

    patch.setattr(lowered, "kernel_for", kernel_for)


def run(
    kernel: Any, launch: Launch, schedule: Schedule, checked: bool = True
) -> tuple[Any, Counts]:
    """(result, counts) of one launch by `schedule`."""
    kernel.device_caches.clear()
    with pytest.MonkeyPatch.context() as patch:
        forced(patch, schedule)
        with triton_mlx.use("simulate", checked=checked), triton_mlx.counted() as counts:
            out = np.array(launch().astype(mx.float32))
    kernel.device_caches.clear()
    (one,) = counts
    return out, one


def cases(dtype: str) -> dict[str, tuple[Any, Launch]]:
    a, b = normal(70, 100, dtype=dtype), normal(100, 90, dtype=dtype)
    q, k, v = (normal(1, 1, 100, 64, dtype=dtype) for _ in range(3))
    return {
        "matmul": (matmul.matmul_kernel, lambda: matmul.matmul(a, b)),
        "attention": (attention.attention_kernel, lambda: attention.attention(q, k, v, True)),
    }


@pytest.mark.spills  # nobody picks some of these
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["matmul", "attention"])
def test_every_schedule_gives_the_same_bits(name: str, dtype: str) -> None:
    kernel, launch = cases(dtype)[name]
    start = Schedule(8)
    want, _ = run(kernel, launch, start)
    for parameter in PARAMETERS:
        for schedule in candidates(start, parameter):
            found, _ = run(kernel, launch, schedule)
            assert np.array_equal(found, want), schedule


@pytest.mark.parametrize("name", ["matmul", "attention"])
def test_two_halves_in_turn_save_barriers_and_move_the_same_bytes(name: str) -> None:
    kernel, launch = cases("float16")[name]
    (_, plain), (_, doubled) = (
        run(kernel, launch, Schedule(8, staging), checked=False)
        for staging in ("padded", "doubled")
    )
    assert 2 * doubled.threadgroup_barriers == plain.threadgroup_barriers
    assert doubled.matrix_multiplies == plain.matrix_multiplies
    for name in ("threadgroup_bytes_read", "threadgroup_bytes_written", "bank_conflicts"):
        assert getattr(doubled, name) == getattr(plain, name)
    moved = [[(t.fetched, t.written) for t in c.buffers.values()] for c in (plain, doubled)]
    assert moved[0] == moved[1]


@pytest.mark.spills
@pytest.mark.parametrize("dtype", DTYPES)
def test_places_keep_lanes_out_of_each_others_banks(dtype: str) -> None:
    kernel, launch = cases(dtype)["attention"]
    packed, placed = (
        run(kernel, launch, Schedule(8, staging), checked=False)[1]
        for staging in ("staged", "padded")
    )
    # The keys are read as columns: their rows stay rows in threadgroup memory.
    assert packed.bank_conflicts > 20000
    assert placed.bank_conflicts == 0


@pytest.mark.spills
def test_matrices_loaded_directly_need_no_threadgroup_memory_but_more_bytes() -> None:
    kernel, launch = cases("float16")["matmul"]
    _, staged = run(kernel, launch, Schedule(8), checked=False)
    _, direct = run(kernel, launch, Schedule(8, "direct"), checked=False)
    assert (direct.threadgroup_bytes, direct.threadgroup_barriers) == (0, 0)
    assert direct.device_bytes_fetched > 2 * staged.device_bytes_fetched


@triton.jit
def with_row_sums(a_ptr, b_ptr, out_ptr, sum_ptr, K, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    acc = tl.zeros((BLOCK, BLOCK), tl.float32)
    sums = tl.zeros((BLOCK,), tl.float32)
    for start in range(0, K, BLOCK):
        a = tl.load(a_ptr + at[:, None] * K + start + at[None, :])
        b = tl.load(b_ptr + (start + at[:, None]) * BLOCK + at[None, :])
        acc = tl.dot(a, b, acc)
        sums += tl.sum(b.to(tl.float32), axis=0)
    tl.store(out_ptr + at[:, None] * BLOCK + at[None, :], acc)
    tl.store(sum_ptr + at, sums)


def test_another_exchange_in_the_loop_is_refused() -> None:
    a, b = normal(32, 128, dtype="float16"), normal(128, 32, dtype="float16")
    out, sums = mx.zeros((32, 32)), mx.zeros((32,))

    def launch() -> mx.array:
        with_row_sums[(1,)](a, b, out, sums, 128, BLOCK=32)
        return out

    with pytest.raises(UnsupportedOperation, match="take turns in threadgroup memory"):
        run(with_row_sums, launch, Schedule(4, "doubled"))
    found, _ = run(with_row_sums, launch, Schedule(4))
    assert np.allclose(found, np.array(a @ b), atol=0.1)


@pytest.mark.parametrize(
    ("chip", "staging", "says"),
    [
        ("M1", "doubled", "staging doubled, not padded: "),
        ("M3", "padded", "what a core of this chip has is not known"),
    ],
)
def test_the_model_picks_where_it_knows_the_chip(chip: str, staging: str, says: str) -> None:
    kernel, launch = cases("float32")["attention"]
    with triton_mlx.use("simulate", chip=chip, checked=True):
        mx.eval(launch())
    made = lowered_last(kernel, f"simulate:{chip}")
    assert made.choice.staging == staging
    assert says in made.schedule


def test_what_no_device_has_verified_is_said() -> None:
    kernel, launch = cases("float16")["matmul"]
    with triton_mlx.use("simulate"):
        mx.eval(launch())
    says = "on tensor operations (unverified: no device has run them)"
    assert says in lowered_last(kernel, "metal:M5").schedule
    assert says not in lowered_last(kernel, "metal:M4").schedule


def test_what_cannot_pay_is_not_lowered() -> None:
    target = target_for(hwinfo.find("M1"))
    costs = Costs(multiplications=64, turns=4, shared=50, barriers=2, waits=1, loads=8192)
    kernel = Kernel("made_up", "metal", "", "", (), (), (), (), 256, 8192, 0, registers=32)
    kernel = replace(kernel, costs=costs, choice=Schedule(8))
    tried: list[Schedule] = []

    def lowered(choice: Schedule) -> Kernel:
        tried.append(choice)
        return kernel

    made = improved(lowered, kernel, target)
    assert (tried, made.choice) == ([], Schedule(8))  # the matrix units are busy
    slow = replace(kernel, registers=120, costs=replace(costs, waits=4))
    improved(lowered, slow, target)
    assert Schedule(8, "doubled") in tried


def test_space_names_every_schedule_once() -> None:
    every = list(space((4, 8)))
    assert len(set(every)) == len(every) == 2 * 4 * 3 * 3
    assert replace(every[0], simdgroups=8) in every


def test_turns_of_banks() -> None:
    words = [4 * n for n in range(32)]
    assert turns(words, 4) == 1
    assert turns([0] * 32, 4) == 1  # one word for all
    assert turns([128 * n for n in range(32)], 4) == 32
    assert turns([16 * n for n in range(32)], 16) == 4  # eight lanes at a time
    assert Place(40, True).index(2, 3) == 3 * 40 + 2
