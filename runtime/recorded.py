"""What a `fuse` scope remembers of the launches in it, and how it sees arrays: as versions of contents.

An mx.array is a handle of a node of MLX's graph. Each launch gives its outputs new nodes, so a node is one
version of an array's contents. A reshape has another node and the same contents, and is the same version.
"""

from __future__ import annotations

import functools
import itertools
import weakref
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..fusion.graph import Function, GraphBuilder
from ..fusion.joint.codes import CODES
from ..fusion.joint.records import NOT_WRITTEN, Buffer, Decision, Grid, Launch
from ..lowering.record import BufferFacts
from . import launch as launches
from . import lowered, native
from .report.plain import whole_scalars
from .target import Choice

NO_MEMBERS = (-1,)


class Version(NamedTuple):
    """A handle of a node, and the node's identity, which is unique while a handle of it lives."""

    array: Any
    key: int


class Origin(NamedTuple):
    """An array before a launch.

    `node` is what it is, `version` what has its contents: another node where it is a reshape. `operation` of
    MLX made that one, of the recorded results with the identities `sources`.
    """

    node: Version
    version: Version
    operation: str
    sources: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class What:
    """What is the same in all launches of a kernel on such arrays; `what` makes equal ones one object."""

    name: str
    text: str
    num_warps: int
    choice: Choice
    facts: tuple[tuple[int, BufferFacts], ...]
    file: str


@functools.lru_cache(maxsize=4096)
def what(
    text: str,
    num_warps: int,
    choice: Choice,
    facts: tuple[tuple[int, BufferFacts], ...],
    file: str,
) -> What:
    name = lowered.function_of(text).name if text else "kernel"
    return What(name, text, num_warps, choice, facts, file)


class Record(NamedTuple):
    """A launch as it was made. `before`, `after`: the arrays' versions (after: None where not written).

    `made_by`: operations of MLX that made `before`, and the identities of the recorded results that these
    were made of. On arrays that change at once, and have no versions, these are empty.
    """

    what: What
    call: launches.Call
    sizes: tuple[int, ...]
    scalars: bytes
    grid: Grid
    before: tuple[Version, ...]
    made_by: tuple[tuple[str, tuple[int, ...]], ...]
    after: tuple[Version | None, ...]
    holders: tuple[weakref.ref[Any], ...]

    @property
    def written(self) -> Iterator[Version]:
        return (v for v in self.after if v is not None)


