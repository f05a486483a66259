"""Where the next operation goes, and which line of the user's it belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, overload

from .attributes import UNKNOWN, Attribute, Location
from .types import Type
from .values import Block, Operation, Region, Result, Value

Made = TypeVar("Made", bound=Operation)


@dataclass(frozen=True, slots=True)
class InsertPoint:
    """In `block`, before `before`, or at its end."""

    block: Block | None
    before: Operation | None


def _around(block: Block | None) -> Location:
    """Where there is no operation to take the place of: the one that holds the block."""
    region = None if block is None else block.region
    return UNKNOWN if region is None else region.owner.loc


class Insertion:
    """The part of the builder that all its methods use."""

    def __init__(self, context: object = None):
        self.context = context
        self.block: Block | None = None
        self.before: Operation | None = None
        self.loc = UNKNOWN

    def insert(self, made: Made) -> Made:
        """As in MLIR, without an insertion point the operation stays alone."""
        made.block = block = self.block
        if block is None:
            return made
        if self.before is None:
            block.operations.append(made)
        else:
            block.operations.insert(block.operations.index(self.before), made)
        return made

    def add(
        self,
        name: str,
        operands: Sequence[Value],
        kinds: Sequence[Type] = (),
        properties: Mapping[str, Attribute] | None = None,
        *,
        regions: int = 0,
        successors: Sequence[Block] = (),
    ) -> Operation:
        """Record an operation at the insertion point."""
        made = Operation(name, operands, kinds, properties, self.loc, regions, successors)
        return self.insert(made)

    def value(
        self,
        name: str,
        operands: Sequence[Value],
        kind: Type,
        properties: Mapping[str, Attribute] | None = None,
    ) -> Result:
        """Record an operation with one result."""
        return self.insert(Operation(name, operands, (kind,), properties, self.loc)).results[0]

    # From here on: the names of Triton's native module.
    @overload
    def set_loc(self, file: str, line: int, column: int, /) -> None: ...
    @overload
    def set_loc(self, found: Location | str, /) -> None: ...
    def set_loc(self, found: Location | str, line: int = 0, column: int = 0, /) -> None:
        if isinstance(found, Location):
            self.loc = found
        else:
            self.loc = Location(found, line, column) if line else Location(name=found)

    def get_loc(self) -> Location:
        return self.loc.copy()

    def create_loc(self, file: str, line: int, column: int) -> Location:
        return Location(file, line, column)

    def create_name_loc(self, name: str, child_loc: Location | None = None) -> Location:
        return Location(name=name, child=child_loc)

    def get_insertion_block(self) -> Block | None:
        return self.block

    def get_insertion_point(self) -> InsertPoint:
        return InsertPoint(self.block, self.before)

    def restore_insertion_point(self, point: InsertPoint) -> None:
        self.block, self.before = point.block, point.before
        self.loc = point.before.loc if point.before is not None else _around(point.block)

    def set_insertion_point_to_start(self, block: Block) -> None:
        self.block = block
        self.before = block.operations[0] if block.operations else None
        self.loc = self.before.loc if self.before is not None else _around(block)

    def set_insertion_point_to_end(self, block: Block) -> None:
        self.block, self.before = block, None
        self.loc = block.operations[-1].loc if block.operations else _around(block)

    def set_insertion_point_after(self, operation: Operation) -> None:
        block = operation.block
        assert block is not None
        at = block.operations.index(operation) + 1
        self.block = block
        self.before = block.operations[at] if at < len(block.operations) else None
        self.loc = operation.loc

    def create_block(self) -> Block:
        assert self.block is not None and self.block.region is not None
        return self.create_block_with_parent(self.block.region, ())

    def create_block_with_parent(self, parent: Region, kinds: Sequence[Type]) -> Block:
        made = Block(parent, kinds)
        parent.blocks.append(made)
        self.block, self.before = made, None
        return made

    def new_block(self) -> Block:
        return Block()
