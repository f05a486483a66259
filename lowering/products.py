"""Which matrix products run on matrix units, and the layouts that they want for results and operands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..fusion.graph import Function, Graph, Node, Value
from ..fusion.ops import OPS
from ..fusion.views import identity
from .fragments import Split, fragments, split
from .layout import Layout
from .strategies import Unit
from .values import Values


@dataclass(frozen=True, slots=True)
class Product:
    """Layouts of one product on the matrix unit `unit`. `left`, `right`: of operands read from registers.

    `left_once`, `right_once`: registers are wanted for that operand, as no element of it is then held twice,
    so that they cost no more than staging it in threadgroup memory does.
    """

    unit: Unit
    shared: Split
    result: Layout
    left: Layout
    right: Layout
    left_once: bool
    right_once: bool


def products(
    function: Function,
    simdgroups: int,
    units: Sequence[Unit],
    *,
    direct: bool = False,
) -> dict[int, Product]:
    """Node id → Product, for every dot that one of `units` takes.

    `direct`: operands are wanted in registers also where several simdgroups then hold the same.
    """
    found = ((n, unit_for(n, units)) for n in function.body.walk() if n.op == "dot")
    dots = [(node, unit) for node, unit in found if unit is not None]
    if not dots or not simdgroups:
        return {}
    keep_rows = _row_after(function.body)
    return {n.id: _product(n, unit, simdgroups, keep_rows, direct) for n, unit in dots}


def unit_for(node: Node, units: Sequence[Unit]) -> Unit | None:
    """The first of `units` that takes a dot."""
    return next((unit for unit in units if not unit.refusal(node)), None)


def _product(node: Node, unit: Unit, simdgroups: int, keep_rows: bool, direct: bool) -> Product:
    a, b, _ = (v.type.shape for v in node.inputs)
    shared = split(a[-2], b[-1], simdgroups, keep_rows=keep_rows, least=unit.least[:2])
    forms = unit.forms
    return Product(
        unit,
        shared,
        fragments(node.result.type.shape, shared, forms.left),
        fragments(a, shared, forms.left, by_columns=False),
        fragments(b, shared, forms.right, by_rows=False),
        direct or (not shared.columns and not shared.idle),
        direct or (not shared.rows and not shared.idle),
    )


def _row_after(body: Graph) -> bool:
    """True if what a product gives is reduced along its rows, or is the left operand of another."""
    after: set[Value] = set()
    while True:
        known = len(after)
        found = _follow(body, after)
        if found or len(after) == known:
            return found


def _follow(graph: Graph, after: set[Value]) -> bool:
    """Add to `after` what depends on a product; True if a reduction or product wants whole rows of it."""
    for node in graph:
        if node.op == "reduce" and node.inputs[0] in after and _along_rows(node):
            return True
        if node.op == "dot":
            if node.inputs[0] in after:
                return True
            after.add(node.result)
        for region in node.regions:
            after.update(a for a, v in _into(node, region) if v in after)
            if _follow(region, after):
                return True
            after.update(r for r, o in _out_of(node, region) if o in after)
        if not node.regions and any(v in after for v in node.inputs):
            after.update(node.outputs)
    return False


def _along_rows(reduce: Node) -> bool:
    return bool(reduce.attr("axis") == len(reduce.inputs[0].type.shape) - 1)


def _into(node: Node, region: Graph) -> Iterator[tuple[Value, Value]]:
    """(argument of the region, value that it takes)."""
    if node.op == "for":
        yield from zip(region.args[1:], node.inputs[3:])
        yield from zip(region.args[1:], region.outputs)
    elif node.op == "while":
        before, after = node.regions
        yield from zip(before.args, node.inputs)
        yield from zip(before.args, after.outputs)
        yield from zip(after.args, before.outputs[1:])


def _out_of(node: Node, region: Graph) -> Iterator[tuple[Value, Value]]:
    """(result of the node, output of the region that it takes)."""
    if node.op in ("for", "if"):
        yield from zip(node.outputs, region.outputs)
    elif node.op == "while":
        yield from zip(node.outputs, node.regions[0].outputs[1:])


def wishes(function: Function, values: Values, planned: dict[int, Product]) -> dict[Value, Layout]:
    """Root → the layout that saves a conversion: of accumulators, and of operands held only once."""
    found: dict[Value, Layout] = {}
    for node in function.body.walk():
        product = planned.get(node.id)
        if product is None:
            continue
        wanted = (
            (node.inputs[0], product.left if product.left_once else None),
            (node.inputs[1], product.right if product.right_once else None),
            (node.inputs[2], product.result),
        )
        for value, layout in wanted:
            if layout is not None:
                _wish(values, value, layout, found)
    return found


def _wish(values: Values, value: Value, layout: Layout, found: dict[Value, Layout]) -> None:
    bits = identity(value.type.shape)
    for root, seen in values.leaves(value, bits):
        if len(seen) != len(bits) or root in found:
            continue
        own = layout.moved(seen, root.type.shape)
        found[root] = own
        if not values.is_argument(root):
            node = values.node(root)
            if OPS[node.op].kind == "elementwise":
                for operand in node.inputs:
                    if operand.type.shape:
                        _wish(values, operand, own, found)
