"""Names in generated code."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triton_mlx.fusion.errors import Loc
from triton_mlx.fusion.graph import Node
from triton_mlx.lowering.comments import lines_of
from triton_mlx.lowering.names import Names


def test_the_users_word_stays_and_a_second_one_gets_a_number() -> None:
    names = Names(numbered=False)
    assert [names.named("rows", 7) for _ in range(3)] == ["rows", "rows_2", "rows_3"]
    assert names.unique("rows_4") == "rows_4"


WORDS = (
    "half",
    "fma",
    "lane",
    "i0",
    "r12",
    "k3",
    "if",
    "tile_multiply",
    "INFINITY",
    "min",
    "linux",
)


@pytest.mark.parametrize("word", WORDS)
def test_words_that_mean_something_are_changed(word: str) -> None:
    names = Names(numbered=False)
    assert [names.named(word, 1) for _ in range(2)] == [f"{word}_", f"{word}_2"]
    assert names.named("x0", 1) == "x0"


def test_what_mlx_declares_for_a_buffer_is_taken() -> None:
    names = Names(numbered=False)
    assert names.buffer("x", 0) == "x"
    assert [names.named(w, 1) for w in ("x_shape", "x_new", "x_set")] == [
        "x_shape_2",
        "x_new_2",
        "x_set_2",
    ]


@given(st.lists(st.text(max_size=5), max_size=20), st.booleans())
def test_names_differ_and_are_identifiers(words: list[str], numbered: bool) -> None:
    names = Names(numbered=numbered)
    given_ = [names.named(w, 3) for w in words]
    assert len(set(given_)) == len(words)
    assert all(n.isidentifier() and not n.startswith("_") for n in given_)


def test_lines_are_written_as_ranges() -> None:
    nodes = [
        Node(k, "add", (), (), loc=Loc("/a/kernel.py", line)) for k, line in enumerate((3, 5, 4, 9))
    ]
    assert lines_of(nodes) == "kernel.py:3-5, 9"
    assert lines_of([Node(0, "add", (), ())]) == ""
    other = Node(9, "add", (), (), loc=Loc("/b/more.py", 1))
    assert lines_of([*nodes[:1], other]) == "kernel.py:3; more.py:1"
