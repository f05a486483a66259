"""Intermediates that keep the precision in which they were computed: what `relax_rounding` asks for.

A store of a narrowed number narrows it with a cast of its own, which is marked before launches are joined.
Where a joint launch takes the number over and widens it again, both casts go. Casts that a kernel makes for
itself stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..compose import Compose
from ..graph import Function, Graph, GraphBuilder, Node, Value, fresh_ids, substitute
from ..passes.clean import RemoveDeadNodes
from .records import Launch

_MARK = "stored"
_SHAPES = frozenset({"splat", "broadcast", "expand_dims", "reshape", "trans"})


def all_marked(launches: Sequence[Launch]) -> list[Launch]:
    """`launches` with the casts of their stores marked; those of one function still have one."""
    functions = {id(x.function): x.function for x in launches}
    made = {key: _marked(function) for key, function in functions.items()}
    return [replace(x, function=made[id(x.function)]) for x in launches]


def _marked(function: Function) -> Function:
    body = function.body
    builder = GraphBuilder(fresh_ids(body), args_node=body.args_node)
    nodes = {n.id: n for n in body}
    for node in body:
        cast = nodes.get(node.inputs[1].node) if node.op == "store" else None
        if cast is not None and _narrows(cast):
            made = builder.add("fcast", cast.inputs, cast.types, {_MARK: True}, loc=cast.loc)
            node = replace(node, inputs=(node.inputs[0], made.result, *node.inputs[2:]))
        builder.append(node)
    return function.with_body(builder.build())


def relaxed(launch: Launch) -> Launch:
    """`launch` without pairs of a marked cast and one that widens it again, and without marks."""
    body = launch.function.body
    relaxing = _Relaxing(GraphBuilder(fresh_ids(body), args_node=body.args_node))
    made = relaxing.graph(body, body.args_node)
    function = RemoveDeadNodes().run(launch.function.with_body(made)).function
    return replace(launch, function=function)


def _narrows(node: Node) -> bool:
    if node.op != "fcast" or node.attr("rounding") is not None:
        return False
    return node.types[0].scalar.bits < node.inputs[0].type.scalar.bits


class _Relaxing:
    def __init__(self, ids: GraphBuilder):
        self.ids = ids.ids
        self.nodes: dict[int, Node] = {}

    def graph(self, graph: Graph, args: Node) -> Graph:
        builder = GraphBuilder(self.ids, args_node=args)
        renamed: dict[Value, Value] = {}
        for node in graph:
            node = substitute(node, renamed)
            node = replace(node, regions=tuple(self.graph(r, r.args_node) for r in node.regions))
            self.nodes[node.id] = node
            wide = None
            if node.op == "fcast" and node.types[0].scalar.bits > node.inputs[0].type.scalar.bits:
                wide = self.wide(node.inputs[0], node, Compose(builder, node.loc))
            if wide is not None:
                renamed[node.result] = wide
            else:
                attrs = tuple((k, v) for k, v in node.attrs if k != _MARK)
                builder.append(replace(node, attrs=attrs))
        return builder.build(renamed.get(v, v) for v in graph.outputs)

    def wide(self, value: Value, cast: Node, words: Compose) -> Value | None:
        """What `value` was before it was narrowed for a store; None if it was not."""
        node = self.nodes.get(value.node)
        if node is None:
            return None
        if node.op == "fcast":
            same = node.inputs[0].type.scalar == cast.types[0].scalar
            return node.inputs[0] if same and node.attr(_MARK) else None
        if node.op in _SHAPES:
            inner = self.wide(node.inputs[0], cast, words)
            return inner and words.op(
                node.op, (inner,), inner.type.with_shape(value.type.shape), **_attrs(node)
            )
        if node.op != "select":
            return None
        found = [self.wide(v, cast, words) for v in node.inputs[1:]]
        if found[0] is None:
            return None
        other = found[1] or words.cast("fcast", node.inputs[2], cast.types[0].scalar)
        return words.select(node.inputs[0], found[0], other)


def _attrs(node: Node) -> Mapping[str, object]:
    return dict(node.attrs)
