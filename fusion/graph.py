"""The dataflow graph: frozen nodes in SSA form over a networkx.MultiDiGraph.

Nodes are kept in program order, which is a topological order, so that the same kernel always gives the
same text. Loops, ifs, whiles and combine regions are nodes that own child graphs; a child graph may use
values of the graphs around it (captures). Node ids are unique over a whole function.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import networkx

from .errors import Loc
from .types import Type

ARGS = "args"  # the node whose results are a graph's arguments


@dataclass(frozen=True, slots=True)
class Value:
    """Result `index` of node `node`."""

    node: int
    index: int
    type: Type

    def __hash__(self) -> int:
        return self.node << 4 ^ self.index  # ids are unique in a function: its type says no more


@dataclass(frozen=True, slots=True)
class Node:
    """One operation. `attrs` is a sorted tuple of (name, hashable value)."""

    id: int
    op: str
    inputs: tuple[Value, ...]
    types: tuple[Type, ...]
    attrs: tuple[tuple[str, Any], ...] = ()
    regions: tuple[Graph, ...] = ()
    loc: Loc = field(default=Loc(), compare=False)

    @property
    def outputs(self) -> tuple[Value, ...]:
        return tuple(Value(self.id, k, t) for k, t in enumerate(self.types))

    @property
    def result(self) -> Value:
        return Value(self.id, 0, self.types[0])

    def attr(self, name: str, default: Any = None) -> Any:
        for key, value in self.attrs:
            if key == name:
                return value
        return default

    def captures(self) -> tuple[Value, ...]:
        """Values of surrounding graphs that the regions use, in order of first use."""
        found: dict[Value, None] = {}
        for region in self.regions:
            found.update(dict.fromkeys(region.free_values()))
        return tuple(found)

    def uses(self) -> tuple[Value, ...]:
        """Inputs and captures: everything that must exist before this node runs."""
        return self.inputs + (self.captures() if self.regions else ())


class Graph:
    """An immutable block of nodes: arguments in, `outputs` out. Build one with GraphBuilder."""

    __slots__ = ("_made", "_nodes", "_order", "_free", "args", "outputs")

    def __init__(self, args: Node, nodes: Sequence[Node], outputs: tuple[Value, ...]):
        self.args = args.outputs
        self.outputs = outputs
        self._order = (args, *nodes)
        self._nodes = {n.id: n for n in self._order}
        self._free: tuple[Value, ...] | None = None
        self._made: Any = None

    @property
    def _graph(self) -> Any:
        """The edges, made when first asked for: many graphs on the way to a kernel are only walked."""
        if self._made is None:
            graph = networkx.MultiDiGraph()
            for node in self._order:
                graph.add_node(node.id)
                for k, value in enumerate(node.uses()):
                    if value.node in self._nodes:
                        graph.add_edge(value.node, node.id, key=k)
            self._made = networkx.freeze(graph)
        return self._made

    def __iter__(self) -> Iterator[Node]:
        """Nodes in program order, without the arguments node."""
        return iter(self._order[1:])

    def __len__(self) -> int:
        return len(self._order) - 1

    def __contains__(self, value: Value) -> bool:
        return value.node in self._nodes

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Graph)
            and self._order == other._order
            and (self.outputs == other.outputs)
        )

    def __hash__(self) -> int:
        return hash((self._order, self.outputs))

    @property
    def args_node(self) -> Node:
        return self._order[0]

    def node(self, value: Value) -> Node:
        """The node of this graph that makes `value`; KeyError if it is made elsewhere."""
        return self._nodes[value.node]

    def users(self, value: Value) -> tuple[Node, ...]:
        """Nodes of this graph that use `value`, themselves or in a region, in program order."""
        ids = set(self._graph.successors(value.node))
        return tuple(n for n in self._order if n.id in ids and value in n.uses())

    def free_values(self) -> tuple[Value, ...]:
        """Values used here or in child graphs that are made outside this graph."""
        if self._free is None:
            used = itertools.chain.from_iterable(n.uses() for n in self._order)
            self._free = tuple(
                dict.fromkeys(v for v in (*used, *self.outputs) if v.node not in self._nodes)
            )
        return self._free

    def walk(self) -> Iterator[Node]:
        """Every node, child graphs included, parents before children."""
        for node in self:
            yield node
            for region in node.regions:
                yield from region.walk()

    def ancestors(self, value: Value) -> frozenset[int]:
        """Ids of the nodes of this graph that `value` depends on."""
        return frozenset(networkx.ancestors(self._graph, value.node))

    def is_acyclic(self) -> bool:
        return bool(networkx.is_directed_acyclic_graph(self._graph))

    def __str__(self) -> str:
        return "\n".join(self._lines(0))

    def _lines(self, depth: int) -> Iterator[str]:
        pad = "  " * depth
        yield f"{pad}({', '.join(f'{_show(a)}: {a.type}' for a in self.args)}) {{"
        for node in self:
            attrs = "".join(f" {k}={v}" for k, v in node.attrs)
            left = ", ".join(_show(v) for v in node.outputs)
            types = ", ".join(map(str, node.types))
            yield (
                f"{pad}  {left + ' = ' if left else ''}{node.op}"
                f"({', '.join(map(_show, node.inputs))}){attrs}{' : ' + types if types else ''}"
            )
            for region in node.regions:
                yield from region._lines(depth + 2)
        yield f"{pad}}} -> ({', '.join(map(_show, self.outputs))})"


def _show(value: Value) -> str:
    return f"%{value.node}" + (f".{value.index}" if value.index else "")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A run-time argument of a kernel. `divisibility`: the value, or the address, is a multiple of it.

    `anywhere`: no argument of the user's, but all memory, from address 0 (passes/addresses.py).
    """

    name: str
    type: Type
    divisibility: int = 1
    anywhere: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """A whole kernel: its name, its parameters (the arguments of `body`) and its body.

    `contracts`: a product and a sum may become one fused multiply-add.
    """

    name: str
    parameters: tuple[Parameter, ...]
    body: Graph
    loc: Loc = Loc()
    contracts: bool = True

    @property
    def anywhere(self) -> int | None:
        """The index of the parameter that stands for all memory."""
        return next((k for k, p in enumerate(self.parameters) if p.anywhere), None)

    def with_body(self, body: Graph) -> Function:
        return replace(self, body=body)


