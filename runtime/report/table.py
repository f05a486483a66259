"""A report on a terminal: the verdict, a table of kernels, a table of what stayed apart."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TextIO

from . import text, units

if TYPE_CHECKING:
    from .report import FuseReport

HEADINGS = ("kernel", "launches", "moved", "flops", "threads", "group memory", "registers", "time")


def show(report: FuseReport, stream: TextIO | None) -> None:
    """A rich table if `stream` is a terminal and rich is installed, else plain text."""
    out = stream or sys.stdout
    if out.isatty():
        try:
            from rich.console import Console
        except ImportError:
            pass
        else:
            Console(file=out, highlight=False).print(renderable(report))
            return
    out.write(f"{report}\n")


def rows(report: FuseReport) -> list[tuple[str, ...]]:
    """One per kernel, in the order of HEADINGS."""
    return [_row(report, k) for k in range(len(report.kernels))]


def _row(report: FuseReport, k: int) -> tuple[str, ...]:
    found, made, estimate = report.counted(k), report.made(k), report.modelled(k)
    kernel = made.kernel
    time = f"{units.seconds(estimate.seconds)}, {estimate.bound}" if estimate else "?"
    return (
        str(k),
        text.chain(report, k),
        f"{'' if found.bytes_exact else '<= '}{units.size(found.bytes)}",
        f"{'' if found.computed.exact else '~'}{units.scaled(found.computed.flops, '')}".strip(),
        str(kernel.threads) if kernel else "-",
        units.size(kernel.threadgroup_bytes) if kernel else "-",
        str(kernel.registers or "?") if kernel else "-",
        f"{units.seconds(report.joint[k].seconds)} measured" if report.joint else time,
    )


def caption(report: FuseReport) -> str:
    """What the numbers of the table are."""
    chip = report.modelled_chip
    return (
        f"threads, memory and registers as for {chip}; times are modelled for it, unless measured"
    )


def renderable(report: FuseReport) -> Any:
    """For rich. Raises ImportError without it."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    # Text, not str: a bracket in a cell is a bracket, not markup.
    kernels = Table(*HEADINGS, caption=caption(report), caption_justify="left")
    for row in rows(report):
        kernels.add_row(*map(Text, row))
    parts: list[Any] = [Text(report.verdict, style="bold"), kernels]
    if report.note:
        parts.insert(1, Text(report.note))
    if report.refusals:
        apart = Table("apart", "code", "what was found", "what to change")
        for d in report.refusals:
            cells = (
                report.edge(d),
                d.code,
                text.in_a_line(d),
                text.hint_of(d) or text.page_of(d.code),
            )
            apart.add_row(*map(Text, cells))
        parts.append(apart)
    return Group(*parts)
