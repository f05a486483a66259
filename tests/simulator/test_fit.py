"""Kernels fit every chip: threads, threadgroup memory, buffers and estimated registers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx.core as mx
import pytest
import triton
import triton.language as tl

import triton_mlx
from triton_mlx import hwinfo
from triton_mlx.examples import attention, layernorm, matmul, softmax
from triton_mlx.fusion.errors import TileTooLarge
from triton_mlx.lowering.targets import target_for
from triton_mlx.runtime.inspect import lowered_last


def normal(*shape: int, dtype: Any) -> mx.array:
    return mx.random.normal(shape).astype(dtype)


def tile_128x256x64(dtype: Any, warps: int) -> None:
    a, b = normal(128, 64, dtype=dtype), normal(64, 256, dtype=dtype)
    matmul.matmul_kernel[(1,)](
        a, b, a, mx.zeros((128, 256), dtype), 128, 256, 64, 64, 1, 256, 1, 256, 1, 0.0,
        BM=128, BN=256, BK=64, GROUP=8, BIAS=False, LEAKY_RELU=False, num_warps=warps,
    )  # fmt: skip


def _attention(dtype: Any) -> None:
    x = normal(1, 1, 64, 64, dtype=dtype)
    attention.attention(x, x, x, True)


KERNELS: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "softmax": (softmax.softmax_kernel, lambda d: softmax.softmax(normal(3, 4096, dtype=d))),
    "softmax_long": (
        softmax.softmax_long_kernel,
        lambda d: softmax.softmax_long(normal(3, 300, dtype=d), 128),
    ),
    "matmul": (
        matmul.matmul_kernel,
        lambda d: matmul.matmul(normal(64, 64, dtype=d), normal(64, 64, dtype=d)),
    ),
    "layer_norm": (
        layernorm.layer_norm_kernel,
        lambda d: layernorm.layer_norm(*(normal(*s, dtype=d) for s in ((3, 4096), (4096,), (4096,)))),
    ),
    "attention": (attention.attention_kernel, _attention),
    "128x256x64, 4 warps": (matmul.matmul_kernel, lambda d: tile_128x256x64(d, 4)),
    "128x256x64, 8 warps": (matmul.matmul_kernel, lambda d: tile_128x256x64(d, 8)),
}  # fmt: skip
CHIPS = [r for r in hwinfo.rows() if r.backend == "metal"]


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("name", KERNELS)
def test_every_chip(name: str, dtype: str) -> None:
    kernel, launch = KERNELS[name]
    with triton_mlx.use("simulate"):
        launch(getattr(mx, dtype))
    for row in CHIPS:
        made = lowered_last(kernel, f"metal:{row.name}" if row.name != "simulator" else "simulate")
        target = target_for(row)
        assert made.threads <= row.value("max_threads_per_threadgroup")
        assert made.threadgroup_bytes <= row.value("threadgroup_memory_bytes")
        assert len(made.accesses) * 2 + 2 <= row.value("max_buffers")
        assert 0 < made.registers <= target.registers, made.schedule
        assert "simdgroup" in made.schedule


@triton.jit
def without_maximum(x_ptr, out_ptr, N: tl.constexpr):
    at = tl.arange(0, N)
    x = tl.load(x_ptr + at)
    tl.store(out_ptr + at, x - tl.max(x))


@pytest.mark.parametrize(
    ("size", "warps", "threads", "says"),
    [
        (64, 4, 64, "2 simdgroups, not 4: the largest tile has no elements for more"),
        (1, 8, 32, "1 simdgroup, not 8: the largest tile"),
        (1024, 4, 128, "4 simdgroups, as asked for"),
        (65536, 1, 1024, "32 simdgroups, not 1: fewer"),
    ],
)
def test_the_number_of_simdgroups_and_why(size: int, warps: int, threads: int, says: str) -> None:
    x, out = mx.arange(size).astype(mx.float32), mx.zeros((size,))
    with triton_mlx.use("simulate", checked=True):
        without_maximum[(1,)](x, out, size, num_warps=warps)
    assert mx.array_equal(out, x - x.max())
    made = lowered_last(without_maximum, "simulate")
    assert made.threads == threads
    assert made.schedule.startswith(says), made.schedule


@pytest.mark.spills
def test_what_fits_nowhere_says_that_it_spills() -> None:
    x, out = mx.arange(1 << 17).astype(mx.float32), mx.zeros((1 << 17,))
    with triton_mlx.use("simulate"):
        without_maximum[(1,)](x, out, 1 << 17, num_warps=4)
    assert mx.array_equal(out, x - x.max())
    assert "expect spills" in lowered_last(without_maximum, "simulate").schedule


def test_far_too_many_registers_are_refused() -> None:
    x = mx.zeros((1 << 20,))
    with triton_mlx.use("simulate"), pytest.raises(TileTooLarge, match="takes|registers"):
        without_maximum[(1,)](x, x, 1 << 20, num_warps=4)
