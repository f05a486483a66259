"""Tuning one recorded launch: where it is judged, the search, and what is kept of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone

from ... import hwinfo
from ...fusion.errors import TritonMlxError
from ...fusion.graph import Function
from ...hwinfo import Capability
from ...lowering.schedule import MODEL, Schedule
from .. import lowered
from ..commands import WrongUsage
from ..native import cxx
from ..report import details
from ..target import Choice, has_cuda
from .lookup import Grid, Seen
from .measure import ByModel, ByTime, Untunable
from .replay import Replay
from .search import Found, Trial, descend
from .space import space
from .store import Entry, key_of, save, size_class


@dataclass(frozen=True, slots=True)
class Place:
    """Where schedules are judged.

    `choice`: whose launches the result is for; `run_on`: where they run meanwhile, the same one if
    `measured`; `chip`: as people call it.
    """

    choice: Choice
    run_on: Choice
    chip: str
    measured: bool

    def __str__(self) -> str:
        if self.measured:
            return f"{self.choice.name}, {self.chip}: measured"
        return f"{self.chip}: RANKED BY A MODEL, nothing was measured (no such chip is here)"

    @property
    def afterwards(self) -> str:
        if self.measured:
            return "Launches on this machine use the best schedules from now on."
        return (
            "Launches do not use these: measure on the chip itself. Costs are relative, not times."
        )


def place_for(target: str, chip: str) -> Place:
    """Where to judge for a target and a row of the hardware table ("": what is here).

    Raises WrongUsage, UnknownChip.
    """
    import mlx.core as mx

    name = target or hwinfo.find(chip).backend
    if name == "host":
        if chip and hwinfo.find(chip).backend != "host":
            raise WrongUsage(f"--target host does not run on {chip}")
        return _measured(Choice("host"), cxx.cpu_name())
    if name == "cuda":
        if not has_cuda(mx):
            raise WrongUsage("--target cuda: MLX has no CUDA GPU here, and none is modelled")
        return _measured(Choice("cuda", chip=chip), lowered.capability("cuda").name)
    if name == "metal" and mx.metal.is_available():
        here = lowered.capability("metal").name
        if not chip or hwinfo.find(chip).name == here:
            return _measured(Choice("metal"), here)
    row = hwinfo.find(details.chip_here(chip))
    if row.backend != "metal":
        raise WrongUsage(f"--target {name} takes rows of Apple GPUs, and {chip!r} is none")
    return Place(Choice("metal", chip=row.name), Choice("simulate", chip=row.name), row.name, False)


def _measured(choice: Choice, chip: str) -> Place:
    return Place(choice, choice, chip, True)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one kernel. `model`: what the model chose, in words; `entry`: None if nothing was tried;
    `tried`: how many other schedules were judged; `note`: what else there is to say."""

    kernel: str
    location: str
    grid: Grid
    place: Place
    model: str
    entry: Entry | None = None
    tried: int = 0
    refused: tuple[Trial, ...] = ()
    note: str = ""


def tune(seen: Seen, place: Place, enough: Callable[[], bool]) -> Result:
    """Search for `seen`, and keep what was found. `enough`: the time is up."""
    function = lowered.function_of(seen.text)
    location = f"{seen.file or function.loc.file or '?'}:{function.loc.line}"
    row = lowered.capability(place.run_on.arch)
    start = Result(function.name, location, seen.grid, place, "")
    try:
        replay = Replay(seen, place.run_on)
        start = _with_model(start, replay, row)
        if enough():
            return _noted(start, "not tuned: the budget is spent")
        return _searched(start, seen, replay, function, row, enough)
    except (TritonMlxError, Untunable, cxx.NoCompiler, RuntimeError) as error:
        return _noted(start, f"not tuned: {error}".split("\n")[0])


def _searched(
    start: Result,
    seen: Seen,
    replay: Replay,
    function: Function,
    row: Capability,
    enough: Callable[[], bool],
) -> Result:
    place, model = start.place, replay.kernel(MODEL)
    values = space(function, row, seen.grid, model.costs)
    chosen = MODEL if row.backend == "host" else model.choice

    def whole(schedule: Schedule) -> Schedule:
        return chosen if schedule == MODEL else schedule

    note = ""
    if place.measured:
        timed = ByTime(replay)
        found = descend(MODEL, values, timed, enough, whole)
        best, old, new = timed.confirmed(found.best)
        if row.backend == "host":
            note = f"measured on {timed.threads} thread{'s' if timed.threads > 1 else ''}"
    else:
        ranked = ByModel(replay, row)
        found = descend(MODEL, values, ranked, enough, whole)
        best = found.best
        old, new = ranked([MODEL, best]) if best != MODEL else [ranked([MODEL])[0]] * 2
    entry = Entry(
        key_of(
            seen.text,
            place.choice,
            seen.num_warps,
            dict(seen.facts),
            size_class(seen.scalars, seen.grid, seen.sizes),
        ),
        "measured" if place.measured else "modelled",
        place.choice.name,
        place.chip,
        start.kernel,
        start.location,
        best,
        new.cost,
        old.cost,
        len(new.costs) if place.measured else 0,
        datetime.now(timezone.utc).date().isoformat(),
    )
    save(entry)
    if enough():
        note = "; ".join(filter(None, (note, "the budget ended the search")))
    return Result(
        start.kernel,
        start.location,
        start.grid,
        place,
        start.model,
        entry,
        _tried(found),
        found.refused,
        note,
    )


def _tried(found: Found) -> int:
    return len({t.schedule for t in found.trials} - {MODEL})


def _with_model(start: Result, replay: Replay, row: Capability) -> Result:
    """With what the model chose."""
    if row.backend == "host":
        text = "the compiler's vectors"
    else:
        count = replay.kernel(MODEL).threads // row.value("simd_width")
        text = f"{count} simdgroup{'s' if count > 1 else ''}"
    return Result(start.kernel, start.location, start.grid, start.place, text)


def _noted(start: Result, note: str) -> Result:
    return Result(
        start.kernel, start.location, start.grid, start.place, start.model or "-", note=note
    )
