"""A recorded launch, made again with any schedule on what its arrays held."""

from __future__ import annotations

import time
from typing import Any

from ...lowering.record import Kernel
from ...lowering.schedule import MODEL, Schedule
from .. import lowered, metal
from ..launch import Call
from ..prepared import call_for
from ..target import Choice
from .lookup import Seen


class Replay:
    """Launches of `seen` on `choice`. Each has copies of the arrays that it writes."""

    def __init__(self, seen: Seen, choice: Choice):
        import mlx.core as mx

        self.seen, self.choice = seen, choice
        self._calls: dict[Schedule, Call] = {}
        mx.eval(seen.arrays)
        kernel = self.kernel(MODEL)
        self.speaks = bool(kernel.sites)
        self._written = [k for k, a in enumerate(kernel.accesses) if a.mode != "read"]

    def kernel(self, schedule: Schedule) -> Kernel:
        """Lowered for `choice`. Raises TileTooLarge where `schedule` does not fit."""
        seen, facts = self.seen, dict(self.seen.facts)
        arch, warps = self.choice.arch, seen.num_warps
        if self.choice.name == "host":
            return lowered.kernel_for(seen.text, arch, warps, facts, schedule)
        key = (seen.scalars, seen.grid, tuple(a.size for a in seen.arrays))
        return metal.plan(seen.text, arch, warps, facts, key, schedule)

    def outputs(self, schedule: Schedule) -> list[bytes]:
        """The bits of the arrays that a launch with `schedule` writes."""
        arrays = self._launched(schedule, self._fresh())
        return [_bits(array) for array in arrays]

    def seconds(self, schedule: Schedule) -> float:
        """The time of one launch until its results are there."""
        import mlx.core as mx

        arrays = self._fresh()
        mx.synchronize()
        start = time.perf_counter()
        self._launched(schedule, arrays)
        return time.perf_counter() - start

    def _launched(self, schedule: Schedule, arrays: list[Any]) -> list[Any]:
        import mlx.core as mx

        seen = self.seen
        if schedule not in self._calls:
            facts = dict(seen.facts)
            call = call_for(seen.text, self.choice, seen.num_warps, facts, schedule)
            self._calls[schedule] = call
        self._calls[schedule](arrays, seen.scalars, seen.grid)
        made = [arrays[k] for k in self._written]
        mx.eval(made)
        mx.synchronize()
        return made

    def _fresh(self) -> list[Any]:
        import mlx.core as mx

        made = [
            _copy(a) if k in self._written else mx.array(a) for k, a in enumerate(self.seen.arrays)
        ]
        mx.eval(made)
        return made


def _copy(array: Any) -> Any:
    """An array of its own memory, which a launch may change in place; the same bits, NaN or not."""
    import mlx.core as mx

    if not array.size:
        return mx.array(array)
    words = mx.contiguous(array.reshape(-1)).view(mx.uint8)
    return (words | mx.array(0, mx.uint8)).view(array.dtype).reshape(array.shape)


def _bits(array: Any) -> bytes:
    import mlx.core as mx
    import numpy

    if not array.size:
        return b""
    words: Any = mx.contiguous(array.reshape(-1)).view(mx.uint8)
    return numpy.asarray(words).tobytes()
