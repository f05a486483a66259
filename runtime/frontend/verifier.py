"""Refuses what MLIR refuses, with its words and the user's line.

Operations are checked against the table, their blocks must end where they end, and a value must be made
before it is used.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from .attributes import Location
from .constraints import kinds
from .table import ROWS, Row
from .values import TERMINATORS, Block, Operation, Region, Value

_ANYTHING = Row()


def findings(operation: Operation) -> Iterator[tuple[Location, str]]:
    """What is wrong with `operation` and all it holds, in program order, each with its place."""
    yield from _wrong(operation)
    yield from _early(operation, frozenset())


def report(operation: Operation) -> bool:
    """True if nothing is wrong; else the first finding goes to stderr."""
    for place, words in findings(operation):
        print(f"{place_text(place)}: error: {words}", file=sys.stderr)
        return False
    return True


def place_text(place: Location) -> str:
    """file:line:column, of a name the place it was given at."""
    while place.name is not None and place.child is not None:
        place = place.child
    return f"{place.file}:{place.line}:{place.column}" if place.file else "<unknown>:0"


def _named(op: Operation, words: str) -> tuple[Location, str]:
    return op.loc, f"'{op.name}' {words}" if words.startswith("op ") else words


def _wrong(op: Operation) -> Iterator[tuple[Location, str]]:
    """Findings by the table, about `op` and then about what it holds."""
    row = ROWS.get(op.name, _ANYTHING)
    found = kinds(op.operands, row.operands or ("any",), "operand")
    found = found or kinds(op.results, row.results or ("any",), "result")
    found = found or next((f for rule in row.rules if (f := rule(op))), "")
    if found:
        yield _named(op, found)
        return
    for region in op.regions:
        for block in region.blocks:
            yield from _wrong_end(op, block)
            for inner in block.operations:
                yield from _wrong(inner)
    if found := next((f for rule in row.inner if (f := rule(op))), ""):
        yield _named(op, found)


def _wrong_end(op: Operation, block: Block) -> Iterator[tuple[Location, str]]:
    if op.name == "builtin.module":
        return
    if not block.has_terminator():
        end = block.operations[-1] if block.operations else op
        what = f", has {end.str_nodebug().strip()}" if block.operations else ""
        yield end.loc, f"block with no terminator{what}"
    for inner in block.operations[:-1]:
        if inner.name in TERMINATORS:
            yield _named(inner, "op must be the last operation in the parent block")


def _early(op: Operation, known: frozenset[Value]) -> Iterator[tuple[Location, str]]:
    """Uses of values that are not made on every way to them."""
    for region in op.regions:
        above = _dominators(region)
        for block in region.blocks:
            if block not in above:
                continue  # nothing leads there
            seen = set(known)
            for earlier in above[block] - {block}:
                seen.update(earlier.arguments)
                for made in earlier.operations:
                    seen.update(made.results)
            seen.update(block.arguments)
            yield from _early_in(block, seen)


def _early_in(block: Block, seen: set[Value]) -> Iterator[tuple[Location, str]]:
    for op in block.operations:
        for index, value in enumerate(op.operands):
            if value not in seen:
                yield op.loc, f"operand #{index} does not dominate this use"
        if op.regions:
            yield from _early(op, frozenset() if op.name == "tt.func" else frozenset(seen))
        seen.update(op.results)


def _dominators(region: Region) -> dict[Block, set[Block]]:
    """For every block that is reached, the blocks that every way to it goes through, itself too."""
    if len(region.blocks) < 2:
        return {block: {block} for block in region.blocks}
    entry = region.blocks[0]
    above: dict[Block, set[Block]] = {entry: {entry}}
    waiting = [entry]
    while waiting:
        block = waiting.pop()
        for after in block.operations[-1].successors if block.operations else ():
            through = above[block] | {after}
            if after in above:
                through &= above[after]
                if through == above[after]:
                    continue
            above[after] = through
            waiting.append(after)
    return above
