"""An elementwise launch, computed again at elements that another kernel chooses.

The guest's programs and tiles are forgotten: from an element of its walked array the walk's inverse gives the
program and the place in the tile, and every value of the guest is a function of those.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

from ..access import AccessReader, inner_dims
from ..compose import Compose
from ..graph import Node, Value
from ..linear import Symbol
from ..ops import OPS
from ..types import I1, I32, Type
from .codes import Refusal
from .records import Launch
from .walk import Digit, Walk, sites

# (a load of the guest, its offsets here) → its value, or None for a load that is done as it is
Source = Callable[[Node, "Instance"], Value | None]

_ALLOWED = frozenset({"elementwise", "index", "shape"})


def check_elementwise(launch: Launch) -> None:
    """Raises Refusal unless each element of the kernel is computed on its own."""
    if (found := _not_elementwise(launch)) is not None:
        raise Refusal(*found)


@functools.lru_cache(maxsize=256)
def _not_elementwise(launch: Launch) -> tuple[str, str] | None:
    for node in launch.function.body:
        if node.op in ("load", "store") and not node.attr("volatile"):
            continue
        if node.op == "address":
            return "ADDRESSES", f"{launch.name} takes the address of an array"
        if node.op.startswith("atomic"):
            return "ATOMICS", f"{launch.name} uses atomics"
        if OPS[node.op].kind == "effect" or node.attr("volatile"):
            return "EFFECT", f"{launch.name} has a {node.op}"
        if OPS[node.op].kind not in _ALLOWED:
            return "NOT_ELEMENTWISE", f"{launch.name} has a {node.op}"
        if node.op == "reshape":
            return "RESHAPE", f"{launch.name} has a reshape"
    return None


class Instance:
    """The guest at elements `element` (a tile of i32 or i64), active where `mask` is (None: everywhere)."""

    def __init__(
        self,
        guest: Launch,
        reader: AccessReader,
        walk: Walk,
        arguments: Mapping[int, Value],
        words: Compose,
        element: Value,
        mask: Value | None,
        source: Source,
    ):
        self.guest, self.reader, self.walk = guest, reader, walk
        self.arguments, self.words, self.source = arguments, words, source
        self.element, self.mask = element, mask
        self.shape = element.type.shape
        self.nodes = {n.id: n for n in guest.function.body}
        self.parameters = {v: k for k, v in enumerate(guest.function.body.args)}
        self.dims = tuple(range(len(walk.access.shape)))
        self.inverse = {s: (a, b) for s, a, b in walk.inverse}
        self.forms = dict(walk.forms)
        self.memo: dict[tuple[Value, tuple[int, ...]], Value] = {}
        self.digits: dict[tuple[Value, Digit], Value] = {}
        self.pointers: dict[int, Value] = {}  # parameter → the addresses of the elements in it

    def at(self, t: Type) -> Type:
        return t.with_shape(self.shape)

    def digit(self, value: Value, digit: Digit) -> Value:
        """(value // place) % extent, in the type of the element."""
        key = (value, digit)
        if key not in self.digits:
            found, words = value, self.words
            if digit.place > 1:
                found = words.same("div_s", found, words.const(digit.place, found.type))
            if digit.extent > 0:
                found = words.same("rem_s", found, words.const(digit.extent, found.type))
            self.digits[key] = found
        return self.digits[key]

    def integer(self, value: Value, scalar: Type) -> Value:
        """`value` in an integer type; elements are below 2**30, so nothing is cut."""
        wanted, have = scalar.scalar, value.type.scalar
        if wanted == have:
            return value
        name = "ext_s" if wanted.bits > have.bits else "trunc"
        return self.words.op(name, (value,), value.type.with_elem(wanted))

    def symbol(self, symbol: Symbol) -> Value:
        """A program id or tile coordinate as i32."""
        places = dict(self.walk.access.places).get(symbol[1], ()) if symbol[0] == "program" else ()
        if places:
            return self._summed(symbol[1], places)
        if symbol not in self.inverse:
            return self.words.const(0, Type(I32, self.shape))
        first, second = self.inverse[symbol]
        return self.integer(self.digit(self.digit(self.element, first), second), Type(I32))

    def _summed(self, axis: int, places: tuple[int, ...]) -> Value:
        """A program id from its digits."""
        total = self.symbol(("part", (axis, 1)))
        for place in places[1:]:
            digit = self.symbol(("part", (axis, place)))
            scaled = self.words.same("mul", digit, self.words.const(place, digit.type))
            total = self.words.same("add", total, scaled)
        return total

    def value(self, value: Value, dims: tuple[int, ...]) -> Value:
        """`value` of the guest here; dims[k] is the walk's dimension that its dimension k is."""
        key = (value, dims)
        if key not in self.memo:
            self.memo[key] = self._value(value, dims)
        return self.memo[key]

    def _value(self, value: Value, dims: tuple[int, ...]) -> Value:
        if value in self.parameters:
            argument = self.arguments[self.parameters[value]]
            return self.words.broadcast(argument, self.shape)
        node = self.nodes[value.node]
        if not value.type.is_pointer and not value.type.is_float and value.type.scalar != I1:
            form = self.reader.linear(value, dims)
            if form is not None and value.type.scalar.bits >= 32:
                if not form.terms:
                    return self.words.const(form.constant, self.at(value.type))
                if form in self.forms:
                    found = self.digit(self.element, self.forms[form])
                    return self.integer(found, value.type)
        return self._made(node, value, dims)

    def _made(self, node: Node, value: Value, dims: tuple[int, ...]) -> Value:
        result = self.at(value.type)
        if node.op == "const":
            return self.words.const(node.attr("value"), result)
        if node.op == "program_id":
            return self.symbol(("program", node.attr("axis")))
        if node.op == "num_programs":
            return self.words.const(self.guest.grid[node.attr("axis")], result)
        if node.op == "range":
            start = self.words.const(node.attr("start"), result)
            if value.type.size == 1:
                return start
            place = self.symbol(("dim", dims[0]))
            return self.words.same("add", place, start) if node.attr("start") else place
        if node.op == "load":
            return self.load(node, dims)
        inner = inner_dims(node, dims) if OPS[node.op].kind == "shape" else dims
        if inner is None:
            raise Refusal("RESHAPE")
        if OPS[node.op].kind == "shape":
            return self.value(node.inputs[0], inner)
        inputs = tuple(self.value(v, dims) for v in node.inputs)
        return self.words.builder.add(
            node.op, inputs, (result,), dict(node.attrs), loc=node.loc
        ).result

    def condition(self, node: Node, at: int, dims: tuple[int, ...]) -> Value | None:
        """The guest's own mask of an access here; None where it is true for every element."""
        if len(node.inputs) <= at or dims == self.dims and self.same_bounds(node):
            return None
        return self.value(node.inputs[at], dims)

    def same_bounds(self, node: Node) -> bool:
        """True if the access is masked exactly as the walk, so it is active for every element."""
        access = self.reader.load(node) if node.op == "load" else self.reader.store(node)
        return access is not None and set(access.bounds) <= set(self.walk.access.bounds)

    def both(self, left: Value | None, right: Value | None) -> Value | None:
        if left is None or right is None:
            return left if right is None else right
        return self.words.same("and", left, right)

    def load(self, node: Node, dims: tuple[int, ...]) -> Value:
        own = self.condition(node, 1, dims)
        found = self.source(node, self)
        if found is None:
            mask = self.both(own, self.mask)
            inputs = [self._pointer(node, dims)]
            if mask is not None:
                inputs.append(mask)
                if own is not None and len(node.inputs) > 2:
                    inputs.append(self.value(node.inputs[2], dims))
            made = self.words.builder.add(
                "load", inputs, (self.at(node.types[0]),), dict(node.attrs), loc=node.loc
            )
            return made.result
        if own is None:
            return found
        other = (
            self.value(node.inputs[2], dims)
            if len(node.inputs) > 2
            else self.words.const(0, found.type)
        )
        return self.words.select(own, found, other)

    def _pointer(self, node: Node, dims: tuple[int, ...]) -> Value:
        """The address of an access here: simply the element where the access walks as the walk does."""
        pointer = node.inputs[0]
        access = None
        if dims == self.dims:
            access = self.reader.load(node) if node.op == "load" else self.reader.store(node)
        if access is None or access.offset != self.walk.access.offset:
            return self.value(pointer, dims)
        at = access.parameter
        if at not in self.pointers:
            base = self.words.broadcast(self.arguments[at], self.shape)
            self.pointers[at] = self.words.op("addptr", (base, self.element), base.type)
        return self.pointers[at]

    def stores(self) -> None:
        """All stores of the guest, after all of its loads; they are masked as the walk (see check_stores)."""
        nodes = [n for n in self.guest.function.body if n.op == "store"]
        for node in nodes:
            self._pointer(node, self.dims), self.value(node.inputs[1], self.dims)
        for node in nodes:
            self._store(node)

    def _store(self, node: Node) -> Node:
        inputs = [self._pointer(node, self.dims), self.value(node.inputs[1], self.dims)]
        if self.mask is not None:
            inputs.append(self.mask)
        return self.words.builder.add("store", inputs, (), dict(node.attrs), loc=node.loc)


def check_stores(guest: Launch, reader: AccessReader, walk: Walk) -> None:
    """Every store of the guest happens exactly for the elements of the walk. Raises Refusal.

    No load of an array may follow a store to it: here all loads come first.
    """
    stored: set[int] = set()
    for site in sites(guest):
        if site.node.op == "load" and site.slot in stored:
            raise Refusal("VERSION", f"{guest.name} loads an array after storing to it")
        stored |= {site.slot} if site.node.op == "store" else set()
    for node in guest.function.body:
        if node.op != "store":
            continue
        access = reader.store(node)
        if access is None or access.shape != walk.access.shape:
            raise Refusal("NOT_INVERTIBLE", "a store's address is not linear")
        if set(access.bounds) != set(walk.access.bounds):
            raise Refusal("MASK_MISMATCH", "a store is masked differently from the walk")
    _check_in_place(guest, reader, walk)


def _check_in_place(guest: Launch, reader: AccessReader, walk: Walk) -> None:
    """An array that is written twice, or read too, is touched in one order only.

    A program of the guest loads its whole tile before it stores, and stores one whole tile before the next;
    element by element that order is lost. So each element may have to do with itself only.
    """
    for slot in changed_in_place(guest) | _stored_twice(guest):
        accesses = [
            reader.store(s.node) if s.node.op == "store" else reader.load(s.node)
            for s in sites(guest)
            if s.slot == slot
        ]
        if any(a is None or a.offset != walk.access.offset for a in accesses):
            raise Refusal("WAR", f"{guest.name} touches an array that it writes in another order")


def changed_in_place(launch: Launch) -> frozenset[int]:
    """Slots that the launch loads from and stores to."""
    found = sites(launch)
    loaded = {s.slot for s in found if s.node.op == "load"}
    return frozenset(s.slot for s in found if s.node.op == "store" and s.slot in loaded)


def _stored_twice(launch: Launch) -> frozenset[int]:
    stores = [s.slot for s in sites(launch) if s.node.op == "store"]
    return frozenset(s for s in stores if stores.count(s) > 1)
