"""A smaller program that fails in the same way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from .check import Failed, check, targets_of
from .program import Line, Program


def shrink(program: Program, folder: Path, failure: Failed, seconds: float = 240.0) -> Program:
    """Drop and simplify lines, from the last to the first, while the failure stays of the same kind."""
    targets, end = targets_of(failure), time.monotonic() + seconds

    def fails(trial: Program) -> bool:
        try:
            check(trial, folder, targets)
        except Failed as found:
            return found.kind == failure.kind
        except Exception:  # noqa: BLE001  another failure is not the one that is looked for
            return False
        return False

    if program.grid != (1, 1) and fails(replace(program, grid=(1, 1))):
        program = replace(program, grid=(1, 1))
    size = -1
    while size != _size(program.lines) and time.monotonic() < end:
        size = _size(program.lines)
        k = len(program.lines) - 1
        while k >= 0 and time.monotonic() < end:
            for lines in _smaller(program.lines, k):
                trial = replace(program, lines=lines)
                if fails(trial):
                    program = trial
                    break
            k = min(k, len(program.lines)) - 1
    return program


def _size(lines: list[Line]) -> int:
    return 2 * len(lines) - sum(k.text == k.neutral for k in lines)


def _smaller(lines: list[Line], k: int) -> Iterator[list[Line]]:
    """Without line `k` and its block, with the block alone, with a constant in place of the line."""
    line, end = lines[k], k + 1
    while end < len(lines) and lines[end].indent > line.indent:
        end += 1
    if not line.fixed:
        yield lines[:k] + lines[end:]
    if end > k + 1:
        inner = [replace(x, indent=x.indent - 1) for x in lines[k + 1 : end] if not x.fixed]
        yield lines[:k] + inner + lines[end:]
    if line.neutral and line.text != line.neutral:
        yield [*lines[:k], replace(line, text=line.neutral), *lines[k + 1 :]]
