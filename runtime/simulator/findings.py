"""What is wrong in a kernel, in terms of the Metal text."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..metal_call import MetalText
from .build import TEXT_NAME

# Divergence comes first: races and unwritten memory are often only its consequences.
_ORDER = (
    "BARRIER_DIVERGENCE",
    "SIMD_DIVERGENCE",
    "OUT_OF_BOUNDS",
    "WRITE_TO_CONST",
    "RACE",
    "UNINITIALISED_READ",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong in a kernel.

    `kind` is a stable code: BARRIER_DIVERGENCE, SIMD_DIVERGENCE, OUT_OF_BOUNDS, WRITE_TO_CONST,
    RACE, UNINITIALISED_READ, UNWRITTEN_OUTPUT, THREADGROUP_MEMORY, OVERFLOW, DIVISION, SHIFT_RANGE
    or FLOAT_TO_INT_RANGE. `line` counts from 1 in the Metal text and `source` is that line; None
    and "" if there is no single place.
    """

    kind: str
    line: int | None
    source: str
    message: str

    def __str__(self) -> str:
        place = f"line {self.line}: {self.source}" if self.line else "no single line"
        return f"{self.kind} at {place}\n    {self.message}"


class RawFinding(NamedTuple):
    """A finding as the runtime gives it; `offset` in the library, 0 if there is no place."""

    kind: str
    offset: int
    message: str


def located(raw: Sequence[RawFinding], library: Path, metal: MetalText) -> list[Finding]:
    """The same findings with lines of the Metal text, each once."""
    lines = _lines_of(library, sorted({f.offset for f in raw if f.offset}))
    found = (_at(metal, f.kind, lines.get(f.offset), f.message) for f in raw)
    return list(dict.fromkeys(found))


def too_much_memory(count: int, most: int, metal: MetalText) -> Finding:
    """The finding for more threadgroup memory than Metal has, at the first threadgroup variable."""
    texts = enumerate(metal.text.split("\n"), 1)
    line = next((k for k, text in texts if re.match(r"\s*threadgroup\s", text)), None)
    message = f"{count} bytes of threadgroup memory, Metal has {most}"
    return _at(metal, "THREADGROUP_MEMORY", line, message)


def causes_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings in an order in which the first is the one to look at."""
    rank = {kind: k for k, kind in enumerate(_ORDER)}
    return tuple(sorted(findings, key=lambda f: rank.get(f.kind, len(rank))))


def _at(metal: MetalText, kind: str, line: int | None, message: str) -> Finding:
    text = metal.text.split("\n")
    source = text[line - 1].strip() if line and line <= len(text) else ""
    return Finding(kind, line, source, message)


def _lines_of(library: Path, offsets: list[int]) -> dict[int, int]:
    """Lines of instructions: the innermost of the inlined frames that lies in the Metal text."""
    command = _symboliser()
    if not offsets or not command:
        return {}
    done = subprocess.run(
        [*command, "-a", "-i", "-e", str(library), *map(hex, offsets)],
        capture_output=True,
        text=True,
        check=False,
    )
    lines: dict[int, int] = {}
    address = -1
    for row in done.stdout.splitlines():
        if row.startswith("0x"):
            address = int(row, 16)
            continue
        place = re.match(r"(.*):(\d+)", row)
        if place and os.path.basename(place[1]) == TEXT_NAME:
            lines.setdefault(address, int(place[2]))
    return lines


@functools.cache
def _symboliser() -> tuple[str, ...]:
    versions = (f"llvm-addr2line-{v}" for v in range(24, 15, -1))
    for name in ("addr2line", *versions, "llvm-addr2line"):
        if path := shutil.which(name):
            return (path,)
    return ()
