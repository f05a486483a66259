"""What every elementwise operation means, on numpy arrays: the definition that tests and proofs use.

i1 is numpy bool; iN are signed numpy integers that wrap; unsigned operations read the same bits. fp16, fp32
and fp64 are numpy's; bf16 is a float32 array rounded to bfloat16 after every operation. Where MLIR leaves a
result open (division by zero, shifts that are too far) the result is some value and never an error.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from . import float8
from .graph import Node
from .types import Scalar

Array = npt.NDArray[Any]
Rule = Callable[..., Array]

NUMPY = {
    "i1": np.bool_,
    "i8": np.int8,
    "i16": np.int16,
    "i32": np.int32,
    "i64": np.int64,
    "f16": np.float16,
    "bf16": np.float32,
    "f8E4M3FN": np.float32,
    "f8E5M2": np.float32,
    "f8E4M3FNUZ": np.float32,
    "f8E5M2FNUZ": np.float32,
    "f32": np.float32,
    "f64": np.float64,
}


def as_type(array: Array, scalar: Scalar) -> Array:
    """`array` as values of `scalar`; integers wrap, bfloat16 rounds to nearest even."""
    if scalar.name == "bf16":
        return round_bf16(np.asarray(array, np.float32))
    if scalar.name in float8.FORMATS:
        return float8.decode(float8.encode(np.asarray(array, np.float32), scalar.name), scalar.name)
    return np.asarray(array).astype(NUMPY[scalar.name])


def round_bf16(array: Array) -> Array:
    """float32 values rounded to the nearest bfloat16, ties to even."""
    return bf16_to_float(float_to_bf16(array))


def float_to_bf16(array: Array) -> Array:
    """The bits (uint16) of float32 values rounded to bfloat16."""
    bits = np.asarray(array, np.float32, order="C").view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan(array), (bits >> 16) | 0x40, rounded).astype(np.uint16)


def bf16_to_float(bits: Array) -> Array:
    """float32 values of bfloat16 bits (uint16)."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def unsigned(array: Array) -> Array:
    """The same bits without sign."""
    return array.view(array.dtype.str.replace("i", "u")) if array.dtype.kind == "i" else array


def _divide(a: Array, b: Array) -> Array:
    a, b = np.broadcast_arrays(a, b)
    safe = np.where(b == 0, 1, b)
    quotient = a // safe
    towards_zero = quotient + ((a % safe != 0) & ((a < 0) != (safe < 0)))
    return np.where(b == 0, 0, towards_zero)


def _remainder(a: Array, b: Array) -> Array:
    return np.where(b == 0, 0, a - _divide(a, b) * b)


def _on_unsigned(rule: Rule) -> Rule:
    return lambda node, *args: rule(node, *(unsigned(np.asarray(a)) for a in args))


def _mulhi(node: Node, a: Array, b: Array) -> Array:
    bits = node.types[0].scalar.bits
    product = a.astype(object) * b.astype(object)
    return np.asarray(np.vectorize(lambda p: int(p) >> bits, otypes=[np.uint64])(product))


_SIGNED = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}


def _compare(node: Node, a: Array, b: Array) -> Array:
    name: str = node.attr("predicate")
    if not node.inputs[0].type.is_float:
        if name[0] == "u":
            a, b = unsigned(a), unsigned(b)
        return np.asarray(_SIGNED[name[-2:]](a, b))
    ordered = ~(np.isnan(a) | np.isnan(b))
    if name in ("true", "false", "ord", "uno"):
        plain = {"true": np.ones_like(ordered), "false": np.zeros_like(ordered), "ord": ordered}
        return plain.get(name, ~ordered)
    result = _SIGNED[name[1:]](a, b)
    return np.asarray(result & ordered if name[0] == "o" else result | ~ordered)


def _bitcast(node: Node, a: Array) -> Array:
    source, target = node.inputs[0].type.scalar, node.types[0].scalar
    if source == target:
        return a
    bits = float8.encode(a, source.name) if source.name in float8.FORMATS else a
    bits = float_to_bf16(a) if source.name == "bf16" else bits
    if target.name == "bf16":
        return bf16_to_float(bits.view(np.uint16))
    if target.name in float8.FORMATS:
        return float8.decode(bits.view(np.uint8), target.name)
    if "i1" in (source.name, target.name):
        return bits != 0 if target.name == "i1" else bits
    return np.asarray(bits, order="C").view(NUMPY[target.name])


def fused_multiply_add(a: Array, b: Array, c: Array) -> Array:
    """a * b + c, rounded once (to double, then to odd, so that rounding to a smaller type is right)."""
    if a.dtype == np.float64:
        return _fma_of_doubles(a, b, c)
    return _sum_to_odd(a.astype(np.float64) * b, c.astype(np.float64))


def _fma_of_doubles(a: Array, b: Array, c: Array) -> Array:
    """Boldo and Melquiond, Emulation of FMA and correctly rounded sums, IEEE Trans. Computers 57 (2008)."""
    with np.errstate(all="ignore"):
        high = a * b
        (a1, a2), (b1, b2) = _halves(a), _halves(b)
        low = a2 * b2 - (((high - a1 * b1) - a2 * b1) - a1 * b2)
        first, first_error = _two_sum(c, low)
        second, second_error = _two_sum(high, first)
        found = second + _sum_to_odd(first_error, second_error)
        return np.where(np.isfinite(found), found, high + c)


def _halves(a: Array) -> tuple[Array, Array]:
    """Veltkamp's splitting: two numbers of 26 bits whose sum is `a`."""
    wide = a * 134217729.0
    high = wide - (wide - a)
    return high, a - high


