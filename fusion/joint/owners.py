"""Which program touches which element of an array, found by evaluating every address of a launch."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence

import numpy as np

from .. import cover
from ..cover import Array
from ..graph import Graph, Node
from .codes import Refusal
from .records import Launch
from .walk import Site

NOBODY, SEVERAL = -1, -2


def owners(
    launch: Launch, found: Sequence[Site], elements: int, programs: int | None = None
) -> Array:
    """For every element the only program with one of these accesses to it, NOBODY or SEVERAL.

    `programs`: only the first so many are looked at. A mask that depends on data counts as true.
    Raises Refusal for addresses that depend on data.
    """
    trace = _Owners(launch, frozenset(s.node.id for s in found), elements)
    if not trace.walk(programs):
        raise Refusal("OTHER_ELEMENT", f"addresses of {launch.name} cannot be computed")
    return np.where(trace.low == trace.high, trace.high, np.where(trace.high < 0, NOBODY, SEVERAL))


class Walker(cover._Proof):
    """Follows every program of a launch to the accesses `ids`, through loops and branches."""

    def __init__(self, launch: Launch, ids: frozenset[int]):
        super().__init__(launch.function, launch.slots, {}, launch.scalars, launch.grid)
        self.ids = ids
        self.numbers: Array = np.zeros(1, np.int64)
        sizes = [n.inputs[0].type.size for n in self.body.walk() if n.id in ids]
        self.step = max(1, cover._CHUNK // max(sizes, default=1))

    def walk(self, programs: int | None = None) -> bool:
        """False if the way there depends on data, or is too much work."""
        count = math.prod(self.grid)
        count = count if programs is None else min(count, programs)
        try:
            for begin in range(0, count, self.step):
                self.chunk(np.arange(begin, min(begin + self.step, count)))
        except cover._NotProvable:
            return False
        return True

    def start(self, numbers: Array) -> None:
        super().start(numbers)
        self.numbers = numbers

    def graph(self, graph: Graph, active: Array) -> None:
        for node in graph:
            if node.id in self.ids:
                self.touch(node, active)
            elif node.regions and any(n.id in self.ids for r in node.regions for n in r.walk()):
                self.control(node, active)

    def touch(self, node: Node, active: Array) -> None:
        """An access of the programs `numbers`, where `active` (one for all, or one each)."""
        raise NotImplementedError


class _Owners(Walker):
    """The first and the last program that touches each element."""

    def __init__(self, launch: Launch, ids: frozenset[int], elements: int):
        super().__init__(launch, ids)
        self.low = np.full(elements, math.prod(launch.grid), np.int32)
        self.high = np.full(elements, NOBODY, np.int32)

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
        by = np.broadcast_to(numbers, shape)[mask]
        places = offset[mask]
        if places.size and (places.min() < 0 or places.max() >= len(self.low)):
            raise Refusal("OTHER_ELEMENT", "an access outside of its array")
        np.minimum.at(self.low, places, by)
        np.maximum.at(self.high, places, by)
