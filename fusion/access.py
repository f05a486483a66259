"""Access maps: which elements a pointer touches, as a linear form over the launch.

    offset = constant + sum of coefficient * symbol

Symbols are the program ids and the coordinates of the tile; the launch's scalars are numbers here, so every
coefficient is one. What is not linear (remainders, data) has no map; fusion/cover.py then evaluates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .graph import Function, Node, Value

Symbol = tuple[str, int]  # ("program", axis) or ("dim", tile dimension)


@dataclass(frozen=True, slots=True)
class Linear:
    """constant + sum of terms[symbol] * symbol; terms have no zero coefficients."""

    constant: int = 0
    terms: tuple[tuple[Symbol, int], ...] = ()

    def scaled(self, factor: int) -> Linear:
        if factor == 0:
            return Linear()
        return Linear(self.constant * factor, tuple((s, c * factor) for s, c in self.terms))

    def __add__(self, other: Linear) -> Linear:
        total = dict(self.terms)
        for symbol, coefficient in other.terms:
            total[symbol] = total.get(symbol, 0) + coefficient
        kept = sorted((s, c) for s, c in total.items() if c)
        return Linear(self.constant + other.constant, tuple(kept))


@dataclass(frozen=True, slots=True)
class AccessMap:
    """Elements of one buffer that a node touches: `offset`, where every bound holds (form < limit)."""

    parameter: int
    offset: Linear
    bounds: tuple[tuple[Linear, int], ...]
    shape: tuple[int, ...]


@dataclass(slots=True)
class AccessReader:
    """Linear forms of the values of a function for given scalar arguments."""

    function: Function
    scalars: Mapping[int, int | float | bool]
    grid: tuple[int, int, int]
    _nodes: dict[int, Node] = field(init=False)
    _params: dict[Value, int] = field(init=False)
    _memo: dict[tuple[Value, tuple[int, ...]], Linear | None] = field(init=False)

    def __post_init__(self) -> None:
        self._nodes = {n.id: n for n in self.function.body}
        self._params = {v: k for k, v in enumerate(self.function.body.args)}
        self._memo = {}

    def store(self, node: Node) -> AccessMap | None:
        """The map of a store of the function's own block; None if its address is not linear."""
        return self._access(node, 2)

    def load(self, node: Node) -> AccessMap | None:
        """The map of a load of the function's own block; None if its address is not linear."""
        return self._access(node, 1)

    def _access(self, node: Node, mask: int) -> AccessMap | None:
        shape = node.inputs[0].type.shape
        dims = tuple(range(len(shape)))
        found = self._pointer(node.inputs[0], dims)
        bounds = self._mask(node.inputs[mask], dims) if len(node.inputs) > mask else ()
        if found is None or bounds is None:
            return None
        return AccessMap(found[0], found[1], bounds, shape)

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
        if node.op not in ("add", "sub", "mul"):
            return None
        left, right = (self.linear(v, dims) for v in node.inputs)
        if left is None or right is None:
            return None
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


def covers(access: AccessMap, grid: tuple[int, int, int], size: int) -> bool:
    """True if the store provably writes elements 0 .. size - 1, all of them.

    Bounded forms become one index each; the offset must then be a mixed-radix number of the indexes.
    """
    extents: dict[Symbol, int] = {("program", k): n for k, n in enumerate(grid)}
    extents.update({("dim", k): n for k, n in enumerate(access.shape)})
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
