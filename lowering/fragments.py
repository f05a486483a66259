"""Layouts of 8x8 simdgroup matrices, and how the simdgroups of a program share a matrix product.

A lane holds two neighbouring elements of a row. Apple does not document which; MLX's kernels rely on this
map (mlx/backend/metal/kernels/steel/gemm/mma.h, get_coord), and a self-test checks it on the device
(runtime/selftest/fragments.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from ..fusion.views import dim_ranges
from .layout import Layout

SIDE = 8
# Bits of the lane: ("row" or "column", bit of that coordinate).
_LANES = (("column", 1), ("row", 0), ("row", 1), ("column", 2), ("row", 2))


@dataclass(frozen=True, slots=True)
class Split:
    """log2 of the simdgroups along the rows, along the columns, and of those that repeat the others."""

    rows: int
    columns: int
    idle: int = 0


def split(m: int, n: int, simdgroups: int, *, keep_rows: bool) -> Split:
    """How `simdgroups` share an m x n result.

    `keep_rows`: whole rows stay in one simdgroup as far as possible, so that row reductions and products
    that follow need no threadgroup memory. Else each takes a part that is as square as possible: that
    part's rows and columns are what it reads of the operands.
    """
    bits = simdgroups.bit_length() - 1
    most_rows, most_columns = ((size // SIDE).bit_length() - 1 for size in (m, n))
    used = min(bits, most_rows + most_columns)
    choices = [
        Split(rows, used - rows, bits - used)
        for rows in range(min(used, most_rows), -1, -1)
        if used - rows <= most_columns
    ]
    if keep_rows:
        return choices[0]
    return min(choices, key=lambda s: (m >> s.rows) + (n >> s.columns))


def fragments(
    shape: tuple[int, ...], shared: Split, *, by_rows: bool = True, by_columns: bool = True
) -> Layout:
    """The layout of a (..., rows, columns) tile made of 8x8 matrices, both sides multiples of 8.

    `by_rows`, `by_columns`: the simdgroups along that side of the result hold different parts; if not,
    each holds the same, as of an operand. Register bit 0 is the element of a lane in its matrix; the
    others number the matrices, columns first.
    """
    *batch, rows, columns = dim_ranges(shape)
    bits = {"row": [1 << b for b in rows], "column": [1 << b for b in columns]}
    lane = tuple(bits[side][bit] for side, bit in _LANES)
    groups: list[int] = []
    for side, number, divided in (
        ("column", shared.columns, by_columns),
        ("row", shared.rows, by_rows),
    ):
        if divided:
            own = bits[side]
            groups += own[len(own) - number :]
            bits[side] = own[: len(own) - number]
        else:
            groups += [0] * number
    groups += [0] * shared.idle
    registers = [*bits["column"], *bits["row"], *(1 << b for r in batch[::-1] for b in r)]
    own_registers = tuple(b for b in registers if b not in lane)
    return Layout(shape, own_registers, lane, tuple(groups))
