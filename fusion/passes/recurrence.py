"""Loop-carried addresses in closed form.

A loop argument that only ever grows by an amount fixed outside the loop (`p += BLOCK * stride`) is
start + n * amount in iteration n. Written so, it needs no storage, and its address is affine in the loop
variable, which is what access analysis and vector loads want. Only pointers and integers: there the closed
form is exact (pointers count in 64 bits, integers wrap alike).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..graph import Function, Graph, GraphBuilder, Node, Value, fresh_ids, substitute
from ..types import I64, Scalar, Type
from . import Decision, PassResult


@dataclass(frozen=True, slots=True)
class CloseRecurrences:
    """Replaces recurrent loop arguments by their closed form; the loop no longer carries them."""

    name: str = "close-recurrences"

    def run(self, function: Function) -> PassResult:
        rewriter = _Rewriter(fresh_ids(function.body))
        body = rewriter.graph(function.body, {})
        return PassResult(function.with_body(body), tuple(rewriter.decisions))


class _Rewriter:
    def __init__(self, ids: Iterator[int]):
        self.ids = ids
        self.decisions: list[Decision] = []

    def graph(self, graph: Graph, mapping: dict[Value, Value]) -> Graph:
        builder = GraphBuilder(self.ids, args_node=graph.args_node)
        self.fill(graph, builder, mapping)
        return builder.build(mapping.get(v, v) for v in graph.outputs)

    def fill(self, graph: Graph, builder: GraphBuilder, mapping: dict[Value, Value]) -> None:
        for node in graph:
            node = substitute(node, mapping)
            if node.regions and node.op in ("for", "while", "if"):
                node = replace(node, regions=tuple(self.graph(r, {}) for r in node.regions))
            if node.op == "for" and (found := _recurrences(node)):
                self.rewrite(node, found, builder, mapping)
            else:
                builder.append(node)

    def rewrite(
        self,
        node: Node,
        found: dict[int, tuple[Value, ...]],
        builder: GraphBuilder,
        mapping: dict[Value, Value],
    ) -> None:
        """`found`: index of the carried argument → its increments per iteration."""
        body = node.regions[0]
        lower, upper, step, *inits = node.inputs
        kept = [k for k in range(len(inits)) if k not in found]
        names = body.args_node.attr("names", ("",) * len(body.args))
        inner = GraphBuilder(
            self.ids,
            [body.args[0].type, *(inits[k].type for k in kept)],
            node.loc,
            names=(names[0], *(names[1 + k] for k in kept)),
        )
        iv = inner.args[0]
        renamed = {body.args[0]: iv, **{body.args[1 + k]: v for k, v in zip(kept, inner.args[1:])}}
        count = _iterations(inner, iv, lower, step, node)
        for k, increments in found.items():
            clones = [_clone(inner, body, v) for v in increments]
            renamed[body.args[1 + k]] = _advance(inner, inits[k], count, clones, node)
            self.decisions.append(
                Decision("CLOSED_FORM", True, f"loop argument {k} is start + n * step", node.loc)
            )
        self.fill(body, inner, renamed)
        loop = builder.add(
            "for",
            [lower, upper, step, *(inits[k] for k in kept)],
            [inits[k].type for k in kept],
            dict(node.attrs),
            [inner.build(renamed.get(body.outputs[k], body.outputs[k]) for k in kept)],
            node.loc,
        )
        mapping.update({node.outputs[k]: v for k, v in zip(kept, loop.outputs)})
        trips = _trips(builder, lower, upper, step, node)
        for k, increments in found.items():
            clones = [_clone(builder, body, v) for v in increments]
            mapping[node.outputs[k]] = _advance(builder, inits[k], trips, clones, node)


def _recurrences(node: Node) -> dict[int, tuple[Value, ...]]:
    """Carried arguments that grow by amounts known outside the loop, with those amounts."""
    body = node.regions[0]
    found: dict[int, tuple[Value, ...]] = {}
    for k, (arg, output) in enumerate(zip(body.args[1:], body.outputs, strict=True)):
        if arg.type.is_float:
            continue
        increments = _increments(body, arg, output)
        if increments:
            found[k] = increments
    return found


def _increments(body: Graph, arg: Value, output: Value) -> tuple[Value, ...] | None:
    amounts: list[Value] = []
    while output != arg:
        if output not in body or output in body.args:
            return None
        node = body.node(output)
        if node.op not in ("addptr", "add"):
            return None
        left, right = node.inputs
        if _invariant(body, right):
            amounts.append(right)
            output = left
        elif node.op == "add" and _invariant(body, left):
            amounts.append(left)
            output = right
        else:
            return None
    return tuple(amounts)


def _invariant(body: Graph, value: Value) -> bool:
    """True if `value` is made outside the body, or in it from constants and outside values alone."""
    if value not in body:
        return True
    if value in body.args:
        return False
    node = body.node(value)
    return node.op in ("const", "splat", "broadcast", "expand_dims", "add", "mul", "ext_s") and all(
        _invariant(body, v) for v in node.inputs
    )


def _clone(builder: GraphBuilder, body: Graph, value: Value) -> Value:
    """A copy of an invariant of `body`, made from outside values alone."""
    if value not in body:
        return value
    node = body.node(value)
    inputs = [_clone(builder, body, v) for v in node.inputs]
    return builder.add(node.op, inputs, node.types, dict(node.attrs), loc=node.loc).result


def _const(builder: GraphBuilder, value: int, like: Type, node: Node) -> Value:
    return builder.add("const", (), (like,), {"value": value}, loc=node.loc).result


def _iterations(builder: GraphBuilder, iv: Value, lower: Value, step: Value, node: Node) -> Value:
    """Number of iterations before this one: (iv - lower) / step."""
    distance = builder.add("sub", (iv, lower), (iv.type,), loc=node.loc).result
    return builder.add("div_s", (distance, step), (iv.type,), loc=node.loc).result


def _trips(builder: GraphBuilder, lower: Value, upper: Value, step: Value, node: Node) -> Value:
    """Number of iterations of the loop: max(0, ceil((upper - lower) / step)); steps are positive."""

    def op(name: str, *inputs: Value) -> Value:
        return builder.add(name, inputs, (lower.type,), loc=node.loc).result

    zero, one = _const(builder, 0, lower.type, node), _const(builder, 1, lower.type, node)
    distance = op("max_s", op("sub", upper, lower), zero)
    return op("div_s", op("add", distance, op("sub", step, one)), step)


def _cast(builder: GraphBuilder, value: Value, to: Scalar, node: Node) -> Value:
    if value.type.elem == to:
        return value
    name = "ext_s" if to.bits > value.type.scalar.bits else "trunc"
    return builder.add(name, (value,), (value.type.with_elem(to),), loc=node.loc).result


def _advance(
    builder: GraphBuilder, start: Value, count: Value, increments: list[Value], node: Node
) -> Value:
    """start + count * (sum of increments), with pointers counted in 64 bits."""
    pointer = start.type.is_pointer
    elem = I64 if pointer else start.type.scalar
    times = _cast(builder, count, elem, node)
    if start.type.shape:
        times = builder.add("splat", (times,), (Type(elem, start.type.shape),), loc=node.loc).result
    for amount in increments:
        amount = _cast(builder, amount, elem, node)
        grown = builder.add("mul", (amount, times), (amount.type,), loc=node.loc).result
        start = builder.add(
            "addptr" if pointer else "add", (start, grown), (start.type,), loc=node.loc
        ).result
    return start
