"""The `fuse` scope: launches are recorded as they are made, and joined at the end of the scope.

A launch inside does what it always does: its result is a node of MLX's graph, which runs when somebody
reads it. At the end the plan's launches are made too, on the versions of the arrays that the recorded ones
saw, and arrays that still hold a recorded result get the joint one instead. So any read, any MLX operation
and any exception on the way finds what launches without the scope would have left; results nobody holds
are never computed.
"""

from __future__ import annotations

import contextvars
import functools
import itertools
import weakref
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from ..fusion.errors import TritonMlxError
from ..fusion.graph import Function, GraphBuilder
from ..fusion.joint.codes import CODES
from ..fusion.joint.plan import traffic
from ..fusion.joint.records import NOT_WRITTEN, Buffer, Decision, Grid, Launch, Plan
from ..lowering.record import BufferFacts
from . import launch as launches
from . import lowered, native
from .prepared import call_of, packed
from .report import history
from .report.plain import launch_of, whole_scalars
from .report.report import FuseReport
from .target import SHAPES, Choice
from .worth import planned as planned_for

_MOST_PLANS = 256
_NO_MEMBERS = (-1,)


@dataclass(frozen=True, slots=True)
class _Record:
    """A launch as it was made. `before`, `after`: the arrays' nodes (after: None where not written).

    A reshape counts as what it was made of. `made_by`: operations of MLX that made `before`, and the identities
    of the recorded results that these were made of.
    """

    name: str
    text: str
    num_warps: int
    choice: Choice
    call: launches.Call
    facts: tuple[tuple[int, BufferFacts], ...]
    sizes: tuple[int, ...]
    file: str
    scalars: bytes
    grid: Grid
    before: tuple[Any, ...]
    made_by: tuple[tuple[str, tuple[int, ...]], ...]
    after: tuple[Any | None, ...]
    holders: tuple[weakref.ref[Any], ...]


@dataclass(frozen=True, slots=True)
class _Ready:
    """A launch of a plan that can be made: `call` on the arrays of `slots` in that order."""

    launch: Launch
    call: launches.Call
    slots: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Operation:
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
        return Launch(self.name, function, (1, 1, 1), buffers, {}, {}, 1, _NO_MEMBERS, {})


_Planned = tuple[tuple[Launch, ...], Plan, tuple[_Ready | None, ...]]
_plans: dict[Any, _Planned] = {}
_last: FuseReport | None = None


