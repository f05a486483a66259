"""Addresses as numbers (ptr_to_int, int_to_ptr) become offsets from the array that they are known to be of.

`address(parameter)` is where an array starts. A number that was made from the address of one array, and of no
other, points into that array: it becomes the array plus an offset again, on every target. All other numbers,
as addresses that were loaded from memory, point anywhere: they become offsets from one more parameter, which
stands for the whole memory (`Parameter.anywhere`). Only a target that works on the arrays' own memory has that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..errors import Loc, PointerProvenance
from ..graph import Function, Graph, GraphBuilder, Node, Parameter, Value, fresh_ids, substitute
from ..ops import OPS
from ..types import I1, I8, I64, Pointer, Type
from . import Decision, PassResult

# What an address may go through and stay one of the same array: alignment, and steps from it.
_INTEGERS = (
    "add sub mul and or xor not neg shl shr_s shr_u div_s div_u rem_s rem_u max_s max_u min_s min_u"
)
_STEPS = frozenset((*_INTEGERS.split(), "bitcast"))
_CASTS = ("ptr_to_int", "int_to_ptr")


@dataclass(frozen=True, slots=True)
class ResolveAddresses:
    """Replaces casts between pointers and integers. With `last`, none is left: what is unknown is anywhere."""

    last: bool = False
    name: str = "resolve-addresses"

    def run(self, function: Function) -> PassResult:
        if not any(n.op in _CASTS for n in function.body.walk()):
            return PassResult(function)
        rewriter = _Rewriter(function, self.last)
        body = rewriter.graph(function.body, {})
        if rewriter.everything is None:
            return PassResult(function.with_body(body), tuple(rewriter.decisions))
        anywhere = Parameter("memory", rewriter.everything.type, anywhere=True)
        function = replace(function, parameters=(*function.parameters, anywhere))
        return PassResult(function.with_body(body), tuple(rewriter.decisions))


class _Rewriter:
    def __init__(self, function: Function, last: bool):
        self.ids: Iterator[int] = fresh_ids(function.body)
        self.last = last
        self.args = function.body.args_node
        self.made: dict[int, Node] = {}
        self.everything: Value | None = None
        self.decisions: list[Decision] = []
        if last and any(n.op == "int_to_ptr" for n in function.body.walk()):
            byte = Type(Pointer(I8))
            self.extended = replace(self.args, types=(*self.args.types, byte))
        else:
            self.extended = self.args

    def graph(self, graph: Graph, mapping: dict[Value, Value]) -> Graph:
        outer = graph.args_node == self.args
        builder = GraphBuilder(self.ids, args_node=graph.args_node)
        mapping = dict(mapping)
        for old in graph:
            node = substitute(old, mapping)
            if node.op == "ptr_to_int":
                self._number(node, builder, mapping)
            elif node.op == "int_to_ptr":
                self._pointer(node, builder, mapping)
            else:
                regions = tuple(self.graph(r, mapping) for r in node.regions)
                self._keep(builder, replace(node, regions=regions))
        args = self.extended if outer and self.everything is not None else graph.args_node
        return Graph(args, builder.nodes, tuple(mapping.get(v, v) for v in graph.outputs))

    def _keep(self, builder: GraphBuilder, node: Node) -> Node:
        self.made[node.id] = node
        return builder.append(node)

    def _add(
        self, builder: GraphBuilder, op: str, inputs: Sequence[Value], t: Type, loc: Loc
    ) -> Value:
        node = builder.add(op, inputs, (t,), loc=loc)
        self.made[node.id] = node
        return node.result

    def _const(self, builder: GraphBuilder, value: int, t: Type, loc: Loc) -> Value:
        node = builder.add("const", (), (t,), {"value": value}, loc=loc)
        self.made[node.id] = node
        return node.result

    def _like(self, builder: GraphBuilder, value: Value, shape: tuple[int, ...], loc: Loc) -> Value:
        if value.type.shape == shape:
            return value
        return self._add(builder, "splat", (value,), value.type.with_shape(shape), loc)

    # --- pointer → number

    def _number(self, node: Node, builder: GraphBuilder, mapping: dict[Value, Value]) -> None:
        """The address of the array plus the bytes to the element."""
        found = self._place(node.inputs[0], builder, node.loc)
        if found is None and self.last:
            raise PointerProvenance(
                "the address of a pointer of unknown origin",
                where=node.loc,
                why="it cannot be traced to one argument of the kernel",
                hint="take the address of the argument, and add offsets to the number",
            )
        if found is None:
            self._keep(builder, node)
            return
        base, distance = found
        wanted, shape = Type(I64, node.types[0].shape), node.types[0].shape
        start = self._add(builder, "address", (base,), Type(I64), node.loc)
        start = self._like(builder, start, shape, node.loc)
        mapping[node.result] = self._add(builder, "add", (start, distance), wanted, node.loc)
        self.decisions.append(Decision("ADDRESS_TAKEN", True, "array and offset", node.loc))

    def _place(self, p: Value, builder: GraphBuilder, loc: Loc) -> tuple[Value, Value] | None:
        """(the parameter, the bytes from it to `p` as a tile of its shape); None if it is not one."""
        wanted = Type(I64, p.type.shape)
        if p.node == self.args.id:
            return p, self._const(builder, 0, wanted, loc)
        node = self.made.get(p.node)
        if node is None or node.op not in ("addptr", "bitcast") and OPS[node.op].kind != "shape":
            return None
        inner = self._place(node.inputs[0], builder, loc)
        if inner is None or node.op == "bitcast":
            return inner
        base, bytes_ = inner
        if node.op != "addptr":
            made = builder.add(node.op, (bytes_,), (wanted,), dict(node.attrs), loc=loc)
            self.made[made.id] = made
            return base, made.result
        offset = node.inputs[1]
        if offset.type.scalar != I64:
            offset = self._add(builder, "ext_s", (offset,), wanted, loc)
        width = self._const(builder, p.type.scalar.bytes, wanted, loc)
        step = self._add(builder, "mul", (offset, width), wanted, loc)
        return base, self._add(builder, "add", (bytes_, step), wanted, loc)

    # --- number → pointer

    def _pointer(self, node: Node, builder: GraphBuilder, mapping: dict[Value, Value]) -> None:
        (number,), loc, t = node.inputs, node.loc, node.types[0]
        sources = self._sources(number, {})
        base = next(iter(sources)) if len(sources) == 1 else None
        if base is None and not self.last:
            self._keep(builder, node)
            return
        distance = number
        if base is None:
            base = self._anywhere()
            self._check_whole(node, builder)
            self.decisions.append(Decision("ADDRESS_FOLLOWED", False, "an unknown array", loc))
        else:
            start = self._add(builder, "address", (base,), Type(I64), loc)
            start = self._like(builder, start, number.type.shape, loc)
            distance = self._add(builder, "sub", (number, start), number.type, loc)
            self.decisions.append(Decision("ADDRESS_FOLLOWED", True, "array and offset", loc))
        bits = self._const(builder, t.scalar.bytes.bit_length() - 1, number.type, loc)
        offset = self._add(builder, "shr_s", (distance, bits), number.type, loc)
        if base.type.elem != t.elem:
            base = self._add(builder, "bitcast", (base,), Type(t.elem), loc)
        base = self._like(builder, base, t.shape, loc)
        mapping[node.result] = self._add(builder, "addptr", (base, offset), t, loc)

    def _check_whole(self, node: Node, builder: GraphBuilder) -> None:
        """An address between two elements is an error: offsets count elements, and would round it."""
        (number,), size, loc = node.inputs, node.types[0].scalar.bytes, node.loc
        if size == 1:
            return
        rest = self._const(builder, size - 1, number.type, loc)
        rest = self._add(builder, "and", (number, rest), number.type, loc)
        none = self._const(builder, 0, number.type, loc)
        bit = number.type.with_elem(I1)
        whole = builder.add("cmp", (rest, none), (bit,), {"predicate": "eq"}, loc=loc)
        message = f"an address of {node.types[0].scalar} is no multiple of {size}"
        self.made[whole.id] = whole
        builder.add("assert", (whole.result,), (), {"message": message}, loc=loc)

    def _anywhere(self) -> Value:
        if self.everything is None:
            self.everything = self.extended.outputs[-1]
        return self.everything

    def _sources(self, number: Value, known: dict[Value, frozenset[Value]]) -> frozenset[Value]:
        """The arrays whose addresses `number` is made of."""
        if number not in known:
            known[number] = frozenset().union(
                *(self._sources(v, known) for v in self._parts(number))
            )
            node = self.made.get(number.node)
            if node is not None and node.op == "address":
                known[number] = frozenset(node.inputs)
        return known[number]

    def _parts(self, number: Value) -> tuple[Value, ...]:
        node = self.made.get(number.node)
        if node is None:
            return ()
        if node.op == "select":
            return node.inputs[1:]
        through = node.op in _STEPS or OPS[node.op].kind == "shape"
        return tuple(v for v in node.inputs if not v.type.is_pointer) if through else ()
