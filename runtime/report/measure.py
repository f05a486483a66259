"""Times of a report's launches and kernels on the target they ran on.

A report holds no arrays, so each kernel runs on arrays of zeros of the sizes it had: its addresses, loops and
bytes are those of the program; what it would do with other numbers (denormals, branches on data) is not.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ...fusion.errors import BadArgument
from ...fusion.joint.records import NOT_WRITTEN, Launch
from ..launch import dtype_of
from ..prepared import call_of, packed, scalar_places
from ..target import Choice, current

if TYPE_CHECKING:
    from .report import FuseReport, Measured


def measured(report: FuseReport, runs: int) -> tuple[tuple[Measured, ...], tuple[Measured, ...]]:
    """(of each launch, of each kernel): medians of `runs` runs, all of them interleaved."""
    from .report import Measured

    choice = report.choice or current()
    if choice.name in ("simulate", "shapes"):
        raise BadArgument(
            f"measure() on {choice.name!r}",
            why="nothing runs there as fast as on a GPU",
            hint="run the launches on another target first, such as triton_mlx.use('host')",
        )
    functions = [x.function for x in report.launches]
    launches = (*report.launches, *report.kernels)
    single = [
        _run_of(x, packed(scalar_places(x, functions), report.scalars), choice) for x in launches
    ]  # prepared first: compiling is not timed
    found: list[list[float]] = [[] for _ in single]
    for _ in range(runs):
        for times, run in zip(found, single):
            times.append(run())
    made = [Measured(statistics.median(t), runs, choice.name) for t in found]
    return tuple(made[: len(report.launches)]), tuple(made[len(report.launches) :])


def _run_of(launch: Launch, scalars: bytes, choice: Choice) -> Callable[[], float]:
    """A function that runs `launch` once and returns its seconds; it has run once already."""
    import mlx.core as mx

    call, slots = call_of(launch, choice)
    buffers = [launch.buffers[s] for s in slots]
    zeros = [mx.zeros((b.elements,), getattr(mx, dtype_of(b.storage))) for b in buffers]
    mx.eval(zeros)

    def run() -> float:
        arrays: Sequence[mx.array] = [a.reshape(a.shape) for a in zeros]
        mx.eval(arrays)
        start = time.perf_counter()
        call(arrays, scalars, launch.grid)
        mx.eval([a for a, b in zip(arrays, buffers) if b.after != NOT_WRITTEN])
        mx.synchronize()
        return time.perf_counter() - start

    run()
    return run
