"""Inside one loop nest: texts of values at the nest's coordinates, each computed once and at its level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..fusion.errors import PointerProvenance
from ..fusion.graph import Graph, Node, Value
from ..fusion.ops import OPS
from ..fusion.types import I32, Scalar
from ..fusion.views import Bits, identity, input_bits
from .layout import Layout, log2
from .nest import Expr, Nest
from .text import c_type, literal

if TYPE_CHECKING:
    from .emit import Emitter


@dataclass(frozen=True, slots=True)
class Storage:
    """A tile kept in registers (on the host: in an array): `name[register]`."""

    name: str
    layout: Layout
    scalar: Scalar

    def declaration(self) -> str:
        size = f"[{self.layout.registers}]" if self.layout.registers > 1 else ""
        return f"{c_type(self.scalar)} {self.name}{size};"

    def at(self, nest: Nest, bits: Bits) -> Expr:
        """The element that the nest's coordinates select through `bits`."""
        if self.layout.registers == 1:
            return Expr(self.name)
        index = nest.register_index(tuple(bits[log2(b)] for b in self.layout.register))
        return Expr(f"{self.name}[{index.text}]", index.level)


class Scope:
    """Texts of values in `nest`. `memo` holds what is already computed here."""

    def __init__(self, emitter: Emitter, nest: Nest):
        self.emitter, self.values, self.nest = emitter, emitter.values, nest
        self.identity = identity(nest.layout.shape)
        self.memo: dict[tuple[Value, Bits], Expr] = {}
        self._beside: dict[Nest, Scope] = {}

    def beside(self, nest: Nest) -> Scope:
        """A scope in the same code at other coordinates; there is one for each `nest`."""
        if nest not in self._beside:
            self._beside[nest] = Scope(self.emitter, nest)
        return self._beside[nest]

    def line(self, level: int, text: str) -> None:
        self.nest.lines[level].append(text)

    def name(self, value: Value, node: Node) -> str:
        return self.emitter.names.named(node.loc.name or node.op, node.id)

    def bind(self, value: Value, node: Node, text: str, level: int) -> Expr:
        """`const T name = text;` at `level`; the name from now on stands for `value`."""
        name = self.name(value, node)
        self.line(level, f"const {c_type(value.type.scalar)} {name} = {text};")
        return Expr(name, level)

    def ref(self, value: Value, bits: Bits) -> Expr:
        """`value` at the element that `bits` select from this nest's coordinates."""
        key = (value, bits)
        if key not in self.memo:
            self.memo[key] = self._compute(value, bits)
        return self.memo[key]

    def here(self, value: Value) -> Expr:
        """`value`, which has the shape of this nest or is a scalar."""
        return self.ref(value, self.identity if value.type.shape else ())

    def _compute(self, value: Value, bits: Bits) -> Expr:
        if not self.values.is_derived(value):
            return self._root(value, bits)
        node = self.values.node(value)
        if node.op == "const":
            return Expr(literal(node.attr("value"), value.type.scalar))
        if node.op == "range":
            number = self.nest.number(bits)
            start = node.attr("start")
            return Expr(f"({number.text} + {start})", number.level) if start else number
        if node.op in ("program_id", "num_programs"):
            return Expr(self.emitter.program_word(node))
        if node.op == "address":
            return Expr(self.emitter.address_word(node))
        if OPS[node.op].kind == "shape":
            return self.ref(node.inputs[0], input_bits(node, bits))
        args = [self.ref(v, bits) for v in node.inputs]
        return self.bind(value, node, self._text(node, args), max(a.level for a in args))

    def _text(self, node: Node, args: Sequence[Expr]) -> str:
        texts = [a.text for a in args]
        if node.id in self.emitter.index_bits:
            texts[0] = f"tile_bit({texts[0]})"
        return self.emitter.apply(node, texts, wraps=self.emitter.wraps(node))

    def _root(self, root: Value, bits: Bits) -> Expr:
        if not root.type.shape:
            return Expr(self.emitter.scalars[root])
        want = self.nest.layout.moved(bits, root.type.shape)
        return self.emitter.storage_in(root, want).at(self.nest, bits)

    def elementwise(self, node: Node) -> Expr:
        args = [self.here(v) for v in node.inputs]
        return self.bind(
            node.result, node, self._text(node, args), max((a.level for a in args), default=0)
        )

    # --- pointers

    def pointer(self, value: Value, bits: Bits) -> tuple[Value, list[tuple[Expr, Scalar]]]:
        """(the parameter it points into, the offsets in elements that are added to it)."""
        if value in self.values.parameters:
            return value, []
        node = self.values.node(value)
        if node.op == "addptr":
            base, terms = self.pointer(node.inputs[0], bits)
            offset = node.inputs[1]
            if self._is_zero(offset):
                return base, terms
            return base, [*terms, (self.ref(offset, bits), offset.type.scalar)]
        if node.op == "bitcast":
            base, terms = self.pointer(node.inputs[0], bits)
            return base, self._in_unit(node, terms)
        if node.op in OPS and OPS[node.op].kind == "shape":
            return self.pointer(node.inputs[0], input_bits(node, bits))
        raise PointerProvenance(
            f"a pointer made by '{node.op}'",
            where=node.loc,
            why="it cannot be traced to one argument of the kernel when the kernel is compiled",
            hint="select or carry an integer offset instead of the pointer",
        )

    def _in_unit(self, node: Node, terms: list[tuple[Expr, Scalar]]) -> list[tuple[Expr, Scalar]]:
        """Offsets in elements of the type that a pointer is cast to."""
        old, new = node.inputs[0].type.scalar.bytes, node.types[0].scalar.bytes
        if old == new:
            return terms
        if not self.emitter.target.in_place or (terms and old < new):
            raise PointerProvenance(
                f"a pointer cast from {old}-byte to {new}-byte elements",
                where=node.loc,
                why="offsets would change their unit, and on Metal kernels write new arrays",
                hint="view the array with the other dtype before the launch",
            )
        return [(Expr(f"({e.text} * {old // new})", e.level), s) for e, s in terms]

    def _is_zero(self, value: Value) -> bool:
        node = self.values.node(value)
        while node.op in ("splat", "broadcast"):
            node = self.values.node(node.inputs[0])
        return node.op == "const" and node.attr("value") == 0

    def index(self, terms: Sequence[tuple[Expr, Scalar]]) -> Expr:
        """The sum of the offsets, added up level by level so that the outer part is computed once."""
        if not terms:
            return Expr("0")
        wide = any(s != I32 for _, s in terms) or (
            self.emitter.target.wide_offsets and len(terms) > 1
        )
        texts = sorted(
            ((e.level, f"(long){e.text}" if wide and s == I32 else e.text) for e, s in terms),
            key=lambda t: t[0],
        )
        levels = sorted({level for level, _ in texts})
        total = ""
        for level in levels:
            own = " + ".join(t for at, t in texts if at == level)
            total = f"{total} + {own}" if total else own
            if level != levels[-1]:
                name = self.emitter.unique("offset")
                self.line(level, f"const {'long' if wide else 'int'} {name} = {total};")
                total = name
        return Expr(total, levels[-1])

    def place(self, pointer: Value, bits: Bits) -> tuple[Value, Expr]:
        """(the parameter, the element index) that `pointer` stands for."""
        base, terms = self.pointer(pointer, bits)
        return base, self.index(terms)

    # --- combine regions

    def inline(self, region: Graph, args: Sequence[str], level: int) -> list[str]:
        """Texts of the results of a combine region on the texts `args`; its lines go to `level`."""
        found = combine_lines(self.emitter, region, args)
        for text in found[0]:
            self.line(level, text)
        return found[1]


def combine_lines(
    emitter: Emitter, region: Graph, args: Sequence[str]
) -> tuple[list[str], list[str]]:
    """(statements, result texts) of a combine region applied to `args`."""
    known = dict(zip(region.args, args, strict=True))
    lines: list[str] = []
    for node in region:
        if node.op == "const":
            known[node.result] = literal(node.attr("value"), node.types[0].scalar)
            continue
        text = emitter.apply(node, [known[v] for v in node.inputs], wraps=True)
        if len(region) == 1:
            known[node.result] = text
            continue
        name = emitter.names.named(node.loc.name or node.op, node.id)
        lines.append(f"const {c_type(node.types[0].scalar)} {name} = {text};")
        known[node.result] = name
    return lines, [known[v] for v in region.outputs]
