"""How a kernel is lowered where several ways give the same result: what a tuner may choose.

Every launch imports this file, so it imports nothing of the compiler's.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is None is left to the model; a target takes what it has and does not look at the rest.

    `simdgroups`: of a program, a power of two (GPUs and the simulator; lowering/fit.py chooses).
    `vector_bits`: width of the vectors that the host's compiler shall prefer, instead of its own choice.
    `axis`: on the host, the axis of the grid along which programs follow each other (the model's: 0).
    """

    simdgroups: int | None = None
    vector_bits: int | None = None
    axis: int | None = None

    def __str__(self) -> str:
        parts = []
        if self.simdgroups is not None:
            parts.append(f"{self.simdgroups} simdgroup{'s' if self.simdgroups > 1 else ''}")
        if self.vector_bits is not None:
            parts.append(f"{self.vector_bits}-bit vectors")
        if self.axis is not None:
            parts.append(f"programs along axis {self.axis} first")
        return ", ".join(parts) or "the model's choice"


MODEL = Schedule()
