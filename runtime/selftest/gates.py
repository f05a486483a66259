"""What a chip has only on a new enough macOS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ...hwinfo import Capability, Cell

# Cell → the cell with the oldest macOS on which it is so.
GATES = {
    "tensor_ops": "tensor_ops_macos",
    "neural_accelerators": "neural_accelerators_macos",
}


def gated(row: Capability, macos: str) -> Capability:
    """`row` as it is under this macOS, such as "26.1": what needs a newer one is False, and says so.

    A version that is no number is older than all.
    """
    denied = {
        name: f"macOS {macos or 'unknown'} is older than {row.value(oldest)}"
        for name, oldest in GATES.items()
        if row.get(name, False) and row.get(oldest) and _numbers(macos) < _numbers(row.get(oldest))
    }
    return without(row, denied)


def without(row: Capability, denied: Mapping[str, str]) -> Capability:
    """`row` with these cells False; name → the reason, which becomes their source."""
    if not denied:
        return row
    cells = {name: Cell(False, why, verified=True) for name, why in sorted(denied.items())}
    return replace(row, cells={**row.cells, **cells})


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split(".")
    return tuple(map(int, parts)) if all(p.isdigit() for p in parts) else ()
