"""What a target that is handed arrays, not memory, cannot do with addresses as numbers.

There an array has no address that a kernel could know. Each is thought to start at a place of its own, far
from all others and aligned (fusion/ops.py: start_of), so that a number made of one can be a pointer into the
same array again. Such a number means nothing outside the kernel, and nothing beside another array's.
"""

from __future__ import annotations

from ..fusion.errors import PointerProvenance
from ..fusion.graph import Function, Node, Value
from ..fusion.ops import OPS
from .values import Values

_SEEN = frozenset({"store", "atomic_rmw", "atomic_cas", "print"})


def check(function: Function, values: Values) -> None:
    """Raises PointerProvenance for an address of no known array, and for a number that others would see."""
    _check_known(function, values)
    nodes = list(function.body.walk())
    made_of: dict[Value, frozenset[Value]] = {}
    count = -1
    while count != (count := sum(map(len, made_of.values()))):
        for node in nodes:
            _follow(node, made_of)
    for node in nodes:
        _check_seen(node, made_of)


def _check_known(function: Function, values: Values) -> None:
    k = function.anywhere
    if k is None:
        return
    anywhere = function.body.args[k]
    uses = (n for n in function.body.walk() if anywhere in n.inputs)
    raise PointerProvenance(
        "a pointer made of an address that is not known to be of one array",
        where=next(uses).loc,
        why="this target hands a kernel arrays, copied where it needs them: an address that comes from memory "
        "or as a number leads to none of them",
        hint="run with triton_mlx.use('host') and torch or numpy arrays, whose addresses are real; or pass the "
        "arrays joined into one, and offsets into that instead of addresses",
    )


def _follow(node: Node, made_of: dict[Value, frozenset[Value]]) -> None:
    """Which arrays' addresses a number is made of; comparisons and pointers are no such numbers."""
    if node.op == "address":
        made_of[node.result] = frozenset(node.inputs)
        return
    if node.op in ("addptr", "load"):
        return
    regions = node.regions
    given = [*node.inputs, *(v for r in regions for v in r.outputs)]
    found: frozenset[Value] = frozenset().union(*(made_of.get(v, frozenset()) for v in given))
    if found:
        for value in (*node.outputs, *(v for r in regions for v in r.args)):
            if not value.type.is_pointer and value.type.scalar.bits > 1:
                made_of[value] = made_of.get(value, frozenset()) | found


def _check_seen(node: Node, made_of: dict[Value, frozenset[Value]]) -> None:
    if node.op in _SEEN:
        if any(made_of.get(v) for v in node.inputs[1 if node.op != "print" else 0 :]):
            raise _refusal(node, "the address of an array given away as a number")
        return
    mixed = OPS[node.op].kind == "elementwise" and node.op != "addptr"
    if mixed and len({s for v in node.inputs for s in made_of.get(v, ())}) > 1:
        raise _refusal(node, "addresses of different arrays in one number")


def _refusal(node: Node, what: str) -> PointerProvenance:
    return PointerProvenance(
        what,
        where=node.loc,
        why="on this target arrays have no address that a kernel could know",
        hint="run with triton_mlx.use('host'), where addresses are real",
    )
