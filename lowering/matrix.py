"""Matrix products on matrix units: accumulators stay in registers, which the epilogue then uses.

An operand that its simdgroup holds already (lowering/products.py) is read from registers; another is
staged in threadgroup memory, in places where lanes meet in few banks (lowering/banks.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..fusion.graph import Node, Value
from ..fusion.views import dim_ranges, identity
from . import banks
from .banks import Place, Use
from .fragments import Form, fragments
from .layout import Layout
from .nest import thread_text
from .products import Product
from .record import Costs
from .scope import Scope, Storage
from .staging import sizes, stage, stage_depth
from .text import c_type
from .vectors import VectorNest, Vectors, held, vector_type

if TYPE_CHECKING:
    from .emit import Emitter


_APART = 8  # elements between rows where the banks are not modelled
_COUNTED = 8  # what costs are counted in is a product of two matrices of this side


def emit(emitter: Emitter, node: Node, storage: Storage, product: Product) -> None:
    """storage += a x b, for storage in the layout product.result."""
    a, b, _ = node.inputs
    names = [
        _registers(emitter, v, layout) if direct else None
        for v, layout, direct in zip(
            (a, b), (product.left, product.right), emitter.homes.in_registers(node)
        )
    ]
    operands = Operands(emitter, node, product)
    depth = operands.depth
    work = _Work(emitter, node, storage, operands, names)
    emitter.notes += _choice(operands, names)
    out, k, unit = emitter.out, operands.k, product.unit
    if unit.prelude:
        emitter.headers.append(unit.prelude)
    # Registers have no addresses: where an operand is there, its index must be known.
    unroll = any(names)
    if depth < k and unroll:
        out.line(emitter.target.loop)
    with out.block(f"for (int k0 = 0; k0 < {k}; k0 += {depth})" if depth < k else ""):
        if depth < k:
            emitter.arena.dirty = True
        shared = work.stage()
        if (ahead := emitter.ahead.get(node.id)) is not None:
            ahead()
        turns = emitter.choice.unroll
        if unroll:
            out.line(emitter.target.loop)
        elif turns > 1:
            out.line(emitter.target.some_turns.format(count=turns))
        with out.block(f"for (int k = 0; k < {depth}; k += {unit.side * operands.deep})"):
            batch = operands.batch
            if batch > 1:
                out.line(emitter.target.loop)
            with out.block(f"for (int batch = 0; batch < {batch}; ++batch)" if batch > 1 else ""):
                work.multiply(shared)
    emitter.costs = emitter.costs.plus(operands.costs(unrolled=unroll, ahead=ahead is not None))


def _choice(operands: Operands, names: Sequence[str | None]) -> list[str]:
    """How the product is done, and why not by a unit that would come first, in words."""
    left, right = (
        "in registers" if name else "staged turned" if place and place.turned else "staged"
        for name, place in zip(names, operands.places)
    )
    depth, k, shared = operands.depth, operands.k, operands.product.shared
    steps = f", {depth} of {k} at a time" if depth < k else ""
    split = f"{1 << shared.rows}x{1 << shared.columns} simdgroups"
    size = f"{operands.m}x{k}x{operands.n}"
    unit, units = operands.unit, operands.emitter.target.units
    on = f", on {unit.name} ({unit.caveat})" if unit.caveat else ""
    before = units[: units.index(unit)]
    others = [f"not on {u.name}: {u.refusal(operands.node)}" for u in before]
    said = f"product {size} by {split}, left {left}, right {right}{steps}{on}"
    return [said, *others, *operands.emitter.target.denied]


class Operands:
    """Where the operands of one product go: `places` in threadgroup memory (None: in registers)."""

    def __init__(self, emitter: Emitter, node: Node, product: Product):
        self.emitter, self.node, self.product = emitter, node, product
        self.batch, self.m, self.k, self.n = sizes(node)
        self.unit, side = product.unit, product.unit.side
        self.rows = self.m // side >> product.shared.rows
        self.columns = self.n // side >> product.shared.columns
        self.staged = [not direct for direct in emitter.homes.in_registers(node)]
        self.scalars = [v.type.scalar for v in node.inputs[:2]]
        self.turns = [0, 0]  # of the banks, per side, for one simdgroup
        self.depth = self.k
        if any(self.staged):
            limit = emitter.target.operand_bytes
            most = stage_depth(limit, node, self.k, side, self._packed)
            self.depth = max(side, most // emitter.choice.split)
        self.places = self._places()

    def shape(self, side: int, depth: int) -> tuple[int, int]:
        return (self.m, depth) if side == 0 else (depth, self.n)

    def _packed(self, depth: int) -> int:
        """Bytes of what is staged, rows beside each other."""
        sides = (s for s in (0, 1) if self.staged[s])
        return sum(self.batch * _area(self.shape(s, depth)) * self.scalars[s].bytes for s in sides)

    def _places(self) -> list[Place | None]:
        spare = self.emitter.target.operand_bytes - self._packed(self.depth)
        found: list[Place | None] = [None, None]
        for side in (0, 1):
            if not self.staged[side]:
                continue
            shape, scalar = self.shape(side, self.depth), self.scalars[side]
            packed = _area(shape) * scalar.bytes
            uses = [self._written(side), self._read(side)]
            place = Place(shape[1], False)
            if self.emitter.choice.staging != "staged":
                room = packed + spare // self.batch
                place = self._placed(shape, uses, scalar.bytes, room)
            spare -= self.batch * (self.size(side, place) - packed)
            self.turns[side] = sum(banks.cost(place, u, scalar.bytes) for u in uses)
            found[side] = place
        return found

    def _placed(
        self, shape: tuple[int, int], uses: Sequence[Use], element: int, room: int
    ) -> Place:
        """The place of an operand in `room` bytes."""
        if self.emitter.target.places:
            return banks.best(shape, uses, element, lambda size: size <= room)
        # Where whole matrices are loaded, whichever way they lie, vectors can be stored.
        turned = self.unit.gathers and uses[0].width > 1 and uses[0].along == 0
        major, minor = shape[::-1] if turned else shape
        apart = major * (minor + _APART) * element <= room
        return Place(minor + _APART if apart else minor, turned)

    def size(self, side: int, place: Place) -> int:
        """Bytes of one matrix of an operand in its place."""
        shape = self.shape(side, self.depth)
        return shape[1 if place.turned else 0] * place.stride * self.scalars[side].bytes

    @property
    def bytes(self) -> int:
        """Of threadgroup memory."""
        placed = [(s, p) for s, p in enumerate(self.places) if p is not None]
        return sum(self.batch * self.size(s, p) for s, p in placed)

    def _written(self, side: int) -> Use:
        """The stores of one simdgroup to threadgroup memory."""
        layout = self.emitter.homes.readable(self.node.inputs[side])
        ranges = dim_ranges(layout.shape)
        most = self.emitter.target.widest(self.scalars[side].bytes)
        widths = [held(layout, r, most) for r in ranges[-2:]]
        along = 1 if widths[1] >= widths[0] else 0
        count = max(1, layout.registers // widths[along])
        return Use(_lanes(layout), count, widths[along], along)

    def _read(self, side: int) -> Use:
        """The loads of one simdgroup from there: matrices, of which a lane takes some neighbours at a time."""
        layout, form = self.fragment(side), self.form(side)
        count = (
            (self.rows, self.columns)[side] * self.batch * (self.k // self.unit.side // self.deep)
        )
        parts = self.unit.elements // form.neighbours
        return Use(_lanes(layout), count * parts, form.neighbours, form.along)

    @property
    def deep(self) -> int:
        """Matrices along K that the unit takes at a time."""
        return min(self.unit.deep, self.depth // self.unit.side)

    def together(self, side: int) -> int:
        """Matrices along its own side of an operand that the unit takes at a time."""
        unit, own = self.unit, (self.rows, self.columns)[side]
        most = (unit.rows, unit.columns)[side]
        return most if own % most == 0 else 1

    def form(self, side: int) -> Form:
        forms = self.unit.forms
        return (forms.left, forms.right)[side]

    def fragment(self, side: int) -> Layout:
        """The layout of an operand's matrices at one k."""
        shared = self.product.shared
        shape = self.shape(side, self.unit.side * self.deep)
        form = self.form(side)
        found = fragments(shape, shared, form, by_rows=side == 0, by_columns=side == 1)
        if not self.unit.gathers:
            return found
        # A lane's elements of one matrix first; then what the unit takes at a time, as one instruction
        # loads it: the matrices of the operand's own side that it takes together, then those along K.
        along_k = [b for b in found.register if (b < shape[1]) == (side == 0)]
        own = [b for b in found.register if b not in along_k]
        element = own if (form.along == 0) == (side == 0) else along_k
        pair, first = [element.pop(0)], self.together(side).bit_length() - 1
        return replace(found, register=(*pair, *own[:first], *along_k, *own[first:]))

    def costs(self, *, unrolled: bool, ahead: bool) -> Costs:
        """`unrolled`: there is no loop over k; `ahead`: what is staged next is loaded during this product."""
        parts = self.k // self.depth
        side = self.unit.side
        deep = self.batch * self.k // side
        shared = self.product.shared
        alternates = self.emitter.arena.alternates is not None
        packed = [_area(self.shape(s, self.k)) * self.scalars[s].bytes * self.batch for s in (0, 1)]
        # A simdgroup that loads its own matrices repeats what others beside it load.
        repeats = (1 << shared.columns, 1 << shared.rows)
        again = [p * (0 if s else r - 1) for p, s, r in zip(packed, self.staged, repeats)]
        any_staged = any(self.staged)
        return Costs(
            multiplications=deep * self.rows * self.columns * (side // _COUNTED) ** 3,
            turns=0 if unrolled else -(-deep // self.emitter.choice.unroll),
            shared=sum(self.turns),
            barriers=any_staged * (1 if alternates else 2) * parts,
            waits=0 if ahead else 1,
            loads=sum(packed),
            repeats=sum(again),
        )


def _area(shape: tuple[int, int]) -> int:
    return shape[0] * shape[1]


def _lanes(layout: Layout) -> tuple[tuple[int, int], ...]:
    """(row, column) of the first element of each lane."""
    columns = layout.shape[-1]
    numbers = [layout.element(0, lane) for lane in range(1 << len(layout.lane))]
    area = columns * layout.shape[-2]
    return tuple((n % area // columns, n % columns) for n in numbers)


@dataclass(frozen=True, slots=True)
class _Shared:
    """An operand in threadgroup memory."""

    name: str
    place: Place


class _Work:
    """The text of one product. `held`: names of the operands that are in registers."""

    def __init__(
        self,
        emitter: Emitter,
        node: Node,
        storage: Storage,
        operands: Operands,
        held: Sequence[str | None],
    ):
        self.emitter, self.node, self.storage, self.held = emitter, node, storage, held
        self.operands = operands
        self.batch, self.rows, self.columns = operands.batch, operands.rows, operands.columns

    def stage(self) -> list[_Shared | None]:
        """Each staged operand, written and visible."""
        operands, arena = self.operands, self.emitter.arena
        placed = [(s, p) for s, p in enumerate(operands.places) if p is not None]
        found: list[_Shared | None] = [None, None]
        if not placed:
            return found
        wanted = [
            (operands.scalars[s], self.batch * operands.size(s, p) // operands.scalars[s].bytes)
            for s, p in placed
        ]
        names = arena.arrays(wanted, operands.bytes, self.node, product=True)
        for name, (side, place) in zip(names, placed):
            value, along_k = self.node.inputs[side], side == 0
            stage(self.emitter, value, name, operands.depth, place, along_k=along_k, wide=True)
            found[side] = _Shared(name, place)
        arena.publish()
        return found

    def multiply(self, shared: Sequence[_Shared | None]) -> None:
        """All products of matrices at one k."""
        emitter, out = self.emitter, self.emitter.out
        load = self._gather if self.operands.unit.gathers else self._load
        names = [None if place is None else load(side, place) for side, place in enumerate(shared)]
        batch = "batch" if self.batch > 1 else ""
        # Where the unit takes two matrices of the left at a time, it is told where both are.
        unit = self.operands.unit
        beside = range(self.operands.together(0))
        for name, count, by in (("i", self.rows, len(beside)), ("j", self.columns, unit.columns)):
            out.line(emitter.target.loop)
            grow = f"++{name}" if by == 1 else f"{name} += {by}"
            out.line(f"for (int {name} = 0; {name} < {count}; {grow})")
        places = [self._sum(batch, _plus("i", w)) for w in beside]
        sums = ", ".join(f"{self.storage.name} + {p}" for p in places)
        steps = range(self.operands.deep)
        left = ", ".join(self._operand(0, names[0], "i", w, s) for s in steps for w in beside)
        right = ", ".join(self._operand(1, names[1], "j", 0, s) for s in steps)
        out.line(f"  {unit.call}{self._apart(shared)}({sums}, {left}, {right});")

    def _sum(self, batch: str, row: str) -> str:
        parts = [(batch, self.batch), (row, self.rows)]
        return _index(self.operands.form(0), parts, [("j", self.columns)])

    def _operand(self, side: int, loaded: str | None, number: str, beside: int, step: int) -> str:
        """Where the lane's elements of a matrix of the operand are.

        The matrix is `beside` behind `number`, `step` matrices behind k. `loaded`: where those of this k are.
        """
        unit, form = self.operands.unit, self.operands.form(side)
        own = (_plus(number, beside), self.rows if side == 0 else self.columns)
        if loaded is not None and unit.gathers:
            within = step * self.operands.together(side) + beside
            return (
                f"{loaded} + {unit.elements} * {_plus(f'{number} * {self.operands.deep}', within)}"
            )
        if loaded is not None:
            below, across = ([own], []) if side == 0 else ([], [own])
            return f"{loaded} + {_index(form, below, across)}"
        batch = ("batch" if self.batch > 1 else "", self.batch)
        at = "(k0 + k)" if self.operands.depth < self.operands.k else "k"
        deep = (_plus(f"{at} / {unit.side}", step), self.operands.k // unit.side)
        below, across = ([batch, own], [deep]) if side == 0 else ([batch, deep], [own])
        return f"{self.held[side]} + {_index(form, below, across)}"

    def _apart(self, shared: Sequence[_Shared | None]) -> str:
        """How far apart in registers are the rows that a lane has of one matrix; "" if it has one row."""
        operands = self.operands
        if operands.unit.gathers and shared[1] is not None:
            return "<1>"
        deep = 1 if shared[0] is not None else operands.k // operands.unit.side
        # Of the result, the left and the right: the matrices beside each other.
        beside = ((0, self.columns), (0, deep), (1, self.columns))
        forms = [(operands.form(side), count) for side, count in beside]
        steps = [str(f.held("column") * count) for f, count in forms if f.held("row") > 1]
        return f"<{', '.join(steps)}>" if steps else ""

    def _gather(self, side: int, shared: _Shared) -> str:
        """The operand's matrices at one k, up to four of them by one instruction.

        Each lane names a row of one of them: eight neighbours in memory, along columns of the operand if its
        place is turned. What a lane then has is two neighbours along the same; if it wants them the other
        way, matrices are transposed.
        """
        emitter, operands, place = self.emitter, self.operands, shared.place
        layout, scalar = operands.fragment(side), operands.scalars[side]
        operand = emitter.new_storage(("left", "right")[side], layout, scalar, self.node.id)
        pairs = operands.unit.elements.bit_length() - 1
        matrices = layout.register[pairs:]
        together = min(_TOGETHER, len(matrices))
        rows, columns = dim_ranges(layout.shape)
        major = [1 << b for b in (columns if place.turned else rows)][
            : operands.unit.side.bit_length() - 1
        ]
        lanes = (*major, *matrices[:together], *(0,) * (_TOGETHER - together))
        addresses = Layout(layout.shape, matrices[together:], lanes, layout.simdgroup)
        at = self._at(side, place, *(thread_text(addresses, d) or "0" for d in (0, 1)))
        start = emitter.unique("rows")
        emitter.out.line(f"threadgroup {c_type(scalar)}* {start} = {shared.name} + {at};")
        turns = "true" if operands.form(side).along == (1 if place.turned else 0) else "false"
        for number in range(addresses.registers):
            element = addresses.element(number)
            width = layout.shape[1]
            offset = place.index(element // width, element % width)
            to = f"{operand.name} + {number << together + pairs}"
            emitter.out.line(
                f"tile_gather<{1 << together}, {turns}>({to}, {start}{f' + {offset}' * (offset > 0)});"
            )
        return operand.name

    def _at(self, side: int, place: Place, row: str, column: str) -> str:
        """The index of an element at (row, column) of the operand's matrices at k, of this batch."""
        if side == 0:
            column = f"(k + {column})" if place.turned else f"k + {column}"
        else:
            row = f"k + {row}" if place.turned else f"(k + {row})"
        if self.batch > 1:
            height, width = self.operands.shape(side, self.operands.depth)
            if place.turned:
                column = f"(batch * {width} + {column})"
            else:
                row = f"(batch * {height} + {row})"
        return place.text(row, column)

    def _load(self, side: int, shared: _Shared) -> str:
        """The operand's matrices at one k, from threadgroup memory to registers."""
        emitter, operands = self.emitter, self.operands
        layout = operands.fragment(side)
        scalar, place = operands.scalars[side], shared.place
        operand = emitter.new_storage(("left", "right")[side], layout, scalar, self.node.id)
        nest = emitter.nest(layout)
        # What a lane has side by side in a matrix may be neighbours there.
        form = operands.form(side)
        along, some = form.along, form.neighbours
        paired = along == (0 if place.turned else 1)
        if paired:
            nest = wide = VectorNest(layout, list(nest.thread), Vectors(along, some, frozenset()))
        scope = Scope(emitter, nest)
        first = wide.first if paired else nest
        row, column = (first.coordinate(d).text for d in (0, 1))
        own = operand.at(nest, scope.identity).text
        source = f"{shared.name}[{self._at(side, place, row, column)}]"
        if paired:
            pair = emitter.unique("pair" if some == 2 else "some")
            word = vector_type(c_type(scalar), some)
            source = f"*(const threadgroup {word}*)&{source}"
            scope.line(wide.whole, f"const {word} {pair} = {source};")
            source = f"{pair}[{wide.element}]"
        scope.line(nest.depth, f"{own} = {source};")
        emitter.write_nest(nest)
        return operand.name


# log2 of the matrices that one instruction loads.
_TOGETHER = 2


def _plus(text: str, number: int) -> str:
    return f"({text} + {number})" if number else text


def _index(form: Form, below: Sequence[tuple[str, int]], beside: Sequence[tuple[str, int]]) -> str:
    """The first register of the matrix with these numbers: (text, how many there are), outermost first.

    `below`: what numbers matrices below each other, `beside`: beside each other.
    """
    text, scale = "", 1
    for name, count in (*below, ("", form.held("row")), *beside, ("", form.held("column"))):
        scale *= count
        if name and count > 1:
            text, scale = f"({text} * {scale} + {name})" if text else name, 1
    if not text or scale == 1:
        return text or "0"
    return f"{scale} * ({text})" if " " in text else f"{scale} * {text}"


def _registers(emitter: Emitter, value: Value, layout: Layout) -> str:
    """The name of an array of registers that holds `value` in `layout`."""
    leaves = list(emitter.values.leaves(value, identity(value.type.shape)))
    if leaves == [(value, identity(value.type.shape))]:
        return emitter.storage_in(value, layout).name
    storage = emitter.new_storage("operand", layout, value.type.scalar, value.node)
    emitter.fill(storage, value)
    return storage.name
