"""A report as plain values, for JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ...fusion.joint.codes import CODES
from . import details
from .text import hint_of, page_of

if TYPE_CHECKING:
    from ...fusion.joint.records import Decision, Launch
    from .report import FuseReport, Measured


def data(report: FuseReport) -> dict[str, Any]:
    """Seconds, bytes and counts are numbers; what is not known is None."""
    from .report import SCHEMA

    return {
        "schema": SCHEMA,
        "launches": [_launch(report, k) for k in range(len(report.launches))],
        "kernels": len(report.kernels),
        "bytes_before": report.bytes_before,
        "bytes_after": report.bytes_after,
        "groups": [_group(report, k) for k in range(len(report.kernels))],
        "refusals": [_refusal(d) for d in report.refusals],
    }


def _launch(report: FuseReport, k: int) -> dict[str, Any]:
    launch: Launch = report.launches[k]
    loc = report.place(k)
    return {
        "name": launch.name,
        "file": loc.file,
        "line": loc.line,
        "grid": list(launch.grid),
        "num_warps": launch.num_warps,
        "bytes": details.counted(launch).bytes,
        "measured": _measured(report.apart[k] if report.apart else None),
    }


def _group(report: FuseReport, k: int) -> dict[str, Any]:
    found, made = report.counted(k), report.made(k)
    kernel = made.kernel
    return {
        "members": list(report.kernels[k].members),
        "rules": list(report.rules(k)),
        "anchor": report.anchor(k),
        "times": report.times_of(k),
        "inside": details.inside(report.kernels[k]),
        "bytes": found.bytes,
        "bytes_exact": found.bytes_exact,
        "flops": found.computed.flops,
        "flops_exact": found.computed.exact,
        "chip": report.modelled_chip,
        "refused": made.refused,
        "threads": kernel.threads if kernel else None,
        "threadgroup_bytes": kernel.threadgroup_bytes if kernel else None,
        "registers": kernel.registers if kernel and kernel.registers else None,
        "schedule": kernel.schedule if kernel else "",
        "choice": asdict(kernel.choice) if kernel else None,
        "modelled": _modelled(report, k),
        "tuned": _tuned(report, k),
        "measured": _measured(report.joint[k] if report.joint else None),
    }


def _modelled(report: FuseReport, k: int) -> dict[str, Any] | None:
    found = report.modelled(k)
    if found is None:
        return None
    return {
        "seconds": found.seconds,
        "bound": found.bound,
        "at_least": found.at_least,
        "seconds_apart": report.modelled_apart(k),
    }


def _tuned(report: FuseReport, k: int) -> dict[str, Any] | None:
    entry = report.tuned(k)
    if entry is None:
        return None
    return {
        "schedule": asdict(entry.schedule),
        "target": entry.target,
        "chip": entry.chip,
        "measured": entry.when,
        "seconds": entry.cost,
        "seconds_model": entry.model_cost,
    }


def _measured(found: Measured | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"seconds": found.seconds, "runs": found.runs, "target": found.target}


def _refusal(d: Decision) -> dict[str, Any]:
    return {
        "first": d.first,
        "second": d.second,
        "code": d.code,
        "meaning": CODES[d.code].meaning,
        "found": d.what,
        "hint": hint_of(d),
        "page": page_of(d.code),
    }
