"""The launches of a script, each different one once, with the arrays that they began with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import launch as launches
from .. import lowered, native
from ..report import history
from ..script import ran
from .lookup import Seen, listening
from .store import size_class

Function = Any


@dataclass(slots=True)
class Recording:
    """`finished`: the script came to its end; `seen`: in the order of first launches."""

    finished: bool = False
    seen: list[Seen] = field(default_factory=list)


def recorded(script: str, arguments: Sequence[str]) -> Recording:
    """Run `script` with the model's schedules. Raises WrongUsage if there is no such file.

    Launches that a fuse scope made one are there as that one. A launch in a scope that stays apart is there
    if its arrays had been computed before: to keep others would change what the scope may join.
    """
    found: dict[Any, tuple[Seen, bool]] = {}

    def note(seen: Seen) -> None:
        inside = launches.recorder.get() is not None
        if inside and any(map(_is_pending, seen.arrays)):
            return
        size = size_class(seen.scalars, seen.grid, seen.sizes)
        found.setdefault((seen.text, seen.num_warps, seen.facts, size), (seen, inside))

    with listening(note):
        finished = ran(script, arguments)
    joined = _joined()
    kept = [s for s, inside in found.values() if not (inside and _is_one_of(s, joined))]
    return Recording(finished, kept)


def _is_pending(array: Any) -> bool:
    """True if something must still be computed for `array`."""
    if native.nodes((array,)) is None:
        return False  # launches are eager
    return native.origin(array, {})[2] != ""


def _joined() -> list[tuple[Function, tuple[int, ...]]]:
    """Kernels and grids of the launches that scopes have joined with others."""
    reports = [past.report for past in history.scopes()]
    return [
        (report.launches[m].function, report.launches[m].grid)
        for report in reports
        for members in report.groups
        if len(members) > 1
        for m in members
    ]


def _is_one_of(seen: Seen, joined: Sequence[tuple[Function, tuple[int, ...]]]) -> bool:
    function = lowered.function_of(seen.text)
    return any(grid == seen.grid and function == other for other, grid in joined)
