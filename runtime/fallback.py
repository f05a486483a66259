"""Launches where no C++ compiler is: the graph is evaluated on numpy views of the arrays, at once."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .lowered import unpack

if TYPE_CHECKING:
    from ..fusion.graph import Function


class NoCompilerFallback(UserWarning):
    """Kernels are interpreted with numpy, because nothing on this machine compiles them."""


_TEXT = (
    "no C++ compiler was found, so kernels are interpreted with numpy: correct, but hundreds of times "
    "slower, and evaluated at once. Install one (Linux: apt install g++; macOS: xcode-select --install), "
    "or set CXX to its path"
)
_warned = False


def _warn() -> None:
    """Warn the first time only."""
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(_TEXT, NoCompilerFallback, stacklevel=2)


def launch(
    function: Function,
    arrays: Sequence[Any],
    buffers: tuple[int, ...],
    aliases: Mapping[int, int],
    written: tuple[int, ...],
    scalars: bytes,
    grid: tuple[int, int, int],
) -> tuple[Any, ...]:
    """New mx.arrays, one per entry of `written`: what `function` makes of them on `grid`.

    `arrays`: mx.arrays, each for the parameter of the same place in `buffers`. `aliases`: pointer
    parameter index → the index in `buffers` that stands for it; parameters not in it stand for
    themselves. `written`: indexes into `arrays`. `scalars`: little-endian slots of 8 bytes, one per
    scalar parameter in order. The arrays themselves do not change.

    Warns NoCompilerFallback once. Raises what fusion.evaluate raises, for instance BadArgument with the
    place in the kernel for an access outside of an array.
    """
    from ..fusion.evaluate import evaluate

    _warn()
    memory = {p: _memory(a, k in written) for k, (p, a) in enumerate(zip(buffers, arrays))}
    pointers = [k for k, p in enumerate(function.parameters) if p.type.is_pointer]
    places = [k for k, p in enumerate(function.parameters) if not p.type.is_pointer]
    values = {
        k: unpack(function.parameters[k].type.scalar, scalars[8 * n : 8 * n + 8])
        for n, k in enumerate(places)
    }
    evaluate(function, [memory[aliases.get(k, k)] for k in pointers], values, grid)
    return tuple(_array(memory[buffers[k]], arrays[k]) for k in written)


def _memory(array: Any, copy: bool) -> np.ndarray[Any, np.dtype[Any]]:
    """The contents of an mx.array in row-major order, flat; a private copy if `copy`."""
    import mlx.core as mx

    if array.dtype == mx.bfloat16:  # numpy has no bfloat16
        array = array.view(mx.uint16)
    return np.array(array, copy=True if copy else None, order="C").reshape(-1)


def _array(memory: np.ndarray[Any, np.dtype[Any]], like: Any) -> Any:
    import mlx.core as mx

    if like.dtype == mx.bfloat16:
        return mx.array(memory, mx.uint16).reshape(like.shape).view(mx.bfloat16)
    return mx.array(memory, like.dtype).reshape(like.shape)
