"""Branches in what a reduction or scan combines with: both sides are computed, and one is chosen.

A combine function is applied to all pairs of a tile at once, so there is nothing to jump over. What has an
effect, reads memory or loops is left as it is, and refused when it is lowered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..graph import Function, Graph, GraphBuilder, Node, Value, fresh_ids, substitute
from ..ops import OPS
from . import PassResult

_PLAIN = frozenset({"elementwise", "index"})


@dataclass(frozen=True, slots=True)
class SpeculateCombines:
    """Replaces `if` inside the regions of combining nodes by `select`."""

    name: str = "speculate-combines"

    def run(self, function: Function) -> PassResult:
        combines = (n for n in function.body.walk() if OPS[n.op].kind == "combine")
        if not any(
            inner.op == "if" for node in combines for r in node.regions for inner in r.walk()
        ):
            return PassResult(function)
        ids = fresh_ids(function.body)
        return PassResult(function.with_body(_rewritten(function.body, ids, combined=False)))


def _rewritten(graph: Graph, ids: Iterator[int], combined: bool) -> Graph:
    builder = GraphBuilder(ids, args_node=graph.args_node)
    mapping: dict[Value, Value] = {}
    for original in graph:
        node = substitute(original, mapping)
        inside = combined or OPS[node.op].kind == "combine"
        node = replace(node, regions=tuple(_rewritten(r, ids, inside) for r in node.regions))
        if combined and node.op == "if" and _is_plain(node):
            mapping |= _chosen(node, builder)
        else:
            builder.append(node)
    return builder.build(mapping.get(v, v) for v in graph.outputs)


def _is_plain(node: Node) -> bool:
    return all(OPS[inner.op].kind in _PLAIN for region in node.regions for inner in region)


def _chosen(node: Node, builder: GraphBuilder) -> dict[Value, Value]:
    """Append both sides; what the results of `node` are then."""
    for region in node.regions:
        for inner in region:
            builder.append(inner)
    sides = zip(node.outputs, node.types, *(r.outputs for r in node.regions), strict=True)
    return {
        result: builder.add("select", (node.inputs[0], yes, no), (kind,), loc=node.loc).result
        for result, kind, yes, no in sides
    }
