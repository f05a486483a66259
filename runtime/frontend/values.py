"""Values, blocks, regions and operations: a small graph in SSA form that remembers its uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from . import types
from .attributes import UNKNOWN, Attribute, Location

TERMINATORS = frozenset(
    {
        "tt.return",
        "tt.reduce.return",
        "tt.scan.return",
        "tt.map_elementwise.return",
        "scf.yield",
        "scf.condition",
        "cf.br",
        "cf.cond_br",
    }
)
_RETURNS = frozenset({"tt.return", "tt.reduce.return", "tt.scan.return"})


class Value:
    """A result of an operation, or an argument of a block. `users` may hold entries that are stale."""

    __slots__ = ("type", "index", "users")

    def __init__(self, kind: types.Type = types.NONE, index: int = 0):
        """Triton makes one without a type where an operation has an operand that may be missing."""
        self.type, self.index = kind, index
        self.users: list[Operation] = []

    def get_type(self) -> types.Type:
        return self.type

    def get_shape(self) -> list[int] | None:
        return list(self.type.shape) if self.type.kind == "tensor" else None

    def get_context(self) -> None:
        return None

    def get_loc(self) -> Location:
        return UNKNOWN

    def id(self) -> int:
        return id(self)

    def replace_all_uses_with(self, other: Value) -> None:
        for user in self.users:
            user.replace(self, other)
        self.users = []


class Result(Value):
    """What an operation computes."""

    __slots__ = ("owner",)

    def __init__(self, kind: types.Type, index: int, owner: Operation):
        super().__init__(kind, index)
        self.owner = owner

    def get_loc(self) -> Location:
        return self.owner.loc

    def set_loc(self, loc: Location) -> None:
        """As in MLIR, a result has no place of its own."""
        self.owner.loc = loc

    def set_attr(self, name: str, attribute: Attribute) -> None:
        self.owner.attributes[name] = attribute


class Argument(Value):
    """What is handed to a block."""

    __slots__ = ("block", "loc")

    def __init__(self, kind: types.Type, index: int, block: Block, loc: Location):
        super().__init__(kind, index)
        self.block, self.loc = block, loc

    def get_loc(self) -> Location:
        return self.loc

    def set_loc(self, loc: Location) -> None:
        self.loc = loc

    def set_attr(self, name: str, attribute: Attribute) -> None:
        """On the operation whose entry block it is; functions keep theirs elsewhere."""
        region = self.block.region
        if region is None or region.owner.name == "tt.func" or region.blocks[0] is not self.block:
            return
        region.owner.attributes[f"{name}_arg{self.index}"] = attribute


class Region:
    """The blocks inside an operation."""

    __slots__ = ("owner", "blocks")

    def __init__(self, owner: Operation):
        self.owner = owner
        self.blocks: list[Block] = []

    def get_parent_region(self) -> Region | None:
        return self.owner.block.region if self.owner.block is not None else None

    def size(self) -> int:
        return len(self.blocks)

    def empty(self) -> bool:
        return not self.blocks

    def id(self) -> int:
        return id(self)

    def push_back(self, block: Block) -> None:
        block.region = self
        self.blocks.append(block)

    def push_front(self, block: Block) -> None:
        block.region = self
        self.blocks.insert(0, block)


class Block:
    """Operations one after the other, and the arguments they start with."""

    __slots__ = ("region", "arguments", "operations")

    def __init__(
        self,
        region: Region | None = None,
        kinds: Sequence[types.Type] = (),
        loc: Location = UNKNOWN,
    ):
        self.region = region
        self.operations: list[Operation] = []
        self.arguments = [Argument(t, i, self, loc) for i, t in enumerate(kinds)]

    def arg(self, index: int) -> Argument:
        return self.arguments[index]

    get_argument = arg

    def add_argument(self, kind: types.Type) -> None:
        self.add_argument_at(kind, UNKNOWN)

    def add_argument_at(self, kind: types.Type, loc: Location) -> None:
        self.arguments.append(Argument(kind, len(self.arguments), self, loc))

    def get_num_arguments(self) -> int:
        return len(self.arguments)

    def get_parent(self) -> Region | None:
        return self.region

    def id(self) -> int:
        return id(self)

    def erase(self) -> None:
        if self.region is not None:
            self.region.blocks.remove(self)
            self.region = None

    def insert_before(self, other: Block) -> None:
        assert other.region is not None
        siblings = other.region.blocks
        siblings.insert(siblings.index(other), self)
        self.region = other.region

    def move_before(self, other: Block) -> None:
        self.erase()
        self.insert_before(other)

    def merge_block_before(self, other: Block) -> None:
        """Put the operations of this block in front of the other's, and drop this block."""
        if self.arguments:
            raise RuntimeError("This block has arguments, don't merge")
        for operation in self.operations:
            operation.block = other
        other.operations[0:0] = self.operations
        self.operations = []
        self.erase()

    def replace_use_in_block_with(self, old: Value, new: Value) -> None:
        """Also in the regions of this block's operations."""
        for user in list(old.users):
            if any(block is self for block in user.enclosing()):
                user.replace(old, new)

    def has_terminator(self) -> bool:
        return bool(self.operations) and self.operations[-1].name in TERMINATORS

    def has_return(self) -> bool:
        return bool(self.operations) and self.operations[-1].name in _RETURNS

    def __str__(self) -> str:
        from .printer import block_text

        return block_text(self)

    def dump(self) -> None:
        print(self)


