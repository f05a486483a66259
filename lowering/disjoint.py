"""Proof that two accesses to one buffer never meet: in intervals beside each other, or interleaved.

An offset is a sum of scalars that all threads share, each times a number, of strided ranges, and of a number.
Where two offsets have the same scalars, the rest decides: its bounds, and its remainders by one of the strides
(heads of 16 numbers, of which one access takes the first eight and the other the rest). A sum that wraps moves
both by the same amount, so nothing is asked of its size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..fusion.graph import Node, Value
from ..fusion.ops import OPS
from .forward import FAR, bounds
from .values import Values

MOST = 1 << 30  # bounds that 32 bits hold, with room for a sum


@dataclass(frozen=True, slots=True)
class Range:
    """factor times a number in low..high."""

    factor: int
    low: int
    high: int

    @property
    def ends(self) -> tuple[int, int]:
        """The least and the greatest element."""
        ends = (self.factor * self.low, self.factor * self.high)
        return min(ends), max(ends)


@dataclass(frozen=True, slots=True)
class Span:
    """sum of terms[k] = (scalar, factor), plus one element of each range, plus a number."""

    terms: frozenset[tuple[Value, int]] = frozenset()
    ranges: tuple[Range, ...] = ()
    plus: int = 0

    def __add__(self, other: Span) -> Span:
        total = dict(self.terms)
        for value, factor in other.terms:
            total[value] = total.get(value, 0) + factor
        return Span(
            frozenset((v, f) for v, f in total.items() if f),
            self.ranges + other.ranges,
            self.plus + other.plus,
        )

    def scaled(self, factor: int) -> Span:
        if not factor:
            return Span()
        return Span(
            frozenset((v, f * factor) for v, f in self.terms),
            tuple(Range(r.factor * factor, r.low, r.high) for r in self.ranges),
            self.plus * factor,
        )

    @property
    def low(self) -> int:
        return self.plus + sum(r.ends[0] for r in self.ranges)

    @property
    def high(self) -> int:
        return self.plus + sum(r.ends[1] for r in self.ranges)

    @property
    def number(self) -> int | None:
        """The value, if it is one constant."""
        return None if self.terms or self.ranges else self.plus

    def modulo(self, stride: int) -> Span:
        """Without what is a multiple of `stride`, except the number."""
        return Span(self.terms, tuple(r for r in self.ranges if r.factor % stride), self.plus)


def within(low: int, high: int) -> Span:
    return Span(ranges=(Range(1, low, high),))


def disjoint(values: Values, one: Value, other: Value) -> bool:
    """True if no element of `one` is an element of `other`. Both point into one parameter.

    Both are taken in the same iteration of each loop around them.
    """
    if one.type.scalar != other.type.scalar:
        return False
    a, b = offset(values, one), offset(values, other)
    return a is not None and b is not None and a.terms == b.terms and apart(a, b)


def always_disjoint(values: Values, one: Value, other: Value) -> bool:
    """The same, in whichever iteration of a loop either of them is."""
    if one.type.scalar != other.type.scalar:
        return False
    a, b = (bounded(values, offset(values, p), lambda v: True) for p in (one, other))
    return a is not None and b is not None and apart(a, b)


def apart(a: Span, b: Span) -> bool:
    """True if two offsets with the same terms, whatever those are, are never equal."""
    if any(MOST < abs(end) < FAR for s in (a, b) for end in (s.low, s.high)):
        return False
    if a.high < b.low or b.high < a.low:
        return True
    return any(_interleaved(a.modulo(g), b.modulo(g), g) for g in _strides(a, b))


def _strides(a: Span, b: Span) -> Iterator[int]:
    yield from sorted({abs(r.factor) for r in (*a.ranges, *b.ranges)} - {0, 1})


def _interleaved(a: Span, b: Span, stride: int) -> bool:
    """True if no difference of the two is a multiple of `stride`."""
    least, most = b.low - a.high, b.high - a.low
    return most < FAR and most // stride < -(-least // stride)


def bounded(values: Values, found: Span | None, changes: Callable[[Value], bool]) -> Span | None:
    """`found` in all iterations: scalars that change are anything in their bounds; None if one has none."""
    if found is None:
        return None
    kept = frozenset((v, f) for v, f in found.terms if not changes(v))
    total = Span(kept, found.ranges, found.plus)
    for value, factor in found.terms - kept:
        known = bounds(values, value)
        if known is None:
            return None
        total += within(*known).scaled(factor)
    return total


def offset(values: Values, pointer: Value) -> Span | None:
    """Elements between the parameter and `pointer`."""
    if pointer in values.parameters:
        return Span()
    node = values.node(pointer)
    if OPS[node.op].kind == "shape":
        return offset(values, node.inputs[0])
    if node.op != "addptr":
        return None
    base, step = offset(values, node.inputs[0]), span(values, node.inputs[1])
    return None if base is None or step is None else base + step


def number(values: Values, value: Value) -> int | None:
    """A scalar that is one constant."""
    found = span(values, value)
    return None if found is None else found.number


def span(values: Values, value: Value) -> Span | None:
    """What is known of every element of an integer tile or scalar; None if nothing."""
    node = None if values.is_argument(value) else values.node(value)
    if node is not None:
        found = _known(values, node)
        if found is not None:
            return found
    if value.type.shape:
        return None
    return Span(frozenset({(value, 1)}))


def _known(values: Values, node: Node) -> Span | None:
    if node.op == "const":
        return _constant(node)
    if node.op == "range":
        return within(node.attr("start"), node.attr("end") - 1)
    if OPS[node.op].kind == "shape" or node.op == "ext_s" or node.attr("whole"):
        return span(values, node.inputs[0])
    if node.op not in (*_RULES, "and"):
        return None
    a, b = (span(values, v) for v in node.inputs)
    if node.op == "and":
        return _and(a, b)
    return None if a is None or b is None else _RULES[node.op](a, b)


def _constant(node: Node) -> Span | None:
    value = node.attr("value")
    return Span(plus=int(value)) if isinstance(value, int) else None


def _sum(a: Span, b: Span) -> Span | None:
    return a + b


def _difference(a: Span, b: Span) -> Span | None:
    return a + b.scaled(-1)


def _product(a: Span, b: Span) -> Span | None:
    if b.number is not None:
        return a.scaled(b.number)
    return b.scaled(a.number) if a.number is not None else None


def _remainder(a: Span, b: Span) -> Span | None:
    if b.number is None or b.number <= 0:
        return None
    if a.terms or a.low < 0 or a.high > MOST:
        return None
    return within(0, min(a.high, b.number - 1))


def _and(a: Span | None, b: Span | None) -> Span | None:
    """What a mask leaves is between zero and the mask, whatever it is of."""
    numbers = [x.number for x in (a, b) if x is not None]
    masks = [n for n in numbers if n is not None and n >= 0]
    return within(0, min(masks)) if masks else None


_RULES = {
    "add": _sum,
    "sub": _difference,
    "mul": _product,
    "rem_s": _remainder,
    "rem_u": _remainder,
}
