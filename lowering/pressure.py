"""An estimate of the registers that a thread needs: what is alive at once, in 32-bit registers.

Tiles count from the step that declares them to the last that reads them. A compiler may do better
(by recomputing) or worse (by hoisting loads), so this is an estimate, and is called one wherever it is shown.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

# Addresses, coordinates and what one statement needs in between.
OVERHEAD = 20


class Pressure:
    """Bytes of each name that is alive, and the most there have been."""

    def __init__(self) -> None:
        self._alive: dict[str, int] = {}
        self._most = 0

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._alive)

    def hold(self, name: str, elements: int, element_bytes: int) -> None:
        """`name` is alive from here on. Nothing takes less than half a register."""
        self._alive[name] = elements * max(2, element_bytes)
        self._most = max(self._most, sum(self._alive.values()))

    def keep(self, names: AbstractSet[str]) -> None:
        """All others are dead."""
        self._alive = {n: b for n, b in self._alive.items() if n in names}

    @property
    def registers(self) -> int:
        """The estimate for a thread."""
        return -(-self._most // 4) + OVERHEAD
