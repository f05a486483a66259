"""What fusion across launches knows of a program: launches on versions of arrays.

Every write makes a new version of an array, a number of its own; so launches depend on each other only where
one reads a version that another made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..graph import Function

Grid = tuple[int, int, int]
NOT_WRITTEN = -1


@dataclass(frozen=True, slots=True)
class Buffer:
    """An array of a launch: the versions before and after it (NOT_WRITTEN), its elements and their bytes."""

    before: int
    after: int
    elements: int
    itemsize: int
    storage: str


@dataclass(frozen=True, slots=True, eq=False)  # hashed by identity: proofs are kept per launch
class Launch:
    """One launch. `slots`: parameter → index into `buffers`; `scalars`: parameter → value.

    `origins`: parameter → (launch, parameter) that it came from; `members`: the launches in it.
    """

    name: str
    function: Function
    grid: Grid
    buffers: tuple[Buffer, ...]
    slots: Mapping[int, int]
    scalars: Mapping[int, int | float | bool]
    num_warps: int
    members: tuple[int, ...]
    origins: Mapping[int, tuple[int, int]]
    reads: frozenset[int] = field(init=False, repr=False)  # versions
    writes: frozenset[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        after = frozenset(b.after for b in self.buffers if b.after != NOT_WRITTEN)
        object.__setattr__(self, "reads", frozenset(b.before for b in self.buffers))
        object.__setattr__(self, "writes", after)

    def parameters_of(self, slot: int) -> tuple[int, ...]:
        return tuple(p for p, s in self.slots.items() if s == slot)


@dataclass(frozen=True, slots=True)
class Decision:
    """About launch `first` and launch `second` (numbers in the scope): `code` is in codes.CODES."""

    first: int
    second: int
    code: str
    fused: bool
    what: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The launches to make, in order, and why. Bytes: versions read plus versions written, once a launch."""

    launches: tuple[Launch, ...]
    decisions: tuple[Decision, ...]
    bytes_before: int
    bytes_after: int
