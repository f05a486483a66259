"""Reductions and scans of 16-bit floats run in fp32 and round once, at the end.

Rounding after every step loses what Triton's users expect to keep (its GPU back ends keep fp32 between the
steps of a scan too), and no target here is faster in 16 bits. Only combine regions of plain arithmetic are
widened: one that looks at bits must see the type that it was written for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..graph import Function, Graph, GraphBuilder, Node, Value, fresh_ids, substitute
from ..types import BF16, F16, F32, Type
from . import PassResult

_PLAIN = frozenset(
    ("add", "sub", "mul", "div", "neg", "abs_f", "fma", "clamp", "cmp", "select", "const")
    + ("maxnum", "minnum", "maximum", "minimum")
)


@dataclass(frozen=True, slots=True)
class WidenCombines:
    """Casts around reduce and scan nodes over 16-bit floats."""

    name: str = "widen-combines"

    def run(self, function: Function) -> PassResult:
        ids = fresh_ids(function.body)
        return PassResult(function.with_body(_graph(function.body, ids)))


def _graph(graph: Graph, ids: Iterator[int]) -> Graph:
    builder = GraphBuilder(ids, args_node=graph.args_node)
    mapping: dict[Value, Value] = {}
    for node in graph:
        node = substitute(node, mapping)
        if node.op in ("reduce", "scan"):
            if _is_small(node):
                mapping.update(zip(node.outputs, _widened(builder, node)))
                continue
        elif node.regions:
            node = replace(node, regions=tuple(_graph(r, ids) for r in node.regions))
        builder.append(node)
    return builder.build(mapping.get(v, v) for v in graph.outputs)


def _is_small(node: Node) -> bool:
    return any(v.type.scalar in (F16, BF16) for v in node.inputs) and all(
        n.op in _PLAIN for n in node.regions[0]
    )


def _wide(t: Type) -> Type:
    return t.with_elem(F32) if t.elem in (F16, BF16) else t


def _cast(builder: GraphBuilder, value: Value, to: Type, node: Node) -> Value:
    if value.type == to:
        return value
    return builder.add("fcast", (value,), (to,), loc=node.loc).result


def _widened(builder: GraphBuilder, node: Node) -> list[Value]:
    inputs = [_cast(builder, v, _wide(v.type), node) for v in node.inputs]
    region = _wide_region(node.regions[0], builder.ids)
    types = [_wide(t) for t in node.types]
    made = builder.add(node.op, inputs, types, dict(node.attrs), (region,), node.loc)
    return [_cast(builder, v, t, node) for v, t in zip(made.outputs, node.types)]


def _wide_region(region: Graph, ids: Iterator[int]) -> Graph:
    inner = GraphBuilder(ids, [_wide(a.type) for a in region.args], region.args_node.loc)
    mapping: dict[Value, Value] = dict(zip(region.args, inner.args))
    for node in region:
        inputs = [mapping[v] for v in node.inputs]
        types = [_wide(t) for t in node.types]
        made = inner.add(node.op, inputs, types, dict(node.attrs), loc=node.loc)
        mapping.update(zip(node.outputs, made.outputs))
    return inner.build(mapping[v] for v in region.outputs)
