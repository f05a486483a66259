"""Quotients and remainders of linear forms: equal to those of the numbers, and put together again."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from triton_mlx.fusion.linear import (
    Linear,
    Symbol,
    largest,
    never_negative,
    quotient,
    remainder,
    without_zeros,
)

PROGRAM, PLACE = ("program", 0), ("dim", 0)
EXTENTS: dict[Symbol, int] = {PROGRAM: 5, PLACE: 8}


def value(form: Linear, program: int, place: int) -> int:
    numbers = {PROGRAM: program, PLACE: place}
    total = form.constant
    for symbol, coefficient in form.terms:
        if symbol[0] == "floor":
            inner, divisor = symbol[1]
            total += coefficient * (value(inner, program, place) // divisor)
        else:
            total += coefficient * numbers[symbol]
    return total


steps = st.lists(
    st.tuples(st.sampled_from(("div", "rem", "mul", "add", "sub")), st.integers(-2, 9)), max_size=6
)


@settings(max_examples=400, deadline=None)
@given(st.integers(-3, 9), st.integers(-3, 9), st.integers(-5, 20), steps)
def test_forms_have_the_values_of_what_they_stand_for(
    a: int, b: int, constant: int, path: list[tuple[str, int]]
) -> None:
    terms = sorted(((s, c) for s, c in ((PROGRAM, a), (PLACE, b)) if c))
    start = form = Linear(constant, tuple(terms))
    exact = {(p, d): value(form, p, d) for p, d in itertools.product(range(5), range(8))}
    for word, number in path:
        found: Linear | None
        if word in ("div", "rem"):
            found = (quotient if word == "div" else remainder)(form, number)
            if found is None:
                continue
            assert min(exact.values()) >= 0, "only what is never negative has a quotient"
            exact = {k: v // number if word == "div" else v % number for k, v in exact.items()}
        elif word == "mul":
            found, exact = form.scaled(number), {k: v * number for k, v in exact.items()}
        else:
            sign = 1 if word == "add" else -1
            found = form + start.scaled(sign)
            exact = {k: v + sign * value(start, *k) for k, v in exact.items()}
        form = found
        assert exact == {k: value(form, *k) for k in exact}
        if never_negative(form):
            assert min(exact.values()) >= 0
        settled = without_zeros(form, lambda inner: largest(inner, EXTENTS))
        assert exact == {k: value(settled, *k) for k in exact}


def test_an_index_taken_apart_and_put_together_is_the_index() -> None:
    at = Linear(0, ((PLACE, 1), (PROGRAM, 8)))
    sizes = (3, 2, 6)  # of 36 elements
    parts, left = [], at
    for size in reversed(sizes):
        inner, next_left = remainder(left, size), quotient(left, size)
        assert inner is not None and next_left is not None
        parts, left = [inner, *parts], next_left
    whole = parts[0].scaled(12) + parts[1].scaled(6) + parts[2]
    assert without_zeros(whole, lambda f: 35 if f == at else None) == at
    assert without_zeros(whole, lambda f: 36 if f == at else None) != at
