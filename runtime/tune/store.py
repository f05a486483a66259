"""What tuning found, in the disk cache: per kernel, target, chip, sizes and versions.

Measured and modelled results lie in folders of their own, and say what they are: launches use measured ones
only. An entry that is damaged, of another key or of another format counts as absent.
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Literal

from ...lowering.record import BufferFacts
from ...lowering.schedule import MODEL, PARAMETERS, Schedule
from .. import cache, lowered
from ..native import cxx

if TYPE_CHECKING:
    from ..target import Choice

SCHEMA = 1
_FILE = "schedule.json"
Kind = Literal["measured", "modelled"]
Size = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """The best schedule of one kernel at one class of sizes.

    `chip`: as people call it; `place`: "file:line"; `cost`, `model_cost`: of `schedule` and of the model's
    choice, in seconds if measured, else modelled and relative; `rounds`: in which both were measured;
    `when`: the date, ISO 8601.
    """

    key: str
    kind: Kind
    target: str
    chip: str
    kernel: str
    place: str
    schedule: Schedule
    cost: float
    model_cost: float
    rounds: int
    when: str

    @property
    def gain(self) -> float:
        return self.model_cost / self.cost


def size_class(scalars: bytes, grid: tuple[int, int, int], sizes: tuple[int, ...]) -> Size:
    """The same for launches whose grids, written arrays and scalars differ by less than a factor of two.

    A scalar counts by the bits of its 8-byte slot: floats of nearly all magnitudes are alike.
    """
    words = (int.from_bytes(scalars[k : k + 8], "little") for k in range(0, len(scalars), 8))
    return (
        tuple(n.bit_length() for n in grid),
        tuple(n.bit_length() for n in sizes),
        tuple(n.bit_length() for n in words),
    )


def key_of(
    text: str, choice: Choice, num_warps: int, facts: Mapping[int, BufferFacts], size: Size
) -> str:
    """What an entry is of: the kernel, the device, and the versions of all that made the code."""
    if choice.name == "host":
        compiler = cxx.find()
        device = f"{cxx.cpu_fingerprint()} {compiler.path} {compiler.version}"
    else:
        device = f"{lowered.device_name(choice.arch)} {lowered.capability(choice.arch).name}"
    return cache.digest(
        str(SCHEMA),
        cache.sources_digest(),
        importlib.metadata.version("mlx"),
        text,
        choice.arch,
        device,
        str(num_warps),
        repr(sorted(facts.items())),
        repr(size),
    )


def save(entry: Entry) -> None:
    """Keep `entry` in place of an older one. Never half of it; nothing where the disk is full."""
    data = json.dumps({"schema": SCHEMA, **asdict(entry)}).encode()
    cache.write(folder(entry.kind), entry.key, _FILE, data)


def load(key: str, kind: Kind) -> Entry | None:
    data = cache.read(folder(kind), key, _FILE)
    if data is None:
        return None
    try:
        values = json.loads(data)
        if values.pop("schema") != SCHEMA:
            return None
        entry = Entry(**{**values, "schedule": Schedule(**values["schedule"])})
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return entry if (entry.key, entry.kind) == (key, kind) and _sound(entry) else None


def folder(kind: Kind) -> str:
    """The kind of cache entry."""
    return f"tuned-{kind}"


def _sound(entry: Entry) -> bool:
    """Nothing in it would surprise lowering or a report."""
    found = entry.schedule
    count, width, axis = found.simdgroups, found.vector_bits, found.axis
    return (
        all(n is None or type(n) is int for n in (count, width, axis))
        and all(_listed(getattr(found, p.name), p.values) for p in PARAMETERS)
        and (count is not None or replace(found, vector_bits=None, axis=None) == MODEL)
        and (count is None or (0 < count <= 1024 and count & (count - 1) == 0))
        and (width is None or width in (128, 256, 512))
        and (axis is None or axis in (0, 1, 2))
        and all(type(t) is str for t in (entry.chip, entry.kernel, entry.place, entry.when))
        and all(type(c) in (int, float) and c > 0 for c in (entry.cost, entry.model_cost))
        and type(entry.rounds) is int
    )


def _listed(value: object, values: tuple[str | int, ...]) -> bool:
    """JSON's true is no 1."""
    return type(value) in (int, str) and value in values
