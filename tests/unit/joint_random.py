"""Random programs of small kernels on a few arrays of one size, in any order, onto any array."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import joint_kernels as k
from hypothesis import strategies as st

ROWS, COLS = 6, 10
SIZE = ROWS * COLS
ARRAYS = 5


@dataclass(frozen=True)
class Step:
    """One launch. `places`: the arrays it gets, by number."""

    kernel: Any
    places: tuple[int, ...]
    numbers: tuple[Any, ...]
    grid: tuple[int, ...]
    constants: tuple[tuple[str, int], ...]


def flat(block: int) -> tuple[tuple[int, ...], tuple[tuple[str, int], ...]]:
    return (-(-SIZE // block),), (("BLOCK", block),)


def tiled(rows: int, cols: int) -> tuple[tuple[int, ...], tuple[tuple[str, int], ...]]:
    return (-(-ROWS // rows), -(-COLS // cols)), (("BM", rows), ("BN", cols))


FLAT = {
    k.add: (3, ()),
    k.mul: (3, ()),
    k.mul_add: (4, ()),
    k.scale: (2, (2.0,)),
    k.add_in_place: (2, ()),
    k.reverse: (2, ()),
    k.half_of: (2, ()),
    k.odd_masks: (3, ()),
    k.two_results: (3, ()),
    k.every_second: (2, ()),
    k.load_after_store: (2, ()),
    k.twice: (2, ()),
}
ONE_PROGRAM = (k.turn_round, k.overwritten)
TILED: dict[Any, tuple[int, tuple[Any, ...]]] = {k.scale_2d: (2, (3.0,)), k.transpose: (2, ())}
# Each program keeps to its own elements, so an array may be any of the arguments, and several of them.
ANY_PLACES = frozenset(
    (k.add, k.mul, k.mul_add, k.scale, k.add_in_place, k.odd_masks, k.two_results, k.twice)
    + (k.load_after_store, k.scale_2d, k.softmax, k.add_up_in_place)
)
BY_ROW: dict[Any, int] = {k.rms: 3, k.softmax: 2, k.mean_square: 2, k.add_up_in_place: 1}

KINDS = ("flat", "flat", "flat", "tiled", "rows", "rows", "shifted", "divide", "strides", "line")
SHAPE = (2, 3, 10)
# As it is, transposed in two ways, and with a broadcast axis: every element of such a store is its own.
WALKS = st.sampled_from(((30, 10, 1), (1, 2, 6), (10, 20, 1)))
STRIDES = WALKS | st.sampled_from(((0, 10, 1), (30, 0, 1), (3, 1, 0)))


@st.composite
def steps(draw: Callable[..., Any]) -> Step:
    block = draw(st.sampled_from((8, 16, 64)))
    kind = draw(st.sampled_from((*KINDS, "one")))
    if kind == "rows":
        kernel = draw(st.sampled_from(tuple(BY_ROW)))
        where = _places(draw, BY_ROW[kernel], kernel)
        return Step(kernel, where, (COLS,), (ROWS,), (("BLOCK", 16),))
    if kind == "strides":
        strides = (*draw(STRIDES), *draw(STRIDES), *draw(WALKS))
        return Step(k.add_3d, _places(draw, 3), (*strides, *SHAPE, SIZE), *flat(block))
    if kind == "line":
        rows, cols = draw(st.sampled_from((2, 4, 8))), draw(st.sampled_from((4, 16)))
        (down, across), constants = tiled(rows, cols)
        where = _places(draw, 2, k.scale_2d)
        return Step(k.scale_tiles, where, (ROWS, COLS, 3.0), (down * across,), constants)
    if kind == "divide":
        return Step(k.divide_rows, _places(draw, 3), (SIZE, COLS), *flat(block))
    if kind == "one":
        kernel = draw(st.sampled_from(ONE_PROGRAM))
        return Step(kernel, _places(draw, 2), (SIZE,), *flat(64))
    if kind == "shifted":
        shift = draw(st.integers(-2, 2))
        return Step(k.shifted, _places(draw, 2), (SIZE, abs(shift)), *flat(block))
    if kind == "tiled":
        kernel = draw(st.sampled_from(tuple(TILED)))
        count, more = TILED[kernel]
        grid = tiled(draw(st.sampled_from((2, 4, 8))), draw(st.sampled_from((4, 16))))
        return Step(kernel, _places(draw, count, kernel), (ROWS, COLS, *more), *grid)
    kernel = draw(st.sampled_from(tuple(FLAT)))
    count, more = FLAT[kernel]
    return Step(kernel, _places(draw, count, kernel), (SIZE, *more), *flat(block))


def _places(draw: Callable[..., Any], count: int, kernel: Any = None) -> tuple[int, ...]:
    unique = kernel not in ANY_PLACES
    return tuple(
        draw(st.lists(st.integers(0, ARRAYS - 1), min_size=count, max_size=count, unique=unique))
    )


programs = st.lists(steps(), min_size=2, max_size=6)
visible = st.sets(st.integers(0, ARRAYS - 1), min_size=1)
