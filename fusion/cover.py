"""Proof that a launch writes whole buffers: its store addresses, evaluated over the concrete grid.

Addresses and masks are computed by numpy for many programs at once (a leading axis), with the launch's real
scalars, so that any program-id arithmetic counts: swizzles, groups, remainders. What depends on memory, or
is too much work, is not proved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from . import semantics
from .graph import Function, Graph, Node, Value
from .masks import address_conditions

Array = npt.NDArray[Any]
MAX_WORK = 1 << 26  # elements evaluated before giving up
_CHUNK = 1 << 18  # elements of one tile times programs evaluated at once
_STEP = 1 << 11  # a numpy call on few elements costs as much as one on this many


class _NotProvable(Exception):
    """An address depends on something that is only known when the kernel runs."""


def covered(
    function: Function,
    stored: frozenset[int],
    aliases: Mapping[int, int],
    sizes: Mapping[int, int],
    scalars: Mapping[int, int | float | bool],
    grid: tuple[int, int, int],
) -> frozenset[int]:
    """The buffers among `stored` of which the launch is proved to write every element.

    Buffers are named by the index of the parameter that stands for them; `aliases` maps every pointer
    parameter to that index; `sizes`: elements per buffer; `scalars`: values of scalar parameters.
    """
    proof = _Proof(function, aliases, sizes, scalars, grid)
    return frozenset(b for b in proof.run() if b in stored)


def visited(
    function: Function,
    stored: frozenset[int],
    aliases: Mapping[int, int],
    sizes: Mapping[int, int],
    scalars: Mapping[int, int | float | bool],
    grid: tuple[int, int, int],
) -> frozenset[int]:
    """The buffers among `stored` of which one store of the launch has every element in turn, once.

    It may then be for the element's value to decide whether it is stored (fusion/masks.py): no other
    thread has that element.
    """
    proof = _Visits(function, aliases, sizes, scalars, grid)
    return frozenset(b for b in proof.run() if b in stored)


class _Proof:
    """Addresses of a launch's stores, computed for many programs at once."""

    most_work = MAX_WORK

    def __init__(
        self,
        function: Function,
        aliases: Mapping[int, int],
        sizes: Mapping[int, int],
        scalars: Mapping[int, int | float | bool],
        grid: tuple[int, int, int],
    ):
        self.body, self.aliases, self.grid = function.body, aliases, grid
        self.nodes = {n.id: n for n in self.body.walk()}
        self.params = {v: k for k, v in enumerate(self.body.args)}
        self.scalars = scalars
        self.hit = {b: np.zeros(n, bool) for b, n in sizes.items()}
        self.failed: set[int] = set()
        self.work = 0
        self.env: dict[Value, Array] = {}
        self.programs: tuple[Array, Array, Array] = (np.zeros(1), np.zeros(1), np.zeros(1))

    def run(self) -> list[int]:
        """Buffers that are written whole."""
        tile = max([n.inputs[0].type.size for n in self.body.walk() if n.op == "store"], default=1)
        try:
            for numbers in self.chunks(tile):
                self.chunk(numbers)
        except _NotProvable:
            return []
        return [b for b, hit in self.hit.items() if b not in self.failed and bool(hit.all())]

    def chunks(self, tile: int) -> Iterator[Array]:
        """Numbers of all programs, as many at once as are good for tiles of `tile` elements."""
        count, step = int(np.prod(self.grid, dtype=np.int64)), max(1, _CHUNK // tile)
        for begin in range(0, count, step):
            yield np.arange(begin, min(begin + step, count))

    def chunk(self, numbers: Array) -> None:
        self.start(numbers)
        self.graph(self.body, np.ones(1, bool))

    def start(self, numbers: Array) -> None:
        """Values are from now on those of the programs with these numbers."""
        x, y, _ = self.grid
        self.programs = (numbers % x, numbers // x % y, numbers // (x * y))
        self.env = {
            v: semantics.as_type(np.asarray(self.scalars[k]), v.type.scalar).reshape(1)
            for v, k in self.params.items()
            if k in self.scalars
        }

    def graph(self, graph: Graph, active: Array) -> None:
        for node in graph:
            if node.op == "store":
                self.store(node, active)
            elif node.regions and any(n.op == "store" for r in node.regions for n in r.walk()):
                self.control(node, active)

    def control(self, node: Node, active: Array) -> None:
        if node.op == "if":
            condition = self.value(node.inputs[0])
            for region, chosen in zip(node.regions, (condition, ~condition)):
                self.graph(region, active & chosen)
            return
        if node.op != "for":
            raise _NotProvable
        lower, upper, step = (self.value(v).astype(np.int64) for v in node.inputs[:3])
        if not bool((step > 0).all()):
            raise _NotProvable
        trips = int((-((lower - upper) // step)).max())
        body = node.regions[0]
        inner = {v for n in body.walk() for v in n.outputs} | set(body.args)
        for trip in range(trips):
            self._spend(0)
            for v in inner:
                self.env.pop(v, None)
            at = lower + trip * step  # bounds may differ between programs
            self.env[body.args[0]] = semantics.as_type(at, body.args[0].type.scalar)
            self.graph(body, active & (at < upper))

    def store(self, node: Node, active: Array) -> None:
        try:
            base, places = self.places(node, 2, active)
        except _NotProvable:
            if self.work > self.most_work:
                raise
            self._fail(node)
            return
        hit = self.hit.get(base)
        if hit is None:
            return
        if places.size and (places.min() < 0 or places.max() >= hit.size):
            self.failed.add(base)
            return
        self.reach(base, hit, places)

    def mask(self, node: Node, at: int) -> Array:
        """Where an access happens; `at`: which input its mask is, if it has one."""
        return self.value(node.inputs[at]) if len(node.inputs) > at else np.ones(1, bool)

    def reach(self, base: int, hit: Array, places: Array) -> None:
        """Note that these elements are stored."""
        hit[places] = True

    def places(self, node: Node, mask_at: int, active: Array) -> tuple[int, Array]:
        """(buffer, elements of it that `node` accesses); `mask_at`: which input its mask is."""
        base, offset = self.pointer(node.inputs[0])
        rank = len(node.inputs[0].type.shape)
        mask = self.mask(node, mask_at) & active.reshape(active.shape[:1] + (1,) * rank)
        shape = np.broadcast_shapes(offset.shape, mask.shape, self._full_shape(node))
        self._spend(int(np.prod(shape, dtype=np.int64)))
        return base, np.broadcast_to(offset, shape)[np.broadcast_to(mask, shape)]

    def _full_shape(self, node: Node) -> tuple[int, ...]:
        return (1, *node.inputs[0].type.shape)

    def _fail(self, node: Node) -> None:
        """The store's buffer is not proved; other buffers still may be."""
        pointer = node.inputs[0]
        while pointer not in self.params:
            if pointer.node not in self.nodes:
                raise _NotProvable
            pointer = self.nodes[pointer.node].inputs[0]
        self.failed.add(self.aliases[self.params[pointer]])

    def _spend(self, elements: int) -> None:
        self.work += max(elements, _STEP)
        if self.work > self.most_work:
            raise _NotProvable

    def pointer(self, value: Value) -> tuple[int, Array]:
        """(buffer, offsets in elements)."""
        if value in self.params:
            return self.aliases[self.params[value]], np.zeros(1, np.int64)
        node = self._made(value)
        if node.op == "addptr":
            base, offset = self.pointer(node.inputs[0])
            return base, offset + self.value(node.inputs[1]).astype(np.int64)
        if node.op == "bitcast" and node.inputs[0].type.scalar.bytes == value.type.scalar.bytes:
            return self.pointer(node.inputs[0])
        if node.op in _SHAPES:
            base, offset = self.pointer(node.inputs[0])
            return base, _SHAPES[node.op](node, offset)
        raise _NotProvable

    def _made(self, value: Value) -> Node:
        if value.node not in self.nodes:
            raise _NotProvable
        return self.nodes[value.node]

    def value(self, value: Value) -> Array:
        """`value` for all programs of the chunk: an array with a leading axis of programs (or 1)."""
        if value not in self.env:
            self.env[value] = self._compute(value)
        return self.env[value]

    def _compute(self, value: Value) -> Array:
        node = self._made(value)
        shape = value.type.shape
        if node.op == "const":
            number = semantics.as_type(np.asarray(node.attr("value")), value.type.scalar)
            return number.reshape((1,) * (1 + len(shape)))
        if node.op == "program_id":
            return self.programs[node.attr("axis")].astype(np.int32)
        if node.op == "num_programs":
            return np.asarray([self.grid[node.attr("axis")]], np.int32)
        if node.op == "range":
            return np.arange(node.attr("start"), node.attr("end"), dtype=np.int32)[None]
        if node.op in _SHAPES:
            return _SHAPES[node.op](node, self.value(node.inputs[0]))
        if node.op not in semantics.RULES:
            raise _NotProvable
        found = semantics.apply(node, *(self.value(v) for v in node.inputs))
        self._spend(found.size)
        return found


class _Visits(_Proof):
    """Elements that a store has in turn, each of them once."""

    def mask(self, node: Node, at: int) -> Array:
        found = np.ones(1, bool)
        if len(node.inputs) > at:
            for condition in address_conditions(node.inputs[at], lambda v: self.nodes.get(v.node)):
                found = found & self.value(condition)
        return found

    def reach(self, base: int, hit: Array, places: Array) -> None:
        if np.unique(places).size != places.size or bool(hit[places].any()):
            self.failed.add(base)
        hit[places] = True


def _reshape(node: Node, a: Array) -> Array:
    inner, outer = node.inputs[0].type.shape, node.types[0].shape
    return np.broadcast_to(a, (a.shape[0], *inner)).reshape((a.shape[0], *outer))


# Arrays may keep an axis of length 1 for one that is broadcast; numpy puts it right where it matters.
_SHAPES: dict[str, Callable[[Node, Array], Array]] = {
    "splat": lambda node, a: a.reshape(a.shape[:1] + (1,) * len(node.types[0].shape)),
    "broadcast": lambda node, a: a,
    "expand_dims": lambda node, a: np.expand_dims(a, node.attr("axis") + 1),
    "trans": lambda node, a: a.transpose(0, *(d + 1 for d in node.attr("order"))),
    "reshape": _reshape,
}


def evaluated(
    function: Function,
    slots: Mapping[int, int],
    scalars: Mapping[int, int | float | bool],
    grid: tuple[int, int, int],
    pointers: Sequence[Value],
    mask: Value | None,
    tile: int,
    programs: int | None = None,
) -> list[tuple[list[Array], Array]] | None:
    """Chunks of (offsets of each pointer, mask), all of one shape with a leading axis of programs.

    `programs`: only of the first so many. None if they depend on memory, or are too much work.
    """
    proof = _Proof(function, slots, {}, scalars, grid)
    count, chunks = int(np.prod(grid, dtype=np.int64)), []
    count = count if programs is None else min(count, programs)
    step = max(1, _CHUNK // tile)
    try:
        for begin in range(0, count, step):
            numbers = np.arange(begin, min(begin + step, count))
            proof.start(numbers)
            found = [proof.pointer(p)[1] for p in pointers]
            active = np.ones(1, bool) if mask is None else proof.value(mask)
            shape = np.broadcast_shapes(
                (len(numbers), *max((p.type.shape for p in pointers), key=len)),
                *(f.shape for f in found),
                active.shape,
            )
            proof._spend(int(np.prod(shape, dtype=np.int64)))
            chunks.append(
                ([np.broadcast_to(f, shape) for f in found], np.broadcast_to(active, shape))
            )
    except (_NotProvable, ValueError):
        return None
    return chunks


class Programs:
    """Values of a launch that are the same in all threads of a program, for many programs at once."""

    def __init__(
        self,
        function: Function,
        scalars: Mapping[int, int | float | bool],
        grid: tuple[int, int, int],
        numbers: Array,
    ):
        self._proof = _Proof(function, {}, {}, scalars, grid)
        self._proof.start(numbers)

    def value(self, value: Value) -> Array | None:
        """One number per program, or one for all; None if it depends on memory or on a loop."""
        try:
            return self._proof.value(value)
        except (_NotProvable, ValueError):
            return None
