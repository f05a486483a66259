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
    printer.declare([block])
    printer.block(block, "", header=True)
    return "\n".join(printer.lines)


def attributes_text(attributes: Mapping[str, Attribute]) -> str:
    """a = 1 : i32, b; in the order of names."""
    return ", ".join(
        f"{name} = {found.text}" if found.text else name
        for name, found in sorted(attributes.items())
    )


class _Printer:
    def __init__(self, locations: bool):
        self.locations = locations
        self.lines: list[str] = []
        self.names: dict[Value, str] = {}
        self.labels: dict[Block, str] = {}
        self.used: set[str] = set()
        self.aliases: dict[str, str] = {}
        self.count = 0

    def name(self, value: Value) -> str:
        return self.names.get(value, "%undefined")

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
        line = f'{pad}{self.defined(op)}"{op.name}"({", ".join(map(self.name, op.operands))})'
        if op.successors:
            line += "[" + ", ".join(self.labels.get(b, "^unknown") for b in op.successors) + "]"
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
        if not op.results:
            return ""
        base, self.count = f"%{self.count}", self.count + 1
        many = len(op.results) > 1
        for index, result in enumerate(op.results):
            self.names[result] = f"{base}#{index}" if many else base
        return f"{base}:{len(op.results)} = " if many else f"{base} = "

    def region(self, region: Region, pad: str) -> None:
        self.declare(region.blocks)
        for number, block in enumerate(region.blocks):
            self.block(block, pad + "  ", header=bool(number or block.arguments))

    def declare(self, blocks: list[Block]) -> None:
        """Labels and arguments first: a branch may go forward."""
        for block in blocks:
            self.labels[block] = f"^bb{len(self.labels)}"
            for argument in block.arguments:
                self.names[argument] = self.argument_name(argument.loc)

    def argument_name(self, loc: Location) -> str:
        """The user's name where there is one that is free."""
        wanted = loc.name or ""
        plain = wanted if _PLAIN.fullmatch(wanted) else "arg"
        name, number = plain, 0
        while name in self.used or name == "arg":
            name, number = f"{plain}_{number}", number + 1
        self.used.add(name)
        return f"%{name}"

    def block(self, block: Block, pad: str, header: bool) -> None:
        if header:
            arguments = ", ".join(
                f"{self.names[a]}: {a.type}{self.place(a.loc)}" for a in block.arguments
            )
            listed = f"({arguments})" if arguments else ""
            self.lines.append(f"{pad[2:]}{self.labels[block]}{listed}:")
        for op in block.operations:
            self.operation(op, pad)
