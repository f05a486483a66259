"""One row of the hardware table. What is not known stays unknown: nothing here guesses."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .facts import FACTS, Value

Backend = Literal["metal", "host", "cuda"]


class HardwareTableError(LookupError):
    """Base of the errors of this package: what, why and what to try."""

    code = "HARDWARE_TABLE"

    def __init__(self, what: str, *, why: str = "", hint: str = ""):
        self.what, self.why, self.hint = what, why, hint
        lines = [f"[{self.code}] {what}"]
        if why:
            lines.append(f"  why: {why}")
        if hint:
            lines.append(f"  try: {hint}")
        super().__init__("\n".join(lines))


class UnknownCapability(HardwareTableError):
    """A cell that the table has no value for, or no such cell at all."""

    code = "UNKNOWN_CAPABILITY"


@dataclass(frozen=True, slots=True)
class Cell:
    """A value, where it comes from, and whether this project has checked it on the device.

    `value` is None where nobody knows. `source` is a key of the data file's [sources], or text.
    """

    value: Value | None = None
    source: str = ""
    verified: bool = False


_UNKNOWN = Cell()


@dataclass(frozen=True, slots=True)
class Capability:
    """What one device can do. `name` is as in "M3 Max", "host", "simulator", "cuda 9.0".

    `cells` holds what is known by name; hwinfo.FACTS has the meaning, type and unit of each name.
    """

    name: str
    backend: Backend
    cells: Mapping[str, Cell]

    def cell(self, name: str) -> Cell:
        """The cell; its value is None if it is not known. UnknownCapability for a wrong name."""
        if name not in FACTS:
            close = difflib.get_close_matches(name, FACTS, n=3)
            raise UnknownCapability(
                f"there is no cell named {name!r}",
                why="the names are those of triton_mlx.hwinfo.FACTS",
                hint=" or ".join(close) or "for n in triton_mlx.hwinfo.FACTS: print(n)",
            )
        return self.cells.get(name, _UNKNOWN)

    def value(self, name: str) -> Any:
        """The value of a cell, of the type FACTS[name].kind. UnknownCapability if not known."""
        found = self.cell(name).value
        if found is None:
            raise UnknownCapability(
                f"{name} of {self.name} is not known",
                why=f"the hardware table has no value for it ({FACTS[name].meaning})",
                hint=f"add it, with its source, to {self.name!r} in triton_mlx/hwinfo/data, "
                f"or ask with get({name!r}, default)",
            )
        return found

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a cell, or `default` if it is not known. UnknownCapability: wrong name."""
        found = self.cell(name).value
        return default if found is None else found

    @property
    def verified(self) -> bool:
        """True if every known cell has been checked on the device."""
        return all(cell.verified for cell in self.cells.values() if cell.value is not None)
