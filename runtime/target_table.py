"""The hardware table for people and as JSON: `python -m triton_mlx targets`."""

from __future__ import annotations

from typing import Any, TextIO

from .. import hwinfo
from .console import table

# The columns of the short table: cell -> heading.
_KEY_CELLS = {
    "gpu_family": "family",
    "cores": "cores",
    "fp32_tflops": "fp32 TFLOP/s",
    "bandwidth_gbs": "GB/s",
    "threadgroup_memory_bytes": "threadgroup bytes",
    "simd_width": "simd",
    "simdgroup_matrix_half": "8x8 matrix",
    "neural_accelerators": "neural acc.",
    "fp64": "fp64",
}
UNKNOWN, UNVERIFIED = "?", "*"
_CAPTION = (
    f"{UNKNOWN} not known   {UNVERIFIED} from its source, not checked on the device by this project"
    "\nOf a chip sold in several sizes: the largest. All cells of one row, with their sources: "
    'python -m triton_mlx targets "M3 Max"\n'
)


def write_all(stream: TextIO) -> None:
    """All rows with their key cells."""
    rows = [
        (row.name, row.backend, *[_text(row.cell(name)) for name in _KEY_CELLS])
        for row in hwinfo.rows()
    ]
    table(("name", "backend", *_KEY_CELLS.values()), rows, stream)
    stream.write(_CAPTION)


def write_row(chip: str, stream: TextIO) -> None:
    """Every cell of one row with its source. Raises hwinfo.UnknownChip."""
    row = hwinfo.find(chip)
    sources = hwinfo.sources()
    stream.write(f"{row.name} ({row.backend})\n")
    lines = []
    for name, fact in hwinfo.FACTS.items():
        cell = row.cell(name)
        source = "" if cell.value is None else sources.get(cell.source, cell.source)
        lines.append((name, _text(cell), fact.unit, source))
    table(("cell", "value", "unit", "source"), lines, stream)
    stream.write(_CAPTION.splitlines(keepends=True)[0])


def as_dict(chip: str | None) -> dict[str, Any]:
    """The rows, or the one of `chip`, as JSON values: unknown cells are null."""
    rows = [hwinfo.find(chip)] if chip else list(hwinfo.rows())
    return {"sources": dict(hwinfo.sources()), "rows": [_row(row) for row in rows]}


def _row(row: hwinfo.Capability) -> dict[str, Any]:
    cells = {}
    for name in hwinfo.FACTS:
        cell = row.cell(name)
        cells[name] = {"value": cell.value, "source": cell.source, "verified": cell.verified}
    return {"name": row.name, "backend": row.backend, "verified": row.verified, "cells": cells}


def _text(cell: hwinfo.Cell) -> str:
    if cell.value is None:
        return UNKNOWN
    value = ("no", "yes")[cell.value] if isinstance(cell.value, bool) else str(cell.value)
    return value if cell.verified else value + UNVERIFIED