class Contents:
    """Which versions the arrays of one scope have.

    Remembers what reshapes of recorded results were made of, because MLX forgets it when it evaluates them.
    """

    def __init__(self) -> None:
        self.written: dict[int, int] = {}  # identities of results → their launches
        self._reshapes: dict[
            int, tuple[Version, Version]
        ] = {}  # a reshape, and what it was made of

    def now(self, arrays: Sequence[Any]) -> tuple[Version, ...] | None:
        """The nodes that the arrays are; None if they are not lazy mx.arrays."""
        found = native.nodes(arrays)
        return None if found is None else tuple(map(Version, *found))

    def origins(self, arrays: Sequence[Any]) -> list[Origin] | None:
        """Of each array; None if they are not lazy mx.arrays."""
        found = native.origins(arrays, self.written)
        if found is None:
            return None
        origins = []
        for array, key, made_of in found:
            if key in self._reshapes:
                made_of = native.origin(self._reshapes[key][1].array, self.written)
            whole, identity, operation, sources = made_of
            origins.append(
                Origin(Version(array, key), Version(whole, identity), operation, tuple(sources))
            )
        return origins

    def results(
        self, arrays: Sequence[Any], before: Sequence[Origin], launch: int
    ) -> list[Version | None]:
        """The versions that `launch` has made of the arrays, which were `before`; None where it made none."""
        now = native.changed(arrays, [o.node.key for o in before])
        made: list[Version | None] = []
        for found in now:
            if found is None:
                made.append(None)
                continue
            array, key, whole, identity = found
            version = Version(whole, identity)
            if key != identity:
                self._reshapes[key] = Version(array, key), version
            self.written[identity] = launch
            made.append(version)
        return made

    def of(self, node: Version) -> Version:
        found = self._reshapes.get(node.key)
        return node if found is None else found[1]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of MLX that makes version `made` of others; `reader`: the launch that reads it."""

    name: str
    reader: int
    sources: tuple[int, ...]
    made: int

    def launch(self) -> Launch:
        """As a launch that nothing can be joined with, so that plans keep the order around it."""
        builder = GraphBuilder(itertools.count())
        builder.add("barrier", (), ())
        first, *rest = self.sources
        read = (Buffer(source, NOT_WRITTEN, 0, 0, "") for source in rest)
        buffers = (Buffer(first, self.made, 0, 0, ""), *read)
        function = Function(self.name, (), builder.build())
        return Launch(self.name, function, (1, 1, 1), buffers, {}, {}, 1, NO_MEMBERS, {})


Numbers = dict[
    int, int
]  # identities of versions → small numbers, so that equal programs look equal


def numbered(records: Sequence[Record]) -> Numbers:
    """Versions in order of first sight."""
    numbers: Numbers = {}
    for record in records:
        for old, new in zip(record.before, record.after):
            numbers.setdefault(old.key, len(numbers))
            if new is not None:
                numbers.setdefault(new.key, len(numbers))
    return numbers


def launches_of(records: Sequence[Record], numbers: Numbers) -> list[Launch]:
    """What the planner sees; not the launches on arrays that change at once."""
    return [_launch(k, r, numbers) for k, r in enumerate(records) if r.before]


@functools.lru_cache(maxsize=4096)
def _whole_scalars(text: str, scalars: bytes) -> tuple[tuple[int, int | float | bool], ...]:
    return tuple(whole_scalars(lowered.function_of(text), scalars).items())


def signature(records: Sequence[Record], numbers: Numbers) -> Any:
    """What the plan of these launches depends on: the same for launches on other arrays and floats."""
    return tuple(
        (
            r.what,
            r.sizes,
            r.grid,
            _whole_scalars(r.what.text, r.scalars),
            tuple([numbers[v.key] for v in r.before]),
            tuple([NOT_WRITTEN if v is None else numbers[v.key] for v in r.after]),
        )
        for r in records
    )


def _launch(number: int, record: Record, numbers: Numbers) -> Launch:
    function = lowered.function_of(record.what.text)
    facts = dict(record.what.facts)
    firsts = sorted({f.same_as for f in facts.values()})
    buffers = tuple(
        Buffer(
            numbers[old.key],
            NOT_WRITTEN if new is None else numbers[new.key],
            old.array.size,
            old.array.itemsize,
            facts[p].storage,
        )
        for p, old, new in zip(firsts, record.before, record.after, strict=True)
    )
    slots = {p: firsts.index(f.same_as) for p, f in facts.items()}
    origins = {k: (number, k) for k in range(len(function.parameters))}
    scalars = dict(_whole_scalars(record.what.text, record.scalars))
    return Launch(
        record.what.name,
        function,
        record.grid,
        buffers,
        slots,
        scalars,
        record.what.num_warps,
        (number,),
        origins,
    )


def held(records: Sequence[Record], contents: Contents) -> list[tuple[Any, Version]]:
    """The arrays of the launches that still live, each once, with their nodes."""
    alive: dict[int, Any] = {}
    for record in records:
        for reference in record.holders:
            holder = reference()
            if holder is not None:
                alive[id(holder)] = holder
    arrays = list(alive.values())
    return list(zip(arrays, contents.now(arrays) or ()))


def visible(
    records: Sequence[Record], numbers: Numbers, held: Sequence[tuple[Any, int]]
) -> dict[int, list[Any]]:
    """Results that arrays outside still have, and those arrays. `held`: arrays and their versions."""
    results = {v.key for record in records for v in record.written}
    holders: dict[int, list[Any]] = {}
    for array, key in held:
        if key in results:
            holders.setdefault(numbers[key], []).append(array)
    return holders


def read_by_mlx(records: Sequence[Record], numbers: Numbers, held: Sequence[int]) -> frozenset[int]:
    """Results of which operations of MLX were made on the way: more than we know of have their nodes.

    `held`: the identities of the nodes of arrays outside.
    """
    results = [v for record in records for v in record.written]
    if not results:
        return frozenset()
    known = Counter([v.key for record in records for v in record.before])
    for key in held:
        known[key] += 1
    counts = zip(results, native.others(tuple(v.array for v in results)))
    return frozenset(numbers[v.key] for v, n in counts if n > known[v.key] + 1)


def between(
    records: Sequence[Record], numbers: Numbers, writers: Mapping[int, int]
) -> tuple[tuple[Operation, ...], list[Decision]]:
    """Operations of MLX that read the result of one launch and feed another, which stay apart."""
    found: dict[int, Operation] = {}
    told: list[Decision] = []
    for number, record in enumerate(records):
        for node, (operation, sources) in zip(record.before, record.made_by):
            if not sources:
                continue
            what, hint = f"{operation} of MLX between them", CODES["VIEW"].hint
            told += [Decision(writers[s], number, "VIEW", False, what, hint) for s in sources]
            made = numbers[node.key]
            if made not in found:
                versions = tuple(sorted(numbers[s] for s in sources))
                found[made] = Operation(operation, number, versions, made)
    return tuple(found.values()), told
