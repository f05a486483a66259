"""Matrix products: one strategy per row of a table, chosen by the target."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..fusion.errors import UnsupportedType
from ..fusion.graph import Node, Value
from ..fusion.ops import OPS
from ..fusion.types import F32, F64, I32
from ..fusion.views import Bits, dim_ranges, identity
from . import matrix
from .banks import Place
from .nest import Expr, Nest
from .scope import Scope, Storage
from .staging import sizes, stage, stage_depth
from .text import c_type

if TYPE_CHECKING:
    from .emit import Emitter


def emit(emitter: Emitter, node: Node, use: Storage | None) -> None:
    """result = a x b + accumulator, in place if `use` is where the accumulator lives."""
    _check(node)
    result = emitter.homes[node.result]
    storage = emitter.declare(node.result, node, result, use)
    emitter.fill(storage, node.inputs[2])
    with emitter.out.block():
        product = emitter.homes.products.get(node.id)
        if product is not None:
            matrix.emit(emitter, node, storage, product)
        else:
            _STRATEGIES[emitter.target.dot](emitter, node, storage)


def _check(node: Node) -> None:
    a, b, c = (v.type.scalar for v in node.inputs)
    if a.is_float != c.is_float or b.is_float != c.is_float or c not in (F32, F64, I32):
        raise UnsupportedType(
            f"dot of {a} and {b} into {c}",
            where=node.loc,
            why="only float to fp32 or fp64 and int8 to int32 are lowered",
            hint="accumulate in fp32 (out_dtype=tl.float32)",
        )


# --- host: a register-blocked micro-kernel over tiles in memory


def _host(emitter: Emitter, node: Node, storage: Storage) -> None:
    a, b, _ = node.inputs
    batch, m, k, n = sizes(node)
    texts = [_matrix(emitter, v, node) for v in (a, b)]
    words = ", ".join(c_type(v.type.scalar) for v in node.inputs)
    name = storage.name if storage.layout.registers > 1 else f"&{storage.name}"
    each = f"for (int batch = 0; batch < {batch}; ++batch) " if batch > 1 else ""
    step = f" + batch * {m * n}" if batch > 1 else ""
    arguments = f"{texts[0]}, {texts[1]}, {name}{step}"
    emitter.out.line(f"{each}host_dot<{m}, {n}, {k}, {words}>({arguments});")


def _matrix(emitter: Emitter, value: Value, node: Node) -> str:
    """ "pointer, row stride, column stride" of a tile in memory; tiles that are not kept are made.

    Of a tile of matrices, the pointer is to number `batch`.
    """
    leaves = list(emitter.values.leaves(value, identity(value.type.shape)))
    if len(leaves) == 1:
        root, bits = leaves[0]
        plain = root.type.scalar == value.type.scalar and root.type.size == value.type.size
        strides = _strides(bits, value.type.shape)
        if plain and strides is not None and _is_view(emitter, value):
            storage = emitter.home_storage(root)
            return _at(storage, strides)
    layout = emitter.homes.default(value.type.shape)
    storage = emitter.new_storage("operand", layout, value.type.scalar, node.id)
    emitter.fill(storage, value)
    rows, columns = value.type.shape[-2:]
    return _at(storage, [rows * columns, columns, 1][-len(value.type.shape) :])


def _at(storage: Storage, strides: list[int]) -> str:
    name = storage.name if storage.layout.registers > 1 else f"&{storage.name}"
    *batch, row, column = strides
    step = f" + batch * {batch[0]}" if batch and batch[0] else ""
    return f"{name}{step}, {row}, {column}"


def _is_view(emitter: Emitter, value: Value) -> bool:
    """True if `value` is a root or reached from one by shape operations alone."""
    while emitter.values.is_derived(value):
        node = emitter.values.node(value)
        if OPS[node.op].kind != "shape":
            return False
        value = node.inputs[0]
    return True


def _strides(bits: Bits, shape: tuple[int, ...]) -> list[int] | None:
    """Element stride of each dimension of a view in its root's row-major order, if it has one."""
    where = {bit: b for b, bit in enumerate(bits)}
    found: list[int] = []
    for own in dim_ranges(shape):
        places = [where.get(bit) for bit in own]
        if None in places or any(p != places[0] + i for i, p in enumerate(places)):  # type: ignore[operator]
            return None
        found.append(1 << places[0] if places else 0)  # type: ignore[operator]
    return found


# --- threads: operands staged in threadgroup memory, one multiply-add per register


def _staged(emitter: Emitter, node: Node, storage: Storage) -> None:
    a, b, _ = node.inputs
    batch, m, k, n = sizes(node)
    each = batch * (m * a.type.scalar.bytes + n * b.type.scalar.bytes)
    limit = emitter.target.threadgroup_bytes
    depth = stage_depth(limit, node, k, 1, lambda depth: depth * each)
    out = emitter.out
    wanted = [(a.type.scalar, batch * m * depth), (b.type.scalar, batch * depth * n)]
    with out.block(f"for (int k0 = 0; k0 < {k}; k0 += {depth})" if depth < k else ""):
        if depth < k:
            emitter.arena.dirty = True
        left, right = emitter.arena.arrays(wanted, sum(s.bytes * c for s, c in wanted), node)
        stage(emitter, a, left, depth, Place(depth, False), along_k=True)
        stage(emitter, b, right, depth, Place(n, False), along_k=False)
        emitter.arena.publish()
        with out.block(f"for (int k = 0; k < {depth}; ++k)"):
            nest = emitter.nest(storage.layout)
            scope = Scope(emitter, nest)
            word = c_type(storage.scalar)
            x, y = emitter.unique("left"), emitter.unique("right")
            row, column, first, second = _coordinates(nest, m, depth)
            scope.line(row.level, f"const {word} {x} = {word}({left}[{first} * {depth} + k]);")
            scope.line(
                max(row.level, column.level),
                f"const {word} {y} = {word}({right}[{second} * {n} + {column.text}]);",
            )
            place = storage.at(nest, scope.identity)
            product = (
                f"fma({x}, {y}, {place.text})"
                if storage.scalar.is_float
                else f"{word}((uint){x} * (uint){y} + (uint){place.text})"  # wraps
            )
            scope.line(nest.depth, f"{place.text} = {product};")
            emitter.write_nest(nest)


def _coordinates(nest: Nest, m: int, depth: int) -> tuple[Expr, Expr, str, str]:
    """(row, column, row among those of all matrices, k among the rows of all matrices)."""
    rank = len(nest.layout.shape)
    row, column = nest.coordinate(rank - 2), nest.coordinate(rank - 1)
    if rank == 2:
        return row, column, row.text, "k"
    batch = nest.coordinate(0)
    deep = Expr(row.text, max(row.level, batch.level))
    rows, depths = f"({batch.text} * {m} + {row.text})", f"({batch.text} * {depth} + k)"
    return deep, column, rows, depths


_STRATEGIES: dict[str, Callable[[Emitter, Node, Storage], None]] = {
    "host_micro_kernel": _host,
    "staged_fma": _staged,
}
