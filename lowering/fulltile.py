"""Tiles that lie wholly inside: one test at the tile's last corner replaces the mask of every element.

A mask that only ever turns from true to false as the tile's coordinates grow is true everywhere if it is true
at the last corner. Where one thread runs a whole program, a nest is then written twice: without its masks
for full tiles, which vectorises for every element type, and with them for the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..fusion.graph import Node, Value
from ..fusion.ops import OPS
from .nest import Expr, Nest
from .scope import Scope
from .steps import Step

if TYPE_CHECKING:
    from .emit import Emitter

_UPPER_BOUND = frozenset({"slt", "sle"})
_LOWER_BOUND = frozenset({"sgt", "sge"})


class _Corner(Nest):
    """The last element of a tile, as a nest without loops."""

    def __init__(self, full: Nest):
        super().__init__(full.layout, full.thread)
        self.lines = [[]]
        self.loops = []

    def coordinate(self, dim: int) -> Expr:
        return Expr(str(self.layout.shape[dim] - 1))


def masks(emitter: Emitter, step: Step) -> list[Value]:
    """Masks of loads and stores of `step` whose value at the last corner decides."""
    found: dict[Value, None] = {}
    for node in step.nodes:
        for mask in _mask(node):
            if mask.type.shape and _falling(emitter, mask):
                found[mask] = None
    return list(found)


def _mask(node: Node) -> tuple[Value, ...]:
    if node.op == "load":
        return node.inputs[1:2]
    return node.inputs[2:3] if node.op == "store" else ()


def condition(emitter: Emitter, nest: Nest, wanted: list[Value]) -> tuple[list[str], str]:
    """(statements, text) of "all `wanted` masks are true in the whole tile"."""
    corner = _Corner(nest)
    scope = Scope(emitter, corner)
    texts = [scope.here(mask).text for mask in wanted]
    return corner.lines[0], " && ".join(texts)


def _falling(emitter: Emitter, value: Value) -> bool:
    """True if `value` never turns from false to true as a coordinate grows."""
    values = emitter.values
    if not values.is_derived(value):
        return not value.type.shape
    node = values.node(value)
    if OPS[node.op].kind == "shape":
        return _falling(emitter, node.inputs[0])
    if node.op == "const":
        return True
    if node.op == "and":
        return all(_falling(emitter, v) for v in node.inputs)
    if node.op != "cmp":
        return False
    left, right = node.inputs
    if node.attr("predicate") in _UPPER_BOUND:
        return _rising(emitter, left) and _fixed(emitter, right)
    return (
        node.attr("predicate") in _LOWER_BOUND
        and _rising(emitter, right)
        and (_fixed(emitter, left))
    )


def _fixed(emitter: Emitter, value: Value) -> bool:
    """True if `value` is the same at every coordinate."""
    values = emitter.values
    if not values.is_derived(value):
        return not value.type.shape
    node = values.node(value)
    return node.op != "range" and all(_fixed(emitter, v) for v in node.inputs)


def _rising(emitter: Emitter, value: Value) -> bool:
    """True if `value` never falls as a coordinate grows."""
    if _fixed(emitter, value):
        return True
    values = emitter.values
    if not values.is_derived(value):
        return False
    node = values.node(value)
    if node.op == "range":
        return True
    if node.op in ("add", "ext_s") or OPS[node.op].kind == "shape":
        return all(_rising(emitter, v) for v in node.inputs)
    if node.op == "mul":
        return all(_rising(emitter, v) for v in node.inputs) and any(
            _is_positive_constant(emitter, v) for v in node.inputs
        )
    return False


def _is_positive_constant(emitter: Emitter, value: Value) -> bool:
    node = emitter.values.node(value)
    while OPS[node.op].kind == "shape" and emitter.values.is_derived(node.result):
        value = node.inputs[0]
        if not emitter.values.is_derived(value):
            return False
        node = emitter.values.node(value)
    return node.op == "const" and node.attr("value") >= 0
