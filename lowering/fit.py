"""How many simdgroups run a program: what the user asked for, unless that cannot be good.

A tile is a wish. More simdgroups share it where the registers of a thread would not hold it; fewer run a
program whose largest tile leaves some of them without an element of their own; and more where a core of the
chip would else not have enough of them to be busy (lowering/occupancy.py). The rest of the schedule follows in
lowering/choose.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from ..fusion import passes
from ..fusion.errors import TileTooLarge
from ..fusion.graph import Function
from ..fusion.passes.clean import RemoveDeadNodes
from ..fusion.passes.narrow import NarrowOffsets
from .choose import improved
from .kernel import lower
from .occupancy import Core, modelled, resident
from .record import BufferFacts, Kernel
from .schedule import MODEL, Schedule
from .targets import Target

_NARROWED: tuple[passes.Pass, ...] = (NarrowOffsets(), RemoveDeadNodes())
# A thread that keeps three quarters of its values in memory is refused: nobody wants that by accident.
_MOST_SPILLED = 4
# A smaller gain of more simdgroups is within what such a model does not know.
_WORTH = 1.25


def lower_to_fit(
    function: Function,
    target: Target,
    asked: int,
    facts: Mapping[int, BufferFacts],
    schedule: Schedule = MODEL,
) -> Kernel:
    """`lower` with the schedule that suits `function` on the chip; the reason is in Kernel.schedule.

    `asked`: simdgroups that the user wants. `schedule`: where it says how many, take it and choose nothing.
    Raises the refusals of `lower` for the number that was asked for, and TileTooLarge if the number that
    `schedule` wants does not fit.
    """
    if not target.wide_offsets:
        function = passes.run(_NARROWED, function).function
    if target.lanes == 1 or not target.registers:
        return lower(
            function, target, replace(schedule, simdgroups=schedule.simdgroups or asked), facts
        )
    if schedule.simdgroups is not None:
        return _exactly(function, target, schedule, facts)

    def lowered(choice: Schedule) -> Kernel:
        return lower(function, target, choice, facts)

    smaller = _smaller_matrices(function, target)
    try:
        kernel = _with_simdgroups(function, target, asked, lowered)
    except TileTooLarge:
        if smaller is None:
            raise
    else:
        if kernel.registers <= target.registers:
            return improved(lowered, kernel, target)
        if smaller is None:
            return kernel
    return lower_to_fit(function, smaller, asked, facts, schedule)


def _smaller_matrices(function: Function, target: Target) -> Target | None:
    """`target` without the matrix unit that is asked first, if others may take the products of `function`.

    What a unit takes at a time bounds how many simdgroups can share a product, and so its registers.
    """
    first, *others = target.units or (None,)
    dots = (n for n in function.body.walk() if n.op == "dot")
    if first is None or not others or all(first.refusal(dot) for dot in dots):
        return None
    why = f"not on {first.name}: its tiles would need more registers than a thread has"
    return replace(target, units=tuple(others), denied=(*target.denied, why))


def _with_simdgroups(
    function: Function, target: Target, asked: int, lowered: Callable[[Schedule], Kernel]
) -> Kernel:
    """`function` with a number of simdgroups that its registers and the chip's cores want."""
    most = target.max_threads // target.lanes
    start = min(asked, _useful(function, target.lanes))
    refused: TileTooLarge | None = None
    tried: list[Kernel] = []
    count = start
    while count <= most or count == asked:
        try:
            kernel = lowered(Schedule(count, target.staging))
        except TileTooLarge as error:
            refused = refused or error
        else:
            if kernel.registers <= target.registers:
                reason = _reason(asked, count, target, tried, refused)
                return _busier(function, target, lowered, _noted(kernel, reason))
            tried.append(kernel)
        count *= 2
    best = min(tried, key=lambda k: k.registers, default=None)
    if best is None or best.registers > _MOST_SPILLED * target.registers:
        raise refused or _too_many(function, best, target)
    return _noted(best, _spills(best, target))


