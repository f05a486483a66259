"""Comments that lead from generated code back to the user's lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePath

from ..fusion.graph import Node


def lines_of(nodes: Iterable[Node]) -> str:
    """Where `nodes` come from, as "softmax.py:12, 14-16"; "" if that is not known."""
    found: dict[str, set[int]] = {}
    for node in nodes:
        if node.loc.file and node.loc.line:
            found.setdefault(node.loc.file, set()).add(node.loc.line)
    return "; ".join(
        f"{PurePath(file).name}:{', '.join(_runs(sorted(lines)))}" for file, lines in found.items()
    )


def _runs(lines: Sequence[int]) -> list[str]:
    runs: list[list[int]] = []
    for line in lines:
        if runs and runs[-1][1] + 1 == line:
            runs[-1][1] = line
        else:
            runs.append([line, line])
    return [str(first) if first == last else f"{first}-{last}" for first, last in runs]
