"""`tune SCRIPT`: run a script, then try other schedules for what it launched, and keep what wins."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, TextIO

from ...lowering.schedule import MODEL
from .. import tables
from ..commands import WrongUsage, write_json
from ..report import units
from ..target import Choice
from .record import recorded
from .tuned import Place, Result, place_for, tune


def run(
    script: str,
    arguments: Sequence[str],
    *,
    target: str,
    chip: str,
    budget: float,
    json: bool,
    stream: TextIO,
) -> int:
    """Tune every kernel that `script` launches, on `target` ("": where it ran) and `chip`.

    `budget`: seconds of trying, without the script's own. What the script prints goes to stderr. Returns 0,
    or 1 if the script fails (what it launched until then is tuned) or launches nothing. Raises WrongUsage,
    UnknownChip and UnknownTarget.
    """
    asked = place_for(target, chip) if target or chip else None
    recording = recorded(script, arguments)
    if not recording.seen:
        print(f"triton-mlx: {script} launched no kernel", file=sys.stderr)
        return 1
    end = time.monotonic() + budget
    results: list[Result] = []
    places: dict[Choice, Place] = {}
    with _progress(len(recording.seen)) as step:
        for seen in recording.seen:
            place = asked or places.setdefault(
                seen.choice, place_for(seen.choice.name, seen.choice.chip)
            )
            results.append(tune(seen, place, lambda: time.monotonic() >= end))
            step(results[-1].kernel)
    if json:
        data = [_data(r) for r in results]
        write_json({"finished": recording.finished, "kernels": data}, stream)
    else:
        _show(results, stream)
    return 0 if recording.finished else 1


def _data(result: Result) -> dict[str, Any]:
    """Costs are seconds where measured, else relative; None where nothing was tried."""
    entry = result.entry
    return {
        "name": result.kernel,
        "place": result.location,
        "grid": list(result.grid),
        "target": result.place.choice.name,
        "chip": result.place.chip,
        "kind": "measured" if result.place.measured else "modelled",
        "model": result.model,
        "best": None if entry is None else asdict(entry.schedule),
        "cost": None if entry is None else entry.cost,
        "model_cost": None if entry is None else entry.model_cost,
        "gain": None if entry is None else entry.gain,
        "rounds": None if entry is None else entry.rounds,
        "tried": result.tried,
        "refused": [{"schedule": asdict(t.schedule), "why": t.refused} for t in result.refused],
        "note": result.note,
    }


_HEADINGS = ("kernel", "place", "grid", "model's choice", "best", "model", "best", "gain")


def _show(results: Sequence[Result], stream: TextIO) -> None:
    for place in dict.fromkeys(r.place for r in results):
        mine = [r for r in results if r.place == place]
        stream.write(f"{place}\n")
        tables.show(stream, _HEADINGS, [_line(r) for r in mine], right=(5, 6, 7))
        for result in mine:
            for text in _remarks(result):
                stream.write(f"{result.kernel}: {text}\n")
        stream.write(f"{place.afterwards}\n")


def _line(result: Result) -> list[str]:
    grid = " x ".join(str(n) for n in result.grid if n > 1) or "1"
    start = [result.kernel, result.location, grid, result.model]
    entry = result.entry
    if entry is None:
        return [*start, "-", "-", "-", "-"]
    cost: Callable[[float], str] = (
        units.seconds if result.place.measured else lambda c: f"{c / entry.model_cost:.2f}"
    )
    best = "the same" if entry.schedule == MODEL else str(entry.schedule)
    gain = f"{entry.gain:.2f}x"
    return [*start, best, cost(entry.model_cost), cost(entry.cost), gain]


def _remarks(result: Result) -> Iterator[str]:
    if result.note:
        yield result.note
    for trial in result.refused:
        yield f"not {trial.schedule}: {trial.refused}"


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str], None]]:
    """A bar on stderr, if that is a terminal and rich is installed."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    except ImportError:
        yield lambda name: None
        return
    console = Console(stderr=True)
    columns = (
        TextColumn("tuning"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[name]}"),
    )
    bar = Progress(*columns, console=console, disable=not console.is_terminal, transient=True)
    with bar:
        task = bar.add_task("", total=total, name="")
        yield lambda name: bar.update(task, advance=1, name=name)


def checked_budget(text: str) -> float:
    """Seconds, more than none. Raises WrongUsage."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise WrongUsage(f"--budget {text}: give seconds, such as 60")
    return seconds
