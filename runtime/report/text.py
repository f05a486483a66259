"""A report as plain text."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...fusion.joint.codes import CODES
from . import details, units

if TYPE_CHECKING:
    from ...fusion.joint.records import Decision, Launch
    from .report import FuseReport


def text(report: FuseReport) -> str:
    """The verdict, then the kernels, then what stayed apart."""
    lines = [report.verdict]
    if report.note:
        lines.append(f"  {report.note}")
    for k in range(len(report.kernels)):
        lines.extend(_kernel(report, k))
    for decision in report.refusals:
        lines.extend(_refusal(report, decision))
    return "\n".join(lines)


def chain(report: FuseReport, kernel: int) -> str:
    """The launches of a kernel and the rules that joined them."""
    members = " + ".join(report.label(m) for m in report.kernels[kernel].members)
    rules = ", ".join(dict.fromkeys(report.rules(kernel)))
    times = f" x {report.times_of(kernel)}" if report.times_of(kernel) > 1 else ""
    return f"{members}{times}{f'  [{rules}]' if rules else ''}"


def _kernel(report: FuseReport, k: int) -> Iterator[str]:
    kernel = report.kernels[k]
    yield f"  kernel {k}: {chain(report, k)}"
    anchor = report.anchor(k)
    for member in kernel.members:
        role = "  anchor" if len(kernel.members) > 1 and member == anchor else ""
        yield f"    {report.label(member)}  {where(report, member)}{role}"
    yield f"    {contents(kernel)}; {cost(report, k)}"
    yield f"    {resources(report, k)}"
    yield f"    {time(report, k)}"
    if tuned(report, k):
        yield f"    {tuned(report, k)}"
    if report.joint:
        yield f"    {measured(report, k)}"


def where(report: FuseReport, number: int) -> str:
    """The user's line, the grid and the warps of a launch."""
    launch = report.launches[number]
    grid = " x ".join(str(n) for n in launch.grid if n > 1) or "1"
    return (
        f"{units.place(report.place(number))}  grid {grid}, {units.count(launch.num_warps, 'warp')}"
    )


def contents(launch: Launch) -> str:
    found = details.inside(launch)
    return ", ".join(units.count(n, word) for word, n in found.items()) or "nothing inside"


def cost(report: FuseReport, kernel: int) -> str:
    """Bytes and operations, as counted."""
    found = report.counted(kernel)
    about = "" if found.computed.exact else "about "
    most = "" if found.bytes_exact else "at most "
    return f"{most}{units.size(found.bytes)} moved, {about}{units.scaled(found.computed.flops, 'flop')}"


def resources(report: FuseReport, kernel: int) -> str:
    """Threads, memory, registers and schedule, or why the chip cannot run it."""
    made = report.made(kernel)
    chip = report.modelled_chip
    if made.kernel is None:
        return f"on {chip}: {made.refused}"
    found = made.kernel
    memory = f"{units.size(found.threadgroup_bytes)} of" if found.threadgroup_bytes else "no"
    registers = f"about {found.registers} registers a thread" if found.registers else ""
    parts = [units.count(found.threads, "thread"), f"{memory} threadgroup memory", registers]
    why = f" ({found.schedule})" if found.schedule else ""
    return f"on {chip}: {', '.join(p for p in parts if p)}{why}"


_LIMITS = {
    "memory": "memory bandwidth",
    "ALU": "the ALUs",
    "matrix": "the matrix units",
    "shuffle": "simd operations",
}


def limit(report: FuseReport, kernel: int, bound: str) -> str:
    """What is slowest, and how much of the chip has nothing to do."""
    programs = math.prod(report.kernels[kernel].grid)
    cores = details.row_of(report.modelled_chip).get("cores", 0)
    idle = f", with programs for {programs} of {cores} cores" if programs < cores else ""
    return f"limited by {_LIMITS[bound]}{idle}"


def time(report: FuseReport, kernel: int) -> str:
    """The modelled time, what limits it, and that of the launches apart.

    What a launch itself takes is not modelled, so it is not in the sum, but said.
    """
    found = report.modelled(kernel)
    if found is None:
        return f"no time is modelled: the table lacks rates of {report.modelled_chip}"
    more = "at least " if found.at_least else ""
    why = limit(report, kernel, found.bound)
    line = f"modelled, not measured: {more}{units.seconds(found.seconds)}, {why}"
    apart = report.modelled_apart(kernel)
    if apart is None or len(report.kernels[kernel].members) < 2:
        return line
    others = units.count(len(report.kernels[kernel].members) - 1, "launch")
    return f"{line}; apart {units.seconds(apart)} and the cost of {others} more"


def tuned(report: FuseReport, kernel: int) -> str:
    """The schedule that was measured for a kernel where it ran; empty if there is none."""
    entry = report.tuned(kernel)
    if entry is None:
        return ""
    gain = f", {entry.gain:.2f}x the model's choice" if entry.gain != 1 else ""
    return (
        f"schedule: tuned, measured on {entry.chip} ({entry.target}, {entry.when}): "
        f"{entry.schedule}{gain}"
    )


def measured(report: FuseReport, kernel: int) -> str:
    """The measured time, and that of the launches apart."""
    found = report.joint[kernel]
    line = f"measured on {found.target}: {units.seconds(found.seconds)} ({found.runs} runs)"
    members = report.kernels[kernel].members
    if len(members) < 2:
        return line
    apart = sum(report.apart[m].seconds for m in members)
    return f"{line}; launches apart {units.seconds(apart)}"


def page_of(code: str) -> str:
    """Where the documentation explains a code."""
    return f"docs/fusion-codes.md#{code.lower()}"


def in_a_line(decision: Decision) -> str:
    """What was found, in one line."""
    return "; ".join(line.strip() for line in decision.what.splitlines())


def hint_of(decision: Decision) -> str:
    return decision.hint or CODES[decision.code].hint


def _refusal(report: FuseReport, decision: Decision) -> Iterator[str]:
    yield f"  apart: {report.edge(decision)}  [{decision.code}] {in_a_line(decision)}"
    if hint_of(decision):
        yield f"    try: {hint_of(decision)}"
    yield f"    see: {page_of(decision.code)}"
