"""What a launch costs beside the kernel: when everything is warm, and in a new process.

Times are recorded in `extra_info`; only ratios to something of the same run are asserted.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from triton_mlx.examples.elementwise import add_kernel

CALLS = 200

CHILD = """
import json, time
import mlx.core as mx
import triton_mlx
from triton_mlx.examples.softmax import softmax
x = mx.random.normal((64, 100), key=mx.random.key(0))
mx.eval(x)
with triton_mlx.use("host"):
    begin = time.perf_counter()
    mx.eval(softmax(x))
    first = time.perf_counter() - begin
print(json.dumps({"first_s": first}))
"""


def per_call(function: Callable[[], Any], out: mx.array) -> float:
    """Seconds of one of CALLS calls; what they left to compute is evaluated outside the time."""
    begin = time.perf_counter()
    for _ in range(CALLS):
        function()
    taken = time.perf_counter() - begin
    mx.eval(out)
    return taken / CALLS


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
    us, idle = statistics.median(ours), statistics.median(nothing)
    benchmark.extra_info |= {
        "launch_s": us, "idle_launch_s": idle, "added_s": us - idle, "ratio": us / idle,
    }  # fmt: skip
    # Triton's own part is 10 to 20 us; ours must not be a multiple of it.
    assert us < 4 * idle


def first_call(caches: Path) -> float:
    """Seconds from the first call to its result in a new process, after its imports."""
    environment = os.environ | {
        "TRITON_CACHE_DIR": str(caches / "triton"),
        "TRITON_MLX_CACHE_DIR": str(caches / "triton_mlx"),
    }
    command = [sys.executable, "-c", CHILD]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout)["first_s"])


def test_first_call_in_a_new_process(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """With a warm disk cache, against the same with an empty one."""
    cold = first_call(tmp_path)
    warm: list[float] = []
    benchmark.pedantic(  # type: ignore[no-untyped-call]
        lambda: warm.append(first_call(tmp_path)), rounds=5
    )
    median = statistics.median(warm)
    benchmark.extra_info |= {"cold_s": cold, "warm_s": median, "ratio": cold / median}
    assert cold > 2 * median
