"""Types, numbers and lists as MLIR writes them."""

from __future__ import annotations

import functools
import re
import struct

import numpy as np

from .errors import Loc, UnsupportedType
from .float8 import FORMATS, decode
from .mlir import Operation
from .types import I1, SCALARS, Pointer, Scalar, Type


@functools.lru_cache(maxsize=4096)
def _type_or_none(text: str) -> Type | None:
    if text.startswith("tensor<"):
        *dims, elem = _split_shape(text[len("tensor<") : -1])
        inner = _type_or_none(elem)
        return None if inner is None else Type(inner.elem, tuple(map(int, dims)))
    if text.startswith("!tt.ptr<"):  # the address space, after a comma, says nothing new
        pointee = SCALARS.get(text[len("!tt.ptr<") : -1].split(",")[0])
        return None if pointee is None else Type(Pointer(pointee))
    scalar = SCALARS.get(text)
    return None if scalar is None else Type(scalar)


def _split_shape(text: str) -> list[str]:
    """ "16x32x!tt.ptr<f32>" → ["16", "32", "!tt.ptr<f32>"]."""
    parts: list[str] = []
    while match := re.match(r"(\d+)x", text):
        parts.append(match[1])
        text = text[match.end() :]
    return [*parts, text]


def type_of(text: str, loc: Loc) -> Type:
    found = _type_or_none(text)
    if found is None:
        raise UnsupportedType(
            f"type {text}", where=loc, why="no element type of this name is known"
        )
    return found


def number(text: str, elem: Scalar, loc: Loc) -> int | float | bool:
    """A literal of MLIR: 3, true, 1.0e+00, 0xFF800000 (bits of a float)."""
    if text in ("true", "false"):
        return text == "true"
    if not elem.is_float:
        value = int(text, 0)
        return bool(value) if elem == I1 else value
    if not text.startswith("0x"):
        return float(text)
    bits = int(text, 16)
    if elem.name == "bf16":
        return float(struct.unpack("<f", struct.pack("<I", bits << 16))[0])
    if elem.name in FORMATS:
        return float(decode(np.asarray(bits), elem.name))
    formats = {"f64": ("<Q", "<d"), "f32": ("<I", "<f"), "f16": ("<H", "<e")}
    if elem.name not in formats:
        raise UnsupportedType(f"constant {text} of type {elem}", where=loc)
    raw, real = formats[elem.name]
    return float(struct.unpack(real, struct.pack(raw, bits))[0])


def integer(op: Operation, name: str) -> int:
    return int(op.attrs[name].split(":")[0].strip())


def integers(op: Operation, name: str) -> tuple[int, ...]:
    """array<i32: 1, 0> → (1, 0)."""
    text = op.attrs.get(name, "array<i32>")
    _, _, numbers = text.rstrip(">").partition(":")
    return tuple(int(n) for n in numbers.split(",") if n.strip())
