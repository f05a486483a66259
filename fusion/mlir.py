"""Reader of MLIR in generic form, as Triton prints it with locations.

Generic form has one grammar for every operation, so this file needs no knowledge of dialects:

    %r:2 = "name"(%a, %b) <{props}> ({regions}) {attrs} : (types) -> types loc(...)

Attribute and type texts stay text here; fusion/lift.py gives them meaning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .errors import IRFormatError, Loc

_TOKEN = re.compile(
    r"""(?:\s|//[^\n]*)*(?:
     (?P<str>"(?:\\.|[^"\\])*") | (?P<value>%[\w$.-]+(?:\#\d+)?) | (?P<block>\^\w+)
    |(?P<alias>\#[\w.$-]+) | (?P<arrow>->) | (?P<number>-?\d+) | (?P<id>[A-Za-z_!@][\w$.]*)
    |(?P<punct><\{|\}>|[(){}\[\]<>=,:*?+-]))""",
    re.X,
)
_OPEN, _CLOSE = "([{<", ")]}>"


@dataclass(slots=True)
class Block:
    label: str
    args: list[tuple[str, str, Loc]] = field(default_factory=list)  # (name, type text, place)
    operations: list[Operation] = field(default_factory=list)


@dataclass(slots=True)
class Operation:
    """One recorded operation; every name, type and attribute is still text."""

    name: str
    operands: list[str]
    results: list[str]
    attrs: dict[str, str]
    regions: list[list[Block]]
    successors: list[str]
    operand_types: list[str]
    result_types: list[str]
    loc: Loc


def parse(text: str) -> Operation:
    """The top operation of `text`. Raises IRFormatError with the offending text."""
    start = text.find('"builtin.module"')
    if start < 0:
        raise IRFormatError(
            "Triton did not print generic-form IR",
            why=text[:80],
            hint="use a Triton version that README.md lists as tested",
        )
    locations = _Locations(text)
    return _Reader(text, start, locations).operation()


class _Locations:
    """`#locN = loc(...)` lines, resolved on demand."""

    _LINE = re.compile(r"^(#loc\d*) = loc\((.*)\)$", re.M)

    def __init__(self, text: str):
        self._texts = {m[1]: m[2] for m in self._LINE.finditer(text)}
        self._done: dict[str, Loc] = {}

    def resolve(self, text: str) -> Loc:
        """The user's line: of a call chain the outermost call; the innermost name."""
        text = text.strip()
        if text in self._done:
            return self._done[text]
        self._done[text] = Loc()  # a cycle would be malformed; do not recurse for ever
        self._done[text] = found = self._read(text)
        return found

    def _read(self, text: str) -> Loc:
        if text.startswith("#"):
            return self.resolve(self._texts.get(text, ""))
        if text.startswith("callsite("):
            callee, _, caller = text[len("callsite(") : -1].partition(" at ")
            outer = self.resolve(caller)
            return outer if outer.line else self.resolve(callee)
        if text.startswith("fused["):
            return self.resolve(text[len("fused[") : -1].split(",")[0])
        match = re.match(r'"((?:\\.|[^"\\])*)"(?::(\d+):\d+(?: to .*)?|\((.*)\))?$', text)
        if not match:
            return Loc()
        if match[2]:
            return Loc(match[1], int(match[2]))
        if match[3]:
            inner = self.resolve(match[3])
            return Loc(inner.file, inner.line, match[1])
        return Loc(name=match[1])


