"""What each device can do, as data: rows of cells, each with its source. Imports nothing of ours.

`find("M3 Max").value("simd_width")` is 32; `find("M3 Pro").get("slc_mb")` is None: nobody knows.
"""

from __future__ import annotations

from .capability import Backend, Capability, Cell, HardwareTableError, UnknownCapability
from .detect import UnknownChip, detect, find
from .facts import FACTS, Fact, Value
from .table import BadTable, rows, sources

__all__ = [
    "FACTS",
    "Backend",
    "BadTable",
    "Capability",
    "Cell",
    "Fact",
    "HardwareTableError",
    "UnknownCapability",
    "UnknownChip",
    "Value",
    "detect",
    "find",
    "rows",
    "sources",
]
