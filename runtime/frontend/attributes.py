"""Attributes and locations of recorded operations, each with the text that MLIR prints for it."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .types import Type


@dataclass(frozen=True, slots=True)
class Attribute:
    """`value`: what Python sees; `text`: what is printed, empty for a unit attribute."""

    value: Any
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Splat:
    """The value of a constant tile: one number for all its elements."""

    number: int | float | bool


UNIT = Attribute(True, "")


def integer(value: Any) -> Attribute:
    """32 bits; takes what int() takes, such as a constexpr."""
    return Attribute(int(value), f"{int(value)} : i32")


def boolean(value: Any) -> Attribute:
    return Attribute(bool(value), "true" if value else "false")


def string(value: str) -> Attribute:
    return Attribute(value, quoted(value))


def quoted(value: str) -> str:
    """MLIR writes what is not plain ASCII as two hexadecimal digits per byte."""
    plain = "".join(
        chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\{b:02X}" for b in value.encode()
    )
    return f'"{plain}"'


def symbol(name: str) -> Attribute:
    """@name, in quotes where it is no plain word."""
    plain = bool(name) and name.replace("_", "a").replace(".", "a").replace("$", "a").isalnum()
    plain = plain and name.isascii() and not name[0].isdigit() and name[0] not in ".$"
    return Attribute(name, "@" + (name if plain else quoted(name)))


def integers(values: Iterable[Any]) -> Attribute:
    """array<i32: 1, 0>."""
    found = [int(v) for v in values]
    inner = ": " + ", ".join(map(str, found)) if found else ""
    return Attribute(found, f"array<i32{inner}>")


def dense(values: Iterable[Any], context: object = None) -> Attribute:
    """dense<[1, 2]> : tensor<2xi32>."""
    found = [int(v) for v in values]
    inner = str(found[0]) if len(set(found)) == 1 else str(found)
    return Attribute(found, f"dense<{inner}> : tensor<{len(found)}xi32>")


def function_type(made: Type) -> Attribute:
    return Attribute(made, made.text)


def number(value: int | float | bool, kind: Type) -> Attribute:
    """The constant of a scalar or of a tile whose elements are all the same."""
    if kind.kind == "tensor":
        return Attribute(Splat(value), f"dense<{literal(value, kind.elem)}> : {kind}")
    text = literal(value, kind)
    return Attribute(value, text if kind.width == 1 else f"{text} : {kind}")


def literal(value: int | float | bool, scalar: Type) -> str:
    """A number as MLIR reads it: decimal where that is exact, else the bits."""
    if scalar.kind == "int":
        return ("true" if value else "false") if scalar.width == 1 else str(int(value))
    bits = float_bits(float(value), scalar)
    decimal = f"{value:e}"
    finite = value == value and abs(value) != float("inf")
    if finite and float_bits(float(decimal), scalar) == bits and not _overflows(bits, scalar):
        return decimal
    return f"0x{bits:0{scalar.width // 4}X}"


def _overflows(bits: int, scalar: Type) -> bool:
    """True for an infinity: the exponent is all ones."""
    mantissa = {"f16": 10, "bf16": 7, "f32": 23, "f64": 52}.get(scalar.text)
    if mantissa is None:
        return False  # 8 bits: too large a number became the largest
    ones = (1 << (scalar.width - 1 - mantissa)) - 1
    return (bits >> mantissa) & ones == ones


def float_bits(value: float, scalar: Type) -> int:
    """The bits of `value` in a float type, rounded to nearest even."""
    if scalar.width == 8:
        return _small_bits(value, scalar.text)
    if scalar.text == "f64":
        return int.from_bytes(struct.pack("<d", value), "little")
    if scalar.text == "f16":
        return int.from_bytes(_packed("<e", value), "little")
    bits = int.from_bytes(_packed("<f", value), "little")
    if scalar.text == "f32":
        return bits
    if value != value:
        return 0x7FC0
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16) & 0xFFFF


def _small_bits(value: float, name: str) -> int:
    import numpy as np  # not at import: that of Triton is to stay cheap

    from ...fusion.float8 import encode

    return int(encode(np.asarray(value, np.float32), name))


def _packed(form: str, value: float) -> bytes:
    try:
        return struct.pack(form, value)
    except OverflowError:
        return struct.pack(form, float("inf") if value > 0 else -float("inf"))


class Location:
    """A place in the user's source, or a name for what stands at `child`."""

    __slots__ = ("file", "line", "column", "name", "child")

    def __init__(
        self,
        file: str = "",
        line: int = 0,
        column: int = 0,
        name: str | None = None,
        child: Location | None = None,
    ):
        self.file, self.line, self.column = file, line, column
        self.name, self.child = name, child

    def get_name(self) -> str | None:
        return self.name

    def set_name(self, name: str) -> None:
        """A name for what was there; builders and values hand out copies."""
        self.name, self.child = name, self.copy()

    def copy(self) -> Location:
        return Location(self.file, self.line, self.column, self.name, self.child)

    def inner(self) -> str:
        """The text between the parentheses of loc(...)."""
        if self.name is not None:
            inside = f"({self.child.inner()})" if self.child is not None else ""
            return f"{quoted(self.name)}{inside}"
        return f"{quoted(self.file)}:{self.line}:{self.column}" if self.file else "unknown"

    def __str__(self) -> str:
        return f"loc({self.inner()})"


UNKNOWN = Location()
FAST_MATH = {"fastmath": Attribute("none", "#arith.fastmath<none>")}
OVERFLOW = {"overflowFlags": Attribute("none", "#arith.overflow<none>")}
POISON = {"value": Attribute(None, "#ub.poison")}
DISABLE_LICM = Attribute(
    "disable_licm",
    "#llvm.loop_annotation<licm = <disable = true, versioningDisable = true>>",
)
