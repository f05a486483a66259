"""Element types of the table: values, rounding, special values, comparison. Arrays of types that numpy
does not have are float32 arrays with values of the type."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Float:
    """A binary floating-point format. `mantissa`: stored bits; `low`: exponent of the least normal number."""

    mantissa: int
    low: int
    largest: float
    bits: int
    saturates: bool = False  # too large values become the largest, infinity too


FLOATS = {
    "float16": Float(10, -14, 65504.0, 16),
    "bfloat16": Float(7, -126, float.fromhex("0x1.fep127"), 16),
    "float32": Float(23, -126, float.fromhex("0x1.fffffep127"), 32),
    "float64": Float(52, -1022, float.fromhex("0x1.fffffffffffffp1023"), 64),
    "float8e4nv": Float(3, -6, 448.0, 8, saturates=True),
    "float8e5": Float(2, -14, 57344.0, 8, saturates=True),
}
SIGNED = ("int8", "int16", "int32", "int64")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
INTEGERS = SIGNED + UNSIGNED
WIDE_FLOATS = ("float16", "bfloat16", "float32", "float64")
EIGHT_BITS = ("float8e4nv", "float8e5")
NUMBERS = INTEGERS + WIDE_FLOATS
DTYPES = ("bool", *NUMBERS, *EIGHT_BITS)
_TORCH = {"float8e4nv": "float8_e4m3fn", "float8e5": "float8_e5m2"}
_HELD = dict.fromkeys(("bfloat16", *EIGHT_BITS), "float32")  # what numpy holds them as


def bits(dtype: str) -> int:
    """Width of an element; a bool has one bit."""
    if dtype == "bool":
        return 1
    return FLOATS[dtype].bits if dtype in FLOATS else np.iinfo(dtype).bits


def step(values: Array, dtype: str) -> Array:
    """The distance between neighbours of `dtype` at each value (float64; 0 where not finite)."""
    form = FLOATS[dtype]
    size = np.abs(np.where(np.isfinite(values), values, 0.0))
    exponent = np.maximum(np.frexp(size)[1] - 1, form.low)
    return np.ldexp(np.where(np.isfinite(values), 1.0, 0.0), exponent - form.mantissa)


def rounded(values: Array, dtype: str, towards_zero: bool = False) -> Array:
    """`values` (float64 for floats) as values of `dtype`: integers wrap, floats round once.

    Nearest even, or towards zero.
    """
    if dtype not in FLOATS:
        return np.asarray(values).astype(dtype)
    held = np.dtype(_HELD.get(dtype, dtype))
    wide = np.asarray(values, np.float64)
    if dtype == "float64":
        return wide
    form = FLOATS[dtype]
    ulp = step(wide, dtype)
    safe = np.where(ulp == 0, 1.0, ulp)
    near = (np.trunc if towards_zero else np.rint)(wide / safe) * safe
    found = np.where(np.isfinite(wide), near, wide)
    beyond = np.abs(found) > form.largest
    if form.saturates or towards_zero:
        kept = np.isinf(wide) & (not form.saturates)
        beyond &= ~kept
        found = np.where(beyond, np.copysign(form.largest, found), found)
    else:
        found = np.where(beyond, np.copysign(np.inf, found), found)
    found = np.where(np.isnan(wide), np.nan, np.copysign(found, wide))
    return found.astype(held)


@functools.cache
def special(dtype: str) -> Array:
    """The values where operations go wrong: zeros, ends of the range, NaN, infinities, denormals."""
    if dtype == "bool":
        return np.array([False, True])
    if dtype not in FLOATS:
        info = np.iinfo(dtype)
        least = [info.min, info.min + 1, -1] if info.min else []
        return np.array([0, 1, 2, 3, 7, info.max - 1, info.max, *least], dtype)
    form = FLOATS[dtype]
    denormal = 2.0 ** (form.low - form.mantissa)
    sizes = [0.0, denormal, 2.0**form.low, 0.5, 1.0, 1.5, 3.0, form.largest]
    values = [v for size in sizes for v in (size, -size)] + [np.nan]
    if dtype != "float8e4nv":  # it has no infinity
        values += [np.inf, -np.inf]
    return rounded(np.array(values), dtype)


def random(dtype: str, count: int, seed: int = 0) -> Array:
    """Random values: all integers, or floats of moderate size."""
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.integers(0, 2, count).astype(bool)
    if dtype in FLOATS:
        return rounded(rng.standard_normal(count) * 2.0 ** rng.integers(-3, 4, count), dtype)
    info = np.iinfo(dtype)
    found = rng.integers(info.min, info.max, count, dtype=dtype, endpoint=True)
    small = rng.integers(0, 20, count).astype(dtype)
    return np.where(rng.integers(0, 3, count) == 0, small, found).astype(dtype)


def torch_type(dtype: str) -> Any:
    import torch

    return getattr(torch, _TORCH.get(dtype, dtype))


def tensor(array: Array, dtype: str) -> Any:
    """A torch CPU tensor with the values of `array`."""
    import torch

    return torch.from_numpy(np.array(array, order="C")).to(torch_type(dtype))


def array(tensor: Any, dtype: str) -> Array:
    """The values of a tensor as numpy holds them."""
    import torch

    if dtype in _HELD:
        tensor = tensor.to(torch.float32)
    found: Array = tensor.numpy()
    return found


def difference(
    got: Array,
    want: Array,
    dtype: str,
    ulps: float = 0,
    atol: float = 0,
    defined: Array | None = None,
) -> str:
    """Where `got` is not `want` ("" if nowhere). Without tolerance zeros keep their sign; NaN equals NaN.

    `defined`: the elements that are compared.
    """
    if got.shape != want.shape:
        return f"shape {got.shape}, want {want.shape}"
    if dtype in FLOATS:
        a, b = got.astype(np.float64), want.astype(np.float64)
        with np.errstate(all="ignore"):
            near = np.abs(a - b) <= np.maximum(ulps * step(b, dtype), atol)
        same = np.where(np.isfinite(a) & np.isfinite(b), near, a == b) | (np.isnan(a) & np.isnan(b))
        if ulps == atol == 0:
            same &= (np.signbit(a) == np.signbit(b)) | (b != 0)
    else:
        same = np.asarray(got == want)
    if defined is not None:
        same |= ~np.broadcast_to(defined, same.shape)
    if same.all():
        return ""
    at = tuple(int(i) for i in np.argwhere(~same)[0])
    return f"{int((~same).sum())} of {same.size}; [{at}]: got {got[at]!r}, want {want[at]!r}"
