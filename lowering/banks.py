"""Where a tile's elements go in threadgroup memory, so that the lanes of a simdgroup meet in few banks.

Apple does not describe the banks. The model is the one by which the simulator counts
(runtime/simulator/together.cpp): 32 banks of 4 bytes, each gives one word at a time, and accesses wider than a
word go in as many parts.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

BANKS, BANK_BYTES = 32, 4
_MOST_PAD = 16  # elements; more space than that is not worth a turn


@dataclass(frozen=True, slots=True)
class Place:
    """Element (row, column) of a tile is at row * stride + column; `turned`: at column * stride + row."""

    stride: int
    turned: bool

    def index(self, row: int, column: int) -> int:
        return column * self.stride + row if self.turned else row * self.stride + column

    def text(self, row: str, column: str) -> str:
        return (
            f"{column} * {self.stride} + {row}"
            if self.turned
            else f"{row} * {self.stride} + {column}"
        )


@dataclass(frozen=True, slots=True)
class Use:
    """One kind of access: `count` of them by each simdgroup, whose lanes are at `lanes` (row, column).

    `width`: neighbours along (0: rows, 1: columns) `along` that one access takes, where they are neighbours in
    memory; else as many accesses of one element.
    """

    lanes: tuple[tuple[int, int], ...]
    count: int
    width: int
    along: int


def turns(addresses: Sequence[int], width: int) -> int:
    """Words that the busiest bank gives, for accesses of `width` bytes of the lanes at `addresses`."""
    parts = max(1, width // BANK_BYTES)
    size = max(1, len(addresses) // parts)
    total = 0
    for start in range(0, len(addresses), size):
        words = {
            (a + done) // BANK_BYTES
            for a in addresses[start : start + size]
            for done in range(0, width, BANK_BYTES)
        }
        banks = [w % BANKS for w in words]
        total += max(banks.count(b) for b in set(banks))
    return total


@functools.lru_cache(maxsize=4096)
def cost(place: Place, use: Use, element_bytes: int) -> int:
    """Turns of all accesses of `use` by one simdgroup."""
    addresses = [place.index(r, c) * element_bytes for r, c in use.lanes]
    if use.width > 1 and use.along == (0 if place.turned else 1):
        return use.count * turns(addresses, use.width * element_bytes)
    return use.count * use.width * turns(addresses, element_bytes)


def best(
    shape: tuple[int, int], uses: Sequence[Use], element_bytes: int, fits: Callable[[int], bool]
) -> Place:
    """The place with fewest turns of those whose size in bytes `fits`; of equals the smallest.

    Vectors stay aligned: rows are whole multiples of the widest.
    """
    step = max(use.width for use in uses)
    found = [
        Place(minor + pad, turned)
        for turned, (major, minor) in ((False, shape), (True, shape[::-1]))
        for pad in range(0, _MOST_PAD + 1, step)
        if fits(major * (minor + pad) * element_bytes)
    ]
    plain = Place(shape[1], False)
    return min(
        found or [plain],
        key=lambda p: (sum(cost(p, u, element_bytes) for u in uses), p.turned, p.stride),
    )
