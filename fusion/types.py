"""Types of values: scalars, pointers to scalars, and tiles of either."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Scalar:
    """An element type. Integers carry no sign: the operation says how to read the bits."""

    name: str
    kind: Literal["int", "float"]
    bits: int

    def __str__(self) -> str:
        return self.name

    @property
    def is_float(self) -> bool:
        return self.kind == "float"

    @property
    def bytes(self) -> int:
        return max(1, self.bits // 8)


@dataclass(frozen=True, slots=True)
class Pointer:
    """A pointer to elements in device memory."""

    pointee: Scalar

    def __str__(self) -> str:
        return f"*{self.pointee}"


I1 = Scalar("i1", "int", 1)
I8 = Scalar("i8", "int", 8)
I16 = Scalar("i16", "int", 16)
I32 = Scalar("i32", "int", 32)
I64 = Scalar("i64", "int", 64)
F16 = Scalar("f16", "float", 16)
BF16 = Scalar("bf16", "float", 16)
F32 = Scalar("f32", "float", 32)
F64 = Scalar("f64", "float", 64)
F8E4M3 = Scalar("f8E4M3FN", "float", 8)
F8E5M2 = Scalar("f8E5M2", "float", 8)
F8E4M3FNUZ = Scalar("f8E4M3FNUZ", "float", 8)
F8E5M2FNUZ = Scalar("f8E5M2FNUZ", "float", 8)

SCALARS = {
    s.name: s
    for s in (I1, I8, I16, I32, I64, F16, BF16, F32, F64) + (F8E4M3, F8E5M2, F8E4M3FNUZ, F8E5M2FNUZ)
}


@dataclass(frozen=True, slots=True)
class Type:
    """Element type and tile shape; the empty shape is a scalar, the same in every thread."""

    elem: Scalar | Pointer
    shape: tuple[int, ...] = ()

    def __str__(self) -> str:
        if not self.shape:
            return str(self.elem)
        return "x".join(map(str, self.shape)) + f"x{self.elem}"

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def is_pointer(self) -> bool:
        return isinstance(self.elem, Pointer)

    @property
    def scalar(self) -> Scalar:
        """The element type; of a pointer, what it points to."""
        return self.elem.pointee if isinstance(self.elem, Pointer) else self.elem

    @property
    def is_float(self) -> bool:
        return isinstance(self.elem, Scalar) and self.elem.is_float

    def with_elem(self, elem: Scalar | Pointer) -> Type:
        return Type(elem, self.shape)

    def with_shape(self, shape: tuple[int, ...]) -> Type:
        return Type(self.elem, shape)
