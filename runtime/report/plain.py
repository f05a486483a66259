"""One launch as a plan: of arrays that change at once, or of a kernel outside any scope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...fusion.graph import Function, Value
from ...fusion.joint.records import NOT_WRITTEN, Buffer, Grid, Launch
from ...fusion.ops import WRITES
from ...lowering.record import BufferFacts
from .. import lowered

_BYTES = {
    **dict.fromkeys(("bool", "uchar", "char"), 1),
    **dict.fromkeys(("ushort", "short", "half", "bfloat"), 2),
    **dict.fromkeys(("uint", "int", "float"), 4),
    **dict.fromkeys(("ulong", "long", "double"), 8),
}


def launch_of(
    name: str,
    function: Function,
    facts: Mapping[int, BufferFacts],
    sizes: Sequence[int],
    scalars: bytes,
    grid: Grid,
    num_warps: int,
    number: int,
) -> Launch:
    """Launch `number` of a report. `sizes`: elements of each array; its versions are its own."""
    firsts = sorted({f.same_as for f in facts.values()})
    written = _written(function)
    first_version = -2 - 2 * number * (1 + len(function.parameters))  # others count up from 0
    buffers = tuple(
        Buffer(
            first_version - 2 * s,
            first_version - 2 * s - 1
            if any(f.same_as == p and k in written for k, f in facts.items())
            else NOT_WRITTEN,
            size,
            _BYTES[facts[p].storage],
            facts[p].storage,
        )
        for s, (p, size) in enumerate(zip(firsts, sizes, strict=True))
    )
    return Launch(
        name,
        function,
        grid,
        buffers,
        {p: firsts.index(f.same_as) for p, f in facts.items()},
        whole_scalars(function, scalars),
        num_warps,
        (number,),
        {k: (number, k) for k in range(len(function.parameters))},
    )


def whole_scalars(function: Function, scalars: bytes) -> dict[int, int | float | bool]:
    """Values of the scalar parameters that are no floats: proofs see no floats, and hold for all."""
    values = [k for k, p in enumerate(function.parameters) if not p.type.is_pointer]
    return {
        k: lowered.unpack(function.parameters[k].type.scalar, scalars[8 * n : 8 * n + 8])
        for n, k in enumerate(values)
        if not function.parameters[k].type.is_float
    }


def _written(function: Function) -> frozenset[int]:
    """Pointer parameters that are stored through; all of them where a pointer cannot be traced."""
    nodes = {n.id: n for n in function.body.walk()}
    bases = {v: k for k, v in enumerate(function.body.args)}
    found: set[int] = set()
    for node in nodes.values():
        if node.op not in WRITES:
            continue
        pointer: Value = node.inputs[0]
        while pointer not in bases and pointer.node in nodes and nodes[pointer.node].inputs:
            pointer = nodes[pointer.node].inputs[0]
        if pointer not in bases:
            return frozenset(bases.values())
        found.add(bases[pointer])
    return frozenset(found)
