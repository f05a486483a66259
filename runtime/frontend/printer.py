"""Recorded operations as text: MLIR's generic form, which MLIR, fusion/mlir.py and people can read."""

from __future__ import annotations

import re
from collections.abc import Mapping

from . import types
from .attributes import Attribute, Location
from .values import Block, Operation, Region, Value

_PLAIN = re.compile(r"[A-Za-z_][\w$.]*")


def text(operation: Operation, *, locations: bool = True) -> str:
    """`operation` and all it holds, one line an operation."""
    printer = _Printer(locations)
    printer.operation(operation, "")
    return "\n".join([*printer.lines, *printer.places()]) + "\n"


def block_text(block: Block) -> str:
    """One block, for debugging."""
    printer = _Printer(locations=False)
    printer.names.declare([block])
    printer.block(block, "", header=True)
    return "\n".join(printer.lines)


def attributes_text(attributes: Mapping[str, Attribute]) -> str:
    """a = 1 : i32, b; in the order of names."""
    return ", ".join(
        f"{name} = {found.text}" if found.text else name
        for name, found in sorted(attributes.items())
    )


class Names:
    """Names for values and blocks, each its own; the user's for arguments."""

    def __init__(self) -> None:
        self.values: dict[Value, str] = {}
        self.labels: dict[Block, str] = {}
        self.used: set[str] = set()
        self.count = 0

    def of(self, value: Value) -> str:
        return self.values.get(value, "%undefined")

    def define(self, op: Operation) -> list[str]:
        """The names of the results: %3, or %3#0 and %3#1."""
        if not op.results:
            return []
        base, self.count = f"%{self.count}", self.count + 1
        many = len(op.results) > 1
        found = [f"{base}#{k}" if many else base for k in range(len(op.results))]
        self.values.update(zip(op.results, found))
        return found

    def declare(self, blocks: list[Block]) -> None:
        """Labels and arguments of a region, before what is in it: a branch may go forward."""
        for block in blocks:
            self.labels[block] = f"^bb{len(self.labels)}"
            for argument in block.arguments:
                self.values[argument] = self.argument(argument.loc)

    def argument(self, loc: Location) -> str:
        """The user's name where there is one that is free."""
        wanted = loc.name or ""
        plain = wanted if _PLAIN.fullmatch(wanted) else "arg"
        name, number = plain, 0
        while name in self.used or name == "arg":
            name, number = f"{plain}_{number}", number + 1
        self.used.add(name)
        return f"%{name}"


class _Printer:
    def __init__(self, locations: bool):
        self.locations = locations
        self.lines: list[str] = []
        self.names = Names()
        self.aliases: dict[str, str] = {}

    def place(self, loc: Location) -> str:
        """ " loc(#loc3)"; empty where places are not printed."""
        if not self.locations:
            return ""
        inner = loc.inner()
        alias = self.aliases.setdefault(inner, f"#loc{len(self.aliases)}")
        return f" loc({alias})"

    def places(self) -> list[str]:
        return [f"{alias} = loc({inner})" for inner, alias in self.aliases.items()]

    def operation(self, op: Operation, pad: str) -> None:
        line = f'{pad}{self.defined(op)}"{op.name}"({", ".join(map(self.names.of, op.operands))})'
        if op.successors:
            line += (
                "[" + ", ".join(self.names.labels.get(b, "^unknown") for b in op.successors) + "]"
            )
        if op.properties:
            line += f" <{{{attributes_text(op.properties)}}}>"
        if op.regions:
            line += " ("
            for number, region in enumerate(op.regions):
                self.lines.append(line + "{")
                self.region(region, pad)
                line = pad + "}" + (", " if number + 1 < len(op.regions) else "")
            line += ")"
        if op.attributes:
            line += f" {{{attributes_text(op.attributes)}}}"
        kinds = types.function([v.type for v in op.operands], [r.type for r in op.results])
        self.lines.append(f"{line} : {kinds.text}{self.place(op.loc)}")

    def defined(self, op: Operation) -> str:
        """ "%3 = "; of several results "%3:2 = "."""
        found = self.names.define(op)
        if len(found) < 2:
            return f"{found[0]} = " if found else ""
        return f"{found[0].partition('#')[0]}:{len(found)} = "

    def region(self, region: Region, pad: str) -> None:
        self.names.declare(region.blocks)
        for number, block in enumerate(region.blocks):
            self.block(block, pad + "  ", header=bool(number or block.arguments))

    def block(self, block: Block, pad: str, header: bool) -> None:
        if header:
            arguments = ", ".join(
                f"{self.names.of(a)}: {a.type}{self.place(a.loc)}" for a in block.arguments
            )
            listed = f"({arguments})" if arguments else ""
            self.lines.append(f"{pad[2:]}{self.names.labels[block]}{listed}:")
        for op in block.operations:
            self.operation(op, pad)
