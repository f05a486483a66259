"""docs/operations.md from the outcomes of the table's cells."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path

from operations import TABLE
from operations_run import NO_SUCH, PASSES
from operations_types import DTYPES

PATH = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
TARGETS = ("host", "simulate", "metal")
# Measured by operations_measured.py where such a device is.
ELSEWHERE = {"cuda": Path(__file__).resolve().parent / "cuda_outcomes.json"}
VERSION = "as this Triton has it"
# The hardware's exponential, as in Triton's own kernels there (docs/cuda.md).
NEAR = {("tl.exp", "cuda", "float32"), ("tl.sigmoid", "cuda", "float32")}
Outcomes = Mapping[tuple[str, str, str], str]  # (row, target, dtype) → outcome

_SHORT = {
    **{d: d.replace("uint", "u").replace("int", "i").replace("float", "f") for d in DTYPES},
    "bfloat16": "bf16",
    "float8e4nv": "e4m3",
    "float8e5": "e5m2",
}
_CODES = {
    "UNSUPPORTED_TYPE": "type",
    "UNSUPPORTED_OPERATION": "op",
    "POINTER_PROVENANCE": "pointer",
    "TILE_TOO_LARGE": "size",
    "BAD_ARGUMENT": "argument",
    "TOO_MANY_BUFFERS": "buffers",
    "NO_FORWARD_PROGRESS": "waits",
}
_HEAD = """# Operations

What every operation of the Triton language (3.9) does on each target with each element type.
`python -m pytest tests/oracle/test_operations.py --update-operations` writes this page, and the tests check
that it is true.

* `host` and `simulate` (checked) ran every cell and compared it with numpy. Elementwise operations got special
  values (zeros of both signs, NaN, infinities, denormals, the ends of the range) and random ones, the others
  random ones whose sums and products are exact. Results are equal to the bit, but for quotients, roots, fma and
  the functions of tl.math, which may differ by 1 to 8 units in the last place, and tl.randn by 2e-6.
* `cuda` ran every cell on one NVIDIA H100, with Triton {triton}, by `tests/oracle/operations_measured.py`, and
  was compared in the same way. `tl.exp` and `tl.sigmoid` of f32 are the hardware's there ([cuda.md](cuda.md)).
* `metal` was only lowered, as for a Mac whose chip is not known. It has not run on an Apple GPU.
* A float that does not fit an integer is the nearest end of the type's range, and NaN is 0.
* Not compared: what Triton leaves undefined (division by zero, shifts by more bits than there are,
  which of +0 and -0 is larger).

| cell | meaning |
|---|---|
| yes | runs, and gives the right result; on metal: is accepted |
| defect | is known to fail, or to be wrong in some case; the tests say which |
| {triton} | Triton {triton}, which cuda ran with, has another result or no such operation, on every target |
| exp | further from the exact result than the 8 units that the table allows, as Triton's own on NVIDIA |
| ? | the row is newer than the measurement |
| - | Triton's language does not have the operation for this type |
| (empty) | the type, or the option, plays no part here; the cells that are filled are examples |
"""


@functools.cache
def elsewhere() -> tuple[dict[tuple[str, str, str], str], dict[str, str]]:
    """Outcomes of the targets of ELSEWHERE, and the version of Triton that each was measured with."""
    found, versions = {}, {}
    for target, path in ELSEWHERE.items():
        measured = json.loads(path.read_text())
        versions[target] = measured["triton"].rpartition(".")[0]
        for row, cells in measured["outcomes"].items():
            found |= {(row, target, dtype): outcome for dtype, outcome in cells.items()}
    return found, versions


def render(here: Outcomes) -> str:
    """The page. `here` has every row, target of TARGETS and element type that the table names."""
    there, versions = elsewhere()
    outcomes = {**here, **there}
    refused = sorted({_code(o) for o in outcomes.values() if o.startswith("refused ")})
    lines = [f"| {_CODES[c]} | refused: [{c}](refusals.md#{c.lower()}) |" for c in refused]
    sections = list(dict.fromkeys(row.section for row in TABLE))
    tables = [_table(section, outcomes) for section in sections]
    return (
        _HEAD.format(triton=versions["cuda"])
        + "\n".join(lines)
        + "\n\n"
        + "\n\n".join(tables)
        + "\n"
    )


def _table(section: str, outcomes: Outcomes) -> str:
    """Only the element types that some row of the section has get a column."""
    rows = [row for row in TABLE if row.section == section]
    dtypes = [d for d in DTYPES if any(d in row.dtypes for row in rows)]
    lines = [
        f"## {section}",
        "",
        "| operation | target | " + " | ".join(_SHORT[d] for d in dtypes) + " |",
        "|---" * (2 + len(dtypes)) + "|",
    ]
    for row in rows:
        name = row.name.replace("|", "\\|")
        groups: dict[tuple[str, ...], list[str]] = {}
        for target in (*TARGETS, *ELSEWHERE):
            found = tuple(
                _word(outcomes, (row.name, target, d))
                if d in row.dtypes
                else ("-" if row.typed else "")
                for d in dtypes
            )
            groups.setdefault(found, []).append(target)
        for found, targets in groups.items():
            who = "all" if len(targets) == len(TARGETS) + len(ELSEWHERE) else ", ".join(targets)
            lines.append(f"| `{name}` | {who} | " + " | ".join(found) + " |")
    return "\n".join(lines)


def _code(outcome: str) -> str:
    return outcome.partition(" ")[2]


def _word(outcomes: Outcomes, cell: tuple[str, str, str]) -> str:
    outcome = outcomes.get(cell)
    if outcome is None:
        return "?"
    if outcome == PASSES:
        return "yes"
    if cell in NEAR:
        return "exp"
    if cell[1] in ELSEWHERE and outcome in (VERSION, NO_SUCH):
        return elsewhere()[1][cell[1]]
    return _CODES[_code(outcome)] if outcome.startswith("refused ") else "defect"