class Operation:
    """One recorded operation. `properties` are part of what it means; `attributes` were added to it."""

    __slots__ = (
        "name",
        "operands",
        "results",
        "properties",
        "attributes",
        "regions",
        "successors",
        "block",
        "loc",
    )

    def __init__(
        self,
        name: str,
        operands: Sequence[Value],
        kinds: Sequence[types.Type],
        properties: Mapping[str, Attribute] | None = None,
        loc: Location = UNKNOWN,
        regions: int = 0,
        successors: Sequence[Block] = (),
    ):
        self.name, self.loc = name, loc
        self.operands = list(operands)
        for value in operands:
            value.users.append(self)
        self.results = [Result(t, i, self) for i, t in enumerate(kinds)]
        self.properties: Mapping[str, Attribute] = properties or {}
        self.attributes: dict[str, Attribute] = {}
        self.regions = [Region(self) for _ in range(regions)]
        self.successors = tuple(successors)
        self.block: Block | None = None

    def replace(self, old: Value, new: Value) -> None:
        """Another operand in the place of `old`."""
        for index, value in enumerate(self.operands):
            if value is old:
                self.operands[index] = new
                new.users.append(self)

    def enclosing(self) -> Iterator[Block]:
        """The block of this operation, the block around that, and so on."""
        block = self.block
        while block is not None:
            yield block
            block = block.region.owner.block if block.region is not None else None

    def inside(self) -> Iterator[Operation]:
        """All operations in its regions, inner ones first, then itself."""
        for region in self.regions:
            for block in list(region.blocks):
                for operation in list(block.operations):
                    yield from operation.inside()
        yield self

    def attribute(self, name: str) -> Attribute | None:
        return self.attributes.get(name, self.properties.get(name))

    # From here on: the names of Triton's native module.
    def get_operation(self) -> Operation:
        return self

    def get_name(self) -> str:
        return self.name

    def get_num_results(self) -> int:
        return len(self.results)

    def get_result(self, index: int) -> Result:
        return self.results[index]

    def get_num_operands(self) -> int:
        return len(self.operands)

    def get_operand(self, index: int) -> Value:
        return self.operands[index]

    def get_num_regions(self) -> int:
        return len(self.regions)

    def get_region(self, index: int) -> Region:
        return self.regions[index]

    def get_body(self, index: int) -> Block:
        return self.regions[index].blocks[0]

    def get_block(self) -> Block | None:
        return self.block

    def append_operand(self, value: Value) -> None:
        self.operands.append(value)
        value.users.append(self)

    def set_attr(self, name: str, attribute: Attribute) -> None:
        self.attributes[name] = attribute

    def get_int_attr(self, name: str) -> Any:
        found = self.attribute(name)
        return None if found is None else found.value

    get_str_attr = get_bool_attr = get_flat_symbol_ref_attr = get_int_attr

    def get_constant_value(self) -> Any:
        """The number of an arith.constant; None of anything else."""
        if self.name != "arith.constant":
            return None
        value = self.properties["value"].value
        return getattr(value, "number", value)

    def str_nodebug(self) -> str:
        from .printer import text

        return text(self, locations=False)

    def __str__(self) -> str:
        from .printer import text

        return text(self)

    def dump(self) -> None:
        print(self)

    def verify(self) -> bool:
        """False, and the findings on stderr, for what MLIR would refuse."""
        from .verifier import report

        return report(self)
