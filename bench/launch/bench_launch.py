"""What a warm launch costs beside the kernel.

Times are recorded in `extra_info`; only ratios to something of the same run are asserted.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import mlx.core as mx
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import triton_mlx
from triton_mlx.examples.elementwise import add_kernel
from triton_mlx.examples.sequences import SEQUENCES, Sequence
from triton_mlx.runtime import launch as launches
from triton_mlx.runtime import native

CALLS = 200


def per_call(function: Callable[[], Any], out: mx.array) -> float:
    """Seconds of one of CALLS calls; what they left to compute is evaluated outside the time."""
    begin = time.perf_counter()
    for _ in range(CALLS):
        function()
    taken = time.perf_counter() - begin
    mx.eval(out)
    return taken / CALLS


def parts(compiled: Any, launch: Callable[[], Any], out: mx.array) -> dict[str, float]:
    """Seconds of what one launch is made of, each called alone with the arguments of a real one."""
    real, seen = compiled.run, {}
    native_launch, rebind = native.launch, native.rebind

    def keep(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def kept(*arguments: Any) -> Any:
            seen[name] = (function, arguments)
            return function(*arguments)

        return kept

    compiled._run = keep("our launcher", real)
    native.launch = keep("the node in MLX's graph", native_launch)
    native.rebind = keep("binding the output", rebind)
    token = launches.recorder.set(lambda _, call, *rest: keep("the prepared call", call)(*rest))
    launch()
    launches.recorder.reset(token)
    native.launch, native.rebind, compiled._run = native_launch, rebind, real
    return {
        name: min(per_call(lambda f=f, a=a: f(*a), out) for _ in range(15))
        for name, (f, a) in seen.items()
    }


@pytest.mark.short
@pytest.mark.usefixtures("host")
def test_warm_launch(benchmark: BenchmarkFixture) -> None:
    """A launch of a tiny kernel, against the same launch with a launcher that does nothing."""
    x, y, out = mx.ones(16), mx.ones(16), mx.zeros(16)

    def launch() -> Any:
        return add_kernel[(1,)](x, y, out, 16, BLOCK=16)

    compiled = launch()
    mx.eval(out)
    real = compiled.run
    ours, nothing = [], []

    def idle_round() -> None:
        compiled._run = lambda *_: None
        nothing.append(per_call(launch, out))
        compiled._run = real

    benchmark.pedantic(  # type: ignore[no-untyped-call]
        lambda: ours.append(per_call(launch, out)), setup=idle_round, rounds=15, warmup_rounds=1
    )
    handle = triton_mlx.prepare(add_kernel[(1,)], x, y, out, 16, BLOCK=16)
    again = statistics.median(per_call(lambda: handle(x, y, out), out) for _ in range(9))
    us, idle = statistics.median(ours), statistics.median(nothing)
    benchmark.extra_info |= {
        "ratio": idle / us, "ours_s": us, "theirs_s": idle, "added_s": us - idle,
        "rival": "a launcher that does nothing", "config": "16 float32, 5 arguments",
        "target": "host", "kernels": 1, "bytes": 3 * 16 * 4,
        "parts_s": {
            "whole": us, "Triton, with a launcher that does nothing": idle,
            **parts(compiled, launch, out),
            "the whole launch, by a handle of triton_mlx.prepare": again,
        },
    }  # fmt: skip
    # Triton's own part is 10 to 20 us; ours must not be a multiple of it.
    assert us < 4 * idle


SMALL = [s for s in SEQUENCES if s.name != "feed_forward"]  # whose shapes are its own
SHORT = ("chain", "adam")
some_short = [pytest.param(s, marks=[pytest.mark.short] * (s.name in SHORT)) for s in SMALL]


@pytest.mark.parametrize("sequence", some_short, ids=lambda s: s.name)
@pytest.mark.usefixtures("host")
def test_traced_launches(sequence: Sequence, benchmark: BenchmarkFixture) -> None:
    """A sequence of launches in `fuse`, traced by mx.compile, against the same recorded in every call."""
    x, y = (mx.random.normal((16, 1024), key=mx.random.key(k)) for k in (0, 1))
    w = mx.random.normal((1024,), key=mx.random.key(2))
    mx.eval(x, y, w)
    fused = triton_mlx.fuse(sequence.launches)
    ways: dict[str, Callable[..., Any]] = {
        "ours": mx.compile(fused),
        "theirs": fused,
        "apart": sequence.launches,
        "formula": mx.compile(sequence.formula),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}

    def once(name: str) -> None:
        begin = time.perf_counter()
        result = ways[name](x, y, w)
        times[name].append(time.perf_counter() - begin)
        mx.eval(result)

    def others() -> None:
        for name in ("theirs", "apart", "formula"):
            once(name)

    for name in ways:
        once(name), times[name].clear()
    benchmark.pedantic(lambda: once("ours"), setup=others, rounds=100)  # type: ignore[no-untyped-call]
    medians = {f"{name}_s": statistics.median(found) for name, found in times.items()}
    benchmark.extra_info |= {
        "ratio": medians["theirs_s"] / medians["ours_s"], **medians,
        "rival": "recorded in each call", "config": "16x1024 float32", "target": "host",
    }  # fmt: skip
    assert medians["theirs_s"] > 5 * medians["ours_s"]
