"""Views: shape operations relabel the bits of a flattened index, and nothing else.

Tile sizes are powers of two, so splat, broadcast, expand_dims, reshape and transpose only choose which bit
of the result's flattened index each bit of the input's index is. Such operations are never executed: a use
of their result is a use of their root through a tuple of bits.
"""

from __future__ import annotations

from collections.abc import Callable

from .graph import Node

# Entry b: the bit of the surrounding index that is bit b of this value's index.
Bits = tuple[int, ...]


def dim_ranges(shape: tuple[int, ...]) -> list[range]:
    """For every dimension, its bits in the flattened index, least significant first."""
    found: list[range] = []
    start = 0
    for size in reversed(shape):
        bits = size.bit_length() - 1
        found.append(range(start, start + bits))
        start += bits
    return found[::-1]


def identity(shape: tuple[int, ...]) -> Bits:
    ranges = dim_ranges(shape)
    return tuple(range(ranges[0].stop)) if ranges else ()


def _same(node: Node, bits: Bits) -> Bits:
    return bits


def _splat(node: Node, bits: Bits) -> Bits:
    return ()


def _broadcast(node: Node, bits: Bits) -> Bits:
    inner, outer = node.inputs[0].type.shape, node.types[0].shape
    kept = [r for r, a, b in zip(dim_ranges(outer), inner, outer, strict=True) if a == b]
    return tuple(bits[i] for r in reversed(kept) for i in r)


def _trans(node: Node, bits: Bits) -> Bits:
    order = node.attr("order")
    outer = dim_ranges(node.types[0].shape)
    by_inner_dim = {source: outer[k] for k, source in enumerate(order)}
    return tuple(bits[i] for d in reversed(range(len(order))) for i in by_inner_dim[d])


_INPUT_BITS: dict[str, Callable[[Node, Bits], Bits]] = {
    "splat": _splat,
    "broadcast": _broadcast,
    "expand_dims": _same,
    "reshape": _same,
    "trans": _trans,
}


def input_bits(node: Node, bits: Bits) -> Bits:
    """The bits through which a shape operation's input is seen if its result is seen through `bits`."""
    return _INPUT_BITS[node.op](node, bits)
