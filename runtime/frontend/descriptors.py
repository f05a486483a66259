"""Tensor descriptors as pointers, sizes and strides, as Triton's own pass makes them.

A descriptor of rank r becomes, in this order: the base pointer, r sizes and r strides (i64), whether what
is outside is NaN (i1), and from Triton 3.7 on whether fp32 is rounded to tf32 (i1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from . import dialect, types
from .attributes import Attribute
from .builder import Builder, NotInPython
from .enums import ATOMIC_OP, DESCRIPTOR_REDUCE_KIND, MEM_SEMANTIC, MEM_SYNC_SCOPE, PADDING_OPTION
from .types import F32, I1, I32, I64, Type
from .values import Block, Operation, Value


@dataclass(frozen=True, slots=True)
class Parts:
    """The values that a descriptor of `kind` became. `rounded`: None where Triton does not have it."""

    kind: Type
    base: Value
    sizes: tuple[Value, ...]
    strides: tuple[Value, ...]
    nan: Value
    rounded: Value | None

    def flat(self) -> tuple[Value, ...]:
        flags = (self.nan,) if self.rounded is None else (self.nan, self.rounded)
        return (self.base, *self.sizes, *self.strides, *flags)

    @classmethod
    def of(cls, kind: Type, flat: Sequence[Value]) -> Parts:
        rank = len(kind.shape)
        sizes, strides = tuple(flat[1 : 1 + rank]), tuple(flat[1 + rank : 1 + 2 * rank])
        nan, *rounded = flat[1 + 2 * rank :]
        return cls(kind, flat[0], sizes, strides, nan, rounded[0] if rounded else None)


class Writer:
    """Writes operations in front of `op`."""

    def __init__(self, block: Block, op: Operation):
        self.b = Builder()
        self.b.block, self.b.before, self.b.loc = block, op, op.loc

    def wide(self, value: Value) -> Value:
        """As 64 bits."""
        if value.type.scalar is I64:
            return value
        return self.b.create_int_cast(value, types.like(value.type, I64), True)

    def offsets(self, described: Parts, at: Sequence[Value]) -> Sequence[Value]:
        """For every axis the places in it, shaped so that they broadcast against each other."""
        shape = described.kind.shape
        found = []
        for axis, start in enumerate(at):
            places = self.wide(start)
            if places.type.kind != "tensor":
                length = shape[axis]
                steps = self.b.create_make_range(types.tensor(I32, [length]), 0, length)
                first = self.b.create_splat(types.tensor(I64, [length]), places)
                places = self.same("arith.addi", first, self.wide(steps))
            alone = [places.type.shape[0] if a == axis else 1 for a in range(len(at))]
            found.append(self.b.create_reshape(places, alone, False))
        return found

    def same(self, name: str, *values: Value) -> Value:
        return self.b.value(name, values, values[0].type)

    def filled(self, value: Value, like: Value) -> Value:
        """A number in the shape of `like`."""
        return self.b.create_splat(types.like(like.type, value.type), value)

    def pointers(self, described: Parts, places: Sequence[Value], shape: Sequence[int]) -> Value:
        found: Value = self.b.create_splat(types.tensor(described.base.type, shape), described.base)
        for place, stride in zip(places, described.strides):
            step = self.same("arith.muli", place, self.filled(stride, place))
            found = self.same("tt.addptr", found, self.b.create_broadcast(step, shape))
        return found

    def inside(
        self,
        described: Parts,
        places: Sequence[Value],
        shape: Sequence[int],
        axes: Sequence[int] | None = None,
    ) -> Value:
        """Which places are elements of the array, as far as `axes` (all of them) say."""
        found: Value | None = None
        for axis in range(len(places)) if axes is None else axes:
            place, size = places[axis], described.sizes[axis]
            zero = self.b.constant(0, place.type)
            low = self.compared("sge", place, zero)
            high = self.compared("slt", place, self.filled(size, place))
            both = self.b.create_broadcast(self.same("arith.andi", low, high), shape)
            found = both if found is None else self.same("arith.andi", found, both)
        assert found is not None
        return found

    def compared(self, predicate: str, left: Value, right: Value) -> Value:
        number = {"slt": 2, "sge": 5}[predicate]
        how = {"predicate": Attribute(number, f"{number} : i64")}
        return self.b.compared("arith.cmpi", left, right, how)

    def outside(self, described: Parts, kind: Type) -> Value:
        """What a load gives for places that are none."""
        if kind.elem.kind != "float":
            return self.b.constant(0, kind)
        zero = self.b.constant(0.0, kind)
        if self.b.known(described.nan) is False:
            return zero
        nan = self.b.constant(float("nan"), kind)
        return self.b.create_select(described.nan, nan, zero)

    def loaded(self, described: Parts, at: Sequence[Value], kind: Type) -> Value:
        places = self.offsets(described, at)
        pointers = self.pointers(described, places, kind.shape)
        inside = self.inside(described, places, kind.shape)
        other = self.outside(described, kind)
        value = self.b.create_masked_load(pointers, inside, other, None, False)
        return self.rounded(described, value) if kind.elem is F32 else value

    def rounded(self, described: Parts, value: Value) -> Value:
        """To the 10 bits of tf32's mantissa, half to even, where the descriptor says so."""
        if described.rounded is None or self.b.known(described.rounded) is False:
            return value
        kind = types.tensor(I32, value.type.shape)
        bits = self.b.value("tt.bitcast", (value,), kind)
        exponent = self.b.constant(0x7F800000, kind)
        how = {"predicate": Attribute(0, "0 : i64")}
        special = self.b.compared(
            "arith.cmpi", self.same("arith.andi", bits, exponent), exponent, how
        )
        shifted = self.same("arith.shrui", bits, self.b.constant(13, kind))
        odd = self.same("arith.andi", shifted, self.b.constant(1, kind))
        more = self.same("arith.addi", odd, self.b.constant(0xFFF, kind))
        up = self.same("arith.addi", bits, more)
        cut = self.same("arith.andi", up, self.b.constant(-0x2000, kind))
        chosen = self.b.create_select(special, bits, cut)
        back = self.b.value("tt.bitcast", (chosen,), value.type)
        return self.b.create_select(described.rounded, back, value)

    def store(self, described: Parts, value: Value, at: Sequence[Value]) -> None:
        places = self.offsets(described, at)
        pointers = self.pointers(described, places, value.type.shape)
        inside = self.inside(described, places, value.type.shape)
        self.b.create_masked_store(pointers, value, inside, None)

    def reduce(
        self, described: Parts, kind: DESCRIPTOR_REDUCE_KIND, value: Value, at: Sequence[Value]
    ) -> None:
        places = self.offsets(described, at)
        pointers = self.pointers(described, places, value.type.shape)
        inside = self.inside(described, places, value.type.shape)
        order = MEM_SEMANTIC.RELEASE, MEM_SYNC_SCOPE.GPU
        self.b.create_atomic_rmw(_atomic(described, kind), pointers, value, inside, *order)


