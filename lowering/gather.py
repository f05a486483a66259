"""Gathers: elements of one tile at places that another tile gives.

Any thread may want any element along the axis, so the source goes to memory that all of them read: the
thread's own array on the host, threadgroup memory elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..fusion.graph import Node, Value
from ..fusion.views import dim_ranges, identity
from .exchange import put
from .scope import Scope

if TYPE_CHECKING:
    from .emit import Emitter


def emit(emitter: Emitter, node: Node) -> None:
    """result[..., i, ...] = source[..., index[..., i, ...], ...] along the axis."""
    source, index = node.inputs
    axis, home = node.attr("axis"), emitter.homes[node.result]
    result = emitter.declare(node.result, node, home)
    with emitter.out.block():
        place = _published(emitter, node, source)
        nest = emitter.loops(home, [index], [axis])
        scope = Scope(emitter, nest)
        own = dim_ranges(home.shape)[axis]
        inner = nest.number(tuple(range(own.start))).text
        outer = nest.number(tuple(range(own.stop, len(identity(home.shape))))).text
        size, stride = source.type.shape[axis], 1 << own.start
        # Indices outside are undefined in Triton; here they stay in the tile.
        along = f"((int){scope.here(index).text} & {size - 1})"
        text = f"{place}[{outer} * {size * stride} + {along} * {stride} + {inner}]"
        left = result.at(nest, scope.identity)
        scope.line(nest.depth, f"{left.text} = {text};")
        emitter.write_nest(nest)


def _published(emitter: Emitter, node: Node, source: Value) -> str:
    """The name of an array of the source's elements, row-major, that every thread can read."""
    scalar, size = source.type.scalar, source.type.size
    if emitter.target.lanes == 1:
        layout = emitter.homes.default(source.type.shape)
        storage = emitter.new_storage("source", layout, scalar, node.id)
        emitter.fill(storage, source)
        return storage.name if layout.registers > 1 else f"(&{storage.name})"
    (shared,) = emitter.arena.arrays([(scalar, size)], size * scalar.bytes, node)
    layout = emitter.homes.readable(source)
    put(emitter, layout, {shared: lambda scope: scope.here(source)}, [source])
    emitter.arena.publish()
    return shared
