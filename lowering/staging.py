"""Operands of matrix products in threadgroup memory, a part of K at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..fusion.errors import TileTooLarge
from ..fusion.graph import Node, Value
from .exchange import owner_condition
from .scope import Scope

if TYPE_CHECKING:
    from .emit import Emitter


def sizes(node: Node) -> tuple[int, int, int, int]:
    """(batch, m, k, n)."""
    a, b, _ = node.inputs
    *batch, m, k = a.type.shape
    return math.prod(batch), m, k, b.type.shape[-1]


def stage_depth(
    emitter: Emitter, node: Node, k: int, least: int, bytes_of: Callable[[int], int]
) -> int:
    """The largest power of two of K, at least `least`, of which bytes_of(depth) fit."""
    limit, depth = emitter.target.threadgroup_bytes, k
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
    emitter: Emitter, value: Value, shared: str, depth: int, stride: int, *, along_k: bool
) -> None:
    """Write the part k0 .. k0 + depth of an operand to threadgroup memory, rows `stride` apart.

    `along_k`: the columns of the operand are along K, else its rows.
    """
    layout = emitter.homes.readable(value)
    nest = emitter.nest(layout)
    scope = Scope(emitter, nest)
    *batch, rows, columns = value.type.shape
    row, column = (nest.coordinate(len(batch) + d).text for d in (0, 1))
    conditions = owner_condition(emitter, layout)
    k = columns if along_k else rows
    if depth < k:
        along = column if along_k else row
        conditions.append(f"({along} & {~(depth - 1) & (k - 1)}) == k0")
        along = f"({along} & {depth - 1})"
        row, column = (row, along) if along_k else (along, column)
    height = rows if along_k else depth
    if batch:
        row = f"({nest.coordinate(0).text} * {height} + {row})"
    guard = f"if ({' && '.join(conditions)}) " if conditions else ""
    text = scope.here(value).text
    scope.line(nest.depth, f"{guard}{shared}[{row} * {stride} + {column}] = {text};")
    emitter.write_nest(nest)
