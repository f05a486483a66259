"""Functions, calls, branches, loops, and operations that hold a combine function."""

from __future__ import annotations

from collections.abc import Sequence

from . import attributes, types
from .constants import Constants
from .structure import CallOp, ConditionOp, ForOp, Function, IfOp, Module, WhileOp, YieldOp
from .types import Type
from .values import Block, Operation, Region, Value


class Control(Constants):
    """The builder's methods for control flow, by their names in Triton's native module."""

    def create_module(self) -> Module:
        return Module(self.loc)

    def get_or_insert_function(
        self,
        module: Module,
        func_name: str,
        func_type: Type,
        visibility: str,
        noinline: bool | None,
    ) -> Function:
        if func_name in module.table:
            return module.table[func_name]
        return Function(func_name, func_type, visibility, bool(noinline), self.loc)

    def call(self, function: Function, arguments: Sequence[Value]) -> Operation:
        name = {"callee": attributes.symbol(function.symbol)}
        made = CallOp("tt.call", arguments, function.signature.outputs, name, self.loc)
        made.callee = function
        return self.insert(made)

    def ret(self, values: Sequence[Value]) -> Operation:
        return self.add("tt.return", values)

    def create_branch(self, target: Block, arguments: Sequence[Value]) -> Operation:
        return self.add("cf.br", arguments, successors=(target,))

    def create_cond_branch(self, condition: Value, then: Block, otherwise: Block) -> Operation:
        counts = {"operandSegmentSizes": attributes.integers((1, 0, 0))}
        return self.add("cf.cond_br", (condition,), (), counts, successors=(then, otherwise))

    def create_for_op(
        self, lower: Value, upper: Value, step: Value, carried: Sequence[Value]
    ) -> ForOp:
        kinds = [v.type for v in carried]
        made = self.insert(
            ForOp("scf.for", [lower, upper, step, *carried], kinds, None, self.loc, 1)
        )
        body = self._body(made.regions[0], ends=not carried)
        body.add_argument_at(lower.type, self.loc)
        for value in carried:
            body.add_argument_at(value.type, value.get_loc())
        return made

    def create_if_op(self, kinds: Sequence[Type], condition: Value, with_else: bool) -> IfOp:
        made = self.insert(IfOp("scf.if", (condition,), kinds, None, self.loc, 2))
        for region in made.regions[: 2 if with_else else 1]:
            self._body(region, ends=not kinds)
        return made

    def _body(self, region: Region, ends: bool) -> Block:
        """An entry block; where nothing is carried, with its end."""
        body = Block(region)
        region.blocks.append(body)
        if ends:
            end = YieldOp("scf.yield", (), (), None, self.loc)
            end.block = body
            body.operations.append(end)
        return body

    def create_while_op(self, kinds: Sequence[Type], carried: Sequence[Value]) -> WhileOp:
        return self.insert(WhileOp("scf.while", carried, kinds, None, self.loc, 2))

    def create_condition_op(self, condition: Value, values: Sequence[Value]) -> ConditionOp:
        made = ConditionOp("scf.condition", [condition, *values], (), None, self.loc)
        return self.insert(made)

    def create_yield_op(self, values: Sequence[Value]) -> YieldOp:
        return self.insert(YieldOp("scf.yield", values, (), None, self.loc))

    def create_reduce(self, values: Sequence[Value], axis: int) -> Operation:
        kinds = [_without(v.type, axis) for v in values]
        where = {"axis": attributes.integer(axis)}
        return self.add("tt.reduce", values, kinds, where, regions=1)

    def create_scan(self, values: Sequence[Value], axis: int, reverse: bool) -> Operation:
        where = {"axis": attributes.integer(axis), "reverse": attributes.boolean(reverse)}
        return self.add("tt.scan", values, [v.type for v in values], where, regions=1)

    def create_map_elementwise(
        self, values: Sequence[Value], kinds: Sequence[Type], pack: int
    ) -> Operation:
        count = {"pack": attributes.integer(pack)}
        return self.add("tt.map_elementwise", values, kinds, count, regions=1)

    def create_reduce_ret(self, *values: Value) -> Operation:
        return self.add("tt.reduce.return", values)

    def create_scan_ret(self, *values: Value) -> Operation:
        return self.add("tt.scan.return", values)

    def create_map_elementwise_ret(self, values: Sequence[Value]) -> Operation:
        return self.add("tt.map_elementwise.return", values)


def _without(kind: Type, axis: int) -> Type:
    """A tile's type without one axis; a number where that was the last."""
    shape = kind.shape[:axis] + kind.shape[axis + 1 :]
    return types.tensor(kind.elem, shape) if shape else kind.elem
