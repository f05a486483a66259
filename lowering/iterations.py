"""What iterations of a loop do to each other in device memory: must threads wait for each other after each?

They need not where each thread meets only what it accessed itself, or where no two iterations touch one
element: their offsets are intervals that move on by more than their length.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations_with_replacement

from ..fusion.graph import Graph, Node, Value
from ..fusion.ops import READS, WRITES
from ..fusion.views import identity
from . import forward
from .disjoint import Span, number, offset, within
from .homes import Homes
from .steps import Memory, one_owner
from .values import Values

_MOST = 1 << 30


@dataclass(frozen=True, slots=True)
class _Access:
    node: Node
    buffer: Value | None  # None: it may be any

    @property
    def pointer(self) -> Value:
        return self.node.inputs[0]

    @property
    def writes(self) -> bool:
        return self.node.op in WRITES


@dataclass(frozen=True, slots=True)
class _Moving:
    """The elements of `span` in the first iteration, `by` further in each later one."""

    span: Span
    by: int


@dataclass(frozen=True, slots=True)
class Iterations:
    """Of `loop`, a `for` or a `while`."""

    loop: Node
    values: Values
    homes: Homes
    memory: Memory

    def meet(self) -> bool:
        """True if a thread may access what another one accessed in an iteration before."""
        if self.homes.simdgroups == 0:
            return False
        inner = {n.id for r in self.loop.regions for n in r.walk()}
        inner |= {r.args_node.id for r in _graphs(self.loop)}
        pairs = combinations_with_replacement(self._accesses(), 2)
        return any(self._wait(a, b, inner) for a, b in pairs)

    def _accesses(self) -> list[_Access]:
        found = []
        for node in (n for r in self.loop.regions for n in r.walk()):
            if node.op in READS or node.op in WRITES:
                base = self.values.base(node.inputs[0])
                buffer = self.memory.aliases.get(base, base) if base is not None else None
                found.append(_Access(node, buffer))
        return found

    def _wait(self, a: _Access, b: _Access, inner: set[int]) -> bool:
        if not (a.writes or b.writes) or self._unordered(a.node, b.node):
            return False
        if None not in (a.buffer, b.buffer):
            if a.buffer != b.buffer:
                return False
            if a.writes != b.writes and a.buffer in self.memory.split:
                return False
        if self._one_thread(a, b, inner):
            return False
        return not self._apart(a, b, inner)

    def _unordered(self, a: Node, b: Node) -> bool:
        """Two updates of one kind that nobody asks for what was there before: any order gives the same."""
        return (
            a.op == b.op == "atomic_rmw"
            and a.attr("kind") == b.attr("kind") != "xchg"
            and self.values.users(a.result) == self.values.users(b.result) == []
        )

    def _one_thread(self, a: _Access, b: _Access, inner: set[int]) -> bool:
        """True if each element is met by the same thread each time."""
        nest = self.homes.nest(a.node)
        if nest != self.homes.nest(b.node):
            return False
        if a.writes and b.writes and not nest.shape and not self.memory.watched:
            return True  # by the first thread of the program
        if a.pointer != b.pointer or not self._invariant(a.pointer, inner):
            return False
        return one_owner(nest) or (a.writes and b.writes)

    def _invariant(self, pointer: Value, inner: set[int]) -> bool:
        roots = (root for root, _ in self.values.leaves(pointer, identity(pointer.type.shape)))
        return all(root.node not in inner for root in roots)

    def _apart(self, a: _Access, b: _Access, inner: set[int]) -> bool:
        if a.pointer.type.scalar != b.pointer.type.scalar:
            return False
        one, two = self._moving(a.pointer, inner), self._moving(b.pointer, inner)
        if one is None or two is None or one.by != two.by or one.span.terms != two.span.terms:
            return False
        ahead, behind = one.span.high - two.span.low, two.span.high - one.span.low
        if max(abs(ahead), abs(behind), abs(one.by)) > _MOST:
            return False
        return abs(one.by) > max(ahead, behind) if one.by else min(ahead, behind) < 0

    def _moving(self, pointer: Value, inner: set[int]) -> _Moving | None:
        found = offset(self.values, pointer)
        if found is None:
            return None
        steps = _steps(self.loop, self.values)
        by, total = 0, Span(ranges=found.ranges, plus=found.plus)
        for value, factor in found.terms:
            known = forward.bounds(self.values, value) if value.node in inner else None
            if value in steps:
                by += factor * steps[value]
            if value in steps or value.node not in inner:
                total += Span(frozenset({(value, factor)}))
            elif known is None:
                return None
            else:
                total += within(*known).scaled(factor)
        return _Moving(total, by)


def _graphs(node: Node) -> Iterator[Graph]:
    for region in node.regions:
        yield region
        for inner in region:
            yield from _graphs(inner)


def _steps(loop: Node, values: Values) -> dict[Value, int]:
    """Scalars that each iteration of a `for` finds larger by one number."""
    if loop.op != "for":
        return {}
    body, found = loop.regions[0], {}
    by = number(values, loop.inputs[2])
    if by is not None:
        found[body.args[0]] = by
    for argument, result in zip(body.args[1:], body.outputs, strict=True):
        node = values.made(result)
        if argument.type.shape or node is None or node.op != "add" or argument not in node.inputs:
            continue
        by = number(values, node.inputs[node.inputs[0] == argument])
        if by is not None:
            found[argument] = by
    return found
