"""Which values are executed and kept (roots), and which are recomputed wherever they are used (derived).

Derived: constants, ranges, program ids, shape operations (views), address arithmetic, and cheap elementwise
chains over those. Everything else is a root: it is computed once, in one layout.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..fusion.graph import ARGS, Function, Graph, Node, Value
from ..fusion.ops import OPS
from ..fusion.views import Bits, identity, input_bits

# A derived chain longer than this many operations is computed once and kept instead.
MAX_DERIVED_COST = 24


class Values:
    """Answers questions about every value of a function, child graphs included."""

    def __init__(self, function: Function):
        self._nodes: dict[int, Node] = {}
        self._derived: dict[Value, bool] = {}
        self._cost: dict[Value, int] = {}
        self._roots: dict[Value, tuple[Value, ...]] = {}
        self._users: dict[Value, list[Node]] = {}
        self._outputs: set[Value] = set()
        self._loops: dict[int, Node] = {}
        self.parameters = dict(zip(function.body.args, function.parameters))
        self._collect(function.body)

    def _collect(self, graph: Graph) -> None:
        self._nodes[graph.args_node.id] = graph.args_node
        self._outputs.update(graph.outputs)
        for node in graph:
            self._nodes[node.id] = node
            for value in node.inputs:
                self._users.setdefault(value, []).append(node)
            for region in node.regions:
                self._collect(region)
                if node.op == "for":
                    self._loops[region.args_node.id] = node
            self._judge(node)

    def _judge(self, node: Node) -> None:
        for value in node.outputs:
            self._cost[value] = cost = self._chain_cost(node)
            self._derived[value] = self._is_derived(node, cost)

    def _chain_cost(self, node: Node) -> int:
        inputs = sum(self._cost.get(v, 0) for v in set(node.inputs) if self.is_derived(v))
        return OPS[node.op].cost * (OPS[node.op].kind == "elementwise") + inputs

    def _is_derived(self, node: Node, cost: int) -> bool:
        kind = OPS[node.op].kind
        if kind in ("index", "shape"):
            return True
        if node.types and node.types[0].is_pointer and kind == "elementwise":
            return True
        if kind != "elementwise" or not node.types[0].shape or cost > MAX_DERIVED_COST:
            return False
        return OPS[node.op].cost == 1 and all(self.is_light(v) for v in node.inputs)

    def is_derived(self, value: Value) -> bool:
        return self._derived.get(value, False)

    def is_light(self, value: Value) -> bool:
        """Derived, and known from scalars alone: no tile is read to recompute it."""
        return self.is_derived(value) and all(
            not root.type.shape for root, _ in self.leaves(value, identity(value.type.shape))
        )

    def made(self, value: Value) -> Node | None:
        """The node that makes `value`; None for an argument."""
        return None if self.is_argument(value) else self.node(value)

    def users(self, value: Value) -> list[Node] | None:
        """The nodes that take `value`; None if it leaves its block."""
        return None if value in self._outputs else self._users.get(value, [])

    def node(self, value: Value) -> Node:
        """The node that makes `value`; the arguments node for arguments."""
        return self._nodes[value.node]

    def is_argument(self, value: Value) -> bool:
        return self._nodes[value.node].op == ARGS

    def loop(self, argument: Value) -> Node | None:
        """The `for` whose body has this argument."""
        return self._loops.get(argument.node)

    def leaves(self, value: Value, bits: Bits) -> Iterator[tuple[Value, Bits]]:
        """The roots that `value`, seen through `bits`, is computed from, each with its own bits."""
        if not self.is_derived(value):
            yield value, bits
            return
        node = self.node(value)
        shape_op = OPS[node.op].kind == "shape"
        for v in node.inputs:
            yield from self.leaves(v, input_bits(node, bits) if shape_op else bits)

    def needs(self, node: Node) -> tuple[tuple[Value, Bits], ...]:
        """Roots that `node` needs, through the bits of its own iteration space; no duplicates."""
        return self.reads(node.inputs)

    def reads(self, inputs: tuple[Value, ...]) -> tuple[tuple[Value, Bits], ...]:
        """Roots that `inputs` are computed from, through the bits of their own index."""
        found: dict[tuple[Value, Bits], None] = {}
        for v in inputs:
            found.update(dict.fromkeys(self.leaves(v, identity(v.type.shape))))
        return tuple(found)

    def roots_of(self, values: tuple[Value, ...]) -> tuple[Value, ...]:
        return tuple(dict.fromkeys(r for v in values for r in self._roots_of_one(v)))

    def _roots_of_one(self, value: Value) -> tuple[Value, ...]:
        if value not in self._roots:
            leaves = self.leaves(value, identity(value.type.shape))
            self._roots[value] = tuple(dict.fromkeys(root for root, _ in leaves))
        return self._roots[value]

    def base(self, pointer: Value) -> Value | None:
        """The parameter that a pointer points into, or None if it is not one single parameter."""
        while pointer not in self.parameters:
            node = self.node(pointer)
            if node.op == ARGS or (
                node.op not in ("addptr", "bitcast") and OPS[node.op].kind != "shape"
            ):
                return None
            pointer = node.inputs[0]
        return pointer


def space(node: Node) -> tuple[int, ...]:
    """The shape of the tile that a node runs over: of its inputs or, lacking those, its result."""
    if node.op in ("reduce", "scan", "store", "print", "assert") and node.inputs:
        return node.inputs[0].type.shape
    return node.types[0].shape if node.types else ()
