"""Which launches become one: in program order, each launch joins the nearest one that the rules allow."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from ..graph import Graph, Value, substitute
from ..passes.clean import RemoveDeadNodes
from . import budget
from .codes import CODES, Refusal
from .cost import Chip
from .join import epilogue
from .judge import Judge, Step
from .known import Known
from .program import program
from .prologue import prologue
from .records import NOT_WRITTEN, Decision, Launch, Plan
from .rounding import all_marked, relaxed
from .walk import sites


def plan(
    launches: Sequence[Launch],
    visible: Collection[int],
    relax_rounding: bool = False,
    judge: Judge | None = None,
) -> Plan:
    """Join what can be joined. `visible`: versions that somebody may read after the last launch.

    `relax_rounding`: what one launch takes over from another is not rounded to the type of the array.
    `judge`: the cost model of the chip at hand, which also learns what was joined.
    """
    judge = judge or Judge()
    done: list[Launch] = []
    if relax_rounding:
        launches = all_marked(launches)
    decisions: list[Decision] = []
    known = Known()
    with budget.limited():
        for at, launch in enumerate(launches):
            _place(launch, done, launches[at + 1 :], frozenset(visible), decisions, judge, known)
    finished = [without_dead_stores(x, _needed(done, x, visible)) for x in done]
    if relax_rounding:
        finished = [relaxed(x) if len(x.members) > 1 else x for x in finished]
    together = {m: k for k, x in enumerate(done) for m in x.members}
    told = [d for d in decisions if d.fused or together[d.first] != together[d.second]]
    return Plan(
        tuple(finished),
        tuple(told),
        sum(traffic(x) for x in launches),
        sum(traffic(x) for x in finished),
    )


def traffic(launch: Launch) -> int:
    """Bytes of arrays that a launch must read at least once, and those that it writes."""
    kinds: dict[int, set[str]] = {}
    for site in sites(launch) if _is_plain(launch) else ():
        kinds.setdefault(site.slot, set()).add(site.node.op)
    total = 0
    for k, buffer in enumerate(launch.buffers):
        found = kinds.get(k, {"load", "store"} if buffer.after != NOT_WRITTEN else {"load"})
        total += buffer.elements * buffer.itemsize * len(found)
    return total


def _is_plain(launch: Launch) -> bool:
    if any(n.op.startswith("atomic") for n in launch.function.body.walk()):
        return False
    try:
        sites(launch)
    except Refusal:
        return False
    return True


def _needed(done: Sequence[Launch], launch: Launch, visible: Collection[int]) -> frozenset[int]:
    others = frozenset().union(*(x.reads for x in done if x is not launch))
    return others | frozenset(visible)


def _place(
    launch: Launch,
    done: list[Launch],
    later: Sequence[Launch],
    visible: frozenset[int],
    decisions: list[Decision],
    judge: Judge,
    known: Known,
) -> None:
    """Append `launch`, and join it, and what comes of that, with launches before it."""
    done.append(launch)
    at: int | None = len(done) - 1
    outside = visible.union(*(x.reads for x in later))
    while at is not None:
        at = _join_back(at, done, outside, decisions, judge, known)


def _join_back(
    at: int,
    done: list[Launch],
    outside: frozenset[int],
    decisions: list[Decision],
    judge: Judge,
    known: Known,
) -> int | None:
    """Join done[at] with the nearest launch before it; where the joint launch is now, or None."""
    launch = done[at]
    for k in reversed(range(at)):
        earlier, between = done[k], done[k + 1 : at]
        linked = bool(earlier.writes & launch.reads)
        if not linked and not earlier.reads & launch.reads:
            continue
        pair = (earlier.members[-1], launch.members[0])
        try:
            up, _ = _movable(earlier, launch, between)
            needed = outside.union(*(x.reads for x in done if x is not earlier and x is not launch))
            rule = functools.partial(_join, earlier, launch, needed, linked, judge.chip)
            code, made = known.join(earlier, launch, needed, linked, rule)
            if ((earlier.writes | launch.writes) - made.writes) & needed:
                raise Refusal("STILL_VISIBLE", "a version that others need would be overwritten")
            step = Step(earlier, launch, needed)
            judge.check(step, made, halves, without_dead_stores, traffic)
        except Refusal as refusal:
            hint = CODES[refusal.code].hint
            # Of a pair that is met again as part of something larger, the first reason says most.
            if not any((d.first, d.second, d.fused) == (*pair, False) for d in decisions):
                decisions.append(Decision(*pair, refusal.code, False, refusal.what, hint))
            continue
        decisions.append(Decision(*pair, code, True, CODES[code].meaning))
        del done[at]
        del done[k]
        place = k if up else at - 1
        done.insert(place, made)
        return place
    return None


def _movable(earlier: Launch, launch: Launch, between: Sequence[Launch]) -> tuple[bool, bool]:
    """(the later one may move up to the earlier one, the earlier one down to the later one)."""
    up = not any(x.writes & launch.reads for x in between)
    down = not any(earlier.writes & x.reads for x in between)
    if not (up or down):
        raise Refusal("BETWEEN")
    return up, down


def _join(
    earlier: Launch, launch: Launch, needed: frozenset[int], linked: bool, chip: Chip
) -> tuple[str, Launch]:
    """The joint launch and the rule that made it. Of several refusals the most telling one is raised."""
    refusals: dict[str, Refusal] = {}
    for code, rule in _RULES.items():
        if not linked and code == "PROLOGUE":
            continue
        try:
            return (code if linked else "SIBLING"), rule(earlier, launch, needed, chip)
        except Refusal as refusal:
            refusals[code] = refusal
    ordered = [refusals[c] for c in ("PROLOGUE", "EPILOGUE", "PROGRAM") if c in refusals]
    raise next((r for r in ordered if r.code not in _GENERAL), ordered[-1])


_GENERAL = frozenset({"NOT_ELEMENTWISE"})  # said of most pairs
_RULES: dict[str, Callable[[Launch, Launch, frozenset[int], Chip], Launch]] = {
    "EPILOGUE": lambda earlier, launch, needed, chip: epilogue(earlier, launch),
    "PROLOGUE": lambda earlier, launch, needed, chip: prologue(launch, earlier, needed, chip),
    "PROGRAM": lambda earlier, launch, needed, chip: program(earlier, launch),
}


def halves(step: Step) -> tuple[Launch, Launch]:
    """The two launches of a step as they would be made apart."""
    return (
        without_dead_stores(step.first, step.needed | step.later.reads),
        without_dead_stores(step.later, step.needed),
    )


def without_dead_stores(launch: Launch, needed: frozenset[int]) -> Launch:
    """A joint launch without the stores of what nobody needs, and without parameters nobody uses."""
    if len(launch.members) < 2:
        return launch
    found = sites(launch)
    dead: set[int] = set()
    for slot, buffer in enumerate(launch.buffers):
        stores = [s for s in found if s.slot == slot and s.node.op == "store"]
        if not stores or buffer.after in needed:
            continue
        loads = [s.order for s in found if s.slot == slot and s.node.op == "load"]
        if not all(s.outer for s in stores) or max(loads, default=-1) > min(
            s.order for s in stores
        ):
            continue
        dead |= {s.node.id for s in stores}
    body = launch.function.body
    kept = [n for n in body if n.id not in dead]
    function = launch.function.with_body(Graph(body.args_node, kept, ()))
    return _pruned(replace(launch, function=RemoveDeadNodes().run(function).function))


def _pruned(launch: Launch) -> Launch:
    """Only the parameters and arrays that the body uses."""
    body = launch.function.body
    used: set[Value] = {v for n in body.walk() for v in n.inputs}
    kept = [k for k, v in enumerate(body.args) if v in used]
    old = body.args_node
    names = old.attr("names")
    attrs = tuple((k, tuple(names[i] for i in kept) if k == "names" else v) for k, v in old.attrs)
    args = replace(old, types=tuple(old.types[k] for k in kept), attrs=attrs)
    renamed = {body.args[k]: args.outputs[n] for n, k in enumerate(kept)}
    graph = Graph(args, [substitute(n, renamed) for n in body], ())
    parameters = tuple(launch.function.parameters[k] for k in kept)
    function = replace(launch.function, parameters=parameters, body=graph)
    slots = sorted({launch.slots[k] for k in kept if k in launch.slots})
    place = {s: n for n, s in enumerate(slots)}
    number = {k: n for n, k in enumerate(kept)}
    stored = {
        s.slot for s in sites(replace(launch, function=launch.function)) if s.node.op == "store"
    }
    buffers = tuple(
        b if s in stored else replace(b, after=NOT_WRITTEN)
        for s, b in enumerate(launch.buffers)
        if s in place
    )
    return replace(
        launch,
        function=function,
        buffers=buffers,
        slots={number[k]: place[s] for k, s in launch.slots.items() if k in number},
        scalars={number[k]: v for k, v in launch.scalars.items() if k in number},
        origins={number[k]: v for k, v in launch.origins.items() if k in number},
    )
