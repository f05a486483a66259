"""Recorded kernels made ready for fusion/lift.

Of what Triton's native passes do, lifting needs little: it follows calls and branches itself, and passes
over graphs do the rest. What is left are tensor descriptors and block pointers, which become pointers.
"""

from __future__ import annotations

from typing import Any, TypeGuard

from ...fusion.errors import Loc
from ...fusion.mlir import Block, Operation
from . import values
from .attributes import Location
from .pointers import to_pointers
from .printer import Names
from .structure import Module


def is_recorded(module: Any) -> TypeGuard[Module]:
    """True for a module of the stand-in, false for one of Triton's native module."""
    return isinstance(module, Module)


def make_ready(module: Module) -> Module:
    """`module`, changed in place so that fusion/lift understands it."""
    to_pointers(module)
    return module


def as_operations(module: Module) -> Operation:
    """`module` as fusion/lift takes it: what reading the module's text would give."""
    return _Converter().operation(module)


class _Converter:
    def __init__(self) -> None:
        self.names = Names()

    def operation(self, op: values.Operation) -> Operation:
        attrs = {k: v.text or "unit" for k, v in (*op.properties.items(), *op.attributes.items())}
        operands = [self.names.of(v) for v in op.operands]
        made = Operation(
            op.name,
            operands,
            self.names.define(op),
            attrs,
            [],
            [self.names.labels[b] for b in op.successors],
            [v.type.text for v in op.operands],
            [r.type.text for r in op.results],
            place(op.loc),
        )
        for region in op.regions:
            self.names.declare(region.blocks)
            made.regions.append([self.block(b) for b in region.blocks])
        return made

    def block(self, block: values.Block) -> Block:
        arguments = [(self.names.of(a), a.type.text, place(a.loc)) for a in block.arguments]
        label = self.names.labels[block]
        return Block(label, arguments, [self.operation(op) for op in block.operations])


def place(loc: Location) -> Loc:
    """The line, and the outermost of the names that were given there."""
    found = loc
    while found.name is not None and found.child is not None:
        found = found.child
    return Loc(found.file, found.line, loc.name or "")
