"""Reports from shapes alone: nothing is computed, and no array of the user is changed.

A stand-in becomes a lazy array of zeros that nobody evaluates; launches are recorded and planned as always,
for the chip that is asked for, but what a launch would write becomes another such array.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .. import lowered, native
from ..target import SHAPES, Choice, during

if TYPE_CHECKING:
    from ...lowering.record import BufferFacts
    from ..launch import Call, Launcher


@dataclass(frozen=True, slots=True)
class Shaped:
    """Stands for an array of `shape` (a number or a tuple) and `dtype`: a name, or a dtype of MLX or numpy."""

    shape: int | tuple[int, ...]
    dtype: Any = "float32"

    def array(self) -> Any:
        """A lazy mx.array of zeros. Raises BadArgument for a dtype that MLX does not have."""
        import mlx.core as mx

        from ...fusion.errors import BadArgument

        name = getattr(self.dtype, "__name__", str(self.dtype)).rpartition(".")[2]
        kind = getattr(mx, name, None)
        if not isinstance(kind, mx.Dtype):
            raise BadArgument(
                f"Shaped({self.shape}, {self.dtype!r})",
                why="MLX has no such dtype",
                hint='name it as MLX does, such as "float16"',
            )
        shape = (self.shape,) if isinstance(self.shape, int) else tuple(self.shape)
        return mx.zeros(shape, kind)


def has_shapes(value: Any) -> bool:
    """Is a stand-in among these arguments, at any depth of tuples, lists and dicts?"""
    if isinstance(value, Mapping):
        return any(map(has_shapes, value.values()))
    if isinstance(value, (tuple, list)):
        return any(map(has_shapes, value))
    return isinstance(value, Shaped)


def filled(value: Any) -> Any:
    """The same with an array for each stand-in."""
    if isinstance(value, Shaped):
        return value.array()
    if isinstance(value, Mapping):
        return {k: filled(v) for k, v in value.items()}
    if type(value) in (tuple, list):
        return type(value)(map(filled, value))
    return value


# Arrays that launches have changed since `nothing_runs` began, and what they were; weakly, because whoever
# holds an array makes it visible, and a visible array is written.
_changed: list[tuple[weakref.ref[Any], Any]] = []


@contextmanager
def nothing_runs(chip: str) -> Iterator[None]:
    """Launches inside are for `chip` and compute nothing; arrays are afterwards what they were before."""
    with during(Choice(SHAPES, chip=chip)):
        try:
            yield
        finally:
            for reference, node in reversed(_changed):
                array = reference()
                if array is not None:
                    native.rebind(array, node)
            _changed.clear()


def prepare(launcher: Launcher, facts: Mapping[int, BufferFacts]) -> Call:
    """A call that only says which arrays it would have written."""
    kernel = lowered.kernel_for(launcher.text, launcher.choice.arch, launcher.num_warps, facts)
    written = tuple(k for k, a in enumerate(kernel.accesses) if a.mode != "read")

    def call(arrays: Sequence[Any], scalars: bytes, grid: tuple[int, int, int]) -> None:
        import mlx.core as mx

        for k in written:
            array = arrays[k]
            _changed.append((weakref.ref(array), array.reshape(array.shape)))
            native.rebind(array, mx.zeros(array.shape, array.dtype))

    return call


def called(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`function` on `args`, with arrays for stand-ins."""
    return function(*filled(args), **filled(kwargs))
