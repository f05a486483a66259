"""The command line, as a user runs it: from another folder, in a process of its own."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from triton_mlx.runtime import cache, cli, console, doctor

_SECONDS = 120


def call(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`python -m triton_mlx ARGUMENTS` in `folder`; its cache is in there too."""
    return python(folder, "-m", "triton_mlx", *arguments, **variables)


def python(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TRITON_MLX_")}
    environment = clean | {"TRITON_MLX_CACHE_DIR": str(folder / "cache")} | variables
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


def inside(*arguments: str) -> tuple[int, str]:
    """The exit code and stdout of the same in this process."""
    out = io.StringIO()
    return cli.main(arguments, out), out.getvalue()


@pytest.fixture
def broken_mlx(tmp_path: Path) -> str:
    """A PYTHONPATH on which MLX raises when it is imported."""
    package = tmp_path / "broken" / "mlx"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "core.py").write_text("raise RuntimeError('this MLX is broken')\n")
    return str(package.parent)


def test_no_subcommand_and_wrong_ones_are_usage_errors(tmp_path: Path) -> None:
    done = call(tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage: python -m triton_mlx" in done.stderr
    for wrong in (["frobnicate"], ["cache"], ["cache", "burn"], ["targets", "--xml"]):
        with pytest.raises(SystemExit) as left:
            cli.main(wrong)
        assert left.value.code == 2


def test_targets_marks_what_is_unknown_and_unverified(tmp_path: Path) -> None:
    done = call(tmp_path, "targets")
    assert (done.returncode, done.stderr) == (0, "")
    lines = {line[:10].strip(): line[10:].split() for line in done.stdout.splitlines()}
    assert "apple9*" in lines["M3 Max"]
    assert "?" in lines["host"]
    assert "32" in lines["simulator"]


def test_targets_json_of_one_row() -> None:
    code, text = inside("targets", "m3max", "--json")
    data = json.loads(text)
    (row,) = data["rows"]
    assert (code, row["name"]) == (0, "M3 Max")
    assert row["cells"]["cores"]["value"] == 40
    assert row["cells"]["slc_mb"]["value"] is None
    assert row["cells"]["cores"]["source"] in data["sources"]


def test_targets_of_one_row_shows_sources() -> None:
    code, text = inside("targets", "M1")
    assert code == 0
    assert "metal-benchmarks" in text


def test_an_unknown_chip_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert inside("targets", "M3 Mox") == (1, "")
    error = capsys.readouterr().err
    assert "UNKNOWN_CHIP" in error
    assert "M3 Max" in error


def test_cache_path_ls_stats_clear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cache"
    monkeypatch.setenv("TRITON_MLX_CACHE_DIR", str(folder))
    cache.write("host", "key1", "a", b"12345")
    cache.write("host", "key2", "a", b"12345")
    assert inside("cache", "path") == (0, f"{folder}\n")
    listed = json.loads(inside("cache", "ls", "--json")[1])
    assert [entry["key"] for entry in listed["entries"]] == ["key1", "key2"]
    assert "key2" in inside("cache", "ls")[1]
    stats = json.loads(inside("cache", "stats", "--json")[1])
    assert stats["kinds"]["host"]["entries"] == 2
    assert stats["kinds"]["host"]["bytes"] == sum(entry["bytes"] for entry in listed["entries"])
    assert inside("cache", "stats")[1].splitlines()[-1].split()[:2] == ["all", "2"]
    assert inside("cache", "clear") == (0, f"removed 2 entries from {folder}\n")
    assert cache.entries() == []


def test_cache_in_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = call(tmp_path, "cache", "path", TRITON_MLX_CACHE_DIR=str(tmp_path / "file" / "x"))
    assert done.returncode == 0
    assert done.stderr.startswith("warning: the cache folder")


def test_a_reader_that_leaves_is_no_traceback(tmp_path: Path) -> None:
    text = f"{sys.executable} -m triton_mlx targets | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", text], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("1\n", "")