class _Reader:
    """Recursive descent over one token of lookahead."""

    def __init__(self, text: str, start: int, locations: _Locations):
        self.text, self.locations = text, locations
        self.end = start
        self.advance()

    def advance(self) -> None:
        match = _TOKEN.match(self.text, self.end)
        if match is None:
            self.kind, self.token, self.begin = "", "", self.end
            return
        self.kind = match.lastgroup or ""
        self.token = match.group(self.kind)
        self.begin, self.end = match.start(self.kind), match.end()

    def take(self, expected: str = "") -> str:
        token = self.token
        if not token or (expected and token != expected):
            near = self.text[max(0, self.begin - 60) : self.begin + 60]
            raise IRFormatError(
                f"expected {expected or 'more'!r}, found {token or 'the end'!r}",
                why=f"near {near!r}",
                hint="use a Triton version that README.md lists as tested",
            )
        self.advance()
        return token

    def skip(self, token: str) -> bool:
        if self.token != token:
            return False
        self.advance()
        return True

    def raw(self, stops: str) -> str:
        """Balanced text up to a character of `stops` or an unbalanced closing bracket."""
        i, depth, text = self.begin, 0, self.text
        while i < len(text):
            char = text[i]
            if char == '"':
                i += 1
                while text[i] != '"':
                    i += 2 if text[i] == "\\" else 1
            elif char in _OPEN:
                depth += 1
            elif char in _CLOSE and not (char == ">" and text[i - 1] == "-"):
                if depth == 0:
                    break
                depth -= 1
            elif depth == 0 and char in stops:
                break
            i += 1
        found = text[self.begin : i].strip()
        self.end = i
        self.advance()
        return found

    def attributes(self, close: str) -> dict[str, str]:
        found: dict[str, str] = {}
        while self.token != close:
            key = self.take().strip('"')
            found[key] = self.raw(",") if self.skip("=") else "unit"
            self.skip(",")
        self.take(close)
        return found

    def types(self) -> list[str]:
        if not self.skip("("):
            return [self._type()]
        found = []
        while self.token != ")":
            found.append(self.raw(","))
            self.skip(",")
        self.take(")")
        return found

    def _type(self) -> str:
        """One type that is not in parentheses: a word with an optional <...>."""
        begin = self.begin
        word = self.take()
        if self.token == "<" and self.begin == begin + len(word):
            self.take("<")
            inner = self.raw("")
            self.take(">")
            return f"{word}<{inner}>"
        return word

    def location(self) -> Loc:
        if self.token != "loc":
            return Loc()
        self.take()
        self.take("(")
        found = self.raw("")
        self.take(")")
        return self.locations.resolve(found)

    def region(self) -> list[Block]:
        self.take("{")
        blocks = [] if self.kind == "block" else [Block("")]
        while self.token != "}":
            if self.kind == "block":
                blocks.append(self.block_header())
            else:
                blocks[-1].operations.append(self.operation())
        self.take("}")
        return blocks

    def block_header(self) -> Block:
        block = Block(self.take())
        if self.skip("("):
            while self.token != ")":
                name = self.take()
                self.take(":")
                found = self._type()
                block.args.append((name, found, self.location()))
                self.skip(",")
            self.take(")")
        self.take(":")
        return block

    def results(self) -> list[str]:
        if self.kind != "value":
            return []
        name, count = self.take(), 1
        if self.skip(":"):
            count = int(self.take())
        self.take("=")
        return [name] if count == 1 else [f"{name}#{k}" for k in range(count)]

    def operation(self) -> Operation:
        results = self.results()
        name = self.take().strip('"')
        self.take("(")
        operands: list[str] = []
        while self.token != ")":
            operands.append(self.take())
            self.skip(",")
        self.take(")")
        successors: list[str] = []
        if self.skip("["):
            while self.token != "]":
                successors.append(self.take())
                self.skip(",")
            self.take("]")
        attrs = self.attributes("}>") if self.skip("<{") else {}
        regions: list[list[Block]] = []
        if self.skip("("):
            while self.token != ")":
                regions.append(self.region())
                self.skip(",")
            self.take(")")
        if self.skip("{"):
            attrs.update(self.attributes("}"))
        self.take(":")
        operand_types = self.types()
        self.take("->")
        result_types = self.types()
        return Operation(
            name,
            operands,
            results,
            attrs,
            regions,
            successors,
            operand_types,
            result_types,
            self.location(),
        )