def _two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """Knuth's sum and its exact error."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _sum_to_odd(a: Array, b: Array) -> Array:
    """a + b; where it is not exact, of the two doubles beside it the one with an odd last bit."""
    with np.errstate(all="ignore"):
        total, error = _two_sum(a, b)
        bits = np.asarray(total).view(np.int64)
        away = np.where((error > 0) == (total > 0), 1, -1)
        inexact = np.isfinite(total) & (error != 0) & (bits & 1 == 0)
        return np.asarray(np.where(inexact, bits + away, bits)).view(np.float64)


def _clamp(node: Node, x: Array, low: Array, high: Array) -> Array:
    bounded = np.fmin(np.fmax(x, low), high)
    return np.where(np.isnan(x), x, bounded) if node.attr("propagate_nan") else bounded


def _trunc(node: Node, a: Array) -> Array:
    return (a & 1) != 0 if node.types[0].scalar.bits == 1 else a


def _fcast(node: Node, a: Array) -> Array:
    if node.attr("rounding") != "rtz":
        return a
    scalar, wide = node.types[0].scalar, np.asarray(a, np.float32)
    if scalar.name in float8.FORMATS:
        return float8.decode(float8.encode(wide, scalar.name, to_zero=True), scalar.name)
    if scalar.name == "bf16":
        cut = (wide.view(np.uint32) & 0xFFFF0000).view(np.float32)
        return np.where(np.isnan(wide), wide, cut)
    near: Array = wide.astype(NUMPY[scalar.name])
    too_far = np.abs(near.astype(np.float64)) > np.abs(wide)
    return np.where(too_far, np.nextafter(near, near.dtype.type(0)), near)


def _to_int(node: Node, a: Array) -> Array:
    """Towards zero; what is out of range is the nearest end of it, and NaN is 0."""
    bits = node.types[0].scalar.bits
    unsigned_ = node.op == "f_to_u"
    low, high = (0, 2**bits - 1) if unsigned_ else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    wide = a.astype(np.float64)
    inside = (wide > low - 1.0) & (wide < high + 1.0)  # 2^bits is exact
    whole = np.trunc(np.where(inside, wide, 0.0)).astype(np.uint64 if unsigned_ else np.int64)
    ends = np.where(wide > 0, whole.dtype.type(high), whole.dtype.type(low))
    return np.where(inside, whole, np.where(np.isnan(wide), whole.dtype.type(0), ends))


def _signed(a: Array) -> Array:
    return -a.astype(np.int8) if a.dtype == bool else a


def _plain(function: Callable[..., Array]) -> Rule:
    return lambda node, *args: function(*args)


_ERF = np.vectorize(math.erf, otypes=[np.float64])
_ON_VALUES: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a ^ b if a.dtype == bool else a + b,
    "sub": lambda a, b: a ^ b if a.dtype == bool else a - b,
    "mul": lambda a, b: a & b if a.dtype == bool else a * b,
    "div": lambda a, b: a / b,
    "precise_div": lambda a, b: a / b,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "shl": np.left_shift,
    "shr_s": np.right_shift,
    "max_s": np.maximum,
    "min_s": np.minimum,
    "maxnum": np.fmax,
    "minnum": np.fmin,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "div_s": _divide,
    "rem_s": _remainder,
    "rem_f": np.fmod,
    "neg": np.negative,
    "abs_f": np.abs,
    "abs_i": np.abs,
    "floor": np.floor,
    "ceil": np.ceil,
    "sqrt": np.sqrt,
    "precise_sqrt": np.sqrt,
    "rsqrt": lambda a: 1 / np.sqrt(a),
    "exp": np.exp,
    "exp2": np.exp2,
    "log": np.log,
    "log2": np.log2,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "erf": _ERF,
    "exp10": lambda a: np.power(10.0, a.astype(np.float64)),
    "expm1": np.expm1,
    "log10": np.log10,
    "log1p": np.log1p,
    "tan": np.tan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "trunc_f": np.trunc,
    "rint": np.rint,
    "round": lambda a: np.trunc(a + np.copysign(0.5, a)),
    "isnan": np.isnan,
    "isinf": np.isinf,
    "isfinite": np.isfinite,
    "pow": lambda a, b: np.power(a, b.astype(a.dtype)),
    "atan2": np.arctan2,
    "copysign": np.copysign,
    "select": lambda c, a, b: np.asarray(np.where(c, a, b)),
    "fma": fused_multiply_add,
    "ext_s": _signed,
    "s_to_f": _signed,
}
RULES: dict[str, Rule] = {
    **{name: _plain(function) for name, function in _ON_VALUES.items()},
    "shr_u": _on_unsigned(_plain(np.right_shift)),
    "max_u": _on_unsigned(_plain(np.maximum)),
    "min_u": _on_unsigned(_plain(np.minimum)),
    "div_u": _on_unsigned(_plain(lambda a, b: np.where(b == 0, 0, a // np.where(b == 0, 1, b)))),
    "rem_u": _on_unsigned(_plain(lambda a, b: np.where(b == 0, 0, a % np.where(b == 0, 1, b)))),
    "mulhi_u": _on_unsigned(_mulhi),
    "ext_u": _on_unsigned(_plain(lambda a: a)),
    "u_to_f": _on_unsigned(_plain(lambda a: a)),
    "cmp": _compare,
    "bitcast": _bitcast,
    "clamp": _clamp,
    "trunc": _trunc,
    "fcast": _fcast,
    "f_to_s": _to_int,
    "f_to_u": _to_int,
}


def apply(node: Node, *args: Array) -> Array:
    """The result of an elementwise node on its operands, as values of its type."""
    with np.errstate(all="ignore"):
        return as_type(RULES[node.op](node, *args), node.types[0].scalar)
