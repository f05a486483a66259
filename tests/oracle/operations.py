"""The table of operations of the Triton language: one row each."""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import operation_kernels as k
import operation_kernels_casts as casts
from operations_memory import MEMORY_ROWS
from operations_rows import Form, Operands, Row, always, elementwise, half_as, same, spread
from operations_tiles import TILE_ROWS
from operations_types import (
    DTYPES,
    EIGHT_BITS,
    FLOATS,
    INTEGERS,
    NUMBERS,
    array,
    bits,
    rounded,
    tensor,
    torch_type,
)

Array = npt.NDArray[Any]
UNARY = elementwise("unary", k.unary, 1)
BINARY = elementwise("binary", k.binary, 2)
TERNARY = elementwise("ternary", k.ternary, 3)
APART = replace(elementwise("apart", k.apart, 2), apart=True, most=9)
BITS = ("bool", *INTEGERS)
ALL_FLOATS = tuple(FLOATS)
SUMS = (*NUMBERS, *EIGHT_BITS)
SINGLE = ("float32", "float64")


def _quotient(a: Array, b: Array) -> Array:
    """Towards zero, as in C; 0 where it is not defined."""
    safe = np.where(_divides(a, b), b, b.dtype.type(1))
    quotient = a // safe
    return quotient + ((a % safe != 0) & ((a < 0) != (safe < 0))).astype(a.dtype)


def _divides(a: Array, b: Array) -> Array:
    overflow = (a == np.iinfo(a.dtype).min) & (b == -1) if a.dtype.kind == "i" else False
    return (b != 0) & ~np.asarray(overflow)


def _remainder(a: Array, b: Array) -> Array:
    if a.dtype.kind == "f":
        return np.fmod(a, b)
    return a - _quotient(a, b) * b


def _remains(a: Array, b: Array) -> Array:
    return np.full(a.shape, True) if a.dtype.kind == "f" else _divides(a, b)


def _counts(dtype: str) -> Operands:
    """Values, and counts by which they can be shifted."""
    a, b = spread(dtype, 2)
    return a, (b % np.asarray(bits(dtype), b.dtype)).astype(b.dtype)


def _high(a: Array, b: Array) -> Array:
    """The upper half of the product of the operands' bits, read as unsigned."""
    width = 8 * a.dtype.itemsize
    unsigned = f"u{a.dtype.itemsize}"
    wide = a.view(unsigned).astype(object) * b.view(unsigned).astype(object)
    return np.array([v >> width for v in wide.reshape(-1)], unsigned).view(a.dtype).reshape(a.shape)


def _clamp(a: Array, b: Array, c: Array) -> Array:
    return np.minimum(np.maximum(a, np.fmin(b, c)), np.fmax(b, c))


def _clamp_ignoring_nan(a: Array, b: Array, c: Array) -> Array:
    return np.fmin(np.fmax(a, np.fmin(b, c)), np.fmax(b, c))


def _limits(a: Array, b: Array, c: Array) -> Array:
    """Limits are numbers, and no zeros of both signs meet."""
    zeros = sum((v == 0).astype(int) for v in (a, b, c))
    return ~(np.isnan(b) | np.isnan(c)) & (zeros < 2)


def _zeros_differ(a: Array, b: Array) -> Array:
    """Which of +0 and -0 is larger is not defined."""
    if a.dtype.kind != "f":
        return np.full(a.shape, True)
    return ~((a == 0) & (b == 0) & (np.signbit(a) != np.signbit(b)))


