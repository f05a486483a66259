"""Scans along an axis of a tile: every element combined with all before it (or after it, in reverse).

On the host, where a thread holds the tile, one loop over the axis. Elsewhere by the bits of the layout
(lowering/simdscan.py), or, where the layout does not allow that, in log2(n) rounds (Hillis and Steele, Data
Parallel Algorithms, 1986): in round s each element takes in the one s places before it, through threadgroup
memory, so that any layout and any combine function will do.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..fusion.graph import Node
from ..fusion.types import Scalar
from ..fusion.views import dim_ranges
from . import simdscan
from .coarse import merged_axis
from .exchange import put
from .layout import Layout
from .nest import Expr, Nest
from .scope import Scope, Storage, combine_lines
from .text import c_type

if TYPE_CHECKING:
    from .emit import Emitter


def emit(emitter: Emitter, node: Node) -> None:
    """The running combination of the operands, in the layout of the results."""
    home = emitter.homes[node.result]
    storages = [emitter.declare(v, node, home) for v in node.outputs]
    for storage, value in zip(storages, node.inputs):
        emitter.fill(storage, value)
    if emitter.target.lanes == 1:
        _in_one_thread(emitter, node, storages)
    elif (how := simdscan.plan(home, node.attr("axis"))) is not None:
        simdscan.emit(emitter, node, storages, how)
    else:
        _across_threads(emitter, node, home, storages)


def _in_one_thread(emitter: Emitter, node: Node, storages: list[Storage]) -> None:
    shape, axis = node.types[0].shape, node.attr("axis")
    count, inner = shape[axis], math.prod(shape[axis + 1 :])
    outer = math.prod(shape[:axis])
    if count == 1:
        return
    reverse = node.attr("reverse")
    walk = f"int i = {count - 2}; i >= 0; --i" if reverse else f"int i = 1; i < {count}; ++i"
    before = f"here {'+' if reverse else '-'} {inner}"
    out = emitter.out
    with (
        out.block(f"for (int o = 0; o < {outer * count * inner}; o += {count * inner})"),
        out.block(f"for ({walk})"),
        out.block(f"for (int k = 0; k < {inner}; ++k)"),
    ):
        out.line(f"const int here = o + i * {inner} + k;")
        left = [f"{s.name}[{before}]" for s in storages]
        right = [f"{s.name}[here]" for s in storages]
        _combine(emitter, node, left, right, right)


def _combine(
    emitter: Emitter, node: Node, left: list[str], right: list[str], into: list[str]
) -> None:
    """into = combine(left, right), all operands at once."""
    lines, results = combine_lines(emitter, node.regions[0], [*left, *right])
    for text in lines:
        emitter.out.line(text)
    names = [emitter.unique("next") for _ in results]
    for name, scalar, text in zip(names, _scalars(node), results):
        emitter.out.line(f"const {c_type(scalar)} {name} = {text};")
    for place, name in zip(into, names):
        emitter.out.line(f"{place} = {name};")


def _scalars(node: Node) -> list[Scalar]:
    return [t.scalar for t in node.types]


def _across_threads(emitter: Emitter, node: Node, home: Layout, storages: list[Storage]) -> None:
    shape, axis = node.types[0].shape, node.attr("axis")
    size, inner = math.prod(shape), math.prod(shape[axis + 1 :])
    scalars = _scalars(node)
    step, private = 1, False
    while step < shape[axis]:
        before, private = private, _within_threads(home, axis, step)
        if before:  # the round before read only what its own thread wrote
            emitter.arena.dirty = False
        with emitter.out.block():
            total = sum(s.bytes for s in scalars) * size
            shared = emitter.arena.arrays([(s, size) for s in scalars], total, node)
            put(emitter, home, {n: _element(s) for n, s in zip(shared, storages)})
            if private:
                emitter.arena.dirty = True
            else:
                emitter.arena.publish()
            _take_in(emitter, node, home, storages, shared, step, inner)
        step *= 2


def _within_threads(home: Layout, axis: int, step: int) -> bool:
    """True if `step` places along the axis lie between registers of one thread, which alone writes them."""
    bits = dim_ranges(home.shape)[axis][step.bit_length() - 1 :]
    once = all(home.lane) and all(home.simdgroup)
    return once and all(1 << b in home.register for b in bits)


def _element(storage: Storage) -> Callable[[Scope], Expr]:
    return lambda scope: storage.at(scope.nest, scope.identity)


def _take_in(
    emitter: Emitter,
    node: Node,
    home: Layout,
    storages: list[Storage],
    shared: list[str],
    step: int,
    inner: int,
) -> None:
    """Each element that has one `step` places before it (in reverse: after it) takes that in."""
    axis, reverse = node.attr("axis"), node.attr("reverse")
    nest = emitter.loops(home, axes=[axis])
    scope = Scope(emitter, nest)
    number = nest.number(scope.identity).text
    along = nest.coordinate(merged_axis(home.shape, nest.layout.shape, axis)).text
    has = f"{along} + {step} < {node.types[0].shape[axis]}" if reverse else f"{along} >= {step}"
    other = f"{number} {'+' if reverse else '-'} {step * inner}"
    lines = _combined(emitter, node, nest, scope, storages, [f"{n}[{other}]" for n in shared])
    scope.line(nest.depth, f"if ({has}) {{")
    for text in lines:
        scope.line(nest.depth, f"  {text}")
    scope.line(nest.depth, "}")
    emitter.write_nest(nest)


def _combined(
    emitter: Emitter,
    node: Node,
    nest: Nest,
    scope: Scope,
    storages: list[Storage],
    before: list[str],
) -> list[str]:
    own = [s.at(nest, scope.identity).text for s in storages]
    lines, results = combine_lines(emitter, node.regions[0], [*before, *own])
    names = [emitter.unique("next") for _ in results]
    return [
        *lines,
        *(f"const {c_type(s)} {n} = {t};" for n, s, t in zip(names, _scalars(node), results)),
        *(f"{place} = {name};" for place, name in zip(own, names)),
    ]
