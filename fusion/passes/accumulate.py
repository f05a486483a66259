"""A sum that a matrix product is added to is where the product starts: a @ b + c in one node.

`acc += tl.dot(a, b)` then accumulates in registers, as `acc = tl.dot(a, b, acc)` does. Triton's native module
does the same, whatever the type.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from ..graph import Function, Graph, Node, Value
from . import PassResult


@dataclass(frozen=True, slots=True)
class AccumulateProducts:
    """Replaces (a @ b + 0) + c by a @ b + c where nothing else uses the product."""

    name: str = "accumulate-products"

    def run(self, function: Function) -> PassResult:
        body = function.body
        if not any(node.op == "dot" for node in body.walk()):
            return PassResult(function)
        return PassResult(function.with_body(_Rewriter(body).graph(body)))


class _Rewriter:
    def __init__(self, body: Graph):
        self.uses = _uses(body)
        self.zeros: set[Value] = set()

    def graph(self, graph: Graph) -> Graph:
        products: dict[Value, Node] = {}
        nodes: dict[int, Node] = {}
        for node in graph:
            if node.regions:
                node = replace(node, regions=tuple(self.graph(r) for r in node.regions))
            if self.is_zero(node):
                self.zeros.add(node.result)
            if node.op == "dot" and node.inputs[2] in self.zeros and self.uses[node.result] == 1:
                products[node.result] = node
            product = next((v for v in node.inputs if v in products), None)
            if node.op == "add" and product is not None:
                dot = nodes.pop(product.node)
                (start,) = (v for v in node.inputs if v != product)
                node = replace(dot, id=node.id, inputs=(*dot.inputs[:2], start))
            nodes[node.id] = node
        return Graph(graph.args_node, list(nodes.values()), graph.outputs)

    def is_zero(self, node: Node) -> bool:
        if node.op == "const":
            return bool(node.attr("value") == 0)
        return node.op in ("splat", "broadcast") and node.inputs[0] in self.zeros


def _uses(graph: Graph) -> Counter[Value]:
    """How often each value is used, in child graphs too."""
    found = Counter(graph.outputs)
    for node in graph:
        found.update(node.inputs)
        for region in node.regions:
            found.update(_uses(region))
    return found
