"""The command line: some seeds in this process, or many in worker processes that come and go.

A worker takes seeds one after another, so that the start of Python, Triton and MLX is paid once for
many kernels, and ends after a number of seeds or when it has grown; whatever it dies of is the
result of the seed that it was at.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from .check import TARGETS, reproduce
from .run import MALFORMED, REFUSED, WRONG, Outcome, run

GROWN = 2 << 20  # KiB of memory at which a worker ends


def main() -> int:
    """Returns 1 if a kernel gave a wrong result or a crash."""
    options = _options()
    first, _, end = options.seeds.partition(":")
    seeds = range(int(first), int(end) if end else int(first) + 1)
    targets = tuple(options.targets.split(","))
    if not set(targets) <= set(TARGETS) or not set(targets) & {"host", "simulate"}:
        raise SystemExit(f"--targets takes some of {', '.join(TARGETS)}, not only the interpreter")
    if options.worker:
        return work(seeds, targets, options.shrink)
    tally = Tally(len(seeds), Path(options.summary) if options.summary else None)
    if options.jobs:
        from .pool import Pool

        Pool(
            seeds, targets, options.jobs, options.batch, options.shrink, tally, options.seconds
        ).run()
    else:
        _here(seeds, targets, options, tally)
    tally.finish()
    return 1 if tally.counts[WRONG] or tally.counts[MALFORMED] else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Random kernels against the oracles.")
    parser.add_argument("--seeds", default="0:100", help="one seed, or first:end")
    parser.add_argument("--shrink", action="store_true", help="print a smaller kernel that fails")
    parser.add_argument("--targets", default=",".join(TARGETS), help=f"some of {','.join(TARGETS)}")
    parser.add_argument("--jobs", type=int, default=0, help="worker processes; 0: this process")
    parser.add_argument("--batch", type=int, default=250, help="seeds of one worker process")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after this time")
    parser.add_argument("--summary", default="", help="file for the counts and failures, as JSON")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _here(
    seeds: range, targets: tuple[str, ...], options: argparse.Namespace, tally: Tally
) -> None:
    with tempfile.TemporaryDirectory() as name:
        for seed in seeds:
            if time.monotonic() - tally.start > options.seconds:
                print(f"stopped before seed {seed}")
                return
            tally.add(run(seed, Path(name), targets, smaller=options.shrink))


def work(seeds: range, targets: tuple[str, ...], smaller: bool) -> int:
    """Answer a line of JSON for each seed; stop early when this process has grown."""
    # What kernels and compilers print must not end among the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    with tempfile.TemporaryDirectory() as name:
        for seed in seeds:
            answers.write(json.dumps(run(seed, Path(name), targets, smaller=smaller).row()) + "\n")
            for path in Path(name).glob("*.py"):
                path.unlink()
            if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > GROWN:
                break
    return 0


@dataclass(slots=True)
class Tally:
    """Counts of outcomes, printed as they come and kept in a file."""

    total: int
    summary: Path | None
    start: float = field(default_factory=time.monotonic)
    counts: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    interpreter: Counter[str] = field(default_factory=Counter)
    failures: list[Outcome] = field(default_factory=list)
    peak: int = 0

    def add(self, outcome: Outcome) -> None:
        self.counts[outcome.verdict] += 1
        if outcome.interpreter:
            self.interpreter[outcome.interpreter[:120]] += 1
        if outcome.verdict == REFUSED:
            self.refusals[outcome.text.partition("\n")[0]] += 1
        elif outcome.verdict in (WRONG, MALFORMED):
            self.failures.append(outcome)
            print(f"--- seed {outcome.seed}: {outcome.verdict}: {outcome.text}")
            print(reproduce(outcome.seed), flush=True)
        done = sum(self.counts.values())
        if done % 100 == 0:
            print(self._line(done), flush=True)
            self.write()

    def _line(self, done: int) -> str:
        minutes = (time.monotonic() - self.start) / 60
        counts = ", ".join(f"{what} {n}" for what, n in sorted(self.counts.items()))
        return f"{done} of {self.total}: {counts}; {done / max(minutes, 1e-9):.0f} seeds a minute"

    def finish(self) -> None:
        print(self._line(sum(self.counts.values())))
        for title, rows in (("refused", self.refusals), ("not interpreted", self.interpreter)):
            for what, count in rows.most_common():
                print(f"{count:6} {title}: {what}")
        self.write()

    def write(self) -> None:
        """The summary so far; refusals by code, and by what was refused."""
        if self.summary is None:
            return
        codes: Counter[str] = Counter()
        for what, count in self.refusals.items():
            codes[what.partition(":")[0]] += count
        found = {
            "seeds": sum(self.counts.values()),
            "minutes": round((time.monotonic() - self.start) / 60, 2),
            "peak_mib": self.peak >> 10,
            "counts": dict(self.counts),
            "refusals_by_code": dict(codes.most_common()),
            "refusals": dict(self.refusals.most_common()),
            "not_interpreted": dict(self.interpreter.most_common()),
            "failures": [outcome.row() for outcome in self.failures],
        }
        text = json.dumps(found, indent=1)
        temporary = self.summary.with_name(self.summary.name + ".new")
        temporary.write_text(text)
        temporary.replace(self.summary)


def command_of(seeds: range, targets: tuple[str, ...], smaller: bool) -> list[str]:
    """The command of a worker."""
    found = [sys.executable, sys.argv[0], "--worker", "--seeds", f"{seeds.start}:{seeds.stop}"]
    found += ["--targets", ",".join(targets)]
    return [*found, "--shrink"] if smaller else found
