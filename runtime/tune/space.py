"""Which schedules of a kernel there are to try on a target."""

from __future__ import annotations

from ...fusion.graph import Function
from ...hwinfo import Capability
from ..native import cxx
from .search import Space

_ATOMICS = ("atomic_rmw", "atomic_cas")


def space(function: Function, row: Capability, grid: tuple[int, int, int]) -> Space:
    """Values of the fields of a schedule that can make a difference; whether they fit, lowering says."""
    if row.backend != "host":
        most = row.value("max_threads_per_threadgroup") // row.value("simd_width")
        return {"simdgroups": [1 << k for k in range(most.bit_length())]}
    found = {"vector_bits": list(cxx.vector_widths()), "axis": _axes(function, grid)}
    return {name: values for name, values in found.items() if values}


def _axes(function: Function, grid: tuple[int, int, int]) -> list[int]:
    """Axes with programs. None where programs may wait for each other: they count on those before them."""
    long = [k for k in range(3) if grid[k] > 1]
    if len(long) < 2 or any(n.op in _ATOMICS for n in function.body.walk()):
        return []
    return [k for k in long if k > 0]
