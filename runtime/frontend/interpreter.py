"""Memory for TRITON_INTERPRET=1: loads, stores and atomics on raw addresses, with numpy.

Triton's interpreter hands over tiles of addresses (uint64) and masks. One program runs at a time, so an
atomic operation is element after element, in order.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from enum import Enum
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class MEM_SEMANTIC(Enum):
    ACQUIRE_RELEASE = 0
    ACQUIRE = 1
    RELEASE = 2
    RELAXED = 3


class RMW_OP(Enum):
    ADD = 0
    FADD = 1
    AND = 2
    OR = 3
    XOR = 4
    XCHG = 5
    MAX = 6
    MIN = 7
    UMIN = 8
    UMAX = 9


def _memory(addresses: Array, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """A flat view of the bytes that `addresses` span, and the elements that they are."""
    first = int(addresses.min())
    offsets = addresses - np.uint64(first)
    if (offsets % np.uint64(dtype.itemsize)).any():
        raise ValueError("unaligned pointers")
    index = (offsets // np.uint64(dtype.itemsize)).astype(np.intp)
    size = (int(index.max()) + 1) * dtype.itemsize
    bytes_ = (ctypes.c_uint8 * size).from_address(first)
    return np.ctypeslib.as_array(bytes_).view(dtype), index


def _addresses(pointers: Any) -> Array:
    return np.asarray(pointers, dtype=np.uint64)


def load(pointers: Any, mask: Any, other: Any, dtype: Any) -> Array:
    """The elements at `pointers` where `mask` is true, `other` elsewhere."""
    kind = np.dtype(dtype)
    fill = np.asarray(other).astype(kind, copy=False)
    at, inside, found = np.broadcast_arrays(_addresses(pointers), np.asarray(mask, bool), fill)
    out = np.array(found, dtype=kind, copy=True)
    if inside.any():
        memory, index = _memory(at[inside], kind)
        out[inside] = memory[index]
    return out


def store(pointers: Any, values: Any, mask: Any) -> None:
    """Write `values` to `pointers` where `mask` is true; of several to one address the last stays."""
    at, found, inside = np.broadcast_arrays(
        _addresses(pointers), np.asarray(values), np.asarray(mask, bool)
    )
    if inside.any():
        memory, index = _memory(at[inside], found.dtype)
        memory[index] = found[inside]


def _unsigned(choose: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def chosen(old: Any, new: Any) -> Any:
        kind = np.dtype(f"u{old.dtype.itemsize}")
        return choose(old.view(kind), new.view(kind)).view(old.dtype)

    return chosen


_UPDATES: dict[str, Callable[[Any, Any], Any]] = {
    "ADD": lambda old, new: old + new,
    "FADD": lambda old, new: old + new,
    "AND": lambda old, new: old & new,
    "OR": lambda old, new: old | new,
    "XOR": lambda old, new: old ^ new,
    "XCHG": lambda old, new: new,
    "MAX": max,
    "MIN": min,
    "UMAX": _unsigned(max),
    "UMIN": _unsigned(min),
}


def atomic_rmw(operation: RMW_OP, pointers: Any, values: Any, mask: Any, order: Any) -> Array:
    """Update memory element after element; what was there before, zero where `mask` is false."""
    at, found, inside = np.broadcast_arrays(
        _addresses(pointers), np.asarray(values), np.asarray(mask, bool)
    )
    out = np.zeros(at.shape, found.dtype)
    if not inside.any():
        return out
    memory, index = _memory(at[inside], found.dtype)
    update = _UPDATES[operation.name]
    old = np.empty(len(index), found.dtype)
    with np.errstate(all="ignore"):
        for k, (i, new) in enumerate(zip(index.tolist(), found[inside])):
            old[k] = memory[i]
            memory[i] = update(memory[i], new)
    out[inside] = old
    return out


def atomic_cas(pointers: Any, expected: Any, values: Any, order: Any) -> Array:
    """Write where memory has the bits of `expected`; what was there before."""
    at, wanted, found = np.broadcast_arrays(
        _addresses(pointers), np.asarray(expected), np.asarray(values)
    )
    memory, index = _memory(at.ravel(), found.dtype)
    out = np.empty(at.size, found.dtype)
    wanted = wanted.astype(found.dtype)
    for k, (i, old, new) in enumerate(zip(index.tolist(), wanted.ravel(), found.ravel())):
        out[k] = memory[i]
        if memory[i].tobytes() == old.tobytes():
            memory[i] = new
    return out.reshape(at.shape)


def _exact_fma(x: float, y: float, z: float, kind: type) -> Any:
    """x * y + z with one rounding."""
    if math.isfinite(x) and math.isfinite(y) and not math.isfinite(z):
        return kind(z)  # the product alone may overflow
    if not (math.isfinite(x) and math.isfinite(y)):
        return kind(x) * kind(y) + kind(z)
    exact = Fraction(x) * Fraction(y) + Fraction(z)
    if not exact:
        return kind(x) * kind(y) + kind(z)  # the sign of zero
    return _rounded(exact, kind)


def _rounded(exact: Fraction, kind: type) -> Any:
    """The float of `kind` nearest to `exact`; of two, the even one."""
    info = np.finfo(kind)
    digits, least = info.nmant + 1, int(info.minexp) - info.nmant
    size = abs(exact)
    exponent = size.numerator.bit_length() - size.denominator.bit_length() - digits
    while size >= Fraction(2) ** (exponent + digits):
        exponent += 1
    exponent = max(exponent, least)
    whole = round(size / Fraction(2) ** exponent)  # round() takes the even one of two
    try:
        found = math.ldexp(float(whole), exponent)
    except OverflowError:
        found = math.inf
    with np.errstate(over="ignore"):
        return kind(found if exact > 0 else -found)


_fma32 = np.vectorize(lambda x, y, z: _exact_fma(x, y, z, np.float32), otypes=[np.float32])
_fma64 = np.vectorize(lambda x, y, z: _exact_fma(x, y, z, np.float64), otypes=[np.float64])


def fma_fp32(x: Any, y: Any, z: Any) -> Array:
    """x * y + z, rounded once."""
    x, y, z = (np.asarray(v, np.float32) for v in (x, y, z))
    with np.errstate(all="ignore"):
        # The product of two fp32 is exact in fp64. Where the sum is too, there is one rounding.
        product = x.astype(np.float64) * y.astype(np.float64)
        total = product + z.astype(np.float64)
        exact = (total - product == z) & (total - z == product) | ~np.isfinite(total)
        if np.all(exact):
            return np.asarray(total.astype(np.float32))
        return np.asarray(_fma32(x, y, z))


def fma_fp64(x: Any, y: Any, z: Any) -> Array:
    """x * y + z, rounded once."""
    with np.errstate(all="ignore"):
        return np.asarray(_fma64(x, y, z))
