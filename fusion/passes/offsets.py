"""Pointers that loops carry, branches give or selects choose become integer offsets.

A pointer is one parameter plus an offset. Where all pointers that can reach a place point into the same
parameter, the offset is carried instead, in 64 bits, and added to the parameter where the pointer is used.
Where they do not, the node stays as it is and lowering refuses it with its line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..graph import Function, Graph, GraphBuilder, Node, Value, fresh_ids, substitute
from ..ops import OPS
from ..types import I64, Type
from . import Decision, PassResult


@dataclass(frozen=True, slots=True)
class CarryOffsets:
    """Replaces carried and chosen pointers by offsets. Addresses stay the same."""

    name: str = "carry-offsets"

    def run(self, function: Function) -> PassResult:
        rewriter = _Rewriter(function)
        body = rewriter.graph(function.body, {})
        return PassResult(function.with_body(body), tuple(rewriter.decisions))


class _Rewriter:
    def __init__(self, function: Function):
        self.ids: Iterator[int] = fresh_ids(function.body)
        self.params = set(function.body.args)
        self.made: dict[int, Node] = {}
        self.decisions: list[Decision] = []

    def graph(self, graph: Graph, mapping: dict[Value, Value]) -> Graph:
        builder = GraphBuilder(self.ids, args_node=graph.args_node)
        self.fill(graph, builder, mapping)
        return builder.build(mapping.get(v, v) for v in graph.outputs)

    def fill(self, graph: Graph, builder: GraphBuilder, mapping: dict[Value, Value]) -> None:
        for node in graph:
            node = substitute(node, mapping)
            if node.op in _CONTROL and any(t.is_pointer for t in node.types):
                self._control(node, builder, mapping)
            elif node.op == "select" and node.types[0].is_pointer:
                self._select(node, builder, mapping)
            else:
                regions = tuple(self.graph(r, {}) for r in node.regions)
                self._keep(builder, replace(node, regions=regions))

    def _keep(self, builder: GraphBuilder, node: Node) -> Node:
        self.made[node.id] = node
        return builder.append(node)

    def _add(
        self, builder: GraphBuilder, op: str, inputs: Sequence[Value], t: Type, like: Node
    ) -> Value:
        attrs = dict(like.attrs) if OPS[op].kind == "shape" and like.op == op else {}
        node = builder.add(op, inputs, (t,), attrs, loc=like.loc)
        self.made[node.id] = node
        return node.result

    # --- what a pointer is

    def base(self, pointer: Value) -> Value | None:
        """The parameter that `pointer` points into; None if it is not one."""
        if pointer in self.params:
            return pointer
        node = self.made.get(pointer.node)
        if node is None or node.op == "args":  # a loop's own
            return None
        if node.op not in ("addptr", "bitcast") and OPS[node.op].kind != "shape":
            return None
        if node.inputs[0].type.scalar.bytes != pointer.type.scalar.bytes:
            return None
        return self.base(node.inputs[0])

    def offset(self, pointer: Value, builder: GraphBuilder) -> Value:
        """The offset of `pointer` from its parameter, as a 64-bit integer of its shape."""
        like = self.made.get(pointer.node)
        wanted = Type(I64, pointer.type.shape)
        if pointer in self.params or like is None:
            node = builder.add("const", (), (wanted,), {"value": 0})
            self.made[node.id] = node
            return node.result
        inner = self.offset(like.inputs[0], builder)
        if like.op == "bitcast":
            return inner
        if like.op != "addptr":
            return self._add(builder, like.op, (inner,), wanted, like)
        grown = like.inputs[1]
        if grown.type.scalar != I64:
            grown = self._add(builder, "ext_s", (grown,), wanted, like)
        return self._add(builder, "add", (inner, grown), wanted, like)

    def pointer(
        self, base: Value, offset: Value, t: Type, builder: GraphBuilder, like: Node
    ) -> Value:
        """The pointer of type `t` at `offset` elements from the parameter `base`."""
        start = base
        if base.type.elem != t.elem:
            start = self._add(builder, "bitcast", (start,), Type(t.elem), like)
        if t.shape:
            start = self._add(builder, "splat", (start,), t, like)
        return self._add(builder, "addptr", (start, offset), t, like)

    # --- rewriting

    def _select(self, node: Node, builder: GraphBuilder, mapping: dict[Value, Value]) -> None:
        condition, *choices = node.inputs
        bases = {self.base(v) for v in choices}
        base = bases.pop()
        if bases or base is None:
            self._keep(builder, node)
            return
        offsets = [self.offset(v, builder) for v in choices]
        wanted = Type(I64, node.types[0].shape)
        chosen = self._add(builder, "select", (condition, *offsets), wanted, node)
        mapping[node.result] = self.pointer(base, chosen, node.types[0], builder, node)
        self.decisions.append(Decision("OFFSET_CHOSEN", True, "select of offsets", node.loc))

    def _control(self, node: Node, builder: GraphBuilder, mapping: dict[Value, Value]) -> None:
        head = 3 if node.op == "for" else 1 if node.op == "if" else 0
        bases = self._bases(node, node.inputs[head:])
        regions = [self._region(node, k, bases) for k in range(len(node.regions))]
        inits = [
            self.offset(v, builder) if bases.get(i) is not None else v
            for i, v in enumerate(node.inputs[head:])
        ]
        types = [_offset_type(t, bases.get(i)) for i, t in enumerate(node.types)]
        made = builder.add(
            node.op, [*node.inputs[:head], *inits], types, dict(node.attrs), regions, node.loc
        )
        self.made[made.id] = made
        for i, (old, new) in enumerate(zip(node.outputs, made.outputs)):
            base = bases.get(i)
            mapping[old] = new if base is None else self.pointer(base, new, old.type, builder, node)
        carried = sum(b is not None for b in bases.values())
        self.decisions.append(Decision("OFFSET_CARRIED", True, f"{carried} pointers", node.loc))

    def _bases(self, node: Node, inits: Sequence[Value]) -> dict[int, Value | None]:
        """Carried position → parameter, for pointers whose every source points into one parameter.

        A loop's sources are its start and, by way of the loop itself, what its body makes of it: the
        body is tried with the start's parameter and must give it back.
        """
        found: dict[int, Value | None] = {}
        for i, t in enumerate(node.types):
            if t.is_pointer:
                found[i] = self._trial(node, i, inits[i] if node.op != "if" else None)
        return found

    def _trial(self, node: Node, i: int, init: Value | None) -> Value | None:
        walk = _Walk(self, node, i, None if init is None else self.base(init))
        results = {walk.base_of(r.outputs[_shift(node, k) + i]) for k, r in enumerate(node.regions)}
        if init is not None:
            results.add(self.base(init))
        return results.pop() if len(results) == 1 else None

    def _region(self, node: Node, k: int, bases: dict[int, Value | None]) -> Graph:
        region = node.regions[k]
        first = 1 if node.op == "for" else 0
        types = [
            a.type if i < first else _offset_type(a.type, bases.get(i - first))
            for i, a in enumerate(region.args)
        ]
        names = region.args_node.attr("names", ())
        inner = GraphBuilder(self.ids, types, region.args_node.loc, names=names)
        self.made[inner.args[0].node if inner.args else -1] = region.args_node
        mapping: dict[Value, Value] = {}
        for i, (old, new) in enumerate(zip(region.args, inner.args)):
            base = bases.get(i - first) if i >= first else None
            mapping[old] = new if base is None else self.pointer(base, new, old.type, inner, node)
        self.fill(region, inner, mapping)
        shift = _shift(node, k)
        outputs = [mapping.get(v, v) for v in region.outputs]
        for i, base in bases.items():
            if base is not None:
                outputs[shift + i] = self.offset(outputs[shift + i], inner)
        return inner.build(outputs)


class _Walk:
    """Finds a pointer's parameter inside a region that has not been rewritten yet."""

    def __init__(self, rewriter: _Rewriter, node: Node, position: int, start: Value | None):
        self.rewriter, self.position, self.start = rewriter, position, start
        self.first = 1 if node.op == "for" else 0
        self.nodes = {n.id: n for r in node.regions for n in r.walk()}
        self.args = {a: i - self.first for r in node.regions for i, a in enumerate(r.args)}

    def base_of(self, pointer: Value) -> Value | None:
        if pointer in self.args:
            return self.start if self.args[pointer] == self.position else None
        node = self.nodes.get(pointer.node)
        if node is None:
            return self.rewriter.base(pointer)
        if node.op == "select":
            bases = {self.base_of(v) for v in node.inputs[1:]}
            return bases.pop() if len(bases) == 1 else None
        if node.op in _CONTROL:
            return self._nested(node, pointer.index)
        if node.op not in ("addptr", "bitcast") and OPS[node.op].kind != "shape":
            return None
        if node.inputs[0].type.scalar.bytes != pointer.type.scalar.bytes:
            return None
        return self.base_of(node.inputs[0])

    def _nested(self, node: Node, i: int) -> Value | None:
        """A loop or branch inside: its start, or all its branches."""
        if node.op != "if":
            return self.base_of(node.inputs[(3 if node.op == "for" else 0) + i])
        bases = {self.base_of(r.outputs[i]) for r in node.regions}
        return bases.pop() if len(bases) == 1 else None


_CONTROL = ("for", "while", "if")


def _shift(node: Node, k: int) -> int:
    """Index of the first carried output of region k: a while's first region starts with its condition."""
    return 1 if node.op == "while" and k == 0 else 0


def _offset_type(t: Type, base: Value | None) -> Type:
    return t if base is None else Type(I64, t.shape)
