"""Dead code: nodes, loop arguments and branch results that nothing observable needs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..graph import Function, Graph, Node, Value
from ..ops import has_effect
from . import PassResult


@dataclass(frozen=True, slots=True)
class RemoveDeadNodes:
    """Removes nodes without effect whose results nobody uses. Values and effects stay the same."""

    name: str = "remove-dead-nodes"

    def run(self, function: Function) -> PassResult:
        return PassResult(function.with_body(_clean(function.body)))


def _clean(graph: Graph) -> Graph:
    live: set[Value] = set(graph.outputs)
    kept: list[Node] = []
    for node in reversed(tuple(graph)):
        if not has_effect(node) and not any(v in live for v in node.outputs):
            continue
        node = _clean_regions(node, live)
        live.update(node.uses())
        kept.append(node)
    return Graph(graph.args_node, kept[::-1], graph.outputs)


def _clean_regions(node: Node, live: set[Value]) -> Node:
    if not node.regions:
        return node
    return replace(node, regions=tuple(_clean(r) for r in node.regions))