def _atomic(described: Parts, kind: DESCRIPTOR_REDUCE_KIND) -> ATOMIC_OP:
    """The atomic operation of a reduction into memory; integers are as signed as the descriptor is."""
    elem = described.kind.elem.elem
    name = kind.name
    if elem.kind == "float" and name == "ADD":
        return ATOMIC_OP.FADD
    if elem.kind == "int" and name in ("MIN", "MAX") and f"xu{elem}" in described.kind.text:
        return ATOMIC_OP["U" + name]
    if name in ("INC", "DEC") or (elem.kind == "float" and name not in ("MIN", "MAX")):
        raise NotInPython(f"the descriptor reduction {name.lower()} of {elem}")
    return ATOMIC_OP[name]


def types_of(kind: Type) -> list[Type]:
    """The types of the values that a descriptor becomes."""
    flags = [I1, I1] if dialect.current().rounds else [I1]
    return [types.pointer(kind.elem.elem), *[I64] * (2 * len(kind.shape)), *flags]


def made(op: Operation, write: Writer, values: Sequence[Value]) -> Parts:
    """What tt.make_tensor_descriptor makes of `values`."""
    kind = op.results[0].type
    rank = len(kind.shape)
    base, *numbers = values
    wide = [write.wide(v) for v in numbers]
    nan = op.properties["padding"].value == PADDING_OPTION.PAD_NAN.value
    rounded = write.b.constant(False, I1) if dialect.current().rounds else None
    filled = write.b.constant(nan, I1)
    return Parts(kind, base, tuple(wide[:rank]), tuple(wide[rank:]), filled, rounded)


def _load(w: Writer, described: Parts, op: Operation, values: list[Value]) -> Value | None:
    return w.loaded(described, values, op.results[0].type)


def _store(w: Writer, described: Parts, op: Operation, values: list[Value]) -> Value | None:
    w.store(described, values[0], values[1:])
    return None


def _reduce(w: Writer, described: Parts, op: Operation, values: list[Value]) -> Value | None:
    kind = DESCRIPTOR_REDUCE_KIND(op.properties["kind"].value)
    w.reduce(described, kind, values[0], values[1:])
    return None


# Gather and scatter differ in that their first place is a tile of rows.
MEANINGS = {
    "tt.descriptor_load": _load,
    "tt.descriptor_store": _store,
    "tt.descriptor_reduce": _reduce,
    "tt.descriptor_gather": _load,
    "tt.descriptor_scatter": _store,
}