class Scope:
    """Records launches between enter and exit, then joins them. Also a decorator.

    `relax_rounding`: see triton_mlx.fuse.
    """

    def __init__(self, relax_rounding: bool = False) -> None:
        self._relax = relax_rounding
        self._records: list[_Record] = []
        self._decisions: list[Decision] = []
        self._written: dict[int, int] = {}  # identities of results → their launches
        # Identities of results → (the result, the array of which it is a reshape).
        self._reshapes: dict[int | None, tuple[Any, Any]] = {}
        self._token: contextvars.Token[launches.Recorder | None] | None = None
        self.report = FuseReport()

    def __enter__(self) -> Scope:
        self._records, self._decisions = [], []
        self._written, self._reshapes = {}, {}
        self._token = launches.recorder.set(self._record)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._token is not None
        launches.recorder.reset(self._token)
        records, self._records = self._records, []
        try:
            self._end(records, error)
        finally:  # a scope may be kept for its report; arrays are not
            self._written, self._reshapes = {}, {}

    def _end(self, records: list[_Record], error: BaseException | None) -> None:
        if not records:
            return
        if error is None:
            self._finish(records)
        else:
            self._abandon(records, type(error).__name__)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def fused(*args: Any, **kwargs: Any) -> Any:
            with Scope(self._relax) as scope:
                result = function(*args, **kwargs)
            fused.last = scope  # type: ignore[attr-defined]
            return result

        fused.last = None  # type: ignore[attr-defined]
        return fused

    def _record(
        self,
        launcher: launches.Launcher,
        call: launches.Call,
        arrays: Sequence[Any],
        scalars: bytes,
        grid: Grid,
    ) -> None:
        before = _nodes(arrays)
        # Now, because a launch may evaluate its arguments, which then forget what they were made of.
        origins = tuple(native.origin(self._contents(a), self._written) for a in before or ())
        call(arrays, scalars, grid)
        number = len(self._records)
        after = _nodes(arrays)
        if before is None or after is None:
            before, after, origins = (), (), ()
            hint = CODES["EAGER"].hint
            what = CODES["EAGER"].meaning
            self._decisions.append(Decision(number, number, "EAGER", False, what, hint))
        changed = tuple(
            self._new(b) if native.identity(a) != native.identity(b) else None
            for a, b in zip(before, after)
        )
        record = _Record(
            lowered.function_of(launcher.text).name if launcher.text else "kernel",
            launcher.text,
            launcher.num_warps,
            launcher.choice,
            call,
            tuple(sorted(launcher.last_facts.items())),
            launcher.last_sizes,
            launcher.file,
            scalars,
            grid,
            tuple(contents for contents, _, _ in origins),
            tuple((operation, tuple(sources)) for _, operation, sources in origins),
            changed,
            tuple(weakref.ref(a) for a in arrays) if before else (),
        )
        self._records.append(record)
        written = (native.identity(new) for new in changed if new is not None)
        self._written.update({k: number for k in written if k is not None})

    def _new(self, node: Any) -> Any:
        """What `node` is a reshape of; remembered, because it forgets that when it is evaluated."""
        contents, _, _ = native.origin(node, {})
        if native.identity(contents) != native.identity(node):
            self._reshapes[native.identity(node)] = node, contents
        return contents

    def _contents(self, array: Any) -> Any:
        return self._reshapes.get(native.identity(array), (None, array))[1]

    def _finish(self, records: list[_Record]) -> None:
        global _last
        made, names = _Numbering(records).launches()
        between, views = _between(records, names)
        held, holders = _visible(records, names, self._contents)
        read = _read_by_mlx(records, names)
        visible = held | read
        key = _signature(records, made, visible), between, self._relax
        if key not in _plans:
            if len(_plans) >= _MOST_PLANS:
                _plans.pop(next(iter(_plans)))
            _plans[key] = (
                tuple(made),
                *_prepared(records, made, visible, between, self._relax),
            )
        first_made, planned, ready = _plans[key]
        remade = _make(records, planned, ready, names)
        _adopt(records, remade, names, read)
        _bind(remade, holders)
        edges = {(d.first, d.second) for d in views}
        others = (d for d in planned.decisions if (d.first, d.second) not in edges)
        eager = [_eager(k, r) for k, r in enumerate(records) if not r.before]
        self.report = FuseReport(
            tuple(sorted((*first_made, *eager), key=lambda x: x.members)),
            (*planned.launches, *eager),
            (*others, *views, *self._decisions),
            tuple(r.scalars for r in records),
            records[0].choice,
            tuple(r.file for r in records),
        )
        if records[0].choice.name == SHAPES:
            return  # nothing was launched
        _last = self.report
        history.note((planned.launches, tuple(map(_eager_key, eager))), self.report)

    def _abandon(self, records: list[_Record], why: str) -> None:
        """An exception ended the scope: its launches stay as they were made."""
        global _last
        made, _ = _Numbering(records).launches()
        eager = [_eager(k, r) for k, r in enumerate(records) if not r.before]
        launches = tuple(sorted((*made, *eager), key=lambda x: x.members))
        scalars = tuple(r.scalars for r in records)
        note = f"{why} ended the scope: nothing was joined"
        files = tuple(r.file for r in records)
        self.report = FuseReport(
            launches, launches, (), scalars, records[0].choice, files, note=note
        )
        if records[0].choice.name != SHAPES:
            _last = self.report
            history.note(tuple(map(_eager_key, launches)), self.report)


def last_report() -> FuseReport | None:
    """The report of the scope that ended last."""
    return _last


def _eager(number: int, record: _Record) -> Launch:
    """What a launch on arrays that change at once was."""
    function = lowered.function_of(record.text)
    facts, sizes = dict(record.facts), record.sizes
    return launch_of(
        record.name, function, facts, sizes, record.scalars, record.grid, record.num_warps, number
    )


def _eager_key(launch: Launch) -> Any:
    return launch.function, launch.grid, launch.buffers, tuple(launch.scalars.items())


