"""Atomic minima and maxima on Metal, as maxima of unsigned keys that start from zero.

A kernel's outputs start from one number. With keys whose order is the order of the values (reversed for
minima) that number is 0, the least key, for every kind (lowering/preludes/metal_words.h has the same keys).
"""

from __future__ import annotations

from typing import Any

_TOP = 0x80000000


def combined(kind: str, old: Any, keys: Any) -> Any:
    """The array after the atomics: `old` contents (32-bit elements), and the keys the kernel left."""
    import mlx.core as mx

    largest = mx.maximum(_key(kind, old), keys.view(mx.uint32))
    return _value(kind, largest).view(old.dtype)


def _key(kind: str, values: Any) -> Any:
    import mlx.core as mx

    bits = values.view(mx.uint32)
    top = mx.array(_TOP, mx.uint32)
    if kind in ("max", "min"):
        bits = mx.bitwise_xor(bits, top)
    elif kind in ("fmax", "fmin"):
        bits = mx.where(bits >= top, mx.bitwise_invert(bits), mx.bitwise_xor(bits, top))
    return mx.bitwise_invert(bits) if kind.endswith("min") else bits


def _value(kind: str, keys: Any) -> Any:
    import mlx.core as mx

    bits = mx.bitwise_invert(keys) if kind.endswith("min") else keys
    top = mx.array(_TOP, mx.uint32)
    if kind in ("max", "min"):
        return mx.bitwise_xor(bits, top)
    if kind in ("fmax", "fmin"):
        return mx.where(bits >= top, mx.bitwise_xor(bits, top), mx.bitwise_invert(bits))
    return bits
