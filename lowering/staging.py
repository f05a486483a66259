"""Operands of matrix products in threadgroup memory, a part of K at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..fusion.errors import TileTooLarge
from ..fusion.graph import Node, Value
from .banks import Place
from .exchange import owner_condition
from .nest import Nest
from .scope import Scope
from .text import c_type
from .vectors import VectorNest, Vectors, held, vector_type

if TYPE_CHECKING:
    from .emit import Emitter


def sizes(node: Node) -> tuple[int, int, int, int]:
    """(batch, m, k, n)."""
    a, b, _ = node.inputs
    *batch, m, k = a.type.shape
    return math.prod(batch), m, k, b.type.shape[-1]


def stage_depth(limit: int, node: Node, k: int, least: int, bytes_of: Callable[[int], int]) -> int:
    """The largest power of two of K, at least `least`, of which bytes_of(depth) are within `limit`."""
    depth = k
    while depth > least and bytes_of(depth) > limit:
        depth //= 2
    if bytes_of(depth) > limit:
        _, m, _, n = sizes(node)
        raise TileTooLarge(
            f"dot of {m}x{k} and {k}x{n}",
            where=node.loc,
            why=f"{depth} of K take {bytes_of(depth)} of {limit} bytes of threadgroup memory",
            hint="use smaller block sizes",
        )
    return depth


def stage(
    emitter: Emitter,
    value: Value,
    shared: str,
    depth: int,
    place: Place,
    *,
    along_k: bool,
    wide: bool = False,
) -> None:
    """Write the part k0 .. k0 + depth of an operand to its `place` in threadgroup memory.

    `along_k`: the columns of the operand are along K, else its rows. `wide`: vectors are aligned there.
    """
    layout = emitter.homes.readable(value)
    *batch, rows, columns = value.type.shape
    nest: Nest = emitter.nest(layout)
    minor = 0 if place.turned else 1
    most = emitter.target.widest(value.type.scalar.bytes) if wide else 1
    width = held(layout, nest.ranges[len(batch) + minor], most)
    if width > 1:
        vectors = Vectors(len(batch) + minor, width, frozenset())
        nest = VectorNest(layout, list(nest.thread), vectors)
    first = nest.first if isinstance(nest, VectorNest) else nest
    scope = Scope(emitter, nest)
    row, column = (first.coordinate(len(batch) + d).text for d in (0, 1))
    conditions = owner_condition(emitter, layout)
    k = columns if along_k else rows
    if depth < k:
        along = column if along_k else row
        conditions.append(f"({along} & {~(depth - 1) & (k - 1)}) == k0")
        along = f"({along} & {depth - 1})"
        row, column = (row, along) if along_k else (along, column)
    if batch:
        number = first.coordinate(0).text
        if place.turned:
            column = f"({number} * {depth if along_k else columns} + {column})"
        else:
            row = f"({number} * {rows if along_k else depth} + {row})"
    where, text = place.text(row, column), scope.here(value).text
    guard = f"if ({' && '.join(conditions)}) " if conditions else ""
    if not isinstance(nest, VectorNest):
        scope.line(nest.depth, f"{guard}{shared}[{where}] = {text};")
        emitter.write_nest(nest)
        return
    word = vector_type(c_type(value.type.scalar), width)
    part, at = emitter.unique("part"), emitter.unique("at")
    scope.line(nest.whole, f"const int {at} = {where};")
    if conditions:
        guard = f"if ({emitter.unique('own')}) "
        scope.line(nest.whole, f"const bool {guard[4:-2]} = {' && '.join(conditions)};")
    scope.line(nest.whole, f"{word} {part};")
    scope.line(nest.depth, f"{part}[{nest.element}] = {text};")
    nest.after.append(f"{guard}*(threadgroup {word}*)&{shared}[{at}] = {part};")
    emitter.write_nest(nest)
