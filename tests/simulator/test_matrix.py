"""Products on 8x8 matrices: sizes, types, views, chains, and that the epilogue stays in registers."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import numpy as np
import numpy.typing as npt
import pytest
import triton
import triton.language as tl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import triton_mlx
from triton_mlx.runtime.inspect import lowered_last

Floats = npt.NDArray[np.float32]


@triton.jit
def product(a_ptr, b_ptr, c_ptr, out_ptr, B: tl.constexpr, M: tl.constexpr, N: tl.constexpr,
            K: tl.constexpr, STEP: tl.constexpr, TRANS_A: tl.constexpr, TRANS_B: tl.constexpr):  # fmt: skip
    m, n = tl.arange(0, M), tl.arange(0, N)
    acc = tl.load(c_ptr + m[:, None] * N + n[None, :])
    for start in range(0, K, STEP):
        k = start + tl.arange(0, STEP)
        if TRANS_A:
            a = tl.trans(tl.load(a_ptr + k[:, None] * M + m[None, :]))
        else:
            a = tl.load(a_ptr + m[:, None] * K + k[None, :])
        if TRANS_B:
            b = tl.trans(tl.load(b_ptr + n[:, None] * K + k[None, :]))
        else:
            b = tl.load(b_ptr + k[:, None] * N + n[None, :])
        acc = tl.dot(a, b, acc, input_precision="ieee")
    acc = tl.where(acc > 0, acc, acc * 0.5) + n[None, :]
    tl.store(out_ptr + m[:, None] * N + n[None, :], acc)


@triton.jit
def batched(a_ptr, b_ptr, out_ptr, B: tl.constexpr, M: tl.constexpr, N: tl.constexpr,
            K: tl.constexpr):  # fmt: skip
    g, m, n, k = tl.arange(0, B), tl.arange(0, M), tl.arange(0, N), tl.arange(0, K)
    a = tl.load(a_ptr + g[:, None, None] * (M * K) + m[None, :, None] * K + k[None, None, :])
    b = tl.load(b_ptr + g[:, None, None] * (K * N) + k[None, :, None] * N + n[None, None, :])
    acc = tl.dot(a, b, input_precision="ieee")
    tl.store(out_ptr + g[:, None, None] * (M * N) + m[None, :, None] * N + n[None, None, :], acc)


@triton.jit
def chain(a_ptr, b_ptr, c_ptr, out_ptr, top_ptr, M: tl.constexpr, N: tl.constexpr,
          K: tl.constexpr, L: tl.constexpr):  # fmt: skip
    m, n, k, d = tl.arange(0, M), tl.arange(0, N), tl.arange(0, K), tl.arange(0, L)
    a = tl.load(a_ptr + m[:, None] * K + k[None, :])
    b = tl.load(b_ptr + k[:, None] * N + n[None, :])
    c = tl.load(c_ptr + n[:, None] * L + d[None, :])
    first = tl.dot(a, b, input_precision="ieee")
    top = tl.max(first, axis=1)
    tl.store(top_ptr + m, top)
    first = (first - top[:, None]).to(c.dtype)
    tl.store(out_ptr + m[:, None] * L + d[None, :], tl.dot(first, c, input_precision="ieee"))


def small(rng: np.random.Generator, *shape: int) -> Floats:
    """Integers: sums are exact in every order and type."""
    return rng.integers(-3, 4, shape).astype(np.float32)


def array(x: Floats, dtype: str) -> mx.array:
    return mx.array(x).astype(getattr(mx, dtype))


POWERS = st.sampled_from([8, 16, 32, 64])
TYPES = st.sampled_from(["float32", "float16", "bfloat16"])
WARPS = st.sampled_from([1, 2, 4, 8])
SETTINGS = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(autouse=True)
def _simulated() -> Any:
    with triton_mlx.use("simulate", checked=True):
        yield


@SETTINGS
@given(POWERS, POWERS, POWERS, st.booleans(), st.booleans(), TYPES, WARPS)
def test_product(m: int, n: int, k: int, ta: bool, tb: bool, dtype: str, warps: int) -> None:
    rng = np.random.default_rng(m * n + k)
    a, b, c = small(rng, m, k), small(rng, k, n), small(rng, m, n)
    out = mx.zeros((m, n))
    left, right = (a.T.copy() if ta else a), (b.T.copy() if tb else b)
    product[(1,)](
        array(left, dtype), array(right, dtype), mx.array(c), out,
        1, m, n, k, min(k, 16), ta, tb, num_warps=warps,
    )  # fmt: skip
    want = a @ b + c
    want = np.where(want > 0, want, want / 2) + np.arange(n, dtype=np.float32)
    np.testing.assert_array_equal(np.array(out), want)


@SETTINGS
@given(st.sampled_from([2, 4]), POWERS, st.sampled_from([8, 16]), POWERS, TYPES, WARPS)
def test_batched(g: int, m: int, n: int, k: int, dtype: str, warps: int) -> None:
    rng = np.random.default_rng(m + n + k)
    a, b = small(rng, g, m, k), small(rng, g, k, n)
    out = mx.zeros((g, m, n))
    batched[(1,)](array(a, dtype), array(b, dtype), out, g, m, n, k, num_warps=warps)
    np.testing.assert_array_equal(np.array(out), a @ b)


@SETTINGS
@given(POWERS, POWERS, POWERS, st.sampled_from([8, 16, 32]), TYPES, WARPS)
def test_chain(m: int, n: int, k: int, depth: int, dtype: str, warps: int) -> None:
    rng = np.random.default_rng(m + n + k)
    a, b, c = small(rng, m, k) / 4, small(rng, k, n) / 4, small(rng, n, depth)
    out, top = mx.zeros((m, depth)), mx.zeros((m,))
    chain[(1,)](
        array(a, dtype), array(b, dtype), array(c, dtype), out, top, m, n, k, depth, num_warps=warps
    )
    first = a @ b
    most = first.max(axis=1)
    np.testing.assert_array_equal(np.array(top), most)
    second = np.array(array(first - most[:, None], dtype).astype(mx.float32))
    np.testing.assert_array_equal(np.array(out), second @ c)


@pytest.mark.parametrize("warps", [2, 4, 8])
def test_between_the_last_matrix_and_the_store_is_no_threadgroup_memory(warps: int) -> None:
    rng = np.random.default_rng(warps)
    a, b, c = small(rng, 64, 64), small(rng, 64, 64), small(rng, 64, 64)
    product[(1,)](
        mx.array(a), mx.array(b), mx.array(c), mx.zeros((64, 64)),
        1, 64, 64, 64, 32, False, False, num_warps=warps,
    )  # fmt: skip
    body = lowered_last(product, "metal").body
    epilogue = body[body.rindex("tile_multiply") :]
    assert "out_ptr" in epilogue
    assert "threadgroup" not in epilogue and "shared" not in epilogue


@pytest.mark.parametrize("warps", [1, 2, 4])
def test_a_chain_in_rows_keeps_its_scores_in_registers(warps: int) -> None:
    """Only the two right operands are staged: two pairs of barriers, one where the first is free."""
    rng = np.random.default_rng(warps)
    a, b, c = small(rng, 32, 16), small(rng, 16, 32), small(rng, 32, 16)
    chain[(1,)](
        *map(mx.array, (a, b, c)), mx.zeros((32, 16)), mx.zeros((32,)),
        32, 32, 16, 16, num_warps=warps,
    )  # fmt: skip
    kernel = lowered_last(chain, "metal")
    assert kernel.body.count("threadgroup_barrier") == (0 if warps == 1 else 3)
    assert (kernel.threadgroup_bytes == 0) == (warps == 1)


def test_cuda_takes_operands_of_one_warp_from_registers() -> None:
    """The rows of the right operand that a lane has are as far apart as the matrices beside each other."""
    rng = np.random.default_rng(1)
    a, b, c = small(rng, 16, 16), small(rng, 16, 32), small(rng, 32, 8)
    chain[(1,)](
        *(array(x, "float16") for x in (a, b, c)), mx.zeros((16, 8)), mx.zeros((16,)),
        16, 32, 16, 8, num_warps=1,
    )  # fmt: skip
    kernel = lowered_last(chain, "cuda:cuda 9.0")
    assert kernel.schedule.count("left in registers, right in registers") == 2
    assert kernel.body.count("tile_multiply<4>(") == kernel.body.count("tile_multiply<1>(") == 1


def test_sizes_below_a_matrix_use_plain_multiplication() -> None:
    rng = np.random.default_rng(4)
    a, b, c = small(rng, 4, 16), small(rng, 16, 8), small(rng, 4, 8)
    out = mx.zeros((4, 8))
    product[(1,)](mx.array(a), mx.array(b), mx.array(c), out, 1, 4, 8, 16, 16, False, False)
    want = a @ b + c
    want = np.where(want > 0, want, want / 2) + np.arange(8, dtype=np.float32)
    np.testing.assert_array_equal(np.array(out), want)
    assert "tile_multiply" not in lowered_last(product, "metal").body


@triton.jit
def moved(x_ptr, out_ptr, M: tl.constexpr, N: tl.constexpr):
    m, n = tl.arange(0, M), tl.arange(0, N)
    x = tl.load(x_ptr + m[:, None] * N + n[None, :])
    y = tl.dot(x, x, input_precision="ieee")
    tl.store(out_ptr + n[:, None] * M + m[None, :], tl.trans(y) - y)


def test_tiles_larger_than_threadgroup_memory_change_their_layout_in_parts() -> None:
    rng = np.random.default_rng(3)
    x, out = small(rng, 128, 128), mx.zeros((128, 128))
    moved[(1,)](mx.array(x), out, 128, 128)
    y = x @ x
    np.testing.assert_array_equal(np.array(out), y.T - y)
    assert "int part" in lowered_last(moved, "metal").body
