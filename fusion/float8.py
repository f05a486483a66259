"""8-bit floats: their formats as data, and their meaning on numpy arrays.

Values that are too large become the largest finite one, infinity too, as NVIDIA's conversions do
(PTX ISA, cvt.satfinite). Formats: OCP 8-bit Floating Point Specification 1.0; FNUZ: arXiv 2206.02915.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Format:
    """`largest`: the code of the largest finite value; `nan`: a code of NaN.

    `unsigned_zero`: 0x80 is not minus zero (it is NaN).
    """

    mantissa: int
    bias: int
    largest: int
    nan: int
    unsigned_zero: bool = False


FORMATS = {
    "f8E4M3FN": Format(3, 7, 0x7E, 0x7F),
    "f8E5M2": Format(2, 15, 0x7B, 0x7F),
    "f8E4M3FNUZ": Format(3, 8, 0x7F, 0x80, True),
    "f8E5M2FNUZ": Format(2, 16, 0x7F, 0x80, True),
}


def decode(codes: Array, name: str) -> Array:
    """float32 values of uint8 codes."""
    return _table(name)[np.asarray(codes, np.uint8)]


def _table(name: str) -> Array:
    form = FORMATS[name]
    codes = np.arange(256)
    exponent, mantissa = (codes & 0x7F) >> form.mantissa, codes & ((1 << form.mantissa) - 1)
    one = 1 << form.mantissa
    size = np.where(
        exponent == 0,
        mantissa / one * 2.0 ** (1 - form.bias),
        (1 + mantissa / one) * 2.0 ** (exponent.astype(float) - form.bias),
    )
    value = np.where(codes & 0x80, -size, size)
    if form.unsigned_zero:
        value[0x80] = np.nan
    elif name == "f8E5M2":
        value[[0x7C, 0xFC]] = [np.inf, -np.inf]
        value[[0x7D, 0x7E, 0x7F, 0xFD, 0xFE, 0xFF]] = np.nan
    else:
        value[[0x7F, 0xFF]] = np.nan
    return value.astype(np.float32)


def encode(values: Array, name: str, to_zero: bool = False) -> Array:
    """uint8 codes of float32 values, rounded to nearest even, or towards zero."""
    form = FORMATS[name]
    values = np.asarray(values, np.float32)
    steps = _table(name)[: form.largest + 1].astype(np.float64)
    size = np.minimum(np.abs(values.astype(np.float64)), steps[-1])
    size = np.where(np.isnan(size), 0, size)
    low = np.searchsorted(steps, size, side="right") - 1
    high = np.minimum(low + 1, form.largest)
    below, above = size - steps[low], steps[high] - size
    up = (below > above) | ((below == above) & (low % 2 == 1))
    code = np.where(up & (not to_zero), high, low).astype(np.uint8)
    sign = np.where(np.signbit(values), 0x80, 0).astype(np.uint8)
    signed = code | (np.where(code == 0, 0, sign) if form.unsigned_zero else sign)
    return np.where(np.isnan(values), form.nan, signed).astype(np.uint8)
