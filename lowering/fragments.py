"""Layouts of the matrices that matrix units take, and how the simdgroups of a program share a product."""

from __future__ import annotations

from dataclasses import dataclass

from ..fusion.views import dim_ranges
from .layout import Layout

Bit = tuple[str, int]  # ("row" or "column", bit of that coordinate)


@dataclass(frozen=True, slots=True)
class Form:
    """Where the elements of a square matrix are: what tells one lane's elements apart, and the lanes."""

    elements: tuple[Bit, ...]
    lanes: tuple[Bit, ...]

    @property
    def side(self) -> int:
        """Rows, and as many columns."""
        return 1 << (len(self.elements) + len(self.lanes)) // 2

    @property
    def along(self) -> int:
        """0 or 1: a lane's first elements are neighbours along the rows or the columns."""
        return 1 if self.elements[0][0] == "column" else 0

    @property
    def neighbours(self) -> int:
        """How many elements of a lane, from the first on, are neighbours along `along`."""
        first = self.elements[0][0]
        run = [bit == (first, k) for k, bit in enumerate(self.elements)]
        return int(1 << (run.index(False) if False in run else len(run)))

    def held(self, side: str) -> int:
        """How many "row"s or "column"s one lane has elements of."""
        return 1 << sum(own == side for own, _ in self.elements)


@dataclass(frozen=True, slots=True)
class Forms:
    """Of a unit: `left`, for the result too, and `right`."""

    left: Form
    right: Form


def _form(elements: str, lanes: str) -> Form:
    sides = {"c": "column", "r": "row"}

    def bits(text: str) -> tuple[Bit, ...]:
        return tuple((sides[word[0]], int(word[1])) for word in text.split())

    return Form(bits(elements), bits(lanes))


# Apple documents no map. MLX's kernels rely on these (mlx/backend/metal/kernels/steel/gemm/mma.h and nax.h,
# get_coord), and self-tests check them on the device (runtime/selftest/fragments.py, tensors.py).
SIMDGROUP = Forms(_form("c0", "c1 r0 r1 c2 r2"), _form("c0", "c1 r0 r1 c2 r2"))
TENSOR = Forms(_form("c0 c1 r3", "c2 r0 r1 c3 r2"), _form("c0 c1 r3", "c2 r0 r1 c3 r2"))
# PTX ISA, matrix fragments for mma.m16n8k8 and mma.m16n8k16 with 16-bit operands: 8x8 matrices above and beside
# each other. The same for ldmatrix, whose rows are 16 bytes.
MMA = Forms(_form("c0", "c1 c2 r0 r1 r2"), _form("r0", "r1 r2 c0 c1 c2"))


@dataclass(frozen=True, slots=True)
class Split:
    """log2 of the simdgroups along the rows, along the columns, and of those that repeat the others."""

    rows: int
    columns: int
    idle: int = 0


def split(
    m: int, n: int, simdgroups: int, *, keep_rows: bool, least: tuple[int, int] = (8, 8)
) -> Split:
    """How `simdgroups` share an m x n result, each at least so many rows and columns of it.

    `keep_rows`: whole rows stay in one simdgroup as far as possible, so that row reductions and products
    that follow need no threadgroup memory. Else each takes a part that is as square as possible: that
    part's rows and columns are what it reads of the operands.
    """
    bits = simdgroups.bit_length() - 1
    most_rows, most_columns = ((s // part).bit_length() - 1 for s, part in zip((m, n), least))
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
    """The layout of a (..., rows, columns) tile made of matrices of `form`, whose side divides both of its own.

    `by_rows`, `by_columns`: the simdgroups along that side of the result hold different parts; if not,
    each holds the same, as of an operand. Registers are in the order of the tile: the columns that a lane has
    of a matrix, the matrices beside each other, then the rows and the matrices below each other.
    """
    *batch, rows, columns = dim_ranges(shape)
    bits = {"row": [1 << b for b in rows], "column": [1 << b for b in columns]}
    lane = tuple(bits[side][bit] for side, bit in form.lanes)
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
    return Layout(shape, tuple(b for b in registers if b not in lane), lane, tuple(groups))
