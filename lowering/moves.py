"""Conversions of layouts inside a simdgroup: registers change names, lanes exchange by shuffles.

For every bit of a position in the target layout, a position of the source layout is found that contributes
the same element: its own bit, and what registers (else registers and lanes) must add to it. All maps are
linear over GF(2), so those few answers give the source of every element.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import TYPE_CHECKING

from .layout import Layout, solve
from .scope import Storage
from .text import c_type

if TYPE_CHECKING:
    from .emit import Emitter

# Relative costs of one register's shuffle, of its way through threadgroup memory, and of the barriers
# there. Apple GPUs shuffle at twice the rate of others (philipturner/metal-benchmarks); the ratio is an
# estimate, not a measurement.
SHUFFLE, THREADGROUP, BARRIERS = 1, 4, 40
_MOST_CHOICES = 4


@dataclass(frozen=True, slots=True)
class Add:
    """What a set bit of the target's position adds to the source's: masks of registers and lanes."""

    registers: int = 0
    lanes: int = 0


@dataclass(frozen=True, slots=True)
class Moves:
    """One Add per register, lane and simdgroup bit of the target; a thread's own lane is the start."""

    register: tuple[Add, ...]
    lane: tuple[Add, ...]
    simdgroup: tuple[Add, ...]

    @property
    def choices(self) -> tuple[tuple[str, int], ...]:
        """(condition, mask of registers) of the thread's bits on which the source register depends."""
        named = (("lane", self.lane), ("sg", self.simdgroup))
        return tuple(
            (f"({word} & {1 << k}) != 0", add.registers)
            for word, adds in named
            for k, add in enumerate(adds)
            if add.registers
        )

    @property
    def shuffles(self) -> bool:
        return any(a.lanes for a in (*self.register, *self.lane, *self.simdgroup))

    def cost(self) -> int:
        """Of a thread, in units of one shuffle."""
        each = 1 << len(self.choices)
        return (1 << len(self.register)) * each * (SHUFFLE if self.shuffles else 0)


def plan(source: Layout, target: Layout) -> Moves | None:
    """How to convert inside each simdgroup; None where that cannot be or costs more than memory."""
    moves = within(source, target)
    if moves is None or 1 << len(moves.choices) > _MOST_CHOICES:
        return None
    by_memory = THREADGROUP * (source.registers + target.registers) + BARRIERS
    return moves if moves.cost() <= by_memory else None


def within(source: Layout, target: Layout) -> Moves | None:
    """How to convert without leaving a simdgroup; None if that cannot be."""
    registers, lanes = source.register, source.lane
    if len(lanes) != len(target.lane) or len(source.simdgroup) != len(target.simdgroup):
        return None
    parts: list[tuple[Add, ...]] = []
    for bases, own in (
        (target.register, (0,) * len(target.register)),
        (target.lane, lanes),
        (target.simdgroup, source.simdgroup),
    ):
        adds = tuple(_add(registers, lanes, basis ^ mine) for basis, mine in zip(bases, own))
        if None in adds:
            return None
        parts.append(adds)  # type: ignore[arg-type]
    return Moves(*parts)


def _add(registers: Sequence[int], lanes: Sequence[int], element: int) -> Add | None:
    alone = solve(registers, element)
    if alone is not None:
        return Add(alone)
    found = solve((*registers, *lanes), element)
    if found is None:
        return None
    count = len(registers)
    return Add(found & ((1 << count) - 1), found >> count)


def emit(emitter: Emitter, home: Storage, copy: Storage, moves: Moves) -> None:
    """copy = home, by `moves`."""
    with emitter.out.block():
        varied = _lane_text(moves)
        if moves.shuffles and varied:
            emitter.out.line(f"const ushort from = ushort({varied});")
        for register in range(copy.layout.registers):
            _one(emitter, home, copy, moves, register, bool(varied))


def _one(
    emitter: Emitter, home: Storage, copy: Storage, moves: Moves, register: int, varied: bool
) -> None:
    bits = [add for k, add in enumerate(moves.register) if register >> k & 1]
    start = reduce(xor, (a.registers for a in bits), 0)
    lanes = reduce(xor, (a.lanes for a in bits), 0)
    texts: list[str] = []
    for combination in range(1 << len(moves.choices)):
        masks = (m for k, (_, m) in enumerate(moves.choices) if combination >> k & 1)
        texts.append(_moved(_element(home, reduce(xor, masks, start)), lanes, varied))
    if len(texts) > 1 and moves.shuffles:  # all lanes take part in every shuffle
        names = [emitter.unique("moved") for _ in texts]
        for name, text in zip(names, texts):
            emitter.out.line(f"const {c_type(copy.scalar)} {name} = {text};")
        texts = names
    for condition, _ in moves.choices:
        texts = [f"({condition} ? {b} : {a})" for a, b in zip(texts[::2], texts[1::2])]
    emitter.out.line(f"{_element(copy, register)} = {texts[0]};")


def _element(storage: Storage, register: int) -> str:
    return f"{storage.name}[{register}]" if storage.layout.registers > 1 else storage.name


def _moved(text: str, lanes: int, varied: bool) -> str:
    if varied:
        return f"tile_shuffle({text}, {f'ushort(from ^ {lanes})' if lanes else 'from'})"
    return f"tile_shuffle_xor({text}, {lanes})" if lanes else text


def _lane_text(moves: Moves) -> str:
    """The lane that a thread's first register comes from, if that is not its own."""
    terms = [
        f"((({word} >> {k}) & 1) * {add.lanes})"
        for word, adds in (("lane", moves.lane), ("sg", moves.simdgroup))
        for k, add in enumerate(adds)
        if add.lanes
    ]
    return " ^ ".join(["lane", *terms]) if terms else ""
