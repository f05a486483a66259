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
from ..settings import without
from .baseline import Baseline, Measured
from .compare import ratios as compared

_TESTS_FAILED = 1  # pytest's exit code
_ATTEMPTS = 2  # beside the first

# With more, a ratio against something that runs on one core says how many cores were free.
GATE_THREADS = 1


class BenchmarkFailed(TritonMlxError):
    """A benchmark failed, or missed the floor that it asserts."""

    code = "BENCHMARK_FAILED"


def run(
    folder: Path, wanted: Sequence[str] = (), *, short: bool = False, threads: int = 0
) -> list[dict[str, Any]]:
    """Records of the benchmarks in `folder`: "name" and "extra_info" (see bench/README.md).

    `wanted`: names of earlier records, or subfolders; all if empty. `short`: only those marked so.
    `threads`: of the host target, 0 for one per core. What misses the floor that it asserts runs once
    more: a machine may be busy. pytest's output goes to stderr. Raises BenchmarkFailed.
    """
    chosen = (*(("-m", "short") if short else ()), *(wanted or ["."]))
    with tempfile.TemporaryDirectory() as temporary:
        code, found = _pytest(folder, chosen, Path(temporary), threads)
        if code == _TESTS_FAILED:
            code, again = _pytest(folder, (*chosen, "--last-failed"), Path(temporary), threads)
            found |= again
    if code:
        raise BenchmarkFailed(
            f"the benchmarks in {folder} ended with code {code}",
            why="pytest's output above says which and why",
            hint="python -m triton_mlx doctor says what is missing here",
        )
    return [{"name": name, "extra_info": info} for name, info in found.items()]


def _pytest(
    folder: Path, arguments: Sequence[str], temporary: Path, threads: int
) -> tuple[int, dict[str, dict[str, Any]]]:
    """Exit code, and `extra_info` by name."""
    result = temporary / "result.json"
    result.unlink(missing_ok=True)
    command = [
        sys.executable, "-m", "pytest", "-q", "-o", f"cache_dir={temporary / 'cache'}",
        "--rootdir", str(folder), "-o", "python_files=bench_*.py",
        f"--benchmark-json={result}", "--benchmark-columns=median", *arguments,
    ]  # fmt: skip
    # A test may run this: what pytest told that test's process is not for the one that measures.
    environment = without("PYTEST_", threads=str(threads))
    done = subprocess.run(command, cwd=folder, env=environment, stdout=sys.stderr, check=False)
    code = done.returncode
    text = result.read_text() if result.exists() else ""
    found = json.loads(text)["benchmarks"] if text else []
    return code, {b["fullname"]: b["extra_info"] for b in found}


def measured(records: Sequence[Mapping[str, Any]]) -> dict[str, Measured]:
    """Ratios by the name of their benchmark: of processor time where that was taken."""
    return {r["name"]: _measured(r["extra_info"]) for r in records}


def _measured(info: Mapping[str, Any]) -> Measured:
    ratio = info.get("processor_ratio", info["ratio"])
    return Measured(info["config"], info["target"], round(ratio, 3))


def confirmed(folder: Path, baseline: Baseline, now: dict[str, Measured]) -> dict[str, Measured]:
    """`now`, where ratios below the baseline are measured again and the best one counts.

    A machine that is busy for a while must not fail a gate; a slower kernel is slower each time.
    """
    for _ in range(_ATTEMPTS):
        low = [c.name for c in compared(baseline.ratios, now, whole=False) if c.fails]
        if not low:
            break
        again = measured(run(folder, low, threads=GATE_THREADS))
        now = now | {n: replace(m, ratio=max(now[n].ratio, m.ratio)) for n, m in again.items()}
    return now
