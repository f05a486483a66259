"""The proof that a launch writes whole buffers: what it must find, what it must never claim."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import corpus
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triton_mlx.fusion.cover import covered
from triton_mlx.fusion.graph import Function, GraphBuilder, Parameter
from triton_mlx.fusion.types import F32, I16, I32, Pointer, Type

Array = npt.NDArray[Any]


def proved(
    function: Function,
    sizes: Sequence[int],
    scalars: Sequence[int] = (),
    grid: tuple[int, ...] = (1,),
    aliases: dict[int, int] | None = None,
) -> frozenset[int]:
    """Covered buffers; `sizes` are of the pointer parameters, which come before the scalars."""
    alias = aliases or {k: k for k in range(len(sizes))}
    values = {len(sizes) + k: v for k, v in enumerate(scalars)}
    x, y, z = (*grid, 1, 1)[:3]
    elements = {k: sizes[k] for k in set(alias.values())}
    return covered(function, frozenset(alias.values()), alias, elements, values, (x, y, z))


def add() -> Function:
    return corpus.fused(corpus.lifted(corpus.k_add))


@pytest.mark.parametrize(
    ("size", "n", "programs", "want"),
    [
        (256, 256, 4, True),
        (250, 250, 4, True),
        (250, 249, 4, False),
        (250, 250, 3, False),
        (256, 256, 5, True),
        (1, 1, 1, True),
        (1, 0, 1, False),
    ],
)
def test_masked_tiles_over_a_grid(size: int, n: int, programs: int, want: bool) -> None:
    found = proved(add(), (size, size, size), (n,), (programs,))
    assert found == ({2} if want else frozenset())


def test_a_store_out_of_bounds_proves_nothing() -> None:
    assert proved(add(), (250, 250, 250), (256,), (4,)) == frozenset()


def test_a_large_launch_is_proved() -> None:
    n = 4 << 20
    assert proved(add(), (n, n, n), (n,), (n // 64,)) == {2}


def test_parameters_that_are_one_array() -> None:
    assert proved(add(), (64, 64, 64), (64,), (1,), {0: 0, 1: 1, 2: 0}) == {0}


@pytest.mark.parametrize(("m", "n"), [(64, 64), (40, 33), (16, 100), (1, 1)])
def test_grouped_program_ids_of_a_matmul(m: int, n: int) -> None:
    function = corpus.fused(corpus.lifted(corpus.k_matmul))
    blocks = -(-m // 16) * -(-n // 16)
    sizes = (m * 24, 24 * n, m * n)
    assert proved(function, sizes, (m, n, 24), (blocks,)) == {2}
    assert proved(function, sizes, (m, n, 24), (blocks - 1,)) == frozenset()


def test_stores_in_a_loop() -> None:
    function = corpus.fused(corpus.lifted(corpus.k_rows))
    assert proved(function, (160,), (10,)) == {0}
    assert proved(function, (160,), (9,)) == frozenset()
    assert proved(function, (160,), (0,)) == frozenset()


def test_both_sides_of_a_branch_count_and_one_is_not_enough() -> None:
    both = corpus.fused(corpus.lifted(corpus.k_branch))
    assert proved(both, (100,), (100,), (7,)) == {0}
    one = corpus.fused(corpus.lifted(corpus.k_even))
    assert proved(one, (100,), (100,), (7,)) == frozenset()
    assert proved(one, (16,), (16,), (7,)) == {0}


def test_addresses_from_memory_and_atomics_prove_nothing() -> None:
    scatter = corpus.fused(corpus.lifted(corpus.k_scatter))
    assert proved(scatter, (16, 16)) == frozenset()
    histogram = corpus.fused(corpus.lifted(corpus.k_histogram))
    assert proved(histogram, (64, 1), (64,)) == frozenset()
    ticket = corpus.fused(corpus.lifted(corpus.k_ticket))
    assert proved(ticket, (1, 1)) == frozenset()


def test_stores_through_a_narrower_pointer_prove_nothing() -> None:
    """16 stores of 2 bytes fill 8 of 16 floats."""
    pointer, narrow = Type(Pointer(F32)), Type(Pointer(I16), (16,))
    b = GraphBuilder(itertools.count(), (pointer,))
    at = b.add("range", (), (Type(I32, (16,)),), {"start": 0, "end": 16}).result
    cast = b.add("bitcast", b.args, (narrow.with_shape(()),)).result
    wide = b.add("splat", (cast,), (narrow,)).result
    one = b.add("const", (), (Type(I16, (16,)),), {"value": 1}).result
    b.add("store", (b.add("addptr", (wide, at), (narrow,)).result, one), ())
    function = Function("f", (Parameter("o", pointer),), b.build())
    assert proved(function, (16,)) == frozenset()


def test_too_much_work_is_given_up() -> None:
    function = corpus.fused(corpus.lifted(corpus.k_rows))
    assert proved(function, (16,), (1 << 30,)) == frozenset()


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(1, 90),
    n=st.integers(0, 100),
    grid=st.integers(1, 7),
    name=st.sampled_from(["k_branch", "k_even", "k_stride"]),
)
def test_never_claims_what_an_evaluation_does_not_write(
    size: int, n: int, grid: int, name: str
) -> None:
    """For these kernels a claim is made exactly if an evaluation writes all, and nothing outside."""
    function = corpus.fused(corpus.lifted(getattr(corpus, name)))
    claimed = proved(function, (size,), (n,), (grid,))
    memory = np.full(max(size, 256), -7, np.int32)
    corpus.call(function, memory, n, grid=(grid,))
    written = memory != -7
    whole = bool(written[:size].all()) and not written[size:].any()
    assert whole or not claimed
    assert bool(claimed) == whole
