"""Products that are only part of a sum become fused multiply-adds, here and nowhere else.

Compilers contract too, each by its own rules, and differently once a product is stored or read elsewhere. So
the bits of a kernel would depend on what it is compiled with and on what it is joined with. Every target's
compiler is therefore told not to, and this pass decides on the graph. A kernel that was compiled with
enable_fp_fusion=False is left as it is.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from ..graph import Function, Graph, GraphBuilder, Node, Value, fresh_ids, substitute
from ..types import F32, F64
from . import PassResult

# Types whose fused multiply-add rounds once on every target.
_TYPES = (F32, F64)


@dataclass(frozen=True, slots=True)
class ContractProducts:
    """a * b + c is rounded once where the product has no other use, as Triton's own compilers do."""

    name: str = "contract-products"

    def run(self, function: Function) -> PassResult:
        if not function.contracts:
            return PassResult(function)
        builder = GraphBuilder(fresh_ids(function.body), args_node=function.body.args_node)
        uses = Counter(v for n in function.body.walk() for v in n.inputs)
        uses.update(v for n in function.body.walk() for r in n.regions for v in r.outputs)
        body = _contracted(function.body, builder, uses)
        return PassResult(replace(function, body=body, contracts=False))


def _contracted(graph: Graph, ids: GraphBuilder, uses: Counter[Value]) -> Graph:
    sums = {n.id: p for n in graph if (p := _product(n, graph, uses)) is not None}
    gone = {p.node for p in sums.values()}
    builder = GraphBuilder(ids.ids, args_node=graph.args_node)
    renamed: dict[Value, Value] = {}
    for node in graph:
        if node.id in gone:
            continue
        node = substitute(node, renamed)
        if node.id in sums:
            made = _fused(node, graph.node(sums[node.id]), sums[node.id], renamed, builder)
            renamed[node.result] = made
            continue
        regions = tuple(_contracted(r, ids, uses) for r in node.regions)
        builder.append(replace(node, regions=regions) if regions else node)
    return builder.build(renamed.get(v, v) for v in graph.outputs)


def _product(node: Node, graph: Graph, uses: Counter[Value]) -> Value | None:
    """The operand of a sum or difference that becomes part of it: the first that can."""
    if node.op not in ("add", "sub") or node.types[0].elem not in _TYPES:
        return None
    return next((v for v in node.inputs if _is_part(v, graph, uses)), None)


def _is_part(value: Value, graph: Graph, uses: Counter[Value]) -> bool:
    return value in graph and graph.node(value).op == "mul" and uses[value] == 1


def _fused(
    node: Node, product: Node, value: Value, renamed: dict[Value, Value], builder: GraphBuilder
) -> Value:
    first, second = (renamed.get(v, v) for v in product.inputs)
    if node.inputs[0] == value:
        rest = node.inputs[1]
        if node.op == "sub":
            rest = builder.add("neg", (rest,), node.types, loc=node.loc).result
    else:
        rest = node.inputs[0]
        if node.op == "sub":
            first = builder.add("neg", (first,), node.types, loc=node.loc).result
    return builder.add("fma", (first, second, rest), node.types, loc=node.loc).result
