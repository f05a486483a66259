"""What this process has launched since it started: a bounded number of different scopes and kernels.

A scope that does the same again is counted, not kept again. Launches outside scopes are known by their
compiled kernels, each with what its last launch was and how often it was made.

Every launch imports this file, so it imports nothing of the compiler's.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...fusion.joint.records import Decision, Launch
    from ..launch import Launcher
    from .report import FuseReport

MOST_SCOPES = 256


@dataclass(slots=True)
class Past:
    """A scope: the report of its last run, and how often it ran."""

    report: FuseReport
    times: int = 1


_scopes: dict[Any, Past] = {}
_forgotten = 0
_launchers: weakref.WeakSet[Launcher] = weakref.WeakSet()


def note(key: Any, report: FuseReport) -> None:
    """A scope has ended; `key` tells scopes apart. The one noted first is forgotten for a new one."""
    global _forgotten
    past = _scopes.get(key)
    if past is not None:
        past.report, past.times = report, past.times + 1
        return
    if len(_scopes) >= MOST_SCOPES:
        _forgotten += _scopes.pop(next(iter(_scopes))).times
    _scopes[key] = Past(report)


def scopes() -> tuple[Past, ...]:
    """The different scopes that have ended, in the order of their first ends."""
    return tuple(_scopes.values())


def watch(launcher: Launcher) -> None:
    """Let `plain` know a compiled kernel; it is not kept alive."""
    _launchers.add(launcher)


def plain() -> FuseReport:
    """The launches outside scopes: of each compiled kernel the last one, as often as it was launched."""
    from .report import FuseReport

    found = sorted((x for x in _launchers if x.plain), key=lambda x: x.number)
    launches = tuple(last_launch(x, k) for k, x in enumerate(found))
    choice = found[-1].choice if found else None
    return FuseReport(
        launches,
        launches,
        scalars=tuple(x.last_scalars for x in found),
        choice=choice,
        files=tuple(x.file for x in found),
        times=tuple(x.plain for x in found),
    )


def last_launch(launcher: Launcher, number: int = 0) -> Launch:
    """The last launch of a compiled kernel, as launch `number` of a report."""
    from .. import lowered
    from .plain import launch_of

    function = lowered.function_of(launcher.text)
    facts, sizes = launcher.last_facts, launcher.last_sizes
    scalars, grid = launcher.last_scalars, launcher.last_grid
    return launch_of(
        function.name, function, facts, sizes, scalars, grid, launcher.num_warps, number
    )


def everything() -> FuseReport:
    """All scopes and all launches outside them, as one report."""
    found = joined([*((p.report, p.times) for p in scopes()), (plain(), 1)])
    if not _forgotten:
        return found
    return replace(found, note=f"{_forgotten} scopes that ended earlier are not kept")


def joined(parts: Sequence[tuple[FuseReport, int]]) -> FuseReport:
    """Reports, each with how often it happened, as one: launches are numbered on."""
    from .report import FuseReport

    launches: list[Launch] = []
    kernels: list[Launch] = []
    decisions: list[Decision] = []
    scalars: list[bytes] = []
    files: list[str] = []
    times: list[int] = []
    for report, count in parts:
        shift, apart = len(launches), 1 + max(map(_versions, launches), default=0)
        launches += [_renumbered(x, shift, apart) for x in report.launches]
        kernels += [_renumbered(x, shift, apart) for x in report.kernels]
        decisions += [
            replace(d, first=d.first + shift, second=d.second + shift) for d in report.decisions
        ]
        scalars += report.scalars
        files += report.files
        times += [report.times_of(k) * count for k in range(len(report.kernels))]
    choice = next((r.choice for r, _ in reversed(parts) if r.choice), None)
    return FuseReport(
        tuple(launches),
        tuple(kernels),
        tuple(decisions),
        tuple(scalars),
        choice,
        tuple(files),
        tuple(times),
    )


def _versions(launch: Launch) -> int:
    return max((max(abs(b.before), abs(b.after)) for b in launch.buffers), default=0)


def _renumbered(launch: Launch, shift: int, apart: int) -> Launch:
    """With launch numbers `shift` higher, and versions that no launch before it has."""
    from ...fusion.joint.records import NOT_WRITTEN

    if not shift and apart == 1:
        return launch
    buffers = tuple(
        replace(
            b,
            before=_moved(b.before, apart),
            after=b.after if b.after == NOT_WRITTEN else _moved(b.after, apart),
        )
        for b in launch.buffers
    )
    return replace(
        launch,
        buffers=buffers,
        members=tuple(m + shift for m in launch.members),
        origins={k: (n + shift, p) for k, (n, p) in launch.origins.items()},
    )


def _moved(version: int, apart: int) -> int:
    return version + apart if version >= 0 else version - apart
