"""The part of docs/benchmarks.md on a GPU, from what bench/cuda/measure.py recorded there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .bars import Bar, Chart
from .baseline import BENCH

RECORDED = BENCH / "cuda" / "results.jsonl"
_OURS = "ours"
_TRACED = "ours, traced"  # the same launches, recorded once by mx.compile
_SEQUENCE = "sequence "

# What the data sheet of a device says: GB/s of its memory, and TFLOP/s of its tensor cores in 16 bits, without
# sparsity (NVIDIA H100 Tensor Core GPU data sheet, SXM5).
# A device that is not here has no roof on the page.
_ROOFS = {"NVIDIA H100 80GB HBM3": {"GB/s": 3350.0, "TFLOP/s": 989.4}}

_SECTION = """## On an NVIDIA GPU

`python bench/cuda/measure.py` on {device}, Triton {triton}; contenders in turn in one process, medians
in microseconds ([its results](../bench/cuda/results.jsonl); [cuda.md](cuda.md) on what they say). Times
faster than native Triton's same kernels, than MLX's operation or `mx.compile` of the formula. "Traced"
are launches that `mx.compile` recorded once; without it each call records them:

![How many times faster on the GPU](benchmarks/device.svg)

{table}
{roof}{wrong}"""

_ROOF = """
The roof of a kernel is what bounds it: memory ({GB/s:g} GB/s) or the tensor cores ({TFLOP/s:g} TFLOP/s), by
the data sheet. Elementwise work and work by rows is held against memory, with the bytes that must move, each
array once; products and attention are held against the tensor cores.

![Share of the roof that is reached](benchmarks/roof.svg)
"""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One run on one device: its first line, and a record per case."""

    machine: Mapping[str, str]
    cases: Sequence[Mapping[str, Any]]


def recorded(path: Path = RECORDED) -> Recorded | None:
    """What was measured on a GPU; None where nothing was. Cases that failed are left out."""
    if not path.exists():
        return None
    machine, *cases = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return Recorded(machine, [c for c in cases if "case" in c])


def section(run: Recorded) -> str:
    """Markdown, with the pictures that `charts` makes."""
    roofs = _ROOFS.get(run.machine["device"], {})
    wrong = [c["case"] for c in run.cases if not c["right"]]
    said = "Results further from each other than the benchmark allows: " + ", ".join(wrong) + ".\n"
    return _SECTION.format(
        **run.machine,
        table=_table(run.cases),
        roof=_ROOF.format(**roofs) if roofs else "",
        wrong="\n" + said if wrong else "",
    )


def charts(run: Recorded) -> dict[str, Chart]:
    """By the name of the file."""
    against = [
        Bar(_name(case), rival, ratio)
        for case in _with_traced(run.cases)
        for rival, ratio in case["times faster than"].items()
        if not rival.startswith(_OURS)
    ]
    roofs = _ROOFS.get(run.machine["device"], {})
    shares = [
        Bar(_name(case), who, 100 * case[unit] * _times(case)[who] / roof)
        for unit, roof in roofs.items()
        for case in run.cases
        if case[unit]
        for who in _times(case)
    ]
    made = {
        "device": Chart(
            "On the GPU: how many times faster than …",
            "×",
            against,
            (1.0, "as fast as ours"),
            log=True,
        )
    }
    if shares:
        made["roof"] = Chart("Share of what the chip can do", " %", shares, (100.0, "the roof"))
    return made


def _with_traced(cases: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The cases; behind one whose launches mx.compile traced, too, that against the same rivals."""
    found: list[Mapping[str, Any]] = []
    for case in cases:
        found.append(case)
        ratios, times = case["times faster than"], case["microseconds"]
        if _TRACED not in times:
            continue
        rivals = [n for n in times if not n.startswith(_OURS)]
        traced = {
            "case": f"{case['case']}, traced",
            "microseconds": {_OURS: times[_TRACED], **{n: times[n] for n in rivals}},
            "times faster than": {n: ratios[n] / ratios[_TRACED] for n in rivals},
        }
        found.append({**case, **traced})
    return found


def _times(case: Mapping[str, Any]) -> dict[str, float]:
    """Who did the same work → how many times as fast as ours."""
    apart = {n: 1 / r for n, r in case["times faster than"].items() if not n.startswith(_OURS)}
    return {_OURS: 1.0, **apart}


def _name(case: Mapping[str, Any]) -> str:
    return str(case["case"]).removeprefix(_SEQUENCE).replace("_", " ")


def _table(cases: Sequence[Mapping[str, Any]]) -> str:
    lines = ["| work | ours | others | times faster than |", "|---|---|---|---|"]
    for case in _with_traced(cases):
        times = case["microseconds"]
        name, traced, _ = _name(case).partition(", traced")
        kind = ", fused" * case["case"].startswith(_SEQUENCE) + traced
        others = "; ".join(f"{n} {t:.0f}" for n, t in times.items() if n not in (_OURS, _TRACED))
        ratios = "; ".join(
            f"{n} {r:.2f}" for n, r in case["times faster than"].items() if n != _TRACED
        )
        lines.append(f"| {name}{kind} | {times[_OURS]:.0f} | {others} | {ratios} |")
    return "\n".join(lines)
