"""Launches that run at once, inside a function that MLX transforms: mx.compile, mx.grad, mx.vmap.

A lazy launch is a node of MLX's graph like any other. One that runs at once (in the simulator, where a kernel
prints, on numpy arrays, without a C++ compiler) is nothing that MLX could follow: it must not look like a
constant.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from ..fusion.errors import Untransformable

if TYPE_CHECKING:
    from ..fusion.graph import Function


def refuse(error: ValueError, function: Function) -> NoReturn:
    """Raise what `error`, of a launch of `function`, means to the user; another error as it is."""
    if "function transformations" not in str(error):  # MLX's words where it cannot evaluate
        raise error
    raise Untransformable(
        f"the launch of {function.name} runs at once",
        where=function.loc,
        why="mx.compile or mx.vmap follows its arrays, which have no contents yet",
        hint="launch it outside, or so that it is lazy: mx.arrays alone, on host, metal or cuda, no prints",
    ) from error


def constant(inputs: Sequence[Any], made: Sequence[Any]) -> list[Any]:
    """`made`, computed from `inputs` outside MLX's graph: a derivative through it is refused, not zero."""
    from . import native

    if native.followed(inputs) is False:
        return list(made)
    tied: list[Any] = _tie()(list(inputs), list(made))
    return tied


@functools.cache
def _tie() -> Any:
    import mlx.core as mx

    @mx.custom_function
    def tie(inputs: list[Any], made: list[Any]) -> list[Any]:
        return made

    def none(*of: Any) -> NoReturn:
        raise Untransformable(
            "a derivative of a launch that ran at once",
            why="it ran outside MLX's graph",
            hint="@mx.custom_function around the launch, with a .vjp or .jvp",
        )

    tie.vjp(none)
    tie.jvp(none)
    return tie
