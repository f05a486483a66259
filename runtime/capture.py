"""The `fuse` scope: launches are recorded as they are made, and joined at the end of the scope.

A launch inside does what it always does: its result is a node of MLX's graph, which runs when somebody
reads it. At the end the plan's launches are made too, on the versions of the arrays that the recorded ones
saw, and arrays that still hold a recorded result get the joint one instead. So any read, any MLX operation
and any exception on the way finds what launches without the scope would have left; results nobody holds
are never computed.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import gc
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from ..fusion.errors import TritonMlxError
from ..fusion.graph import Function
from ..fusion.joint.codes import CODES
from ..fusion.joint.plan import traffic
from ..fusion.joint.records import NOT_WRITTEN, Decision, Grid, Launch, Plan
from . import launch as launches
from . import lowered, native
from .pending import remember
from .prepared import call_of, packed, scalar_places
from .recorded import (
    NO_MEMBERS,
    Contents,
    Numbers,
    Operation,
    Record,
    What,
    between,
    held,
    launches_of,
    numbered,
    read_by_mlx,
    signature,
    visible,
    what,
)
from .report import history
from .report.plain import launch_of
from .report.report import FuseReport
from .target import SHAPES, Choice
from .worth import planned as planned_for

_MOST_PLANS = 256


@dataclass(frozen=True, slots=True)
class _Ready:
    """How to make a launch of a plan: `call` on the arrays of `slots`, and scalars from `places`."""

    call: launches.Call
    slots: tuple[int, ...]
    places: tuple[tuple[int, int], ...]


_Planned = tuple[tuple[Launch, ...], Plan, tuple[_Ready | None, ...]]
_plans: dict[Any, _Planned] = {}
_last: FuseReport | None = None


class Scope:
    """Records launches between enter and exit, then joins them. Also a decorator.

    `relax_rounding`: see triton_mlx.fuse.
    """

    def __init__(self, relax_rounding: bool = False) -> None:
        self._relax = relax_rounding
        self._records: list[Record] = []
        self._decisions: list[Decision] = []
        self._contents = Contents()
        self._anywhere = False  # a launch may have touched any array
        self._token: contextvars.Token[launches.Recorder | None] | None = None
        self.report = FuseReport()

    def __enter__(self) -> Scope:
        self._records, self._decisions = [], []
        self._anywhere = False
        self._contents = Contents()
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
            self._contents = Contents()

    def _end(self, records: list[Record], error: BaseException | None) -> None:
        if not records:
            return
        if error is not None:
            self._abandon(records, type(error).__name__)
        elif self._anywhere:
            self._abandon(records, CODES["ADDRESSES"].name)
        else:
            self._finish(records)

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
        contents, number = self._contents, len(self._records)
        anywhere = launcher.anywhere is not None
        # Now, because a launch may evaluate its arguments, which then forget what they were made of.
        before = None if anywhere else contents.origins(arrays)
        call(arrays, scalars, grid)
        if before is None:
            code = CODES["ADDRESSES" if anywhere else "EAGER"]
            self._anywhere = self._anywhere or anywhere
            self._decisions.append(
                Decision(number, number, code.name, False, code.meaning, code.hint)
            )
        record = Record(
            self._what(launcher, call),
            call,
            launcher.last_sizes,
            scalars,
            grid,
            tuple([o.version for o in before or ()]),
            tuple([(o.operation, o.sources) for o in before or ()]),
            tuple(contents.results(arrays, before, number) if before else ()),
            tuple(map(weakref.ref, arrays)) if before else (),
        )
        self._records.append(record)

    @staticmethod
    def _what(launcher: launches.Launcher, call: launches.Call) -> What:
        known = launcher.recorded.get(call)
        if known is None:
            facts = tuple(sorted(launcher.last_facts.items()))
            known = what(launcher.text, launcher.num_warps, launcher.choice, facts, launcher.file)
            launcher.recorded[call] = known
        return known

    def _finish(self, records: list[Record]) -> None:
        global _last
        contents = self._contents
        numbers = numbered(records)
        operations, views = between(records, numbers, contents.written)
        alive = held(records, contents)
        holders = visible(records, numbers, [(h, contents.of(node).key) for h, node in alive])
        keys = [node.key for _, node in alive]
        del alive  # its handles are ours, and would be counted
        read = read_by_mlx(records, numbers, keys)
        outside = holders.keys() | read
        key = signature(records, numbers), frozenset(outside), operations, self._relax
        found = _plans.get(key)
        if found is None:
            if len(_plans) >= _MOST_PLANS:
                _plans.pop(next(iter(_plans)))
            made = launches_of(records, numbers)
            with _no_collection():
                prepared = _prepared(records, made, frozenset(outside), operations, self._relax)
            found = _plans[key] = tuple(made), *prepared
        first_made, planned, ready = found
        remade = _make(records, planned, ready, numbers)
        _adopt(records, remade, numbers, read)
        _bind(remade, holders)
        edges = {(d.first, d.second) for d in views}
        others = (d for d in planned.decisions if (d.first, d.second) not in edges)
        eager = [_eager(k, r) for k, r in enumerate(records) if not r.before]
        self.report = FuseReport(
            tuple(sorted((*first_made, *eager), key=lambda x: x.members)),
            (*planned.launches, *eager),
            (*others, *views, *self._decisions),
            tuple(r.scalars for r in records),
            records[0].what.choice,
            tuple(r.what.file for r in records),
        )
        if records[0].what.choice.name == SHAPES:
            return  # nothing was launched
        _last = self.report
        history.note((planned.launches, tuple(map(_eager_key, eager))), self.report)

    def _abandon(self, records: list[Record], why: str) -> None:
        """The scope ended by an exception, or used unknown arrays: its launches stay as they were made."""
        global _last
        made = launches_of(records, numbered(records))
        eager = [_eager(k, r) for k, r in enumerate(records) if not r.before]
        launches = tuple(sorted((*made, *eager), key=lambda x: x.members))
        scalars = tuple(r.scalars for r in records)
        note = f"{why} ended the scope: nothing was joined"
        files = tuple(r.what.file for r in records)
        self.report = FuseReport(
            launches,
            launches,
            tuple(self._decisions),
            scalars,
            records[0].what.choice,
            files,
            note=note,
        )
        if records[0].what.choice.name != SHAPES:
            _last = self.report
            history.note(tuple(map(_eager_key, launches)), self.report)


def last_report() -> FuseReport | None:
    """The report of the scope that ended last."""
    return _last


def _eager(number: int, record: Record) -> Launch:
    """What a launch on arrays that change at once was."""
    function = lowered.function_of(record.what.text)
    facts, sizes = dict(record.what.facts), record.sizes
    return launch_of(
        record.what.name,
        function,
        facts,
        sizes,
        record.scalars,
        record.grid,
        record.what.num_warps,
        number,
    )


def _eager_key(launch: Launch) -> Any:
    return launch.function, launch.grid, launch.buffers, tuple(launch.scalars.items())


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """A plan makes many small objects and no cycles: the collector would look at everything for nothing."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _prepared(
    records: Sequence[Record],
    made: Sequence[Launch],
    outside: frozenset[int],
    operations: Sequence[Operation],
    relax: bool,
) -> tuple[Plan, tuple[_Ready | None, ...]]:
    """The plan, and its joint launches compiled; those that cannot be are made apart, as recorded."""
    choices = {records[x.members[0]].what.choice for x in made}
    if len(choices) != 1:
        moved = sum(map(traffic, made))
        return Plan(tuple(made), (), moved, moved), (None,) * len(made)
    ordered: list[Launch] = []
    for x in made:
        ordered += [o.launch() for o in operations if o.reader == x.members[0]]
        ordered.append(x)
    planned = planned_for(ordered, outside, relax, choices.pop())
    alone = {x.members[0]: x for x in made}
    functions = [lowered.function_of(r.what.text) for r in records]
    launches: list[Launch] = []
    ready: list[_Ready | None] = []
    decisions = [d for d in planned.decisions if -1 not in (d.first, d.second)]
    for launch in planned.launches:
        if launch.members == NO_MEMBERS:
            continue
        first, last = launch.members[0], launch.members[-1]
        try:
            joint = _ready(launch, records[first].what.choice, functions) if first != last else None
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


