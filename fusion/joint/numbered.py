"""Accesses of kernels that number their tiles in an order of their own: groups, swizzles, remainders.

What a program's number becomes is evaluated for every program, and is a number for each of them. If those are
the places of a box, each once, then the access is that of a launch whose grid is this box; the coordinates of
the tile stay symbols, so the work grows with programs and not with elements.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from ..access import AccessMap, AccessReader, covers
from ..cover import Array, Programs
from ..graph import Node, Value
from ..linear import Linear
from .records import Launch
from .walk import Site, few, mask_of, places

_MOST_PROGRAMS = 1 << 17
_AXES = 3  # of a grid


def is_permutation(launch: Launch, site: Site) -> bool:
    """True if a store is proved to have elements 0 .. n - 1 of its array, each once.

    Raises Refusal where all addresses would have to be evaluated and are too many.
    """
    return _numbered(launch, site) or _evaluated(launch, site)


def _evaluated(launch: Launch, site: Site) -> bool:
    elements = launch.buffers[site.slot].elements
    if not site.outer:
        return False
    pointer, mask = site.node.inputs[0], mask_of(site.node)
    if not _counts(places(launch, [pointer], mask, few(pointer.type.size)), elements, 1):
        return False
    return _counts(places(launch, [pointer], mask), elements, elements)


def _counts(found: list[tuple[list[Array], Array]] | None, elements: int, at_least: int) -> bool:
    """True if no element is touched twice or outside of the array, and as many are as there should be."""
    counts = np.zeros(elements, np.int8)
    for (offsets,), active in found or ():
        chosen = offsets[active]
        if chosen.size and (chosen.min() < 0 or chosen.max() >= elements):
            return False
        if np.unique(chosen).size != chosen.size or bool(counts[chosen].any()):
            return False
        counts[chosen] = 1
    return int(counts.sum(dtype=np.int64)) >= at_least


def _numbered(launch: Launch, site: Site) -> bool:
    """True if the numbers of programs prove it."""
    reader = _reader_of(launch)
    if reader is None or not site.outer:
        return False
    access = reader.load(site.node) if site.node.op == "load" else reader.store(site.node)
    if access is None or not reader.is_box(math.prod(launch.grid)):
        return False
    elements = launch.buffers[site.slot].elements
    return covers(access, reader.grid, elements) and _each_once(access, reader.grid)


def same_places(launch: Launch, pointer: Value, mask: Value | None, store: Node) -> bool:
    """True if linear forms, or the numbers of programs, prove that these are the store's addresses.

    `mask` must be active only where the store is.
    """
    plain = AccessReader(launch.function, launch.scalars, launch.grid)
    if plain.same_places(pointer, mask, store):
        return True
    reader = _reader_of(launch)
    return reader is not None and reader.same_places(pointer, mask, store)


def _reader_of(launch: Launch) -> _Reader | None:
    programs = math.prod(launch.grid)
    if not 0 < programs <= _MOST_PROGRAMS:
        return None
    reader = _Reader(launch.function, launch.scalars, (1, 1, 1))
    numbers = np.arange(programs)
    reader.programs = Programs(launch.function, launch.scalars, launch.grid, numbers)
    return reader


def _each_once(access: AccessMap, grid: tuple[int, int, int]) -> bool:
    used = {s for s, _ in access.offset.terms}
    return all(n == 1 or s in used for s, n in access.extents(grid).items())


@dataclass(slots=True)
class _Reader(AccessReader):
    """A scalar that differs between programs is constant + step * an axis of `grid`, which grows with axes."""

    programs: Programs | None = None
    axes: list[Array] = field(default_factory=list)

    def is_box(self, programs: int) -> bool:
        """True if the axes name every program in one way, and there is a program for each place."""
        if math.prod(self.grid) != programs:
            return False
        index = np.zeros(programs, np.int64)
        for axis, extent in zip(self.axes, self.grid):
            index = index * extent + axis
        return bool((np.bincount(index, minlength=programs) == 1).all())

    def _read(self, value: Value, dims: tuple[int, ...]) -> Linear | None:
        if value.type.shape or value.type.is_float:
            return AccessReader._read(self, value, dims)
        found = self.programs.value(value) if self.programs else None
        if found is None:
            return None
        numbers = found.astype(np.int64).reshape(-1)
        low = int(numbers.min())
        step = int(np.gcd.reduce(numbers - low))
        if step == 0:
            return Linear(low)
        axis = self._axis((numbers - low) // step)
        return None if axis is None else Linear(low, ((("program", axis), step),))

    def _axis(self, numbers: Array) -> int | None:
        for k, known in enumerate(self.axes):
            if np.array_equal(known, numbers):
                return k
        if len(self.axes) == _AXES:
            return None
        self.axes.append(numbers)
        x, y, z = (*(int(a.max()) + 1 for a in self.axes), 1, 1)[:_AXES]
        self.grid = (x, y, z)
        return len(self.axes) - 1
