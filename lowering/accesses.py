"""Accesses to device memory: to which buffer, by which threads, and whether two are of one thread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..fusion.graph import Node, Value
from ..fusion.ops import READS, WRITES
from .homes import Homes
from .layout import Layout
from .values import Values


@dataclass(frozen=True, slots=True)
class Memory:
    """What accesses may meet. `aliases`: parameter → the parameter that stands for its buffer.

    `split`: buffers whose loads see the old contents and whose stores make new ones.
    `watched`: the kernel has atomics, by which other programs may learn of what it stored.
    `single`: one thread runs a whole program.
    """

    aliases: Mapping[Value, Value]
    split: frozenset[Value]
    watched: bool
    single: bool

    def apart(self, a: Access, b: Access) -> bool:
        """True if they have nothing to do with each other, wherever in their buffers they are."""
        if not (a.writes or b.writes):
            return True
        if None in (a.buffer, b.buffer):
            return False
        return a.buffer != b.buffer or (a.writes != b.writes and a.buffer in self.split)

    def first_thread(self, a: Access, b: Access) -> bool:
        """True if the first thread of the program makes both: stores of scalars."""
        scalars = a.nest is not None and a.nest == b.nest and not a.nest.shape
        return scalars and a.writes and b.writes and not self.watched

    def one_thread(self, a: Access, b: Access) -> bool:
        """True if the same thread makes both, wherever they meet, while their pointers stay the same."""
        if self.first_thread(a, b):
            return True
        if a.pointer is None or a.nest is None or (a.pointer, a.nest) != (b.pointer, b.nest):
            return False
        return (a.writes and b.writes) or self.single or _one_owner(a.nest)


@dataclass(frozen=True, slots=True)
class Access:
    """`buffer`, `pointer`: None for a barrier of the user's, which any memory may be behind.

    `nest`: the layout of its loop nest. `inside`: in a loop or branch, so that its pointer may change.
    """

    node: Node
    buffer: Value | None
    pointer: Value | None
    writes: bool
    nest: Layout | None
    inside: bool = False


def _one_owner(nest: Layout) -> bool:
    """True if no two threads meet the same element. (Of copies only one stores, the same one always.)"""
    return bool(nest.shape) and all(nest.lane) and all(nest.simdgroup)


def accesses(node: Node, values: Values, homes: Homes, memory: Memory) -> Iterator[Access]:
    """Those of `node`, and those of the graphs inside it."""
    for inner in (node, *(n for r in node.regions for n in r.walk())):
        if inner.op in READS or inner.op in WRITES:
            pointer = inner.inputs[0]
            base = values.base(pointer)
            buffer = memory.aliases.get(base, base) if base is not None else None
            writes, nest = inner.op in WRITES, homes.nest(inner)
            yield Access(inner, buffer, pointer, writes, nest, inner is not node)
        elif inner.op == "barrier" and memory.watched:
            yield Access(inner, None, None, True, None, inner is not node)
