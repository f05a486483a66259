"""`report SCRIPT`: run a script, then print what became of the launches in each of its fuse scopes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TextIO

from .commands import WrongUsage, write_json
from .report import details, history
from .script import ran


def run(
    script: str,
    arguments: Sequence[str],
    *,
    chip: str,
    json: bool,
    html: str,
    stream: TextIO,
) -> int:
    """Print a report of each different fuse scope that ended, and one of the launches outside scopes.

    `chip`: a row of the hardware table ("": the chip that is there, or the usual one); `html`: a file for
    one page with everything. What the script prints goes to stderr. Returns 0, or 1 if the script fails
    (what it did until then is reported) or launches nothing. Raises WrongUsage and UnknownChip.
    """
    named = details.chip_here(chip)
    finished = ran(script, arguments)
    scopes = history.scopes()
    outside = history.plain().on(named)
    if not scopes and not outside.launches:
        print(f"triton-mlx: {script} launched no kernel", file=sys.stderr)
        return 1
    if html:
        _save(html, named)
    if json:
        told = [{"times": s.times, "report": s.report.on(named).to_json()} for s in scopes]
        apart = outside.to_json() if outside.launches else None
        write_json({"chip": named, "finished": finished, "scopes": told, "outside": apart}, stream)
        return 0 if finished else 1
    for number, scope in enumerate(scopes):
        often = f", ended {scope.times} times" if scope.times > 1 else ""
        stream.write(f"scope {number}{often}\n")
        scope.report.on(named).show(stream)
        stream.write("\n")
    if outside.launches:
        stream.write("outside fuse scopes\n")
        outside.show(stream)
    return 0 if finished else 1


def _save(path: str, chip: str) -> None:
    try:
        history.everything().on(chip).save_html(path)
    except OSError as error:
        raise WrongUsage(f"cannot write {path}: {error.strerror}") from error
