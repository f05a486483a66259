"""Whether one kernel is worth what it replaces: a model, never a measurement.

Times are in operations (multiply-adds of a lane) of the whole chip:

    time of a kernel = a launch + max(operations, bytes * operations per byte) / busy part of the chip

Joint, elements are computed at every place that reads them, and some are read at several; a kernel keeps the
grid of its anchor, which may be too small for the chip; and one kernel needs the registers and the threadgroup
memory of all its parts, so that fewer of its programs are on a core at once.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from ..cover import Array
from ..graph import Node
from ..ops import OPS
from ..work import computed
from .codes import Refusal
from .records import Launch
from .walker import Walker

# Operations in the time of a launch, where it is not known how many the chip does in a second.
OPERATIONS_PER_LAUNCH = 1 << 20
# Between kernels that need each other's results: an assumption, measured by nobody.
LAUNCH_SECONDS = 2e-6
_PROGRAMS = 1 << 18  # looked at together


@dataclass(frozen=True, slots=True)
class Chip:
    """What the model needs of a chip. `cores`: that run programs side by side, 0 where it is not known.

    `operations_per_byte`: multiply-adds in the time that a byte takes: 12.9 to 20.8 on the chips in hwinfo.
    `rate`: multiply-adds in a second, 0 where it is not known.
    """

    name: str = ""
    cores: int = 0
    operations_per_byte: float = 16
    rate: float = 0

    @property
    def operations_per_launch(self) -> float:
        return self.rate * LAUNCH_SECONDS if self.rate else OPERATIONS_PER_LAUNCH


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a kernel takes of a core, as it is lowered. `busy`: simdgroups that keep a core busy, `resident`:
    those that are there at once, of `simdgroups` in a program (0: not known).

    `spilled`: registers of a thread that do not fit; `limit`: what there are no more programs for.
    """

    registers: int
    spilled: int
    threadgroup_bytes: int
    simdgroups: int
    lanes: int
    resident: int = 0
    busy: int = 0
    limit: str = ""

    def __str__(self) -> str:
        memory = f"{self.threadgroup_bytes} bytes of threadgroup memory"
        found = [f"about {self.registers} registers of a thread", memory]
        if self.spilled:
            found.insert(1, f"{self.spilled} of them spilled")
        if self.busy:
            found.append(f"{self.resident} of {self.busy} simdgroups on a core ({self.limit})")
        return ", ".join(found)


UNKNOWN = Chip()


def operations(nodes: Iterable[Node]) -> int:
    """Cost of computing one element of each of these."""
    return sum(OPS[n.op].cost for n in nodes if OPS[n.op].kind == "elementwise")


def check_worth(
    host: Launch, lanes: int, each: int, elements: int, saved_bytes: int, chip: Chip = UNKNOWN
) -> None:
    """Raises Refusal if `elements` elements of `each` operations cost more, computed `lanes` times."""
    extra = max(0, lanes - elements) * each
    allowed = saved_bytes * chip.operations_per_byte + chip.operations_per_launch
    if extra > allowed:
        times = lanes / max(1, elements)
        raise Refusal(
            "COST",
            f"{host.name} reads each element {times:.3g} times: {extra:.3g} operations more "
            f"for {saved_bytes:.3g} bytes less",
        )


def time(launch: Launch, moved: int, chip: Chip, footprint: Footprint | None = None) -> float:
    """The modelled time of a launch that moves `moved` bytes."""
    programs, spilled = math.prod(launch.grid), 0
    if footprint is not None:  # what does not fit is written, and read again
        threads = programs * footprint.simdgroups * footprint.lanes
        spilled = 2 * 4 * footprint.spilled * threads
    work = max(_operations(launch), (moved + spilled) * chip.operations_per_byte)
    return chip.operations_per_launch + work / busy_part(programs, chip, footprint)


def busy_part(programs: int, chip: Chip, footprint: Footprint | None = None) -> float:
    """How much of the chip is busy, in (0, 1]."""
    if not chip.cores:
        return 1.0
    if footprint is None or not footprint.busy:
        return min(1.0, max(1, programs) / chip.cores)
    there = min(footprint.resident, max(1, programs) * footprint.simdgroups / chip.cores)
    return min(1.0, there / footprint.busy)


@functools.lru_cache(maxsize=256)
def _operations(launch: Launch) -> int:
    found = computed(launch.function, launch.scalars, launch.grid)
    return found.elements + sum(d.multiply_adds * d.times for d in found.dots)


def too_few(first: Launch, later: Launch, joint: Launch, chip: Chip) -> bool:
    """True if `joint` leaves cores idle that one of the two launches does not."""
    most = max(math.prod(first.grid), math.prod(later.grid))
    return math.prod(joint.grid) < min(most, chip.cores)


def check_parallel(
    parts: Collection[Launch], joint: Launch, traffic: Callable[[Launch], int], chip: Chip
) -> None:
    """Raises Refusal if `joint` has too few programs to be as fast as `parts`, one after the other."""
    programs, most = math.prod(joint.grid), max(math.prod(x.grid) for x in parts)
    apart = sum(time(x, traffic(x), chip) for x in parts)
    together = time(joint, traffic(joint), chip)
    if together > apart:
        raise Refusal(
            "COST",
            f"the grid has {programs} of {most} programs left for {chip.cores} cores "
            f"({chip.name}): modelled {together / apart:.3g} times as slow as apart",
        )


def check_footprint(
    joint: Launch,
    parts: Collection[Launch],
    traffic: Callable[[Launch], int],
    footprints: Mapping[Launch, Footprint],
    chip: Chip,
) -> None:
    """Raises Refusal if what `joint` takes of a core makes it slower than `parts`, one after the other."""
    own = footprints[joint]
    together = time(joint, traffic(joint), chip, own)
    apart = sum(time(x, traffic(x), chip, footprints[x]) for x in parts)
    if together > apart:
        worst = max(parts, key=lambda x: footprints[x].registers)
        raise Refusal(
            "COST",
            f"one kernel takes {own} ({chip.name}), {worst.name} alone {footprints[worst]}: "
            f"modelled {together / apart:.3g} times as slow as apart",
        )


def lanes(launch: Launch, ids: Collection[int]) -> int:
    """How many elements these loads ask for in the whole launch, masked ones included.

    Raises Refusal if the trips of a loop depend on data.
    """
    counter = _Lanes(launch, ids)
    if not counter.walk():
        raise Refusal(
            "RECOMPUTE", f"{launch.name} loads the common array in a loop of unknown length"
        )
    return counter.total


class _Lanes(Walker):
    def __init__(self, launch: Launch, ids: Collection[int]):
        super().__init__(launch, ids)
        self.step = _PROGRAMS
        self.total = 0

    def touch(self, node: Node, active: Array) -> None:
        if len(active) == 1 < len(self.numbers):
            programs = len(self.numbers) * bool(active.all())
        else:
            programs = int(active.sum())
        self.total += programs * node.inputs[0].type.size
