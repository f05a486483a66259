"""What got worse, and what better, against the baseline. Counts exactly, ratios with a tolerance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .baseline import Counted, Measured

WORSE, BETTER, NEW, GONE, SAME = "worse", "better", "new", "gone", "same"
FAILING = (WORSE, GONE)


@dataclass(frozen=True, slots=True)
class Change:
    """One number. `gone`: no longer measured, so nobody would see it get worse. `new` fails nothing."""

    name: str
    measure: str
    before: float | None
    now: float | None
    verdict: str

    @property
    def fails(self) -> bool:
        return self.verdict in FAILING


def counts(before: Mapping[str, Counted], now: Mapping[str, Counted]) -> Iterator[Change]:
    """Every number of every case; a number that is not there is 0, and less is better."""
    for name in dict.fromkeys((*before, *now)):
        if name not in now:
            yield Change(name, "all counts", None, None, GONE)
        elif name not in before:
            yield Change(name, "all counts", None, None, NEW)
        elif (before[name].config, before[name].target) != (now[name].config, now[name].target):
            yield Change(name, "another configuration", None, None, GONE)
        else:
            yield from _numbers(name, before[name].values, now[name].values)


def _numbers(name: str, before: Mapping[str, int], now: Mapping[str, int]) -> Iterator[Change]:
    for measure in dict.fromkeys((*before, *now)):
        old, new = before.get(measure, 0), now.get(measure, 0)
        yield Change(name, measure, old, new, WORSE if new > old else BETTER if new < old else SAME)


def ratios(
    before: Mapping[str, Measured], now: Mapping[str, Measured], whole: bool
) -> Iterator[Change]:
    """Every ratio; more is better. `whole`: all benchmarks ran, so one that is missing is gone."""
    for name in dict.fromkeys((*before, *now)):
        if name not in now:
            if whole:
                yield Change(name, "ratio", before[name].ratio, None, GONE)
            continue
        new = now[name].ratio
        if name not in before:
            yield Change(name, "ratio", None, new, NEW)
            continue
        yield Change(name, "ratio", before[name].ratio, new, _judged(before[name], new))


def _judged(before: Measured, now: float) -> str:
    if now < before.ratio * (1 - before.tolerance):
        return WORSE
    return BETTER if now > before.ratio / (1 - before.tolerance) else SAME
