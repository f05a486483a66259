"""Layouts: which element of a tile each register of each lane of each simdgroup holds.

A layout is a linear map over GF(2). Tiles have power-of-two sizes; an element is named by its flattened
row-major index, and a layout gives, for every bit of (register, lane, simdgroup), the flattened index that
this bit contributes. The element at a position is the XOR of the contributions of the set bits; a zero
contribution means that the value is repeated along that bit. (Linear layouts: arXiv 2505.23819.)
A tile of one element has no bits at all: like a scalar, every thread holds it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import xor

from ..fusion.views import dim_ranges

Bases = tuple[int, ...]


def log2(n: int) -> int:
    return n.bit_length() - 1


@dataclass(frozen=True, slots=True)
class Layout:
    """Contributions of the bits of register, lane and simdgroup to the flattened element index."""

    shape: tuple[int, ...]
    register: Bases
    lane: Bases = ()
    simdgroup: Bases = ()

    @property
    def registers(self) -> int:
        """Registers (array elements) that every thread holds."""
        return 1 << len(self.register)

    def element(self, register: int, lane: int = 0, simdgroup: int = 0) -> int:
        """Flattened index of the element held there."""
        parts = ((self.register, register), (self.lane, lane), (self.simdgroup, simdgroup))
        return reduce(xor, (b for bases, n in parts for i, b in enumerate(bases) if n >> i & 1), 0)

    @property
    def bases(self) -> Bases:
        return self.register + self.lane + self.simdgroup

    def covers(self) -> bool:
        """True if every element of the tile is held somewhere."""
        return rank(self.bases) == log2(math.prod(self.shape))

    def moved(self, bits: Sequence[int | None], shape: tuple[int, ...]) -> Layout:
        """The layout of a value whose bit b is bit bits[b] of this tile; other bits repeat.

        Registers whose contribution vanishes are dropped, the rest are sorted, so that equal
        distributions compare equal.
        """
        back = {bit: 1 << b for b, bit in enumerate(bits) if bit is not None}

        def move(basis: int) -> int:
            return reduce(
                xor, (back.get(i, 0) for i in range(basis.bit_length()) if basis >> i & 1), 0
            )

        if math.prod(shape) == 1:
            return Layout(shape, ())
        registers = sorted(r for r in map(move, self.register) if r)
        return Layout(
            shape, tuple(registers), tuple(map(move, self.lane)), tuple(map(move, self.simdgroup))
        )

    def without_axis(self, axis: int) -> Layout:
        """The layout of a reduction's result: the axis is gone, its lanes and simdgroups repeat."""
        ranges = dim_ranges(self.shape)
        kept = [b for d in reversed(range(len(ranges))) if d != axis for b in ranges[d]]
        shape = self.shape[:axis] + self.shape[axis + 1 :]
        return self.moved(kept, shape)


def blocked(
    shape: tuple[int, ...], simdgroups: int, vector: int = 4, fastest: int | None = None
) -> Layout:
    """Rows of consecutive elements over the lanes, then simdgroups; what is left goes to registers.

    `vector`: consecutive elements that one thread holds, where the tile is large enough.
    `fastest`: the dimension along which elements are consecutive, if it is not the last.
    With simdgroups = 0 (the host: one thread does the whole program) all bits are register bits.
    """
    bits = [1 << b for b in range(log2(math.prod(shape)))]
    if fastest is not None and simdgroups:
        own = [1 << b for b in dim_ranges(shape)[fastest]]
        bits = own + [b for b in bits if b not in own]
    if simdgroups == 0 or not bits:
        return Layout(shape, tuple(bits))
    lanes, groups = 5, log2(simdgroups)
    spare = max(0, len(bits) - lanes - groups)
    low = min(log2(vector), spare)
    lane = bits[low : low + lanes]
    group = bits[low + lanes : low + lanes + groups]
    register = bits[:low] + bits[low + lanes + groups :]
    return Layout(shape, tuple(sorted(register)), _padded(lane, lanes), _padded(group, groups))


def _padded(bases: Iterable[int], count: int) -> Bases:
    found = tuple(bases)
    return found + (0,) * (count - len(found))


def rank(vectors: Iterable[int]) -> int:
    """Rank over GF(2)."""
    return len(_echelon(vectors))


def _echelon(vectors: Iterable[int]) -> dict[int, int]:
    pivots: dict[int, int] = {}
    for v in vectors:
        while v:
            top = v.bit_length() - 1
            if top not in pivots:
                pivots[top] = v
                break
            v ^= pivots[top]
    return pivots


def solve(columns: Sequence[int], target: int) -> int | None:
    """A mask m with XOR of columns[i] over the set bits of m equal to `target`, or None."""
    pivots: dict[int, tuple[int, int]] = {}
    for i, column in enumerate(columns):
        mask = 1 << i
        while column:
            top = column.bit_length() - 1
            if top not in pivots:
                pivots[top] = (column, mask)
                break
            column ^= pivots[top][0]
            mask ^= pivots[top][1]
    found = 0
    while target:
        top = target.bit_length() - 1
        if top not in pivots:
            return None
        target ^= pivots[top][0]
        found ^= pivots[top][1]
    return found
