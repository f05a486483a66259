"""Small things about text: an indenting writer, names, C types and literals."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy

from ..fusion.errors import UnsupportedType
from ..fusion.float8 import FORMATS, encode
from ..fusion.types import Scalar

C_TYPES = {
    "i1": "bool",
    "i8": "char",
    "i16": "short",
    "i32": "int",
    "i64": "long",
    "f16": "half",
    "bf16": "bfloat",
    "f32": "float",
    "f64": "double",
    **dict.fromkeys(FORMATS, "uchar"),  # codes; expr.py decodes them for arithmetic
}
UNSIGNED = {"i1": "bool", "i8": "uchar", "i16": "ushort", "i32": "uint", "i64": "ulong"}


def c_type(scalar: Scalar) -> str:
    if scalar.name not in C_TYPES:
        raise UnsupportedType(
            f"values of type {scalar}",
            why="no target has arithmetic for it yet",
            hint="convert to fp16 or fp32 before the kernel",
        )
    return C_TYPES[scalar.name]


class Writer:
    """Lines of text at the current depth."""

    def __init__(self, depth: int = 1) -> None:
        self.lines: list[str] = []
        self.depth = depth

    def line(self, text: str = "") -> None:
        self.lines.append("  " * self.depth + text if text else "")

    @contextmanager
    def block(self, head: str = "") -> Iterator[None]:
        """`head { ... }`."""
        self.line(f"{head} {{" if head else "{")
        self.depth += 1
        yield
        self.depth -= 1
        self.line("}")

    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


def literal(value: int | float | bool, scalar: Scalar) -> str:
    """`value` as a literal of `scalar`'s C type."""
    if scalar.name == "i1":
        return "true" if value else "false"
    if not scalar.is_float:
        return _integer(int(value), scalar)
    number = float(value)
    if scalar.name in FORMATS:
        return f"uchar({int(encode(numpy.array([number]), scalar.name)[0])})"
    if math.isnan(number):
        text = "NAN"
    elif math.isinf(number):
        text = "INFINITY" if number > 0 else "-INFINITY"
    elif scalar.name == "f64":
        return repr(number)
    else:
        text = _decimal(str(numpy.float32(number))) + "f"
    return text if scalar.name in ("f32", "f64") else f"{c_type(scalar)}({text})"


def _decimal(text: str) -> str:
    return text if any(c in text for c in ".en") else text + ".0"


def _integer(value: int, scalar: Scalar) -> str:
    value = (value + (1 << (scalar.bits - 1))) % (1 << scalar.bits) - (1 << (scalar.bits - 1))
    if scalar.bits == 64:
        return f"{value}L" if value != -(1 << 63) else "(-9223372036854775807L - 1L)"
    if value == -(1 << 31):
        return "(-2147483647 - 1)"
    return str(value) if scalar.bits == 32 else f"{c_type(scalar)}({value})"
