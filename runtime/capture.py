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
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

from ..fusion.errors import TritonMlxError
from ..fusion.joint.codes import CODES
from ..fusion.joint.plan import plan, traffic
from ..fusion.joint.records import NOT_WRITTEN, Buffer, Decision, Grid, Launch, Plan
from ..lowering.record import BufferFacts
from . import launch as launches
from . import lowered, native
from .prepared import call_of, packed
from .report import history
from .report.plain import launch_of, whole_scalars
from .report.report import FuseReport
from .target import SHAPES, Choice

_MOST_PLANS = 256


@dataclass(frozen=True, slots=True)
class _Record:
    """A launch as it was made. `before`, `after`: the arrays' nodes (after: None where not written)."""

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
    after: tuple[Any | None, ...]
    holders: tuple[weakref.ref[Any], ...]


@dataclass(frozen=True, slots=True)
class _Ready:
    """A launch of a plan that can be made: `call` on the arrays of `slots` in that order."""

    launch: Launch
    call: launches.Call
    slots: tuple[int, ...]


_Planned = tuple[tuple[Launch, ...], Plan, tuple[_Ready | None, ...]]
_plans: dict[Any, _Planned] = {}
_last: FuseReport | None = None


class Scope:
    """Records launches between enter and exit, then joins them. Also a decorator."""

    def __init__(self) -> None:
        self._records: list[_Record] = []
        self._decisions: list[Decision] = []
        self._eager: list[int] = []
        self._token: contextvars.Token[launches.Recorder | None] | None = None
        self.report = FuseReport()

    def __enter__(self) -> Scope:
        self._records, self._decisions = [], []
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
        if not records:
            return
        if error is None:
            self._finish(records)
        else:
            self._abandon(records, type(error).__name__)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def fused(*args: Any, **kwargs: Any) -> Any:
            with Scope() as scope:
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
        call(arrays, scalars, grid)
        number = len(self._records)
        after = _nodes(arrays)
        if before is None or after is None:
            before = after = ()
            hint = CODES["EAGER"].hint
            what = CODES["EAGER"].meaning
            self._decisions.append(Decision(number, number, "EAGER", False, what, hint))
        changed = tuple(
            b if native.identity(a) != native.identity(b) else None for a, b in zip(before, after)
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
            before,
            changed,
            tuple(weakref.ref(a) for a in arrays) if before else (),
        )
        self._records.append(record)

    def _finish(self, records: list[_Record]) -> None:
        global _last
        made, names = _Numbering(records).launches()
        visible, holders = _visible(records, names)
        key = _signature(records, made, visible)
        if key not in _plans:
            if len(_plans) >= _MOST_PLANS:
                _plans.pop(next(iter(_plans)))
            _plans[key] = (tuple(made), *_prepared(records, made, visible))
        first_made, planned, ready = _plans[key]
        _make(records, planned, ready, names, holders)
        eager = [_eager(k, r) for k, r in enumerate(records) if not r.before]
        self.report = FuseReport(
            tuple(sorted((*first_made, *eager), key=lambda x: x.members)),
            (*planned.launches, *eager),
            (*planned.decisions, *self._decisions),
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
    """Nodes of MLX's graph as small numbers, in order of first sight, so that equal programs look equal."""

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
    records: Sequence[_Record], numbers: dict[int, int]
) -> tuple[frozenset[int], dict[int, list[Any]]]:
    """Versions that arrays outside still hold, and those arrays."""
    holders: dict[int, list[Any]] = {}
    for record in records:
        for new, reference in zip(record.after, record.holders):
            holder = reference()
            if new is None or holder is None:
                continue
            identity = native.identity(holder)
            if identity == native.identity(new):
                found = holders.setdefault(numbers[int(identity or 0)], [])
                if not any(h is holder for h in found):
                    found.append(holder)
    return frozenset(holders), holders


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
    records: Sequence[_Record], made: Sequence[Launch], visible: frozenset[int]
) -> tuple[Plan, tuple[_Ready | None, ...]]:
    """The plan, and its joint launches compiled; nothing is joined if one of them cannot be."""
    choices = {records[x.members[0]].choice for x in made}
    separate = Plan(tuple(made), (), sum(map(traffic, made)), sum(map(traffic, made)))
    if len(choices) > 1:
        return separate, (None,) * len(made)
    planned = plan(made, visible)
    try:
        ready = tuple(
            _ready(x, records[x.members[0]].choice) if len(x.members) > 1 else None
            for x in planned.launches
        )
    except TritonMlxError as error:
        refusal = Decision(0, len(records) - 1, "RESOURCES", False, str(error))
        return replace(separate, decisions=(refusal,)), (None,) * len(made)
    return planned, ready


def _ready(launch: Launch, choice: Choice) -> _Ready:
    call, slots = call_of(launch, choice)
    return _Ready(launch, call, slots)


def _make(
    records: Sequence[_Record],
    planned: Plan,
    ready: Sequence[_Ready | None],
    numbers: dict[int, int],
    holders: dict[int, list[Any]],
) -> None:
    """Make the joint launches, and again those that read what they make; then bind what is visible."""
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
    for version, array in remade.items():
        for holder in holders.get(version, ()):
            native.rebind(holder, array.reshape(holder.shape))
    launches.remember(h for version in remade for h in holders.get(version, ()))
