"""What lowering hands to a launch: plain records, which also live in the disk cache.

This file imports nothing else of ours but another such record, so that a launch whose kernel is in the cache
loads no compiler.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from .schedule import Schedule

# read      only loaded
# inout     loads and stores meet in one memory (the host)
# fresh     stored, proved to be written whole; loads, if any, come before and see the old contents
# merged    stored in part: a byte per element says which, and the launch merges with the old contents
# combined  only atomics of one kind: starts at the identity, and the launch combines with the old contents
# xored     atomics and whatever else: words of the bits that differ from the old contents (xored_words.h)
Mode = Literal["read", "inout", "fresh", "merged", "combined", "xored"]


@dataclass(frozen=True, slots=True)
class Access:
    """One buffer of a launch. `storage`: element type in memory, in C. `combine`: kind of its atomics.

    `reads_back`: loads may follow stores, so each load asks whether the element was written.
    `only_stored`: the kernel neither loads nor updates it, so its old contents matter only where it does
    not write.
    `keeps`: each element is the turn of one thread, which puts the old contents where it stores nothing.
    """

    name: str
    storage: str
    mode: Mode
    reads_back: bool = False
    combine: str = ""
    only_stored: bool = False
    keeps: bool = False

    @property
    def old(self) -> str:
        return self.name if self.mode in ("read", "inout") else f"{self.name}_old"

    @property
    def new(self) -> str:
        return self.name if self.mode == "inout" else f"{self.name}_new"

    @property
    def flag(self) -> str:
        return f"{self.name}_set"


@dataclass(frozen=True, slots=True)
class BufferFacts:
    """What a launch knows of a pointer parameter.

    `storage`: element type in C; `same_as`: index of the first parameter with the same array;
    `covered`: the kernel is proved to write every element, `visited`: to have each in turn once, though it
    may then not store it; `overlaps`: some arrays share memory without
    being the same, so accesses to any of them keep their order.
    """

    storage: str
    same_as: int
    covered: bool = False
    visited: bool = False
    overlaps: bool = False


# What a kernel says while it runs goes to one more buffer: a counter, then records of these words:
# site, program x, y, z, element, value (low, high).
MESSAGE_WORDS = 7
MOST_MESSAGES = 8192


@dataclass(frozen=True, slots=True)
class Site:
    """A print or assert. `shape`: of the tile; `element`: its type, or "" if there is no value."""

    kind: Literal["print", "assert"]
    text: str
    where: str
    shape: tuple[int, ...]
    element: str = ""
    hexadecimal: bool = False
    signed: bool = True


@dataclass(frozen=True, slots=True)
class Costs:
    """What the products of a program on matrix units take, each product done once.

    Of each simdgroup: `multiplications` of 8x8 matrices, `turns` of the loops around them, `shared`: words that
    the busiest bank of threadgroup memory gives or takes, `barriers`, `waits`: times that it needs what it has
    just begun to load. Of all together: `loads`: bytes of operands from memory, each once; `repeats`: those
    that several simdgroups load, as often as they do again.
    """

    multiplications: int = 0
    turns: int = 0
    shared: int = 0
    barriers: int = 0
    waits: int = 0
    loads: int = 0
    repeats: int = 0

    def plus(self, other: Costs) -> Costs:
        return Costs(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


@dataclass(frozen=True, slots=True)
class Kernel:
    """Source of one kernel and what a launch must know to call it.

    `accesses`: one per buffer, in order of its first parameter; `buffers`: parameter index of each.
    `scalars`: parameter indexes of the scalars, packed in 8-byte slots in this order.
    `sites`: prints and asserts; if there are any, a buffer of messages follows the others.
    `registers`: 32-bit registers that a thread needs, estimated (0: not estimated).
    `schedule`: what was chosen for the chip, and why, in words; `choice`: as a value.
    `costs`: of its products on matrix units.
    `vector_bits`: width of vectors that the host's compiler shall prefer (0: its own choice).
    `inputs`: indexes into `accesses` of the buffers whose old contents the body reads.
    `launch_bytes`: threadgroup memory that the body does not declare, so the launch asks for it.
    """

    name: str
    target: str
    body: str
    header: str
    accesses: tuple[Access, ...]
    buffers: tuple[int, ...]
    scalars: tuple[int, ...]
    inputs: tuple[int, ...]
    threads: int
    threadgroup_bytes: int
    stack_bytes: int
    sites: tuple[Site, ...] = ()
    registers: int = 0
    schedule: str = ""
    costs: Costs = Costs()
    choice: Schedule = Schedule(1)
    vector_bits: int = 0
    launch_bytes: int = 0
