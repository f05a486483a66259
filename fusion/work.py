"""How much a launch computes, counted on its graph with the launch's own scalars and grid.

Trips of loops and branches taken are evaluated for every program where they depend on scalars and program
ids alone. What depends on memory is taken to happen once, and the count then says that it is not exact.
Lanes that a mask turns off are counted: they take their time all the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .cover import Array, Programs
from .graph import Function, Graph, Node
from .ops import OPS

_MOST_PROGRAMS = 1 << 20  # evaluated one by one; of more, as many evenly spaced ones
_MOVES = frozenset({"select", "bitcast", "fcast", "copysign", "neg", "abs_f"})


@dataclass(frozen=True, slots=True)
class DotRuns:
    """A matrix product of the graph, and how often all programs together run it."""

    node: Node
    times: int

    @property
    def multiply_adds(self) -> int:
        """Of one run."""
        return self.node.types[0].size * self.node.inputs[0].type.shape[-1]


@dataclass(frozen=True, slots=True)
class Computed:
    """Sums over all programs. `flops`: operations on floats, a fused multiply-add is two; casts are none.

    `elements`: element operations in multiply-adds of a lane (a division or exponential is several),
    address arithmetic among them, matrix products not. `exact`: nothing was guessed.
    """

    flops: int
    elements: int
    dots: tuple[DotRuns, ...]
    exact: bool


def computed(
    function: Function, scalars: Mapping[int, int | float | bool], grid: tuple[int, int, int]
) -> Computed:
    """Count `function` run with `scalars` (parameter index → value) on `grid`."""
    return _Counter(function, scalars, grid).run()


class _Counter:
    def __init__(
        self,
        function: Function,
        scalars: Mapping[int, int | float | bool],
        grid: tuple[int, int, int],
    ):
        self.body, self.count = function.body, math.prod(grid)
        seen = min(self.count, _MOST_PROGRAMS)
        numbers = np.arange(seen) * self.count // max(seen, 1)
        self.seen, self.exact = seen, True
        self.programs = Programs(function, scalars, grid, numbers)
        self.flops = self.elements = 0
        self.dots: list[DotRuns] = []

    def run(self) -> Computed:
        if self.seen:
            self._graph(self.body, np.ones(1, np.int64))
        return Computed(self.flops, self.elements, tuple(self.dots), self.exact)

    def _graph(self, graph: Graph, times: Array) -> None:
        for node in graph:
            if node.op in ("for", "if", "while"):
                self._control(node, times)
            else:
                self._node(node, self._total(times))

    def _total(self, times: Array) -> int:
        """Runs of all programs together."""
        if times.size == 1:
            return int(times[0]) * self.count
        if self.seen == self.count:
            return int(times.sum())
        self.exact = False
        return int(times.sum()) * self.count // self.seen

    def _node(self, node: Node, times: int) -> None:
        row = OPS[node.op]
        if row.kind == "dot":
            run = DotRuns(node, times)
            self.dots.append(run)
            if node.types[0].is_float:
                self.flops += 2 * run.multiply_adds * times
        elif row.kind == "combine":
            size = node.inputs[0].type.size
            results = node.types[0].size if node.op == "reduce" else 0
            self.elements += size * len(node.regions[0]) * times
            self.flops += (size - results) * sum(map(_flops, node.regions[0])) * times
        elif row.kind == "elementwise" and not node.types[0].is_pointer:
            size = node.types[0].size
            self.elements += row.cost * size * times
            self.flops += _flops(node) * size * times

    def _control(self, node: Node, times: Array) -> None:
        if node.op == "for":
            lower, upper, step = (self.programs.value(v) for v in node.inputs[:3])
            if lower is None or upper is None or step is None or not bool((step > 0).all()):
                self.exact = False
                return self._graph(node.regions[0], times)
            trips = np.maximum(0, -((lower.astype(np.int64) - upper) // step))
            return self._graph(node.regions[0], times * trips)
        condition = self.programs.value(node.inputs[0]) if node.op == "if" else None
        if condition is None:
            self.exact = False
            for region in node.regions:
                self._graph(region, times)
            return None
        for region, taken in zip(node.regions, (condition, ~condition)):
            self._graph(region, times * taken)
        return None


def _flops(node: Node) -> int:
    """Of one element."""
    row = OPS[node.op]
    if row.kind != "elementwise" or not node.types[0].is_float or node.op in _MOVES:
        return 0
    return 2 if node.op == "fma" else 1
