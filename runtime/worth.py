"""Plans for the chip at hand: what is joined is lowered, and taken apart where the model says that it loses.

fusion/joint/cost.py has the model; lowering says how many registers and how much threadgroup memory a kernel
takes, and how many of its simdgroups are then on a core.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from ..fusion.errors import TritonMlxError
from ..fusion.joint.codes import Refusal
from ..fusion.joint.cost import Chip, Footprint, check_footprint
from ..fusion.joint.judge import Judge, Members
from ..fusion.joint.plan import halves, plan, traffic
from ..fusion.joint.records import Launch, Plan
from . import lowered, native
from .prepared import facts_of
from .target import SHAPES, Choice

if TYPE_CHECKING:
    from ..hwinfo import Capability

_MOST_PLANS = 8  # of one scope, each without a joint kernel of the one before


def planned(
    launches: Sequence[Launch], visible: Collection[int], relax_rounding: bool, choice: Choice
) -> Plan:
    """`plan` for the chip of `choice`, without joint kernels that the model says lose."""
    judge, alone = Judge(chip_of(choice)), {x.members: x for x in launches}
    made = plan(launches, visible, relax_rounding, judge)
    for _ in range(_MOST_PLANS):
        lost = _losers(made, judge, alone, choice)
        if not lost:
            return made
        judge.lost.update(lost)
        made = plan(launches, visible, relax_rounding, judge)
    return made


@functools.lru_cache(maxsize=64)
def chip_of(choice: Choice) -> Chip:
    """What the model needs to know of where `choice` runs."""
    row = lowered.capability(choice.arch)
    if row.backend == "host":
        return Chip(row.name, native.thread_count())
    tflops, bandwidth = row.get("fp32_tflops"), row.get("bandwidth_gbs")
    cores = row.get("cores") or 0
    if not tflops or not bandwidth:
        return Chip(row.name, cores)
    rate = tflops * 1e12 / 2
    return Chip(row.name, cores, rate / (bandwidth * 1e9), rate)


def _losers(
    made: Plan, judge: Judge, alone: dict[Members, Launch], choice: Choice
) -> dict[Members, Refusal]:
    """Joint kernels that lose against the two launches joined last, or against all that are in them."""
    found: dict[Members, Refusal] = {}
    for joint in made.launches:
        step = judge.steps.get(joint.members)
        own = footprint(joint, choice) if step is not None else None
        if step is None or own is None or _is_free(own):
            continue
        members = [alone[(m,)] for m in joint.members if (m,) in alone]
        for parts in (halves(step), members):
            prints = {x: p for x in parts if (p := footprint(x, choice)) is not None}
            if len(prints) < len(parts):
                continue  # something in it cannot be lowered alone
            try:
                check_footprint(joint, parts, traffic, {joint: own, **prints}, judge.chip)
            except Refusal as refusal:
                found[joint.members] = refusal
    return found


def _is_free(own: Footprint) -> bool:
    """True if nothing that the kernel takes of a core could make it slower."""
    return not own.spilled and own.resident >= own.busy


@functools.lru_cache(maxsize=256)
def footprint(launch: Launch, choice: Choice) -> Footprint | None:
    """What `launch` takes of a core where `choice` runs; None on the host, and if it is refused there."""
    from ..lowering.occupancy import core_of, resident
    from ..lowering.targets import target_for

    row: Capability = lowered.capability(choice.arch)
    target = target_for(row)
    if target.lanes == 1 or not target.registers:
        return None
    arch = f"{row.backend}:{row.name}" if choice.name == SHAPES else choice.arch
    try:
        text = lowered.text_for(launch.function)
        kernel = lowered.kernel_for(text, arch, launch.num_warps, facts_of(launch))
    except TritonMlxError:
        return None
    simdgroups = kernel.threads // target.lanes
    spilled = max(0, kernel.registers - target.registers)
    core = core_of(row)
    if core is None:
        return Footprint(
            kernel.registers, spilled, kernel.threadgroup_bytes, simdgroups, target.lanes
        )
    there = resident(core, kernel, target.lanes)
    return Footprint(
        kernel.registers,
        spilled,
        kernel.threadgroup_bytes,
        simdgroups,
        target.lanes,
        there.simdgroups,
        core.busy,
        there.limit,
    )
