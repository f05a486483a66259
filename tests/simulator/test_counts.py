"""`counted` on hand-written kernels whose loads, stores and meetings are known."""

from __future__ import annotations

import mlx.core as mx
import pytest

import triton_mlx
from triton_mlx import counted
from triton_mlx.examples import elementwise
from triton_mlx.runtime.metal_call import MetalCall
from triton_mlx.runtime.simulator import Traffic, simulate

THREADS, GROUPS = 64, 3
BODY = """
  uint i = thread_position_in_grid.x;
  uint t = thread_index_in_threadgroup;
  threadgroup float shared[64];
  shared[t] = simd_sum(x[i & 1]);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  out[i] = shared[t ^ 33];
  simdgroup_barrier(mem_flags::mem_none);
  if (t == 0) atomic_fetch_add_explicit((device atomic_uint*)&sums[0], 1u, memory_order_relaxed);
"""
MATRICES = """
  threadgroup float memory[64];
  simdgroup_float8x8 a, b, c(0.0f);
  simdgroup_load(a, x);
  simdgroup_load(b, x, 8, ulong2(0, 0), true);
  for (int k = 0; k < 5; k++) simdgroup_multiply_accumulate(c, a, b, c);
  simdgroup_store(c, memory);
  simdgroup_barrier(mem_flags::mem_threadgroup);
  out[thread_index_in_threadgroup] = memory[thread_index_in_threadgroup];
  out[thread_index_in_threadgroup + 32] = memory[thread_index_in_threadgroup + 32];
"""


def call(body: str, threads: int, groups: int, outputs: dict[str, tuple[int, str]]) -> MetalCall:
    return MetalCall(
        name="counted",
        input_names=("x",),
        output_names=tuple(outputs),
        source=body,
        header="",
        grid=(threads * groups, 1, 1),
        threadgroup=(threads, 1, 1),
        output_shapes=tuple((size,) for size, _ in outputs.values()),
        output_dtypes=tuple(dtype for _, dtype in outputs.values()),
        init_value=0.0,
    )


def test_every_kind() -> None:
    threads = THREADS * GROUPS
    made = call(BODY, THREADS, GROUPS, {"out": (threads, "float32"), "sums": (2, "uint32")})
    with counted() as counts:
        simulate(made, [mx.ones(100)])
    (got,) = counts
    assert got.source_lines == len(BODY.splitlines())
    assert got.buffers["x"] == Traffic(4 * threads, 0, 8 * threads // 32, 8, 0)
    assert got.buffers["out"] == Traffic(0, 4 * threads, 0, 0, 4 * threads)
    assert got.buffers["sums"] == Traffic(4 * GROUPS, 4 * GROUPS, 4 * GROUPS, 4, 4)
    assert got.device_bytes_read == 4 * threads + 4 * GROUPS
    assert got.device_bytes_written == 4 * threads + 4 * GROUPS
    assert (got.threads, got.threadgroups, got.threadgroup_bytes) == (threads, GROUPS, 256)
    assert got.threadgroup_bytes_read == got.threadgroup_bytes_written == 4 * threads
    assert got.threadgroup_barriers == GROUPS
    assert got.simdgroup_barriers == got.simd_operations == 2 * GROUPS
    assert got.matrix_multiplies == got.matrix_transfers == 0


def test_matrices() -> None:
    with counted() as counts:
        simulate(call(MATRICES, 32, 1, {"out": (64, "float32")}), [mx.ones(64)])
    (got,) = counts
    assert got.buffers["x"] == Traffic(2 * 256, 0, 2 * 256, 256, 0)
    assert (got.matrix_multiplies, got.matrix_transfers) == (5, 3)
    assert (got.simdgroup_barriers, got.simd_operations) == (1, 0)
    assert got.threadgroup_bytes_read == got.threadgroup_bytes_written == 256


def test_blocks_nest_and_only_launches_inside_count() -> None:
    x = mx.ones(1000)
    with triton_mlx.use("simulate"):
        mx.eval(elementwise.add(x, x))
        with counted() as outer:
            mx.eval(elementwise.add(x, x))
            with counted() as inner:
                mx.eval(elementwise.chain(x, x, 2.0))
        mx.eval(elementwise.add(x, x))
    assert [c.kernel.rpartition("_")[0] for c in outer] == ["add_kernel", "chain_kernel"]
    assert inner == outer[1:]


def test_off_means_no_traffic_records() -> None:
    made = call(MATRICES, 32, 1, {"out": (64, "float32")})
    for checked in (False, True):
        counters = simulate(made, [mx.ones(64)], checked=checked).counters
        assert counters["matrix_multiplies"] == 5
        assert ("device_bytes_read" in counters) == checked


STRIDED = """
  uint t = thread_index_in_threadgroup;
  threadgroup {type} shared[32 * 33];
  shared[{place}] = {type}(1);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  out[t] = x[t];
"""


@pytest.mark.parametrize(
    ("type_", "place", "conflicts"),
    [
        ("float", "t", 0),
        ("float", "t * 2", 1),
        ("float", "t * 8", 7),
        ("float", "t * 32", 31),
        ("float", "t * 33", 0),
        ("half", "t", 0),  # two lanes, one word
        ("half", "t * 2", 0),
        ("half", "t * 4", 1),
        ("float4", "t", 0),  # four parts of eight lanes
        ("float4", "t * 8", 4 * 7),
    ],
)
def test_bank_conflicts(type_: str, place: str, conflicts: int) -> None:
    body = STRIDED.format(type=type_, place=place)
    with counted() as counts:
        simulate(call(body, 32, 2, {"out": (64, "float32")}), [mx.ones(64)])
    assert counts[0].bank_conflicts == 2 * conflicts
