"""The host target where no C++ compiler is: numpy runs the graph. Right, slow, and it says so."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..fusion.evaluate import evaluate
from ..fusion.graph import Node
from ..lowering.record import Kernel
from ..lowering.sites import print_site
from . import lowered, messages, transforms

_warned = False


class NoCompilerFallback(UserWarning):
    """Kernels run in numpy, because there is no C++ compiler."""


def warn(reason: str) -> None:
    """Say once that kernels run slowly, and why."""
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(f"kernels run in numpy, slowly: {reason}", NoCompilerFallback, stacklevel=2)


def _say(node: Node, program: tuple[int, int, int], values: tuple[Any, ...]) -> None:
    site = print_site(node)
    numbers = np.broadcast_to(values[0], site.shape).reshape(-1) if values else [0]
    for element, number in enumerate(numbers):
        print(messages.line(site, program, element, number))


def launch(
    text: str,
    kernel: Kernel,
    aliases: dict[int, int],
    arrays: Sequence[Any],
    scalars: bytes,
    grid: tuple[int, int, int],
) -> list[Any]:
    """New contents of the written buffers of `kernel`, evaluated at once.

    `arrays`: one per buffer; `aliases`: pointer parameter → the parameter that stands for its buffer.
    """
    import mlx.core as mx

    function = lowered.function_of(text)
    memory = {p: _copy(a) for p, a in zip(kernel.buffers, arrays, strict=True)}
    values = {
        k: lowered.unpack(function.parameters[k].type.scalar, scalars[8 * n : 8 * n + 8])
        for n, k in enumerate(kernel.scalars)
    }
    evaluate(function, {k: memory[owner] for k, owner in aliases.items()}, values, grid, _say)
    made = []
    for parameter, access, array in zip(kernel.buffers, kernel.accesses, arrays):
        if access.mode != "read":
            if array.dtype == mx.bfloat16:
                new = mx.array(memory[parameter]).view(mx.bfloat16)
            else:
                new = mx.array(memory[parameter], array.dtype)  # else float64 would be narrowed
            made.append(new.reshape(array.shape))
    return transforms.constant(arrays, made)


def _copy(array: Any) -> Any:
    """The elements in row-major order, as a numpy array of its own."""
    import mlx.core as mx

    flat = array.reshape(-1)
    return np.array(flat.view(mx.uint16) if array.dtype == mx.bfloat16 else flat)
