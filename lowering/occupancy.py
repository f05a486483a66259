"""What a core makes of a kernel: how much of it is there at once, and the modelled time of one program.

A core hides the latency of one simdgroup behind the others. What holds them back is its register file, its
threadgroup memory or its number of threads; the table has these for M1 and M2 only, and newer chips, which
share one cache among all of them, are not modelled.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..hwinfo import Capability
from .banks import BANK_BYTES, BANKS
from .record import Kernel

_REGISTER_BYTES = 4
_MULTIPLICATION = 8**3
# Estimates, measured by nobody: clocks that a simdgroup waits at a barrier and for memory, and those of a core
# for the counter, comparison and jump of one turn of a loop.
_BARRIER, _WAIT, _TURN = 40, 300, 1


@dataclass(frozen=True, slots=True)
class Core:
    """What one core has: bytes of registers and of threadgroup memory, threads; `busy`: simdgroups that
    keep its units busy. Rates: clocks of one multiplication of 8x8 matrices, bytes per clock of threadgroup
    memory, of the cache that all cores share, and of the core's part of the chip's memory."""

    register_bytes: int
    threadgroup_bytes: int
    threads: int
    busy: int
    matrix_clocks: float = 5.0
    threadgroup_rate: float = 64.0
    cache_rate: float = 32.0
    memory_rate: float = 8.0


@dataclass(frozen=True, slots=True)
class Resident:
    """What of one kernel is on a core: threadgroups, simdgroups, and what there are no more for."""

    groups: int
    simdgroups: int
    limit: str

    def __str__(self) -> str:
        return f"{self.simdgroups} on a core ({self.limit})"


@dataclass(frozen=True, slots=True)
class Time:
    """Modelled clocks of a core for one program (`clocks`), and what takes them."""

    clocks: float
    bound: str

    def __str__(self) -> str:
        return f"{self.clocks:.0f} clocks a program ({self.bound})"


def core_of(row: Capability) -> Core | None:
    """What the table says of a core; None if it does not say all."""
    names = (
        "registers_kb_per_core",
        "threadgroup_memory_core_kb",
        "max_threads_per_core",
        "simdgroups_to_saturate",
        "fma_fp32_per_clock",
        "matmul_peak_fraction",
        "threadgroup_bytes_per_clock",
        "l2_bytes_per_clock",
        "bandwidth_gbs",
        "cores",
        "clock_ghz",
    )
    found = [row.get(n) for n in names]
    if not all(found):
        return None
    registers, memory, threads, busy, fma, part, shared, cache, bandwidth, cores, clock = found
    return Core(
        registers << 10,
        memory << 10,
        threads,
        busy,
        _MULTIPLICATION / (fma * part),
        shared,
        cache,
        round(bandwidth / (cores * clock)),
    )


def resident(core: Core, kernel: Kernel, lanes: int) -> Resident:
    """What of `kernel`, whose registers are estimated, is on a core at once."""
    groups = {
        "threads": core.threads // kernel.threads,
        "registers": core.register_bytes // (kernel.registers * _REGISTER_BYTES * kernel.threads),
    }
    if kernel.threadgroup_bytes:
        groups["threadgroup memory"] = core.threadgroup_bytes // kernel.threadgroup_bytes
    limit = min(groups, key=lambda name: groups[name])
    count = max(1, groups[limit])
    return Resident(count, count * (kernel.threads // lanes), limit)


def modelled(core: Core, kernel: Kernel, lanes: int) -> Time:
    """The time of the products of one program; where there are none, in units of its arithmetic.

    The units of a core work beside each other, the parts of one simdgroup's work one after the other: the
    slowest unit, or a simdgroup's own time shared by the threadgroups that are there, whichever is more.
    """
    now, costs = resident(core, kernel, lanes), kernel.costs
    if not costs.multiplications:
        return Time(max(1.0, core.busy / now.simdgroups), "too few simdgroups")
    simdgroups = kernel.threads // lanes
    alu = costs.multiplications * core.matrix_clocks + costs.turns * _TURN
    shared = costs.shared * BANKS * BANK_BYTES / core.threadgroup_rate
    # Other programs load the same tiles, so they are in the cache; what one program loads again is not counted
    # on to be there still.
    loads = costs.loads / core.cache_rate + costs.repeats / core.memory_rate
    own = core.busy * alu + shared + loads / simdgroups
    waiting = _BARRIER * costs.barriers + _WAIT * costs.waits
    units = {
        "multiplications": simdgroups * alu,
        "threadgroup memory": simdgroups * shared,
        "memory": loads,
        "too few simdgroups": (own + waiting) / now.groups,
    }
    bound = max(units, key=lambda name: units[name])
    return Time(units[bound], bound)
