"""Access maps: which elements a pointer touches, as a linear form over the launch.

    offset = constant + sum of coefficient * symbol

Symbols are the program ids and the coordinates of the tile; the launch's scalars are numbers here, so every
coefficient is one. Quotients and remainders count where they put an index together again. What is not
linear (other remainders, data) has no map; fusion/cover.py then evaluates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .graph import Function, Node, Value
from .linear import (
    Linear,
    Symbol,
    divisors,
    in_parts,
    largest,
    quotient,
    remainder,
    without_zeros,
)

Bounds = tuple[tuple[Linear, int], ...]  # form < limit, all of them
_READ = frozenset({"add", "sub", "mul", "div_s", "rem_s"})


@dataclass(frozen=True, slots=True)
class AccessMap:
    """Elements of one buffer that a node touches: `offset`, where every bound holds (form < limit).

    `places`: axis → places of the digits ("part") that stand for the program id.
    """

    parameter: int
    offset: Linear
    bounds: tuple[tuple[Linear, int], ...]
    shape: tuple[int, ...]
    places: tuple[tuple[int, tuple[int, ...]], ...] = ()

    def extents(self, grid: tuple[int, int, int]) -> dict[Symbol, int]:
        """The number of values of every symbol; together they name a program and a place in its tile."""
        found: dict[Symbol, int] = {("program", k): n for k, n in enumerate(grid)}
        found.update({("dim", k): n for k, n in enumerate(self.shape)})
        for axis, places in self.places:
            above = (*places[1:], found.pop(("program", axis)))
            found.update({("part", (axis, p)): n // p for p, n in zip(places, above)})
        return found


@dataclass(slots=True)
class AccessReader:
    """Linear forms of the values of a function for given scalar arguments."""

    function: Function
    scalars: Mapping[int, int | float | bool]
    grid: tuple[int, int, int]
    _nodes: dict[int, Node] = field(init=False)
    _params: dict[Value, int] = field(init=False)
    _memo: dict[tuple[Value, tuple[int, ...]], Linear | None] = field(init=False)
    _maps: dict[int, AccessMap | None] = field(init=False)
    # Bounds that hold wherever values are looked at, and the tile that they are about.
    _assumed: Bounds = ()
    _tile: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        self._nodes = {n.id: n for n in self.function.body}
        self._params = {v: k for k, v in enumerate(self.function.body.args)}
        self._memo, self._maps = {}, {}

    def store(self, node: Node) -> AccessMap | None:
        """The map of a store of the function's own block; None if its address is not linear."""
        if node.id not in self._maps:
            self._maps[node.id] = self._access(node, 2)
        return self._maps[node.id]

    def load(self, node: Node) -> AccessMap | None:
        """The map of a load of the function's own block; None if its address is not linear."""
        if node.id not in self._maps:
            self._maps[node.id] = self._access(node, 1)
        return self._maps[node.id]

    def same_places(self, pointer: Value, mask: Value | None, store: Node) -> bool:
        """True if linear forms prove that these are the store's addresses, active only where it is.

        The reader is of no other use afterwards: it has learnt what holds where `mask` does.
        The store's tile may be a number, or lack one dimension, for all elements along which it is one.
        """
        shape, thin = pointer.type.shape, store.inputs[0].type.shape
        dims = tuple(range(len(shape)))
        own_dims = kept_dims(thin, shape)
        if own_dims is None:
            return False
        bounds = self._assume(mask, shape) if mask is not None else ()
        found, own = self._pointer(pointer, dims), self._pointer(store.inputs[0], own_dims)
        if found is None or own is None or found[0] != own[0]:
            return False
        if self._settled(found[1], bounds, shape) != self._settled(own[1], bounds, shape):
            return False
        if len(store.inputs) < 3 or mask == store.inputs[2]:
            return True
        limits = self._mask(store.inputs[2], own_dims)
        return limits is not None and self._all_settled(limits, bounds, shape) <= (
            self._all_settled(bounds, bounds, shape) | set(bounds)
        )

    def _assume(self, mask: Value, shape: tuple[int, ...]) -> Bounds:
        """The bounds that can be read off a mask. From now on values are read as they are where these hold."""
        dims = tuple(range(len(shape)))
        self._memo.clear()
        self._assumed, self._tile = (), shape
        for _ in range(2):  # with what was read, more can be
            parts = (self._mask(v, dims) for v in self._conjuncts(mask))
            self._memo.clear()
            self._assumed = tuple(b for part in parts if part is not None for b in part)
        return self._assumed

    def _conjuncts(self, mask: Value) -> list[Value]:
        node = self._nodes.get(mask.node)
        if node is None or node.op != "and":
            return [mask]
        return [part for v in node.inputs for part in self._conjuncts(v)]

    def _all_settled(
        self, forms: Bounds, bounds: Bounds, shape: tuple[int, ...]
    ) -> set[tuple[Linear, int]]:
        return {(self._settled(form, bounds, shape), n) for form, n in forms}

    def _access(self, node: Node, mask: int) -> AccessMap | None:
        shape = node.inputs[0].type.shape
        dims = tuple(range(len(shape)))
        found = self._pointer(node.inputs[0], dims)
        bounds = self._mask(node.inputs[mask], dims) if len(node.inputs) > mask else ()
        if found is None or bounds is None:
            return None
        offset = self._settled(found[1], bounds, shape)
        bounds = tuple((self._settled(form, bounds, shape), n) for form, n in bounds)
        places = self._places((offset, *(f for f, _ in bounds)))
        if places is None:
            return None
        if places:
            offset = in_parts(offset, places)
            bounds = tuple((in_parts(form, places), n) for form, n in bounds)
        return AccessMap(found[0], offset, bounds, shape, tuple(sorted(places.items())))

    def _places(self, forms: tuple[Linear, ...]) -> dict[int, tuple[int, ...]] | None:
        """Per axis the places of independent digits of its program id; None if there are none."""
        found = divisors(forms)
        if not found:
            return found
        made = {axis: (1, *(d for d in by if d > 1)) for axis, by in found.items()}
        whole = all(
            b % a == 0
            for axis, places in made.items()
            for a, b in zip(places, (*places[1:], self.grid[axis]))
        )
        return made if whole else None

    def _settled(
        self, form: Linear, bounds: tuple[tuple[Linear, int], ...], shape: tuple[int, ...]
    ) -> Linear:
        """`form` where the bounds hold: quotients of what is smaller than the divisor are 0."""
        if not form.floors:
            return form
        extents: dict[Symbol, int] = {("program", k): n for k, n in enumerate(self.grid)}
        extents.update({("dim", k): n for k, n in enumerate(shape)})
        for bounded, n in bounds:
            if not bounded.constant and len(bounded.terms) == 1 and bounded.terms[0][1] == 1:
                symbol = bounded.terms[0][0]
                extents[symbol] = min(n, extents.get(symbol, n))

        def most(inner: Linear) -> int | None:
            limits = [n - 1 for f, n in bounds if f == inner]
            found = largest(inner, extents)
            return min(limits + ([] if found is None else [found]), default=None)

        return without_zeros(form, most)

    def _pointer(self, value: Value, dims: tuple[int, ...]) -> tuple[int, Linear] | None:
        if value in self._params:
            return self._params[value], Linear()
        node = self._nodes.get(value.node)
        if node is None:
            return None
        if node.op == "addptr":
            base, offset = self._pointer(node.inputs[0], dims), self.linear(node.inputs[1], dims)
            return None if base is None or offset is None else (base[0], base[1] + offset)
        inner = inner_dims(node, dims)
        if inner is None or node.inputs[0].type.scalar.bytes != value.type.scalar.bytes:
            return None
        return self._pointer(node.inputs[0], inner)

    def _mask(self, value: Value, dims: tuple[int, ...]) -> tuple[tuple[Linear, int], ...] | None:
        """The bounds whose conjunction the mask is."""
        node = self._nodes.get(value.node)
        if node is None:
            return None
        if node.op == "and":
            left, right = (self._mask(v, dims) for v in node.inputs)
            return None if left is None or right is None else left + right
        if node.op == "const":
            return () if node.attr("value") else None
        if node.op == "cmp" and node.attr("predicate") in ("slt", "sle"):
            left_form, right_form = (self.linear(v, dims) for v in node.inputs)
            if left_form is None or right_form is None or right_form.terms:
                return None
            return ((left_form, right_form.constant + (node.attr("predicate") == "sle")),)
        inner = inner_dims(node, dims)
        return None if inner is None else self._mask(node.inputs[0], inner)

    def linear(self, value: Value, dims: tuple[int, ...]) -> Linear | None:
        """`value` as a linear form; dims[k] is the tile dimension that its dimension k is."""
        key = (value, dims)
        if key not in self._memo:
            self._memo[key] = self._read(value, dims)
        return self._memo[key]

    def _read(self, value: Value, dims: tuple[int, ...]) -> Linear | None:
        if value in self._params:
            number: Any = self.scalars.get(self._params[value])
            return Linear(int(number)) if isinstance(number, int) else None
        node = self._nodes.get(value.node)
        if node is None or value.type.is_float:
            return None
        if node.op == "const":
            return Linear(int(node.attr("value")))
        if node.op == "program_id":
            return Linear(0, ((("program", node.attr("axis")), 1),))
        if node.op == "num_programs":
            return Linear(self.grid[node.attr("axis")])
        if node.op == "range":
            return Linear(node.attr("start"), ((("dim", dims[0]), 1),))
        inner = inner_dims(node, dims)
        if inner is not None:
            return self.linear(node.inputs[0], inner)
        if node.op not in _READ:
            return None
        left, right = (self.linear(v, dims) for v in node.inputs)
        if left is None or right is None:
            return None
        if node.op in ("div_s", "rem_s"):
            if right.terms:
                return None
            made = (quotient if node.op == "div_s" else remainder)(left, right.constant)
            return self._settled(made, self._assumed, self._tile) if made and self._tile else made
        if node.op == "mul":
            if left.terms and right.terms:
                return None
            return left.scaled(right.constant) if left.terms else right.scaled(left.constant)
        return left + (right if node.op == "add" else right.scaled(-1))


