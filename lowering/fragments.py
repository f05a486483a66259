"""Layouts of 8x8 matrices on matrix units, and how the simdgroups of a program share a matrix product.

A lane holds two neighbouring elements.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..fusion.views import dim_ranges
from .layout import Layout

SIDE = 8
Bit = tuple[str, int]  # ("row" or "column", bit of that coordinate)


@dataclass(frozen=True, slots=True)
class Form:
    """Where the elements of an 8x8 matrix are: what tells a lane's two apart, and the bits of the lane."""

    element: Bit
    lanes: tuple[Bit, ...]


@dataclass(frozen=True, slots=True)
class Forms:
    """Of a unit: `left`, for the result too, and `right`.

    `rows`: matrices of the left that it takes at a time, above each other; `deep`: steps of 8 of K. `gathers`: a
    simdgroup loads whole matrices from threadgroup memory, each lane giving the address of one row.
    """

    left: Form
    right: Form
    rows: int
    deep: int = 1
    gathers: bool = False


def _form(element: str, lanes: str) -> Form:
    sides = {"c": "column", "r": "row"}
    bits = [(sides[word[0]], int(word[1])) for word in (element, *lanes.split())]
    return Form(bits[0], tuple(bits[1:]))


# Apple documents no map. MLX's kernels rely on this one (mlx/backend/metal/kernels/steel/gemm/mma.h,
# get_coord), and a self-test checks it on the device (runtime/selftest/fragments.py).
SIMDGROUP = Forms(_form("c0", "c1 r0 r1 c2 r2"), _form("c0", "c1 r0 r1 c2 r2"), 1)
# PTX ISA, matrix fragments for mma.m16n8k8 and mma.m16n8k16 with 16-bit operands: 8x8 matrices above and beside
# each other. The same for ldmatrix, whose rows are 16 bytes.
MMA = Forms(_form("c0", "c1 c2 r0 r1 r2"), _form("r0", "r1 r2 c0 c1 c2"), 2, deep=2, gathers=True)


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
    shape: tuple[int, ...],
    shared: Split,
    form: Form,
    *,
    by_rows: bool = True,
    by_columns: bool = True,
) -> Layout:
    """The layout of a (..., rows, columns) tile made of 8x8 matrices, both sides multiples of 8.

    `by_rows`, `by_columns`: the simdgroups along that side of the result hold different parts; if not,
    each holds the same, as of an operand. Register bit 0 is the element of a lane in its matrix; the
    others number the matrices, columns first.
    """
    *batch, rows, columns = dim_ranges(shape)
    bits = {"row": [1 << b for b in rows], "column": [1 << b for b in columns]}
    lane = tuple(bits[side][bit] for side, bit in form.lanes)
    element = bits[form.element[0]][form.element[1]]
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
    own_registers = [b for b in registers if b not in lane and b != element]
    return Layout(shape, (element, *own_registers), lane, tuple(groups))
