"""Access maps: what they must prove, and that they never prove what a launch does not write."""

from __future__ import annotations

import functools

import corpus
import numpy as np
import pytest
import triton
import triton.language as tl
from hypothesis import given, settings
from hypothesis import strategies as st

from triton_mlx.fusion.access import covered
from triton_mlx.fusion.graph import Function
from triton_mlx.fusion.lift import lift

BM, BN = 4, 8


@triton.jit
def k_tiles(
    o, start, row_step, col_step, row_stride, col_stride, rows, cols,
    BM: tl.constexpr, BN: tl.constexpr, MASK: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0) * row_step + tl.arange(0, BM)
    col = tl.program_id(1) * col_step + tl.arange(0, BN)
    at = start + row[:, None] * row_stride + col[None, :] * col_stride
    inside = (row[:, None] < rows) & (col[None, :] < cols)
    if MASK == 0:
        tl.store(o + at, 1.0)
    elif MASK == 1:
        tl.store(o + at, 1.0, mask=inside)
    else:
        tl.store(o + at, 1.0, mask=inside & (at < rows))


@functools.cache
def tiles(mask: int) -> Function:
    types = ["*fp32", *["i32"] * 7]
    constants = {"BM": BM, "BN": BN, "MASK": mask}
    return corpus.fused(lift(corpus.text_of(k_tiles, types, constants)))


def proves(mask: int, scalars: tuple[int, ...], grid: tuple[int, int], size: int) -> bool:
    values = {1 + k: v for k, v in enumerate(scalars)}
    return covered(tiles(mask), {0: 0}, {0: size}, values, (*grid, 1)) == {0}


def writes_all(mask: int, scalars: tuple[int, ...], grid: tuple[int, int], size: int) -> bool:
    start, row_step, col_step, row_stride, col_stride, rows, cols = scalars
    hit = np.zeros(size, bool)
    for p, q in np.ndindex(grid):
        row = (p * row_step + np.arange(BM))[:, None]
        col = (q * col_step + np.arange(BN))[None, :]
        at = start + row * row_stride + col * col_stride
        inside = np.ones(at.shape, bool) if mask == 0 else (row < rows) & (col < cols)
        if mask == 2:
            inside &= at < rows
        places = at[inside]
        hit[places[(places >= 0) & (places < size)]] = True
    return bool(hit.all())


@pytest.mark.parametrize(
    ("mask", "scalars", "grid", "size"),
    [
        (0, (0, BM, BN, 16, 1, 0, 0), (2, 2), 128),  # an exact tiling
        (1, (0, BM, BN, 13, 1, 7, 13), (2, 2), 91),  # masked rows and columns
        (1, (0, BM, BN, 13, 1, 7, 13), (3, 3), 91),  # more programs than needed
        (1, (0, BM, 0, 8, 1, 9, 8), (3, 1), 72),  # rows alone
    ],
)
def test_what_must_be_proved(
    mask: int, scalars: tuple[int, ...], grid: tuple[int, int], size: int
) -> None:
    assert writes_all(mask, scalars, grid, size)
    assert proves(mask, scalars, grid, size)


@pytest.mark.parametrize(
    ("scalars", "grid", "size"),
    [
        ((0, BM, BN, 14, 1, 7, 13), (2, 2), 98),  # a gap at the end of each row
        ((0, BM, BN, 13, 1, 7, 12), (2, 2), 91),  # the last column is masked
        ((1, BM, BN, 13, 1, 7, 13), (2, 2), 91),  # starts at 1
        ((0, BM, BN, 13, 1, 7, 13), (1, 2), 91),  # a program is missing
        ((0, BM + 1, BN, 13, 1, 7, 13), (2, 2), 91),  # a row is skipped
    ],
)
def test_what_must_not(scalars: tuple[int, ...], grid: tuple[int, int], size: int) -> None:
    assert not writes_all(1, scalars, grid, size)
    assert not proves(1, scalars, grid, size)


@pytest.mark.parametrize(
    ("size", "n", "programs", "want"),
    [(250, 250, 4, True), (256, 256, 4, True), (250, 249, 4, False), (250, 250, 3, False)],
)
def test_masked_blocks(size: int, n: int, programs: int, want: bool) -> None:
    function = corpus.fused(corpus.lifted(corpus.k_add))
    sizes = {0: size, 1: size, 2: size}
    found = covered(function, {k: k for k in range(3)}, sizes, {3: n}, (programs, 1, 1))
    assert found == ({2} if want else frozenset())


small = st.integers(0, 20)


@settings(max_examples=400, deadline=None)
@given(
    st.integers(0, 2),
    st.tuples(st.sampled_from([0, 0, 0, 1]), st.sampled_from([0, 3, 4, 5]),
              st.sampled_from([0, 4, 8, 9]), small, st.sampled_from([1, 1, 2, 4]), small, small),
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    st.integers(1, 120),
)  # fmt: skip
def test_never_claims_what_is_not_written(
    mask: int, scalars: tuple[int, ...], grid: tuple[int, int], size: int
) -> None:
    if proves(mask, scalars, grid, size):
        assert writes_all(mask, scalars, grid, size)
