"""What the commands `targets`, `cache` and `install-triton` do and print."""

from __future__ import annotations

import json as json_module
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from .. import hwinfo
from ..hwinfo import Capability, Cell
from . import tables

SCHEMA = 1


class WrongUsage(Exception):
    """Arguments that the command cannot work with: exit code 2."""


def write_json(data: Mapping[str, Any], stream: TextIO) -> None:
    """One JSON object with the number of its schema."""
    stream.write(json_module.dumps({"schema": SCHEMA, **data}, indent=2) + "\n")


# heading → cell of the hardware table
_COLUMNS = {
    "cores": "cores",
    "TFLOPS": "fp32_tflops",
    "GB/s": "bandwidth_gbs",
    "KB": "threadgroup_memory_bytes",
    "bf16": "bfloat",
    "8x8": "simdgroup_matrix_half",
    "tensor": "tensor_ops",
    "accel": "neural_accelerators",
    "at64": "atomic_64",
    "fp64": "fp64",
}
_LEGEND = """
TFLOPS, GB/s  peak of fp32, and of memory, of the largest variant
KB            threadgroup (CUDA: static shared) memory of one threadgroup
8x8, tensor   simdgroup matrices; Metal 4 tensor operations
accel         neural accelerators in the GPU cores
at64          all atomics of 64-bit integers
?             not known
~             from the literature: not checked on the device by this project
python -m triton_mlx targets NAME shows all cells of a row, and where each comes from.
"""


def targets(name: str | None, json: bool, stream: TextIO) -> int:
    """The hardware table, or all cells of the row `name`. Raises UnknownChip."""
    if name is not None:
        return _one_row(hwinfo.find(name), json, stream)
    here, why_not = _here()
    rows = hwinfo.rows()
    if json:
        data = [_row_data(row) | {"here": row.name == here} for row in rows]
        write_json({"here": here, "rows": data, "sources": dict(hwinfo.sources())}, stream)
        return 0
    lines = [
        [row.name, *(_short(name, row.cell(name)) for name in _COLUMNS.values())] for row in rows
    ]
    tables.show(stream, ["name", *_COLUMNS], lines, right=range(1, len(_COLUMNS) + 1))
    stream.write(f"{_LEGEND}This machine: {here or why_not}.\n")
    return 0


def _here() -> tuple[str | None, str]:
    """The name of this machine's row, or None and the reason."""
    from .chip import current_chip

    try:
        return current_chip().name, ""
    except hwinfo.UnknownChip as error:
        return None, error.what


def _short(name: str, cell: Cell) -> str:
    if cell.value is None:
        return "?"
    value = int(cell.value) // 1024 if name.endswith("_bytes") else cell.value
    return _text(value) + ("" if cell.verified else "~")


def _text(value: hwinfo.Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _row_data(row: Capability) -> dict[str, Any]:
    cells = {
        name: {"value": cell.value, "source": cell.source, "verified": cell.verified}
        for name, cell in ((name, row.cell(name)) for name in hwinfo.FACTS)
    }
    return {"name": row.name, "backend": row.backend, "cells": cells}


def _one_row(row: Capability, json: bool, stream: TextIO) -> int:
    if json:
        write_json({"row": _row_data(row), "sources": dict(hwinfo.sources())}, stream)
        return 0
    lines = [
        [
            fact.name,
            "?" if cell.value is None else _text(cell.value),
            "" if cell.value is None else fact.unit,
            "" if cell.value is None else "checked" if cell.verified else "literature",
            "" if cell.value is None else hwinfo.sources().get(cell.source, cell.source),
        ]
        for fact, cell in ((fact, row.cell(fact.name)) for fact in hwinfo.FACTS.values())
    ]
    stream.write(f"{row.name} ({row.backend})\n")
    tables.show(stream, ("cell", "value", "unit", "status", "source"), lines, right=(1,))
    return 0


def cache_(action: str, json: bool, stream: TextIO) -> int:
    """`ls`: the entries; `clear`: remove them; `path`: where they are; `stats`: sums per kind."""
    from . import cache

    root = str(cache.root())
    if action == "path":
        if json:
            write_json({"path": root}, stream)
        else:
            stream.write(root + "\n")
        return 0
    if action == "clear":
        removed = cache.clear()
        if json:
            write_json({"path": root, "removed": removed}, stream)
        else:
            stream.write(f"removed {removed} {_entries(removed)} from {root}\n")
        return 0
    if action == "stats":
        return _cache_stats(root, json, stream)
    entries = cache.entries()
    total = sum(entry.bytes for entry in entries)
    if json:
        data = [entry._asdict() for entry in entries]
        write_json({"path": root, "bytes": total, "entries": data}, stream)
        return 0
    if entries:
        lines = [[e.kind, e.key, _size(e.bytes), _moment(e.mtime)] for e in entries]
        tables.show(stream, ("kind", "key", "size", "changed"), lines, right=(2,))
    stream.write(f"{len(entries)} {_entries(len(entries))}, {_size(total)}, in {root}\n")
    return 0


def _cache_stats(root: str, json: bool, stream: TextIO) -> int:
    from . import cache

    kinds: dict[str, dict[str, int]] = {}
    for entry in cache.entries():
        kind = kinds.setdefault(entry.kind, {"entries": 0, "bytes": 0})
        kind["entries"] += 1
        kind["bytes"] += entry.bytes
    total = {name: sum(k[name] for k in kinds.values()) for name in ("entries", "bytes")}
    if json:
        write_json({"path": root, "kinds": kinds, "all": total}, stream)
        return 0
    lines = [[k, str(v["entries"]), _size(v["bytes"])] for k, v in (kinds | {"all": total}).items()]
    tables.show(stream, ("kind", "entries", "size"), lines, right=(1, 2))
    return 0


def _entries(count: int) -> str:
    return "entry" if count == 1 else "entries"


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.1f} KB"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")


def install_triton(
    version: str, wheel: str | None, uninstall: bool, as_json: bool, stream: TextIO
) -> int:
    """Install or remove Triton's Python files. Raises NotInstalled or WrongWheel."""
    from .frontend import install
    from .frontend.wheel import LATEST

    if uninstall and (version or wheel):
        raise WrongUsage("--uninstall goes with neither --version nor --wheel")
    if uninstall:
        found, done = install.uninstall(), "uninstalled"
    else:
        source = Path(wheel) if wheel else None
        found, done = install.install(version or LATEST, source, sys.stderr), "installed"
    if as_json:
        write_json({"triton": found, "done": done}, stream)
    else:
        print(f"triton {found} is {done}", file=stream)
    return 0
