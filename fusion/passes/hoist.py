"""What a loop computes anew in every iteration, although nothing in it changes, is computed before the loop.

Triton's front end writes constants and other values of no iteration inside loops. Later passes look at what
is fixed outside: a pointer that moves by such an amount has a closed form.

Loads leave a loop in which nothing is written, by whatever name: which arguments are the same array is known
at the launch only. A loop that runs zero times loads nothing, so neither does the load before it: its mask
says that the loop runs. Triton's native module does the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..graph import Function, Graph, GraphBuilder, Node, Value, fresh_ids
from ..ops import OPS, WRITES
from ..types import I1, Type
from . import PassResult

_PURE = frozenset({"elementwise", "index", "shape"})
# A loop that runs zero times must not fault: division by zero does, on some targets.
_MAY_FAULT = frozenset({"div_s", "div_u", "rem_s", "rem_u"})


def is_pure(node: Node) -> bool:
    """True if the node does nothing but compute its results from its inputs."""
    return OPS[node.op].kind in _PURE and not node.regions


@dataclass(frozen=True, slots=True)
class HoistInvariants:
    """Moves pure nodes and loads out of the loops that do not change them. Values stay the same."""

    name: str = "hoist-invariants"

    def run(self, function: Function) -> PassResult:
        body = function.body
        hoister = _Hoister({n.result: n.attr("value") for n in body.walk() if n.op == "const"})
        builder = GraphBuilder(fresh_ids(body), args_node=body.args_node)
        return PassResult(function.with_body(hoister.graph(body, builder)))


class _Hoister:
    """`constants`: of the whole function."""

    def __init__(self, constants: Mapping[Value, object]):
        self.constants = constants

    def graph(self, graph: Graph, builder: GraphBuilder) -> Graph:
        """`graph` in `builder`, with lighter loops: what they need not repeat stands before them."""
        for node in graph:
            self.place(node, builder)
        return builder.build(graph.outputs)

    def place(self, node: Node, builder: GraphBuilder) -> None:
        """Append `node`, and before it what its loops need not repeat."""
        if node.op in ("for", "while"):
            node = replace(
                node, regions=tuple(self.lightened(r, node, builder) for r in node.regions)
            )
        elif node.op == "if":
            node = replace(node, regions=tuple(self.inside(r, builder) for r in node.regions))
        builder.append(node)

    def inside(self, graph: Graph, outer: GraphBuilder) -> Graph:
        return self.graph(graph, GraphBuilder(outer.ids, args_node=graph.args_node))

    def lightened(self, graph: Graph, loop: Node, outer: GraphBuilder) -> Graph:
        """The body of `loop` without what went into `outer`."""
        body = self.inside(graph, outer)
        builder = GraphBuilder(outer.ids, args_node=graph.args_node)
        changing: set[Value] = set(graph.args)
        loads_too = self.may_run(loop) and _only_reads(body)
        for node in body:
            fixed = not any(v in changing for v in node.inputs)
            if fixed and is_pure(node) and node.op not in _MAY_FAULT:
                outer.append(node)
            elif fixed and loads_too and node.op == "load":
                outer.append(self.where_it_runs(node, loop, outer))
            else:
                builder.append(node)
                changing.update(node.outputs)
        return builder.build(graph.outputs)

    def bounds(self, loop: Node) -> tuple[int, int] | None:
        lower, upper = (self.constants.get(v) for v in loop.inputs[:2])
        return (lower, upper) if isinstance(lower, int) and isinstance(upper, int) else None

    def may_run(self, loop: Node) -> bool:
        """False for a `while`, too: nothing before it says whether its body runs."""
        if loop.op != "for":
            return False
        bounds = self.bounds(loop)
        return bounds is None or bounds[0] < bounds[1]

    def where_it_runs(self, load: Node, loop: Node, outer: GraphBuilder) -> Node:
        """`load` for outside of `loop`: masked by whether the loop runs, unless it is known to."""
        if self.bounds(loop) is not None:
            return load
        pointer, *rest = load.inputs
        at, where = {"predicate": "slt"}, Type(I1, pointer.type.shape)
        mask = outer.add("cmp", loop.inputs[:2], (Type(I1),), at, loc=loop.loc).result
        if where.shape:
            mask = outer.add("splat", (mask,), (where,), loc=loop.loc).result
        if rest:
            mask = outer.add("and", (mask, rest[0]), (where,), loc=load.loc).result
        return replace(load, inputs=(pointer, mask, *rest[1:]))


def _only_reads(graph: Graph) -> bool:
    """True if every load of `graph` runs, and finds the same wherever in `graph` it stands."""
    return not any(
        n.op in WRITES or OPS[n.op].kind == "effect" or n.op == "while" or n.attr("volatile")
        for n in graph.walk()
    )
