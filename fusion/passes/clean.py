"""Dead code: nodes, loop arguments and branch results that nothing observable needs, or that never change."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from ..graph import Function, Graph, Node, Value, fresh_ids, substitute
from ..ops import has_effect
from . import PassResult

_Renames = dict[Value, Value]


@dataclass(frozen=True, slots=True)
class RemoveDeadNodes:
    """Removes nodes without effect whose results nobody uses, and what loops and branches carry in vain.

    What a loop hands on as it got it, and what both branches give alike, is that value. Values and effects
    stay the same.
    """

    name: str = "remove-dead-nodes"

    def run(self, function: Function) -> PassResult:
        body = function.body
        return PassResult(function.with_body(_clean(body, fresh_ids(body))))


def _clean(graph: Graph, ids: Iterator[int]) -> Graph:
    live: set[Value] = set(graph.outputs)
    kept: list[Node] = []
    renames: _Renames = {}
    for node in reversed(tuple(graph)):
        if not has_effect(node) and not any(v in live for v in node.outputs):
            continue
        if node.op in _CONTROL:
            node, found = _CONTROL[node.op](node, live, ids)
            renames.update(found)
            live.update(v for k, v in found.items() if k in live)
            if not node.types and not has_effect(node):
                continue  # all that it gave back was known
        elif node.regions:
            node = replace(node, regions=tuple(_clean(r, ids) for r in node.regions))
        live.update(node.uses())
        kept.append(node)
    return _renamed(Graph(graph.args_node, kept[::-1], graph.outputs), renames)


def _renamed(graph: Graph, renames: _Renames) -> Graph:
    """`graph` with values of its own renamed; a new name may be renamed in turn."""
    final = {value: _last(value, renames) for value in renames}
    return _substituted(graph, final) if final else graph


def _last(value: Value, renames: _Renames) -> Value:
    while value in renames:
        value = renames[value]
    return value


def _substituted(graph: Graph, mapping: _Renames) -> Graph:
    """`graph` with values that it makes, and its arguments, renamed where they are used."""
    nodes = [substitute(n, mapping) for n in graph]
    return Graph(graph.args_node, nodes, tuple(mapping.get(v, v) for v in graph.outputs))


def _cleaned(graph: Graph, outputs: tuple[Value, ...], ids: Iterator[int]) -> Graph:
    """`graph` where these outputs alone are wanted."""
    return _clean(Graph(graph.args_node, tuple(graph), outputs), ids)


def _used_args(graph: Graph) -> set[int]:
    used = set(graph.outputs).union(*(node.uses() for node in graph))
    return {k for k, v in enumerate(graph.args) if v in used}


def _picked(values: Sequence[Value], wanted: Collection[int]) -> tuple[Value, ...]:
    return tuple(values[k] for k in sorted(wanted))


def _with_args(graph: Graph, wanted: Collection[int]) -> Graph:
    """`graph` with those of its arguments alone; it uses no others."""
    if len(wanted) == len(graph.args):
        return graph
    old, kept = graph.args_node, sorted(wanted)
    names = old.attr("names", ())
    attrs = (("names", tuple(names[k] for k in kept)),) if names else ()
    made = replace(old, types=tuple(old.types[k] for k in kept), attrs=attrs)
    trimmed = Graph(made, tuple(graph), graph.outputs)
    return _substituted(trimmed, dict(zip(_picked(graph.args, kept), made.outputs)))


def _with_results(node: Node, wanted: Collection[int], ids: Iterator[int]) -> tuple[Node, _Renames]:
    """`node` with those of its results alone, and what they are called then."""
    if len(wanted) == len(node.types):
        return node, {}
    made = replace(node, id=next(ids), types=tuple(node.types[k] for k in sorted(wanted)))
    return made, dict(zip(_picked(node.outputs, wanted), made.outputs))


def _for(node: Node, live: set[Value], ids: Iterator[int]) -> tuple[Node, _Renames]:
    body, inits = node.regions[0], node.inputs[3:]
    same = {k: v for k, v in enumerate(inits) if body.outputs[k] == body.args[1 + k]}
    renames = {node.outputs[k]: v for k, v in same.items()}
    body = _substituted(body, {body.args[1 + k]: v for k, v in same.items()})
    wanted = {k for k, v in enumerate(node.outputs) if v in live} - same.keys()
    while True:
        found = _cleaned(body, _picked(body.outputs, wanted), ids)
        more = wanted | {k - 1 for k in _used_args(found) if k > 0}
        if more == wanted:
            break
        wanted = more
    region = _with_args(found, {0, *(k + 1 for k in wanted)})
    node, moved = _with_results(node, wanted, ids)
    inputs = (*node.inputs[:3], *_picked(inits, wanted))
    return replace(node, inputs=inputs, regions=(region,)), renames | moved


def _while(node: Node, live: set[Value], ids: Iterator[int]) -> tuple[Node, _Renames]:
    """Two regions: arguments → condition and values, values → arguments."""
    before, after = node.regions
    values = {k for k, v in enumerate(node.outputs) if v in live}
    args: set[int] = set()
    while True:
        test = _cleaned(before, _picked(before.outputs, {0, *(k + 1 for k in values)}), ids)
        more_args = args | _used_args(test)
        step = _cleaned(after, _picked(after.outputs, more_args), ids)
        more_values = values | _used_args(step)
        if (more_args, more_values) == (args, values):
            break
        args, values = more_args, more_values
    regions = (_with_args(test, args), _with_args(step, values))
    made, renames = _with_results(node, values, ids)
    return replace(made, inputs=_picked(node.inputs, args), regions=regions), renames


def _if(node: Node, live: set[Value], ids: Iterator[int]) -> tuple[Node, _Renames]:
    left, right = (r.outputs for r in node.regions)
    same = {k: v for k, v in enumerate(left) if v == right[k]}
    renames = {node.outputs[k]: v for k, v in same.items()}
    wanted = {k for k, v in enumerate(node.outputs) if v in live} - same.keys()
    regions = tuple(_cleaned(r, _picked(r.outputs, wanted), ids) for r in node.regions)
    made, moved = _with_results(node, wanted, ids)
    return replace(made, regions=regions), renames | moved


_CONTROL: dict[str, Callable[[Node, set[Value], Iterator[int]], tuple[Node, _Renames]]] = {
    "for": _for,
    "while": _while,
    "if": _if,
}
