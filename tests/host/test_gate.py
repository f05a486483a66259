"""The regression gate, seen red: an extra kernel, a barrier, a slower kernel; and green on what is better."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from triton_mlx.runtime import capture, metal
from triton_mlx.runtime.bench import baseline, command, compare, counts, ratios
from triton_mlx.runtime.bench.baseline import Baseline, Counted, Measured
from triton_mlx.runtime.commands import WrongUsage

BENCH = Path(__file__).resolve().parents[2] / "bench"
FEW = ("gated", "softmax")

SUITE = """
from pathlib import Path

import mlx.core as mx
import pytest
import triton
import triton.language as tl

TIMES = {times}

@triton.jit
def work(x, out, TIMES: tl.constexpr, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + at)
    for _ in range(TIMES):
        v = tl.exp(v) - 1.0
    tl.store(out + at, v)

def launched(x, times):
    out = mx.zeros_like(x)
    work[(512,)](x, out, TIMES=times, BLOCK=1024)
    return out

@pytest.mark.usefixtures("host")
def test_work(speedup):
    x = mx.zeros(512 * 1024)
    speedup(lambda: launched(x, TIMES), lambda: launched(x, 10), config="small", rival="itself")
    runs = Path({runs!r})
    runs.write_text(runs.read_text() + "+" if runs.exists() else "+")
    assert len(runs.read_text()) > {failures}, "the floor"
