"""Which part of each array a launch touches: every element once, however often it is loaded or stored.

Accesses whose linear form covers the array are known at once. Others are evaluated for every program, up to
a limit of work. What depends on data, or is too much, counts as the whole array and is said to be no more.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .. import cover
from ..access import covers
from ..cover import Array
from ..graph import Node
from .codes import Refusal
from .records import NOT_WRITTEN, Launch
from .walk import Site, reader_of, sites
from .walker import Walker

_MOST_WORK = 1 << 24  # elements evaluated: a fraction of a second
_Key = tuple[int, str]  # slot, "load" or "store"


@dataclass(frozen=True, slots=True)
class Touched:
    """Elements of one array that are loaded, and that are stored. Not `exact`: no more than these."""

    loaded: int
    stored: int
    exact: bool


@functools.lru_cache(maxsize=512)
def touched(launch: Launch) -> tuple[Touched, ...]:
    """For each array of `launch`."""
    found = _plain_sites(launch)
    if found is None:
        return tuple(
            Touched(b.elements, b.elements if b.after != NOT_WRITTEN else 0, False)
            for b in launch.buffers
        )
    groups: dict[_Key, list[Site]] = {}
    for site in found:
        groups.setdefault((site.slot, site.node.op), []).append(site)
    whole = {k for k, group in groups.items() if any(_covers(launch, s) for s in group)}
    rest = {s.node.id: k for k, group in groups.items() if k not in whole for s in group}
    counts = _evaluated(launch, rest) if rest else {}

    def elements(slot: int, op: str) -> tuple[int, bool]:
        if (slot, op) not in groups:
            return 0, True
        count = counts.get((slot, op))
        known = (slot, op) in whole or count is not None
        return launch.buffers[slot].elements if count is None else count, known

    made = []
    for slot in range(len(launch.buffers)):
        (loaded, first), (stored, second) = elements(slot, "load"), elements(slot, "store")
        made.append(Touched(loaded, stored, first and second))
    return tuple(made)


def _plain_sites(launch: Launch) -> tuple[Site, ...] | None:
    """Loads and stores; None where there are other accesses, or pointers of unknown origin."""
    if any(n.op.startswith("atomic") for n in launch.function.body.walk()):
        return None
    try:
        return sites(launch)
    except Refusal:
        return None


def _covers(launch: Launch, site: Site) -> bool:
    if not site.outer:
        return False
    reader = reader_of(launch)
    access = reader.load(site.node) if site.node.op == "load" else reader.store(site.node)
    elements = launch.buffers[site.slot].elements
    return access is not None and covers(access, launch.grid, elements)


def _evaluated(launch: Launch, wanted: Mapping[int, _Key]) -> dict[_Key, int]:
    """Elements touched by the accesses `wanted` (node → array); without those that are not known."""
    sizes = {key: launch.buffers[key[0]].elements for key in wanted.values()}
    if sum(sizes.values()) > _MOST_WORK:
        return {}
    found = _Touches(launch, wanted, sizes)
    return {k: int(hit.sum()) for k, hit in found.hits.items() if k not in found.unknown}


class _Touches(Walker):
    """Marks the elements that some nodes access; `unknown`: where that cannot be told."""

    most_work = _MOST_WORK

    def __init__(self, launch: Launch, wanted: Mapping[int, _Key], sizes: Mapping[_Key, int]):
        super().__init__(launch, wanted)
        self.wanted = wanted
        self.hits: dict[_Key, Array] = {k: np.zeros(n, bool) for k, n in sizes.items()}
        self.unknown: set[_Key] = set()
        if not self.walk():
            self.unknown |= set(self.hits)

    def touch(self, node: Node, active: Array) -> None:
        key = self.wanted[node.id]
        if key in self.unknown:
            return
        try:
            places = self.places(node, 1 if node.op == "load" else 2, active)[1]
        except cover._NotProvable:
            if self.work > self.most_work:
                raise
            self.unknown.add(key)
            return
        hit = self.hits[key]
        hit[places[(places >= 0) & (places < hit.size)]] = True