def _exactly(
    function: Function, target: Target, schedule: Schedule, facts: Mapping[int, BufferFacts]
) -> Kernel:
    count = schedule.simdgroups or 1
    if count > _useful(function, target.lanes):
        raise TileTooLarge(
            simdgroups(count),
            where=function.loc,
            why="the largest tile has no elements for more",
            hint="use fewer, or larger block sizes",
        )
    kernel = lower(function, target, schedule, facts)
    if kernel.registers > target.registers:
        raise TileTooLarge(
            f"the tiles of a program take about {kernel.registers} registers of each thread",
            where=function.loc,
            why=f"a thread has {target.registers}, and the schedule says {simdgroups(count)}",
            hint="use more simdgroups, or smaller block sizes",
        )
    return _noted(kernel, f"given: {schedule}")


def _noted(kernel: Kernel, reason: str) -> Kernel:
    """`kernel` with the reason for its number of simdgroups before what its schedule says already."""
    return replace(kernel, schedule="; ".join(filter(None, (reason, kernel.schedule))))


def _busier(
    function: Function, target: Target, lowered: Callable[[Schedule], Kernel], kernel: Kernel
) -> Kernel:
    """`kernel`, or with more simdgroups if a core of the chip would else have too few to be busy."""
    core = target.core
    if core is None:
        return kernel
    now = resident(core, kernel, target.lanes)
    kernel = replace(kernel, schedule=f"{kernel.schedule}; {now}, {core.busy} keep it busy")
    most = min(target.max_threads // target.lanes, _useful(function, target.lanes))
    count = 2 * kernel.threads // target.lanes
    while now.simdgroups < core.busy and count <= most:
        try:
            other = lowered(Schedule(count, target.staging))
        except TileTooLarge:
            return kernel
        then = resident(core, other, target.lanes)
        if other.registers <= target.registers and _gains(core, kernel, other, target.lanes):
            half = kernel.threads // target.lanes
            reason = f"{simdgroups(count)}, not {half}: {then} instead of {now}, {core.busy} keep it busy"
            kernel, now = _noted(other, reason), then
        count *= 2
    return kernel


def _gains(core: Core, now: Kernel, other: Kernel, lanes: int) -> bool:
    """True if `other`, with more simdgroups, is that much faster in the model.

    A threadgroup alone on a core leaves it idle at its barriers.
    """
    if other.threadgroup_bytes and resident(core, other, lanes).groups < 2:
        return False
    gain = modelled(core, now, lanes).clocks / modelled(core, other, lanes).clocks
    return gain >= _WORTH


def simdgroups(count: int) -> str:
    """ "1 simdgroup", "4 simdgroups"."""
    return f"{count} simdgroup{'s' * (count != 1)}"


def _too_many(function: Function, best: Kernel | None, target: Target) -> TileTooLarge:
    registers = best.registers if best else 0
    return TileTooLarge(
        f"the tiles of a program take about {registers} registers of each thread",
        where=function.loc,
        why=f"a thread has {target.registers}, also with {target.max_threads} threads",
        hint="use smaller block sizes",
    )


def _useful(function: Function, lanes: int) -> int:
    """Simdgroups that get elements of their own of the largest tile."""
    sizes = (math.prod(t.shape) for n in function.body.walk() for t in n.types if t.shape)
    return max(1, max(sizes, default=1) // lanes)


def _reason(
    asked: int, count: int, target: Target, tried: list[Kernel], refused: TileTooLarge | None
) -> str:
    if count == asked:
        return f"{simdgroups(count)}, as asked for"
    if count < asked:
        return f"{simdgroups(count)}, not {asked}: the largest tile has no elements for more"
    why = (
        f"fewer need about {tried[-1].registers} of {target.registers} registers"
        if tried
        else f"fewer cannot hold the tiles ({refused.what if refused else ''})"
    )
    return f"{simdgroups(count)}, not {asked}: {why}"


def _spills(kernel: Kernel, target: Target) -> str:
    groups = kernel.threads // target.lanes
    return (
        f"{simdgroups(groups)}; about {kernel.registers} registers a thread, of {target.registers}: "
        "expect spills, use smaller block sizes"
    )
