"""Which schedules of a kernel there are to try on a target: rows of lowering/tunables.py."""

from __future__ import annotations

from ...fusion.graph import Function
from ...hwinfo import Capability
from ...lowering.record import Costs
from ...lowering.tunables import Site, choices
from ..native import cxx
from .search import Space


def space(function: Function, row: Capability, grid: tuple[int, int, int], costs: Costs) -> Space:
    """Values of the fields of a schedule that can make a difference. `costs`: of the model's choice."""
    widths = tuple(cxx.vector_widths()) if row.backend == "host" else ()
    return dict(choices(Site(function, row, grid, costs, widths)))
