"""Two things measured in turns: how many times faster one is than the other, on a noisy machine."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from typing import Any

import mlx.core as mx
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import triton_mlx
from triton_mlx.examples.interpreted import Interpreter
from triton_mlx.runtime.bench.stopwatch import Taken, now, ratios, since


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "short: fast and steady enough to run with every change")
    _keep_freed_memory()


def _keep_freed_memory() -> None:
    """Freed arrays serve the next ones, on all sides, as they do on a GPU.

    On the CPU MLX keeps 32 MiB of freed buffers, and glibc gives arrays of that size back to the system: each
    new page of the next one is a fault then, more than half of the time of what is measured here.
    """
    mx.set_cache_limit(KEPT)
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):
        return
    for option, value in MALLOC_OPTIONS.items():
        library.mallopt(option, value)


# mallopt(3): from which size on memory is mapped, and how much free memory is given back.
MALLOC_OPTIONS = {-3: 1 << 30, -1: (1 << 31) - 1}
KEPT = 1 << 30  # bytes
Comparison = Callable[..., float]


def seconds(function: Callable[[], Any]) -> Taken:
    """Seconds of one call, including the evaluation of the arrays that it returns."""
    begin = now()
    result = function()
    if isinstance(result, (mx.array, tuple)):
        mx.eval(result)
    return since(begin)


def traffic(function: Callable[[], Any]) -> dict[str, int]:
    """Kernels and bytes of one call, as the report of `fuse` counts them."""
    with triton_mlx.fuse():
        mx.eval(function())
    # A function that fuses by itself leaves nothing for the scope around it: then this is its report.
    report = triton_mlx.fuse_report()
    return {"kernels": len(report.groups), "bytes": report.bytes_after}


@pytest.fixture
def speedup(benchmark: BenchmarkFixture) -> Comparison:
    """A function that says how many times faster `ours` is than `theirs`, by medians.

    The rounds alternate, so that whatever slows the machine slows both. `theirs` returns its
    result, or is given as `theirs_seconds` if it takes its own time. Where theirs runs for a
    second, `ours_per_round` lets ours run more than once after it, or caches are always cold. The
    ratio (of processor time too, unless theirs takes its own), both medians, `config` (shapes and types),
    the target and what `fuse` counts of ours (kernels, and bytes with every array read or written once)
    go into the benchmark's `extra_info`.
    """

    def compare(
        ours: Callable[[], Any],
        theirs: Callable[[], Any] | None = None,
        *,
        config: str,
        rival: str,
        theirs_seconds: Callable[[], float] | None = None,
        rounds: int = 15,
        ours_per_round: int = 1,
    ) -> float:
        def take_theirs() -> Taken:
            if theirs_seconds is None:
                assert theirs is not None
                return seconds(theirs)
            taken = theirs_seconds()
            return Taken(taken, taken)

        seconds(ours), take_theirs()
        our_times, their_times = [], []

        def before_each_round() -> None:
            their_times.append(take_theirs())

        benchmark.pedantic(  # type: ignore[no-untyped-call]
            lambda: our_times.extend(seconds(ours) for _ in range(ours_per_round)),
            setup=before_each_round,
            rounds=rounds,
        )
        found = ratios(our_times, their_times)
        if theirs_seconds is not None:
            del found["processor_ratio"]
        benchmark.extra_info |= {
            "rival": rival, "config": config, "target": "host", **found, **traffic(ours),
        }  # fmt: skip
        return found["ratio"]

    return compare


@pytest.fixture(scope="session")
def interpreter() -> Iterator[Interpreter]:
    """Triton's interpreter, in its own process."""
    with Interpreter() as child:
        yield child


@pytest.fixture
def host() -> Iterator[None]:
    """Our launches and MLX's own operations both run on the CPU."""
    before = mx.default_device()
    mx.set_default_device(mx.cpu)
    with triton_mlx.use("host"):
        yield
    mx.set_default_device(before)