class GraphBuilder:
    """Collects nodes in program order; `build` freezes them. Ids come from a counter that is shared."""

    def __init__(
        self,
        ids: Iterator[int],
        arg_types: Iterable[Type] = (),
        loc: Loc = Loc(),
        args_node: Node | None = None,
        names: tuple[str, ...] = (),
    ):
        self.ids = ids
        self._args = args_node or Node(
            next(ids),
            ARGS,
            (),
            tuple(arg_types),
            (("names", names),) if any(names) else (),
            (),
            loc,
        )
        self.nodes: list[Node] = []

    @property
    def args(self) -> tuple[Value, ...]:
        return self._args.outputs

    def add(
        self,
        op: str,
        inputs: Iterable[Value],
        types: Iterable[Type],
        attrs: Mapping[str, Any] | None = None,
        regions: Iterable[Graph] = (),
        loc: Loc = Loc(),
    ) -> Node:
        node = Node(
            next(self.ids),
            op,
            tuple(inputs),
            tuple(types),
            tuple(sorted((attrs or {}).items())),
            tuple(regions),
            loc,
        )
        self.nodes.append(node)
        return node

    def append(self, node: Node) -> Node:
        """Keep `node` as it is, id included."""
        self.nodes.append(node)
        return node

    def build(self, outputs: Iterable[Value] = ()) -> Graph:
        return Graph(self._args, self.nodes, tuple(outputs))


def fresh_ids(graph: Graph) -> Iterator[int]:
    """Ids that no node of `graph` or of its child graphs has."""
    used = [graph.args_node.id]
    for node in graph.walk():
        used.append(node.id)
        used.extend(r.args_node.id for r in node.regions)
    return itertools.count(max(used) + 1)


def substitute(node: Node, mapping: Mapping[Value, Value]) -> Node:
    """`node` with its inputs, and the captures of its regions, renamed."""
    if not mapping:
        return node
    inputs = tuple(mapping.get(v, v) for v in node.inputs)
    regions = tuple(substitute_graph(r, mapping) for r in node.regions)
    if inputs == node.inputs and regions == node.regions:
        return node
    return replace(node, inputs=inputs, regions=regions)


def substitute_graph(graph: Graph, mapping: Mapping[Value, Value]) -> Graph:
    if not any(v in mapping for v in graph.free_values()):
        return graph
    return Graph(
        graph.args_node,
        [substitute(n, mapping) for n in graph],
        tuple(mapping.get(v, v) for v in graph.outputs),
    )


def copy_node(node: Node, builder: GraphBuilder, renamed: dict[Value, Value]) -> Node:
    """`node` in `builder` with ids of its own, its regions too; `renamed` learns its results."""
    regions = tuple(_copied(r, builder.ids, renamed) for r in node.regions)
    inputs = [renamed.get(v, v) for v in node.inputs]
    made = builder.add(node.op, inputs, node.types, dict(node.attrs), regions, node.loc)
    renamed.update(zip(node.outputs, made.outputs))
    return made


def _copied(graph: Graph, ids: Iterator[int], renamed: dict[Value, Value]) -> Graph:
    old = graph.args_node
    inner = GraphBuilder(ids, old.types, old.loc, names=old.attr("names", ()))
    renamed.update(zip(graph.args, inner.args))
    for node in graph:
        copy_node(node, inner, renamed)
    return inner.build(renamed.get(v, v) for v in graph.outputs)
