"""What follows from a condition that is known when the kernel is compiled: masks, choices, branches.

A loop written out compares its index with constants, and so does a tile of one element.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from ..graph import Node, Value
from ..types import I1

_PREDICATES: dict[str, Callable[[int, int], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
}
# Where the mask of an access is among its inputs.
_MASK = {"load": 1, "store": 2, "atomic_rmw": 2}


def known_condition(node: Node, known: Mapping[Value, int]) -> bool | None:
    """What a comparison of known integers says; None for anything else."""
    if node.op != "cmp" or any(v not in known for v in node.inputs):
        return None
    left, right = (known[v] for v in node.inputs)
    name, bits = node.attr("predicate"), node.inputs[0].type.scalar.bits
    if bits == 1 and name not in ("eq", "ne"):
        return None
    if name.startswith("u"):
        left, right = left % (1 << bits), right % (1 << bits)
    return _PREDICATES[name if name in ("eq", "ne") else name[1:]](left, right)


def chosen(node: Node, known: Mapping[Value, int]) -> Value | None:
    """The input that `node` is, if a known condition says so."""
    if node.op == "select" and node.inputs[0] in known:
        return node.inputs[1 if known[node.inputs[0]] else 2]
    if node.op == "load" and len(node.inputs) == 3 and known.get(node.inputs[1]) == 0:
        return None if node.attr("volatile") else node.inputs[2]
    if node.op in ("and", "or") and node.types[0].elem == I1:
        for value, other in (node.inputs, node.inputs[::-1]):
            if value in known:
                return other if bool(known[value]) == (node.op == "and") else value
    return None


def does_nothing(node: Node, known: Mapping[Value, int]) -> bool:
    """True for a store whose mask is off in every element."""
    return node.op == "store" and len(node.inputs) == 3 and known.get(node.inputs[2]) == 0


def without_mask(node: Node, known: Mapping[Value, int]) -> Node:
    """An access whose mask is on in every element needs none."""
    at = _MASK.get(node.op)
    if at is None or len(node.inputs) <= at or not known.get(node.inputs[at]):
        return node
    return replace(node, inputs=node.inputs[:at])
