"""Order between steps of a program, values of one element, and what undefined operands must not spoil."""

from __future__ import annotations

import re
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
import triton
import triton.language as tl

import triton_mlx

pytestmark = pytest.mark.usefixtures("target")


@triton.jit
def fenced_kernel(x_ptr, y_ptr, z_ptr, out_ptr):
    small, large = tl.arange(0, 8), tl.arange(0, 128)
    tl.store(x_ptr + small[:, None] + 8 * small[None, :], small[:, None] * 10 + small[None, :])
    tl.store(y_ptr + large, tl.load(z_ptr + large))
    turned = tl.arange(0, 64)
    tl.store(out_ptr + turned, tl.load(y_ptr + 63 - turned))
    tl.store(out_ptr + 64 + large, tl.load(x_ptr + 63 - large % 64))


def test_a_fence_for_one_array_does_not_stand_for_an_earlier_load_of_another() -> None:
    x, y, z = np.zeros(64, np.int32), np.zeros(128, np.int32), np.arange(128, dtype=np.int32)
    out = np.zeros(192, np.int32)
    fenced_kernel[(1,)](x, y, z, out)
    want = (np.arange(8)[:, None] * 10 + np.arange(8)[None, :]).T.reshape(-1)
    np.testing.assert_array_equal(out[:64], np.arange(63, -1, -1))
    np.testing.assert_array_equal(out[64:], np.tile(want[::-1], 2))


@triton.jit
def single_kernel(count_ptr, out_ptr):
    _, carried = tl.split(tl.full((2,), 5, tl.int32))
    other = tl.full((), 3, tl.int32)
    for _ in range(0, tl.load(count_ptr)):
        carried, other = other, tl.maximum(carried, other) - 1
    tl.store(out_ptr, carried * 100 + other)


def test_a_tile_of_one_element_is_carried_like_a_scalar() -> None:
    out = mx.zeros((1,), mx.int32)
    single_kernel[(1,)](mx.array([3], mx.int32), out)
    assert out.item() == 303  # (5, 3), (3, 4), (4, 3), (3, 3)


@triton.jit
def shift_kernel(x_ptr, n_ptr, out_ptr, N: tl.constexpr):
    at = tl.arange(0, N)
    n = tl.load(n_ptr + at)
    tl.store(out_ptr + at, tl.where(n < 32, tl.load(x_ptr + at) << n, -1))


def test_shifts_that_are_too_far_do_not_spoil_what_chooses_between_them() -> None:
    n = np.arange(64, dtype=np.int32)
    out = np.zeros(64, np.int32)
    shift_kernel[(1,)](np.ones(64, np.int32), n, out, N=64)
    want = np.where(n < 32, np.left_shift(1, n % 32, dtype=np.int64), -1).astype(np.int32)
    np.testing.assert_array_equal(out, want)


@triton.jit
def tuple_kernel(inputs, out_ptr, N: tl.constexpr):
    at = tl.arange(0, N)
    tl.store(out_ptr + at, tl.load(inputs[0] + at) * inputs[1])


def test_arrays_and_numbers_of_numpy_in_a_tuple() -> None:
    out = np.zeros(8, np.float32)
    tuple_kernel[(1,)]((np.arange(8, dtype=np.float32), np.float32(2.5)), out, N=8)
    np.testing.assert_array_equal(out, np.arange(8) * 2.5)


@triton.jit
def sort_kernel(x_ptr, out_ptr, M: tl.constexpr, N: tl.constexpr):
    at = tl.arange(0, M)[:, None] * N + tl.arange(0, N)[None, :]
    tl.store(out_ptr + at, tl.sort(tl.load(x_ptr + at)))


def test_a_sort_of_rank_ten_is_loops_over_few_dimensions(target: Any) -> None:
    x = np.random.default_rng(0).standard_normal((8, 128)).astype(np.float32)
    out = np.zeros_like(x)
    sort_kernel[(1,)](x, out, M=8, N=128)
    np.testing.assert_array_equal(out, np.sort(x))
    if target == "host":
        loops = re.findall(r"for \(int r(\d)", triton_mlx.emit_last(sort_kernel, "host"))
        assert max(map(int, loops)) < 6