def inner_dims(node: Node, dims: tuple[int, ...]) -> tuple[int, ...] | None:
    """Tile dimensions of the input of a shape operation or an exact cast; None for other nodes."""
    if node.op == "splat":
        return ()
    if node.op == "expand_dims":
        axis = node.attr("axis")
        return dims[:axis] + dims[axis + 1 :]
    if node.op == "trans":
        order = node.attr("order")
        return tuple(dims[order.index(d)] for d in range(len(order)))
    return dims if node.op in ("broadcast", "ext_s", "bitcast") else None


def kept_dims(thin: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """Which dimensions of `shape` a tile of shape `thin` has: all, all but one, or none; else None."""
    dims = tuple(range(len(shape)))
    if thin in ((), shape):
        return dims if thin == shape else ()
    without = (dims[:a] + dims[a + 1 :] for a in dims)
    return next((d for d in without if tuple(shape[k] for k in d) == thin), None)


def covers(access: AccessMap, grid: tuple[int, int, int], size: int) -> bool:
    """True if the store provably writes elements 0 .. size - 1, all of them.

    Bounded forms become one index each; the offset must then be a mixed-radix number of the indexes.
    """
    extents = access.extents(grid)
    terms = dict(access.offset.terms)
    limit = size
    digits: list[tuple[int, int]] = []  # (coefficient, extent) of bounded indexes
    for form, bound in access.bounds:
        if form == access.offset:
            limit = min(limit, bound)
            continue
        symbols = [s for s, _ in form.terms]
        factor = _factor(form, terms)
        dense = _dense([(c, extents[s]) for s, c in form.terms])
        if form.constant or factor is None or dense is None:
            return False
        for symbol in symbols:
            del terms[symbol]
        digits.append((factor, min(dense, bound)))
    digits += [(c, extents[s]) for s, c in terms.items()]
    total = _dense(digits)
    if any(
        s not in dict(access.offset.terms) and n > 1 for s, n in extents.items() if s[0] == "dim"
    ):
        return False
    return access.offset.constant == 0 and total is not None and min(total, limit) >= size


def _factor(form: Linear, terms: Mapping[Symbol, int]) -> int | None:
    """The number that times `form` is its symbols' part of the offset; None if there is none."""
    factors = {terms[s] // c if s in terms and terms[s] % c == 0 else None for s, c in form.terms}
    return factors.pop() if len(factors) == 1 else None


def _dense(digits: list[tuple[int, int]]) -> int | None:
    """How many consecutive numbers from 0 the digits count, each once; None if there are gaps."""
    place = 1
    for coefficient, extent in sorted(d for d in digits if d[1] != 1):
        if coefficient != place or extent <= 0:
            return None
        place *= extent
    return place


def covered(
    function: Function,
    aliases: Mapping[int, int],
    sizes: Mapping[int, int],
    scalars: Mapping[int, int | float | bool],
    grid: tuple[int, int, int],
) -> frozenset[int]:
    """Buffers of which one store of the kernel's outer block is proved to write every element."""
    reader = AccessReader(function, scalars, grid)
    found: set[int] = set()
    for node in function.body:
        if node.op == "store" and math.prod(grid) > 0:
            access = reader.store(node)
            if access is not None:
                buffer = aliases[access.parameter]
                if buffer in sizes and covers(access, grid, sizes[buffer]):
                    found.add(buffer)
    return frozenset(found)
