"""Joint kernels that are worth it by their bytes, and not once a chip's registers are counted."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import numpy as np
import pytest
import triton
import triton.language as tl

import triton_mlx
from triton_mlx.fusion.joint.cost import Footprint
from triton_mlx.runtime import worth
from triton_mlx.runtime.target import Choice

N = 1 << 14


@triton.jit
def double(x, o, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(o + at, tl.load(x + at, mask=at < n) * 2.0, mask=at < n)


def chain(x: mx.array) -> mx.array:
    for block in (128, 256, 512):
        y = mx.zeros_like(x)
        double[(triton.cdiv(N, block),)](x, y, N, BLOCK=block)
        x = y
    return x


def crowded(more_than: int) -> Any:
    """Footprints as on a chip where kernels of more launches than these have no room."""

    def footprint(launch: Any, choice: Choice) -> Footprint:
        if len(launch.members) > more_than:
            return Footprint(200, 72, 0, 4, 32, 1, 24, "registers")
        return Footprint(30, 0, 0, 4, 32, 24, 24, "threads")

    return footprint


@pytest.mark.parametrize(
    "more_than, groups", [(1, ((0,), (1,), (2,))), (2, ((0, 1), (2,))), (3, ((0, 1, 2),))]
)
def test_a_kernel_without_room_is_taken_apart(
    more_than: int, groups: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worth, "footprint", crowded(more_than))
    monkeypatch.setattr("triton_mlx.fusion.joint.cost.LAUNCH_SECONDS", 0.0)
    monkeypatch.setattr("triton_mlx.runtime.capture._plans", {})
    x = mx.random.normal((N,))
    with triton_mlx.use("simulate", chip="M1"):
        fused = triton_mlx.fuse(chain)
        assert np.asarray(fused(x)).tobytes() == np.asarray(x * 8.0).tobytes()
    report = triton_mlx.fuse_report(fused)
    assert report.groups == groups
    assert {d.code for d in report.refusals} == ({"COST"} if more_than < 3 else set())
    assert all("72 of them spilled" in d.what and "(M1)" in d.what for d in report.refusals)


@pytest.mark.parametrize("chip, busy", [("M1", 24), ("M3 Max", 0)])
def test_footprints_are_of_the_lowered_kernel(chip: str, busy: int) -> None:
    x = mx.random.normal((N,))
    with triton_mlx.use("simulate", chip=chip):
        fused = triton_mlx.fuse(chain)
        mx.eval(fused(x))
        choice = triton_mlx.runtime.target.current()
    (joint,) = triton_mlx.fuse_report(fused).kernels
    found = worth.footprint(joint, choice)
    assert found is not None and found.busy == busy and not found.spilled
    assert 0 < found.registers <= 128 and found.simdgroups in (2, 4)


def test_nothing_is_lowered_twice_on_the_host() -> None:
    assert worth.footprint(None, Choice("host")) is None  # type: ignore[arg-type]
    assert worth.chip_of(Choice("host")).cores > 0
    assert worth.chip_of(Choice("simulate", chip="M2 Pro")).operations_per_byte == pytest.approx(
        6.8e12 / 2 / 205e9
    )
    assert worth.chip_of(Choice("simulate")).cores == 0
