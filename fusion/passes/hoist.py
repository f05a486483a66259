"""What a loop computes anew in every iteration, although nothing in it changes, is computed before the loop.

Triton's front end writes constants and other values of no iteration inside loops. Later passes look at what
is fixed outside: a pointer that moves by such an amount has a closed form.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..graph import Function, Graph, GraphBuilder, Node, Value, fresh_ids
from ..ops import OPS
from . import PassResult

_PURE = frozenset({"elementwise", "index", "shape"})
# A loop that runs zero times must not fault: division by zero does, on some targets.
_MAY_FAULT = frozenset({"div_s", "div_u", "rem_s", "rem_u"})


def is_pure(node: Node) -> bool:
    """True if the node does nothing but compute its results from its inputs."""
    return OPS[node.op].kind in _PURE and not node.regions


@dataclass(frozen=True, slots=True)
class HoistInvariants:
    """Moves pure nodes out of the loops that do not change them. Values stay the same."""

    name: str = "hoist-invariants"

    def run(self, function: Function) -> PassResult:
        ids = fresh_ids(function.body)
        builder = GraphBuilder(ids, args_node=function.body.args_node)
        for node in function.body:
            _place(node, builder)
        return PassResult(function.with_body(builder.build(function.body.outputs)))


def _place(node: Node, builder: GraphBuilder) -> None:
    """Append `node`, and before it what its loops need not repeat."""
    if node.op in ("for", "while"):
        node = replace(node, regions=tuple(_lightened(r, builder) for r in node.regions))
    elif node.op == "if":
        node = replace(node, regions=tuple(_inside(r, builder) for r in node.regions))
    builder.append(node)


def _inside(graph: Graph, outer: GraphBuilder) -> Graph:
    """A branch: its loops are lightened, but what they need not repeat stays in the branch."""
    builder = GraphBuilder(outer.ids, args_node=graph.args_node)
    for node in graph:
        _place(node, builder)
    return builder.build(graph.outputs)


def _lightened(graph: Graph, outer: GraphBuilder) -> Graph:
    """The body of a loop without what went into `outer`."""
    body = _inside(graph, outer)
    builder = GraphBuilder(outer.ids, args_node=graph.args_node)
    changing: set[Value] = set(graph.args)
    for node in body:
        fixed = is_pure(node) and node.op not in _MAY_FAULT
        if fixed and not any(v in changing for v in node.inputs):
            outer.append(node)
        else:
            builder.append(node)
            changing.update(node.outputs)
    return builder.build(graph.outputs)
