"""Loads and stores of a few neighbours at once, where a thread's registers are neighbours in memory.

Metal's packed vectors are aligned like one element, so it takes two proofs (fusion/axis.py): the elements
are neighbours, and one condition holds for all of them. Arrays of MLX may start anywhere, so nothing more is
assumed of an address.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..fusion.graph import Node, Value
from ..fusion.views import Bits
from .layout import Layout
from .memory import is_recast
from .nest import Expr, Nest, needed, spread
from .text import c_type

if TYPE_CHECKING:
    from .emit import Emitter

_WORDS = frozenset({"char", "uchar", "short", "ushort", "int", "uint", "half", "bfloat", "float"})


@dataclass(frozen=True, slots=True)
class Vectors:
    """`width` elements along dimension `dim` (of the nest) at a time, for the accesses `nodes` (ids).

    `aligned`: those that are multiples of the width away from the start of their array.
    """

    dim: int
    width: int
    nodes: frozenset[int]
    aligned: frozenset[int] = frozenset()


def plan(emitter: Emitter, nodes: Iterable[Node], home: Layout, loops: Layout) -> Vectors | None:
    """The vectors of a step over `home`, whose loops run over `loops`; None if there are none."""
    if not emitter.target.vectors:
        return None
    found: dict[int, tuple[int, int]] = {}
    divisibility: dict[int, int] = {}
    for node in nodes:
        if node.op in ("load", "store") and node.inputs[0].type.shape == home.shape:
            bit, width, divisibility[node.id] = _widest(emitter, node, home)
            if width > 1:
                found[node.id] = bit, width
    if not found:
        return None
    bit, width = max(found.values(), key=lambda f: f[1])
    starts = [r.start if r else -1 for r in Nest(loops, [""] * len(loops.shape)).ranges]
    if bit not in starts:
        return None
    same = frozenset(n for n, f in found.items() if f == (bit, width))
    whole = frozenset(n for n in same if divisibility[n] % width == 0)
    return Vectors(starts.index(bit), width, same, whole)


def _widest(emitter: Emitter, node: Node, home: Layout) -> tuple[int, int, int]:
    """(lowest bit of the element number along the vector, elements, what divides the first's offset)."""
    access = emitter.accesses.get(emitter.values.base(node.inputs[0]))  # type: ignore[arg-type]
    scalar = (node.types[0] if node.op == "load" else node.inputs[1].type).scalar
    if access is None or access.storage not in _WORDS or is_recast(access, scalar):
        return 0, 1, 1
    if access.mode == "xored":
        return 0, 1, 1
    if node.op == "load" and access.mode == "merged" and access.reads_back:
        return 0, 1, 1
    pointer, others = node.inputs[0], node.inputs[1:]
    mask = others[:1] if node.op == "load" else others[1:2]
    early = (pointer, *mask, *(others[1:2] if node.op == "load" else ()))
    if not all(emitter.values.is_light(v) for v in early):
        return 0, 1, 1
    best, axis = (0, 1, 1), emitter.axis(pointer)
    for dim, bits in enumerate(emitter.nest(home).ranges):
        most = emitter.target.widest(scalar.bytes)
        width = min(held(home, bits, most), axis.contiguity[dim])
        for value in early[1:]:
            width = min(width, emitter.axis(value).constancy[dim] if value.type.shape else width)
        if width > best[1]:
            best = bits.start, width, axis.divisibility[dim]
    return best


def held(home: Layout, bits: range, most: int) -> int:
    """Neighbours along a dimension, up to `most`, that are registers of one thread."""
    width = 1
    for bit in bits:
        if 1 << bit not in home.register or width == most:
            break
        width *= 2
    return width


class VectorNest(Nest):
    """A nest whose innermost loop runs over the elements of a vector; `first` is at its first one.

    Lines for a whole vector go to level `whole`, those behind its elements to `after`.
    """

    def __init__(self, layout: Layout, thread: list[str], vectors: Vectors):
        super().__init__(layout, thread)
        self.vectors = vectors
        dim = vectors.dim
        self.loops = [*(d for d in self.loops if d != dim), dim]
        self.whole = len(self.loops)
        self.lines = [[] for _ in range(self.whole + 2)]
        self.after: list[str] = []
        self.first = _First(self)

    def _within(self) -> int:
        return self.vectors.width.bit_length() - 1

    @property
    def depth(self) -> int:
        return self.whole + 1

    @property
    def element(self) -> str:
        return f"k{self.vectors.dim}"

    def level_of(self, dim: int) -> int:
        return self.depth if dim == self.vectors.dim else super().level_of(dim)

    def within(self, level: int) -> list[str]:
        dim = self.vectors.dim
        if level < self.whole:
            return super().within(level)
        bits = [b - self.ranges[dim].start for b in self._register_bits[dim]]
        outer = bits[self._within() :]
        if level > self.whole:
            register = f"c{dim} + k{dim}" if outer else f"k{dim}"
            own = [f"const int r{dim} = {register};", f"const int i{dim} = v{dim} + k{dim};"]
            return needed(own, [self.lines[level]]) + self.lines[level]
        moved = spread(f"(c{dim} >> {self._within()})", outer) if outer else ""
        text = " + ".join(t for t in (self.thread[dim], moved) if t) or "0"
        return [f"const int v{dim} = {text};", *self.lines[level]]

    def emit(self, loop_word: str, inner_word: str) -> list[str]:
        out = list(self.lines[0])
        dim, width = self.vectors.dim, self.vectors.width
        for level, d in enumerate(self.loops):
            pad, count = "  " * level, self.trips(d)
            head, step = (f"c{d}", width) if d == dim else (f"r{d}", 1)
            if d == dim and count == width:
                out.append(f"{pad}{{")
            else:
                grow = f"++{head}" if step == 1 else f"{head} += {step}"
                out += [pad + loop_word] if loop_word else []
                out.append(f"{pad}for (int {head} = 0; {head} < {count}; {grow}) {{")
            out += [f"{pad}  {line}" for line in self.within(level + 1)]
        pad = "  " * self.whole
        if self.lines[self.depth]:
            out += [pad + inner_word] if inner_word else []
            out.append(f"{pad}for (int k{dim} = 0; k{dim} < {width}; ++k{dim}) {{")
            out += [f"{pad}  {line}" for line in self.within(self.depth)]
            out.append(f"{pad}}}")
        out += [pad + line for line in self.after]
        return out + ["  " * level + "}" for level in reversed(range(self.whole))]


class _First(Nest):
    """The first element of each vector of a nest, whose lines it shares."""

    def __init__(self, nest: VectorNest):
        super().__init__(nest.layout, nest.thread)
        self.lines, self.loops, self._nest = nest.lines, nest.loops, nest

    @property
    def depth(self) -> int:
        return self._nest.whole

    def coordinate(self, dim: int) -> Expr:
        if dim == self._nest.vectors.dim:
            return Expr(f"v{dim}", self._nest.whole)
        return super().coordinate(dim)

    def register_index(self, positions: Bits) -> Expr:
        raise AssertionError("a whole vector is accessed through values that no register holds")


def vector_type(storage: str, width: int) -> str:
    return f"{storage}{width}"


def load_text(name: str, index: str, storage: str, width: int, word: str) -> str:
    """A vector of elements as they are in memory. `word`: tile_load or tile_load_aligned."""
    vector = vector_type(storage, width)
    return f"{vector}({word}<packed_{vector}>(&{name}[{index}]))"


def store_text(name: str, index: str, storage: str, width: int, vector: str, word: str) -> str:
    return f"{word}<packed_{vector_type(storage, width)}>(&{name}[{index}], {vector});"


def word_for(emitter: Emitter, access: str, node: Node, vectors: Vectors) -> str:
    """The function that loads or stores `node`'s vectors: where alignment matters, whether it is proved."""
    aligned = emitter.target.restricts and node.id in vectors.aligned
    return f"tile_{access}_aligned" if aligned else f"tile_{access}"


def filled(value: Value, text: str, storage: str, width: int) -> str:
    """A vector of the bits of one value."""
    plain = c_type(value.type.scalar)
    one = text if plain == storage else f"as_type<{storage}>({plain}({text}))"
    return f"{vector_type(storage, width)}({one})"
