"""Floats that no integer of the type is: the same on every target, in every width."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import triton
import triton.language as tl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import triton_mlx
from triton_mlx.fusion.errors import UnsupportedType

SIZE = 64
INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


@triton.jit
def whole_kernel(x, out, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    tl.store(out + at, tl.load(x + at).to(out.dtype.element_ty))


@triton.jit
def number_kernel(x, out):
    tl.store(out, tl.load(x).to(out.dtype.element_ty))


def expected(values: Any, to: str) -> Any:
    """Saturates, cuts towards zero, and makes 0 of NaN; in Python's integers, element by element."""
    ends = np.iinfo(to)
    found = []
    for value in values.astype(np.float64).tolist():
        if value != value:
            found.append(0)
        elif value in (np.inf, -np.inf):
            found.append(ends.max if value > 0 else ends.min)
        else:
            found.append(min(max(int(value), int(ends.min)), int(ends.max)))
    return np.array(found, to)


def edges(dtype: Any) -> Any:
    """The ends of every integer type, and the floats beside them."""
    powers = [2.0**k for k in (7, 8, 15, 16, 31, 32, 63, 64)]
    near = [np.float64(0), 0.5, 0.99, np.nan, np.inf, *powers, *(p - 1 for p in powers)]
    with np.errstate(over="ignore"):
        found = np.array([*near, *(-n for n in near)]).astype(dtype)
    beside = [np.nextafter(found, dtype(end)) for end in (np.inf, -np.inf)]
    return np.concatenate([found, *beside, np.zeros(SIZE, dtype)])[: 2 * SIZE]


def check(x: Any, to: str) -> None:
    for part in x.reshape(-1, SIZE):
        out = np.full(SIZE, 77, to)
        whole_kernel[(1,)](part.copy(), out, BLOCK=SIZE)
        np.testing.assert_array_equal(out, expected(part, to))


@pytest.mark.parametrize("target", ["host", "simulate"])
@pytest.mark.parametrize("to", INTEGERS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_ends(dtype: type, to: str, target: str) -> None:
    with triton_mlx.use(target):
        if target == "simulate" and dtype is np.float64:
            with pytest.raises(UnsupportedType):
                check(edges(dtype), to)
            return
        check(edges(dtype), to)


@pytest.mark.parametrize("target", ["host", "simulate"])
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    values=st.lists(st.floats(width=32), min_size=SIZE, max_size=SIZE),
    to=st.sampled_from(INTEGERS),
)
def test_any_float(target: str, values: list[float], to: str) -> None:
    with triton_mlx.use(target):
        check(np.array(values, np.float32), to)


@pytest.mark.parametrize("target", ["host", "simulate"])
@pytest.mark.parametrize("value", [np.nan, 3e9, -3e9, -1.5, np.inf])
def test_a_number(value: float, target: str) -> None:
    x = np.array([value], np.float32)
    with triton_mlx.use(target):
        for to in INTEGERS:
            out = np.full(1, 77, to)
            number_kernel[(1,)](x, out)
            np.testing.assert_array_equal(out, expected(x, to))
