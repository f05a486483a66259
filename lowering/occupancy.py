"""How many simdgroups of a kernel are on one core at once, and how many make it busy.

A core hides the latency of one simdgroup behind the others. What holds them back is its register file, its
threadgroup memory or its number of threads; the table has these for M1 and M2 only, and newer chips, which
share one cache among all of them, are not modelled.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..hwinfo import Capability
from .record import Kernel

_REGISTER_BYTES = 4
# Less is within what such a model does not know.
_WORTH = 1.25


@dataclass(frozen=True, slots=True)
class Core:
    """What one core has: bytes of registers and of threadgroup memory, threads; `busy`: simdgroups that
    keep its units busy."""

    register_bytes: int
    threadgroup_bytes: int
    threads: int
    busy: int


@dataclass(frozen=True, slots=True)
class Resident:
    """What of one kernel is on a core: threadgroups, simdgroups, and what there are no more for."""

    groups: int
    simdgroups: int
    limit: str

    def __str__(self) -> str:
        return f"{self.simdgroups} on a core ({self.limit})"


def core_of(row: Capability) -> Core | None:
    """What the table says of a core; None if it does not say all."""
    names = ("registers_kb_per_core", "threadgroup_memory_core_kb", "max_threads_per_core")
    registers, memory, threads = (row.get(n) for n in names)
    busy = row.get("simdgroups_to_saturate")
    if not (registers and memory and threads and busy):
        return None
    return Core(registers << 10, memory << 10, threads, busy)


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


def better(core: Core, now: Kernel, other: Kernel, lanes: int) -> bool:
    """True if `other`, with more simdgroups, keeps a core busier than `now` does, by enough.

    A simdgroup with a smaller part of a product reads more for each multiplication: the gain must be more
    than that. A threadgroup alone on a core leaves it idle at its barriers.
    """
    before, after = resident(core, now, lanes), resident(core, other, lanes)
    if other.threadgroup_bytes and after.groups < 2:
        return False
    gain = min(after.simdgroups, core.busy) / min(before.simdgroups, core.busy)
    return gain >= max(_WORTH, other.product_reads / (now.product_reads or 1))
