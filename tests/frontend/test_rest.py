"""What launches and TRITON_INTERPRET=1 ask the native module for: the same answers from the stand-in."""

from __future__ import annotations

import collections
from typing import Any

import numpy as np
import pytest
import triton
import triton.language as tl
from triton.backends.compiler import BaseBackend

from triton_mlx.runtime.frontend import interpreter as ours
from triton_mlx.runtime.frontend import place
from triton_mlx.runtime.frontend.specialise import native_specialize_impl as specialise

native = pytest.mark.skipif(place.is_python(), reason="no native Triton to compare with")
Pair = collections.namedtuple("Pair", ["first", "second"])


class Float(float):
    """A float that is not exactly one."""


class Pointer:
    def __init__(self, dtype: str, address: int):
        self.dtype, self.address = dtype, address

    def data_ptr(self) -> int:
        return self.address

    def __repr__(self) -> str:
        return f"{self.dtype} at {self.address}"


@triton.jit
def function(x):
    return x


INTEGERS = [
    0,
    1,
    2,
    15,
    16,
    -16,
    2**31 - 1,
    2**31,
    -(2**31),
    -(2**31) - 1,
    2**63 - 1,
    2**63,
    2**64 - 1,
]
VALUES: list[Any] = [
    *INTEGERS,
    *(True, False, 1.5, Float(2.0), None, "text", 2**64, -(2**63) - 1),
    *(np.float32(1), np.int32(3), [1, 2], tl.constexpr(3), function),
    *((1, 16, 2.0, None), Pair(3, Pointer("float16", 32)), ()),
    *(Pointer(dtype, address) for dtype in ("float32", "bool", "uint8") for address in (8, 32)),
]


def answer(function_: Any, *arguments: Any) -> Any:
    try:
        return function_(BaseBackend, *arguments)
    except (TypeError, OverflowError) as error:
        return type(error)


@native
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_arguments_are_specialised_alike(value: Any) -> None:
    from triton._C.libtriton import native_specialize_impl as theirs

    for flags in [(c, s, a) for c in (False, True) for s in (False, True) for a in (False, True)]:
        want = answer(theirs, value, *flags)
        found = answer(specialise, value, *flags)
        assert (type(found), found) == (type(want), want)


@native
@pytest.mark.parametrize("name", [kind.name for kind in ours.RMW_OP])
@pytest.mark.parametrize("dtype", ["int32", "uint32", "int64", "uint64", "float32", "float64"])
def test_atomics_of_the_interpreter_agree(name: str, dtype: str) -> None:
    from triton._C.libtriton import interpreter as theirs

    kind = np.dtype(dtype).kind
    if (name == "FADD") != (kind == "f"):
        pytest.skip("not an operation on this type")
    if name[0] == "U" and kind == "i" or name in ("MAX", "MIN") and kind == "u":
        pytest.skip("not an operation on this type")
    rng = np.random.default_rng(0)
    memory = rng.integers(0, 100, 8).astype(dtype)
    values = rng.integers(0, 100, 16).astype(dtype)
    index, mask = rng.integers(0, 8, 16), rng.random(16) < 0.7
    results = []
    for module in (ours, theirs):
        copy = memory.copy()
        at = (copy.ctypes.data + index * copy.itemsize).astype(np.uint64)
        order = module.MEM_SEMANTIC.RELAXED
        old = module.atomic_rmw(module.RMW_OP[name], at, values, mask, order)
        results.append((copy, old[mask]))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])


@pytest.mark.parametrize("dtype", ["int8", "float16", "float64"])
def test_loads_and_stores_touch_what_the_mask_says(dtype: str) -> None:
    memory = np.arange(10).astype(dtype)
    at = (memory.ctypes.data + np.arange(8) * memory.itemsize).astype(np.uint64)
    mask = np.arange(8) % 2 == 0
    found = ours.load(at, mask, np.full(8, 9, dtype), memory.dtype)
    np.testing.assert_array_equal(found, [0, 9, 2, 9, 4, 9, 6, 9])
    ours.store(at, np.full(8, 7, dtype), mask)
    np.testing.assert_array_equal(memory, [7, 1, 7, 3, 7, 5, 7, 7, 8, 9])
    nothing = ours.load(np.zeros(8, np.uint64), np.zeros(8, bool), np.zeros(8, dtype), dtype)
    assert not nothing.any()


def test_compare_and_swap_goes_by_bits() -> None:
    memory = np.array([0.0, -0.0, 1.0], np.float32)
    at = (memory.ctypes.data + np.arange(3) * 4).astype(np.uint64)
    old = ours.atomic_cas(at, np.zeros(3, np.float32), np.full(3, 5, np.float32), None)
    np.testing.assert_array_equal(memory, np.float32([5, -0.0, 1]))
    np.testing.assert_array_equal(np.signbit(old), [False, True, False])


@native
@pytest.mark.parametrize("name, dtype", [("fma_fp32", np.float32), ("fma_fp64", np.float64)])
def test_fused_multiply_adds_round_once(name: str, dtype: Any) -> None:
    from triton._C.libtriton import interpreter as theirs

    rng = np.random.default_rng(1)
    size, tiny = 3000, np.finfo(dtype).smallest_subnormal
    x, y = (rng.standard_normal(size).astype(dtype) for _ in range(2))
    z = np.where(
        rng.random(size) < 0.5, -(x * y), x * y * 2.0 ** rng.integers(20, 60, size)
    ).astype(dtype)
    x[:6], y[:6] = [np.inf, np.nan, 0, tiny, -0.0, 1e30], [1, 2, 3, dtype(0.5), 1, 1e30]
    z[:6] = [-np.inf, 1, -0.0, tiny, 0.0, -np.inf]
    found, want = getattr(ours, name)(x, y, z), getattr(theirs, name)(x, y, z)
    np.testing.assert_array_equal(found, want)
    np.testing.assert_array_equal(
        np.signbit(found), np.signbit(want) | np.isnan(want) & np.signbit(found)
    )
