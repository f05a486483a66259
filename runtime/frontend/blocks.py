"""Block pointers as a pointer, sizes, strides and offsets: the language of Triton up to 3.7 has them.

A block pointer of rank r becomes, in this order: the base pointer, r sizes, r strides and r offsets (i64).
What a load gives outside of the axes that are checked is 0, NaN, or, where no padding is asked for, anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from . import types
from .descriptors import Parts, Writer
from .enums import CACHE_MODIFIER, EVICTION_POLICY, PADDING_OPTION
from .types import I64, Type
from .values import Operation, Value


def is_block_pointer(kind: Type) -> bool:
    return kind.kind == "ptr" and kind.elem.kind == "tensor"


def types_of(kind: Type) -> list[Type]:
    """The types of the values that a block pointer becomes."""
    return [types.pointer(kind.elem.elem), *[I64] * (3 * len(kind.elem.shape))]


@dataclass(frozen=True, slots=True)
class Block:
    """The values that a pointer to a block of type `tile` became."""

    tile: Type
    base: Value
    sizes: tuple[Value, ...]
    strides: tuple[Value, ...]
    offsets: tuple[Value, ...]

    def flat(self) -> tuple[Value, ...]:
        return (self.base, *self.sizes, *self.strides, *self.offsets)

    def array(self) -> Parts:
        """The array as descriptors have it; padding is with each load."""
        return Parts(self.tile, self.base, self.sizes, self.strides, self.base, None)

    @classmethod
    def of(cls, kind: Type, flat: Sequence[Value]) -> Block:
        rank = len(kind.elem.shape)
        sizes, strides, offsets = (tuple(flat[1 + k * rank :][:rank]) for k in range(3))
        return cls(kind.elem, flat[0], sizes, strides, offsets)


def made(op: Operation, write: Writer, values: Sequence[Value]) -> Block:
    """What tt.make_tensor_ptr makes of `values`."""
    base, *numbers = values
    return Block.of(op.results[0].type, [base, *map(write.wide, numbers)])


def advanced(block: Block, write: Writer, steps: Sequence[Value]) -> Block:
    """tt.advance: other offsets, the same where the step is none."""
    moved = (
        offset if write.b.known(step) == 0 else write.same("arith.addi", offset, write.wide(step))
        for offset, step in zip(block.offsets, steps)
    )
    return replace(block, offsets=tuple(moved))


def load(w: Writer, block: Block, op: Operation, values: Sequence[Value]) -> Value | None:
    """tt.load of a block pointer."""
    pointers, inside = _places(w, block, op)
    how = (*_policy(op), op.properties["isVolatile"].value)
    if inside is None:
        return w.b.create_load(pointers, *how)
    return w.b.create_masked_load(pointers, inside, _outside(w, block.tile, op), *how)


def store(w: Writer, block: Block, op: Operation, values: Sequence[Value]) -> Value | None:
    """tt.store through a block pointer."""
    pointers, inside = _places(w, block, op)
    if inside is None:
        w.b.create_store(pointers, values[0], *_policy(op))
    else:
        w.b.create_masked_store(pointers, values[0], inside, *_policy(op))
    return None


MEANINGS = {"tt.load": load, "tt.store": store}


def _places(w: Writer, block: Block, op: Operation) -> tuple[Value, Value | None]:
    """Pointers, and which of them may be used; None if all may."""
    array, shape = block.array(), block.tile.shape
    places = w.offsets(array, block.offsets)
    pointers = w.pointers(array, places, shape)
    axes = _number(op, "boundaryCheck")
    return pointers, w.inside(array, places, shape, axes) if axes else None


def _outside(w: Writer, tile: Type, op: Operation) -> Value | None:
    if "padding" not in op.properties:
        return None
    if op.properties["padding"].value == PADDING_OPTION.PAD_NAN.value:
        return w.b.constant(float("nan"), tile)
    return w.b.constant(0.0 if tile.elem.kind == "float" else 0, tile)


def _policy(op: Operation) -> tuple[CACHE_MODIFIER, EVICTION_POLICY]:
    return CACHE_MODIFIER(_number(op, "cache")), EVICTION_POLICY(_number(op, "evict"))


def _number(op: Operation, name: str) -> Any:
    return op.properties[name].value
