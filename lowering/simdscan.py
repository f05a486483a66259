"""Scans read off the layout: registers and lanes by shuffles, then one threadgroup slot per simdgroup.

Bit by bit of the position along the axis, from the lowest: an element whose bit is set takes in the last
element of the half before it, that with all lower bits set (J. Sklansky, Conditional-Sum Addition Logic,
1960). Bits from the first simdgroup bit on are done at once: each simdgroup publishes what its part sums up
to, and every thread combines the parts before its own, in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..fusion.graph import Node
from ..fusion.types import Scalar
from ..fusion.views import dim_ranges
from .layout import Layout
from .nest import pieces
from .scope import Storage, combine_lines
from .text import c_type

if TYPE_CHECKING:
    from .emit import Emitter

_MOST_PARTS = 64


@dataclass(frozen=True, slots=True)
class _Bit:
    """One bit of the position along the axis: bit `number` of the register, lane or simdgroup."""

    kind: str
    number: int


@dataclass(frozen=True, slots=True)
class Plan:
    """`near`: bits within a simdgroup; `far`: those from the first simdgroup bit on. Lowest first."""

    near: tuple[_Bit, ...]
    far: tuple[_Bit, ...]

    def mask(self, kind: str, below: int | None = None) -> int:
        """The bits of that kind among `near` (the first `below` of them)."""
        return sum(1 << b.number for b in self.near[:below] if b.kind == kind)


def plan(layout: Layout, axis: int) -> Plan | None:
    """How to scan along `axis`; None where lanes come after simdgroups or there are too many parts."""
    where = {
        basis: _Bit(kind, k)
        for kind, bases in (
            ("simdgroup", layout.simdgroup),
            ("lane", layout.lane),
            ("register", layout.register),
        )
        for k, basis in enumerate(bases)
        if basis
    }
    found = [where.get(1 << b) for b in dim_ranges(layout.shape)[axis]]
    if None in found:
        return None
    bits: tuple[_Bit, ...] = tuple(found)  # type: ignore[arg-type]
    first = next((k for k, b in enumerate(bits) if b.kind == "simdgroup"), len(bits))
    made = Plan(bits[:first], bits[first:])
    others = len(layout.register) - sum(b.kind == "register" for b in bits)
    if any(b.kind == "lane" for b in made.far) or 1 << len(made.far) + others > _MOST_PARTS:
        return None
    return made


def emit(emitter: Emitter, node: Node, storages: Sequence[Storage], how: Plan) -> None:
    """Scan `storages`, which hold the operands, in place."""
    work = _Scan(emitter, node, storages, how)
    for k in range(len(how.near)):
        work.near(k)
    if how.far:
        work.far()


class _Scan:
    def __init__(self, emitter: Emitter, node: Node, storages: Sequence[Storage], how: Plan):
        self.emitter, self.node, self.storages, self.how = emitter, node, storages, how
        self.reverse: bool = node.attr("reverse")
        self.layout = storages[0].layout
        self.scalars: list[Scalar] = [t.scalar for t in node.types]

    def _own(self, register: str | int) -> list[str]:
        """The operands' elements in a register."""
        single = self.layout.registers == 1
        return [s.name if single else f"{s.name}[{register}]" for s in self.storages]

    def _last(self, text: str, mask: int) -> str:
        """`text` at the end of a part from which scans come: its bits in `mask` set (in reverse: not)."""
        if not mask:
            return text
        return f"({text} & {~mask})" if self.reverse else f"({text} | {mask})"

    def near(self, k: int) -> None:
        """One bit inside the simdgroup."""
        out, bit = self.emitter.out, self.how.near[k]
        registers, lanes = self.how.mask("register", k), self.how.mask("lane", k)
        count = self.layout.registers
        walk = (
            f"int r = {count - 1}; r >= 0; --r" if self.reverse else f"int r = 0; r < {count}; ++r"
        )
        if count > 1:
            out.line(self.emitter.target.loop)
        with out.block(f"for ({walk})" if count > 1 else ""):
            if bit.kind == "register":
                test = f"(r & {1 << bit.number}) {'==' if self.reverse else '!='} 0"
                other = f"(r ^ {1 << bit.number})"
                with out.block(f"if ({test})"):
                    before = self._fetch(self._last(other, registers), "lane", lanes)
                    self._take_in(before, "r")
                return
            flipped = f"(lane ^ {1 << bit.number})"
            before = self._fetch(self._last("r", registers), flipped, lanes)
            test = f"(lane & {1 << bit.number}) {'==' if self.reverse else '!='} 0"
            with out.block(f"if ({test})"):
                self._take_in(before, "r")

    def _fetch(self, register: str, lane: str, lanes: int) -> list[str]:
        """Elements of that register, at the end of the part of that lane."""
        place = self._last(lane, lanes)
        if place == "lane":
            return self._own(register)
        names = [self.emitter.unique("before") for _ in self.storages]
        for name, scalar, text in zip(names, self.scalars, self._own(register)):
            self.emitter.out.line(
                f"const {c_type(scalar)} {name} = tile_shuffle({text}, ushort({place}));"
            )
        return names

    def _take_in(self, before: Sequence[str], register: str | int) -> None:
        """The elements of a register become those before combined with them."""
        self._combine(before, self._own(register), self._own(register))

    def _combine(self, left: Sequence[str], right: Sequence[str], into: Sequence[str]) -> None:
        lines, results = combine_lines(self.emitter, self.node.regions[0], [*left, *right])
        for line in lines:
            self.emitter.out.line(line)
        names = [self.emitter.unique("next") for _ in results]
        for name, scalar, text in zip(names, self.scalars, results):
            self.emitter.out.line(f"const {c_type(scalar)} {name} = {text};")
        for place, name in zip(into, names):
            self.emitter.out.line(f"{place} = {name};")

    # --- between simdgroups

    def far(self) -> None:
        """All parts at once, through threadgroup memory."""
        emitter, out = self.emitter, self.emitter.out
        near = self.how.mask("register")
        parts = [
            r for r in range(self.layout.registers) if r & near == (0 if self.reverse else near)
        ]
        own_lanes = [
            k for k, b in enumerate(self.layout.lane) if b and not self.how.mask("lane") >> k & 1
        ]
        places = emitter.simdgroups << len(own_lanes)
        wanted = [(s, places * len(parts)) for s in self.scalars]
        with out.block():
            shared = emitter.arena.arrays(wanted, sum(s.bytes * n for s, n in wanted), self.node)
            place = pieces("lane", [(to, k) for to, k in enumerate(own_lanes)], 5)
            place.append(f"(sg << {len(own_lanes)})" if own_lanes else "sg")
            out.line(f"const int place = {' + '.join(place)};")
            self._publish(shared, parts, places, own_lanes)
            emitter.arena.publish()
            own = [b.number for b in self.how.far if b.kind == "simdgroup"]
            index = pieces("sg", list(enumerate(own)), len(self.layout.simdgroup))
            out.line(f"const int part = {' + '.join(index)};")
            others = {r & ~self._far_registers() for r in parts}
            for other in sorted(others):
                self._walk(shared, parts, places, len(own_lanes), other)

    def _far_registers(self) -> int:
        return sum(1 << b.number for b in self.how.far if b.kind == "register")

    def _publish(
        self, shared: Sequence[str], parts: Sequence[int], places: int, own_lanes: Sequence[int]
    ) -> None:
        along = self.how.mask("lane")
        repeated = sum(
            1 << k for k, b in enumerate(self.layout.lane) if not b and not along >> k & 1
        )
        wanted = 0 if self.reverse else along
        test = f"if ((lane & {along | repeated}) == {wanted})" if along | repeated else ""
        with self.emitter.out.block(test):
            for k, register in enumerate(parts):
                for name, text in zip(shared, self._own(register)):
                    self.emitter.out.line(f"{name}[{k * places} + place] = {text};")

    def _walk(
        self, shared: Sequence[str], parts: Sequence[int], places: int, lanes: int, other: int
    ) -> None:
        """Combine the parts in their order; each thread takes in what comes before its own."""
        out, far = self.emitter.out, self.how.far
        groups = sum(1 << b.number + lanes for b in far if b.kind == "simdgroup")
        names = [self.emitter.unique("total") for _ in self.storages]
        order = range(1 << len(far))
        near = self.how.mask("register")
        for step, position in enumerate(reversed(order) if self.reverse else order):
            register, own, slot = other, 0, 0
            for k, bit in enumerate(b for b in far):
                if position >> k & 1:
                    register |= (1 << bit.number) * (bit.kind == "register")
                    slot |= (1 << bit.number + lanes) * (bit.kind == "simdgroup")
            simdgroups = [b for b in far if b.kind == "simdgroup"]
            own = sum(1 << n for n, b in enumerate(simdgroups) if slot >> b.number + lanes & 1)
            at = f"{parts.index(register) * places + slot} + (place & {places - 1 & ~groups})"
            texts = [f"{name}[{at}]" for name in shared]
            if step == 0:
                for name, scalar, text in zip(names, self.scalars, texts):
                    out.line(f"{c_type(scalar)} {name} = {text};")
                continue
            with out.block(f"if (part == {own})"):
                base = register & ~near
                for r in (base | low for low in _submasks(near)):
                    self._take_in(names, r)
            if step < len(order) - 1:
                with out.block():
                    self._combine(names, texts, names)


def _submasks(mask: int) -> list[int]:
    """All numbers whose set bits are in `mask`."""
    found = [0]
    for k in range(mask.bit_length()):
        if mask >> k & 1:
            found += [n | 1 << k for n in found]
    return found
