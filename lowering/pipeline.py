"""Loops whose matrix products take turns in two halves of threadgroup memory, and load ahead.

A product whose operands are staged waits at two barriers: until all threads have left the memory that it
writes, and until what it wrote is there. With two halves in turn the second barrier of one product is the
first of the next. And the tiles that the next iteration stages can be loaded while this one multiplies:
registers hold them then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..fusion.graph import Graph, Node, Value
from ..fusion.ops import OPS, WRITES
from .exchange import Alternates, barrier
from .matrix import Operands
from .scope import Storage
from .steps import Plan, Step

if TYPE_CHECKING:
    from .emit import Emitter

_ALIGNMENT = 16


@dataclass(frozen=True, slots=True)
class Loop:
    """Texts of a for loop: type and name of its counter, bounds and step."""

    word: str
    counter: str
    lower: str
    upper: str
    step: str


def start(emitter: Emitter, node: Node, plan: Plan, loop: Loop) -> Alternates | None:
    """Before the loop `node`, whose body is `plan`: what the halves are, and the first tiles.

    None, and nothing is changed, where the kernel's schedule or the loop does not want that.
    """
    body = node.regions[0]
    if emitter.choice.staging != "doubled" or emitter.arena.alternates is not None:
        return None
    staged = _staged(emitter, body)
    half = max((o.bytes for o in staged), default=0)
    half = -(-half // _ALIGNMENT) * _ALIGNMENT
    if not half or 2 * half > emitter.target.operand_bytes:
        return None
    if emitter.arena.dirty:
        barrier(emitter)
    variable = emitter.unique("turn") if len(staged) % 2 else ""
    if variable:
        emitter.out.line(f"int {variable} = 0;")
    if not any(n.op in WRITES for n in body.walk()):
        for operands in staged:
            _Ahead(emitter, body, plan, operands.node).apply(loop)
    emitter.arena.alternates = Alternates(half, len(staged), variable)
    emitter.notes.append(f"products take turns in two parts of {half} bytes")
    return emitter.arena.alternates


def turn(emitter: Emitter, turns: Alternates | None) -> None:
    """At the end of the body of a loop for which `start` gave `turns`."""
    if turns is None:
        return
    if turns.variable:
        emitter.out.line(f"{turns.variable} = {turns.half} - {turns.variable};")
    emitter.arena.alternates = None


def _staged(emitter: Emitter, body: Graph) -> list[Operands]:
    """The products of a loop's body that go through threadgroup memory; none where they cannot take turns."""
    found: list[Operands] = []
    own = {n.id for n in body}
    for node in body.walk():
        if node.op != "dot":
            continue
        product = emitter.homes.products.get(node.id)
        if product is None:
            return []
        operands = Operands(emitter, node, product)
        if not any(operands.staged):
            continue
        if node.id not in own or operands.depth < operands.k:
            return []
        found.append(operands)
    return found


class _Ahead:
    """The nodes that load what one product stages, taken out of the loop's steps."""

    def __init__(self, emitter: Emitter, body: Graph, plan: Plan, product: Node):
        self.emitter, self.body, self.plan, self.product = emitter, body, plan, product
        self.step_of = {n.id: s for s in plan.steps for n in s.nodes}
        self.nodes: dict[int, Node] = {}
        self.tiles: list[Value] = []

    def apply(self, loop: Loop) -> None:
        """Load the first tiles here, and the next ones during the product."""
        if not self._collect():
            return
        emitter, plan, counter = self.emitter, self.plan, self.body.args[0]
        taken = self._take()
        tiles: dict[Value, Storage] = {
            v: emitter.declare(v, emitter.values.node(v), emitter.homes[v]) for v in self.tiles
        }

        def load(condition: str, at: str) -> None:
            known = dict(emitter.scalars)
            with emitter.out.block(f"if ({condition})"):
                emitter.scalars[counter] = at
                for step in taken:
                    emitter.step(step, plan, tiles)
            emitter.scalars.clear()
            emitter.scalars.update(known)

        def next_one() -> None:
            at = f"({loop.counter} + {loop.step})"
            load(f"{loop.counter} < {loop.upper} - {loop.step}", at)

        load(f"{loop.lower} < {loop.upper}", loop.lower)
        emitter.ahead[self.product.id] = next_one

    def _collect(self) -> bool:
        """Find the nodes; False where they need what the loop carries, or others read the tiles."""
        emitter = self.emitter
        staged = (not direct for direct in emitter.homes.in_registers(self.product))
        for value, wanted in zip(self.product.inputs, staged):
            roots = emitter.values.roots_of((value,)) if wanted else ()
            if not all(self._add(r) for r in roots):
                return False
        self.tiles = [
            v
            for n in self.nodes.values()
            for v in n.outputs
            if v.type.shape and v in self.plan.stored
        ]
        own = {*self.nodes, self.product.id}
        return (
            bool(self.tiles)
            and not any(
                root in self.tiles and n.id not in own
                for step in self.plan.steps
                for n in step.nodes
                for root in (step.root, *emitter.values.roots_of(n.uses()))
            )
            and not any(step.root in self.tiles for step in self.plan.steps)
        )

    def _add(self, root: Value) -> bool:
        if root == self.body.args[0]:
            return True
        if root in self.body.args:
            return False
        if root.node not in self.step_of:
            return self._outside(root)
        if root.node in self.nodes:
            return True
        step, node = self.step_of[root.node], self.emitter.values.node(root)
        if not step.is_group or step.fence:
            return False
        if node.op != "load" and OPS[node.op].kind != "elementwise":
            return False
        if not all(self._add(r) for r in self.emitter.values.roots_of(node.uses())):
            return False
        self.nodes[node.id] = node
        return True

    def _outside(self, root: Value) -> bool:
        return all(n.id != root.node for n in self.body.walk())

    def _take(self) -> list[Step]:
        """Steps of the nodes alone; what nobody else needs leaves its own."""
        needed, taken = self._needed(), list[Step]()
        for step in self.plan.steps:
            own = [n for n in step.nodes if n.id in self.nodes]
            if own:
                taken.append(Step(step.nest, own))
                step.nodes[:] = [
                    n
                    for n in step.nodes
                    if n.id not in self.nodes or (n.id in needed and not n.result.type.shape)
                ]
        return taken

    def _needed(self) -> set[int]:
        """Node ids that other nodes of the body read."""
        values = self.emitter.values
        needed = {r.node for r in values.roots_of(self.body.outputs)}
        for step in reversed(self.plan.steps):
            for node in reversed(step.nodes):
                if node.id not in self.nodes or (node.id in needed and not node.result.type.shape):
                    needed.update(r.node for r in values.roots_of(node.uses()))
        return needed
