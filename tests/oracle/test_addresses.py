"""Addresses as numbers: of one array, on every target; from memory, where arrays have addresses."""

from __future__ import annotations

import mlx.core as mx
import numpy as np
import pytest
import triton
import triton.language as tl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import triton_mlx
from triton_mlx.fusion.errors import DeviceAssert, PointerProvenance


@triton.jit
def shifted_kernel(x, out, shift, STEP: tl.constexpr, BLOCK: tl.constexpr):
    """Goes to addresses and back: to the STEP elements that begin at a multiple of STEP from x."""
    at = tl.arange(0, BLOCK)
    first = x.to(tl.int64)
    address = (x + shift + at).to(tl.int64)
    bytes_ = STEP * (x.dtype.element_ty.primitive_bitwidth // 8)
    aligned = first + (address - first + bytes_ - 1) // bytes_ * bytes_
    pointer = aligned.to(tl.pointer_type(x.dtype.element_ty))
    tl.store(out + at, tl.load(pointer))


@triton.jit
def walking_kernel(x, out, count, BLOCK: tl.constexpr):
    """A pointer that a loop makes of the address of the one before it."""
    at = tl.arange(0, BLOCK)
    pointer = x
    total = tl.zeros((BLOCK,), tl.float32)
    for _ in range(count):
        total += tl.load(pointer + at)
        pointer = (pointer.to(tl.int64) + 4 * BLOCK).to(tl.pointer_type(tl.float32))
    tl.store(out + at, total)


@triton.jit
def aligned_kernel(x, out, BLOCK: tl.constexpr):
    """What alignment to 16 bytes leaves of an address that is a multiple of 16 anyway."""
    at = tl.arange(0, BLOCK)
    down = (x.to(tl.int64) & -16).to(tl.pointer_type(tl.float32))
    up = ((x.to(tl.int64) + 15) & -16).to(tl.pointer_type(tl.float32))
    tl.store(out + at, tl.load(down + at) - tl.load(up + at + BLOCK))


@triton.jit
def doubled_kernel(places, out, n, BLOCK: tl.constexpr):
    """Every program doubles the array whose address is in memory, and notes what was there."""
    at, program = tl.arange(0, BLOCK), tl.program_id(0)
    pointer = tl.load(places + program).to(tl.pointer_type(tl.float32))
    old = tl.load(pointer + at, mask=at < n)
    tl.store(pointer + at, old * 2, mask=at < n)
    tl.store(out + program * BLOCK + at, old, mask=at < n)


@triton.jit
def told_kernel(address, out, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    tl.store(out + at, tl.load(address.to(tl.pointer_type(tl.float32)) + at))


@triton.jit
def given_away_kernel(x, out):
    tl.store(out, x.to(tl.int64))


@triton.jit
def apart_kernel(x, y, out):
    tl.store(out, tl.load(x + (y.to(tl.int64) - x.to(tl.int64)) // 4))


@pytest.mark.parametrize("target", ["host", "simulate"])
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    shift=st.integers(0, 40),
    step=st.sampled_from([1, 2, 8]),
    dtype=st.sampled_from([np.float32, np.int16, np.uint8, np.float16]),
)
def test_there_and_back(target: str, shift: int, step: int, dtype: type) -> None:
    x = np.arange(80).astype(dtype)
    out = np.zeros(32, dtype)
    with triton_mlx.use(target):
        shifted_kernel[(1,)](x, out, shift, STEP=step, BLOCK=32)
    np.testing.assert_array_equal(out, x[-(-(shift + np.arange(32)) // step) * step])


@pytest.mark.parametrize("target", ["host", "simulate"])
def test_mlx_arrays_have_addresses_too(target: str) -> None:
    x, out = mx.arange(80, dtype=mx.float32), mx.zeros(16)
    with triton_mlx.use(target):
        shifted_kernel[(1,)](x, out, 3, STEP=4, BLOCK=16)
    np.testing.assert_array_equal(np.array(out), -(-(3 + np.arange(16)) // 4) * 4)


@pytest.mark.parametrize("target", ["host", "simulate"])
def test_aligned_arrays_stay_where_they_are(target: str) -> None:
    memory = np.arange(40, dtype=np.float32)
    start = -memory.ctypes.data // 4 % 4
    x, out = memory[start : start + 32], np.zeros(16, np.float32)
    with triton_mlx.use(target):
        aligned_kernel[(1,)](x, out, BLOCK=16)
    np.testing.assert_array_equal(out, -16)


def arrays() -> list[np.ndarray]:
    return [np.arange(10, dtype=np.float32) + 100 * k for k in range(3)]


def places_of(found: list[np.ndarray]) -> np.ndarray:
    return np.array([a.ctypes.data for a in found])


def check_doubled(found: list[np.ndarray], out: np.ndarray) -> None:
    for k, old in enumerate(arrays()):
        np.testing.assert_array_equal(found[k], 2 * old)
        np.testing.assert_array_equal(np.array(out).reshape(3, 16)[k, :10], old)


@pytest.mark.parametrize("kind", ["numpy", "mlx"])
def test_addresses_in_memory_on_the_host(kind: str) -> None:
    found = arrays()
    places, out = places_of(found), np.zeros(48, np.float32)
    given_ = (places, out) if kind == "numpy" else (mx.array(places), mx.array(out))
    with triton_mlx.use("host"):
        doubled_kernel[(3,)](*given_, 10, BLOCK=16)
    check_doubled(found, given_[1])  # with no evaluation in between: it ran at once


def test_an_array_that_is_passed_may_be_one_of_an_address() -> None:
    found = [np.zeros(48, np.float32)]
    found[0][:10] = 1
    with triton_mlx.use("host"):
        doubled_kernel[(1,)](places_of(found), found[0], 10, BLOCK=16)
    np.testing.assert_array_equal(found[0][:10], 1)  # the later store is the one that is seen


def test_an_address_as_a_number() -> None:
    x, out = np.arange(16, dtype=np.float32), np.zeros(16, np.float32)
    with triton_mlx.use("host"):
        told_kernel[(1,)](x.ctypes.data, out, BLOCK=16)
        np.testing.assert_array_equal(out, x)
        with pytest.raises(DeviceAssert, match="no multiple of 4"):
            told_kernel[(1,)](x.ctypes.data + 2, out, BLOCK=8)


def test_a_loop_that_goes_by_addresses() -> None:
    x, out = np.arange(64, dtype=np.float32), np.zeros(16, np.float32)
    with triton_mlx.use("host"):
        walking_kernel[(1,)](x, out, 4, BLOCK=16)
    np.testing.assert_array_equal(out, x.reshape(4, 16).sum(0))


def test_an_address_given_away_is_real_on_the_host() -> None:
    x, out = np.zeros(4, np.float32), np.zeros(1, np.int64)
    with triton_mlx.use("host"):
        given_away_kernel[(1,)](x, out)
    assert out[0] == x.ctypes.data


def test_refused_where_arrays_have_no_address() -> None:
    x, y, out = np.zeros(4, np.float32), np.zeros(4, np.float32), np.zeros(1, np.int64)
    with triton_mlx.use("simulate"):
        with pytest.raises(PointerProvenance, match=r"not known to be of one array(.|\n)*test_add"):
            doubled_kernel[(1,)](places_of(arrays()), y, 4, BLOCK=4)
        with pytest.raises(PointerProvenance, match="given away"):
            given_away_kernel[(1,)](x, out)
        with pytest.raises(PointerProvenance, match="different arrays"):
            apart_kernel[(1,)](x, y, x)


@triton.jit
def half_kernel(x, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    tl.store(x + at, tl.load(x + at, mask=at < n) * 0.5, mask=at < n)


def test_fuse_leaves_such_launches_alone() -> None:
    found = arrays()
    places, out = mx.array(places_of(found)), mx.ones(48)
    with triton_mlx.use("host"), triton_mlx.fuse() as scope:
        half_kernel[(1,)](out, 48, BLOCK=64)
        doubled_kernel[(3,)](places, out, 10, BLOCK=16)
        half_kernel[(1,)](out, 48, BLOCK=64)
    assert "ADDRESSES" in {d.code for d in scope.report.refusals}
    assert len(scope.report.groups) == 3
    rows = np.array(out).reshape(3, 16)
    for k, old in enumerate(arrays()):
        np.testing.assert_array_equal(found[k], 2 * old)
        np.testing.assert_array_equal(rows[k, :10], old / 2)
        np.testing.assert_array_equal(rows[k, 10:], 0.25)
