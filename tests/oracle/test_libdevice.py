"""Every function of libdevice that is supported, against numpy in double precision."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import libdevice_kernels as kernels
import mlx.core as mx
import numpy as np
import numpy.typing as npt
import pytest
import triton
from hypothesis import given, settings
from hypothesis import strategies as st

import triton_mlx
from triton_mlx.runtime import libdevice

Array = npt.NDArray[Any]
REFERENCE: dict[str, Callable[..., Array]] = {
    "rsqrt": lambda a: 1 / np.sqrt(a),
    "exp10": lambda a: np.power(10.0, a),
    "erf": np.vectorize(math.erf, otypes=[np.float64]),
    "abs_f": np.abs,
    "trunc_f": np.trunc,
    "round": lambda a: np.trunc(a + np.copysign(0.5, a)),
    "precise_sqrt": np.sqrt,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "pow": np.power,
    "atan2": np.arctan2,
    "rem_f": np.fmod,
    "maxnum": np.fmax,
    "minnum": np.fmin,
    "precise_div": np.divide,
    "div": np.divide,
}
SPECIAL = np.array(
    [0.1, -0.3, 0.9, 1e-6, 2.5, -2.5, 3.7, -0.0, np.nan, np.inf, -np.inf, 1e-3, 0.5, 1.5, 7, -7],
    np.float32,
)


def expected(operation: str, *args: Array) -> Array:
    reference = REFERENCE.get(operation) or getattr(np, operation)
    with np.errstate(all="ignore"):
        return np.asarray(reference(*(a.astype(np.float64) for a in args))).astype(np.float32)


def agree(got: mx.array, want: Array) -> None:
    np.testing.assert_allclose(np.array(got), want, rtol=4e-6, atol=1e-6, equal_nan=True)


def function(name: str) -> Any:
    """What `libdevice.name` resolves to when a kernel is compiled."""
    return getattr(libdevice, name)


@pytest.mark.parametrize("name", sorted(libdevice._UNARY | libdevice._TESTS))
def test_one_argument(target: str, name: str) -> None:
    operation = (libdevice._UNARY | libdevice._TESTS)[name]
    out = mx.zeros((16,))
    kernels.one_argument[(1,)](mx.array(SPECIAL), out, function(name), BLOCK=16)
    agree(out, expected(operation, SPECIAL))


@pytest.mark.parametrize("name", sorted(libdevice._BINARY))
def test_two_arguments(target: str, name: str) -> None:
    x, y = np.abs(SPECIAL[:8]) + 0.25, np.linspace(-2, 3, 8).astype(np.float32) + 0.125
    out = mx.zeros((8,))
    kernels.two_arguments[(1,)](mx.array(x), mx.array(y), out, function(name), BLOCK=8)
    agree(out, expected(libdevice._BINARY[name], x, y))


def test_integer_powers(target: str) -> None:
    out = mx.zeros((16,))
    kernels.integer_power[(1,)](mx.array(SPECIAL), out, 3, BLOCK=16)
    agree(out, expected("pow", SPECIAL, np.full(16, 3.0)))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-80, 80, width=32), min_size=8, max_size=8))
@pytest.mark.parametrize("name", ["tanh", "expm1", "log1p", "asinh"])
def test_anywhere_on_the_host(name: str, values: list[float]) -> None:
    x, out = np.array(values, np.float32), mx.zeros((8,))
    with triton_mlx.use("host"):
        kernels.one_argument[(1,)](mx.array(x), out, function(name), BLOCK=8)
    agree(out, expected(name, x))


def test_a_name_that_no_target_has_is_named(target: str) -> None:
    with pytest.raises((triton.CompilationError, AttributeError), match="add_rz"):
        kernels.no_such_function[(1,)](mx.zeros((4,)), mx.zeros((4,)), BLOCK=4)


@pytest.mark.parametrize("name", ["isnan", "isinf", "finitef"])
def test_not_of_a_test(target: str, name: str) -> None:
    """`~` of what a test gives is a bool's, not an integer's, of which both would be true."""
    out = mx.zeros((16,))
    kernels.negated_test[(1,)](mx.array(SPECIAL), out, function(name), BLOCK=16)
    want = ~expected(libdevice._TESTS[name], SPECIAL).astype(bool)
    np.testing.assert_array_equal(np.array(out), want.astype(np.float32))
