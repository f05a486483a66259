"""Booleans that become part of an index into memory: compilers are known to get them wrong."""

from __future__ import annotations

from collections.abc import Mapping

from ..fusion.graph import Graph, Node, Value
from ..fusion.ops import OPS
from ..fusion.types import I1

_CONVERSIONS = frozenset({"ext_u", "ext_s", "u_to_f", "s_to_f"})


def from_booleans(body: Graph) -> frozenset[int]:
    """Ids of the nodes that turn tiles of booleans into numbers from which an index is computed."""
    nodes = {n.id: n for n in body.walk()}
    found: set[int] = set()
    seen: set[Value] = set()
    waiting = [v for n in nodes.values() for v in _indexes(n)]
    while waiting:
        value = waiting.pop()
        node = nodes.get(value.node)
        if value in seen or node is None or OPS[node.op].kind not in ("elementwise", "shape"):
            continue
        seen.add(value)
        if value.type.shape and _is_conversion(node, nodes):
            found.add(node.id)
        waiting.extend(node.inputs)
    return frozenset(found)


def _is_conversion(node: Node, nodes: Mapping[int, Node]) -> bool:
    """A cast of a boolean, or a choice between two constants, which compilers turn into one."""
    if node.op == "select":
        return all(_is_constant(v, nodes) for v in node.inputs[1:])
    return node.op in _CONVERSIONS and node.inputs[0].type.elem == I1


def _is_constant(value: Value, nodes: Mapping[int, Node]) -> bool:
    node = nodes.get(value.node)
    while node is not None and OPS[node.op].kind == "shape":
        node = nodes.get(node.inputs[0].node)
    return node is not None and node.op == "const"


def _indexes(node: Node) -> tuple[Value, ...]:
    return node.inputs[1:2] if node.op in ("addptr", "gather") else ()
