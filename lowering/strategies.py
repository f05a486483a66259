"""Matrix units as a table: what each takes, how it holds matrices, and the chips that have it.

A product goes to the first unit of its target that takes it (lowering/products.py). What none takes is done by
multiply-adds (lowering/dot.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from ..fusion.graph import Node
from ..fusion.types import F32
from ..hwinfo import Capability, sources
from .fragments import MMA, SIMDGROUP, TENSOR, Forms


@dataclass(frozen=True, slots=True)
class Unit:
    """One kind of matrix unit.

    `types`: of operands, both the same; sums are fp32. `rows`, `columns`: matrices of the left and of the
    right that one call takes at a time, `deep`: along K, if there are as many.
    `gathers`: a simdgroup loads whole matrices from threadgroup memory, each lane giving the address of a row.
    `least`: m, n and k of the smallest product of one simdgroup.
    `call`: the function of a prelude that multiplies; `prelude`: an own header that it needs.
    `caveat`: what a report says where the unit is used. `peak`: the rate by which its time is modelled
    (runtime/model.py): that of the ALUs, or the table's own for tensor operations.
    """

    name: str
    forms: Forms
    types: frozenset[str]
    rows: int = 1
    columns: int = 1
    deep: int = 1
    gathers: bool = False
    least: tuple[int, int, int] = (8, 8, 8)
    call: str = "tile_multiply"
    prelude: str = ""
    caveat: str = ""
    peak: Literal["ALU", "tensor"] = "ALU"

    @property
    def side(self) -> int:
        """Rows of one matrix."""
        return self.forms.left.side

    @property
    def elements(self) -> int:
        """Of one matrix in one lane."""
        return 1 << len(self.forms.left.elements)

    def refusal(self, dot: Node) -> str:
        """Why this unit does not take a product; "" if it does."""
        a, b, c = (v.type for v in dot.inputs)
        if a.scalar != b.scalar or c.scalar != F32 or a.scalar.name not in self.types:
            return f"it takes {' and '.join(sorted(self.types))}, not {a.scalar} x {b.scalar} + {c.scalar}"
        sizes = (a.shape[-2], b.shape[-1], a.shape[-1])
        if any(size < least for size, least in zip(sizes, self.least)):
            m, n, k = self.least
            return f"it takes {m}x{k} times {k}x{n} or more"
        return ""


# float is left out: MLX asks for relaxed precision, with which floats lose all but 11 bits.
_TENSOR = Unit(
    "tensor operations",
    TENSOR,
    frozenset({"f16", "bf16"}),
    columns=2,
    least=(16, 32, 16),
    call="tile_tensor_multiply",
    prelude="metal_tensor.h",
    caveat="unverified: no device has run them",
    peak="tensor",
)
_SIMDGROUP = Unit("simdgroup matrices", SIMDGROUP, frozenset({"f16", "bf16", "f32"}))
_MMA = Unit("mma.sync", MMA, frozenset({"f16", "bf16"}), rows=2, deep=2, gathers=True)


@dataclass(frozen=True, slots=True)
class Strategy:
    """A unit, the back end of its chips, and the cells of the table that say so: one, or one for each type."""

    unit: Unit
    backend: str
    cells: dict[str, str]


# The first that takes a product does it.
STRATEGIES = (
    Strategy(_TENSOR, "metal", dict.fromkeys(_TENSOR.types, "neural_accelerators")),
    Strategy(
        _SIMDGROUP,
        "metal",
        {
            "f16": "simdgroup_matrix_half",
            "bf16": "simdgroup_matrix_bfloat",
            "f32": "simdgroup_matrix_float",
        },
    ),
    Strategy(_MMA, "cuda", dict.fromkeys(_MMA.types, "mma_half")),
)


def denied(row: Capability) -> tuple[str, ...]:
    """Of units that the chip of `row` would have by the table: why this machine does not use them."""
    found = []
    for strategy in STRATEGIES:
        cells = [row.cell(name) for name in strategy.cells.values()]
        why = {c.source for c in cells if c.value is False and c.source not in sources()}
        found += [f"not on {strategy.unit.name}: {reason}" for reason in sorted(why)]
    return tuple(found)


def units(row: Capability) -> tuple[Unit, ...]:
    """The matrix units of a chip, in the order in which they are asked, with the types that the row has."""
    found: list[Unit] = []
    for strategy in STRATEGIES:
        if strategy.backend != row.backend:
            continue
        types = frozenset(t for t, cell in strategy.cells.items() if row.get(cell, False))
        if types:
            found.append(replace(strategy.unit, types=types))
    return tuple(found)
