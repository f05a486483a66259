"""Equal values are computed once: the same pure operation on the same inputs, and casts that change nothing."""

from __future__ import annotations

from collections import ChainMap
from dataclasses import dataclass, replace

from ..graph import Function, Graph, GraphBuilder, Node, Value, fresh_ids, substitute
from . import PassResult
from .hoist import is_pure

_Key = tuple[str, tuple[Value, ...], object, str]
# Operations that give back their input where the type stays the same.
_RELABELS = frozenset({"bitcast", "broadcast", "reshape", "ext_s", "ext_u", "trunc"})


@dataclass(frozen=True, slots=True)
class ShareEqualNodes:
    """Replaces a pure node by an equal one before it. Values stay the same."""

    name: str = "share-equal-nodes"

    def run(self, function: Function) -> PassResult:
        sharer = _Sharer(GraphBuilder(fresh_ids(function.body), args_node=function.body.args_node))
        return PassResult(function.with_body(sharer.graph(function.body, ChainMap(), {})))


class _Sharer:
    def __init__(self, builder: GraphBuilder):
        self.ids = builder.ids

    def graph(
        self, graph: Graph, known: ChainMap[_Key, Node], mapping: dict[Value, Value]
    ) -> Graph:
        """`known`: nodes that were before this graph, or around it."""
        builder = GraphBuilder(self.ids, args_node=graph.args_node)
        mapping = dict(mapping)
        for node in graph:
            node = substitute(node, mapping)
            if node.regions:
                builder.append(self.inside(node, known))
            elif not is_pure(node):
                builder.append(node)
            elif node.op in _RELABELS and node.types[0] == node.inputs[0].type:
                mapping[node.result] = node.inputs[0]
            else:
                # The text of attributes tells 0.0 from -0.0, and one NaN from no other.
                key = (node.op, node.inputs, node.types, repr(node.attrs))
                first = known.setdefault(key, node)
                if first is node:
                    builder.append(node)
                else:
                    mapping.update(zip(node.outputs, first.outputs))
        return builder.build(mapping.get(v, v) for v in graph.outputs)

    def inside(self, node: Node, known: ChainMap[_Key, Node]) -> Node:
        """Combine functions use nothing from outside; loops and branches do."""
        around = ChainMap() if node.op in ("reduce", "scan") else known
        regions = tuple(self.graph(r, around.new_child(), {}) for r in node.regions)
        return replace(node, regions=regions)
