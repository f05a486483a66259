"""Following the programs of a launch to some of its accesses, through loops and branches, in numpy."""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np

from .. import cover
from ..cover import Array
from ..graph import Graph, Node
from .records import Launch


class Walker(cover._Proof):
    """Calls `touch` for the accesses `ids`, for many programs at once."""

    def __init__(self, launch: Launch, ids: Collection[int]):
        super().__init__(launch.function, launch.slots, {}, launch.scalars, launch.grid)
        self.ids = frozenset(ids)
        self.numbers: Array = np.zeros(1, np.int64)
        sizes = [n.inputs[0].type.size for n in self.body.walk() if n.id in self.ids]
        self.step = max(1, cover._CHUNK // max(sizes, default=1))

    def walk(self, programs: int | None = None) -> bool:
        """False if the way there depends on data, or is too much work. Only the first `programs`."""
        count = math.prod(self.grid)
        count = count if programs is None else min(count, programs)
        try:
            for begin in range(0, count, self.step):
                self.chunk(np.arange(begin, min(begin + self.step, count)))
        except (cover._NotProvable, ValueError):
            return False
        return True

    def start(self, numbers: Array) -> None:
        super().start(numbers)
        self.numbers = numbers

    def graph(self, graph: Graph, active: Array) -> None:
        for node in graph:
            if node.id in self.ids:
                self.touch(node, active)
            elif any(n.id in self.ids for r in node.regions for n in r.walk()):
                self.control(node, active)

    def touch(self, node: Node, active: Array) -> None:
        """An access of the programs `numbers`, where `active` (one for all, or one each)."""
        raise NotImplementedError
