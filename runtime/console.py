"""Tables on a stream: rich where it is installed and somebody looks at a terminal, else plain text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

# Marks of a state, and rich's style for it. rich leaves colours out by itself where NO_COLOR is set.
STYLES = {"ok": "green", "missing": "red", "note": "yellow"}


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], stream: TextIO) -> None:
    """Write rows of text under headings; columns of numbers are flush right."""
    right = [_numeric([row[k] for row in rows]) for k in range(len(headings))]
    if stream.isatty() and _rich_table(headings, rows, right, stream):
        return
    lines = [headings, *rows]
    widths = [max(len(line[k]) for line in lines) for k in range(len(headings))]
    for line in lines:
        cells = [
            cell.rjust(width) if flush else cell.ljust(width)
            for cell, width, flush in zip(line, widths, right)
        ]
        stream.write("  ".join(cells).rstrip() + "\n")


def _rich_table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool], stream: TextIO
) -> bool:
    try:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ImportError:
        return False
    shown = Table(box=None, pad_edge=False)
    for heading, flush in zip(headings, right):
        shown.add_column(heading, justify="right" if flush else "left", overflow="fold")
    for row in rows:
        # Text, not str: a cell is never markup.
        shown.add_row(*[Text(cell, style=STYLES.get(cell, "")) for cell in row])
    Console(file=stream, highlight=False).print(shown)
    return True


def _numeric(cells: Sequence[str]) -> bool:
    return any(cells) and all(not cell or cell[0].isdigit() or cell[0] == "?" for cell in cells)
