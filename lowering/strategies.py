"""What a chip may have for matrix products that is not used yet, and why: kernels for such a chip say so."""

from __future__ import annotations

from dataclasses import dataclass

from ..hwinfo import Capability


@dataclass(frozen=True, slots=True)
class Unused:
    """`cell`: of the hardware table, true where a chip has it; `why`: what is missing to use it."""

    name: str
    cell: str
    why: str


UNUSED = (
    Unused(
        "Metal 4 tensor operations",
        "neural_accelerators",
        "where their elements are is not documented and differs between chips, and nothing here can "
        "run or check such text",
    ),
)


def unused(row: Capability) -> tuple[str, ...]:
    """A sentence for each strategy that the chip of `row` has and no kernel uses."""
    return tuple(f"{u.name} are not used: {u.why}" for u in UNUSED if row.get(u.cell, False))
