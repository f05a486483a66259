"""64-bit offsets into arrays of fewer than 2^31 elements, in 32-bit arithmetic.

An offset that is used lies inside its array, so its low 32 bits are all of it; and the low bits of a sum or
product depend on the low bits of its operands alone. What is cut is marked as `whole`: it, or the offset that
it is a term of, loses nothing. Where one thread runs a program this saves nothing; on GPUs a 64-bit
multiplication takes several instructions and twice the registers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..graph import Function, Graph, GraphBuilder, Node, Value, fresh_ids
from ..ops import OPS
from ..types import I32, I64
from . import PassResult

_RING = frozenset({"add", "sub", "mul"})
_WIDENED = frozenset({"ext_s", "ext_u"})


@dataclass(frozen=True, slots=True)
class NarrowOffsets:
    """Offsets of pointers become 32 bits wide. Only for targets whose arrays are small enough."""

    name: str = "narrow-offsets"

    def run(self, function: Function) -> PassResult:
        wanted = _wanted(function.body)
        if not wanted:
            return PassResult(function)
        rewriter = _Rewriter(fresh_ids(function.body), wanted)
        return PassResult(function.with_body(rewriter.graph(function.body, {})))


def _wanted(body: Graph) -> frozenset[Value]:
    """64-bit values of which only the low half is needed by some offset."""
    made = {n.id: n for n in body.walk()}
    waiting = [n.inputs[1] for n in made.values() if n.op == "addptr"]
    found: set[Value] = set()
    while waiting:
        value = waiting.pop()
        if value.type.scalar != I64 or value in found:
            continue
        found.add(value)
        node = made.get(value.node)
        if node is not None:
            waiting.extend(v for v in node.inputs if _passes_through(node))
    return frozenset(found)


def _passes_through(node: Node) -> bool:
    """True if the low half of the result is known from the low halves of the operands."""
    return node.op in _RING or node.op == "select" or OPS[node.op].kind == "shape"


class _Rewriter:
    def __init__(self, ids: Iterator[int], wanted: frozenset[Value]):
        self.ids, self.wanted = ids, wanted

    def graph(self, graph: Graph, outer: dict[Value, Value]) -> Graph:
        builder = GraphBuilder(self.ids, args_node=graph.args_node)
        low = dict(outer)
        for value in graph.args:
            if value in self.wanted:
                low[value] = self._cut(builder, value, graph.args_node)
        for node in graph:
            regions = tuple(self.graph(r, low) for r in node.regions)
            made = builder.append(_with(node, regions, low))
            for value in made.outputs:
                if value in self.wanted:
                    low[value] = self._low(builder, made, value, low)
        return builder.build(graph.outputs)

    def _cut(self, builder: GraphBuilder, value: Value, like: Node) -> Value:
        wanted = value.type.with_elem(I32)
        return builder.add("trunc", (value,), (wanted,), {"whole": True}, loc=like.loc).result

    def _low(
        self, builder: GraphBuilder, node: Node, value: Value, low: dict[Value, Value]
    ) -> Value:
        """The low half of a result of `node`."""
        wanted = value.type.with_elem(I32)
        if node.op == "const":
            number = (int(node.attr("value")) + (1 << 31)) % (1 << 32) - (1 << 31)
            return builder.add("const", (), (wanted,), {"value": number}, loc=node.loc).result
        if node.op in _WIDENED:
            (source,) = node.inputs
            if source.type.scalar == I32:
                return source
            return builder.add(node.op, (source,), (wanted,), loc=node.loc).result
        if not _passes_through(node):
            return self._cut(builder, value, node)
        inputs = tuple(low.get(v, v) for v in node.inputs)
        return builder.add(node.op, inputs, (wanted,), dict(node.attrs), loc=node.loc).result


def _with(node: Node, regions: tuple[Graph, ...], low: dict[Value, Value]) -> Node:
    if node.op == "addptr":
        pointer, offset = node.inputs
        return replace(node, inputs=(pointer, low.get(offset, offset)))
    return replace(node, regions=regions) if regions else node
