"""Communication between the threads of one program: threadgroup memory, barriers, layout conversions."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..fusion.errors import TileTooLarge, UnsupportedOperation
from ..fusion.graph import Node, Value
from ..fusion.types import Scalar
from . import iterations, moves
from .layout import Layout
from .nest import Expr
from .scope import Scope, Storage
from .text import c_type

if TYPE_CHECKING:
    from .emit import Emitter


@dataclass(slots=True)
class Alternates:
    """Two halves of threadgroup memory that the `count` products of a loop's body use in turn.

    Between two uses of one half there is the barrier after the other's, which all threads pass when they are
    done with the first. `variable` holds where the first product of an iteration starts, if `count` is odd.
    """

    half: int
    count: int
    variable: str
    used: int = 0

    def next(self) -> str:
        """The start of the next product's half."""
        second = self.used % 2
        self.used += 1
        if not self.variable:
            return f"(arena + {self.half})" if second else "arena"
        return (
            f"(arena + ({self.half} - {self.variable}))" if second else f"(arena + {self.variable})"
        )


class Arena:
    """One block of threadgroup memory that every exchange uses from its start.

    `dirty`: some thread may still read what an earlier exchange put there, so the next must wait. `own`: the
    last thing done with it, if that is known: each thread read elements of so many bytes in this layout.
    """

    def __init__(self, emitter: Emitter):
        self.emitter = emitter
        self.bytes = 0
        self.dirty = False
        self.exchanges = 0
        self.own: tuple[Layout, int] | None = None
        self.alternates: Alternates | None = None

    def enter_loop(self) -> tuple[bool, int]:
        """The end of a loop body is before its start. Returns what `leave_loop` must know."""
        before, self.dirty, self.own = self.dirty, True, None
        return before, self.exchanges

    def leave_loop(self, before: tuple[bool, int]) -> None:
        """A loop's barriers do not count for what follows: it may run no time, or be left before them."""
        dirty, exchanges = before
        self.own = None
        self.dirty = dirty or self.exchanges > exchanges

    def arrays(
        self,
        wanted: Sequence[tuple[Scalar, int]],
        size: int,
        node: Node,
        *,
        product: bool = False,
        own: tuple[Layout, int] | None = None,
    ) -> list[str]:
        """Names of arrays of (element, count) side by side, free to be written.

        `own`: each thread writes elements of so many bytes in this layout, as they are numbered.

        `product`: for operands of a product that stands in the loop whose products alternate, if one does.
        """
        target = self.emitter.target
        limit = target.operand_bytes if product else target.threadgroup_bytes
        if size > limit:
            raise TileTooLarge(
                f"{node.op} needs {size} bytes of threadgroup memory",
                where=node.loc,
                why=f"a program has {limit} bytes",
                hint="use smaller block sizes",
            )
        if self.alternates is None:
            self.bytes = max(self.bytes, size)
            if self.dirty and (own is None or own != self.own):
                barrier(self.emitter)
            start = "arena"
        else:
            if not product:
                raise self._meets(node)
            self.bytes = max(self.bytes, 2 * self.alternates.half)
            start = self.alternates.next()
        self.exchanges, self.own = self.exchanges + 1, None
        names: list[str] = []
        offset = 0
        for scalar, count in sorted(wanted, key=lambda w: -w[0].bytes):
            name = self.emitter.unique("shared")
            word = c_type(scalar)
            self.emitter.out.line(
                f"threadgroup {word}* {name} = (threadgroup {word}*){start}"
                + (f" + {offset // scalar.bytes};" if offset else ";")
            )
            names.append(name)
            offset += scalar.bytes * count
        order = sorted(range(len(wanted)), key=lambda k: -wanted[k][0].bytes)
        return [names[order.index(k)] for k in range(len(wanted))]

    def _meets(self, node: Node) -> UnsupportedOperation:
        return UnsupportedOperation(
            f"{node.op} in a loop whose products take turns in threadgroup memory",
            where=node.loc,
            why="it uses the same memory",
            hint="a schedule with staging='padded'",
        )

    def publish(self) -> None:
        """What was written is visible to all threads from here on."""
        barrier(self.emitter)
        self.dirty = True

    def from_owner(self, scope: Scope, node: Node, owner: list[str], text: str) -> Expr:
        """The value of `text`, evaluated by the one thread that `owner` names, in all its copies."""
        if self.alternates is not None:
            raise self._meets(node)
        scalar = node.types[0].scalar
        self.bytes = max(self.bytes, scalar.bytes * self.emitter.threads)
        free = not self.dirty and scope.nest.depth == 0
        self.dirty, self.own = True, None
        self.exchanges += 1
        word, depth = c_type(scalar), scope.nest.depth
        name, shared = scope.name(node.result, node), self.emitter.unique("shared")
        for line in (
            *([] if free else ["threadgroup_barrier(mem_flags::mem_threadgroup);"]),
            f"threadgroup {word}* {shared} = (threadgroup {word}*)arena;",
            f"if ({' && '.join(owner)}) {shared}[tid] = {text};",
            "threadgroup_barrier(mem_flags::mem_threadgroup);",
            f"const {word} {name} = {shared}[{self._owner_of(scope.nest.layout)}];",
        ):
            scope.line(depth, line)
        return Expr(name, depth)

    def _owner_of(self, layout: Layout) -> str:
        lanes = sum(1 << k for k, b in enumerate(layout.lane) if b)
        groups = sum(self.emitter.target.lanes << k for k, b in enumerate(layout.simdgroup) if b)
        return f"tid & {lanes | groups}"


