"""Which row of the table a device is.

Nothing here asks the device: the caller passes what `mlx.core.device_info()` said.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from .capability import Capability, HardwareTableError
from .table import group, rows


class UnknownChip(HardwareTableError):
    """A device or a name that the table has no row for."""

    code = "UNKNOWN_CHIP"


def find(name: str) -> Capability:
    """The row of this name, "M3 Max" or "cuda 9.0"; case, spaces and "Apple" do not matter.

    Raises UnknownChip, which lists close names.
    """
    by_key = {_key(row.name): row for row in rows()}
    found = by_key.get(_key(name))
    if found is not None:
        return found
    close = difflib.get_close_matches(_key(name), by_key, n=4, cutoff=0.5)
    names = [by_key[key].name for key in close] or [row.name for row in rows()]
    raise UnknownChip(
        f"no chip named {name!r} in the hardware table",
        why="python -m triton_mlx targets lists all rows",
        hint=", ".join(names),
    )


def detect(device_info: Mapping[str, Any] | None) -> Capability:
    """The row of a device, from a mapping like mlx.core.device_info()'s.

    It reads "device_name" ("Apple M4 Pro"), "architecture" ("applegpu_g16s") and, for CUDA,
    "compute_capability_major" and "..._minor" or architecture "sm_90". None, an empty mapping or a
    CPU gives the host row. An Apple chip newer than the table ("Apple M9") gives a row of its name
    with only the cells that all Apple GPUs of the table share. Raises UnknownChip for other GPUs.
    """
    info = device_info or {}
    name, architecture = str(info.get("device_name", "")), str(info.get("architecture", ""))
    if architecture.startswith("applegpu") or (name.startswith("Apple M") and not architecture):
        return _apple(name, architecture)
    capability = _compute_capability(info, architecture)
    if capability:
        return find(f"cuda {capability}")
    return find("host")


def _apple(name: str, architecture: str) -> Capability:
    chip = re.fullmatch(r"Apple (M(\d+)( Pro| Max| Ultra)?)", name.strip())
    if chip is None:
        return _by_architecture(name, architecture)
    row = next((row for row in rows() if _key(row.name) == _key(chip[1])), None)
    return row or Capability(chip[1], "metal", group("apple"))


def _by_architecture(name: str, architecture: str) -> Capability:
    """The only row with this architecture ("applegpu_g15d"), where the name says nothing."""
    short = architecture.removeprefix("applegpu_")
    same = [row for row in rows() if row.get("architecture") == short]
    if len(same) == 1:
        return same[0]
    raise UnknownChip(
        f"Apple GPU {name!r} ({architecture or 'no architecture'}) is not in the hardware table",
        why=f"{len(same)} rows have this architecture" if same else "no row is like it",
        hint="set TRITON_MLX_CHIP to the row to be used, such as "
        + (", ".join(row.name for row in same) or "M1"),
    )


def _compute_capability(info: Mapping[str, Any], architecture: str) -> str:
    """ "9.0" for a CUDA device, else empty."""
    if "compute_capability_major" in info:
        return f"{info['compute_capability_major']}.{info.get('compute_capability_minor', 0)}"
    match = re.fullmatch(r"sm_(\d+)(\d)[a-z]?", architecture)
    return f"{match[1]}.{match[2]}" if match else ""


def _key(name: str) -> str:
    return re.sub(r"\s+", "", name).casefold().removeprefix("apple")
