"""Reductions, read off the layout: registers first, then lanes by shuffles, then simdgroups by memory.

Inside the nest every thread combines its own registers. On the host, where all bits are register bits, a
row is combined in `reduce_chunk` independent partial results, so that vector units work on all of them.
The combine function is any region; it must be associative and commutative, as Triton requires.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..fusion.graph import Node
from ..fusion.types import Scalar
from ..fusion.views import Bits, dim_ranges
from .coarse import merged_axis
from .layout import Layout, log2
from .nest import Nest, pieces
from .scope import Scope, combine_lines
from .text import c_type

if TYPE_CHECKING:
    from .emit import Emitter


@dataclass(frozen=True, slots=True)
class Pending:
    """Partial results of a reduction along dimension `axis` of `nest`, the layout of its loops.

    They are names[operand][kept register * chunk + k].
    """

    node: Node
    nest: Layout
    axis: int
    names: tuple[str, ...]
    kept: int
    chunk: int


def _kept_bits(layout: Layout, axis: int) -> Bits:
    """Bits of the result's index as bits of the operand's index."""
    ranges = dim_ranges(layout.shape)
    return tuple(b for d in reversed(range(len(ranges))) if d != axis for b in ranges[d])


def _scalars(node: Node) -> list[Scalar]:
    return [t.scalar for t in node.types]


def declare(emitter: Emitter, node: Node, home: Layout, loops: Layout) -> Pending:
    """Variables for the thread's partial results of `node`; its operand is in `home`, walked by `loops`."""
    axis = merged_axis(home.shape, loops.shape, node.attr("axis"))
    split = _chunk(emitter, loops, axis)
    kept = home.without_axis(node.attr("axis")).registers
    size = kept * max(1, split)
    names = []
    for scalar in _scalars(node):
        name = emitter.names.named(node.loc.name or "acc", node.id)
        word = emitter.target.array if size > 1 else ""
        emitter.out.line(f"{word}{c_type(scalar)} {name}{f'[{size}]' if size > 1 else ''};")
        emitter.tile_bytes += size * scalar.bytes
        emitter.pressure.hold(name, size, scalar.bytes)
        names.append(name)
    return Pending(node, loops, axis, tuple(names), kept, split)


def _chunk(emitter: Emitter, loops: Layout, axis: int) -> int:
    """Length of the inner block of the innermost loop, or 0 if the reduction is not along it."""
    probe = Nest(loops, [""] * len(loops.shape))
    if not emitter.target.reduce_chunk or not probe.loops or probe.loops[-1] != axis:
        return 0
    return min(emitter.target.reduce_chunk, probe.trips(axis))


def accumulate(scope: Scope, pending: Pending) -> None:
    """Lines in the nest that combine this element into the thread's partial results."""
    nest, node, split = scope.nest, pending.node, pending.chunk
    axis, depth = pending.axis, nest.depth
    parts = [_place(nest, pending, name) for name in pending.names]
    values = [scope.here(v).text for v in node.inputs]
    trips = nest.trips(axis) if axis >= 0 else 1
    if trips == 1 or split == trips:
        for part, value in zip(parts, values):
            scope.line(depth, f"{part} = {value};")
        return
    first = f"{'c' if split else 'r'}{axis} == 0"
    combined = scope.inline(node.regions[0], [*parts, *values], depth)
    if len(parts) > 1:  # all operands are read before any is written
        texts = combined
        combined = [scope.emitter.unique("next") for _ in parts]
        for name, scalar, text in zip(combined, _scalars(node), texts):
            scope.line(depth, f"const {c_type(scalar)} {name} = {text};")
    for part, value, text in zip(parts, values, combined):
        scope.line(depth, f"{part} = {first} ? {value} : {text};")


def _place(nest: Nest, pending: Pending, name: str) -> str:
    """Where this element's partial result is."""
    axis, split, kept = pending.axis, pending.chunk, pending.kept
    if kept * max(1, split) == 1:
        return name
    result = nest.layout.without_axis(axis) if axis >= 0 else nest.layout
    kept_bits = _kept_bits(nest.layout, axis)
    row = nest.register_index(tuple(kept_bits[log2(b)] for b in result.register)).text
    if not split:
        return f"{name}[{row}]"
    lane = f"{'k' if split < nest.trips(axis) else 'r'}{axis}"
    return f"{name}[{lane}]" if kept == 1 else f"{name}[({row}) * {split} + {lane}]"


def finish(emitter: Emitter, pending: Pending) -> None:
    """Combine what the threads have, and make the results known."""
    if pending.chunk > 1:
        _fold_chunks(emitter, pending)
    elif emitter.target.lanes > 1:
        _across_lanes(emitter, pending)
        _across_simdgroups(emitter, pending)
    _publish(emitter, pending)


def _publish(emitter: Emitter, pending: Pending) -> None:
    node = pending.node
    for value, name in zip(node.outputs, pending.names):
        stride = max(1, pending.chunk)
        if not value.type.shape:
            emitter.scalars[value] = f"{name}[0]" if stride > 1 else name
            continue
        storage = emitter.declare(value, node, emitter.homes[value])
        if storage.layout.registers == 1:
            emitter.out.line(f"{storage.name} = {name}{'[0]' if stride > 1 else ''};")
            continue
        with emitter.out.block(f"for (int r = 0; r < {storage.layout.registers}; ++r)"):
            emitter.out.line(
                f"{storage.name}[r] = {name}[r{f' * {stride}' if stride > 1 else ''}];"
            )


