"""`python -m triton_mlx doctor --selftest`: run all self-tests now, print them, save a report."""

from __future__ import annotations

import json as json_module
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from .. import cache, tables
from ..commands import SCHEMA, WrongUsage, write_json
from .judge import Result, judge
from .row import SelfTest
from .verdict import Device, here, record, switched_off

_STYLES = {"passed": "green", "failed": "bold red", "skipped": "yellow"}
_SIMULATED = "run by the simulator on this CPU: NOTHING was verified on a device"


def run(json: bool, save: str | None, stream: TextIO) -> int:
    """Run every self-test, write a table (with `json` an object) to `stream`, and a report to `save`.

    On Metal the results become the record that `trusted` answers from. Returns 0 if some test
    passed and none failed, else 1. Raises WrongUsage if `save` cannot be written, and UnknownChip.
    """
    from .table import ROWS

    if save:
        _write(save, "")  # a wrong path is said before the tests run, not after
    device = here()
    results = judge(ROWS, device.target, device.row)
    if device.target == "metal":
        record(device, results)
    data = report(device, ROWS, results)
    if save:
        _write(save, json_module.dumps({"schema": SCHEMA, **data}, indent=2) + "\n")
    if json:
        write_json(data, stream)
    else:
        _print(device, results, save, stream)
    return 0 if data["ok"] else 1


def report(device: Device, tests: Sequence[SelfTest], results: Sequence[Result]) -> dict[str, Any]:
    """All that a bug report needs: the machine, the versions, and of a failed test its source.

    `verified_on_device` is true only where the tests ran on Metal; `switched_off` are the cells
    that `trusted` denies there; empty for the simulator, where nothing is switched off.
    """
    from ... import __version__

    on_device = device.target == "metal"
    counts = {s: sum(r.status == s for r in results) for s in ("passed", "failed", "skipped")}
    return {
        "ok": counts["passed"] > 0 and not counts["failed"],
        "target": device.target,
        "verified_on_device": on_device and counts["passed"] > 0,
        "note": "run on the device" if on_device else _SIMULATED,
        "machine": {
            "device_name": device.name,
            "architecture": device.architecture,
            "row": device.row.name,
            "system": device.system,
            "processor": platform.machine(),
        },
        "versions": {
            "triton_mlx": __version__,
            "mlx": device.mlx,
            "python": platform.python_version(),
            "sources": cache.sources_digest(),
        },
        "counts": counts,
        "switched_off": sorted(switched_off(results)) if on_device else [],
        "tests": [_entry(t, r) for t, r in zip(tests, results, strict=True)],
    }


def _entry(test: SelfTest, result: Result) -> dict[str, Any]:
    entry = asdict(result)
    names = ("output", "index", "got", "expected")
    entry["differences"] = [dict(zip(names, d, strict=True)) for d in result.differences]
    if result.status == "failed":
        entry |= {"header": test.header, "source": test.source}
    return entry


def _print(device: Device, results: Sequence[Result], save: str | None, stream: TextIO) -> None:
    on_device = device.target == "metal"
    where = f"run on {device.name or 'the Metal device'}" if on_device else _SIMULATED
    stream.write(f"Self-tests, target {device.target}, row {device.row.name!r}: {where}.\n\n")
    lines = [[r.status, r.name, ", ".join(r.cells), r.detail] for r in results]
    tables.show(stream, ("result", "test", "vouches for", "why"), lines, styles=_STYLES)
    counts = (f"{sum(r.status == s for r in results)} {s}" for s in _STYLES)
    stream.write(f"\n{', '.join(counts)}; target {device.target}.\n")
    if not on_device:
        stream.write(f"They were {_SIMULATED}.\n")
    elif off := sorted(switched_off(results)):
        stream.write(f"Not trusted on this device: {', '.join(off)}.\n")
    if save:
        stream.write(f"The report is in {save}.\n")


def _write(path: str, text: str) -> None:
    try:
        with Path(path).open("w" if text else "a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise WrongUsage(
            f"the report cannot be written to {path}: {error.strerror or error}"
        ) from error
