"""A launch that is made again on other arrays, without Triton's part of a launch."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..fusion.errors import BadArgument
from . import launch as launches
from .launch import Launcher, Prepared

Grid = tuple[int, int, int]


class Handle:
    """Launches a compiled kernel on new arrays; everything else is as in the launch that it came from.

        scale = triton_mlx.prepare(kernel[grid], x, y, n, 2.0, BLOCK=256)
        scale(x2, y2)

    The arrays are those of the launch, each once, in order, with the same dtypes. Raises BadArgument if
    their number or dtypes are others, or if one is given twice.
    """

    def __init__(
        self,
        launcher: Launcher,
        prepared: Prepared,
        dtypes: tuple[Any, ...],
        scalars: bytes,
        grid: Grid,
    ):
        self._make = launcher.make
        self._prepared = prepared
        self._dtypes = dtypes
        self._scalars = scalars
        self._grid = grid

    def __call__(self, *arrays: Any) -> None:
        try:
            dtypes = tuple([a.dtype for a in arrays])
        except AttributeError:
            dtypes = None
        if dtypes != self._dtypes or len(set(map(id, arrays))) < len(arrays):
            raise _wrong(arrays, self._dtypes)
        self._make(self._prepared, arrays, self._scalars, self._grid)


def _wrong(arrays: Sequence[Any], dtypes: Sequence[Any]) -> BadArgument:
    given = ", ".join(str(getattr(a, "dtype", type(a).__name__)) for a in arrays)
    return BadArgument(
        f"a prepared launch on ({given})",
        why=f"it was prepared for different arrays of ({', '.join(map(str, dtypes))})",
        hint="launch the kernel itself, or prepare it with such arrays",
    )


def prepare(launch: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Handle:
    """Makes the launch, and returns the handle of the last one that it made. Raises LookupError."""
    made: list[tuple[Launcher, Prepared, tuple[Any, ...], bytes, Grid]] = []
    with _listening(made):
        launch(*args, **kwargs)
    if not made:
        raise LookupError("nothing was launched: pass kernel[grid] and its arguments")
    return Handle(*made[-1])


@contextlib.contextmanager
def _listening(made: list[Any]) -> Iterator[None]:
    """Launches inside happen as they would, and are noted."""
    outer = launches.recorder.get()

    def note(
        launcher: Launcher, call: launches.Call, arrays: Sequence[Any], scalars: bytes, grid: Grid
    ) -> None:
        if outer is None:
            call(arrays, scalars, grid)
            launcher.plain += 1
        else:
            outer(launcher, call, arrays, scalars, grid)
        prepared = launcher.prepared(call)
        made[:] = [(launcher, prepared, tuple([a.dtype for a in arrays]), scalars, grid)]

    token = launches.recorder.set(note)
    try:
        yield
    finally:
        launches.recorder.reset(token)
