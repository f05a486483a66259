"""Which program touches which element of an array, found by evaluating every address of a launch."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence

import numpy as np

from .. import cover
from ..cover import Array
from ..graph import Node
from .budget import spend
from .codes import Refusal
from .records import Launch
from .walk import Site, few
from .walker import Walker

NOBODY, SEVERAL = -1, -2


def meet(
    first: Launch, mine: Sequence[Site], later: Launch, theirs: Sequence[Site], elements: int
) -> bool:
    """True if a program of `later` touches, by `theirs`, what another one of `first` does by `mine`.

    Both launches have one grid. A mask that depends on data counts as true. Raises Refusal for addresses that
    depend on data, and where there are too many.
    """
    some = few(max((s.node.inputs[0].type.size for s in (*mine, *theirs)), default=1))
    if _meet_early(_Touched(first, mine, elements), _Touched(later, theirs, elements), some):
        return True  # most that meets shows in the first programs
    for launch, found in ((first, mine), (later, theirs)):
        spend(launch.name, math.prod(launch.grid) * sum(s.node.inputs[0].type.size for s in found))
    before, now = owners(first, mine, elements), owners(later, theirs, elements)
    return bool(((before != NOBODY) & (now != NOBODY) & ((before != now) | (now < 0))).any())


def _meet_early(one: _Touched, other: _Touched, programs: int) -> bool:
    (a, of_a), (b, of_b) = one.first(programs), other.first(programs)
    order = np.argsort(a, kind="stable")
    a, of_a = a[order], of_a[order]
    low, high = np.searchsorted(a, b, "left"), np.searchsorted(a, b, "right")
    some = high > low
    first, last = of_a[low[some]], of_a[high[some] - 1]
    return bool(((first != of_b[some]) | (last != of_b[some])).any())


def owners(launch: Launch, found: Sequence[Site], elements: int) -> Array:
    """For every element the only program with one of these accesses to it, NOBODY or SEVERAL.

    A mask that depends on data counts as true. Raises Refusal for addresses that depend on data.
    """
    trace = _Owners(launch, found, elements)
    if not trace.walk():
        raise Refusal("OTHER_ELEMENT", f"addresses of {launch.name} cannot be computed")
    return np.where(trace.low == trace.high, trace.high, np.where(trace.high < 0, NOBODY, SEVERAL))


class _Touched(Walker):
    """The elements that programs touch, and the numbers of those programs."""

    def __init__(self, launch: Launch, found: Sequence[Site], elements: int):
        super().__init__(launch, [s.node.id for s in found])
        self.name, self.elements = launch.name, elements
        self.pairs: list[tuple[Array, Array]] = []

    def first(self, programs: int) -> tuple[Array, Array]:
        """Of the first programs."""
        if not self.walk(programs):
            raise Refusal("OTHER_ELEMENT", f"addresses of {self.name} cannot be computed")
        nothing = np.zeros(0, np.int64)
        places, by = zip(*self.pairs) if self.pairs else ((nothing,), (nothing,))
        return np.concatenate(places), np.concatenate(by)

    def touch(self, node: Node, active: Array) -> None:
        _, offset = self.pointer(node.inputs[0])
        at = 1 if node.op == "load" else 2
        mask = np.ones(1, bool)
        if len(node.inputs) > at:
            # Else all: more elements than are touched, and what holds for more holds.
            with contextlib.suppress(cover._NotProvable):
                mask = self.value(node.inputs[at])
        rank = len(node.inputs[0].type.shape)
        mask = mask & active.reshape(active.shape[:1] + (1,) * rank)
        shape = (len(self.numbers), *node.inputs[0].type.shape)
        self._spend(math.prod(shape))
        mask, offset = np.broadcast_to(mask, shape), np.broadcast_to(offset, shape)
        numbers = self.numbers.astype(np.int32).reshape(-1, *(1,) * rank)
        places = offset[mask]
        if places.size and (places.min() < 0 or places.max() >= self.elements):
            raise Refusal("OTHER_ELEMENT", "an access outside of its array")
        self.note(places, np.broadcast_to(numbers, shape)[mask])

    def note(self, places: Array, by: Array) -> None:
        self.pairs.append((places, by))


class _Owners(_Touched):
    """The first and the last program that touches each element."""

    def __init__(self, launch: Launch, found: Sequence[Site], elements: int):
        super().__init__(launch, found, elements)
        self.low = np.full(elements, math.prod(launch.grid), np.int32)
        self.high = np.full(elements, NOBODY, np.int32)

    def note(self, places: Array, by: Array) -> None:
        np.minimum.at(self.low, places, by)
        np.maximum.at(self.high, places, by)