def _ready(launch: Launch, choice: Choice, functions: Sequence[Function]) -> _Ready:
    call, slots = call_of(launch, choice)
    return _Ready(call, slots, scalar_places(launch, functions))


def _make(
    records: Sequence[Record],
    planned: Plan,
    ready: Sequence[_Ready | None],
    numbers: Numbers,
) -> dict[int, Any]:
    """Make the joint launches, and again those that read what they make; versions and their arrays."""
    nodes: dict[int, Any] = {}
    for record in records:
        nodes |= {numbers[v.key]: v.array for v in (*record.before, *record.written)}
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
            given = [arrays[s] for s in joint.slots]
            joint.call(given, packed(joint.places, scalars), launch.grid)
        for buffer, array in zip(launch.buffers, arrays):
            if buffer.after != NOT_WRITTEN:
                remade[buffer.after] = array
    return remade


def _bind(remade: dict[int, Any], holders: dict[int, list[Any]]) -> None:
    """Arrays that hold recorded results hold the joint launches' from now on."""
    for version, array in remade.items():
        for holder in holders.get(version, ()):
            native.rebind(holder, array.reshape(holder.shape))
    remember(h for version in remade for h in holders.get(version, ()))


def _adopt(
    records: Sequence[Record],
    remade: dict[int, Any],
    numbers: Numbers,
    read: frozenset[int],
) -> None:
    """Operations of MLX that were made of recorded results read the joint launches' instead."""
    import mlx.core as mx

    if not read:
        return
    for record in records:
        old = list(record.written)
        versions = [numbers[v.key] for v in old]
        if any(v in read for v in versions) and all(v in remade for v in versions):
            new = [mx.contiguous(remade[n].reshape(v.array.shape)) for v, n in zip(old, versions)]
            native.adopt(tuple((v.array, n) for v, n in zip(old, new)))
