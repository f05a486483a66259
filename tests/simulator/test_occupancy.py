"""How many simdgroups a chip gets, by the model of what is on a core at once; the rest of the schedule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import mlx.core as mx
import pytest

import triton_mlx
from triton_mlx import hwinfo
from triton_mlx.examples import attention, layernorm, matmul, softmax
from triton_mlx.lowering.fit import _gains
from triton_mlx.lowering.occupancy import Core, core_of, modelled, resident
from triton_mlx.lowering.record import Costs, Kernel
from triton_mlx.runtime.inspect import lowered_last

CORE = Core(register_bytes=208 << 10, threadgroup_bytes=60 << 10, threads=3072, busy=24)
KERNEL = Kernel("made_up", "metal", "", "", (), (), (), (), 128, 0, 0, registers=32)


@pytest.mark.parametrize(
    ("threads", "registers", "memory", "groups", "limit"),
    [
        (128, 10, 0, 24, "threads"),
        (128, 128, 0, 3, "registers"),
        (128, 32, 20 << 10, 3, "threadgroup memory"),
        (1024, 128, 0, 1, "registers"),  # one threadgroup runs even if it spills
    ],
)
def test_what_is_on_a_core(
    threads: int, registers: int, memory: int, groups: int, limit: str
) -> None:
    kernel = replace(KERNEL, threads=threads, registers=registers, threadgroup_bytes=memory)
    found = resident(CORE, kernel, 32)
    assert (found.groups, found.simdgroups, found.limit) == (groups, groups * threads // 32, limit)


def test_more_simdgroups_gain_what_they_keep_busy() -> None:
    now = replace(KERNEL, registers=120)  # 3 threadgroups of 4 simdgroups
    other = replace(KERNEL, threads=256, registers=70)  # 2 of 8
    assert _gains(CORE, now, other, 32)
    assert not _gains(CORE, now, replace(other, registers=110), 32)  # 1 of 8
    # Alone on its core, a threadgroup leaves it idle at its barriers.
    alone = replace(KERNEL, threads=768, registers=40, threadgroup_bytes=32 << 10)
    assert resident(CORE, alone, 32).simdgroups == 24
    assert not _gains(CORE, now, alone, 32)
    assert _gains(CORE, now, replace(alone, threadgroup_bytes=0), 32)


COSTS = Costs(multiplications=64, turns=4, shared=100, barriers=2, waits=1, loads=8192)


@pytest.mark.parametrize(
    ("costs", "registers", "bound"),
    [
        (COSTS, 40, "multiplications"),
        (COSTS, 128, "too few simdgroups"),
        (replace(COSTS, shared=1000), 40, "threadgroup memory"),
        (replace(COSTS, repeats=1 << 14), 40, "memory"),
    ],
)
def test_what_takes_the_time_of_a_product(costs: Costs, registers: int, bound: str) -> None:
    found = modelled(CORE, replace(KERNEL, registers=registers, costs=costs), 32)
    assert found.bound == bound
    more = [replace(costs, **{f: getattr(costs, f) * 8}) for f in ("barriers", "waits", "loads")]
    for other in more:
        worse = modelled(CORE, replace(KERNEL, registers=registers, costs=other), 32)
        assert worse.clocks >= found.clocks


def test_only_chips_whose_cores_are_known_are_modelled() -> None:
    known = {r.name for r in hwinfo.rows() if r.backend == "metal" and core_of(r) is not None}
    assert known == {f"M{n}{kind}" for n in (1, 2) for kind in ("", " Pro", " Max", " Ultra")}


def normal(*shape: int, dtype: Any = mx.float32) -> mx.array:
    return mx.random.normal(shape).astype(dtype)


@pytest.mark.parametrize(
    ("chip", "threads", "says"),
    [
        ("M1", 256, "8 simdgroups, not 4: 24 on a core (registers) instead of 16"),
        ("M3", 128, "4 simdgroups, as asked for"),
    ],
)
def test_softmax_of_long_rows(chip: str, threads: int, says: str) -> None:
    x = normal(3, 4096)
    with triton_mlx.use("simulate", chip=chip, checked=True):
        out = softmax.softmax(x)
    assert mx.allclose(out, mx.softmax(x, axis=-1), atol=1e-6)
    made = lowered_last(softmax.softmax_kernel, f"simulate:{chip}")
    assert made.threads == threads
    assert made.schedule.startswith(says), made.schedule


def test_how_products_are_done_is_said() -> None:
    a, b = normal(64, 64), normal(64, 64)
    with triton_mlx.use("simulate", chip="M1", checked=True):
        out = matmul.matmul(a, b)
    assert mx.allclose(out, a @ b, atol=1e-3)
    says = lowered_last(matmul.matmul_kernel, "simulate:M1").schedule
    assert "8 simdgroups, not 4: 24 on a core (registers) instead of 12" in says
    assert "product 64x32x64 by 4x2 simdgroups, left staged, right staged" in says


def test_examples_on_a_modelled_chip() -> None:
    q, k, v = (normal(1, 1, 70, 64, dtype=mx.float16) for _ in range(3))
    x, weight, bias = normal(3, 4096), normal(4096), normal(4096)
    with triton_mlx.use("simulate", chip="M2 Max", checked=True):
        attended = attention.attention(q, k, v, True)
        made = lowered_last(attention.attention_kernel, "simulate:M2 Max")
        layered = layernorm.layer_norm(x, weight, bias)
    assert made.threads == 256
    assert "left in registers" in made.schedule
    want = mx.fast.scaled_dot_product_attention(q, k, v, scale=64**-0.5, mask="causal")
    assert mx.allclose(attended, want, atol=2e-2)
    first = layered[0] if isinstance(layered, tuple) else layered
    assert mx.allclose(first, mx.fast.layer_norm(x, weight, bias, 1e-5), atol=1e-4)