def _nodes(arrays: Sequence[Any]) -> tuple[Any, ...] | None:
    """New Python objects for the nodes that the arrays are now; None if they are not lazy mx.arrays."""
    import mlx.core as mx

    if not all(isinstance(a, mx.array) for a in arrays) or native.load() is None:
        return None
    made = tuple(a.reshape(a.shape) for a in arrays)
    same = all(native.identity(a) == native.identity(b) for a, b in zip(arrays, made))
    return made if same and native.identity(arrays[0]) is not None else None


class _Numbering:
    """Contents of arrays as small numbers, in order of first sight, so that equal programs look equal.

    A node of MLX's graph and its reshapes have one number.
    """

    def __init__(self, records: Sequence[_Record]):
        self.records = records
        self.numbers: dict[int, int] = {}

    def number(self, node: Any) -> int:
        return self.numbers.setdefault(int(native.identity(node) or 0), len(self.numbers))

    def launches(self) -> tuple[list[Launch], dict[int, int]]:
        made = [self._launch(k, r) for k, r in enumerate(self.records) if r.before]
        return made, self.numbers

    def _launch(self, number: int, record: _Record) -> Launch:
        function = lowered.function_of(record.text)
        facts = dict(record.facts)
        firsts = sorted({f.same_as for f in facts.values()})
        buffers = tuple(
            Buffer(
                self.number(old),
                NOT_WRITTEN if new is None else self.number(new),
                old.size,
                old.itemsize,
                facts[p].storage,
            )
            for p, old, new in zip(firsts, record.before, record.after, strict=True)
        )
        slots = {p: firsts.index(f.same_as) for p, f in facts.items()}
        origins = {k: (number, k) for k in range(len(function.parameters))}
        return Launch(
            record.name,
            function,
            record.grid,
            buffers,
            slots,
            whole_scalars(function, record.scalars),
            record.num_warps,
            (number,),
            origins,
        )


def _visible(
    records: Sequence[_Record], numbers: dict[int, int], contents: Callable[[Any], Any]
) -> tuple[frozenset[int], dict[int, list[Any]]]:
    """Versions that arrays outside still hold, and those arrays."""
    holders: dict[int, list[Any]] = {}
    for record in records:
        for new, reference in zip(record.after, record.holders):
            holder = reference()
            if new is None or holder is None:
                continue
            if native.identity(contents(holder)) == native.identity(new):
                found = holders.setdefault(numbers[int(native.identity(new) or 0)], [])
                if not any(h is holder for h in found):
                    found.append(holder)
    return frozenset(holders), holders


def _read_by_mlx(records: Sequence[_Record], numbers: dict[int, int]) -> frozenset[int]:
    """Versions of which operations of MLX were made on the way: more than we know of have their nodes."""
    nodes = [new for record in records for new in record.after if new is not None]
    if not nodes:
        return frozenset()
    known = Counter(native.identity(a) for record in records for a in record.before)
    alive = {id(h): h for r in records for ref in r.holders if (h := ref()) is not None}
    known.update(native.identity(h) for h in alive.values())
    counts = zip((native.identity(n) for n in nodes), native.others(nodes))
    return frozenset(numbers[int(k or 0)] for k, n in counts if n > known[k] + 1)


def _between(
    records: Sequence[_Record], numbers: dict[int, int]
) -> tuple[tuple[_Operation, ...], list[Decision]]:
    """Operations of MLX that read the result of one launch and feed another, which stay apart."""
    writers = {
        int(native.identity(new) or 0): number
        for number, record in enumerate(records)
        for new in record.after
        if new is not None
    }
    found: dict[int, _Operation] = {}
    told: list[Decision] = []
    for number, record in enumerate(records):
        for node, (operation, sources) in zip(record.before, record.made_by):
            what, hint = f"{operation} of MLX between them", CODES["VIEW"].hint
            told += [Decision(writers[s], number, "VIEW", False, what, hint) for s in sources]
            made = numbers[int(native.identity(node) or 0)]
            if sources and made not in found:
                versions = tuple(sorted(numbers[s] for s in sources))
                found[made] = _Operation(operation, number, versions, made)
    return tuple(found.values()), told


def _signature(records: Sequence[_Record], made: Sequence[Launch], visible: frozenset[int]) -> Any:
    parts = [
        (
            records[x.members[0]].text,
            records[x.members[0]].choice,
            x.members,
            x.grid,
            x.buffers,
            tuple(x.slots.items()),
            tuple(x.scalars.items()),
            x.num_warps,
        )
        for x in made
    ]
    return tuple(parts), visible


