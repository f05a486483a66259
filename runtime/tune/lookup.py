"""Which schedule a launch gets: what was measured here for its kernel and sizes, else the model's choice.

Every launch imports this file, so it imports nothing of the compiler's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...lowering.record import BufferFacts
from ...lowering.schedule import MODEL, Schedule
from .store import Entry, Size, key_of, load, size_class

if TYPE_CHECKING:
    from ..target import Choice

Grid = tuple[int, int, int]

# Where a time says something. The simulator's says nothing of any chip.
MEASURABLE = frozenset({"host", "metal", "cuda"})
_MOST_KNOWN = 4096


@dataclass(frozen=True, slots=True)
class Seen:
    """A launch before it happens. `sizes`: elements of the arrays that it writes; `arrays`: all of them,
    each once, as they are now; `file`: where the kernel is written ("": where its text says)."""

    text: str
    choice: Choice
    num_warps: int
    facts: tuple[tuple[int, BufferFacts], ...]
    scalars: bytes
    grid: Grid
    sizes: tuple[int, ...]
    arrays: tuple[Any, ...]
    file: str = ""


Listener = Callable[[Seen], None]
_listener: Listener | None = None
_used: dict[tuple[str, Grid], Entry] = {}


class Finder:
    """Schedules for the launches of one kernel on arrays of the same types.

    `launcher` has the text, num_warps and choice of a runtime.launch.Launcher. With `fixed`, all launches
    get that one, and nobody hears of them.
    """

    def __init__(
        self, launcher: Any, facts: Mapping[int, BufferFacts], fixed: Schedule | None = None
    ):
        self._launcher, self._facts, self._fixed = launcher, facts, fixed
        self._known: dict[tuple[bytes, Grid, tuple[int, ...]], Schedule] = {}
        self._entries: dict[Size, Entry | None] = {}

    def __call__(
        self,
        scalars: bytes,
        grid: Grid,
        sizes: tuple[int, ...],
        arrays: Callable[[], Sequence[Any]],
    ) -> Schedule:
        """The schedule of a launch. `sizes`: elements of what it writes."""
        if self._fixed is not None:
            return self._fixed
        if _listener is not None:
            self._tell(_listener, scalars, grid, sizes, arrays())
            return MODEL
        choice: Choice = self._launcher.choice
        if not choice.tuned or choice.name not in MEASURABLE:
            return MODEL
        found = self._known.get((scalars, grid, sizes))
        if found is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            found = self._known[scalars, grid, sizes] = self._look_up(scalars, grid, sizes)
        return found

    def _look_up(self, scalars: bytes, grid: Grid, sizes: tuple[int, ...]) -> Schedule:
        size, launcher = size_class(scalars, grid, sizes), self._launcher
        if size not in self._entries:
            key = key_of(launcher.text, launcher.choice, launcher.num_warps, self._facts, size)
            self._entries[size] = load(key, "measured")
        entry = self._entries[size]
        if entry is None:
            return MODEL
        if len(_used) >= _MOST_KNOWN:
            _used.clear()
        _used[launcher.text, grid] = entry
        return entry.schedule

    def _tell(
        self,
        listener: Listener,
        scalars: bytes,
        grid: Grid,
        sizes: tuple[int, ...],
        arrays: Sequence[Any],
    ) -> None:
        import mlx.core as mx

        launcher = self._launcher
        # New handles: a launch binds the ones that it was given to what it makes.
        held = tuple([mx.array(a) for a in arrays])
        facts = tuple(sorted(self._facts.items()))
        listener(
            Seen(
                launcher.text,
                launcher.choice,
                launcher.num_warps,
                facts,
                scalars,
                grid,
                sizes,
                held,
                getattr(launcher, "file", ""),
            )
        )


@contextlib.contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Inside, `listener` hears of each different launch once, and all have the model's choice.

    Not those that this process has made before.
    """
    global _listener
    previous, _listener = _listener, listener
    try:
        yield
    finally:
        _listener = previous


def used(function: Any, grid: Grid) -> Entry | None:
    """What a launch of `function`, a fusion.graph.Function, was given in this process."""
    from ..lowered import function_of

    for (text, where), entry in reversed(_used.items()):
        if where == grid and function_of(text) == function:
            return entry
    return None
