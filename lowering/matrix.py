"""Matrix products on 8x8 simdgroup matrices: accumulators stay in registers, which the epilogue then uses.

An operand that its simdgroup holds already (lowering/products.py) is read from registers; another is
staged in threadgroup memory, its rows padded so that no two lanes read different words of one bank.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..fusion.graph import Node, Value
from ..fusion.views import identity
from .fragments import SIDE, fragments
from .layout import Layout
from .products import Product
from .scope import Scope, Storage
from .staging import sizes, stage, stage_depth
from .text import c_type
from .vectors import VectorNest, Vectors, vector_type

if TYPE_CHECKING:
    from .emit import Emitter

# Eight elements move the rows of a matrix to banks that do not meet: of 8 rows of 4 words that 32 lanes read
# (16 bits), or of 4 rows of 8 words that 16 lanes do (32 bits).
_PAD = SIDE


def emit(emitter: Emitter, node: Node, storage: Storage, product: Product) -> None:
    """storage += a x b, for storage in the layout product.result."""
    a, b, _ = node.inputs
    batch, m, k, n = sizes(node)
    held = [
        _registers(emitter, v, layout) if direct else None
        for v, layout, direct in zip(
            (a, b), (product.left, product.right), emitter.homes.in_registers(node)
        )
    ]
    work = _Work(emitter, node, storage, product, held)
    depth = k
    if None in held:
        depth = stage_depth(emitter, node, k, SIDE, lambda d: work.bytes(d, padded=False))
    emitter.notes.append(_choice(node, product, held, depth))
    emitter.product_reads = max(emitter.product_reads, work.reads())
    work.padded = work.bytes(depth, padded=True) <= emitter.target.threadgroup_bytes
    out = emitter.out
    # Registers have no addresses: where an operand is there, its index must be known.
    unroll = any(h is not None for h in held)
    if depth < k and unroll:
        out.line(emitter.target.loop)
    with out.block(f"for (int k0 = 0; k0 < {k}; k0 += {depth})" if depth < k else ""):
        if depth < k:
            emitter.arena.dirty = True
        shared = work.stage(depth)
        if unroll:
            out.line(emitter.target.loop)
        with out.block(f"for (int k = 0; k < {depth}; k += {SIDE})"):
            if batch > 1:
                out.line(emitter.target.loop)
            with out.block(f"for (int batch = 0; batch < {batch}; ++batch)" if batch > 1 else ""):
                work.multiply(shared, depth)


def _choice(node: Node, product: Product, held: Sequence[str | None], depth: int) -> str:
    """How the product is done, in words."""
    _, m, k, n = sizes(node)
    left, right = ("in registers" if h else "staged" for h in held)
    steps = f", {depth} of {k} at a time" if depth < k else ""
    split = f"{1 << product.shared.rows}x{1 << product.shared.columns} simdgroups"
    return f"product {m}x{k}x{n} by {split}, left {left}, right {right}{steps}"


class _Work:
    """One product. `held`: names of the operands that are in registers."""

    def __init__(
        self,
        emitter: Emitter,
        node: Node,
        storage: Storage,
        product: Product,
        held: Sequence[str | None],
    ):
        self.emitter, self.node, self.storage, self.product = emitter, node, storage, product
        self.held, self.padded = held, False
        self.batch, self.m, self.k, self.n = sizes(node)
        self.rows = self.m // SIDE >> product.shared.rows
        self.columns = self.n // SIDE >> product.shared.columns

    def reads(self) -> float:
        """Fragments read from threadgroup memory for each multiplication of two."""
        left, right = (h is None for h in self.held)
        return (left * self.rows + right * self.columns) / (self.rows * self.columns)

    def _plan(self, depth: int, padded: bool) -> list[tuple[Value, int, int] | None]:
        """Of each staged operand: (value, rows, stride in elements)."""
        a, b, _ = self.node.inputs
        shapes = ((a, self.m, depth), (b, depth, self.n))
        return [
            None if name else (v, r, c + (_PAD if padded else 0))
            for name, (v, r, c) in zip(self.held, shapes)
        ]

    def bytes(self, depth: int, *, padded: bool) -> int:
        plans = [p for p in self._plan(depth, padded) if p]
        return sum(self.batch * rows * stride * v.type.scalar.bytes for v, rows, stride in plans)

    def stage(self, depth: int) -> list[tuple[str, int] | None]:
        """(name, stride) of each staged operand, written and visible."""
        plans = self._plan(depth, self.padded)
        wanted = [
            (v.type.scalar, self.batch * rows * stride) for v, rows, stride in filter(None, plans)
        ]
        if not wanted:
            return [None, None]
        arena = self.emitter.arena
        names = iter(arena.arrays(wanted, self.bytes(depth, padded=self.padded), self.node))
        found: list[tuple[str, int] | None] = []
        for plan, along_k in zip(plans, (True, False)):
            if plan is None:
                found.append(None)
                continue
            value, _, stride = plan
            name = next(names)
            stage(self.emitter, value, name, depth, stride, along_k=along_k, wide=True)
            found.append((name, stride))
        arena.publish()
        return found

    def multiply(self, shared: Sequence[tuple[str, int] | None], depth: int) -> None:
        """All products of 8x8 matrices at one k."""
        emitter, out = self.emitter, self.emitter.out
        names = [
            None if place is None else self._load(side, place, "k", depth)
            for side, place in enumerate(shared)
        ]
        batch = "batch" if self.batch > 1 else ""
        # Where the unit takes two matrices of the left at a time, it is told where both are.
        step = emitter.target.matrix_forms.rows
        both = ("i", "(i + 1)") if step == 2 and self.rows % 2 == 0 else ("i",)
        for name, count, by in (("i", self.rows, len(both)), ("j", self.columns, 1)):
            out.line(emitter.target.loop)
            grow = f"++{name}" if by == 1 else f"{name} += {by}"
            out.line(f"for (int {name} = 0; {name} < {count}; {grow})")
        places = [_index([(batch, self.batch), (i, self.rows), ("j", self.columns)]) for i in both]
        sums = ", ".join(f"{self.storage.name} + {p}" for p in places)
        left = ", ".join(self._operand(0, names[0], i, "k", depth) for i in both)
        right = self._operand(1, names[1], "j", "k", depth)
        out.line(f"  tile_multiply({sums}, {left}, {right});")

    def _operand(self, side: int, loaded: str | None, number: str, k: str, depth: int) -> str:
        """Where the lane's two elements of the operand's matrix `number` are; `loaded`: at this k."""
        own = (number, self.rows if side == 0 else self.columns)
        if loaded is not None:
            return f"{loaded} + {_index([own])}"
        batch = ("batch" if self.batch > 1 else "", self.batch)
        at = f"(k0 + {k})" if depth < self.k else k
        deep = (f"{at} / {SIDE}", self.k // SIDE)
        order = [batch, own, deep] if side == 0 else [batch, deep, own]
        return f"{self.held[side]} + {_index(order)}"

    def _load(self, side: int, shared: tuple[str, int], k: str, depth: int) -> str:
        """The operand's matrices at one k, from threadgroup memory to registers."""
        emitter, product = self.emitter, self.product
        array, stride = shared
        shape = (self.m, SIDE) if side == 0 else (SIDE, self.n)
        forms = emitter.target.matrix_forms
        form = (forms.left, forms.right)[side]
        layout = fragments(shape, product.shared, form, by_rows=side == 0, by_columns=side == 1)
        word = ("left", "right")[side]
        scalar = self.node.inputs[side].type.scalar
        operand = emitter.new_storage(word, layout, scalar, self.node.id)
        nest = emitter.nest(layout)
        paired = form.element[0] == "column"  # neighbours in a row
        if paired:
            nest = wide = VectorNest(layout, list(nest.thread), Vectors(1, 2, frozenset()))
        scope = Scope(emitter, nest)
        first = wide.first if paired else nest
        row, column = (first.coordinate(d).text for d in (0, 1))
        row, column = (row, f"{k} + {column}") if side == 0 else (f"({k} + {row})", column)
        if self.batch > 1:
            row = f"(batch * {self.m if side == 0 else depth} + {row})"
        own, place = operand.at(nest, scope.identity).text, f"{array}[{row} * {stride} + {column}]"
        if paired:
            pair, two = emitter.unique("pair"), vector_type(c_type(scalar), 2)
            place = f"*(const threadgroup {two}*)&{place}"
            scope.line(wide.whole, f"const {two} {pair} = {place};")
            place = f"{pair}[{wide.element}]"
        scope.line(nest.depth, f"{own} = {place};")
        emitter.write_nest(nest)
        return operand.name


def _index(parts: Sequence[tuple[str, int]]) -> str:
    """Two times the number whose digits, in these bases, are the texts of `parts`."""
    text = ""
    for name, count in parts:
        if count > 1:
            text = f"({text} * {count} + {name})" if text else name
    return f"2 * ({text})" if " " in text else f"2 * {text}" if text else "0"


def _registers(emitter: Emitter, value: Value, layout: Layout) -> str:
    """The name of an array of registers that holds `value` in `layout`."""
    leaves = list(emitter.values.leaves(value, identity(value.type.shape)))
    if leaves == [(value, identity(value.type.shape))]:
        return emitter.storage_in(value, layout).name
    storage = emitter.new_storage("operand", layout, value.type.scalar, value.node)
    emitter.fill(storage, value)
    return storage.name
