"""docs/benchmarks.md and its pictures, made from the results of the benchmarks: no number is typed."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import device
from .bars import Bar, Chart
from .baseline import BENCH, versions
from .device import Recorded

SCHEMA = 1
DOCS = BENCH.parent / "docs"
_COPY = "copy"

_INTRODUCTION = """# Benchmarks

Made by `python -m triton_mlx bench --page` from [its results](benchmarks/results.json);
[bench/README.md](../bench/README.md) says how each is measured. Ours and the rival run in alternating
rounds in one process, and a time is the median of its rounds. Freed memory is kept for the next array, on
all sides. Up to the last section no GPU takes part: ours is the host target, MLX runs on the CPU.

{machine}

## Fused launches

Sequences of ordinary kernels, three to ten launches each, on arrays of {size}; `triton_mlx.fuse` makes one
kernel of each.

![How many times faster fused launches are](benchmarks/fused.svg)

{fused}

Bytes that a fused sequence must move (every array read or written once), divided by its time, beside what
numpy's copy of such an array reaches in the same way of counting. What is far below is bound by arithmetic, or
reads and writes more than it must; what is above found part of its arrays in the caches.

![Gigabytes per second of fused launches](benchmarks/bandwidth.svg)

## Single kernels

![How many times faster single kernels are](benchmarks/kernels.svg)

{kernels}

## What compiling and launching cost

{costs}

*Lift fuse lower*: from the text of Triton's IR to a body of C++ or Metal ("simulate"), against Triton's own
part of the same compilation (Python to IR, and its passes). *First call in a new process*: with a warm disk
cache, against an empty one. *Warm launch*: one launch up to the lazy MLX node, against the same launch with a
launcher that does nothing; the difference is what the launcher adds.

The parts of that launch, each called alone. The whole is Triton's part and our launcher; the launcher contains
the prepared call, and that the node and the binding:

{parts}
{device}"""


def results(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What is kept of a run: the machine, and every benchmark's name and `extra_info`."""
    return {"schema": SCHEMA, "machine": _machine(), "benchmarks": [dict(r) for r in records]}


def recorded_results(docs: Path = DOCS) -> dict[str, Any]:
    """What the page was last made from. Raises OSError where there is none."""
    data: dict[str, Any] = json.loads((docs / "benchmarks" / "results.json").read_text("utf-8"))
    return data


def write_page(
    data: Mapping[str, Any], docs: Path = DOCS, gpu: Recorded | None = None
) -> list[Path]:
    """Writes the page, its pictures and the results; returns the paths. `gpu`: what was measured on one."""
    folder = docs / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    found = {r["name"]: r["extra_info"] for r in data["benchmarks"]}
    texts = {
        folder / "results.json": json.dumps(data, indent=1) + "\n",
        docs / "benchmarks.md": _page(data["machine"], found, gpu),
        **{folder / f"{name}.svg": chart.svg() for name, chart in _charts(found, gpu).items()},
    }
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    return list(texts)


def work(name: str) -> str:
    """What a benchmark measures: "softmax" of "host/bench_kernels.py::test_softmax_against_mlx"."""
    test, _, parameter = name.partition("::test_")[2].partition("[")
    what, parameter = re.sub("_against(_.*)?$", "", test), parameter.rstrip("]")
    if what == "fused":
        return parameter
    more = "" if test.endswith("_against") else parameter  # there it is the rival
    return f"{what} {more}".strip().replace("_", " ")


def _is_fused(name: str) -> bool:
    return "::test_fused_" in name


def _is_kernel(name: str) -> bool:
    return name.startswith("host/") and not _is_fused(name)


def _charts(found: Mapping[str, Any], gpu: Recorded | None) -> dict[str, Chart]:
    fused = sorted((n for n in found if _is_fused(n)), key=work)
    kernels = sorted((n for n in found if _is_kernel(n) and work(n) != _COPY), key=work)
    copies = [_speed(e, "theirs_s") for n, e in found.items() if _is_kernel(n) and work(n) == _COPY]
    fastest = {
        work(n): max(_speed(found[m], "ours_s") for m in fused if work(m) == work(n)) for n in fused
    }
    even = (1.0, "as fast as ours")
    return {
        "fused": Chart(
            "Fused by triton_mlx: how many times faster than …", "×",
            [Bar(work(n).replace("_", " "), found[n]["rival"], found[n]["ratio"]) for n in fused],
            even, log=True,
        ),
        "kernels": Chart(
            "Triton kernels on a CPU: how many times faster than …", "×",
            [Bar(work(n), found[n]["rival"], found[n]["ratio"]) for n in kernels], even, log=True,
        ),
        "bandwidth": Chart(
            "Memory traffic of fused sequences, the faster of two runs", " GB/s",
            [Bar(name.replace("_", " "), "fused", speed) for name, speed in fastest.items()],
            (max(copies), "numpy's copy"),
        ),
        **(device.charts(gpu) if gpu else {}),
    }  # fmt: skip


def _speed(info: Mapping[str, Any], seconds: str) -> float:
    return float(info["bytes"] / info[seconds] / 1e9)


def _page(machine: Mapping[str, str], found: Mapping[str, Any], gpu: Recorded | None) -> str:
    fused = [n for n in found if _is_fused(n)]
    costs = [n for n in found if not n.startswith("host/")]
    sizes = {found[n]["config"] for n in fused}
    return _INTRODUCTION.format(
        machine=", ".join(f"{k}: {v}" for k, v in machine.items()) + ".",
        size=" and ".join(sorted(sizes)),
        fused=_table(sorted(fused, key=work), found),
        kernels=_table(sorted(filter(_is_kernel, found), key=work), found),
        costs=_table(costs, found),
        parts=_parts(found),
        device="\n" + device.section(gpu) if gpu else "",
    )


def _parts(found: Mapping[str, Any]) -> str:
    parts = [p for e in found.values() for p in e.get("parts_s", {}).items()]
    return "\n".join(["| part | time |", "|---|---|", *(f"| {n} | {_time(s)} |" for n, s in parts)])


def _table(names: Sequence[str], found: Mapping[str, Any]) -> str:
    head = "| work | shapes | against | ours | theirs | times faster | kernels | bytes |"
    return "\n".join([head, "|---|---|---|---|---|---|---|---|", *_rows(names, found)])


def _rows(names: Sequence[str], found: Mapping[str, Any]) -> Iterator[str]:
    for name in names:
        e = found[name]
        moved = f"{e['bytes'] / 1e6:.1f} MB" if e.get("bytes", 0) >= 1e5 else e.get("bytes", "")
        cells = [
            work(name), e["config"], e["rival"], _time(e["ours_s"]), _time(e["theirs_s"]),
            f"{e['ratio']:.2f}", e.get("kernels", ""), moved,
        ]  # fmt: skip
        yield f"| {' | '.join(map(str, cells))} |"


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def _machine() -> dict[str, str]:
    """The processor and the versions that matter."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = models[0] if models else platform.processor() or platform.machine()
    return {
        "Processor": processor,
        "cores": str(os.cpu_count()),
        "load average": f"{os.getloadavg()[0]:.1f} (with the benchmarks' own)",
        "system": platform.system(),
        **versions(),
    }
