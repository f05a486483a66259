"""Loops that wait for other programs, which the GPU does not promise to run meanwhile."""

from __future__ import annotations

from ..fusion.errors import NoForwardProgress
from ..fusion.graph import Graph, Node, Value
from .values import Values

_NAMES = {"load": "a load", "atomic_rmw": "an atomic", "atomic_cas": "an atomic compare-and-swap"}
_COUNTS = ("add", "fadd")


def check(body: Graph, values: Values) -> None:
    """Raises NoForwardProgress for a while loop that ends when another program has written something.

    Such a loop's condition depends on an atomic in it, or on a load of an array that the kernel updates
    atomically. Two loops end by themselves: over what a counter gives, and the retries of an update, whose
    compare-and-swap expects what was read in the loop.
    """
    shared = {values.base(n.inputs[0]) for n in body.walk() if n.op.startswith("atomic")}
    if not shared:
        return
    for node in body.walk():
        cause, what = None, ""
        if node.op == "while":
            cause = _cause(node, values, shared)
            what = (
                f"a loop that ends when {_NAMES[cause.op]} gives what it waits for" if cause else ""
            )
        elif node.op == "atomic_rmw" and node.attr("kind") == "poll":
            cause, what = node, "tl.atomic_poll"
        if cause is not None:
            raise NoForwardProgress(
                what,
                where=cause.loc,
                why="a GPU promises no forward progress: the programs of a launch may run one after the "
                "other, so one that waits for another may wait for ever",
                hint="split the launch where it waits, or run with triton_mlx.use('host')",
            )


def _cause(loop: Node, values: Values, shared: set[Value | None]) -> Node | None:
    """The access that decides how often `loop` runs, if what other programs do decides what it gives."""
    inside = [n for region in loop.regions for n in region.walk()]
    cause: dict[Value, Node] = {}
    for node in inside:
        if _may_wait(node, values) and values.base(node.inputs[0]) in shared:
            cause |= dict.fromkeys(node.outputs, node)
    count = -1
    while len(cause) != count:
        count = len(cause)
        for node in (*inside, loop):
            _follow(node, cause)
    if any(n.op == "atomic_cas" and n.inputs[1] in cause for n in inside):
        return None
    return cause.get(loop.regions[0].outputs[0])


def _may_wait(node: Node, values: Values) -> bool:
    if node.op == "atomic_rmw" and node.attr("kind") in _COUNTS:
        added = values.made(node.inputs[1])
        return added is not None and added.op == "const" and added.attr("value") == 0
    return node.op in _NAMES


def _follow(node: Node, cause: dict[Value, Node]) -> None:
    """Results depend on inputs, and on what branches and iterations give on, as do their arguments."""
    given = [*node.inputs, *(v for region in node.regions for v in region.outputs)]
    found = next((cause[v] for v in given if v in cause), None)
    if found is not None:
        for value in [*node.outputs, *(v for region in node.regions for v in region.args)]:
            cause.setdefault(value, found)
