"""Atomic updates of every kind: duplicate addresses, masks, old values, the order of float bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import triton
import triton.language as tl

from triton_mlx.fusion.errors import UnsupportedType

Array = npt.NDArray[Any]
N, PLACES = 64, 8


pytestmark = pytest.mark.usefixtures("target")


@triton.jit
def update_kernel(x_ptr, place_ptr, KIND: tl.constexpr, N: tl.constexpr, PLACES: tl.constexpr):
    number = tl.program_id(0) * N + tl.arange(0, N)
    x = tl.load(x_ptr + number)
    at = place_ptr + number % PLACES
    wanted = number % 3 != 1
    if KIND == "add":
        tl.atomic_add(at, x, mask=wanted)
    elif KIND == "max":
        tl.atomic_max(at, x, mask=wanted)
    elif KIND == "min":
        tl.atomic_min(at, x, mask=wanted)
    elif KIND == "and":
        tl.atomic_and(at, x, mask=wanted)
    elif KIND == "or":
        tl.atomic_or(at, x, mask=wanted)
    else:
        tl.atomic_xor(at, x, mask=wanted)


UFUNCS: dict[str, Any] = {
    "add": np.add,
    "max": np.maximum,
    "min": np.minimum,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
}


def values_of(dtype: str) -> tuple[Array, Array]:
    rng = np.random.default_rng(7)
    if dtype.startswith("float"):
        return (
            rng.standard_normal(4 * N).astype(dtype),
            np.linspace(-3, 3, PLACES).astype(dtype),
        )
    info = np.iinfo(dtype)
    draw = rng.integers(info.min, info.max, 4 * N + PLACES, dtype=dtype, endpoint=True)
    return draw[PLACES:], draw[:PLACES]


@pytest.mark.parametrize("dtype", ["int32", "uint32", "float32", "int64", "uint64", "float64"])
@pytest.mark.parametrize("kind", UFUNCS)
def test_updates_from_many_programs(target: str, kind: str, dtype: str) -> None:
    if dtype.startswith("float") and kind in ("and", "or", "xor"):
        pytest.skip("no such operation on floats")
    x, place = values_of(dtype)
    want = place.copy()
    number = np.arange(4 * N)
    with np.errstate(over="ignore"):
        for k in number[number % 3 != 1]:
            want[k % PLACES] = UFUNCS[kind](want[k % PLACES], x[k])
    if target != "host" and dtype.endswith("64"):
        with pytest.raises(UnsupportedType):
            update_kernel[(4,)](x, place, KIND=kind, N=N, PLACES=PLACES)
        return
    update_kernel[(4,)](x, place, KIND=kind, N=N, PLACES=PLACES)
    if dtype.startswith("float") and kind == "add":
        np.testing.assert_allclose(place, want, rtol=1e-5, atol=1e-5)
    else:
        np.testing.assert_array_equal(place, want)


@triton.jit
def order_kernel(x_ptr, most_ptr, least_ptr, old_ptr, N: tl.constexpr):
    o = tl.arange(0, N)
    x = tl.load(x_ptr + o)
    tl.store(old_ptr + o, tl.atomic_max(most_ptr + o, x))
    tl.atomic_min(least_ptr + o, x)


def test_floats_are_ordered_by_their_bits_and_old_values_come_back() -> None:
    special = np.array([0, -0.0, np.inf, -np.inf, 1e-45, -1e-45, 3, -3], np.float32)
    x, start = (a.reshape(-1).copy() for a in np.meshgrid(special, special))
    most, least, old = start.copy(), start.copy(), np.zeros_like(start)
    order_kernel[(1,)](x, most, least, old, N=N)
    bits = [np.where(b < 0, -1 - (b & 0x7FFFFFFF), b) for b in (x.view("i4"), start.view("i4"))]
    np.testing.assert_array_equal(most.view("i4"), np.where(bits[0] > bits[1], x, start).view("i4"))
    np.testing.assert_array_equal(
        least.view("i4"), np.where(bits[0] < bits[1], x, start).view("i4")
    )
    np.testing.assert_array_equal(old.view("i4"), start.view("i4"))


@triton.jit
def swap_kernel(x_ptr, place_ptr, old_ptr, N: tl.constexpr):
    o = tl.arange(0, N)
    x = tl.load(x_ptr + o)
    old = tl.atomic_xchg(place_ptr + o, x, mask=o < N - 2)
    tl.store(old_ptr + o, old, mask=o < N - 2)


def test_exchange() -> None:
    x, place = np.arange(N, dtype=np.float32), -np.arange(N, dtype=np.float32)
    old = np.zeros(N, np.float32)
    swap_kernel[(1,)](x, place, old, N=N)
    np.testing.assert_array_equal(place, np.append(x[:-2], [-62, -63]))
    np.testing.assert_array_equal(old, np.append(-x[:-2], [0, 0]))


@triton.jit
def replace_kernel(place_ptr, expected_ptr, x_ptr, old_ptr, N: tl.constexpr):
    o = tl.arange(0, N)
    old = tl.atomic_cas(place_ptr + o, tl.load(expected_ptr + o), tl.load(x_ptr + o))
    tl.store(old_ptr + o, old)


@pytest.mark.parametrize("dtype", ["int32", "int64", "float32", "int16"])
def test_compare_and_swap(target: str, dtype: str) -> None:
    place = np.arange(N).astype(dtype)
    expected = np.where(np.arange(N) % 2 == 0, place, 99).astype(dtype)
    x, old = (place + 1000).astype(dtype), np.zeros(N, dtype)
    want = np.where(np.arange(N) % 2 == 0, x, place)
    if target != "host" and dtype == "int64":
        with pytest.raises(UnsupportedType, match="cas"):
            replace_kernel[(1,)](place, expected, x, old, N=N)
        return
    replace_kernel[(1,)](place, expected, x, old, N=N)
    np.testing.assert_array_equal(place, want)
    np.testing.assert_array_equal(old, np.arange(N))


@triton.jit
def one_place_kernel(x_ptr, most_ptr, least_ptr):
    x = tl.load(x_ptr + tl.program_id(0))
    tl.atomic_max(most_ptr, x)
    tl.atomic_min(least_ptr, x)


@pytest.mark.parametrize("dtype", ["int32", "uint32", "float32"])
def test_scalars_without_a_mask(dtype: str) -> None:
    x, _ = values_of(dtype)
    most, least = x[:1].copy(), x[:1].copy()
    one_place_kernel[(N,)](x, most, least)
    assert most[0] == x[:N].max()
    assert least[0] == x[:N].min()
