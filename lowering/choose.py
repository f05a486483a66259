"""Which schedule a kernel gets: the candidates of lowering/schedule.py, priced by lowering/occupancy.py.

One parameter after another; a candidate that is refused, spills or gives the same text is none. What could not
pay even if it cost nothing else is not tried.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..fusion.errors import TritonMlxError
from .occupancy import modelled
from .record import Kernel
from .schedule import PARAMETERS, Parameter, Schedule, candidates
from .targets import Target


def improved(lowered: Callable[[Schedule], Kernel], kernel: Kernel, target: Target) -> Kernel:
    """`kernel`, or `lowered` by a schedule that is faster in the model; choices and reasons are noted.

    Chips whose cores the table does not know keep the first value of every parameter.
    """
    if not kernel.costs.multiplications:
        return kernel
    if target.core is None:
        why = f"{target.staging}, whole K, not unrolled: what a core of this chip has is not known"
        return replace(kernel, schedule=f"{kernel.schedule}; {why}")
    for parameter in PARAMETERS:
        if getattr(kernel.costs, parameter.changes):
            kernel = _decided(lowered, kernel, target, parameter)
    return kernel


def _ideal(kernel: Kernel, choice: Schedule) -> Kernel:
    """At least as fast as `kernel` by `choice` can be, in the model."""
    costs, memory = kernel.costs, kernel.threadgroup_bytes
    if choice.staging != kernel.choice.staging:
        if choice.staging == "doubled":
            costs = replace(costs, barriers=costs.barriers // 2, waits=0)
        elif choice.staging == "direct":
            costs, memory = replace(costs, barriers=0, shared=0), 0
        else:  # without the space between rows
            memory = memory * 2 // 3
    turns = costs.turns * kernel.choice.unroll // choice.unroll
    memory = memory * kernel.choice.split // choice.split
    return replace(kernel, costs=replace(costs, turns=turns), threadgroup_bytes=memory)


def _decided(
    lowered: Callable[[Schedule], Kernel], kernel: Kernel, target: Target, parameter: Parameter
) -> Kernel:
    """`kernel` with the best value of one parameter."""
    core, lanes = target.core, target.lanes
    assert core is not None
    now = modelled(core, kernel, lanes)
    best, then = kernel, now
    for choice in candidates(kernel.choice, parameter):
        ideal = modelled(core, _ideal(kernel, choice), lanes)
        if now.clocks < parameter.worth * ideal.clocks:
            continue
        try:
            other = lowered(choice)
        except TritonMlxError:
            continue
        if other.registers > target.registers or other.body == kernel.body:
            continue
        time = modelled(core, other, lanes)
        if time.clocks < then.clocks:
            best, then = other, time
    name, old = parameter.name, getattr(kernel.choice, parameter.name)
    if now.clocks < parameter.worth * then.clocks:
        why = f"{name} {old}: {now}, no other gains {parameter.worth - 1:.0%}"
        return replace(kernel, schedule=f"{kernel.schedule}; {why}")
    new = getattr(best.choice, name)
    # What the products say of themselves is part of what `lowered` gives; the reasons so far come first.
    reasons = kernel.schedule
    own = [s for s in best.schedule.split("; ") if s not in reasons.split("; ")]
    why = f"{name} {new}, not {old}: {then} instead of {now}"
    return replace(best, schedule="; ".join((reasons, *own, why)))
