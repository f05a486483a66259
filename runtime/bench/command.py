"""What `python -m triton_mlx bench` does and prints."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from .. import tables
from ..commands import WrongUsage, write_json
from . import compare, ratios
from .baseline import BENCH, DEFAULT, Baseline, Counted, Measured, NoBaseline, load, save, versions
from .compare import Change


@dataclass(frozen=True, slots=True)
class Wanted:
    """The command's options. `update`: a reason, or empty; `folder`: where the suites are."""

    gate: bool = False
    deterministic: bool = False
    short: bool = False
    update: str | None = None
    page: bool = False
    recorded: bool = False
    json: bool = False
    baseline: Path = DEFAULT
    folder: Path = BENCH
    suites: Sequence[str] = ()


def wanted_by(args: Any) -> Wanted:
    """The options as argparse gives them."""
    return Wanted(
        gate=args.gate,
        deterministic=args.deterministic,
        short=args.short,
        update=args.update,
        page=args.page,
        recorded=args.recorded,
        json=args.json,
        baseline=Path(args.baseline) if args.baseline else DEFAULT,
        suites=tuple(args.suite),
    )


def run(wanted: Wanted, stream: TextIO) -> int:
    """Exit code: 1 if something got worse. Raises WrongUsage, NoBaseline and BenchmarkFailed."""
    _check(wanted)
    if wanted.recorded:
        _write_page(None)
        return 0
    gating = wanted.gate or wanted.update is not None
    counts = counted() if gating or wanted.deterministic else None
    if not gating:
        records = (
            []
            if wanted.deterministic
            else ratios.run(wanted.folder, wanted.suites, short=wanted.short)
        )
        if wanted.page:
            _write_page(records)
        return _show(counts or {}, records, wanted.json, stream)
    if wanted.page:
        _write_page(ratios.run(wanted.folder))
    now = {} if wanted.deterministic else _gated(wanted)
    if wanted.update is not None:
        return _update(wanted, counts, None if wanted.deterministic else now, stream)
    before = load(wanted.baseline)
    now = ratios.confirmed(wanted.folder, before, now)
    changes = [
        *compare.counts(before.counts, counts or {}),
        *compare.ratios(before.ratios, now, _whole(wanted)),
    ]
    return report(changes, before, wanted.json, stream)


def _gated(wanted: Wanted) -> dict[str, Measured]:
    threads = ratios.GATE_THREADS
    return ratios.measured(
        ratios.run(wanted.folder, wanted.suites, short=wanted.short, threads=threads)
    )


def _check(wanted: Wanted) -> None:
    if wanted.update is not None and not wanted.update.strip():
        raise WrongUsage("--update needs a reason, which is kept in the baseline")
    if wanted.deterministic and (wanted.page or wanted.short or wanted.suites):
        raise WrongUsage("--deterministic measures no time: neither --page, --short nor --suite")
    if wanted.page and (wanted.short or wanted.suites):
        raise WrongUsage("--page shows all benchmarks: neither --short nor --suite")
    if wanted.recorded and (not wanted.page or wanted.gate or wanted.update is not None):
        raise WrongUsage("--recorded goes with --page alone: nothing is measured")
    missing = [str(p) for p in (wanted.folder / s for s in ("", *wanted.suites)) if not p.is_dir()]
    if missing and not wanted.deterministic:
        raise WrongUsage(
            f"there is no {missing[0]}: the benchmarks are in a clone of the repository"
        )


def _write_page(records: Sequence[dict[str, Any]] | None) -> None:
    """From what was measured, or with None from what was recorded before."""
    from .device import recorded
    from .page import recorded_results, results, write_page

    data = recorded_results() if records is None else results(records)
    for path in write_page(data, gpu=recorded()):
        print(f"wrote {path}", file=sys.stderr)


def _whole(wanted: Wanted) -> bool:
    return not (wanted.deterministic or wanted.short or wanted.suites)


def counted() -> dict[str, Counted]:
    """All of the gate's cases; progress goes to stderr."""
    from .counts import TARGET, cases, count

    found = {}
    for case in cases():
        found[case.name] = Counted(case.config, TARGET, count(case))
        print(f"counted {case.name}", file=sys.stderr)
    return found


def _update(
    wanted: Wanted,
    counts: dict[str, Counted] | None,
    now: dict[str, Measured] | None,
    stream: TextIO,
) -> int:
    try:
        before = load(wanted.baseline)
    except NoBaseline:
        if wanted.baseline.exists():
            raise
        before = Baseline()
    assert wanted.update is not None
    after = before.updated(wanted.update, counts, now, _whole(wanted))
    save(wanted.baseline, after)
    changes = [
        *compare.counts(before.counts, after.counts),
        *compare.ratios(before.ratios, after.ratios, whole=True),
    ]
    report(changes, after, wanted.json, stream)
    print(f"wrote {wanted.baseline}", file=sys.stderr)
    return 0


def report(changes: Sequence[Change], before: Baseline, json: bool, stream: TextIO) -> int:
    """What is not as it was, what got worse first. Returns 1 if something did."""
    failed = any(c.fails for c in changes)
    here, numbers = versions(), Counter(c.verdict for c in changes)
    if json:
        different = [asdict(c) for c in changes if c.verdict != compare.SAME]
        write_json({"ok": not failed, "changes": different, "compared": len(changes)}, stream)
        return int(failed)
    shown = sorted((c for c in changes if c.verdict != compare.SAME), key=lambda c: not c.fails)
    if shown:
        lines = [[c.verdict, c.name, c.measure, _text(c.before), _text(c.now)] for c in shown]
        headings = ("verdict", "case", "measure", "baseline", "now")
        styles = {compare.WORSE: "red", compare.GONE: "red", compare.BETTER: "green"}
        tables.show(stream, headings, lines, right=(3, 4), styles=styles)
    words = ", ".join(f"{numbers[v]} {v}" for v in ("same", "better", "new", "worse", "gone"))
    stream.write(f"{len(changes)} compared: {words}\n")
    if failed and any(c.fails and c.measure == "ratio" for c in changes):
        load, cores = os.getloadavg()[0], os.cpu_count()
        stream.write(f"Ratios were measured with a load of {load:.1f} on {cores} cores.\n")
    if here != before.made_with:
        stream.write(f"The baseline was made with {before.made_with}, this with {here}.\n")
    return int(failed)


def _text(number: float | None) -> str:
    return "" if number is None else f"{number:g}" if isinstance(number, int) else f"{number:.2f}"


def _show(
    counts: dict[str, Counted], records: Sequence[dict[str, Any]], json: bool, stream: TextIO
) -> int:
    if json:
        rows = {name: asdict(c) for name, c in counts.items()}
        write_json({"counts": rows, "benchmarks": list(records)}, stream)
        return 0
    if counts:
        lines = [[n, m, str(v)] for n, c in counts.items() for m, v in c.values.items()]
        tables.show(stream, ("case", "measure", "number"), lines, right=(2,))
    if records:
        lines = [
            [r["name"], r["extra_info"]["config"], f"{r['extra_info']['ratio']:.2f}"]
            for r in records
        ]
        tables.show(stream, ("benchmark", "config", "ratio"), lines, right=(2,))
    return 0