_AND = " | mem_flags::"
_BARRIER = re.compile(r"( *)threadgroup_barrier\(mem_flags::(.*)\);")
# Lines that touch no memory that threads share: comments, declarations, arithmetic on scalars.
_NOTHING = re.compile(r" *(\{|//.*|const \w+ \w+ = [^\[\]]*;|\w+ \w+(\[\d+\])?;)?")


def barrier(emitter: Emitter, flags: str = "mem_threadgroup") -> None:
    if emitter.target.lanes == 1:
        return
    emitter.arena.dirty = emitter.arena.dirty and "mem_threadgroup" not in flags
    lines = emitter.out.lines
    last = next((k for k in reversed(range(len(lines))) if not _NOTHING.fullmatch(lines[k])), -1)
    before = _BARRIER.fullmatch(lines[last]) if lines else None
    if before is None:
        emitter.out.line(f"threadgroup_barrier(mem_flags::{flags});")
        return
    # Nothing happens between two barriers in a row: one that orders what both do is enough.
    both = _AND.join(sorted({*before[2].split(_AND), *flags.split(_AND)}))
    lines[last] = f"{before[1]}threadgroup_barrier(mem_flags::{both});"


def fence(emitter: Emitter) -> None:
    """Device memory that this program wrote is visible to all its threads from here on."""
    barrier(emitter, "mem_device")


def fence_iterations(emitter: Emitter, loop: Node) -> None:
    """What one iteration accesses, other threads may in the next."""
    if iterations.meet(loop, emitter.values, emitter.homes, emitter.memory):
        fence(emitter)


def convert(emitter: Emitter, root: Value, target: Layout) -> None:
    """Put `root` into `target`: inside each simdgroup if that can be and is cheaper, else by memory."""
    home = emitter.home_storage(root)
    node = emitter.values.node(root)
    copy = emitter.declare(root, node, target)
    inside = moves.plan(home.layout, target)
    if inside is not None:
        moves.emit(emitter, home, copy, inside)
    else:
        _through_memory(emitter, root, home, copy)


def _through_memory(emitter: Emitter, root: Value, home: Storage, copy: Storage) -> None:
    """Through threadgroup memory, indexed by the element number."""
    node, target = emitter.values.node(root), copy.layout
    scalar, size = root.type.scalar, root.type.size
    part = size
    while part * scalar.bytes > emitter.target.threadgroup_bytes:
        part //= 2
    with emitter.out.block(f"for (int part = 0; part < {size // part}; ++part)" * (part < size)):
        if part < size:
            emitter.arena.enter_loop()
        written = _own(home.layout, scalar) if part == size else None
        (shared,) = emitter.arena.arrays([(scalar, part)], part * scalar.bytes, node, own=written)
        put(
            emitter,
            home.layout,
            {shared: lambda scope: home.at(scope.nest, scope.identity)},
            part=part,
        )
        emitter.arena.publish()
        read = emitter.loops(target)
        scope = Scope(emitter, read)
        place = copy.at(read, scope.identity)
        guard, number = _of_part(read.number(scope.identity).text, size, part)
        head = f"if ({guard}) " if guard else ""
        scope.line(read.depth, f"{head}{place.text} = {shared}[{number}];")
        emitter.write_nest(read)
        # A thread may write without waiting what it alone has read.
        emitter.arena.own = _own(target, scalar) if part == size else None


def _own(layout: Layout, scalar: Scalar) -> tuple[Layout, int] | None:
    """A layout in which no two threads have the same element; None for another."""
    once = layout.covers() and 1 << len(layout.bases) == math.prod(layout.shape)
    return (layout, scalar.bytes) if once else None


def _of_part(number: str, size: int, part: int) -> tuple[str, str]:
    """(condition, number in the part) of an element, where threadgroup memory takes only `part` of `size`."""
    if part == size:
        return "", number
    return f"({number} >> {part.bit_length() - 1}) == part", f"{number} & {part - 1}"


def put(
    emitter: Emitter,
    layout: Layout,
    arrays: Mapping[str, Callable[[Scope], Expr]],
    reads: Sequence[Value] = (),
    part: int = 0,
) -> None:
    """Write tiles in `layout` to threadgroup arrays, row-major. `arrays`: name → the value of an element.

    `part`: only that many elements, those of the surrounding loop's `part` (0: all).
    """
    nest = emitter.loops(layout, reads)
    scope = Scope(emitter, nest)
    size = math.prod(layout.shape)
    within, number = _of_part(nest.number(scope.identity).text, size, part or size)
    conditions = owner_condition(emitter, layout) + ([within] if within else [])
    guard = f"if ({' && '.join(conditions)}) " if conditions else ""
    for name, element in arrays.items():
        scope.line(nest.depth, f"{guard}{name}[{number}] = {element(scope).text};")
    emitter.write_nest(nest)


def owner_condition(emitter: Emitter, layout: Layout) -> list[str]:
    """Of the threads that hold the same element, one acts: the one whose repeating bits are zero."""
    found: list[str] = []
    if emitter.target.lanes == 1:
        return found
    if not layout.bases:
        return ["tid == 0"]
    for word, bases in (("lane", layout.lane), ("sg", layout.simdgroup)):
        mask = sum(1 << k for k, b in enumerate(bases) if b == 0)
        if mask:
            full = mask == (1 << len(bases)) - 1
            found.append(f"{word} == 0" if full else f"({word} & {mask}) == 0")
    return found
