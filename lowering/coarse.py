"""Fewer, longer loops: neighbouring dimensions that no value tells apart become one dimension.

A tile of rank 10 (sort and topk are made of such) would be ten nested loops of two iterations each. Elements
are named by their flattened index, so a layout stays the same under any shape of that index; what matters is
where a value sees one of two neighbouring dimensions but not the other, or sees them in another order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ..fusion.graph import Value
from ..fusion.ops import OPS
from ..fusion.views import Bits, dim_ranges, identity, input_bits
from .layout import Layout
from .values import Values


def coarse(layout: Layout, values: Values, reads: Iterable[Value], axes: Iterable[int]) -> Layout:
    """`layout` over as few dimensions as `reads` allow. The dimensions `axes` stay on their own."""
    if len(layout.shape) < 2:
        return layout
    ranges = dim_ranges(layout.shape)
    borders = {r.start for r in ranges if r and r.start}
    kept = {edge for axis in axes for edge in (ranges[axis].start, ranges[axis].stop)}
    seen: set[tuple[Value, Bits]] = set()
    for value in reads:
        if value.type.shape == layout.shape:
            for bits in _seen_bits(values, value, identity(layout.shape), seen):
                kept |= _breaks(bits, borders - kept)
    return replace(layout, shape=_shape(borders & kept, ranges[0].stop if ranges else 0))


def merged_axis(fine: tuple[int, ...], merged: tuple[int, ...], axis: int) -> int:
    """The dimension of `merged` that has the bits of dimension `axis` of `fine`; -1 if it has none."""
    own = dim_ranges(fine)[axis]
    return dim_ranges(merged).index(own) if own else -1


def _shape(cuts: set[int], stop: int) -> tuple[int, ...]:
    edges = [0, *sorted(cuts), stop]
    return tuple(1 << high - low for low, high in zip(edges, edges[1:]))[::-1]


def _breaks(bits: Bits, borders: set[int]) -> set[int]:
    """Borders where this reader would see a merged dimension in pieces."""
    place = {bit: k for k, bit in enumerate(bits)}
    found = set()
    for border in borders:
        low, high = place.get(border - 1), place.get(border)
        together = low is None and high is None
        if not together and (low is None or high is None or high != low + 1):
            found.add(border)
    return found


def _seen_bits(
    values: Values, value: Value, bits: Bits, seen: set[tuple[Value, Bits]]
) -> Iterator[Bits]:
    """The bits through which `value` reads stored tiles and ranges."""
    if (value, bits) in seen or not bits:
        return
    seen.add((value, bits))
    node = None if value in values.parameters else values.node(value)
    if node is None or not values.is_derived(value) or node.op == "range":
        yield bits
        return
    inner = input_bits(node, bits) if OPS[node.op].kind == "shape" else bits
    for operand in node.inputs:
        yield from _seen_bits(values, operand, inner if operand.type.shape else (), seen)
