"""Tensor descriptors and block pointers become pointers and numbers, wherever they are.

So do the parameters of functions, what loops carry, what branches yield and what calls return. What a
descriptor or a block pointer becomes is in descriptors.py and blocks.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from . import blocks, descriptors, types
from .blocks import Block as BlockParts
from .descriptors import Parts, Writer
from .structure import Function, Module
from .types import Type
from .values import Block, Operation, Result, Value

V = TypeVar("V", bound=Value)


def types_of(kind: Type) -> list[Type]:
    """The types that a value of type `kind` becomes: itself, unless it is of several parts."""
    if kind.kind == "desc":
        return descriptors.types_of(kind)
    return blocks.types_of(kind) if blocks.is_block_pointer(kind) else [kind]


def _has_parts(kind: Type) -> bool:
    return kind.kind == "desc" or blocks.is_block_pointer(kind)


def to_pointers(module: Module) -> None:
    """Rewrite `module` in place; nothing changes where it has neither descriptors nor block pointers."""
    if not any(_uses_parts(op) for op in module.inside()):
        return
    for function in module.functions:
        _Rewriter().function(function)


def _uses_parts(op: Operation) -> bool:
    values: list[Value] = [*op.operands, *op.results]
    for region in op.regions:
        for block in region.blocks:
            values += block.arguments
    return any(_has_parts(v.type) for v in values)


class _Rewriter:
    def __init__(self) -> None:
        # What a value became, where it became another.
        self.new: dict[Value, tuple[Value, ...]] = {}
        self.described: dict[Value, Parts] = {}
        self.blocks: dict[Value, BlockParts] = {}

    def function(self, function: Function) -> None:
        inputs = function.signature.inputs
        outputs = [t for kind in function.signature.outputs for t in types_of(kind)]
        # Attributes stay with their parameters, which move.
        starts, count = [], 0
        for kind in inputs:
            starts.append(count)
            count += len(types_of(kind))
        kept = {
            starts[k]: named for k, named in function.numbers.items() if not _has_parts(inputs[k])
        }
        function.reset_type(types.function([t for kind in inputs for t in types_of(kind)], outputs))
        function.numbers = kept
        if "arg_attrs" in function.properties:
            function.number_parameters()
        self.regions(function)

    def regions(self, op: Operation) -> None:
        for region in op.regions:
            for block in region.blocks:
                self.arguments(block)
            for block in region.blocks:
                for inner in list(block.operations):
                    self.operation(inner, block)

    def arguments(self, block: Block) -> None:
        old, block.arguments = block.arguments, []
        for argument in old:
            made = []
            for kind in types_of(argument.type):
                block.add_argument_at(kind, argument.loc)
                made.append(block.arguments[-1])
            self.became(argument, made)

    def became(self, old: Value, made: Sequence[Value]) -> None:
        self.new[old] = tuple(made)
        if old.type.kind == "desc":
            self.described[old] = Parts.of(old.type, made)
        elif blocks.is_block_pointer(old.type):
            self.blocks[old] = BlockParts.of(old.type, made)

    def operation(self, op: Operation, block: Block) -> None:
        first = op.operands[0] if op.operands else None
        write = Writer(block, op)
        if op.name in _MAKES:
            values = [self.value(v) for v in op.operands]
            self.became(op.results[0], _MAKES[op.name](op, write, values).flat())
        elif op.name == "tt.advance" and first is not None:
            steps = [self.value(v) for v in op.operands[1:]]
            self.became(op.results[0], blocks.advanced(self.blocks[first], write, steps).flat())
        elif op.name in descriptors.MEANINGS and first is not None:
            values = [self.value(v) for v in op.operands[1:]]
            self.means(op, descriptors.MEANINGS[op.name](write, self.described[first], op, values))
        elif op.name in blocks.MEANINGS and first in self.blocks:
            values = [self.value(v) for v in op.operands[1:]]
            self.means(op, blocks.MEANINGS[op.name](write, self.blocks[first], op, values))
        else:
            self.keep(op)
            return
        block.operations.remove(op)

    def means(self, op: Operation, result: Value | None) -> None:
        if op.results and result is not None:
            self.became(op.results[0], [result])

    def value(self, old: Value) -> Value:
        return self.new.get(old, (old,))[0]

    def keep(self, op: Operation) -> None:
        """The same operation, with other operands and results."""
        op.operands = [new for old in op.operands for new in self.new.get(old, (old,))]
        self.regions(op)
        if not any(_has_parts(r.type) for r in op.results):
            return
        old, op.results = op.results, []
        starts = []
        for result in old:
            starts.append(len(op.results))
            kinds = types_of(result.type)
            op.results += [Result(t, starts[-1] + k, op) for k, t in enumerate(kinds)]
        made = list(op.results)
        settled = settle(op)
        for start, result in zip(starts, old):
            parts = made[start : start + len(types_of(result.type))]
            self.became(result, [settled.get(v, v) for v in parts])


_MAKES: dict[str, Callable[..., Parts | BlockParts]] = {
    "tt.make_tensor_descriptor": descriptors.made,
    "tt.make_tensor_ptr": blocks.made,
}


def settle(op: Operation) -> dict[Value, Value]:
    """Of a loop or branch, take out what is the same in every iteration or branch; what each result is.

    A block pointer that advances in a loop has the same base, sizes and strides all the time.
    """
    if op.name == "scf.for":
        return _settle_loop(op)
    return _settle_branch(op) if op.name == "scf.if" else {}


def _settle_loop(op: Operation) -> dict[Value, Value]:
    body = op.regions[0].blocks[0]
    last = body.operations[-1]
    carried = zip(op.operands[3:], body.arguments[1:], last.operands, op.results)
    fixed = [k for k, (_, inside, given, _) in enumerate(carried) if inside is given]
    known: dict[Value, Value] = {body.arguments[1 + k]: op.operands[3 + k] for k in fixed}
    known |= {op.results[k]: op.operands[3 + k] for k in fixed}
    op.operands = _without(op.operands, [3 + k for k in fixed])
    body.arguments = _without(body.arguments, [1 + k for k in fixed])
    last.operands = _without(last.operands, fixed)
    op.results = _without(op.results, fixed)
    _number([*body.arguments], op.results)
    for inner in op.inside():
        if inner is not op:
            inner.operands = [known.get(v, v) for v in inner.operands]
    return known


def _settle_branch(op: Operation) -> dict[Value, Value]:
    ends = [region.blocks[0].operations[-1] for region in op.regions]
    pairs = list(zip(*(end.operands for end in ends)))
    fixed = [k for k, values in enumerate(pairs) if all(v is values[0] for v in values)]
    known: dict[Value, Value] = {op.results[k]: pairs[k][0] for k in fixed}
    for end in ends:
        end.operands = _without(end.operands, fixed)
    op.results = _without(op.results, fixed)
    _number(op.results)
    return known


def _without(values: list[V], places: Sequence[int]) -> list[V]:
    return [v for k, v in enumerate(values) if k not in places]


def _number(*lists: Sequence[Value]) -> None:
    for values in lists:
        for index, value in enumerate(values):
            value.index = index
