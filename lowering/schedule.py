"""What is free to choose when a kernel is lowered, as one value; and the table of what may be chosen.

The choice itself is made in lowering/choose.py. This file imports nothing of ours: launches and tuners use it
too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

# How an operand of a product on matrix units that its simdgroup does not hold comes there:
# staged    through threadgroup memory, rows beside each other
# padded    the same, rows so far apart that lanes meet in few banks
# doubled   padded, and two parts of threadgroup memory in turn: a product waits at one barrier and not at two,
#           and the next iteration's tile is loaded before this one's multiplications
# direct    each simdgroup loads its own matrices from memory, also where others load the same
Staging = Literal["staged", "padded", "doubled", "direct"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """How one kernel is put on a chip. The same function and schedule always give the same text.

    `simdgroups`: of a program, a power of two; None leaves it, and what follows, to the model.
    `staging`: see above; a kernel without such operands has no use for it.
    `split`: of K, as much as fits is staged at a time, divided by this.
    `unroll`: steps of 8 of K that stand in one turn of a product's loop.
    `vector_bits`: width of the vectors that the host's compiler shall prefer, instead of its own choice.
    `axis`: on the host, the axis of the grid along which programs follow each other, instead of the first.
    """

    simdgroups: int | None = None
    staging: Staging = "padded"
    split: int = 1
    unroll: int = 1
    vector_bits: int | None = None
    axis: int | None = None

    def __str__(self) -> str:
        parts = []
        if self.simdgroups is not None:
            parts.append(f"{self.simdgroups} simdgroup{'s' if self.simdgroups > 1 else ''}")
        for name in ("staging", "split", "unroll"):
            if getattr(self, name) != getattr(MODEL, name):
                parts.append(f"{name} {getattr(self, name)}")
        if self.vector_bits is not None:
            parts.append(f"{self.vector_bits}-bit vectors")
        if self.axis is not None:
            parts.append(f"programs along axis {self.axis} first")
        return ", ".join(parts) or "the model's choice"


MODEL = Schedule()


@dataclass(frozen=True, slots=True)
class Parameter:
    """One free choice: a field of Schedule, its values, and what another than the first must gain.

    `worth`: modelled time of the old choice over that of the new. What barriers and loops cost is known less
    well than what multiplications do. `changes`: which of a kernel's costs it is about; without those there is
    nothing to choose.
    """

    name: str
    values: tuple[str | int, ...]
    worth: float
    changes: str


# In the order in which they are decided; the number of simdgroups comes before (lowering/fit.py).
PARAMETERS = (
    Parameter("staging", ("padded", "doubled", "direct", "staged"), 1.05, "barriers"),
    Parameter("split", (1, 2, 4), 1.05, "barriers"),
    Parameter("unroll", (1, 2, 4), 1.02, "turns"),
)


def candidates(start: Schedule, parameter: Parameter) -> Iterator[Schedule]:
    """`start` with every other value of one parameter."""
    for value in parameter.values:
        if value != getattr(start, parameter.name):
            yield replace(start, **{parameter.name: value})  # type: ignore[arg-type]


def space(simdgroups: tuple[int, ...]) -> Iterator[Schedule]:
    """Every schedule there is with these numbers of simdgroups, for a tuner. Some are refused by `lower`."""
    found = [Schedule(n) for n in simdgroups]
    for parameter in PARAMETERS:
        found += [c for s in found for c in candidates(s, parameter)]
    yield from found
