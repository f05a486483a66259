"""One loop nest over a layout: where each statement goes, and how coordinates are written.

Level 0 is before the loops; level k is inside the first k loops. A statement goes to the level of its
deepest operand, so what depends on a row only is computed once per row.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..fusion.views import Bits, dim_ranges
from .layout import Layout, log2


@dataclass(frozen=True, slots=True)
class Expr:
    """A text and the level at which it is valid."""

    text: str
    level: int = 0


class Nest:
    """Coordinates of the loops over the register bits of `layout`, one loop per dimension that has any.

    `thread`: per dimension, the text of the part of the coordinate that lane and simdgroup give ("" if
    none). `chunk`: the innermost loop runs in blocks of this many iterations (0: it does not).
    """

    def __init__(self, layout: Layout, thread: Sequence[str], chunk: int = 0):
        self.layout, self.chunk = layout, chunk
        self.indexes_registers = False  # True once a tile's register depends on a loop
        self.masked = False  # True once a statement accesses memory conditionally
        self.ranges = dim_ranges(layout.shape)
        self._register_bits = [
            [b for b in bits if 1 << b in layout.register] for bits in self.ranges
        ]
        self.loops = [d for d, bits in enumerate(self._register_bits) if bits]
        self.thread = thread
        self.lines: list[list[str]] = [[] for _ in range(len(self.loops) + 1)]

    @property
    def depth(self) -> int:
        return len(self.loops)

    def trips(self, dim: int) -> int:
        return 1 << len(self._register_bits[dim])

    def level_of(self, dim: int) -> int:
        return self.loops.index(dim) + 1 if dim in self.loops else 0

    def _coordinate_line(self, dim: int) -> str:
        start = self.ranges[dim].start
        register = spread(f"r{dim}", [b - start for b in self._register_bits[dim]])
        text = f"{self.thread[dim]} + {register}" if self.thread[dim] else register
        return f"const int i{dim} = {text};"

    def within(self, level: int) -> list[str]:
        """The lines of a level, after the coordinate of its loop if anything needs that."""
        coordinate = self._coordinate_line(self.loops[level - 1])
        return needed([coordinate], self.lines[level:]) + self.lines[level]

    def coordinate(self, dim: int) -> Expr:
        if not self._register_bits[dim]:
            return Expr(self.thread[dim] or "0")
        return Expr(f"i{dim}", self.level_of(dim))

    def number(self, bits: Bits) -> Expr:
        """The integer whose bit b is bit bits[b] of the element index of this nest."""
        parts: list[str] = []
        level = 0
        for dim, own in enumerate(self.ranges):
            placed = [(b, bit - own.start) for b, bit in enumerate(bits) if bit in own]
            if not placed:
                continue
            coordinate = self.coordinate(dim)
            level = max(level, coordinate.level)
            parts.extend(pieces(coordinate.text, placed, len(own)))
        text = " + ".join(parts)
        return Expr(f"({text})" if len(parts) > 1 else text or "0", level)

    def register_index(self, positions: Bits) -> Expr:
        """The register number whose bit k is the register bit of element bit positions[k]."""
        parts: list[str] = []
        level = 0
        self.indexes_registers = True
        for dim in self.loops:
            own = self._register_bits[dim]
            placed = [(k, own.index(bit)) for k, bit in enumerate(positions) if bit in own]
            if placed:
                level = max(level, self.level_of(dim))
                parts.extend(pieces(f"r{dim}", placed, len(own)))
        return Expr(" + ".join(parts) or "0", level)

    def emit(self, loop_word: str, inner_word: str) -> list[str]:
        """The lines of the whole nest; the words go before each loop, inner_word before the last."""
        out = list(self.lines[0])
        for level, dim in enumerate(self.loops):
            pad = "  " * level
            last = level + 1 == len(self.loops)
            count = self.trips(dim)
            if last and self.chunk and self.chunk < count:
                out.extend([pad + loop_word] if loop_word else [])
                out.append(
                    f"{pad}for (int c{dim} = 0; c{dim} < {count}; c{dim} += {self.chunk}) {{"
                )
                out.extend([f"{pad}  {inner_word}"] if inner_word else [])
                out.append(f"{pad}  for (int k{dim} = 0; k{dim} < {self.chunk}; ++k{dim}) {{")
                pad += "  "
                out.append(f"{pad}  const int r{dim} = c{dim} + k{dim};")
            else:
                word = inner_word if last else loop_word
                out.extend([pad + word] if word else [])
                out.append(f"{pad}for (int r{dim} = 0; r{dim} < {count}; ++r{dim}) {{")
            out.extend(f"{pad}  {line}" for line in self.within(level + 1))
        for level in reversed(range(len(self.loops))):
            dim = self.loops[level]
            if level + 1 == len(self.loops) and self.chunk and self.chunk < self.trips(dim):
                out.append("  " * (level + 1) + "}")
            out.append("  " * level + "}")
        return out


def needed(definitions: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    """Of "const int name = ...;" lines in order, those that a later one or one of `lines` needs."""
    found: list[str] = []
    for definition in reversed(definitions):
        name = re.compile(rf"\b{definition.split()[2]}\b")
        if any(name.search(line) for group in (found, *lines) for line in group):
            found.insert(0, definition)
    return found


def spread(variable: str, offsets: list[int]) -> str:
    """The bits of `variable` moved to the bit positions `offsets`."""
    return " + ".join(pieces(variable, [(o, k) for k, o in enumerate(offsets)], len(offsets)))


def pieces(variable: str, placed: Sequence[tuple[int, int]], width: int) -> list[str]:
    """Texts whose sum has bit `to` equal to bit `from` of variable (`width` bits), for (to, from)."""
    runs: list[list[int]] = []  # [to, from, length]
    for to, origin in sorted(placed):
        if runs and runs[-1][0] + runs[-1][2] == to and runs[-1][1] + runs[-1][2] == origin:
            runs[-1][2] += 1
        else:
            runs.append([to, origin, 1])
    found = []
    for to, origin, length in runs:
        text = variable
        if origin:
            text = f"({text} >> {origin})"
        if origin + length < width:
            text = f"({text} & {(1 << length) - 1})"
        found.append(f"({text} << {to})" if to else text)
    return found


def thread_text(layout: Layout, dim: int) -> str:
    """The part of coordinate `dim` that lane and simdgroup give; "" if none."""
    own = dim_ranges(layout.shape)[dim]
    parts: list[str] = []
    for variable, bases in (("lane", layout.lane), ("sg", layout.simdgroup)):
        placed = [(log2(b) - own.start, k) for k, b in enumerate(bases) if b and log2(b) in own]
        if placed:
            parts.extend(pieces(variable, placed, len(bases)))
    return f"({' + '.join(parts)})" if len(parts) > 1 else "".join(parts)