@pytest.mark.parametrize("code", [0, 1])
def test_demo_passes_json_and_its_exit_code_on(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from triton_mlx.runtime import demo

    def run(json: bool, stream: io.StringIO) -> int:
        stream.write(f"json={json}")
        return code

    monkeypatch.setattr(demo, "run", run)
    assert inside("demo", "--json") == (code, "json=True")
    assert inside("demo") == (code, "json=False")


def test_doctor_of_a_machine_that_works(tmp_path: Path) -> None:
    done = call(tmp_path, "doctor", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    data = json.loads(done.stdout)
    states = {finding["name"]: finding["state"] for finding in data["findings"]}
    assert data["ok"]
    assert {states[n] for n in ("python", "triton", "mlx", "numpy", "cache", "can run")} == {"ok"}
    assert any(data["targets"].values())


def test_doctor_with_a_broken_mlx(tmp_path: Path, broken_mlx: str) -> None:
    done = call(tmp_path, "doctor", PYTHONPATH=broken_mlx)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.split()[:2] == ["missing", "mlx"]]
    assert "this MLX is broken" in line
    assert "pip install" in done.stdout
    triton = [line for line in done.stdout.splitlines() if line.split()[:2] == ["ok", "triton"]]
    assert triton


def test_triton_and_this_package_import_with_a_broken_mlx(tmp_path: Path, broken_mlx: str) -> None:
    text = "import triton, triton_mlx; print(triton.__version__, len(triton_mlx.targets()))"
    done = python(tmp_path, "-c", text, PYTHONPATH=broken_mlx)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout.split()[1]) > 0


def test_demo_with_a_broken_mlx_points_to_doctor(tmp_path: Path, broken_mlx: str) -> None:
    done = call(tmp_path, "demo", PYTHONPATH=broken_mlx)
    assert (done.returncode, done.stdout) == (1, "")
    assert "this MLX is broken" in done.stderr
    assert "doctor" in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_without_compilers(tmp_path: Path) -> None:
    done = call(
        tmp_path, "doctor", "--json", TRITON_MLX_CXX="/no/g++", TRITON_MLX_CLANG="/no/clang"
    )
    found = {finding["name"]: finding for finding in json.loads(done.stdout)["findings"]}
    for name in ("C++ compiler", "simulator"):
        assert found[name]["state"] == "missing"
        assert "install" in found[name]["todo"]
    on_metal = found["Metal"]["state"] == "ok"
    assert done.returncode == (0 if on_metal else 1)


def test_doctor_with_a_wrong_target_and_chip(tmp_path: Path) -> None:
    done = call(tmp_path, "doctor", TRITON_MLX_TARGET="vulkan", TRITON_MLX_CHIP="M99")
    assert "target 'vulkan'" in done.stdout
    assert "'M99'" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_check_that_raises_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> doctor.Finding:
        raise ValueError("first line\nsecond line")

    every: dict[str, Any] = dict.fromkeys(doctor._CHECKS, (fails, "do this"))
    monkeypatch.setattr(doctor, "_CHECKS", every)
    report = doctor.examine()
    assert not report.ok
    assert all(finding.state == "missing" for finding in report.findings)
    out = io.StringIO()
    doctor.write(report, out)
    assert "ValueError: first line" in out.getvalue()
    assert "do this" in out.getvalue()
    assert "second line" not in out.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(stream: io.StringIO) -> str:
    console.table(("", "check"), [("ok", "[bold]name")], stream)
    return stream.getvalue()


def test_colour_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[32m" in shown(Terminal())
    assert "\x1b" not in shown(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[32m" not in shown(Terminal())
    # What is in a cell is text, not rich's markup.
    assert "[bold]name" in shown(Terminal())


def test_plain_tables_without_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)
    out = Terminal()
    console.table(("name", "count"), [("a", "5"), ("long name", "12")], out)
    assert out.getvalue() == "name       count\na              5\nlong name     12\n"
