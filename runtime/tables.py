"""Tables for people: rich on a terminal if it is installed, else plain columns.

Colours and NO_COLOR are rich's business; plain tables have none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TextIO

Rows = Sequence[Sequence[str]]


def show(
    stream: TextIO,
    headings: Sequence[str],
    rows: Rows,
    *,
    right: Collection[int] = (),
    styles: Mapping[str, str] | None = None,
) -> None:
    """Write one table. `right`: the columns that are aligned right; `styles`: cell text → style."""
    lines = [list(map(str.upper, headings)), *rows]
    widths = [max(len(line[k]) for line in lines) for k in range(len(headings))]
    total = sum(widths) + 2 * len(widths)
    if stream.isatty() and _show_rich(stream, headings, rows, right, styles or {}, total):
        return
    for line in lines:
        cells = [
            text.rjust(width) if k in right else text.ljust(width)
            for k, (text, width) in enumerate(zip(line, widths, strict=True))
        ]
        stream.write("  ".join(cells).rstrip() + "\n")


def _show_rich(
    stream: TextIO,
    headings: Sequence[str],
    rows: Rows,
    right: Collection[int],
    styles: Mapping[str, str],
    width: int,
) -> bool:
    """False without rich, or where it would cut cells to fit the terminal."""
    try:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ImportError:
        return False
    console = Console(file=stream, highlight=False)
    if console.width < width:
        return False
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for k, heading in enumerate(headings):
        table.add_column(heading, justify="right" if k in right else "left")
    for row in rows:
        # Text, not str: a bracket in a cell is a bracket, not markup.
        table.add_row(*(Text(cell, style=styles.get(cell, "")) for cell in row))
    console.print(table)
    return True
