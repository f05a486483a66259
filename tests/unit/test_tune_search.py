"""Coordinate descent over schedules: a pure function of what its judge says."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triton_mlx.lowering.schedule import MODEL, Schedule
from triton_mlx.runtime.tune.search import Found, Trial, descend, is_better

SPACE = {"simdgroups": (1, 2, 4), "vector_bits": (128, 256, 512), "axis": (1, 2)}
ALL = [
    Schedule(**dict(zip(SPACE, values)))
    for values in itertools.product(*((None, *options) for options in SPACE.values()))
]
# What a schedule costs, in parts whose differences count as more than noise; None: it is refused.
costs = st.fixed_dictionaries(
    {s: st.one_of(st.none(), st.integers(1, 40)) if s != MODEL else st.integers(1, 40) for s in ALL}
)


class Judge:
    def __init__(self, table: Mapping[Schedule, int | None]):
        self.table, self.asked = table, list[Sequence[Schedule]]()

    def __call__(self, schedules: Sequence[Schedule]) -> list[Trial]:
        self.asked.append(schedules)
        return [self.trial(s) for s in schedules]

    def trial(self, schedule: Schedule) -> Trial:
        cost = self.table[schedule]
        return (
            Trial(schedule, refused="no") if cost is None else Trial(schedule, (float(cost),) * 5)
        )


def neighbours(schedule: Schedule) -> list[Schedule]:
    return [replace(schedule, **{n: v}) for n, values in SPACE.items() for v in values]


@given(costs)
def test_what_it_finds_is_right_and_no_worse_than_the_start(
    table: Mapping[Schedule, int | None],
) -> None:
    judge = Judge(table)
    best = descend(MODEL, SPACE, judge).best
    assert table[best] is not None
    assert best == MODEL or is_better(judge.trial(best), judge.trial(MODEL))


@given(costs)
def test_it_ends_where_no_single_change_is_better(table: Mapping[Schedule, int | None]) -> None:
    judge = Judge(table)
    found = descend(MODEL, SPACE, judge)
    if len(judge.asked) < 4 * len(SPACE):  # it did not give up
        here = judge.trial(found.best)
        once = {asked[0] for asked in judge.asked}
        better = [s for s in neighbours(found.best) if is_better(judge.trial(s), here)]
        assert set(better) <= once


@given(costs)
def test_each_is_judged_beside_the_best_and_a_refused_one_never_again(
    table: Mapping[Schedule, int | None],
) -> None:
    judge = Judge(table)
    found = descend(MODEL, SPACE, judge)
    seen = [s for asked in judge.asked for s in asked[1:]]
    assert all(len(set(asked)) == len(asked) for asked in judge.asked)
    assert all(seen.count(t.schedule) == 1 for t in found.refused)
    assert len(judge.asked) <= 4 * len(SPACE)


def test_it_goes_along_one_field_after_the_other() -> None:
    table = {s: 100 - 10 * (s.simdgroups or 0) - (s.axis or 0) * 20 for s in ALL}
    assert descend(MODEL, SPACE, Judge(table)).best == Schedule(simdgroups=4, axis=2)


def test_a_refused_start_is_kept() -> None:
    found = descend(MODEL, SPACE, Judge(dict.fromkeys(ALL)))
    assert found.best == MODEL and len(found.trials) == 4


def test_without_time_nothing_is_judged() -> None:
    judge = Judge(dict.fromkeys(ALL, 1))
    assert descend(MODEL, SPACE, judge, lambda: True) == Found(MODEL, ())
    assert judge.asked == []


@pytest.mark.parametrize(
    ("new", "old", "wins"),
    [
        ((1.0, 1.0, 1.0, 1.0), (2.0, 2.0, 2.0, 2.0), True),
        ((1.0, 1.0, 1.0, 1.0), (1.02, 1.02, 1.02, 1.02), False),  # by a hair
        ((1.0, 1.0, 9.0, 9.0), (2.0, 2.0, 2.0, 2.0), False),  # in half of the rounds
        ((1.0, 1.0, 1.0, 9.0), (2.0, 2.0, 2.0, 2.0), True),  # one round was disturbed
        ((2.0, 2.0, 2.0, 2.0), (2.0, 2.0, 2.0, 2.0), False),
    ],
)
def test_better_is_more_than_noise(
    new: tuple[float, ...], old: tuple[float, ...], wins: bool
) -> None:
    assert is_better(Trial(MODEL, new), Trial(MODEL, old)) is wins


def test_what_is_refused_is_never_better() -> None:
    assert not is_better(Trial(MODEL, refused="wrong"), Trial(MODEL, (1.0,)))
