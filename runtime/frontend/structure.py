"""Operations that hold others: loops, branches, functions and modules."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

from . import types
from .attributes import Attribute, Location, boolean, function_type, string
from .values import Argument, Block, Operation, Region, Value


class ForOp(Operation):
    __slots__ = ()

    def get_induction_var(self) -> Value:
        return self.get_body(0).arguments[0]


class IfOp(Operation):
    __slots__ = ()

    def get_then_block(self) -> Block:
        return self.get_body(0)

    def get_else_block(self) -> Block | None:
        return self.regions[1].blocks[0] if self.regions[1].blocks else None

    def get_then_yield(self) -> Operation:
        return self.get_then_block().operations[-1]

    def get_else_yield(self) -> Operation:
        return self.get_body(1).operations[-1]


class WhileOp(Operation):
    __slots__ = ()

    def get_before(self) -> Region:
        return self.regions[0]

    def get_after(self) -> Region:
        return self.regions[1]


class YieldOp(Operation):
    __slots__ = ()


class ConditionOp(Operation):
    __slots__ = ()


class CallOp(Operation):
    """A call that knows its function."""

    __slots__ = ("callee",)
    callee: Function


class Function(Operation):
    """tt.func. Its entry block's arguments are its parameters."""

    __slots__ = ("symbol", "signature", "visibility", "numbers")

    def __init__(
        self,
        symbol: str,
        signature: types.Type,
        visibility: str,
        noinline: bool,
        loc: Location,
    ):
        properties = {
            "function_type": function_type(signature),
            "sym_name": string(symbol),
            "sym_visibility": string(visibility),
        }
        super().__init__("tt.func", (), (), properties, loc, 1)
        self.symbol, self.signature, self.visibility = symbol, signature, visibility
        self.attributes["noinline"] = boolean(noinline)
        self.numbers: dict[int, dict[str, int]] = {}  # attributes of parameters

    def get_num_args(self) -> int:
        return len(self.signature.inputs)

    def args(self, index: int) -> Argument:
        return self.get_body(0).arguments[index]

    def add_entry_block(self) -> Block:
        made = Block(self.regions[0], self.signature.inputs, self.loc)
        self.regions[0].blocks.append(made)
        return made

    @property
    def type(self) -> types.Type:
        return self.signature

    def reset_type(self, signature: types.Type) -> None:
        self.signature = signature
        self.properties = {**self.properties, "function_type": function_type(signature)}

    def set_arg_attr(self, index: int, name: str, value: int) -> None:
        self.numbers.setdefault(index, {})[name] = value
        self.number_parameters()

    def number_parameters(self) -> None:
        """The text of the parameters' attributes, from `numbers`."""
        parts = []
        for index in range(len(self.signature.inputs)):
            named = sorted(self.numbers.get(index, {}).items())
            parts.append("{" + ", ".join(f"{k} = {v} : i32" for k, v in named) + "}")
        found = Attribute(self.numbers, "[" + ", ".join(parts) + "]")
        self.properties = {**self.properties, "arg_attrs": found}

    def finalize(self) -> None:
        """Triton 3.6 calls it when a function is complete."""


class Module(Operation):
    """builtin.module: the kernel and the functions it calls."""

    # `context` and others are set by Triton's own Python code.
    __slots__ = ("table", "__dict__")

    def __init__(self, loc: Location):
        super().__init__("builtin.module", (), (), None, loc, 1)
        self.regions[0].blocks.append(Block(self.regions[0]))
        self.table: dict[str, Function] = {}

    @property
    def functions(self) -> list[Function]:
        return [f for f in self.get_body(0).operations if isinstance(f, Function)]

    @property
    def entry(self) -> Function:
        return next(f for f in self.functions if f.visibility == "public")

    def push_back(self, function: Function) -> None:
        if function.block is not None:
            return
        body = self.get_body(0)
        function.block = body
        body.operations.append(function)
        self.table[function.symbol] = function

    def has_function(self, name: str) -> bool:
        return name in self.table

    def get_function(self, name: str) -> Function:
        return self.table[name]

    def str(self) -> builtins.str:
        return str(self)

    def get_entry_func_name(self) -> builtins.str:
        return self.entry.symbol

    def get_function_signature(self, function: Function) -> list[builtins.str]:
        return [
            "*" + kind.elem.text if kind.kind == "ptr" else kind.text
            for kind in function.signature.inputs
        ]

    def get_tensordesc_metadata(self) -> list[Any]:
        return []

    def create_location_snapshot(self, path: builtins.str) -> None:
        """Writes nothing: locations stay those of the user's source."""

    def walk(self, visit: Callable[[Operation], None]) -> None:
        for operation in self.inside():
            visit(operation)