def _binary() -> list[Row]:
    def row(
        name: str,
        op: Any,
        dtypes: Any,
        want: Any,
        result: Any = same,
        form: Form = BINARY,
        **more: Any,
    ) -> Row:
        return Row(name, "Two operands", form, op, tuple(dtypes), want, result, **more)

    quotient = {"defined": _divides}
    return [
        row("a + b", k.add, DTYPES, lambda a, b: a ^ b if a.dtype == bool else a + b),
        row("a - b", k.sub, DTYPES, lambda a, b: a ^ b if a.dtype == bool else a - b),
        row("a * b", k.mul, DTYPES, np.multiply),
        row("a / b", k.truediv, DTYPES, _true_quotient, _true_result, ulps=1),
        row("a // b", k.floordiv, BITS, _quotient, **quotient),
        row("a % b", k.mod, DTYPES, _remainder, half_as("float32"), defined=_remains),
        row("tl.cdiv", k.cdiv, INTEGERS, lambda a, b: _quotient(a + (b - 1), b), **quotient),
        row("a & b", k.and_, BITS, np.bitwise_and),
        row("a | b", k.or_, BITS, np.bitwise_or),
        row("a ^ b", k.xor, BITS, np.bitwise_xor),
        row("a << b", k.shl, BITS, np.left_shift, form=APART, draw=_counts),
        row("a >> b", k.shr, BITS, np.right_shift, form=APART, draw=_counts),
        *[
            row(f"a {sign} b", op, DTYPES, want, always("bool"))
            for sign, op, want in (
                ("==", k.eq, np.equal),
                ("!=", k.ne, np.not_equal),
                ("<", k.lt, np.less),
                ("<=", k.le, np.less_equal),
                (">", k.gt, np.greater),
                (">=", k.ge, np.greater_equal),
            )
        ],
        row("tl.maximum", k.maximum, DTYPES, np.fmax, defined=_zeros_differ),
        row("tl.minimum", k.minimum, DTYPES, np.fmin, defined=_zeros_differ),
        row("tl.maximum, NaN wins", k.maximum_nan, DTYPES, np.maximum, defined=_zeros_differ),
        row("tl.minimum, NaN wins", k.minimum_nan, DTYPES, np.minimum, defined=_zeros_differ),
        row("tl.where", k.where, DTYPES, lambda a, b: np.where(a < b, a, b)),
        row("tl.umulhi", k.umulhi, ("int32", "uint32", "int64", "uint64"), _high),
        row("tl.div_rn", k.div_rn, ("float32",), np.divide),
        row("tl.fdiv", k.fdiv, ALL_FLOATS, np.divide, ulps=1),
    ]


def _true_quotient(a: Array, b: Array) -> Array:
    if a.dtype.kind == "f":
        return a / b
    return a.astype(np.float32).astype(float) / b.astype(np.float32).astype(float)


def _true_result(dtype: str) -> str:
    return "float64" if dtype == "float64" else "float32"


def _fused(a: Array, b: Array, c: Array) -> Array:
    """a * b + c, rounded once to float64: in exact arithmetic where all are finite."""

    def exact(x: float, y: float, z: float) -> float:
        if not (math.isfinite(x) and math.isfinite(y) and math.isfinite(z)):
            return x * y + z
        whole = Fraction(x) * Fraction(y) + Fraction(z)
        try:
            return float(whole)
        except OverflowError:
            return math.inf if whole > 0 else -math.inf

    return np.vectorize(exact, otypes=[np.float64])(a, b, c)


def _ternary() -> list[Row]:
    def row(name: str, op: Any, dtypes: Any, want: Any, **more: Any) -> Row:
        return Row(name, "Three operands", TERNARY, op, tuple(dtypes), want, same, **more)

    return [
        row("tl.fma", k.fma, ALL_FLOATS, _fused, ulps=1),
        row("tl.clamp", k.clamp, DTYPES, _clamp_ignoring_nan, defined=_limits),
        row("tl.clamp, NaN wins", k.clamp_nan, DTYPES, _clamp, defined=_limits),
        row("tl.where(a != 0, b, c)", k.select, DTYPES, lambda a, b, c: np.where(a != 0, b, c)),
    ]


def _scaled(a: Array) -> Array:
    return 2.5 * (a if a.dtype.kind == "f" else a.astype(np.float32).astype(float))


def _wide(a: Array) -> Array:
    return a.astype(np.int32) if a.dtype == bool else a


def _or_int32(dtype: str) -> str:
    return "int32" if dtype == "bool" else dtype


_ERF = np.vectorize(math.erf, otypes=[np.float64])


