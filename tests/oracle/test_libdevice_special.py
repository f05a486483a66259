"""libdevice's special functions, against scipy, and its functions of bits and integers, against Python."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.special as special
import triton
import triton.language as tl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from triton.compiler.errors import CompilationError

from triton_mlx.runtime import libdevice

Array = npt.NDArray[Any]
N = 256

pytestmark = pytest.mark.usefixtures("target")


@triton.jit
def one(x_ptr, out_ptr, F: tl.constexpr, N: tl.constexpr):
    at = tl.arange(0, N)
    tl.store(out_ptr + at, F(tl.load(x_ptr + at)))


@triton.jit
def two(x_ptr, y_ptr, out_ptr, F: tl.constexpr, N: tl.constexpr):
    at = tl.arange(0, N)
    tl.store(out_ptr + at, F(tl.load(x_ptr + at), tl.load(y_ptr + at)))


@triton.jit
def three(x_ptr, y_ptr, z_ptr, out_ptr, F: tl.constexpr, N: tl.constexpr):
    at = tl.arange(0, N)
    tl.store(out_ptr + at, F(tl.load(x_ptr + at), tl.load(y_ptr + at), tl.load(z_ptr + at)))


def call(name: str, result: Any, *given: Array) -> Array:
    out = np.zeros(N, result)
    kernel = {1: one, 2: two, 3: three}[len(given)]
    kernel[(1,)](*(a.copy() for a in given), out, F=getattr(libdevice, name), N=N)
    return out


def at_infinity(f: Callable[[Array], Array], value: float) -> Callable[[Array], Array]:
    return lambda x: np.where(np.isinf(x), value, f(x))


# Name → function in double precision, where it is drawn, largest error relative to the value, and (near
# zeros of the function) to 1. Both in units of the type's last place.
SPECIAL: dict[str, tuple[Any, tuple[float, float], float, float]] = {
    "erfc": (np.vectorize(math.erfc, otypes=[float]), (-6, 9), 4, 0),
    "erfcx": (special.erfcx, (-2, 40), 8, 0),
    "normcdf": (special.ndtr, (-5, 9), 32, 0),
    "erfinv": (special.erfinv, (-1, 1), 6, 0),
    "erfcinv": (special.erfcinv, (0, 2), 6, 4),
    "normcdfinv": (special.ndtri, (0, 1), 8, 4),
    "lgamma": (np.vectorize(lambda x: _lgamma(x), otypes=[float]), (-8, 60), 8, 16),
    "tgamma": (np.vectorize(lambda x: _tgamma(x), otypes=[float]), (-8, 30), 60, 0),
    "j0": (at_infinity(special.j0, 0.0), (-60, 60), 4, 8),
    "j1": (special.j1, (-60, 60), 8, 8),
    "y0": (at_infinity(special.y0, 0.0), (0.001, 60), 8, 16),
    "y1": (at_infinity(special.y1, 0.0), (0.001, 60), 8, 16),
    "cyl_bessel_i0": (special.i0, (-60, 60), 24, 0),
    "cyl_bessel_i1": (special.i1, (-60, 60), 24, 0),
    "cbrt": (np.cbrt, (-1e6, 1e6), 2, 0),
    "rcbrt": (lambda x: 1 / np.cbrt(x), (-1e6, 1e6), 4, 0),
    "sinpi": (lambda x: np.sin(np.pi * (x - 2 * np.round(x / 2))), (-9, 9), 4, 2),
    "cospi": (lambda x: np.cos(np.pi * (x - 2 * np.round(x / 2))), (-9, 9), 4, 2),
}
EDGES = [0.0, -0.0, 1.0, -1.0, 2.0, 0.5, math.inf, -math.inf, math.nan]


def _lgamma(x: float) -> float:
    if math.isinf(x) or (x <= 0 and x == math.floor(x)):
        return math.inf
    return math.lgamma(x)


def _tgamma(x: float) -> float:
    if x == 0:
        return math.copysign(math.inf, x)
    if x == -math.inf or (x < 0 and x == math.floor(x)):
        return math.nan
    return math.inf if x > 170 else math.gamma(x)


# Units of the last place by which CUDA's exp is wrong for large numbers, as Triton's is there: those of the
# product with log2(e), times the exponent.
OF_EXP = 32


def agree(name: str, got: Array, x: Array, target: str) -> None:
    function, _, relative, absolute = SPECIAL[name]
    relative += OF_EXP if target == "cuda" and got.dtype == np.float32 else 0
    with np.errstate(all="ignore"):
        want = np.asarray(function(x.astype(np.float64))).astype(got.dtype)
    unit = np.finfo(got.dtype).eps
    least = float(np.finfo(got.dtype).tiny)
    np.testing.assert_allclose(got, want, rtol=relative * unit, atol=absolute * unit + least)


@pytest.mark.parametrize("name", SPECIAL)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 2**31))
def test_special_functions(target: str, name: str, dtype: str, seed: int) -> None:
    if target != "host" and dtype == "float64":
        pytest.skip("the GPU has no double precision")
    low, high = SPECIAL[name][1]
    x = np.random.default_rng(seed).uniform(low, high, N).astype(dtype)
    agree(name, call(name, dtype, x), x, target)


@pytest.mark.parametrize("name", SPECIAL)
def test_zeros_infinities_and_nan(name: str) -> None:
    function = SPECIAL[name][0]
    x = np.resize(np.array(EDGES), N).astype(np.float32)
    with np.errstate(all="ignore"):
        want = np.asarray(function(x.astype(np.float64))).astype(np.float32)
    if name in ("y0", "y1"):  # scipy's are complex numbers' real parts below zero
        want = np.where(x < 0, np.nan, want).astype(np.float32)
    if name in ("j0", "j1", "cyl_bessel_i0", "cyl_bessel_i1"):  # some versions of scipy give NaN
        limits = {"j0": 0.0 * x, "j1": 0.0 * x, "cyl_bessel_i0": np.abs(x), "cyl_bessel_i1": x}
        limit = np.where(np.isinf(x), 0.0, 0.0) if name[0] == "j" else limits[name]
        want = np.where(np.isinf(x), limit, want).astype(np.float32)
    if name in ("sinpi", "cospi"):
        want = np.where(np.isinf(x), np.nan, want).astype(np.float32)
    np.testing.assert_allclose(call(name, np.float32, x), want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["erfc", "lgamma", "j0"])
def test_halves_are_computed_in_single_precision(name: str) -> None:
    x = np.random.default_rng(3).uniform(0.5, 6, N).astype(np.float16)
    want = np.asarray(SPECIAL[name][0](x.astype(np.float64)))
    np.testing.assert_allclose(call(name, np.float16, x), want, rtol=2e-3, atol=1e-3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bessel_functions_of_any_order(target: str, dtype: str) -> None:
    if target != "host" and dtype == "float64":
        pytest.skip("the GPU has no double precision")
    rng = np.random.default_rng(5)
    n, x = rng.integers(0, 20, N).astype(np.int32), rng.uniform(0.05, 40, N).astype(dtype)
    close = {"float32": 2e-5, "float64": 2e-12}[dtype]
    np.testing.assert_allclose(call("jn", dtype, n, x), special.jv(n, x), rtol=close, atol=close)
    want = special.yn(n, x.astype(np.float64)).astype(dtype)
    found = call("yn", dtype, n, x)
    plain = np.isfinite(want)
    np.testing.assert_allclose(found[plain], want[plain], rtol=50 * close, atol=close)
    np.testing.assert_array_equal(found[~plain], want[~plain])


def ieee_remainder(x: float, y: float) -> float:
    if y == 0 or math.isinf(x) or math.isnan(x) or math.isnan(y):
        return math.nan
    return math.remainder(x, y)


REALS: dict[str, Any] = {
    "hypot": np.hypot,
    "rhypot": lambda x, y: 1 / np.hypot(x, y),
    "fdim": lambda x, y: np.where(x <= y, 0.0, x - y),
    "remainder": np.vectorize(ieee_remainder, otypes=[float]),
    "mul_rn": np.multiply,
    "add_rn": np.add,
    "sub_rn": np.subtract,
}


@pytest.mark.parametrize("name", REALS)
@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**31))
def test_two_numbers(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = (rng.choice([1e-3, 1.0, 1e10, 1e30]) * rng.standard_normal(N) for _ in "xy")
    edges = np.array([0.0, 1.0, -3.0, np.inf, np.nan, 2.5])
    x[:36], y[:36] = np.repeat(edges, 6), np.tile(edges, 6)
    a, b = x.astype(np.float32), y.astype(np.float32)
    with np.errstate(all="ignore"):
        want = REALS[name](a.astype(np.float64), b.astype(np.float64)).astype(np.float32)
    if name == "remainder":  # a quotient of more bits than a number has is not followed
        with np.errstate(all="ignore"):
            near = ~(np.abs(a / b) > 1e6)
        np.testing.assert_array_equal(call(name, np.float32, a, b)[near], want[near])
        return
    np.testing.assert_allclose(call(name, np.float32, a, b), want, rtol=5e-7, atol=1e-37)


@pytest.mark.parametrize("seed", [0, 1])
def test_norms(seed: int) -> None:
    x, y, z = (np.random.default_rng(seed).standard_normal((3, N)) * 1e25).astype(np.float32)
    want = np.sqrt(sum(v.astype(np.float64) ** 2 for v in (x, y, z)))
    np.testing.assert_allclose(call("norm3d", np.float32, x, y, z), want, rtol=5e-7)
    np.testing.assert_allclose(call("rnorm3d", np.float32, x, y, z), 1 / want, rtol=1e-6)
    x, y = x / np.float32(1e15), y / np.float32(1e15)
    want = x.astype(float) * y + z
    np.testing.assert_allclose(call("fma", np.float32, x, y, z), want, rtol=2e-7, atol=1e12)


def integers(dtype: str, seed: int) -> Array:
    info = np.iinfo(dtype)  # type: ignore[type-var]
    drawn = np.random.default_rng(seed).integers(info.min, info.max, N, dtype=dtype, endpoint=True)
    drawn[:6] = [0, 1, info.max, info.min, 2, 255]
    return drawn


def unsigned(value: Any, bits: int) -> int:
    return int(value) & ((1 << bits) - 1)


INTEGERS: dict[str, Callable[[int, int], int]] = {
    "popc": lambda v, bits: v.bit_count(),
    "clz": lambda v, bits: bits - v.bit_length(),
    "ffs": lambda v, bits: (v & -v).bit_length(),
}


@pytest.mark.parametrize("dtype", ["int32", "uint32", "int64", "uint64"])
@pytest.mark.parametrize("name", [*INTEGERS, "brev"])
def test_bits_of_integers(name: str, dtype: str) -> None:
    x = integers(dtype, 3)
    bits = 8 * x.dtype.itemsize
    if name == "brev":
        want = [int(f"{unsigned(v, bits):0{bits}b}"[::-1], 2) for v in x]
        found = call(name, dtype, x)
        assert [unsigned(v, bits) for v in found] == want
        return
    want = [INTEGERS[name](unsigned(v, bits), bits) for v in x]
    assert call(name, np.int32, x).tolist() == want


@pytest.mark.parametrize("dtype", ["int32", "uint32", "int64", "uint64"])
def test_two_integers(dtype: str) -> None:
    x, y = integers(dtype, 4), integers(dtype, 5)[::-1].copy()
    bits = 8 * x.dtype.itemsize
    high = [(int(a) * int(b)) >> bits for a, b in zip(x, y)]
    assert call("mulhi", dtype, x, y).tolist() == high
    assert call("hadd", dtype, x, y).tolist() == [(int(a) + int(b)) >> 1 for a, b in zip(x, y)]
    assert call("rhadd", dtype, x, y).tolist() == [(int(a) + int(b) + 1) >> 1 for a, b in zip(x, y)]


def test_bytes() -> None:
    x, y, s = integers("uint32", 6), integers("uint32", 7), integers("uint32", 8)
    both = [struct.pack("<II", int(a), int(b)) for a, b in zip(x, y)]
    want = [
        int.from_bytes(bytes(b[(int(k) >> (4 * place)) & 7] for place in range(4)), "little")
        for b, k in zip(both, s)
    ]
    assert call("byte_perm", np.uint32, x, y, s).tolist() == want


ROUNDED: dict[str, Any] = {"rn": np.rint, "rz": np.trunc, "rd": np.floor, "ru": np.ceil}


@pytest.mark.parametrize("suffix", ROUNDED)
@pytest.mark.parametrize("kind", ["int", "ll", "uint", "ull"])
def test_conversions_round_as_they_say(kind: str, suffix: str) -> None:
    x = np.random.default_rng(9).uniform(0 if kind[0] == "u" else -1e6, 1e6, N).astype(np.float32)
    x[:6] = [0.5, 1.5, 2.5, 0.0, 7.0, 2.4999]
    result = {"int": "int32", "ll": "int64", "uint": "uint32", "ull": "uint64"}[kind]
    found = call(f"float2{kind}_{suffix}", result, x)
    np.testing.assert_array_equal(found, ROUNDED[suffix](x).astype(result))
    back = call(f"{kind}2float_rn", np.float32, found)
    np.testing.assert_array_equal(back, found.astype(np.float32))


def test_floats_as_bits() -> None:
    x = np.random.default_rng(10).standard_normal(N).astype(np.float32)
    x[:6] = EDGES[:4] + [math.inf, 1e-42]
    np.testing.assert_array_equal(call("float_as_int", np.int32, x), x.view(np.int32))
    np.testing.assert_array_equal(call("int_as_float", np.float32, x.view(np.int32)), x)
    np.testing.assert_array_equal(call("signbit", np.int32, x) != 0, np.signbit(x))
    plain = (x != 0) & np.isfinite(x)
    exponents = np.frexp(x)[1] - 1
    np.testing.assert_array_equal(call("ilogb", np.int32, x)[plain], exponents[plain])
    np.testing.assert_array_equal(call("logb", np.float32, x)[plain], exponents[plain])


def test_next_numbers() -> None:
    x = np.random.default_rng(11).standard_normal(N).astype(np.float32)
    y = np.random.default_rng(12).standard_normal(N).astype(np.float32)
    x[:8], y[:8] = [0, 0, 1, -1, 1, 3e38, -0.0, 5], [1, -1, 2, 0, 1, np.inf, 1, np.nan]
    np.testing.assert_array_equal(call("nextafter", np.float32, x, y), np.nextafter(x, y))


def test_scaling_rounds_once(target: str) -> None:
    rng = np.random.default_rng(13)
    x, n = rng.standard_normal(N).astype(np.float32), rng.integers(-170, 170, N).astype(np.int32)
    x[:5], n[:5] = [0, np.inf, np.nan, 1, 1.5], [400, -400, 3, -149, 2000]
    with np.errstate(all="ignore"):
        want = np.ldexp(x, n)
    if target != "host":  # a GPU may flush denormals
        want = np.where(
            np.abs(want) < np.finfo(np.float32).tiny, call("ldexp", np.float32, x, n), want
        )
    np.testing.assert_array_equal(call("ldexp", np.float32, x, n), want)
    np.testing.assert_array_equal(call("scalbn", np.float32, x, n), want)


def test_what_no_target_has_is_refused() -> None:
    assert not hasattr(libdevice, "add_rz")
    with pytest.raises(CompilationError):
        call("lgamma", np.int32, np.ones(N, np.int32))