def _combine(emitter: Emitter, pending: Pending, left: list[str], right: list[str]) -> None:
    """left = combine(left, right), all operands at once."""
    lines, results = combine_lines(emitter, pending.node.regions[0], [*left, *right])
    for text in lines:
        emitter.out.line(text)
    if len(results) == 1:
        emitter.out.line(f"{left[0]} = {results[0]};")
        return
    names = [emitter.unique("next") for _ in results]
    for name, scalar, text in zip(names, _scalars(pending.node), results):
        emitter.out.line(f"const {c_type(scalar)} {name} = {text};")
    for part, name in zip(left, names):
        emitter.out.line(f"{part} = {name};")


def _fold_chunks(emitter: Emitter, pending: Pending) -> None:
    """Halve the partial results until one is left."""
    size, out = pending.chunk, emitter.out
    head = f"for (int r = 0; r < {pending.kept * size}; r += {size})" if pending.kept > 1 else ""
    row = "r + " if pending.kept > 1 else ""
    with out.block(head):
        half = size // 2
        while half:
            with out.block(f"for (int k = 0; k < {half}; ++k)"):
                _combine(
                    emitter,
                    pending,
                    [f"{n}[{row}k]" for n in pending.names],
                    [f"{n}[{row}k + {half}]" for n in pending.names],
                )
            half //= 2


def _part(pending: Pending, name: str) -> str:
    return f"{name}[r]" if pending.kept > 1 else name


def _each_kept(emitter: Emitter, pending: Pending) -> str:
    if pending.kept == 1:
        return ""
    emitter.out.line(emitter.target.loop)
    return f"for (int r = 0; r < {pending.kept}; ++r)"


def _axis_bits(pending: Pending, bases: tuple[int, ...]) -> list[int]:
    own = dim_ranges(pending.nest.shape)[pending.axis] if pending.axis >= 0 else range(0)
    return [k for k, b in enumerate(bases) if b and log2(b) in own]


def _across_lanes(emitter: Emitter, pending: Pending) -> None:
    bits = _axis_bits(pending, pending.nest.lane)
    if not bits:
        return
    with emitter.out.block(_each_kept(emitter, pending)):
        own = [_part(pending, n) for n in pending.names]
        for bit in bits:
            other = [emitter.unique("other") for _ in own]
            for name, part, scalar in zip(other, own, _scalars(pending.node)):
                emitter.out.line(
                    f"const {c_type(scalar)} {name} = tile_shuffle_xor({part}, {1 << bit});"
                )
            _combine(emitter, pending, own, other)


def _across_simdgroups(emitter: Emitter, pending: Pending) -> None:
    """Each simdgroup publishes its results once, then all threads read those along the axis.

    All threads combine in the same order, so that repeated copies of a result are equal to the bit.
    """
    bits = _axis_bits(pending, pending.nest.simdgroup)
    if not bits:
        return
    along = _axis_bits(pending, pending.nest.lane)
    own_lanes = [k for k, b in enumerate(pending.nest.lane) if b and k not in along]
    places = emitter.simdgroups << len(own_lanes)
    size = sum(s.bytes for s in _scalars(pending.node)) * places * pending.kept
    with emitter.out.block():
        names = emitter.arena.arrays(
            [(s, places * pending.kept) for s in _scalars(pending.node)], size, pending.node
        )
        row = f"r * {places} + " if pending.kept > 1 else ""
        place = pieces("lane", [(to, k) for to, k in enumerate(own_lanes)], 5)
        place.append(f"(sg << {len(own_lanes)})" if own_lanes else "sg")
        emitter.out.line(f"const int place = {' + '.join(place)};")
        with (
            emitter.out.block(_once_each(pending, own_lanes)),
            emitter.out.block(_each_kept(emitter, pending)),
        ):
            for shared, name in zip(names, pending.names):
                emitter.out.line(f"{shared}[{row}place] = {_part(pending, name)};")
        emitter.arena.publish()
        mask = sum(1 << len(own_lanes) + b for b in bits)
        first = "0" if mask == places - 1 else f"(place & {~mask & places - 1})"
        with emitter.out.block(_each_kept(emitter, pending)):
            own = [_part(pending, n) for n in pending.names]
            emitter.out.line(f"const int home = {row}{first};")
            for part, shared in zip(own, names):
                emitter.out.line(f"{part} = {shared}[home];")
            for combo in range(1, 1 << len(bits)):
                offset = sum(1 << len(own_lanes) + b for k, b in enumerate(bits) if combo >> k & 1)
                _combine(emitter, pending, own, [f"{shared}[home + {offset}]" for shared in names])


def _once_each(pending: Pending, own_lanes: list[int]) -> str:
    """The condition for one lane of all that hold the same result."""
    others = sum(1 << k for k in range(len(pending.nest.lane)) if k not in own_lanes)
    if not others:
        return ""
    full = others == (1 << len(pending.nest.lane)) - 1
    return "if (lane == 0)" if full else f"if ((lane & {others}) == 0)"
