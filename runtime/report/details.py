"""What one kernel is and costs on a chip: counted on its graph, lowered for the chip, its time modelled.

Nothing here is done before somebody asks for it, and all of it is remembered for the kernels asked for last.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from dataclasses import dataclass

from ... import hwinfo
from ...fusion.errors import TritonMlxError
from ...fusion.joint.records import Launch
from ...fusion.joint.touched import touched
from ...fusion.ops import OPS
from ...fusion.work import Computed, computed
from ...hwinfo import Capability
from ...lowering.products import unit_for
from ...lowering.record import Kernel
from ...lowering.targets import target_for
from .. import lowered, metal
from ..model import MATRIX_FLOPS, Estimate, Work, estimate
from ..prepared import facts_of, first_parameters

# Modelled for where no chip is named and none is there: all that the model needs of it is known.
USUAL_CHIP = "M2 Pro"


def chip_here(wanted: str = "") -> str:
    """The row `wanted`, else of the chip that is chosen or there, else USUAL_CHIP. Raises UnknownChip."""
    from ..chip import current_chip
    from ..target import current

    chosen = wanted or current().chip
    if chosen:
        return hwinfo.find(chosen).name
    try:
        row = current_chip()
    except hwinfo.UnknownChip:
        return USUAL_CHIP
    return row.name if row.backend == "metal" and row.get("fp32_tflops") else USUAL_CHIP


def row_of(chip: str) -> Capability:
    return lowered.capability(_arch(chip))


def _arch(chip: str) -> str:
    row = hwinfo.find(chip)
    return row.backend if row.backend == "host" else f"{row.backend}:{row.name}"


@dataclass(frozen=True, slots=True)
class Counted:
    """Of one launch. `bytes` of elements that are loaded, each once, and stored (not `bytes_exact`: no more
    than these); `computed`: see fusion/work.py."""

    bytes: int
    bytes_exact: bool
    computed: Computed


@functools.lru_cache(maxsize=512)
def counted(launch: Launch) -> Counted:
    parts = touched(launch)
    moved = sum((t.loaded + t.stored) * b.itemsize for t, b in zip(parts, launch.buffers))
    exact = all(t.exact for t in parts)
    return Counted(moved, exact, computed(launch.function, launch.scalars, launch.grid))


@functools.lru_cache(maxsize=512)
def modelled(launch: Launch, chip: str) -> Estimate | None:
    """The modelled time of a launch; None where the table lacks a rate of the chip."""
    found, row = counted(launch), row_of(chip)
    units = target_for(row).units
    alu, matrices, tensors = found.computed.elements, 0, 0
    for dot in found.computed.dots:
        unit = unit_for(dot.node, units)
        multiplications = 2 * dot.multiply_adds * dot.times // MATRIX_FLOPS
        if unit is None:
            alu += dot.multiply_adds * dot.times
        elif unit.peak == "tensor":
            tensors += multiplications
        else:
            matrices += multiplications
    work = Work(found.bytes, alu, matrices, 0, math.prod(launch.grid), tensors)
    return estimate(row, work)


@dataclass(frozen=True, slots=True)
class Made:
    """A kernel lowered for a chip, or why it cannot be."""

    kernel: Kernel | None
    refused: str = ""


@functools.lru_cache(maxsize=128)
def made(launch: Launch, scalars: bytes, chip: str) -> Made:
    """`launch` as it would run on `chip`. `scalars`: packed, in 8-byte slots."""
    sizes = tuple(launch.buffers[s].elements for s in first_parameters(launch))
    text = lowered.text_for(launch.function)
    key = (scalars, launch.grid, sizes)
    arch = _arch(chip)
    try:
        if arch == "host":
            return Made(lowered.kernel_for(text, arch, launch.num_warps, facts_of(launch)))
        return Made(metal.plan(text, arch, launch.num_warps, facts_of(launch), key))
    except TritonMlxError as error:
        return Made(None, str(error).split("\n")[0])


_KINDS = {
    "dot": "matrix product",
    "combine": "reduction or scan",
    "gather": "gather",
    "control": "loop or branch",
    "effect": "print, assert or barrier",
}
_ACCESSES = {"load": "load", "store": "store", "atomic_rmw": "atomic", "atomic_cas": "atomic"}


def inside(launch: Launch) -> dict[str, int]:
    """What the kernel is made of: word → number of operations in its graph."""
    found: Counter[str] = Counter()
    for node in launch.function.body.walk():
        kind = OPS[node.op].kind
        word = _ACCESSES.get(node.op) or _KINDS.get(kind)
        if word is None and kind == "elementwise" and not node.types[0].is_pointer:
            word = "elementwise operation" if node.types[0].shape else ""
        if word:
            found[word] += 1
    return dict(found)


def anchor_of(launch: Launch, members: tuple[Launch, ...]) -> int:
    """Which of `members` gave the kernel its grid and tiles: the one whose place it kept."""
    for k, member in enumerate(members):
        same = member.function.loc == launch.function.loc
        if same and (member.grid, member.num_warps) == (launch.grid, launch.num_warps):
            return k
    return 0