"""


@pytest.fixture
def few_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = [case for case in counts.cases() if case.name in FEW]
    monkeypatch.setattr(counts, "cases", lambda: chosen)


def gate(path: Path, **options: Any) -> tuple[int, str]:
    """Exit code and output of `bench --gate`, or of --update if a reason is given."""
    stream = io.StringIO()
    wanted = command.Wanted(gate="update" not in options, baseline=path, **options)
    return command.run(wanted, stream), stream.getvalue()


@pytest.fixture
def path(tmp_path: Path, few_cases: None) -> Path:
    made = tmp_path / "baseline.json"
    gate(made, deterministic=True, update="first")
    return made


def test_nothing_changed_is_green_and_counts_are_the_same_each_time(path: Path) -> None:
    code, text = gate(path, deterministic=True)
    assert code == 0
    assert "0 better, 0 new, 0 worse, 0 gone" in text


def test_a_barrier_more_is_red(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = metal.plan

    def with_barrier(*arguments: Any) -> Any:
        kernel = plan(*arguments)
        barrier = "\n  threadgroup_barrier(mem_flags::mem_threadgroup);"
        return dataclasses.replace(kernel, body=kernel.body + barrier)

    monkeypatch.setattr(metal, "plan", with_barrier)
    monkeypatch.setattr(capture, "_plans", {})  # they hold prepared calls of the other tests
    code, text = gate(path, deterministic=True)
    assert code == 1
    found = [line.split()[:4] for line in text.splitlines() if "threadgroup barriers" in line]
    assert ["worse", "gated", "threadgroup", "barriers"] in found


def test_a_kernel_more_is_red(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from triton_mlx.fusion.joint.records import Plan

    def apart(launches: Any, visible: Any, relax: bool, choice: Any) -> Plan:
        return Plan(tuple(launches), (), 0, 0)

    monkeypatch.setattr(capture, "planned_for", apart)
    monkeypatch.setattr(capture, "_plans", {})
    code, text = gate(path, deterministic=True)
    assert code == 1
    row = next(line.split() for line in text.splitlines() if " kernels " in line)
    assert row == ["worse", "gated", "kernels", "1", "3"]


def test_what_is_better_is_said_and_fails_nothing(path: Path) -> None:
    data = json.loads(path.read_text())
    values = data["counts"]["softmax"]["values"]
    values["source lines"] += 5
    values["bytes read: one_buffer_more"] = 64
    path.write_text(json.dumps(data))
    code, text = gate(path, deterministic=True)
    assert code == 0
    assert [line.split()[0] for line in text.splitlines()[1:3]] == ["better", "better"]
    assert "2 better" in text


def test_a_case_that_is_no_longer_counted_is_red_and_a_new_one_is_not(path: Path) -> None:
    data = json.loads(path.read_text())
    data["counts"]["removed"] = data["counts"].pop("gated")
    path.write_text(json.dumps(data))
    code, text = gate(path, deterministic=True)
    assert code == 1
    assert "1 new, 0 worse, 1 gone" in text


def test_update_keeps_every_reason(path: Path) -> None:
    gate(path, deterministic=True, update="a better layout")
    assert [u["reason"] for u in json.loads(path.read_text())["updates"]] == [
        "first",
        "a better layout",
    ]
    with pytest.raises(WrongUsage, match="reason"):
        gate(path, deterministic=True, update=" ")


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    folder = tmp_path / "bench"
    folder.mkdir()
    shutil.copy(BENCH / "conftest.py", folder)
    return folder


def write_suite(folder: Path, times: int, failures: int = 0) -> None:
    """A benchmark that runs its work `times`, and that misses its floor the first `failures` times."""
    text = SUITE.format(times=times, failures=failures, runs=str(folder / "runs"))
    (folder / "bench_work.py").write_text(text)


@pytest.mark.usefixtures("few_cases")
def test_a_slower_kernel_is_red_and_a_faster_one_green(suite: Path) -> None:
    path = suite / "baseline.json"
    write_suite(suite, times=10)
    gate(path, folder=suite, update="first")
    assert gate(path, folder=suite)[0] == 0
    write_suite(suite, times=100)
    code, text = gate(path, folder=suite)
    assert code == 1
    assert "worse    bench_work.py::test_work  ratio" in text
    write_suite(suite, times=1)
    code, text = gate(path, folder=suite)
    assert code == 0
    assert "better   bench_work.py::test_work  ratio" in text


def test_a_floor_that_is_missed_once_is_measured_again(suite: Path) -> None:
    write_suite(suite, times=1, failures=1)
    (record,) = ratios.run(suite)
    assert record["extra_info"]["rival"] == "itself"
    (suite / "runs").unlink()
    write_suite(suite, times=1, failures=9)
    with pytest.raises(ratios.BenchmarkFailed, match="code 1"):
        ratios.run(suite)


def test_a_ratio_may_fall_by_its_own_tolerance() -> None:
    before = {"a": Measured("", "host", 10.0, 0.2), "b": Measured("", "host", 10.0, 0.5)}
    now = {"a": Measured("", "host", 7.0), "b": Measured("", "host", 7.0)}
    assert [c.verdict for c in compare.ratios(before, now, whole=True)] == ["worse", "same"]


def test_an_update_keeps_tolerances_and_rows_of_a_part() -> None:
    before = Baseline(ratios={"a": Measured("", "host", 10.0, 0.2), "b": Measured("", "host", 5.0)})
    now = {"a": Measured("", "host", 12.0)}
    part = before.updated("why", None, now, whole=False).ratios
    assert part == {"a": Measured("", "host", 12.0, 0.2), "b": Measured("", "host", 5.0)}
    assert list(before.updated("why", None, now, whole=True).ratios) == ["a"]


def test_numbers_of_another_configuration_are_not_compared() -> None:
    before, now = (
        Counted("2x2", "simulate", {"kernels": 1}),
        Counted("4x4", "simulate", {"kernels": 1}),
    )
    (change,) = compare.counts({"a": before}, {"a": now})
    assert change.fails


@pytest.mark.parametrize(
    "text", ["", "[]", '{"schema": 2}', '{"schema": 1, "counts": {"a": {}}, "ratios": {}}']
)
def test_what_is_no_baseline_is_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(text)
    with pytest.raises(baseline.NoBaseline, match="NO_BASELINE"):
        baseline.load(path)
    with pytest.raises(baseline.NoBaseline, match="No such file"):
        baseline.load(tmp_path / "none.json")


def test_the_committed_baseline_has_every_case_and_a_reason() -> None:
    committed = baseline.load(baseline.DEFAULT)
    assert set(committed.counts) == {case.name for case in counts.cases()}
    assert all(u["reason"] for u in committed.updates)
    assert committed.ratios
