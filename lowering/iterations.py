"""What iterations of a loop do to each other in device memory: must threads wait for each other after each?

They need not where each thread meets only what it accessed itself, or where no two iterations touch one
element: their offsets are intervals that move on by more than their length.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations_with_replacement

from ..fusion.graph import Graph, Node, Value
from ..fusion.views import identity
from .accesses import Access, Memory, accesses
from .disjoint import MOST, Span, apart, bounded, number, offset
from .forward import increment
from .homes import Homes
from .values import Values


def meet(loop: Node, values: Values, homes: Homes, memory: Memory) -> bool:
    """True if a thread may access what another one did in an iteration before. `loop`: a `for` or a `while`."""
    if memory.single:
        return False
    found = [a for a in accesses(loop, values, homes, memory) if a.pointer is not None]
    changing = _Changing(loop, values)
    pairs = combinations_with_replacement(found, 2)
    return any(_wait(a, b, values, memory, changing) for a, b in pairs)


def _wait(a: Access, b: Access, values: Values, memory: Memory, changing: _Changing) -> bool:
    if memory.apart(a, b) or _any_order(a.node, b.node, values):
        return False
    assert a.pointer is not None and b.pointer is not None
    if memory.first_thread(a, b):
        return False
    if memory.one_thread(a, b) and changing.never(a.pointer):
        return False
    return not changing.apart(a.pointer, b.pointer)


def _any_order(a: Node, b: Node, values: Values) -> bool:
    """True for updates of one kind that nobody asks for what was there before."""
    return (
        a.op == b.op == "atomic_rmw"
        and a.attr("kind") == b.attr("kind") != "xchg"
        and values.users(a.result) == values.users(b.result) == []
    )


@dataclass(slots=True)
class _Changing:
    """What the iterations of `loop` change, and how."""

    loop: Node
    values: Values
    inner: frozenset[int] = frozenset()  # ids of nodes
    steps: dict[Value, int] = field(
        default_factory=dict
    )  # scalars that each makes larger by a number
    offsets: dict[Value, Span | None] = field(default_factory=dict)  # of pointers, steps apart

    def __post_init__(self) -> None:
        regions = list(_graphs(self.loop))
        self.inner = frozenset(n.id for r in regions for n in (r.args_node, *r))
        if self.loop.op == "for":
            self.steps = dict(self._steps())

    def _steps(self) -> Iterator[tuple[Value, int]]:
        for argument in self.loop.regions[0].args:
            added = None if argument.type.shape else increment(self.values, self.loop, argument)
            by = None if added is None else number(self.values, added)
            if by is not None:
                yield argument, by

    def never(self, pointer: Value) -> bool:
        """True if the pointer is the same in all iterations."""
        roots = self.values.leaves(pointer, identity(pointer.type.shape))
        return all(root.node not in self.inner for root, _ in roots)

    def apart(self, one: Value, other: Value) -> bool:
        """True if no iteration reaches through `one` what another one reaches through `other`."""
        if one.type.scalar != other.type.scalar:
            return False
        a, b = self._offset(one), self._offset(other)
        if a is None or b is None or a.terms != b.terms:
            return False
        by = sum(factor * self.steps.get(value, 0) for value, factor in a.terms)
        if not by:
            return apart(a, b)
        ahead, behind = a.high - b.low, b.high - a.low
        return abs(by) > max(ahead, behind) and max(map(abs, (ahead, behind, by))) <= MOST

    def _offset(self, pointer: Value) -> Span | None:
        if pointer not in self.offsets:
            found = offset(self.values, pointer)
            self.offsets[pointer] = bounded(self.values, found, self._is_unknown)
        return self.offsets[pointer]

    def _is_unknown(self, value: Value) -> bool:
        return value.node in self.inner and value not in self.steps


def _graphs(node: Node) -> Iterator[Graph]:
    for region in node.regions:
        yield region
        for inner in region:
            yield from _graphs(inner)
