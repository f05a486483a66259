"""The table of what a tuner may change: its rows are fields of schedules, and apply where they say."""

from __future__ import annotations

from dataclasses import fields
from types import SimpleNamespace
from typing import Any, cast

import pytest

from triton_mlx import hwinfo
from triton_mlx.lowering.record import Costs
from triton_mlx.lowering.schedule import MODEL, PARAMETERS, Schedule
from triton_mlx.lowering.tunables import TUNABLES, Site, choices
from triton_mlx.runtime.tune.search import Trial, descend

NOTHING = cast(Any, SimpleNamespace(body=SimpleNamespace(walk=lambda: ())))


def names(chip: str, costs: Costs) -> list[str]:
    return [n for n, _ in choices(Site(NOTHING, hwinfo.find(chip), (4, 4, 1), costs))]


def test_every_field_of_a_schedule_has_one_row() -> None:
    assert sorted(r.name for r in TUNABLES) == sorted(f.name for f in fields(Schedule))


@pytest.mark.parametrize(
    ("costs", "wanted"),
    [
        (Costs(), ["simdgroups"]),
        (Costs(barriers=3, turns=2), ["simdgroups"]),  # no product
        (Costs(multiplications=8, turns=2), ["simdgroups", "unroll"]),
        (
            Costs(multiplications=8, turns=2, barriers=3),
            ["simdgroups", "staging", "split", "unroll"],
        ),
    ],
    ids=str,
)
def test_products_have_more_to_choose(costs: Costs, wanted: list[str]) -> None:
    assert names("M2 Pro", costs) == wanted


def test_what_the_model_left_open_is_filled_in_before_a_field_is_changed() -> None:
    """A schedule without a number of simdgroups leaves the rest to the model, whatever it says."""
    own, asked = Schedule(8, "doubled", 2), list[Schedule]()

    def judge(schedules: Any) -> list[Trial]:
        asked.extend(schedules)
        return [Trial(s, (1.0 if s.unroll == 4 else 2.0,) * 5) for s in schedules]

    space = {p.name: p.values for p in PARAMETERS}
    found = descend(MODEL, space, judge, whole=lambda s: own if s == MODEL else s)
    assert found.best == Schedule(8, "doubled", 2, 4)
    assert own not in asked
    assert all(s == MODEL or s.simdgroups == 8 for s in asked)
