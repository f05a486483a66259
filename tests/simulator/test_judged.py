"""What the suite does with every kernel that it launches: it notices the kernels that it must."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import emitted
import mlx.core as mx
import needless
import pytest

import triton_mlx
from triton_mlx.examples import softmax
from triton_mlx.lowering.record import Access
from triton_mlx.runtime import metal
from triton_mlx.runtime.inspect import lowered_last


def launch() -> None:
    with triton_mlx.use("simulate", checked=True):
        softmax.softmax(mx.random.normal((2, 300)))


def changed(patch: pytest.MonkeyPatch, old: str, new: str) -> None:
    """Launches from here on are of texts with `new` for `old`."""
    run = metal._run

    def other(launcher: Any, call: Any, inputs: Any) -> Any:
        assert old in call.source
        return run(launcher, replace(call, source=call.source.replace(old, new, 1)), inputs)

    patch.setattr(metal, "_run", other)


def test_a_text_that_metal_rejects(monkeypatch: pytest.MonkeyPatch) -> None:
    changed(monkeypatch, "const int lane = (int)", "const double two = 2; const int lane = (int)")
    with pytest.raises(emitted.Rejected, match="double"):
        launch()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("threads", 2048),
        ("threadgroup_bytes", 40000),
        ("registers", 200),
        ("accesses", (Access("x", "float", "merged"),) * 16),
    ],
)
def test_a_kernel_that_does_not_fit(field: str, value: Any) -> None:
    launch()
    kernel = lowered_last(softmax.softmax_kernel, "simulate")
    emitted.judge_fit(kernel, "simulate", spills=False)
    with pytest.raises(emitted.Rejected):
        emitted.judge_fit(replace(kernel, **{field: value}), "simulate", spills=False)


def test_a_barrier_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needless, "found", {})
    needless.install(monkeypatch, "this test")
    launch()
    assert not needless.report()
    line = "threadgroup_barrier(mem_flags::mem_threadgroup);"
    changed(monkeypatch, line, f"{line}\n{line}")
    launch()
    assert len(needless.report()) == 2


def test_workers_together_know_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A barrier that either worker's launches miss is needed; what only one has seen is kept."""
    source = "a_barrier();\nb_barrier();\nc_barrier();"
    monkeypatch.setattr(needless, "found", {})
    needless.join([(source, "k_1", [0, 1, 2], [0, 1], ["first"])])
    assert len(needless.report()) == 2
    needless.join([(source, "k_1", [1, 2], [2], ["second"]), ("d_barrier();", "l_1", [], [], [])])
    assert [t.partition(":")[0] for t in needless.report()] == [
        "k, line 1, first",
        "k, line 2, first",
    ]
    assert needless.handed_over()[0] == (source, "k_1", [1, 2], [0, 1, 2], ["first", "second"])
