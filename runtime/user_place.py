"""Where in the user's kernel a line of emitted text comes from."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..fusion.errors import Loc
    from ..fusion.graph import Function

# The comments of lowering/comments.py: "// softmax.py:12, 14-16; other.py:3".
_COMMENT = re.compile(r"( *)// (\S+\.\w+:\d[\d, -]*(?:; \S+\.\w+:\d[\d, -]*)*)$")


def user_place(function: Function, text: str, line: int | None) -> Loc | None:
    """The place that line `line` (from 1) of the emitted `text` was made for; None if it is not known.

    Of the lines in the comment above it, that of an access to an array that the text names there.
    """
    lines = text.split("\n")
    if not line or line > len(lines):
        return None
    made_for = _commented(lines, line - 1)
    found = [
        loc
        for loc, name, _ in _accesses(function)
        if (PurePath(loc.file).name, loc.line) in made_for
        and re.search(rf"\b{re.escape(name)}(_old|_new|_set)?\b", lines[line - 1])
    ]
    stores = [
        loc
        for loc, name, writes in _accesses(function)
        if writes
        and loc in found
        and re.search(rf"\b{re.escape(name)}_(new|set)\b", lines[line - 1])
    ]
    best = stores or found
    return min(best, key=lambda loc: loc.line) if best else _first(function, made_for)


def _commented(lines: list[str], at: int) -> set[tuple[str, int]]:
    """(file, line) pairs of the nearest comment above, of this block or one around it."""
    depth = len(lines[at]) - len(lines[at].lstrip())
    for line in reversed(lines[:at]):
        comment = _COMMENT.fullmatch(line)
        if comment and len(comment[1]) <= depth:
            return {p for part in comment[2].split("; ") for p in _pairs(part)}
    return set()


def _pairs(part: str) -> list[tuple[str, int]]:
    file, _, numbers = part.rpartition(":")
    found = []
    for run in numbers.split(","):
        first, _, last = run.strip().partition("-")
        found += [(file, n) for n in range(int(first), int(last or first) + 1)]
    return found


def _accesses(function: Function) -> list[tuple[Loc, str, bool]]:
    """(place, parameter, whether it writes) of every access to memory."""
    from ..fusion.ops import READS, WRITES
    from ..lowering.values import Values

    values = Values(function)
    found = []
    for node in function.body.walk():
        if node.op in READS or node.op in WRITES:
            base = values.base(node.inputs[0])
            if base is not None:
                found.append((node.loc, values.parameters[base].name, node.op in WRITES))
    return found


def _first(function: Function, places: set[tuple[str, int]]) -> Loc | None:
    """The first place of `function` that is among `places`."""
    locs = [
        n.loc for n in function.body.walk() if (PurePath(n.loc.file).name, n.loc.line) in places
    ]
    return min(locs, key=lambda loc: loc.line, default=None)
