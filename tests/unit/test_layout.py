"""Layouts against brute force over every position of every thread."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triton_mlx.fusion.types import F32
from triton_mlx.lowering.exchange import _own
from triton_mlx.lowering.layout import Layout, blocked, log2, rank, solve
from triton_mlx.lowering.moves import Moves, plan, within

Held = dict[tuple[int, int], frozenset[int]]


def held(layout: Layout) -> Held:
    """(lane, simdgroup) → the elements that its registers hold; every thread holds a lone element."""
    if not layout.bases:
        return defaultdict(lambda: frozenset({0}))
    return {
        (lane, group): frozenset(layout.element(r, lane, group) for r in range(layout.registers))
        for lane in range(1 << len(layout.lane))
        for group in range(1 << len(layout.simdgroup))
    }


def projected(element: int, bits: tuple[int | None, ...]) -> int:
    """The number whose bit b is bit bits[b] of `element`."""
    return sum((element >> bit & 1) << b for b, bit in enumerate(bits) if bit is not None)


@st.composite
def layouts(draw: st.DrawFn, *, lanes: int = 2, groups: int = 1, bits: int = 4) -> Layout:
    """Layouts of a tile of 2**bits elements; contributions may repeat, mix bits, or be zero."""
    contribution = st.one_of(
        st.sampled_from([0] + [1 << b for b in range(bits)]), st.integers(0, (1 << bits) - 1)
    )
    registers = draw(st.integers(0, 3))
    bases = draw(
        st.lists(
            contribution, min_size=registers + lanes + groups, max_size=registers + lanes + groups
        )
    )
    shape = draw(st.sampled_from([(1 << bits,), (2, 1 << (bits - 1)), (4, 1 << (bits - 2))]))
    return Layout(
        shape,
        tuple(bases[:registers]),
        tuple(bases[registers : registers + lanes]),
        tuple(bases[registers + lanes :]),
    )


@st.composite
def bijections(draw: st.DrawFn) -> Layout:
    """Layouts of 32 elements that hold every element exactly once."""
    order = draw(st.permutations([1, 2, 4, 8, 16]))
    return Layout((32,), tuple(order[:2]), tuple(order[2:4]), tuple(order[4:]))


@settings(max_examples=200, deadline=None)
@given(layout=layouts())
def test_covers_means_that_every_element_is_held(layout: Layout) -> None:
    found = frozenset().union(*held(layout).values())
    assert layout.covers() == (found == frozenset(range(math.prod(layout.shape))))


@settings(max_examples=200, deadline=None)
@given(
    layout=layouts(),
    bits=st.permutations([0, 1, 2, 3, None, None]).map(lambda order: order[:4]),
)
def test_a_moved_layout_holds_the_projected_elements(
    layout: Layout, bits: list[int | None]
) -> None:
    moved = layout.moved(bits, (1 << len(bits),))
    after = held(moved)
    for thread, elements in held(layout).items():
        assert after[thread] == {projected(e, tuple(bits)) for e in elements}


@settings(max_examples=200, deadline=None)
@given(layout=layouts(), data=st.data())
def test_without_an_axis_holds_the_other_coordinates(layout: Layout, data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, len(layout.shape) - 1))
    reduced = layout.without_axis(axis)
    assert reduced.shape == layout.shape[:axis] + layout.shape[axis + 1 :]

    def rest(element: int) -> int:
        where = list(np.unravel_index(element, layout.shape))
        del where[axis]
        return int(np.ravel_multi_index(where, reduced.shape)) if where else 0

    after = held(reduced)
    for thread, elements in held(layout).items():
        assert after[thread] == {rest(e) for e in elements}


def source_of(moves: Moves, register: int, lane: int, group: int) -> tuple[int, int]:
    """(register, lane) that an element of the target comes from."""
    found, other = 0, lane
    for adds, number in ((moves.register, register), (moves.lane, lane), (moves.simdgroup, group)):
        for k, add in enumerate(adds):
            if number >> k & 1:
                found, other = found ^ add.registers, other ^ add.lanes
    return found, other


def check(source: Layout, target: Layout, moves: Moves) -> None:
    for lane, group in held(target):
        for register in range(target.registers):
            r, other = source_of(moves, register, lane, group)
            assert moves.shuffles or other == lane
            assert r < source.registers
            assert source.element(r, other, group) == target.element(register, lane, group)


@settings(max_examples=400, deadline=None)
@given(source=layouts(), target=layouts())
def test_moves_bring_every_element(source: Layout, target: Layout) -> None:
    moves = within(source, target)
    if moves is not None:
        check(source, target, moves)


@settings(max_examples=300, deadline=None)
@given(source=bijections(), target=bijections())
def test_moves_are_found_where_they_can_be(source: Layout, target: Layout) -> None:
    before, after = held(source), held(target)
    groups: dict[int, frozenset[int]] = {}
    for (_, group), elements in before.items():
        groups[group] = groups.get(group, frozenset()) | elements
    moves = within(source, target)
    assert (moves is not None) == all(e <= groups[group] for (_, group), e in after.items())
    if moves is not None:
        check(source, target, moves)
        assert moves.shuffles != all(e <= before[thread] for thread, e in after.items())


def test_memory_is_taken_where_shuffles_cost_more() -> None:
    """A transpose in one simdgroup whose every lane needs another register of another lane."""
    bits = [1 << k for k in range(10)]
    source = Layout((1024,), tuple(bits[5:]), tuple(bits[:5]))
    target = Layout((1024,), tuple(bits[:5]), tuple(bits[5:]))
    assert within(source, target) is not None
    assert plan(source, target) is None
    swapped = Layout((1024,), tuple(bits[5:]), (2, 1, *bits[2:5]))
    assert plan(source, swapped) is not None


SHAPES = [(1,), (2,), (16,), (64,), (1024,), (2, 4), (16, 32), (128, 16), (1, 128), (4, 8, 16)]


@pytest.mark.parametrize(
    ("shape", "simdgroups"), list(itertools.product(SHAPES, [0, 1, 2, 4, 8])), ids=str
)
@pytest.mark.parametrize("vector", [1, 4, 8])
def test_blocked_layouts_hold_every_element(
    shape: tuple[int, ...], simdgroups: int, vector: int
) -> None:
    layout = blocked(shape, simdgroups, vector)
    assert layout.covers()
    assert layout.shape == shape
    size, threads = math.prod(shape), 32 * simdgroups if simdgroups else 1
    assert layout.registers == max(1, size // threads)
    assert len(layout.lane) == (5 if simdgroups and size > 1 else 0)
    if size >= threads * vector:
        first = sorted(layout.element(r) for r in range(layout.registers))
        assert first[:vector] == list(range(vector))


@settings(max_examples=200, deadline=None)
@given(columns=st.lists(st.integers(0, 31), max_size=6), target=st.integers(0, 31))
def test_solving_over_bits(columns: list[int], target: int) -> None:
    def total(mask: int) -> int:
        found = 0
        for i, column in enumerate(columns):
            found ^= column if mask >> i & 1 else 0
        return found

    sums = {total(mask) for mask in range(1 << len(columns))}
    mask = solve(columns, target)
    assert (mask is not None) == (target in sums)
    assert mask is None or total(mask) == target
    assert 1 << rank(columns) == len(sums)


@pytest.mark.parametrize("n", [1, 2, 4, 1024])
def test_log2(n: int) -> None:
    assert 1 << log2(n) == n


def test_what_one_thread_alone_has_read_it_may_write() -> None:
    """The layouts in which no two threads meet, by their elements and not by their bits."""
    layouts = (
        blocked((16, 64), 4),
        blocked((8, 8), 4),
        blocked((16, 64), 4).without_axis(1),
        Layout((4, 64), (128,), (1, 2, 4, 8, 16), (32, 64)),
        Layout((4, 64), (128,), (1, 2, 4, 8, 16), (32, 31)),
    )
    for layout in layouts:
        threads = 1 << len(layout.lane), 1 << len(layout.simdgroup)
        places = [
            layout.element(r, lane, group)
            for group in range(threads[1])
            for lane in range(threads[0])
            for r in range(layout.registers)
        ]
        once = len(set(places)) == len(places) == math.prod(layout.shape)
        assert (_own(layout, F32) is not None) == once
    assert [_own(layout, F32) is not None for layout in layouts] == [
        True,
        False,
        False,
        True,
        False,
    ]
