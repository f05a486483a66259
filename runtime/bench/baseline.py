"""The committed baseline: what was counted and measured before, and why it last changed."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...fusion.errors import TritonMlxError

SCHEMA = 1
BENCH = Path(__file__).resolve().parents[2] / "bench"
DEFAULT = BENCH / "baseline.json"

# A ratio may be this fraction below its baseline: rounds in turns on a machine of two shared cores
# scatter by a fifth, and another processor has other caches. A row of the file may have its own.
TOLERANCE = 0.4


class NoBaseline(TritonMlxError):
    """There is no baseline to compare with, or its file is not one."""

    code = "NO_BASELINE"


@dataclass(frozen=True, slots=True)
class Counted:
    """Measure → number, on `target` for the shapes and dtypes of `config`."""

    config: str
    target: str
    values: dict[str, int]


@dataclass(frozen=True, slots=True)
class Measured:
    """How many times faster ours is than its rival; may fall by the fraction `tolerance`."""

    config: str
    target: str
    ratio: float
    tolerance: float = TOLERANCE


@dataclass(frozen=True, slots=True)
class Baseline:
    """`counts` by case, `ratios` by benchmark; `made_with`: versions; `updates`: reasons, oldest first."""

    counts: dict[str, Counted] = field(default_factory=dict)
    ratios: dict[str, Measured] = field(default_factory=dict)
    made_with: dict[str, str] = field(default_factory=dict)
    updates: list[dict[str, str]] = field(default_factory=list)

    def updated(
        self,
        reason: str,
        counts: Mapping[str, Counted] | None,
        ratios: Mapping[str, Measured] | None,
        whole: bool,
    ) -> Baseline:
        """With new numbers; None keeps the old. `whole`: ratios that were not measured are dropped.

        Tolerances stay as they are in the file.
        """
        kept = {
            name: Measured(m.config, m.target, m.ratio, self.ratios.get(name, m).tolerance)
            for name, m in (ratios or {}).items()
        }
        today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
        return Baseline(
            dict(self.counts if counts is None else counts),
            dict(self.ratios) if ratios is None else ({} if whole else self.ratios) | kept,
            versions(),
            [*self.updates, {"date": today, "reason": reason}],
        )


def versions() -> dict[str, str]:
    """What decides about the counts beside our own sources."""
    from importlib.metadata import version

    return {name: version(name) for name in ("triton", "mlx")}


def load(path: Path) -> Baseline:
    """Raises NoBaseline."""
    hint = "python -m triton_mlx bench --gate --update REASON writes one"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA:
            raise ValueError(f"schema {data['schema']} where {SCHEMA} is known")
        return Baseline(
            {name: Counted(**row) for name, row in data["counts"].items()},
            {name: Measured(**row) for name, row in data["ratios"].items()},
            data["made_with"],
            data["updates"],
        )
    except OSError as error:
        raise NoBaseline(f"{path}", why=error.strerror or str(error), hint=hint) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise NoBaseline(f"{path} is not a baseline", why=str(error), hint=hint) from error


def save(path: Path, baseline: Baseline) -> None:
    data: dict[str, Any] = {"schema": SCHEMA, **asdict(baseline)}
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
