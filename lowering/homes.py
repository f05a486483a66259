"""The home layout of every root: where its elements live among registers, lanes and simdgroups.

A product on matrix units lives in their fragments, and so do its accumulator and operands that no other
simdgroup needs. An elementwise result lives where its operands live; a reduction's result lives in a slice of
its operand's layout; a tile that is only broadcast into a larger one lives in that one's slice; what is left
gets the blocked layout of its shape. Loop arguments take the layout that the loop body gives them. A use that
needs another layout is converted there (lowering/steps.py), so any choice here is correct.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..fusion.axis import Axis
from ..fusion.graph import Graph, Node, Value
from ..fusion.ops import OPS
from ..fusion.views import Bits, identity, input_bits
from .layout import Layout, blocked
from .products import Product
from .values import Values, space

# Fewer neighbours than this in memory: any layout is as good.
_WORTH_TURNING = 4
_CASTS = frozenset({"fcast"})


class Homes:
    """Layouts of all tile roots. `simdgroups` = 0: one thread holds everything (the host).

    `products`: dots on matrix units by node id; `wishes`: layouts that roots take unless an operand's
    layout decides; `axis`: what is known of pointers; `vector`: neighbours that one thread holds.
    """

    def __init__(
        self,
        body: Graph,
        values: Values,
        simdgroups: int,
        products: Mapping[int, Product],
        wishes: Mapping[Value, Layout],
        axis: Callable[[Value], Axis],
        vector: int = 4,
    ):
        self.values, self.simdgroups, self._vector = values, simdgroups, vector
        self.products, self._wishes, self._axis = products, wishes, axis
        self._in_registers: dict[int, tuple[bool, bool]] = {}
        self._homes: dict[Value, Layout] = {}
        self._graph(body)

    def __getitem__(self, root: Value) -> Layout:
        return self._homes[root]

    def default(self, shape: tuple[int, ...]) -> Layout:
        return blocked(shape, self.simdgroups, self._vector)

    def nest(self, node: Node) -> Layout:
        """The layout over which `node` runs."""
        shape = space(node)
        if not shape:
            return Layout((), ())
        if node.outputs and node.result in self._homes and node.op not in ("reduce", "scan"):
            return self._homes[node.result]
        found = self._like_operands(node) or self.default(shape)
        if node.op == "store" and found in (self.default(shape), self._turned(node.inputs[1])):
            return self._coalesced(node.inputs[0]) or found
        return found

    def entries(self, node: Node) -> list[tuple[Value, Layout]]:
        """The layouts in which a dot reads its operands."""
        a, b, c = node.inputs
        product = self.products.get(node.id)
        left, right = self.in_registers(node)
        return [
            (a, product.left if product and left else self.readable(a)),
            (b, product.right if product and right else self.readable(b)),
            (c, self[node.result]),
        ]

    def in_registers(self, node: Node) -> tuple[bool, bool]:
        """Whether the left and the right operand of a dot are where the matrix units want them."""
        return self._in_registers.get(node.id, (False, False))

    def readable(self, value: Value) -> Layout:
        """A layout over which `value` can be read as cheaply as possible: that of its root."""
        for root, bits in self.values.leaves(value, identity(value.type.shape)):
            home = self._homes.get(root)
            if home is not None and len(bits) == len(identity(value.type.shape)):
                return _outward(home, bits, value.type.shape)
        return self.default(value.type.shape)

    def _graph(self, graph: Graph) -> None:
        for node in graph:
            if node.op in ("for", "while", "if"):
                self._control(node)
            elif node.op == "reduce":
                home = self.nest(node).without_axis(node.attr("axis"))
                self._homes.update({v: home for v in node.outputs if v.type.shape})
            elif node.id in self.products:
                self._product(node)
            elif node.types and node.types[0].shape and not self.values.is_derived(node.result):
                home = (
                    self._like_operands(node)
                    or self._wishes.get(node.result)
                    or self._like_users(graph, node)
                    or (self._coalesced(node.inputs[0]) if node.op == "load" else None)
                    or self.default(node.types[0].shape)
                )
                self._homes.update(dict.fromkeys(node.outputs, home))

    def _coalesced(self, pointer: Value) -> Layout | None:
        """The blocked layout in which neighbouring threads access neighbours in memory, if it is known."""
        shape = pointer.type.shape
        if not shape or not self.simdgroups:
            return None
        contiguity = self._axis(pointer).contiguity
        best = max(range(len(shape)), key=lambda d: (contiguity[d], d))
        if contiguity[best] < _WORTH_TURNING:
            return None
        return blocked(shape, self.simdgroups, self._vector, best)

    def _turned(self, value: Value) -> Layout | None:
        """The home of the root of `value`, if it is blocked with another dimension first."""
        shape = value.type.shape
        for root, bits in self.values.leaves(value, identity(shape)):
            home = self._homes.get(root)
            if home is not None and len(bits) == len(identity(shape)):
                outward = _outward(home, bits, shape)
                turned = (
                    blocked(shape, self.simdgroups, self._vector, d) for d in range(len(shape))
                )
                return outward if outward in turned else None
        return None

    def _product(self, node: Node) -> None:
        product = self.products[node.id]
        self._homes[node.result] = product.result
        left, right = (
            all(
                self._homes.get(root) == layout.moved(bits, root.type.shape)
                for root, bits in self.values.reads((value,))
                if root.type.shape
            )
            for value, layout in zip(node.inputs, (product.left, product.right))
        )
        self._in_registers[node.id] = left, right

    def _like_operands(self, node: Node) -> Layout | None:
        if OPS[node.op].kind == "dot":
            return None
        inputs = node.inputs[1:] if node.op == "gather" else node.inputs
        for root, bits in self.values.reads(inputs):
            home = self._homes.get(root)
            if home is not None and len(bits) == len(identity(space(node))):
                return _outward(home, bits, space(node))
        return None

    def _like_users(self, graph: Graph, node: Node) -> Layout | None:
        """The slice of the first larger tile that this one is broadcast into."""
        for value in node.outputs:
            found = self._wider_use(graph, value, identity(value.type.shape))
            if found is not None:
                wide, bits = found
                layout = self._beside(graph, wide) or self.default(wide.type.shape)
                return layout.moved(bits, value.type.shape)
        return None

    def _beside(self, graph: Graph, wide: Value) -> Layout | None:
        """The layout of what a broadcast tile is combined with, where that is on matrix units."""
        for user in graph.users(wide):
            if OPS[user.op].kind == "elementwise" and user.types[0].shape == wide.type.shape:
                found = self._like_operands(user)
                if found is not None and any(found == p.result for p in self.products.values()):
                    return found
        return None

    def _wider_use(self, graph: Graph, value: Value, bits: Bits) -> tuple[Value, Bits] | None:
        """(a wider tile, its bits that index `value`) reached through views and casts of `value`."""
        for user in graph.users(value):
            if user.op in _CASTS:
                if (cast := self._wider_use(graph, user.result, bits)) is not None:
                    return cast
                continue
            if OPS[user.op].kind != "shape" or not self.values.is_derived(user.result):
                continue
            shape = user.types[0].shape
            inner = input_bits(user, identity(shape))
            if len(inner) < len(identity(shape)):
                return user.result, tuple(inner[b] for b in bits)
            deeper = self._wider_use(graph, user.result, tuple(inner[b] for b in bits))
            if deeper is not None:
                return deeper
        return None

    def _control(self, node: Node) -> None:
        if node.op == "if":
            for region in node.regions:
                self._graph(region)
            self._settle(node.outputs, [r.outputs for r in node.regions])
            return
        first = node.regions[0]
        inits = node.inputs[3:] if node.op == "for" else node.inputs
        args = first.args[1:] if node.op == "for" else first.args
        for arg, init in zip(args, inits, strict=True):
            self._take(arg, [init])
        if node.op == "while":
            self._while(node)
            return
        missing = [a for a in args if _is_tile(a) and a not in self._homes]
        if missing:
            self._graph(first)
        for arg, output in zip(args, first.outputs, strict=True):
            self._take(arg, [output], default=True)
        self._graph(first)
        self._homes.update({r: self._homes[a] for r, a in zip(node.outputs, args) if _is_tile(a)})

    def _while(self, node: Node) -> None:
        before, after = node.regions
        for arg in before.args:
            self._take(arg, [], default=True)
        self._graph(before)
        for arg, passed, result in zip(after.args, before.outputs[1:], node.outputs, strict=True):
            self._take(arg, [passed], default=True)
            if _is_tile(arg):
                self._homes[result] = self._homes[arg]
        self._graph(after)

    def _settle(self, results: tuple[Value, ...], branches: list[tuple[Value, ...]]) -> None:
        for k, result in enumerate(results):
            self._take(result, [b[k] for b in branches if b], default=True)

    def _take(self, value: Value, sources: list[Value], default: bool = False) -> None:
        """Give `value` the layout of the first source that has one."""
        if not _is_tile(value) or value in self._homes:
            return
        if value in self._wishes:
            self._homes[value] = self._wishes[value]
            return
        for source in sources:
            if any(root in self._homes for root in self.values.roots_of((source,))):
                self._homes[value] = self.readable(source)
                return
        if default:
            self._homes[value] = self.default(value.type.shape)


def _is_tile(value: Value) -> bool:
    """True if `value` is stored; carried pointers are refused where they are emitted."""
    return bool(value.type.shape) and not value.type.is_pointer


def _outward(home: Layout, bits: Bits, shape: tuple[int, ...]) -> Layout:
    """The layout of a tile whose bit bits[b] is bit b of a value that lives in `home`."""
    inverse = {outer: b for b, outer in enumerate(bits)}
    return home.moved([inverse[i] for i in range(len(bits))], shape)
