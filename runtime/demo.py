"""`python -m triton_mlx demo`: ordinary kernels and a small real model, with measured times.

Every row runs one of `triton_mlx.examples` on mx.arrays, MLX's own operation on the same arrays in
alternating rounds, and the same kernel under Triton's interpreter once. Errors are against numpy
in float64.
"""

from __future__ import annotations

import json as json_module
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TextIO

from .demo_cases import Case, Verdict, cases
from .demo_model import MissingDataError, classifier

if TYPE_CHECKING:
    from ..examples.interpreted import Interpreter

SCHEMA = 1
ROUNDS = 15
# No more rounds of a case once it has taken this long, in seconds.
LONG_ENOUGH = 2.0


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. Times are medians in seconds; None where there is no figure."""

    kernel: str
    shape: str
    max_error: float | None = None
    error_against: str = "numpy, float64"
    ours_s: float | None = None
    mlx_s: float | None = None
    interpreter_s: float | None = None
    interpreter_part: str = "all, once"
    metal_lines: int | None = None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What the demo found: the rows, and sentences about them."""

    rows: list[Row]
    notes: list[str]
    ok: bool


def run(json: bool, stream: TextIO) -> int:
    """Run the demo and write its table, or with `json` a JSON object, to `stream`.

    Returns 0 if everything ran and the model predicted what MLX predicts, 1 otherwise.
    """
    report = _collect()
    if json:
        data = {"schema": SCHEMA, "ok": report.ok, "rows": [asdict(row) for row in report.rows]}
        stream.write(json_module.dumps(data | {"notes": report.notes}, indent=2) + "\n")
    else:
        _print_table(report, stream)
    return 0 if report.ok else 1


def _collect() -> Report:
    from ..examples.interpreted import Interpreter

    rows: list[Row] = []
    notes: list[str] = []
    ok = True
    todo: list[tuple[str, Callable[[], Case]]] = [
        *((case.kernel, lambda case=case: case) for case in cases()),
        ("digits classifier", classifier),
    ]
    with Interpreter() as interpreter:
        for _, build in _progress(todo):
            try:
                case = build()
            except MissingDataError as missing:
                notes.append(str(missing))
                continue
            row = _measure(case, interpreter)
            rows.append(row)
            verdict = _judge(case, row)
            ok = ok and verdict.ok
            if verdict.text:
                notes.append(verdict.text)
    return Report(rows, notes, ok)


def _judge(case: Case, row: Row) -> Verdict:
    """Whether the row is as it should be, with a sentence where there is something to say."""
    if row.failure:
        return Verdict(f"{row.kernel}: {row.failure}", ok=False)
    if row.max_error is None or not row.max_error <= case.limit:
        text = f"{row.kernel}: the error is {row.max_error}, at most {case.limit} was expected."
        return Verdict(text, ok=False)
    return case.verdict() if case.verdict else Verdict("", ok=True)


def _measure(case: Case, interpreter: Interpreter) -> Row:
    """The row of one case; a launch that is refused becomes the row's `failure`."""
    import mlx.core as mx

    row: dict[str, Any] = {"kernel": case.kernel, "shape": case.shape}
    try:
        got = case.function(*case.args)
        mx.eval(got)
        lines = case.metal_lines()
        ours, theirs = _alternate(lambda: case.function(*case.args), case.mlx)
    except Exception as error:
        # Whatever went wrong in one kernel, the other rows are still worth having.
        return Row(**row, failure=f"{type(error).__name__}: {error}".splitlines()[0])
    row |= {"ours_s": ours, "mlx_s": theirs, "metal_lines": lines}
    try:
        interpreted, seconds = interpreter.call(case.function, *case.args)
    except RuntimeError as error:
        return Row(**row, failure=f"not interpreted: {str(error).splitlines()[-1]}")
    if case.formula is None:
        row |= {"max_error": _distance(got, interpreted), "error_against": "interpreter"}
    else:
        row["max_error"] = _distance(got, case.formula())
    return Row(**row, interpreter_s=seconds)


