"""Loops written out: those that run once or never, and those for which the user asks.

`tl.range(..., loop_unroll_factor=N)` asks for N copies of the body behind each other. Where the number of
iterations is known and at most N, nothing of the loop stays; else what does not fill N copies runs in a loop
of its own behind. A body that holds a matrix product, or whose copies would be too long, stays as it is.

Nobody has to ask for a loop of one iteration or none, known when the kernel is compiled: that makes kernels
shorter, and accesses outside of loops can take part in fusion across launches. Other loops of known length are
left to the compilers behind us, which write out short ones anyway. Measured on the host target (x86-64, g++),
six small bodies with 2 to 8 iterations: written out here, they take between 0.82 and 1.06 of the time, in the
median 1.00, and up to 2.7 times as long to compile. What is asked for pays in small bodies that carry a tile
(a sum of tiles over 64 iterations takes 0.62 of its time with a factor of 4), and costs in others (a running
maximum and sum of exponentials over 9 iterations, 128 wide: 3 times as long): it is the user's to choose.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..graph import Function, Graph, GraphBuilder, Node, Value, copy_node, fresh_ids, substitute
from ..types import I64, Type
from . import Decision, PassResult
from .fold import known_value

MOST_COPIES = 64  # of one body
MOST_NODES = 512  # of all copies of one body together
MOST_ADDED = 4096  # nodes that one function may grow by
# One copy of these fills registers, or the text, alone.
_HEAVY = frozenset({"dot", "scan"})


@dataclass(frozen=True, slots=True)
class UnrollLoops:
    """Replaces loops by copies of their bodies. Values and effects stay the same, in the same order."""

    name: str = "unroll-loops"

    def run(self, function: Function) -> PassResult:
        if not any(node.op == "for" for node in function.body.walk()):
            return PassResult(function)
        unroller = _Unroller(fresh_ids(function.body))
        body = unroller.graph(function.body, {})
        return PassResult(function.with_body(body), tuple(unroller.decisions))


@dataclass(frozen=True, slots=True)
class _Bounds:
    """What is known of a loop's bounds; `step` is positive."""

    lower: int | None
    upper: int | None
    step: int

    @property
    def trips(self) -> int | None:
        if self.lower is None or self.upper is None:
            return None
        return max(0, -((self.lower - self.upper) // self.step))


class _Unroller:
    def __init__(self, ids: Iterator[int]):
        self.ids = ids
        self.known: dict[Value, int] = {}
        self.left = MOST_ADDED
        self.decisions: list[Decision] = []

    def graph(self, graph: Graph, mapping: dict[Value, Value]) -> Graph:
        builder = GraphBuilder(self.ids, args_node=graph.args_node)
        self.fill(graph, builder, mapping)
        return builder.build(mapping.get(v, v) for v in graph.outputs)

    def fill(self, graph: Graph, builder: GraphBuilder, mapping: dict[Value, Value]) -> None:
        for node in graph:
            values = self.place(substitute(node, mapping), builder)
            mapping.update((a, b) for a, b in zip(node.outputs, values, strict=True) if a != b)

    def place(self, node: Node, builder: GraphBuilder) -> tuple[Value, ...]:
        """Append `node`, or what it becomes; what its results are then."""
        if node.op in ("for", "while", "if"):
            node = replace(node, regions=tuple(self.graph(r, {}) for r in node.regions))
        if node.op == "for":
            return self.loop(node, builder)
        builder.append(node)
        value = node.attr("value") if node.op == "const" else known_value(node, self.known)
        if isinstance(value, int) and not isinstance(value, bool):
            self.known[node.result] = value
        return node.outputs

    def loop(self, node: Node, builder: GraphBuilder) -> tuple[Value, ...]:
        """Append a loop, or copies of its body, or both; what its results are then."""
        factor = node.attr("unroll", 1)
        node = replace(node, attrs=tuple(a for a in node.attrs if a[0] != "unroll"))
        bounds = self.bounds(node)
        trips = None if bounds is None else bounds.trips
        if trips is not None and trips <= 1:
            return self.written_out(node, trips, builder)
        if factor == 1:
            return builder.append(node).outputs
        refusal = self.refusal(node, bounds, min(factor, trips or factor))
        if bounds is None or refusal:
            self.decisions.append(Decision("LOOP_KEPT", False, refusal, node.loc))
            return builder.append(node).outputs
        if trips is not None and trips <= factor:
            return self.written_out(node, trips, builder)
        return self.in_steps(node, bounds, factor, builder)

    def bounds(self, node: Node) -> _Bounds | None:
        """None if the step is not a positive constant."""
        lower, upper, step = (self.known.get(v) for v in node.inputs[:3])
        return None if step is None or step <= 0 else _Bounds(lower, upper, step)

    def refusal(self, node: Node, bounds: _Bounds | None, copies: int) -> str:
        """Why there will not be so many copies; if they will be, they are counted."""
        nodes = list(node.regions[0].walk())
        added = copies * len(nodes)
        half = 1 << (node.inputs[0].type.scalar.bits - 1)
        if bounds is None or bounds.step * copies >= half:
            return "the step is not a constant, or too large"
        if any(n.op in _HEAVY for n in nodes):
            return "matrix products and scans are not repeated"
        if copies > MOST_COPIES or added > min(MOST_NODES, self.left):
            return f"{copies} copies of {len(nodes)} nodes are too long"
        self.left -= added
        return ""

    def written_out(self, node: Node, trips: int, builder: GraphBuilder) -> tuple[Value, ...]:
        (lower, _, step), carried = node.inputs[:3], node.inputs[3:]
        for k in range(trips):
            value = self.known[lower] + k * self.known[step]
            index = self.const(value, lower.type, builder, node)
            carried = self.copy(node, index, carried, builder)
        self.decisions.append(Decision("UNROLLED", True, f"iterations: {trips}", node.loc))
        return carried

    def in_steps(
        self, node: Node, bounds: _Bounds, factor: int, builder: GraphBuilder
    ) -> tuple[Value, ...]:
        """A loop over `factor` iterations at a time, and one over those that are left."""
        (lower, upper, step), old = node.inputs[:3], node.regions[0].args_node
        middle = self.middle(node, bounds, factor, builder)
        stride = self.const(bounds.step * factor, lower.type, builder, node)
        inner = GraphBuilder(self.ids, old.types, old.loc, names=old.attr("names", ()))
        first, *rest = inner.args
        index, carried = first, tuple(rest)
        for k in range(factor):
            if k:
                ahead = self.const(bounds.step * k, lower.type, inner, node)
                index = inner.add("add", (first, ahead), (lower.type,), loc=node.loc).result
            carried = self.copy(node, index, carried, inner)
        self.decisions.append(Decision("UNROLLED", True, f"{factor} iterations at once", node.loc))
        inputs = (lower, middle, stride, *node.inputs[3:])
        main = replace(node, inputs=inputs, regions=(inner.build(carried),))
        results = self.loop(main, builder)
        left = replace(node, inputs=(middle, upper, step, *results))
        return self.loop(copy_node(left, GraphBuilder(self.ids), {}), builder)

    def middle(self, node: Node, bounds: _Bounds, factor: int, builder: GraphBuilder) -> Value:
        """Where the loop over `factor` iterations ends: below it are so many, times a whole number.

        In 64 bits, where the distance of two 32-bit numbers fits.
        """
        lower, upper = node.inputs[:2]
        kind, wide = lower.type, Type(I64)
        far, round_up = bounds.step * factor, bounds.step - 1
        if bounds.lower is not None and bounds.upper is not None:
            below = max(0, bounds.upper - bounds.lower + round_up) // far * far
            return self.const(bounds.lower + below, kind, builder, node)

        def op(name: str, *inputs: Value) -> Value:
            return builder.add(name, inputs, (wide,), loc=node.loc).result

        def number(value: int) -> Value:
            return self.const(value, wide, builder, node)

        start, end = ((op("ext_s", v) if kind != wide else v) for v in (lower, upper))
        distance = op("add", op("sub", end, start), number(round_up))
        times = op("div_s", distance, number(far))  # towards 0: neither loop runs if end < start
        found = op("add", start, op("mul", times, number(far)))
        return found if kind == wide else builder.add("trunc", (found,), (kind,)).result

    def copy(
        self, node: Node, index: Value, carried: tuple[Value, ...], builder: GraphBuilder
    ) -> tuple[Value, ...]:
        """One iteration; what it yields. With `index` known, loops in it may be written out too."""
        body = node.regions[0]
        renamed = dict(zip(body.args, (index, *carried), strict=True))
        for inner in body:
            values = self.place(copy_node(inner, GraphBuilder(self.ids), renamed), builder)
            renamed.update(zip(inner.outputs, values, strict=True))
        return tuple(renamed.get(v, v) for v in body.outputs)

    def const(self, value: int, kind: Type, builder: GraphBuilder, node: Node) -> Value:
        made = builder.add("const", (), (kind,), {"value": value}, loc=node.loc)
        self.known[made.result] = value
        return made.result
