"""Early returns: blocks that branch to each other, as Triton makes them from `return`, become nested ifs.

Such blocks have no loops (loops are scf operations), so following the branches from the entry always ends at
a return. A block that is reached twice is lifted twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

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
    """Follows the branches between `blocks`."""

    def __init__(self, lifter: Lifter, blocks: Sequence[Block]):
        self.lifter = lifter
        self.blocks = {block.label: block for block in blocks}
        self.lifted = 0

    def follow(
        self, block: Block, builder: GraphBuilder, scope: dict[str, Value], path: frozenset[str]
    ) -> None:
        """Lift `block` and all that it branches to into `builder`."""
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
            self._enter(last.successors[0], last.operands, builder, scope, path)
        elif last.name == "cf.cond_br":
            self._branch(last, builder, scope, path)

    def _branch(
        self, op: Operation, builder: GraphBuilder, scope: Mapping[str, Value], path: frozenset[str]
    ) -> None:
        counts = op.attrs["operandSegmentSizes"].partition(":")[2].rstrip(">").split(",")
        taken = 1 + int(counts[1])
        regions = []
        for label, operands in zip(op.successors, (op.operands[1:taken], op.operands[taken:])):
            inner = self.lifter.builder()
            self._enter(label, operands, inner, dict(scope), path)
            regions.append(inner.build())
        builder.add("if", [scope[op.operands[0]]], (), {}, regions, op.loc)

    def _enter(
        self,
        label: str,
        operands: Sequence[str],
        builder: GraphBuilder,
        scope: dict[str, Value],
        path: frozenset[str],
    ) -> None:
        block = self.blocks[label]
        values = [scope[o] for o in operands]
        scope.update(zip((name for name, _, _ in block.args), values, strict=True))
        self.follow(block, builder, scope, path)
