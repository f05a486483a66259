"""Rules of operations that branch: what flows from one block to another has the types received there."""

from __future__ import annotations

from collections.abc import Sequence

from .constraints import edge
from .structure import CallOp, Function
from .types import Type
from .values import Block, Operation, Value


def _ended(op: Operation) -> bool:
    """Blocks without an end are found by the walk."""
    return all(b.has_terminator() for r in op.regions for b in r.blocks)


def for_types(op: Operation) -> str:
    if len({v.type for v in op.operands[:3]}) > 1:
        return "op failed to verify that all of {lowerBound, upperBound, step} have same type"
    return ""


def for_yields(op: Operation) -> str:
    carried, body = op.operands[3:], op.get_body(0)
    wanted = [a.type for a in body.arguments[1:]]
    if finding := edge(carried, wanted, "Operation scf.for", "Region #0"):
        return finding
    if not _ended(op):
        return ""
    yielded = body.operations[-1].operands
    if len(yielded) != len(wanted):
        return (
            "op different number of region iter_args and yielded values: "
            f"{len(wanted)} != {len(yielded)}"
        )
    return edge(yielded, wanted, "Operation scf.yield", "Region #0")


def if_yields(op: Operation) -> str:
    kinds = [r.type for r in op.results]
    if kinds and not op.regions[1].blocks:
        return "op must have an else block if defining values"
    if not _ended(op):
        return ""
    for region in op.regions:
        for block in region.blocks:
            found = edge(
                block.operations[-1].operands, kinds, "Operation scf.yield", "Operation scf.if"
            )
            if found:
                return found
    return ""


def while_flows(op: Operation) -> str:
    if not _ended(op) or not all(r.blocks for r in op.regions):
        return ""
    before, after = op.get_body(0), op.get_body(1)
    condition, end = before.operations[-1].operands[1:], after.operations[-1].operands
    first = [a.type for a in before.arguments]
    flows: tuple[tuple[Sequence[Value], Sequence[Type], str, str], ...] = (
        (op.operands, first, "Operation scf.while", "Region #0"),
        (condition, [r.type for r in op.results], "Operation scf.condition", "Operation scf.while"),
        (condition, [a.type for a in after.arguments], "Operation scf.condition", "Region #1"),
        (end, first, "Operation scf.yield", "Region #0"),
    )
    return next((found for flow in flows if (found := edge(*flow))), "")


def branch_types(op: Operation) -> str:
    values = op.operands if op.name == "cf.br" else op.operands[1:]
    for number, block in enumerate(op.successors):
        received = block.arguments
        if len(values) != len(received):
            return (
                f"branch has {len(values)} operands for successor #{number}, but target block "
                f"has {len(received)}"
            )
        for index, (value, argument) in enumerate(zip(values, received)):
            if value.type is not argument.type:
                return f"type mismatch for bb argument #{index} of successor #{number}"
    return ""


def return_types(op: Operation) -> str:
    function = _function(op.block)
    if function is None:
        return ""
    wanted = function.signature.outputs
    if len(op.operands) != len(wanted):
        return (
            f"op has {len(op.operands)} operands, but enclosing function (@{function.symbol}) "
            f"returns {len(wanted)}"
        )
    for index, (value, kind) in enumerate(zip(op.operands, wanted)):
        if value.type is not kind:
            return (
                f"type of return operand {index} ('{value.type}') doesn't match function result "
                f"type ('{kind}') in function @{function.symbol}"
            )
    return ""


def _function(block: Block | None) -> Function | None:
    region = None if block is None else block.region
    owner = None if region is None else region.owner
    return owner if isinstance(owner, Function) else None


def call_types(op: Operation) -> str:
    if not isinstance(op, CallOp):
        return ""
    signature = op.callee.signature
    if len(op.operands) != len(signature.inputs):
        return "op incorrect number of operands for callee"
    for index, (value, kind) in enumerate(zip(op.operands, signature.inputs)):
        if value.type is not kind:
            return (
                f"op operand type mismatch: expected operand type '{kind}', but provided "
                f"'{value.type}' for operand number {index}"
            )
    return ""
