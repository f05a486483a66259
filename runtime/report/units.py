"""Numbers for people."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from ...fusion.errors import Loc


def count(number: int, word: str) -> str:
    """ "1 launch", "2 launches"."""
    plural = f"{word}{'es' if word.endswith('ch') else 's'}"
    if number != 1 and word.endswith("branch"):
        plural = "loops or branches"
    elif number != 1 and " or " in word:
        plural = " or ".join(f"{w}s" for w in word.split(" or "))
    return f"{number} {word if number == 1 else plural}"


def scaled(value: float, unit: str) -> str:
    """Three digits and a decimal prefix: "12.3 MB"."""
    prefix = ""
    for larger in ("k", "M", "G", "T"):
        if value < 1000:
            break
        value, prefix = value / 1000, larger
    return f"{value:.3g} {prefix}{unit}"


def size(number: int) -> str:
    return scaled(number, "B").replace("kB", "KB")


def seconds(value: float) -> str:
    for factor, unit in ((1.0, "s"), (1e3, "ms"), (1e6, "us")):
        if value * factor >= 1:
            return f"{value * factor:.3g} {unit}"
    return f"{value * 1e9:.3g} ns"


def place(loc: Loc) -> str:
    """file:line, the file relative to the working folder where it is below it."""
    if not loc.file:
        return ""
    path = Path(loc.file)
    with contextlib.suppress(ValueError, OSError):
        path = path.relative_to(Path.cwd()) if path.is_absolute() else path
    return f"{os.fspath(path)}:{loc.line}"
