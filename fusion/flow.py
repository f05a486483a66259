"""Blocks that branch to each other, as Triton makes them from `return`: they become nested ifs, or selects.

Such blocks have no loops (loops are scf operations), so following the branches from the entry always ends at
a return. A block that is reached twice is lifted twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from .compose import Compose
from .errors import UnsupportedOperation
from .graph import GraphBuilder, Value
from .mlir import Block, Operation

_MOST_BLOCKS = 256  # lifted in all, copies included


class Lifter(Protocol):
    """What following branches needs of fusion/lift.py."""

    def builder(self) -> GraphBuilder: ...

    def straight(
        self, operations: Sequence[Operation], builder: GraphBuilder, scope: dict[str, Value]
    ) -> None: ...


class Flow:
    """Follows the branches between `blocks`.

    `per_element`: the shape of tiles for whose elements the blocks are run: both sides of a branch are
    computed and the results chosen, element by element.
    """

    def __init__(
        self,
        lifter: Lifter,
        blocks: Sequence[Block],
        per_element: tuple[int, ...] | None = None,
    ):
        self.lifter, self.per_element = lifter, per_element
        self.blocks = {block.label: block for block in blocks}
        self.lifted = 0

    def follow(
        self, block: Block, builder: GraphBuilder, scope: dict[str, Value], path: frozenset[str]
    ) -> tuple[Value, ...]:
        """Lift `block` and all that it branches to into `builder`; the values that are returned."""
        last = block.operations[-1]
        self.lifted += 1
        if block.label in path or self.lifted > _MOST_BLOCKS:
            raise UnsupportedOperation(
                last.name,
                where=last.loc,
                why="branches that form a loop, or meet too often",
                hint="write the early return as an if around the rest of the kernel",
            )
        self.lifter.straight(block.operations[:-1], builder, scope)
        path = path | {block.label}
        if last.name == "cf.br":
            return self._enter(last.successors[0], last.operands, builder, scope, path)
        if last.name == "cf.cond_br":
            return self._branch(last, builder, scope, path)
        return tuple(scope[o] for o in last.operands)

    def _branch(
        self, op: Operation, builder: GraphBuilder, scope: Mapping[str, Value], path: frozenset[str]
    ) -> tuple[Value, ...]:
        counts = op.attrs["operandSegmentSizes"].partition(":")[2].rstrip(">").split(",")
        taken = 1 + int(counts[1])
        condition = scope[op.operands[0]]
        regions, results = [], []
        for label, operands in zip(op.successors, (op.operands[1:taken], op.operands[taken:])):
            inner = self.lifter.builder() if self.per_element is None else builder
            results.append(self._enter(label, operands, inner, dict(scope), path))
            regions.append(inner)
        if self.per_element is not None:
            words = Compose(builder, op.loc)
            return words.choose(condition, results[0], results[1], self.per_element)
        graphs = [b.build(outputs) for b, outputs in zip(regions, results)]
        types = [v.type for v in results[0]]
        return builder.add("if", [condition], types, {}, graphs, op.loc).outputs

    def _enter(
        self,
        label: str,
        operands: Sequence[str],
        builder: GraphBuilder,
        scope: dict[str, Value],
        path: frozenset[str],
    ) -> tuple[Value, ...]:
        block = self.blocks[label]
        values = [scope[o] for o in operands]
        scope.update(zip((name for name, _, _ in block.args), values, strict=True))
        return self.follow(block, builder, scope, path)
