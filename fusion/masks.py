"""What of a mask is known from addresses alone, and what needs data."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .graph import Node, Value
from .ops import OPS

_KNOWN = frozenset({"elementwise", "index", "shape"})


def address_conditions(mask: Value, made: Callable[[Value], Node | None]) -> list[Value]:
    """Of the conditions whose conjunction `mask` is, those that depend on no memory.

    `made`: value → the node that makes it; None for an argument.
    """
    known: dict[Value, bool] = {}
    return [v for v in _conjuncts(mask, made) if _is_known(v, made, known)]


def _conjuncts(value: Value, made: Callable[[Value], Node | None]) -> Iterator[Value]:
    node = made(value)
    if node is None or node.op != "and":
        yield value
        return
    for operand in node.inputs:
        yield from _conjuncts(operand, made)


def _is_known(value: Value, made: Callable[[Value], Node | None], known: dict[Value, bool]) -> bool:
    if value not in known:
        node = made(value)
        known[value] = node is None or (
            OPS[node.op].kind in _KNOWN and all(_is_known(v, made, known) for v in node.inputs)
        )
    return known[value]
