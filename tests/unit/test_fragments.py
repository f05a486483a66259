"""The layout of 8x8 matrices, and how simdgroups share a product."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triton_mlx.lowering.fragments import MMA, SIMDGROUP, TENSOR, Form, Split, fragments, split
from triton_mlx.lowering.layout import Layout
from triton_mlx.lowering.matrix import _index


def test_one_matrix_is_as_apple_s_kernels_have_it() -> None:
    """Against the formula of MLX's get_coord, element by element."""
    layout = fragments((8, 8), Split(0, 0), SIMDGROUP.left)
    for lane in range(32):
        quad = lane // 4
        row = (quad & 4) + (lane // 2) % 4
        column = (quad & 2) * 2 + (lane % 2) * 2
        assert [layout.element(r, lane) for r in (0, 1)] == [row * 8 + column, row * 8 + column + 1]


def test_one_matrix_of_tensor_operations_is_as_mlx_has_it() -> None:
    """Against the formula of MLX's get_coord for them (steel/gemm/nax.h), element by element."""
    layout = fragments((16, 16), Split(0, 0), TENSOR.left)
    assert TENSOR.left == TENSOR.right
    for lane in range(32):
        quad = lane >> 2
        row, column = quad & 4 | lane >> 1 & 3, (quad & 2 | lane & 1) * 4
        places = [(row + (k >> 2) * 8) * 16 + column + k % 4 for k in range(8)]
        assert [layout.element(k, lane) for k in range(8)] == places


@pytest.mark.parametrize(
    ("form", "side", "along", "neighbours", "held"),
    [
        (SIMDGROUP.left, 8, 1, 2, (1, 2)),
        (TENSOR.left, 16, 1, 4, (2, 4)),
        (MMA.right, 8, 0, 2, (2, 1)),
    ],
)
def test_what_a_lane_has(
    form: Form, side: int, along: int, neighbours: int, held: tuple[int, int]
) -> None:
    assert (form.side, form.along, form.neighbours) == (side, along, neighbours)
    assert (form.held("row"), form.held("column")) == held


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([SIMDGROUP.left, TENSOR.left, MMA.left, MMA.right]),
    st.sampled_from([1, 2, 4]),
    st.sampled_from([1, 2, 4]),
    st.sampled_from([1, 2]),
)
def test_registers_are_where_the_index_of_a_matrix_says(
    form: Form, rows: int, columns: int, batch: int
) -> None:
    """What lowering/matrix.py writes, evaluated: the elements of one matrix, found in the layout."""
    side = form.side
    layout = fragments((batch, rows * side, columns * side), Split(0, 0), form)
    down = form.held("column") * columns
    for b in range(batch):
        for i in range(rows):
            for j in range(columns):
                text = _index(form, [("b", batch), ("i", rows)], [("j", columns)])
                first = eval(text, {"b": b, "i": i, "j": j})  # noqa: S307
                for r in range(form.held("row")):
                    for c in range(form.held("column")):
                        found = layout.element(first + r * down + c)
                        row, column = found // (columns * side), found % (columns * side)
                        assert row // side == b * rows + i
                        assert column // side == j


@pytest.mark.parametrize("lane", range(32))
def test_one_matrix_is_as_the_ptx_manual_has_it(lane: int) -> None:
    """PTX ISA, matrix fragments for mma.m16n8k8: groupID is lane >> 2, threadID_in_group lane % 4."""
    for element in (0, 1):
        left = fragments((8, 8), Split(0, 0), MMA.left)
        right = fragments((8, 8), Split(0, 0), MMA.right)
        assert place(left, lane, element) == (lane >> 2, lane % 4 * 2 + element)
        assert place(right, lane, element) == (lane % 4 * 2 + element, lane >> 2)


def place(layout: Layout, lane: int, register: int) -> tuple[int, int]:
    bits = [b for k, b in enumerate(layout.lane) if lane >> k & 1]
    bits += [b for k, b in enumerate(layout.register) if register >> k & 1]
    number = sum(bits)
    return number // 8, number % 8


SIZES = st.sampled_from([8, 16, 32, 64, 128])
GROUPS = st.sampled_from([1, 2, 4, 8, 16, 32])


def held(layout: Layout, side: int, group: int) -> set[int]:
    """The rows (side 0) or columns (side 1) that a simdgroup holds something of."""
    size = layout.shape[1]
    places = (layout.element(r, n, group) for r in range(layout.registers) for n in range(32))
    return {e // size if side == 0 else e % size for e in places}


@settings(deadline=None, max_examples=40)
@given(SIZES, SIZES, SIZES, GROUPS, st.booleans())
def test_all_is_held_and_operands_match(m: int, n: int, k: int, groups: int, rows: bool) -> None:
    shared = split(m, n, groups, keep_rows=rows)
    assert 1 << (shared.rows + shared.columns + shared.idle) == groups
    result = fragments((m, n), shared, SIMDGROUP.left)
    left = fragments((m, k), shared, SIMDGROUP.left, by_columns=False)
    right = fragments((k, n), shared, SIMDGROUP.right, by_rows=False)
    for layout in (result, left, right):
        assert layout.covers()
        assert (len(layout.lane), len(layout.simdgroup)) == (5, groups.bit_length() - 1)
        assert list(layout.register) == sorted(layout.register)
    for group in range(groups):
        assert held(result, 0, group) == held(left, 0, group)
        assert held(result, 1, group) == held(right, 1, group)
        assert held(left, 1, group) == held(right, 0, group) == set(range(k))


@pytest.mark.parametrize(
    ("m", "n", "groups", "keep", "expected"),
    [
        (64, 64, 4, False, Split(1, 1)),
        (64, 64, 4, True, Split(2, 0)),
        (16, 64, 4, True, Split(1, 1)),
        (128, 32, 4, False, Split(2, 0)),
        (8, 8, 4, False, Split(0, 0, 2)),
    ],
)
def test_split(m: int, n: int, groups: int, keep: bool, expected: Split) -> None:
    assert split(m, n, groups, keep_rows=keep) == expected


def test_whole_rows_of_a_result_are_the_left_operand_of_the_next_product() -> None:
    shared = split(64, 32, 4, keep_rows=True)
    following = split(64, 128, 4, keep_rows=True)
    left = fragments((64, 32), following, SIMDGROUP.left, by_columns=False)
    assert fragments((64, 32), shared, SIMDGROUP.left) == left
