"""Atomic max and min of floats, as the user wrote them.

Triton's front end splits them in two: a signed integer atomic on the bits where the value is positive, and an
unsigned one of the other direction where it is negative. Together they are one atomic in the order of the
bits, which every target can do at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..graph import Function, Graph, GraphBuilder, Node, Value, fresh_ids, substitute
from ..ops import touches_memory
from ..types import I1, Type
from . import PassResult

# (kind where the sign bit is clear, kind where it is set) → the one kind
_PAIRS = {("max", "umin"): "fmax", ("min", "umax"): "fmin"}


@dataclass(frozen=True, slots=True)
class JoinFloatAtomics:
    """Two complementary atomics on the bits of one float value become one."""

    name: str = "join-float-atomics"

    def run(self, function: Function) -> PassResult:
        body = function.body
        return PassResult(function.with_body(_Joiner(fresh_ids(body)).graph(body)))


class _Joiner:
    def __init__(self, ids: Iterator[int]):
        self.ids = ids
        self.made: dict[int, Node] = {}

    def graph(self, graph: Graph) -> Graph:
        builder = GraphBuilder(self.ids, args_node=graph.args_node)
        mapping: dict[Value, Value] = {}
        nodes = list(graph)
        joined: set[int] = set()
        for k, node in enumerate(nodes):
            node = substitute(node, mapping)
            self.made[node.id] = node
            if node.id in joined:
                continue
            if node.regions and node.op not in ("reduce", "scan"):
                regions = tuple(self.graph(r) for r in node.regions)
                node = replace(node, regions=regions)
            partner = self._partner(node, nodes[k + 1 :], mapping)
            if partner is None:
                builder.append(node)
                continue
            result = self._join(builder, node, partner)
            joined.add(partner.id)
            mapping[node.result] = mapping[partner.result] = result
        return builder.build(mapping.get(v, v) for v in graph.outputs)

    def _node(self, value: Value, op: str) -> Node | None:
        node = self.made.get(value.node)
        return node if node is not None and node.op == op else None

    def _partner(self, node: Node, rest: list[Node], mapping: dict[Value, Value]) -> Node | None:
        """The next memory operation, if it is the other half of `node`."""
        if node.op != "atomic_rmw" or len(node.inputs) != 3 or self._float(node) is None:
            return None
        for other in rest:
            other = substitute(other, mapping)
            self.made[other.id] = other
            if not touches_memory(other):
                continue
            pair = (node.attr("kind"), other.attr("kind"))
            same = other.op == "atomic_rmw" and other.inputs[:2] == node.inputs[:2]
            if not same or pair not in _PAIRS or len(other.inputs) != 3:
                return None
            return other if self._mask(node, other) is not None else None
        return None

    def _float(self, node: Node) -> tuple[Value, Value] | None:
        """(pointer to floats, float value) behind the bits."""
        pointer, value = (self._node(v, "bitcast") for v in node.inputs[:2])
        if pointer is None or value is None:
            return None
        floats = value.inputs[0].type.is_float
        same = pointer.inputs[0].type.scalar == value.inputs[0].type.scalar
        return (pointer.inputs[0], value.inputs[0]) if floats and same else None

    def _mask(self, plus: Node, minus: Node) -> tuple[Value, ...] | None:
        """What the masks of both have in common beside the sign; None if they are not complementary."""
        for negative, common in self._parts(minus.inputs[2]):
            if not self._is_sign(negative, plus.inputs[1]):
                continue
            for positive, shared in self._parts(plus.inputs[2]):
                if shared == common and self._is_not(positive, negative):
                    return common
        return None

    def _parts(self, mask: Value) -> Iterator[tuple[Value, tuple[Value, ...]]]:
        """(one conjunct, the others)."""
        yield mask, ()
        both = self._node(mask, "and")
        if both is not None:
            left, right = both.inputs
            yield right, (left,)
            yield left, (right,)

    def _is_sign(self, value: Value, bits: Value) -> bool:
        """`value` is "the sign bit of `bits` is not zero"."""
        test = self._node(value, "cmp")
        if test is None or test.attr("predicate") != "ne" or self._number(test.inputs[1]) != 0:
            return False
        shift = self._node(test.inputs[0], "shr_u")
        width = bits.type.scalar.bits
        return (
            shift is not None
            and shift.inputs[0] == bits
            and (self._number(shift.inputs[1]) == width - 1)
        )

    def _is_not(self, value: Value, other: Value) -> bool:
        test, opposite = self._node(value, "cmp"), self._node(other, "cmp")
        if test is not None and opposite is not None:
            return test.attr("predicate") == "eq" and test.inputs == opposite.inputs
        node = self._node(value, "xor")
        return node is not None and node.inputs[0] == other and self._number(node.inputs[1]) == 1

    def _number(self, value: Value) -> int | None:
        node = self._node(value, "const")
        return None if node is None else int(node.attr("value"))

    def _join(self, builder: GraphBuilder, plus: Node, minus: Node) -> Value:
        found, common = self._float(plus), self._mask(plus, minus)
        assert found is not None
        assert common is not None
        assert all(m.type == Type(I1, plus.result.type.shape) for m in common)
        pointer, value = found
        kind = _PAIRS[plus.attr("kind"), minus.attr("kind")]
        made = builder.add(
            "atomic_rmw", (pointer, value, *common), (value.type,), {"kind": kind}, loc=plus.loc
        )
        bits = builder.add("bitcast", (made.result,), plus.types, loc=plus.loc)
        return bits.result