def _unary() -> list[Row]:
    def row(name: str, op: Any, dtypes: Any, want: Any, result: Any = same, **more: Any) -> Row:
        return Row(name, "One operand", UNARY, op, tuple(dtypes), want, result, **more)

    return [
        row("load and store", k.copy, DTYPES, lambda a: a),
        row("-a", k.neg, DTYPES, lambda a: a if a.dtype == bool else -a),
        row("~a", k.invert, BITS, np.invert),
        row("a + 1", k.add_scalar, DTYPES, lambda a: _wide(a) + _wide(a).dtype.type(1), _or_int32),
        row("2.5 * a", k.mul_scalar, DTYPES, _scaled, lambda d: d if d in FLOATS else "float32"),
        row("tl.abs", k.abs_, DTYPES, np.abs),
        row("tl.exp", k.exp, SINGLE, np.exp, ulps=4),
        row("tl.exp2", k.exp2, SINGLE, np.exp2, ulps=4),
        row("tl.log", k.log, SINGLE, np.log, ulps=4),
        row("tl.log2", k.log2, SINGLE, np.log2, ulps=4),
        row("tl.sin", k.sin, SINGLE, np.sin, ulps=4),
        row("tl.cos", k.cos, SINGLE, np.cos, ulps=4),
        row("tl.sqrt", k.sqrt, SINGLE, np.sqrt, ulps=1),
        row("tl.sqrt_rn", k.sqrt_rn, ("float32",), np.sqrt),
        row("tl.rsqrt", k.rsqrt, SINGLE, lambda a: 1 / np.sqrt(a), ulps=2),
        row("tl.erf", k.erf, SINGLE, _ERF, ulps=4),
        row("tl.floor", k.floor, SINGLE, np.floor),
        row("tl.ceil", k.ceil, SINGLE, np.ceil),
        row("tl.sigmoid", k.sigmoid, SINGLE, lambda a: 1 / (1 + np.exp(-a)), ulps=6),
    ]


def _cast_rows() -> list[Row]:
    found = []
    for to in DTYPES:
        op = getattr(casts, f"to_{to}")
        sources = [d for d in DTYPES if not ({d, to} & {*EIGHT_BITS}) or {d, to} <= {*FLOATS}]
        found.append(Row(f"to {to}", "Casts", UNARY, op, tuple(sources), _cast(to), always(to)))
    for to in DTYPES[1:]:
        op = getattr(casts, f"bits_{to}")
        sources = [d for d in DTYPES[1:] if bits(d) == bits(to)]
        name = f"to {to}, bitcast"
        found.append(Row(name, "Casts", UNARY, op, tuple(sources), _bits(to), always(to), raw=True))
    for to in ("float16", "bfloat16", "float32", *EIGHT_BITS):
        op = getattr(casts, f"cut_{to}")
        sources = tuple(d for d in FLOATS if bits(d) > bits(to) or d == to)
        cut = functools.partial(rounded, dtype=to, towards_zero=True)
        found.append(Row(f"to {to}, towards zero", "Casts", UNARY, op, sources, cut, always(to)))
    return found


def _bits(to: str) -> Any:
    """The same bits as another type; NaN keeps its bits too."""

    def want(dtype: str, a: Array) -> Array:
        return array(tensor(a, dtype).view(torch_type(to)), to)

    return want


def _cast(to: str) -> Any:
    if to == "bool":
        return lambda a: a != 0
    return (lambda a: a) if to in FLOATS else (lambda a: _whole(a, to))


def _whole(a: Array, to: str) -> Array:
    """Towards zero; what does not fit is the nearest end of the range, and NaN is 0."""
    if not np.issubdtype(a.dtype, np.floating):
        return a.astype(to)
    ends, wide = np.iinfo(to), a.astype(np.float64)
    low, top = float(ends.min), 2.0 ** ends.max.bit_length()
    cut = np.where((wide > low) & (wide < top), np.trunc(wide), 0).astype(to)
    return np.where(wide >= top, ends.max, np.where(wide <= low, ends.min, cut)).astype(to)


# Wrong results that are known: (row, target, dtype) → what is wrong. Empty is what it should be.
KNOWN: dict[tuple[str, str, str], str] = {}
TABLE: tuple[Row, ...] = (
    *_unary(),
    *_binary(),
    *_ternary(),
    *_cast_rows(),
    *TILE_ROWS,
    *MEMORY_ROWS,
)