def _prepared(
    records: Sequence[_Record],
    made: Sequence[Launch],
    visible: frozenset[int],
    between: Sequence[_Operation],
    relax: bool,
) -> tuple[Plan, tuple[_Ready | None, ...]]:
    """The plan, and its joint launches compiled; those that cannot be are made apart, as recorded."""
    choices = {records[x.members[0]].choice for x in made}
    if len(choices) != 1:
        moved = sum(map(traffic, made))
        return Plan(tuple(made), (), moved, moved), (None,) * len(made)
    ordered: list[Launch] = []
    for x in made:
        ordered += [o.launch() for o in between if o.reader == x.members[0]]
        ordered.append(x)
    planned = planned_for(ordered, visible, relax, choices.pop())
    alone = {x.members[0]: x for x in made}
    launches: list[Launch] = []
    ready: list[_Ready | None] = []
    decisions = [d for d in planned.decisions if -1 not in (d.first, d.second)]
    for launch in planned.launches:
        if launch.members == _NO_MEMBERS:
            continue
        first, last = launch.members[0], launch.members[-1]
        try:
            joint = _ready(launch, records[first].choice) if first != last else None
        except TritonMlxError as error:
            inside = set(launch.members)
            decisions = [d for d in decisions if not {d.first, d.second} <= inside]
            decisions.append(
                Decision(first, last, "RESOURCES", False, str(error), CODES["RESOURCES"].hint)
            )
            launches += [alone[m] for m in launch.members]
            ready += [None] * len(inside)
            continue
        launches.append(launch)
        ready.append(joint)
    moved = sum(map(traffic, launches))
    planned = Plan(tuple(launches), tuple(decisions), planned.bytes_before, moved)
    return planned, tuple(ready)


def _ready(launch: Launch, choice: Choice) -> _Ready:
    call, slots = call_of(launch, choice)
    return _Ready(launch, call, slots)


def _make(
    records: Sequence[_Record],
    planned: Plan,
    ready: Sequence[_Ready | None],
    numbers: dict[int, int],
) -> dict[int, Any]:
    """Make the joint launches, and again those that read what they make; versions and their arrays."""
    nodes: dict[int, Any] = {}
    for record in records:
        for node in (*record.before, *(n for n in record.after if n is not None)):
            nodes[numbers[int(native.identity(node) or 0)]] = node
    functions = [lowered.function_of(r.text) for r in records]
    scalars = [r.scalars for r in records]
    remade: dict[int, Any] = {}
    for launch, joint in zip(planned.launches, ready):
        if joint is None and not launch.reads & set(remade):
            continue
        old = [remade.get(b.before, nodes[b.before]) for b in launch.buffers]
        arrays = [a.reshape(a.shape) for a in old]
        if joint is None:
            record = records[launch.members[0]]
            record.call(arrays, record.scalars, launch.grid)
        else:
            joint.call(
                [arrays[s] for s in joint.slots], packed(launch, functions, scalars), launch.grid
            )
        for buffer, array in zip(launch.buffers, arrays):
            if buffer.after != NOT_WRITTEN:
                remade[buffer.after] = array
    return remade


def _bind(remade: dict[int, Any], holders: dict[int, list[Any]]) -> None:
    """Arrays that hold recorded results hold the joint launches' from now on."""
    for version, array in remade.items():
        for holder in holders.get(version, ()):
            native.rebind(holder, array.reshape(holder.shape))
    launches.remember(h for version in remade for h in holders.get(version, ()))


def _adopt(
    records: Sequence[_Record],
    remade: dict[int, Any],
    numbers: dict[int, int],
    read: frozenset[int],
) -> None:
    """Operations of MLX that were made of recorded results read the joint launches' instead."""
    import mlx.core as mx

    for record in records:
        old = [new for new in record.after if new is not None]
        versions = [numbers[int(native.identity(new) or 0)] for new in old]
        if any(v in read for v in versions) and all(v in remade for v in versions):
            new = [mx.contiguous(remade[v].reshape(o.shape)) for o, v in zip(old, versions)]
            native.adopt(tuple(zip(old, new)))
