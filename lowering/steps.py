"""The order of work in a block: which nodes share one loop nest, and what happens between the nests.

A group is one loop nest over one layout; its nodes pass scalars to each other and no tile is stored
between them. A node can join a group if its operands are ready element by element there: results of
reductions, dots, loops and conversions are ready only after them. Accesses to the same buffer keep their
order if they may meet; in one nest only if both use the same pointer, so that each thread meets only its own
elements. That is all that a barrier of the user's is for, unless other programs watch (`Memory.watched`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..fusion.graph import Graph, Node, Value
from ..fusion.ops import OPS
from ..fusion.views import Bits, identity
from .accesses import Access, Memory, accesses
from .disjoint import always_disjoint, disjoint
from .homes import Homes
from .layout import Layout
from .values import Values

_ALONE = frozenset({"dot", "scan", "gather", "for", "while", "if", "barrier"})


@dataclass(slots=True)
class Step:
    """A loop nest over `nest` (nodes), a node that stands alone, or a conversion of `root`."""

    nest: Layout | None = None
    nodes: list[Node] = field(default_factory=list)
    root: Value | None = None  # of a conversion to `nest`
    fence: bool = False  # device memory written before must be visible to all threads first

    @property
    def is_group(self) -> bool:
        return self.nest is not None and self.root is None


@dataclass(slots=True)
class Plan:
    """Steps of one block, and the roots that must be stored because another step reads them."""

    steps: list[Step]
    stored: set[Value]
    last_use: dict[Value, tuple[int, int]]  # root → (step, position in it) of the last reader


def required(root: Value, bits: Bits, nest: Layout) -> Layout:
    """The layout in which a loop over `nest` can read `root` through `bits` without communication."""
    return nest.moved(bits, root.type.shape)


def schedule(
    graph: Graph,
    values: Values,
    homes: Homes,
    memory: Memory,
    results: Mapping[Value, Layout],
) -> Plan:
    """Steps for `graph`. `results`: for every output tile, the layout in which the block's owner wants it."""
    planner = _Planner(graph, values, homes, memory)
    for node in graph:
        if node.op == "barrier" and not memory.watched:
            continue
        if not (node.outputs and all(values.is_derived(v) for v in node.outputs)):
            planner.place(node)
    planner.sink()
    return planner.finish(results)


