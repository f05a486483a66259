"""Coordinate descent over schedules, as a function of what a callback says of them.

The callback is given schedules to look at together, the best so far first, and answers with a trial of each;
where it measures, it does so in turns, so that whatever slows the machine slows all of them.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ...lowering.schedule import Schedule

# What counts as better: by so much, and in so many of the rounds.
_GAIN = 1.03
_ROUNDS_WON = 0.75
# A schedule that is better by a hair in each direction in turn must not go round for ever.
_MOST_PASSES = 4


@dataclass(frozen=True, slots=True)
class Trial:
    """`costs`: one per round; or why there are none, in `refused`."""

    schedule: Schedule
    costs: tuple[float, ...] = ()
    refused: str = ""

    @property
    def cost(self) -> float:
        return statistics.median(self.costs)


# Values to try, by the name of a schedule's field.
Space = Mapping[str, Sequence[int | str]]
Judge = Callable[[Sequence[Schedule]], Sequence[Trial]]


@dataclass(frozen=True, slots=True)
class Found:
    """`trials`: all that was looked at, in order, the best one of each step first."""

    best: Schedule
    trials: tuple[Trial, ...]

    @property
    def refused(self) -> tuple[Trial, ...]:
        return tuple(dict.fromkeys(t for t in self.trials if t.refused))


def is_better(new: Trial, old: Trial) -> bool:
    """True if `new` is faster than `old` by more than noise. Their rounds belong together."""
    if new.refused or old.refused:
        return False
    won = sum(a < b for a, b in zip(new.costs, old.costs, strict=True))
    ratio = statistics.median(b / a for a, b in zip(new.costs, old.costs))
    return ratio >= _GAIN and won >= _ROUNDS_WON * len(new.costs)


def descend(
    start: Schedule,
    space: Space,
    judge: Judge,
    enough: Callable[[], bool] = lambda: False,
    whole: Callable[[Schedule], Schedule] = lambda schedule: schedule,
) -> Found:
    """The schedule that no change of one field makes better, as far as `judge` can tell.

    Begins with `start`, which wins what is not clearly better. Ends early when `enough` says so.
    `whole`: the schedule in which what is left to the model is what the model chose.
    """
    best, trials = start, list[Trial]()
    refused: set[Schedule] = set()
    left: set[Schedule] = set()  # what was best once: it has lost to what came after it
    for _ in range(_MOST_PASSES):
        before = best
        for name, values in space.items():
            if enough():
                return Found(best, tuple(trials))
            same = whole(best)
            others = [replace(same, **{name: v}) for v in values]  # type: ignore[arg-type]
            wanted = [s for s in others if s not in (best, same) and s not in refused | left]
            if not wanted:
                continue
            now, *found = judge([best, *wanted])
            trials += [now, *found]
            refused |= {t.schedule for t in found if t.refused}
            if now.refused:
                return Found(best, tuple(trials))
            winners = [t for t in found if is_better(t, now)]
            if winners:
                left |= {best, same}
                best = min(winners, key=lambda t: t.cost).schedule
        if best == before:
            break
    return Found(best, tuple(trials))
