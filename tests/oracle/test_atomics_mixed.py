"""One array updated in several ways, 16-bit atomics, atomic loads and stores, and loops that wait."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import numpy as np
import numpy.typing as npt
import pytest
import triton
import triton.language as tl
from hypothesis import given, settings
from hypothesis import strategies as st

from triton_mlx.fusion.errors import NoForwardProgress, UnsupportedType
from triton_mlx.runtime.inspect import lowered_last

Array = npt.NDArray[Any]
N = 64

pytestmark = pytest.mark.usefixtures("target")


@triton.jit
def step(place, x, KIND: tl.constexpr):
    if KIND == "add":
        old = tl.atomic_add(place, x)
    elif KIND == "max":
        old = tl.atomic_max(place, x)
    elif KIND == "min":
        old = tl.atomic_min(place, x)
    elif KIND == "xchg":
        old = tl.atomic_xchg(place, x)
    elif KIND == "cas":
        old = tl.atomic_cas(place, x - 1, x)
    elif KIND == "store":
        old = tl.atomic_load(place)
        tl.atomic_store(place, x)
    else:
        old = tl.load(place)
        tl.store(place, x + x)
    return old


@triton.jit
def steps_kernel(
    x_ptr, place_ptr, old_ptr, FIRST: tl.constexpr, SECOND: tl.constexpr, N: tl.constexpr
):
    """Two updates of each element, of any two kinds."""
    o = tl.arange(0, N)
    x = tl.load(x_ptr + o)
    tl.store(old_ptr + o, step(place_ptr + o, x, FIRST))
    tl.store(old_ptr + N + o, step(place_ptr + o, x + 1, SECOND))


# Triton 3.6 has no atomic loads and stores.
plain_atomics = pytest.mark.skipif(
    not hasattr(tl, "atomic_load"), reason="this Triton has no atomic loads and stores"
)

AFTER: dict[str, Any] = {
    "add": np.add,
    "max": np.maximum,
    "min": np.minimum,
    "xchg": lambda old, x: x,
    "cas": lambda old, x: np.where(old == x - 1, x, old),
    "store": lambda old, x: x,
    "plain": lambda old, x: x + x,
}
KINDS = [k for k in AFTER if k != "store" or hasattr(tl, "atomic_load")]


@pytest.mark.parametrize("dtype", ["int32", "float32", "uint32"])
@settings(max_examples=6, deadline=None)
@given(st.sampled_from(KINDS), st.sampled_from(KINDS), st.integers(0, 2**31))
def test_two_updates_of_one_array(dtype: str, first: str, second: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, place = (rng.integers(0, 4, N).astype(dtype) for _ in range(2))
    old, want = np.zeros(2 * N, dtype), place.copy()
    olds = []
    for name, more in ((first, 0), (second, 1)):
        olds.append(want)
        want = AFTER[name](want, (x + np.asarray(more, dtype)).astype(dtype)).astype(dtype)
    steps_kernel[(1,)](x, place, old, FIRST=first, SECOND=second, N=N)
    np.testing.assert_array_equal(place, want)
    np.testing.assert_array_equal(old, np.concatenate(olds))


@triton.jit
def counts_kernel(x_ptr, place_ptr, N: tl.constexpr, PLACES: tl.constexpr):
    """Sums and maxima of one array, from many programs."""
    o = tl.program_id(0) * N + tl.arange(0, N)
    x = tl.load(x_ptr + o)
    tl.atomic_add(place_ptr + o % PLACES, x)
    tl.atomic_max(place_ptr + PLACES + o % PLACES, x)


@pytest.mark.parametrize("dtype", ["int32", "float32"])
@pytest.mark.parametrize("places", [1, 7])
def test_two_kinds_from_many_programs(dtype: str, places: int) -> None:
    x = np.random.default_rng(places).integers(-9, 9, 4 * N).astype(dtype)
    place = np.arange(2 * places).astype(dtype)
    want = place.copy()
    np.add.at(want, np.arange(x.size) % places, x)
    np.maximum.at(want, places + np.arange(x.size) % places, x)
    counts_kernel[(4,)](x, place, N=N, PLACES=places)
    np.testing.assert_array_equal(place, want)


@triton.jit
def sum_kernel(x_ptr, place_ptr, N: tl.constexpr, PLACES: tl.constexpr):
    o = tl.program_id(0) * N + tl.arange(0, N)
    tl.atomic_add(place_ptr + o % PLACES, tl.load(x_ptr + o))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("places", [1, 5, 8])
def test_sums_of_halves(target: str, dtype: str, places: int) -> None:
    """Neighbours lie in one word, and the last one may be alone in its word."""
    x = np.random.default_rng(places).integers(-2, 3, 4 * N).astype(np.float32)
    place, want = mx.ones(places, getattr(mx, dtype)), np.ones(places, np.float32)
    np.add.at(want, np.arange(x.size) % places, x)
    sum_kernel[(4,)](mx.array(x).astype(place.dtype), place, N=N, PLACES=places)
    np.testing.assert_array_equal(np.array(place.astype(mx.float32)), want)
    if target != "host":
        assert lowered_last(sum_kernel, target).accesses[1].mode == "xored"


@triton.jit
def bits_kernel(place_ptr, out_ptr, x, N: tl.constexpr):
    """An "and" starts from all ones and other outputs from zero."""
    o = tl.arange(0, N)
    tl.atomic_and(place_ptr + o % 8, x | o)
    tl.atomic_or(out_ptr + o % 8, o)


def test_an_and_beside_what_starts_from_zero() -> None:
    place, out = np.full(8, 0xFFF, np.int32), np.full(8, 0x100, np.int32)
    o = np.arange(N)
    want, more = place.copy(), out.copy()
    np.bitwise_and.at(want, o % 8, 5 | o)
    np.bitwise_or.at(more, o % 8, o)
    bits_kernel[(1,)](place, out, 5, N=N)
    np.testing.assert_array_equal(place, want)
    np.testing.assert_array_equal(out, more)


@triton.jit
def product_kernel(x_ptr, place_ptr):
    x = tl.load(x_ptr + tl.program_id(0))
    old = tl.load(place_ptr)
    seen = tl.atomic_cas(place_ptr, old, old * x)
    while seen != old:
        old = seen
        seen = tl.atomic_cas(place_ptr, old, old * x)


def test_an_update_that_is_tried_again_is_no_wait() -> None:
    x, place = np.arange(1, 8, dtype=np.float32), np.ones(1, np.float32)
    product_kernel[(7,)](x, place)
    assert place[0] == 5040


@triton.jit
def queue_kernel(counter_ptr, out_ptr, n):
    at = tl.atomic_add(counter_ptr, 1)
    while at < n:
        tl.store(out_ptr + at, at)
        at = tl.atomic_add(counter_ptr, 1)


def test_a_queue_is_no_wait() -> None:
    counter, out = np.zeros(1, np.int32), np.zeros(50, np.int32)
    queue_kernel[(4,)](counter, out, 50)
    np.testing.assert_array_equal(out, np.arange(50))
    assert counter[0] == 54


@triton.jit
def lock_kernel(lock_ptr, sum_ptr):
    while tl.atomic_cas(lock_ptr, 0, 1) == 1:
        pass
    tl.store(sum_ptr, tl.load(sum_ptr) + 1)
    tl.atomic_xchg(lock_ptr, 0)


@triton.jit
def flag_kernel(flag_ptr, out_ptr):
    tl.atomic_add(flag_ptr, 1)
    while tl.atomic_add(flag_ptr, 0) < 1:
        pass
    tl.store(out_ptr, 7)


@triton.jit
def nested_flag_kernel(flag_ptr, out_ptr):
    tl.atomic_xchg(flag_ptr, 1)
    ready = False
    while not ready:
        if tl.atomic_load(flag_ptr) == 1:
            ready = True
    tl.store(out_ptr, 7)


@triton.jit
def poll_kernel(flag_ptr, out_ptr):
    tl.atomic_store(flag_ptr, 3)
    tl.store(out_ptr, tl.atomic_poll(flag_ptr, 3).to(tl.int32) * 7)


@pytest.mark.parametrize(
    ("kernel", "programs", "want"),
    [
        (lock_kernel, 8, 8),
        (flag_kernel, 1, 7),
        pytest.param(nested_flag_kernel, 1, 7, marks=plain_atomics),
        pytest.param(poll_kernel, 1, 7, marks=plain_atomics),
    ],
    ids=["lock", "flag", "nested", "poll"],
)
def test_waiting_is_for_the_host(target: str, kernel: Any, programs: int, want: int) -> None:
    flag, out = np.zeros(1, np.int32), np.zeros(1, np.int32)
    if target != "host":
        with pytest.raises(NoForwardProgress, match="one after the other"):
            kernel[(programs,)](flag, out)
        return
    kernel[(programs,)](flag, out)
    assert out[0] == want


@pytest.mark.parametrize("dtype", ["int64", "float64"])
def test_wide_atomics_are_for_the_host(target: str, dtype: str) -> None:
    x, place = np.ones(N, dtype), np.ones(4, dtype)
    if target != "host":
        with pytest.raises(UnsupportedType):
            sum_kernel[(1,)](x, place, N=N, PLACES=4)
        return
    sum_kernel[(1,)](x, place, N=N, PLACES=4)
    np.testing.assert_array_equal(place, np.full(4, 1 + N / 4))
