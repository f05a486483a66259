"""What compiling costs: lift, passes and lowering, and the first call in a new process.

Times are recorded in `extra_info`; only ratios to something of the same run are asserted.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest
import triton
from pytest_benchmark.fixture import BenchmarkFixture

from triton_mlx.examples import attention, elementwise, softmax
from triton_mlx.fusion import passes
from triton_mlx.fusion.lift import lift
from triton_mlx.lowering.fit import lower_to_fit
from triton_mlx.runtime import compiler, lowered
from triton_mlx.runtime.bench.stopwatch import Taken, now, ratios, since
from triton_mlx.runtime.inspect import last_launcher

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


def call_attention() -> Any:
    q = mx.zeros((1, 2, 128, 64), mx.float16)
    return attention.attention(q, q * 1, q * 2, causal=True)


def call_add() -> Any:
    return elementwise.add(mx.zeros(64), mx.ones(64))


def call_softmax() -> Any:
    return softmax.softmax(mx.zeros((4, 64)))


KERNELS = {
    "flash attention": (attention.attention_kernel, call_attention, "1x2x128x64 float16, causal"),
    "softmax": (softmax.softmax_kernel, call_softmax, "4x64 float32"),
    "add": (elementwise.add_kernel, call_add, "64 float32"),
}


@pytest.fixture
def front_end(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Taken]]:
    """What Triton's own part of a compilation takes: Python to TTIR, and TTIR passes."""
    ours: list[Taken] = []
    finish = compiler._finish

    def timed(*arguments: Any) -> bytes:
        begin = now()
        try:
            return finish(*arguments)
        finally:
            ours.append(since(begin))

    def of(kernel: Any, call: Callable[[], Any]) -> Taken:
        ours.clear()
        kernel.device_caches.clear()
        begin = now()
        call()
        taken = since(begin)
        assert ours, "Triton compiled nothing"
        return Taken(*(t - sum(o) for t, o in zip(taken, zip(*ours))))

    monkeypatch.setattr(compiler, "_finish", timed)
    monkeypatch.setattr(triton.knobs.compilation, "always_compile", True)
    yield of


@pytest.mark.short
@pytest.mark.usefixtures("host")
@pytest.mark.parametrize("target", ["host", "simulate"])
@pytest.mark.parametrize("name", KERNELS)
def test_lift_fuse_lower(
    name: str, target: str, benchmark: BenchmarkFixture, front_end: Callable[..., Taken]
) -> None:
    """From the text of Triton's IR to a body of C++ or Metal, against Triton's own front end."""
    kernel, call, config = KERNELS[name]
    mx.eval(call())
    launcher = last_launcher(kernel)
    text, warps, facts = launcher.text, launcher.num_warps, launcher.last_facts
    row = lowered._row(target)
    ours, theirs = [], []

    def compile_() -> None:
        begin = now()
        function = passes.run(passes.default(), lift(text)).function
        assert lower_to_fit(function, row, warps, facts).body
        ours.append(since(begin))

    benchmark.pedantic(  # type: ignore[no-untyped-call]
        compile_,
        setup=lambda: theirs.append(front_end(kernel, call)),
        rounds=9,
        warmup_rounds=1,
    )
    found = ratios(ours, theirs)
    benchmark.extra_info |= {
        "rival": "Triton's front end", "config": config, "target": target, **found,
    }  # fmt: skip
    assert found["processor_ratio"] > 1 / 20


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
    benchmark.extra_info |= {
        "ratio": cold / median, "ours_s": median, "theirs_s": cold, "rival": "caches empty",
        "config": "softmax, 64x100 float32", "target": "host",
    }  # fmt: skip
    assert cold > 2 * median
