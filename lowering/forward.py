"""Where a value that a loop carries can be: induction variables, and offsets that only move forward.

Bounds are of the values themselves, without a wrap: what might wrap has none. A carried offset of 64 bits grows
by less than 2³¹ in each of less than 2³¹ iterations, so it does not wrap.
"""

from __future__ import annotations

from ..fusion.graph import Node, Value
from .values import Values

FAR = 1 << 62  # further than any element of an array

Bounds = tuple[int, int]  # the least and the greatest


def bounds(values: Values, value: Value) -> Bounds | None:
    """Of a signed integer scalar or of every element of a tile; None if nothing is known."""
    if values.is_argument(value):
        loop = values.loop(value)
        return None if loop is None else _argument(values, loop, value)
    node = values.node(value)
    if node.op == "const" and isinstance(node.attr("value"), int):
        return int(node.attr("value")), int(node.attr("value"))
    if node.op == "ext_s":
        return bounds(values, node.inputs[0])
    if node.op not in ("add", "mul"):
        return None
    a, b = (bounds(values, v) for v in node.inputs)
    if a is None or b is None:
        return None
    ends = [x * y for x in a for y in b] if node.op == "mul" else [a[0] + b[0], a[1] + b[1]]
    found = min(ends), max(ends)
    return found if _fits(found, value) else None


def _argument(values: Values, loop: Node, value: Value) -> Bounds | None:
    if value == loop.regions[0].args[0]:
        start, step = bounds(values, loop.inputs[0]), bounds(values, loop.inputs[2])
        if start is None or step is None or step[0] <= 0:
            return None
        return start[0], _greatest(value) - 1  # below the end, which is a value of its type
    return _carried(values, loop, value)


def increment(values: Values, loop: Node, argument: Value) -> Value | None:
    """What each iteration of a `for` adds to an argument of its body."""
    body = loop.regions[0]
    place = body.args.index(argument)
    if place == 0:
        return loop.inputs[2]
    after = values.made(body.outputs[place - 1])
    if after is None or after.op != "add" or argument not in after.inputs:
        return None
    return after.inputs[after.inputs[0] == argument]


def _carried(values: Values, loop: Node, value: Value) -> Bounds | None:
    """Never below what it starts with, if each iteration adds something that is not negative."""
    if value.type.scalar.bits != 64:
        return None
    start = bounds(values, loop.inputs[loop.regions[0].args.index(value) + 2])
    added = increment(values, loop, value)
    by = None if added is None else bounds(values, added)
    if start is None or by is None or by[0] < 0 or by[1] > 1 << 31:
        return None
    return start[0], FAR


def _greatest(value: Value) -> int:
    return (1 << (value.type.scalar.bits - 1)) - 1


def _fits(found: Bounds, value: Value) -> bool:
    return -_greatest(value) <= found[0] and found[1] <= _greatest(value)
