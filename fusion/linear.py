"""Linear forms over the launch, with quotients: constant + sum of coefficient * symbol.

Symbols are program ids, coordinates of the tile, and floor(form / c) of a form that is never negative. A
remainder is f - c * floor(f / c). So an index that is taken apart by quotients and remainders, as in code
for any rank and strides, and put together again, is the index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# ("program", axis), ("dim", tile dimension), ("floor", (form, divisor)), or ("part", (axis, place)): a digit of
# a program id whose digits are independent of each other
Symbol = tuple[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class Linear:
    """constant + sum of terms[symbol] * symbol; terms have no zero coefficients."""

    constant: int = 0
    terms: tuple[tuple[Symbol, int], ...] = ()

    def scaled(self, factor: int) -> Linear:
        if factor == 0:
            return Linear()
        return Linear(self.constant * factor, tuple((s, c * factor) for s, c in self.terms))

    def __add__(self, other: Linear) -> Linear:
        if not other.terms:
            return Linear(self.constant + other.constant, self.terms)
        total = dict(self.terms)
        for symbol, coefficient in other.terms:
            total[symbol] = total.get(symbol, 0) + coefficient
        kept = sorted((s, c) for s, c in total.items() if c)
        return Linear(self.constant + other.constant, tuple(kept))

    @property
    def floors(self) -> list[tuple[Symbol, int]]:
        return [(s, c) for s, c in self.terms if s[0] == "floor"]


def never_negative(form: Linear) -> bool:
    """True if it can be seen: symbols are 0 or more, and g is at least floor(g / c) * c."""
    for (_, (inner, divisor)), coefficient in [t for t in form.floors if t[1] < 0]:
        whole = -coefficient // divisor
        if coefficient % divisor:
            return False
        form = (
            form + inner.scaled(-whole) + Linear(0, ((("floor", (inner, divisor)), -coefficient),))
        )
    return form.constant >= 0 and all(c > 0 for _, c in form.terms)


def quotient(form: Linear, divisor: int) -> Linear | None:
    """floor(form / divisor), if `form` is never negative and the divisor is positive."""
    if divisor <= 0 or not never_negative(form):
        return None
    less = [t for t in form.floors if t[1] < 0 and t[1] % divisor == 0]
    rest = Linear(form.constant, tuple(t for t in form.terms if t not in less))
    whole = Linear(0, tuple((s, c // divisor) for s, c in less))
    if rest.constant % divisor == 0 and all(c % divisor == 0 for _, c in rest.terms):
        even = Linear(rest.constant // divisor, tuple((s, c // divisor) for s, c in rest.terms))
        return whole + even
    if not rest.terms:
        return whole + Linear(rest.constant // divisor)
    if not never_negative(rest):
        return None
    symbol, coefficient = rest.terms[0]
    if len(rest.terms) == 1 and not rest.constant and symbol[0] == "floor" and coefficient == 1:
        inner, other = symbol[1]
        return whole + Linear(0, ((("floor", (inner, other * divisor)), 1),))
    return whole + Linear(0, ((("floor", (rest, divisor)), 1),))


def remainder(form: Linear, divisor: int) -> Linear | None:
    """form % divisor, if `form` is never negative and the divisor is positive."""
    found = quotient(form, divisor)
    return None if found is None else form + found.scaled(-divisor)


def without_zeros(form: Linear, most: Callable[[Linear], int | None]) -> Linear:
    """`form` without the quotients that are 0; most(f) is the largest value of f, None if not known.

    floor((c * a + r) / c) is a where r is less than c.
    """
    for symbol, coefficient in form.floors:
        inner, divisor = symbol[1]
        limit, whole = most(inner), Linear()
        if limit is None or limit >= divisor:
            whole, rest = _split(inner, divisor)
            limit = most(rest) if never_negative(rest) else None
        if limit is not None and limit < divisor:
            form = form + Linear(0, ((symbol, -coefficient),)) + whole.scaled(coefficient)
    return form


def _split(form: Linear, divisor: int) -> tuple[Linear, Linear]:
    """(a, r), of which `form` is divisor * a + r."""
    even = tuple((s, c // divisor) for s, c in form.terms if c % divisor == 0)
    odd = tuple(t for t in form.terms if t[1] % divisor)
    return Linear(form.constant // divisor, even), Linear(form.constant % divisor, odd)


def largest(form: Linear, extents: Mapping[Symbol, int]) -> int | None:
    """The largest value of a form whose symbols are all below their extents; None if that is not known."""
    if any(s not in extents or c < 0 for s, c in form.terms):
        return None
    return form.constant + sum(c * (extents[s] - 1) for s, c in form.terms)


def divisors(forms: Iterable[Linear]) -> dict[int, tuple[int, ...]] | None:
    """Per axis the numbers by which program ids are divided; None if quotients of something else are left."""
    found: dict[int, set[int]] = {}
    for form in forms:
        for (_, (inner, divisor)), _ in form.floors:
            if inner.constant or len(inner.terms) != 1:
                return None
            (kind, axis), coefficient = inner.terms[0]
            if kind != "program" or coefficient != 1:
                return None
            found.setdefault(axis, set()).add(divisor)
    return {axis: tuple(sorted(d)) for axis, d in found.items()}


def in_parts(form: Linear, places: Mapping[int, tuple[int, ...]]) -> Linear:
    """`form` with the program ids of these axes as sums of digits.

    Places begin with 1 and each divides the next.
    """
    total = Linear(form.constant)
    for symbol, coefficient in form.terms:
        kind, what = symbol
        axis, divisor = (what[0].terms[0][0][1], what[1]) if kind == "floor" else (what, 1)
        if kind == "dim" or axis not in places:
            total = total + Linear(0, ((symbol, coefficient),))
            continue
        for place in places[axis]:
            if place >= divisor:
                part = ("part", (axis, place))
                total = total + Linear(0, ((part, coefficient * (place // divisor)),))
    return total
