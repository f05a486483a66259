"""`doctor --selftest`, as a user runs it, and its report for a machine with Metal."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest

from triton_mlx.hwinfo import find
from triton_mlx.runtime.selftest import command, verdict
from triton_mlx.runtime.selftest.judge import Result
from triton_mlx.runtime.selftest.table import ROWS

NOT_METAL = pytest.mark.skipif(mx.metal.is_available(), reason="the tests run on the device there")
M3 = verdict.Device("metal", find("M3 Max"), "Apple M3 Max", "applegpu_g15d", "Darwin 26.1", "0.32")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("selftest")


def doctor(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TRITON_MLX_")}
    return subprocess.run(
        [sys.executable, "-m", "triton_mlx", "doctor", *arguments],
        cwd=folder,
        env={**kept, "TRITON_MLX_CACHE_DIR": str(folder / "cache"), **more},
        capture_output=True,
        text=True,
    )


@NOT_METAL
def test_the_simulator_is_named_and_no_device_is_claimed(folder: Path) -> None:
    done = doctor(folder, "--selftest", "--save", "report.json")
    report = json.loads((folder / "report.json").read_text())
    assert done.returncode == (0 if report["ok"] else 1)
    assert "target simulate" in done.stdout
    assert "NOTHING was verified on a device" in done.stdout
    assert (report["schema"], report["target"]) == (1, "simulate")
    assert report["verified_on_device"] is False and report["switched_off"] == []
    assert [t["name"] for t in report["tests"]] == [t.name for t in ROWS]
    for test in report["tests"]:
        assert test["name"] in done.stdout
        assert test["status"] != "failed", test["detail"]
        assert (test["status"] == "skipped") == bool(test["detail"])


@NOT_METAL
def test_json_is_the_saved_report(folder: Path) -> None:
    done = doctor(folder, "--selftest", "--json", "--save", "again.json")
    assert json.loads(done.stdout) == json.loads((folder / "again.json").read_text())


@NOT_METAL
def test_a_chosen_chip_does_not_pass_for_a_device(folder: Path) -> None:
    done = doctor(folder, "--selftest", "--json", TRITON_MLX_CHIP="M3 Max")
    report = json.loads(done.stdout)
    assert report["machine"]["row"] == "simulator"
    assert report["verified_on_device"] is False


@NOT_METAL
def test_where_nothing_can_run_the_command_fails(folder: Path) -> None:
    done = doctor(folder, "--selftest", TRITON_MLX_CLANG="/nonexistent/clang")
    assert done.returncode == 1
    assert "0 passed, 0 failed" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--save", "x.json"), "--save needs --selftest"),
        (("--selftest", "--save", "no/such/folder/x.json"), "cannot be written"),
    ],
)
def test_wrong_usage(folder: Path, arguments: tuple[str, ...], says: str) -> None:
    done = doctor(folder, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr and "Traceback" not in done.stderr


def results(failing: str = "") -> tuple[Result, ...]:
    wrong = (("out0", 3, "1", "2"),)
    return tuple(
        Result(t.name, t.cells, "failed", "1 of 2 numbers are wrong", wrong)
        if t.name == failing
        else Result(t.name, t.cells, "passed")
        for t in ROWS
    )


def test_a_report_from_metal_has_what_a_bug_report_needs() -> None:
    report = command.report(M3, ROWS, results("matrix layout half"))
    assert not report["ok"] and report["verified_on_device"]
    assert report["switched_off"] == ["simdgroup_matrix_half"]
    assert report["machine"]["device_name"] == "Apple M3 Max"
    failed = next(t for t in report["tests"] if t["status"] == "failed")
    assert "simdgroup_load" in failed["source"] and "simdgroup_matrix" in failed["header"]
    assert failed["differences"] == [{"output": "out0", "index": 3, "got": "1", "expected": "2"}]
    assert all("source" not in t for t in report["tests"] if t["status"] == "passed")
    assert json.loads(json.dumps(report))["switched_off"] == report["switched_off"]


@pytest.mark.parametrize(("target", "recorded"), [("metal", True), ("simulate", False)])
def test_only_a_device_s_results_are_recorded(
    target: str, recorded: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRITON_MLX_CACHE_DIR", str(tmp_path))
    device = replace(M3, target=target)
    monkeypatch.setattr(command, "here", lambda: device)
    monkeypatch.setattr(command, "judge", lambda *_: results("matrix layout half"))
    text: Any = io.StringIO()
    assert command.run(False, None, text) == 1
    assert (verdict._recorded(device.key) is not None) == recorded
    assert ("Not trusted on this device: simdgroup_matrix_half" in text.getvalue()) == recorded
    assert ("NOTHING was verified" in text.getvalue()) != recorded
