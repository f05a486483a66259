"""Runs the pytest-benchmark suites in bench/ and takes the ratios from their JSON."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...fusion.errors import TritonMlxError
from .baseline import Baseline, Measured
from .compare import ratios as compared


class BenchmarkFailed(TritonMlxError):
    """A benchmark failed, or missed the floor that it asserts."""

    code = "BENCHMARK_FAILED"


def run(folder: Path, wanted: Sequence[str] = (), *, short: bool = False) -> list[dict[str, Any]]:
    """Records of the benchmarks in `folder`: "name" and "extra_info" (see bench/README.md).

    `wanted`: names of earlier records, or subfolders; all if empty. `short`: only those marked so.
    pytest's output goes to stderr. Raises BenchmarkFailed.
    """
    with tempfile.TemporaryDirectory() as temporary:
        result = Path(temporary) / "result.json"
        command = [
            sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder),
            "-o", "python_files=bench_*.py",
            f"--benchmark-json={result}", "--benchmark-columns=median",
            *(("-m", "short") if short else ()), *(wanted or ["."]),
        ]  # fmt: skip
        done = subprocess.run(command, cwd=folder, stdout=sys.stderr, check=False)
        if done.returncode:
            raise BenchmarkFailed(
                f"the benchmarks in {folder} ended with code {done.returncode}",
                why="pytest's output above says which and why",
                hint="python -m triton_mlx doctor says what is missing here",
            )
        found = json.loads(result.read_text())["benchmarks"]
    return [{"name": b["fullname"], "extra_info": b["extra_info"]} for b in found]


def measured(records: Sequence[Mapping[str, Any]]) -> dict[str, Measured]:
    """Ratios by the name of their benchmark."""
    return {
        r["name"]: Measured(
            r["extra_info"]["config"], r["extra_info"]["target"], round(r["extra_info"]["ratio"], 3)
        )
        for r in records
    }


def confirmed(folder: Path, baseline: Baseline, now: dict[str, Measured]) -> dict[str, Measured]:
    """`now`, where ratios below the baseline are measured once more and the better one counts.

    A machine that is busy for a second must not fail a gate; a slower kernel is slower twice.
    """
    low = [c.name for c in compared(baseline.ratios, now, whole=False) if c.fails]
    if not low:
        return now
    again = measured(run(folder, low))
    best = {n: replace(now[n], ratio=max(now[n].ratio, m.ratio)) for n, m in again.items()}
    return now | best
