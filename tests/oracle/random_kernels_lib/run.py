"""What became of one seed; a row that the command line counts and prints."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from . import check as checks
from .check import Failed, Malformed, Refused, check
from .generate import generate
from .program import Program
from .shrink import shrink

AGREED, REFUSED, WRONG, MALFORMED = "agreed", "refused", "wrong", "malformed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`detail`: the code of a refusal, or the kind of a failure; `text`: all there is to say."""

    seed: int
    verdict: str
    detail: str = ""
    text: str = ""
    seconds: float = 0.0
    interpreter: str = ""  # why the interpreter did not run it

    def row(self) -> dict[str, Any]:
        return asdict(self)


def run(seed: int, folder: Path, targets: Sequence[str], *, smaller: bool) -> Outcome:
    """Generate and check one program; shrink it if it fails and `smaller`."""
    start = time.monotonic()
    program = generate(seed)
    checks.skipped.clear()
    verdict, detail, text = _judge(program, folder, targets, smaller)
    told = checks.skipped[0] if checks.skipped else ""
    return Outcome(seed, verdict, detail, text, round(time.monotonic() - start, 3), told)


def _judge(
    program: Program, folder: Path, targets: Sequence[str], smaller: bool
) -> tuple[str, str, str]:
    try:
        check(program, folder, targets)
    except Refused as refusal:
        return REFUSED, refusal.code, str(refusal)
    except Malformed as error:
        return MALFORMED, "", str(error)
    except Failed as failure:
        text = str(failure)
        if smaller:
            program = shrink(program, folder, failure)
            text += f"\n{program.source()}\n{program.scalars} {program.grid} {program.same}"
            text += f"\n{checks.container(program, 'host')} arrays"
        return WRONG, failure.kind, text
    return AGREED, "", ""