class _Planner:
    def __init__(self, graph: Graph, values: Values, homes: Homes, memory: Memory):
        self.graph, self.values, self.homes, self.memory = graph, values, homes, memory
        self.steps: list[Step] = []
        self.at: dict[int, int] = {}  # node id → step
        self.converted: dict[tuple[Value, Layout], int] = {}
        self.accesses: list[tuple[int, Access]] = []  # each with its step
        self._readers: dict[Value, list[int]] | None = None

    def place(self, node: Node) -> None:
        if node.op in _ALONE:
            self._place_alone(node)
            return
        nest = self.homes.nest(node)
        first = max(
            (self._ready(root, bits, nest) for root, bits in self.values.needs(node)), default=0
        )
        fence = False
        for access in self._accesses(node):
            index, needs_fence = self._after(access)
            first, fence = max(first, index), fence or needs_fence
        for index in range(first, len(self.steps)):
            step = self.steps[index]
            if step.is_group and step.nest == nest and (not fence or step.fence):
                break
        else:
            index = len(self.steps)
            self.steps.append(Step(nest, fence=fence))
        self._put(node, index, nest)

    def _place_alone(self, node: Node) -> None:
        # A node with regions stays behind everything it uses; all earlier steps is simple and right.
        fence = any(self._after(a)[1] for a in self._accesses(node))
        for value, layout in self._entries(node):
            for root, bits in self.values.leaves(value, identity(value.type.shape)):
                self._ready(root, bits, layout)
        self.steps.append(Step(None, fence=fence))
        self._put(node, len(self.steps) - 1, None)

    def _entries(self, node: Node) -> list[tuple[Value, Layout]]:
        """Tiles that enter a dot or a loop, and the layouts in which it reads them."""
        if node.op == "dot":
            return self.homes.entries(node)
        if node.op == "scan":
            return [(v, self.homes[node.result]) for v in node.inputs]
        if node.op == "gather":
            source, index = node.inputs
            return [(source, self.homes.readable(source)), (index, self.homes[node.result])]
        if node.op == "for":
            pairs = zip(node.regions[0].args[1:], node.inputs[3:])
        elif node.op == "while":
            pairs = zip(node.regions[0].args, node.inputs)
        else:
            return []
        return [
            (init, self.homes[arg])
            for arg, init in pairs
            if arg.type.shape and not arg.type.is_pointer
        ]

    def _put(self, node: Node, index: int, nest: Layout | None) -> None:
        self.steps[index].nodes.append(node)
        self.at[node.id] = index
        self.accesses += [(index, a) for a in self._accesses(node)]

    def _ready(self, root: Value, bits: Bits, nest: Layout) -> int:
        """The first step in which a nest over `nest` can read `root` through `bits`."""
        made = self.at.get(root.node)
        after = 0 if made is None else made + 1
        if not root.type.shape:
            if made is not None and nest.shape == () and not self._closes(root):
                return made
            return after
        want = required(root, bits, nest)
        if self.homes[root] != want:
            return self._conversion(root, want, after) + 1
        if (
            made is not None
            and not self._closes(root)
            and self.steps[made].nest == nest
            and (bits == identity(nest.shape))
        ):
            return made
        return after

    def _closes(self, root: Value) -> bool:
        node = self.values.node(root)
        return node.op in _ALONE or OPS[node.op].kind == "combine"

    def _conversion(self, root: Value, want: Layout, after: int) -> int:
        key = (root, want)
        if key not in self.converted:
            index = len(self.steps)
            self.steps.append(Step(want, root=root))
            self.converted[key] = index
        return self.converted[key]

    # --- memory order

    def _accesses(self, node: Node) -> Iterator[Access]:
        return accesses(node, self.values, self.homes, self.memory)

    def _after(self, access: Access) -> tuple[int, bool]:
        """(first step that keeps the order, whether other threads' accesses must be waited for)."""
        first, fence = 0, False
        for at, old in self.accesses:
            if self._apart(old, access):
                continue
            if self.memory.one_thread(old, access):
                first = max(first, at + 1 if old.writes else at)
                continue
            fences = (i for i, s in enumerate(self.steps) if s.fence and i > at)
            fenced = next(fences, None)  # what comes at or after that step waits already
            first = max(first, at + 1 if fenced is None else fenced)
            fence = fence or fenced is None
        return first, fence

    def _apart(self, old: Access, new: Access) -> bool:
        """True if the two never touch the same memory."""
        if self.memory.apart(old, new):
            return True
        # In one nest, the order of one thread's accesses is that of its nodes anyway.
        if self.memory.single or old.pointer is None or new.pointer is None:
            return False
        if old.inside or new.inside:
            return always_disjoint(self.values, old.pointer, new.pointer)
        return disjoint(self.values, old.pointer, new.pointer)

    # --- later is better for loads that only later steps need

    def sink(self) -> None:
        for index in range(len(self.steps) - 2, -1, -1):
            for node in reversed(list(self.steps[index].nodes)):
                target = self._sink_target(node, index)
                if target is not None:
                    self.steps[index].nodes.remove(node)
                    self.steps[target].nodes.insert(0, node)
                    self.at[node.id] = target
        keep = [i for i, s in enumerate(self.steps) if s.nodes or s.root is not None or s.fence]
        order = {old: new for new, old in enumerate(keep)}
        self.steps = [self.steps[i] for i in keep]
        self.at = {n: order[i] for n, i in self.at.items()}

    def _sink_target(self, node: Node, index: int) -> int | None:
        step = self.steps[index]
        if not step.is_group or not self._moves(node):
            return None
        users = self._user_steps(node.result)
        if users is None or not users or min(users) == index:
            return None
        between = range(index + 1, min(users) + 1)
        if not self._may_wait(node, index, between):
            return None
        fits = [
            i
            for i in between
            if self.steps[i].is_group
            and self.steps[i].nest == step.nest
            and not self._reads_across(node.result, self.steps[i])
        ]
        return fits[-1] if fits else None

    @staticmethod
    def _moves(node: Node) -> bool:
        one = node.op == "load" or OPS[node.op].kind == "elementwise"
        return one and bool(node.types[0].shape)

    def _may_wait(self, node: Node, index: int, steps: range) -> bool:
        """True if `node` of step `index` gives the same at the end of `steps`, with all that only it reads."""
        if node.op == "load":
            own = list(self._accesses(node))
            # Its own step may write behind it, too.
            wrote = (a for at, a in self.accesses if a.writes and (at == index or at in steps))
            if not all(self._apart(a, mine) for a in wrote for mine in own):
                return False
        roots = [root for root, _ in self.values.needs(node) if root.type.shape]
        return all(self._follows(root, node, index, steps) for root in roots)

    def _follows(self, root: Value, reader: Node, index: int, steps: range) -> bool:
        """True if `root` is made in step `index` for `reader` alone, and can move behind `steps` with it."""
        node = self.values.made(root)
        if node is None or self.at.get(root.node) != index or not self._moves(node):
            return False
        if self._user_steps(root) is None or self.readers().get(root) != [reader.id]:
            return False
        return self._may_wait(node, index, steps)

    def _reads_across(self, root: Value, step: Step) -> bool:
        """True if a node of `step` reads `root` at another element than its own, as in a transpose."""
        assert step.nest is not None
        own = identity(step.nest.shape)
        return any(r == root and b != own for n in step.nodes for r, b in self.values.needs(n))

    def _user_steps(self, root: Value) -> set[int] | None:
        """Steps that read `root`; None if it leaves the block or is read by a conversion."""
        if root in self.values.roots_of(self.graph.outputs):
            return None
        if any(s.root == root for s in self.steps):
            return None
        return {self.at[n] for n in self.readers().get(root, ())}

    def readers(self) -> dict[Value, list[int]]:
        """Root → ids of the nodes that read it."""
        if self._readers is None:
            self._readers = {}
            for step in self.steps:
                for node in step.nodes:
                    for root in self.values.roots_of(node.uses()):
                        self._readers.setdefault(root, []).append(node.id)
        return self._readers

    # --- what must be stored

    def finish(self, results: Mapping[Value, Layout]) -> Plan:
        for output, layout in results.items():
            for root, bits in self.values.leaves(output, identity(output.type.shape)):
                if root.type.shape:
                    self._ready(root, bits, layout)
        stored: set[Value] = set(self.values.roots_of(self.graph.outputs))
        last: dict[Value, tuple[int, int]] = {r: (len(self.steps), 0) for r in stored}
        for index, step in enumerate(self.steps):
            if step.root is not None:
                self._read(step.root, index, 0, stored, last, own_step=False)
            for position, node in enumerate(step.nodes):
                self._note_reads(node, index, position, step, stored, last)
        return Plan(self.steps, stored, last)

    def _note_reads(
        self,
        node: Node,
        index: int,
        position: int,
        step: Step,
        stored: set[Value],
        last: dict[Value, tuple[int, int]],
    ) -> None:
        roots = self.values.roots_of(node.uses())
        for root in roots:
            same = step.is_group and self.at.get(root.node) == index and not self._closes(root)
            self._read(root, index, position, stored, last, own_step=same)

    @staticmethod
    def _read(
        root: Value,
        index: int,
        position: int,
        stored: set[Value],
        last: dict[Value, tuple[int, int]],
        own_step: bool,
    ) -> None:
        if not own_step:
            stored.add(root)
        last[root] = max(last.get(root, (-1, -1)), (index, position))
