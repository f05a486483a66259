"""Integer arithmetic on constants, and with neutral elements; and what follows from conditions that are known.

Triton's native module has folded what the user wrote; this folds what our own passes add (iteration counts,
strides), and what the pure-Python front end has recorded as it was written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from ..graph import Function, Graph, GraphBuilder, Node, Value, fresh_ids, substitute
from ..types import Scalar, Type
from . import PassResult
from .conditions import chosen, does_nothing, known_condition, without_mask

_BINARY: dict[str, Callable[[int, int], int]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
}
_COMMUTES = frozenset({"add", "mul", "and", "or", "xor"})
_EXTEND = frozenset({"ext_s", "trunc"})
# (op, constant on the right) → the left operand is the result.
_NEUTRAL = frozenset(
    {("add", 0), ("sub", 0), ("or", 0), ("xor", 0), ("mul", 1), ("div_s", 1), ("addptr", 0)}
)
_ZERO = frozenset({("mul", 0), ("and", 0)})  # (op, constant on the right) → 0


@dataclass(frozen=True, slots=True)
class FoldConstants:
    """Replaces integer nodes whose value is known, or is one of their operands."""

    name: str = "fold-constants"

    def run(self, function: Function) -> PassResult:
        body = function.body
        return PassResult(function.with_body(_Folder(fresh_ids(body)).graph(body, {})))


class _Folder:
    def __init__(self, ids: Iterator[int]) -> None:
        self.known: dict[Value, int] = {}
        self.made: dict[Value, Node] = {}  # operations that commute, of a value and a constant
        self.addresses: dict[Value, Value] = {}  # number → the pointer whose address it is
        self.ids = ids

    def graph(self, graph: Graph, mapping: dict[Value, Value]) -> Graph:
        builder = GraphBuilder(self.ids, args_node=graph.args_node)
        mapping = dict(mapping)
        self._fill(graph, builder, mapping)
        return builder.build(mapping.get(v, v) for v in graph.outputs)

    def _fill(self, graph: Graph, builder: GraphBuilder, mapping: dict[Value, Value]) -> None:
        for node in graph:
            node = substitute(node, mapping)
            if node.op == "if" and node.inputs[0] in self.known:
                taken = node.regions[0 if self.known[node.inputs[0]] else 1]
                self._fill(taken, builder, mapping)
                found = (mapping.get(v, v) for v in taken.outputs)
                mapping.update(zip(node.outputs, found, strict=True))
            elif not does_nothing(node, self.known):
                self._place(node, builder, mapping)

    def _place(self, node: Node, builder: GraphBuilder, mapping: dict[Value, Value]) -> None:
        if node.regions:
            node = replace(node, regions=tuple(self.graph(r, {}) for r in node.regions))
        node = without_mask(self._canonical(node, builder), self.known)
        self._note(node)
        same = chosen(node, self.known) or self._same_as(node)
        value = known_value(node, self.known)
        if same is not None:
            mapping[node.result] = same
        elif value is not None:
            made = builder.add("const", (), node.types, {"value": value}, loc=node.loc)
            self._note(made)
            mapping[node.result] = made.result
        else:
            builder.append(node)

    def _note(self, node: Node) -> None:
        if node.op == "const" and not node.types[0].is_float and not node.types[0].is_pointer:
            self.known[node.result] = int(node.attr("value"))
        elif node.op in ("splat", "broadcast", "expand_dims") and node.inputs[0] in self.known:
            self.known[node.result] = self.known[node.inputs[0]]

    def _same_as(self, node: Node) -> Value | None:
        if len(node.inputs) != 2 or not node.types or node.types[0].is_float:
            return None
        left, right = node.inputs
        if right in self.known and (node.op, self.known[right]) in _NEUTRAL:
            return left
        if right in self.known and (node.op, self.known[right]) in _ZERO:
            return right if right.type == node.types[0] else None
        return None

    def _canonical(self, node: Node, builder: GraphBuilder) -> Node:
        """With its constant on the right; of two sums or products with constants, one."""
        if node.op == "ptr_to_int":
            self.addresses[node.result] = node.inputs[0]
        if node.op == "int_to_ptr":
            return self._stepped(node, builder)
        if node.op not in _COMMUTES or _no_integer(node.types[0]):
            return node
        left, right = node.inputs
        if left in self.known:
            left, right = right, left
        if right not in self.known or left in self.known:
            return node
        inner = self.made.get(left)
        if inner is not None and inner.op == node.op:
            value = _BINARY[node.op](self.known[inner.inputs[1]], self.known[right])
            both = {"value": wrap(value, node.types[0].scalar)}
            made = builder.add("const", (), node.types, both, loc=node.loc)
            self._note(made)
            left, right = inner.inputs[0], made.result
        node = replace(node, inputs=(left, right))
        self.made[node.result] = node
        return node

    def _stepped(self, node: Node, builder: GraphBuilder) -> Node:
        """An address and whole elements more are a pointer, as Triton's own passes have it."""
        (number,) = node.inputs
        total = self.made.get(number)
        plus = self.known[total.inputs[1]] if total is not None and total.op == "add" else 0
        pointer = self.addresses.get(total.inputs[0] if total is not None and plus else number)
        if pointer is None or pointer.type != node.types[0] or plus % pointer.type.scalar.bytes:
            return node
        elements = {"value": plus // pointer.type.scalar.bytes}
        made = builder.add("const", (), (number.type,), elements, loc=node.loc)
        self._note(made)
        return replace(node, op="addptr", inputs=(pointer, made.result))


def known_value(node: Node, known: Mapping[Value, int]) -> int | None:
    """The value of a pure integer node of constants, wrapped to its type; `known`: those of its inputs."""
    if node.op == "range" and node.attr("end") - node.attr("start") == 1:
        return int(node.attr("start"))
    if node.op == "cmp":
        return known_condition(node, known)
    if not node.types or node.types[0].is_float or node.types[0].is_pointer:
        return None
    values = [known.get(v) for v in node.inputs]
    scalar = node.types[0].scalar
    if scalar.bits == 1 or not values or None in values:
        return None
    if node.op in _BINARY:
        return wrap(_BINARY[node.op](values[0], values[1]), scalar)  # type: ignore[arg-type]
    if node.op == "mulhi_u":
        left, right = (int(v or 0) % (1 << scalar.bits) for v in values)
        return wrap(left * right >> scalar.bits, scalar)
    if node.op in _EXTEND and node.inputs[0].type.scalar.bits > 1:
        return wrap(values[0], scalar)  # type: ignore[arg-type]
    return None


def wrap(value: int, scalar: Scalar) -> int:
    """`value` as a signed integer of the scalar's width."""
    half = 1 << (scalar.bits - 1)
    return (value + half) % (2 * half) - half


def _no_integer(kind: Type) -> bool:
    return kind.is_float or kind.is_pointer or kind.scalar.bits == 1