def _alternate(
    ours: Callable[[], Any], theirs: Callable[[], Any] | None
) -> tuple[float, float | None]:
    """Median seconds of both, measured in turns, so that a busy machine slows both alike."""
    both = [ours] if theirs is None else [ours, theirs]
    times: list[list[float]] = [[] for _ in both]
    for function in both:
        _seconds(function)
    begin = time.perf_counter()
    for done in range(ROUNDS):
        for function, list_ in zip(both, times, strict=True):
            list_.append(_seconds(function))
        if done >= 2 and time.perf_counter() - begin > LONG_ENOUGH:
            break
    medians = [statistics.median(list_) for list_ in times]
    return medians[0], medians[1] if theirs else None


def _seconds(function: Callable[[], Any]) -> float:
    import mlx.core as mx

    begin = time.perf_counter()
    mx.eval(function())
    return time.perf_counter() - begin


def _distance(got: Any, want: Any) -> float:
    """Largest difference between two arrays, or between the first ones of two tuples."""
    import mlx.core as mx
    import numpy as np

    def values(array: Any) -> Any:
        first = array[0] if isinstance(array, tuple) else array
        return np.asarray(first.astype(mx.float32) if isinstance(first, mx.array) else first)

    return float(np.abs(values(got).astype(np.float64) - values(want)).max())


def _progress(todo: list[Any]) -> Any:
    """Iterate, with a progress bar on stderr if that is a terminal."""
    if not sys.stderr.isatty():
        return iter(todo)
    try:
        from rich.console import Console
        from rich.progress import track
    except ImportError:
        return _plain_progress(todo)
    return track(todo, "Running", console=Console(stderr=True), transient=True)


def _plain_progress(todo: list[Any]) -> Any:
    for position, item in enumerate(todo):
        sys.stderr.write(f"\r{position + 1}/{len(todo)} {item[0]:<40}")
        sys.stderr.flush()
        yield item
    sys.stderr.write("\r" + " " * 60 + "\r")


_HEADINGS = (
    "kernel", "shape", "max error", "ours", "MLX's own op", "Triton interpreter", "lines of Metal",
)  # fmt: skip


def _cells(row: Row) -> tuple[str, ...]:
    if row.failure:
        return (row.kernel, row.shape, "failed", "", "", "", "")
    against = "" if row.error_against.startswith("numpy") else f" ({row.error_against})"
    return (
        row.kernel,
        row.shape,
        "" if row.max_error is None else f"{row.max_error:.1e}{against}",
        _duration(row.ours_s),
        _duration(row.mlx_s),
        _duration(row.interpreter_s),
        "" if row.metal_lines is None else str(row.metal_lines),
    )


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1e3:.2f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f} us"


def _print_table(report: Report, stream: TextIO) -> None:
    table = [_cells(row) for row in report.rows]
    try:
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        _print_plain(table, stream)
    else:
        shown = Table(*_HEADINGS[:2], box=None, pad_edge=False)
        for heading in _HEADINGS[2:]:
            shown.add_column(heading, justify="right")
        for cells in table:
            shown.add_row(*cells)
        wide = None if stream.isatty() else 140
        Console(file=stream, width=wide, highlight=False).print(shown)
    caption = "Times are medians of alternating rounds; the interpreter ran each row once."
    stream.writelines(note + "\n" for note in (caption, *report.notes))


def _print_plain(table: list[tuple[str, ...]], stream: TextIO) -> None:
    lines = [_HEADINGS, *table]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    for line in lines:
        left = [cell.ljust(width) for cell, width in zip(line[:2], widths[:2], strict=True)]
        right = [cell.rjust(width) for cell, width in zip(line[2:], widths[2:], strict=True)]
        stream.write("  ".join(left + right).rstrip() + "\n")
