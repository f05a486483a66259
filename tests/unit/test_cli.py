"""The command line, as a user runs it: another process, in another folder."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from triton_mlx import hwinfo
from triton_mlx.runtime import cli, doctor, tables

SCRIPT = """
import sys
import mlx.core as mx
import triton
import triton.language as tl

@triton.jit
def double_kernel(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out_ptr + at, 2 * tl.load(x_ptr + at, mask=at < n), mask=at < n)

print("from the script:", sys.argv[1:])
if "fail" in sys.argv:
    raise ValueError("on purpose")
if "nothing" not in sys.argv:
    x = mx.arange(100, dtype=mx.float32)
    double_kernel[(1,)](x, mx.zeros_like(x), 100, BLOCK=128)
"""


@pytest.fixture(scope="module")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of this file's tests, so that the native module is compiled once for all of them."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def command(tmp_path: Path, cache_folder: Path) -> Any:
    """Runs `python -m triton_mlx ...` in `tmp_path`; environment variables by keyword."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("TRITON_MLX_")}
        defaults = {"TRITON_MLX_CACHE_DIR": str(cache_folder)}
        return subprocess.run(
            [sys.executable, "-m", "triton_mlx", *arguments],
            cwd=tmp_path,
            env={**kept, **defaults, **environment},
            capture_output=True,
            text=True,
        )

    return run


def json_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(done.stdout)
    assert data["schema"] == 1
    return data


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nonsense",),
        ("cache",),
        ("cache", "burn"),
        ("targets", "--csv"),
        ("emit",),
        ("report",),
    ],
)
def test_wrong_usage_is_2_with_help_on_stderr(command: Any, arguments: tuple[str, ...]) -> None:
    done = command(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage: python -m triton_mlx" in done.stderr


def test_help_names_all_commands(command: Any) -> None:
    done = command("--help")
    assert done.returncode == 0
    for name in ("demo", "doctor", "targets", "cache", "emit", "report"):
        assert f"\n    {name} " in done.stdout


def test_targets_marks_unknown_and_unverified_cells(command: Any) -> None:
    done = command("targets")
    assert (done.returncode, done.stderr) == (0, "")
    lines = {line[:9].strip(): line for line in done.stdout.splitlines()}
    assert " 40~ " in lines["M3 Max"] and " 410~ " in lines["M3 Max"]
    assert " ? " in lines["cuda 8.6"]
    assert "~" not in lines["host"]
    assert "\x1b" not in done.stdout


def test_targets_json_is_the_whole_table(command: Any) -> None:
    data = json_of(command("targets", "--json", TRITON_MLX_CHIP="m2ultra"))
    assert data["here"] == "M2 Ultra"
    assert [row["name"] for row in data["rows"] if row["here"]] == ["M2 Ultra"]
    for row, of_table in zip(data["rows"], hwinfo.rows(), strict=True):
        assert row["name"] == of_table.name
        for name, cell in row["cells"].items():
            assert cell["value"] == of_table.get(name)
            assert cell["source"] == "" or cell["source"] in data["sources"]


def test_one_row_shows_every_cell(command: Any) -> None:
    done = command("targets", "m3 max")
    assert done.returncode == 0
    words = [line.split() for line in done.stdout.splitlines()]
    assert words[0] == ["M3", "Max", "(metal)"]
    assert {line[0]: line[1] for line in words[2:]}.keys() == hwinfo.FACTS.keys()
    assert ["slc_mb", "?"] in words
    row = json_of(command("targets", "--json", "M3 Max"))["row"]
    assert row["cells"]["cores"] == {"value": 40, "source": "PI", "verified": False}


def test_targets_need_no_mlx(command: Any, tmp_path: Path) -> None:
    package = tmp_path / "broken" / "mlx"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "core.py").write_text("raise RuntimeError('this MLX is broken')")
    done = command("targets", "--json", PYTHONPATH=str(package.parent))
    assert (done.returncode, done.stderr) == (0, "")
    assert json_of(done)["here"] == "host"


def test_a_chip_that_is_not_there_is_wrong_usage(command: Any) -> None:
    done = command("targets", "M3 Mux")
    assert (done.returncode, done.stdout) == (2, "")
    assert "M3 Max" in done.stderr and "Traceback" not in done.stderr


def test_cache_ls_clear_path(command: Any, tmp_path: Path) -> None:
    root = tmp_path / "other cache"

    def cache(*arguments: str) -> subprocess.CompletedProcess[str]:
        done: subprocess.CompletedProcess[str] = command(
            "cache", *arguments, TRITON_MLX_CACHE_DIR=str(root)
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done

    assert cache("path").stdout == f"{root}\n"
    assert json_of(cache("path", "--json"))["path"] == str(root)
    entry = root / "kernel" / "abc123"
    entry.mkdir(parents=True)
    (entry / "kernel.so").write_bytes(b"x" * 2500)
    text = cache("ls").stdout
    assert "abc123" in text and f"1 entry, 2.5 KB, in {root}" in text
    data = json_of(cache("ls", "--json"))
    assert (data["path"], data["bytes"]) == (str(root), 2500)
    (found,) = data["entries"]
    assert (found["kind"], found["key"], found["bytes"]) == ("kernel", "abc123", 2500)
    assert json_of(cache("clear", "--json"))["removed"] == 1
    assert not entry.exists()
    assert "0 entries" in cache("ls").stdout


def test_a_reader_that_leaves_early_causes_no_traceback(tmp_path: Path) -> None:
    line = f'"{sys.executable}" -m triton_mlx targets --json | head -1'
    done = subprocess.run(line, shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("{\n", "")


def test_doctor_finds_that_kernels_run_here(command: Any) -> None:
    done = command("doctor", "--json", TRITON_MLX_TARGET="host")
    data = json_of(done)
    checks = {check["name"]: check for check in data["checks"]}
    assert (done.returncode, data["ok"], data["target"]) == (0, True, "host")
    assert checks["triton"]["status"] == checks["mlx"]["status"] == "ok"
    assert checks["launch on host"]["detail"] == "a kernel ran, and its result is right"
    assert {check["status"] for check in data["checks"]} <= {"ok", "note", "missing"}
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({"TRITON_MLX_TARGET": "moon"}, "targets are host, simulate, metal"),
        ({"TRITON_MLX_TARGET": "moon", "TRITON_MLX_CHIP": "M3 Mux"}, "M3 Max"),
    ],
)
def test_doctor_fails_where_launches_would(
    command: Any, environment: dict[str, str], line: str
) -> None:
    done = command("doctor", **environment)
    assert done.returncode == 1
    assert line in done.stdout
    assert "kernels cannot run" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_doctor_without_a_compiler_says_what_to_install(command: Any) -> None:
    done = command("doctor", PATH="/nonexistent", TRITON_MLX_TARGET="host")
    assert done.returncode == 0
    assert "in numpy, slowly" in done.stdout
    assert "install" in done.stdout


def test_doctor_with_a_folder_that_cannot_be_written(command: Any) -> None:
    done = command(
        "doctor", "--json", TRITON_MLX_CACHE_DIR="/dev/null/cache", TRITON_MLX_TARGET="host"
    )
    (cache,) = [c for c in json_of(done)["checks"] if c["name"] == "cache folder"]
    assert (done.returncode, cache["status"]) == (0, "note")
    assert "set TRITON_MLX_CACHE_DIR" in cache["hint"]


@pytest.mark.parametrize("package", ["triton", "mlx", "numpy", "networkx"])
def test_doctor_without_a_package(package: str, tmp_path: Path, cache_folder: Path) -> None:
    """A package that is not there is a line and exit code 1, never a traceback."""
    code = (
        f"import sys; sys.modules['{package}'] = None\n"
        f"sys.modules['{package}.core'] = None\n"
        "from triton_mlx.runtime.cli import main\n"
        "sys.exit(main(['doctor', '--json']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "TRITON_MLX_CACHE_DIR": str(cache_folder), "TRITON_MLX_TARGET": "host"},
        capture_output=True,
        text=True,
    )
    (line,) = [c for c in json_of(done)["checks"] if c["name"] == package]
    assert (done.returncode, line["status"]) == (1, "missing")
    assert line["hint"].startswith("pip install")
    assert "Traceback" not in done.stderr


def test_a_failing_check_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> doctor.Check:
        raise ZeroDivisionError

    monkeypatch.setattr(doctor, "_CHECKS", (("broken", fails),))
    monkeypatch.setattr(doctor, "_targets", lambda: iter(()))
    report = doctor.examine()
    assert report.checks == (doctor.Check("broken", "missing", "ZeroDivisionError"),)
    assert not report.ok


def test_emit_prints_the_source_and_only_that(command: Any, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = command("emit", "script.py", "a", "b", TRITON_MLX_TARGET="host")
    assert done.returncode == 0, done.stderr
    assert "from the script: ['a', 'b']" in done.stderr
    assert done.stdout.startswith("// double_kernel, metal\n")
    assert "threadgroup_position_in_grid" in done.stdout and "from the script" not in done.stdout
    data = json_of(command("emit", "--json", "--target", "host", "script.py"))
    assert [kernel["name"] for kernel in data["kernels"]] == ["double_kernel"]
    assert "static void program" in data["kernels"][0]["source"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("script.py", "fail"), 1, "ValueError (script.py:14): on purpose"),
        (("script.py", "nothing"), 1, "launched: none"),
        (("--kernel", "other", "script.py"), 1, "launched: double_kernel"),
        (("nowhere.py",), 2, "no file nowhere.py"),
    ],
)
def test_emit_refuses(
    command: Any, tmp_path: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = command("emit", *arguments, TRITON_MLX_TARGET="host")
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr and "Traceback" not in done.stderr


FUSED = """
import triton_mlx
@triton_mlx.fuse
def twice(x):
    y, z = mx.zeros_like(x), mx.zeros_like(x)
    double_kernel[(1,)](x, y, 100, BLOCK=128)
    double_kernel[(1,)](y, z, 100, BLOCK=128)
    return z
x = mx.arange(100, dtype=mx.float32)
twice(x), twice(x)
if "early" in sys.argv:
    sys.exit("leaving early")
with triton_mlx.fuse():
    double_kernel[(1,)](x, mx.zeros_like(x), 100, BLOCK=128)
    if "late" in sys.argv:
        raise ValueError("on purpose")
"""


def fused_script(folder: Path) -> None:
    (folder / "script.py").write_text(SCRIPT + FUSED)


def test_report_tells_each_scope_and_the_rest(command: Any, tmp_path: Path) -> None:
    fused_script(tmp_path)
    asked = ("report", "script.py", "--chip", "m3 max", "--html", "page.html", "--", "a", "--json")
    done = command(*asked, TRITON_MLX_TARGET="host")
    assert done.returncode == 0, done.stderr
    assert "from the script: ['a', '--json']" in done.stderr
    first, second, outside = done.stdout.split("\n\n")
    assert first.startswith("scope 0, ended 2 times\n2 launches -> 1 kernel, 1.6 KB -> 800 B moved")
    assert "double_kernel#0  script.py:8  grid 1" in first and "on M3 Max: " in first
    assert second.startswith("scope 1\n1 launch -> 1 kernel, ")
    assert outside.startswith("outside fuse scopes\n1 launch -> 1 kernel, ")
    page = (tmp_path / "page.html").read_text()
    assert "6 launches -&gt; 4 kernels" in page and "kernel 2" in page


def test_report_as_json(command: Any, tmp_path: Path) -> None:
    fused_script(tmp_path)
    data = json_of(command("report", "--json", "script.py", TRITON_MLX_TARGET="host"))
    assert (data["chip"], data["finished"]) == ("M2 Pro", True)
    assert [s["times"] for s in data["scopes"]] == [2, 1]
    assert [s["report"]["kernels"] for s in data["scopes"]] == [1, 1]
    assert data["outside"]["launches"][0]["name"] == "double_kernel"


@pytest.mark.parametrize(
    ("word", "message", "scopes"),
    [
        ("fail", "ValueError (script.py:14): on purpose", 0),
        ("early", "leaving early", 1),
        ("late", "ValueError (script.py:33): on purpose", 2),
    ],
)
def test_a_script_that_fails_is_reported_as_far_as_it_got(
    command: Any, tmp_path: Path, word: str, message: str, scopes: int
) -> None:
    fused_script(tmp_path)
    done = command("report", "script.py", "--", word, TRITON_MLX_TARGET="host")
    assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr
    assert done.stdout.count("scope ") - done.stdout.count("the scope ") == scopes
    assert ("ValueError ended the scope" in done.stdout) == (word == "late")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("nowhere.py",), 2, "no file nowhere.py"),
        (("script.py", "--chip", "M99"), 2, "M99"),
        (("script.py", "--html", "no/such/page.html"), 2, "cannot write no/such/page.html"),
        (("empty.py",), 1, "launched no kernel"),
    ],
)
def test_report_refuses(
    command: Any, tmp_path: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    fused_script(tmp_path)
    (tmp_path / "empty.py").write_text("")
    done = command("report", *arguments, TRITON_MLX_TARGET="host")
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr and "Traceback" not in done.stderr


def test_demo_gets_the_flag_and_gives_its_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from triton_mlx.runtime import demo

    def run(json: bool, stream: Any) -> int:
        stream.write(f"json={json}\n")
        return 1

    monkeypatch.setattr(demo, "run", run)
    assert cli.main(["demo", "--json"]) == 1
    assert capsys.readouterr().out == "json=True\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("no_color", [True, False])
def test_tables_have_colour_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, no_color: bool
) -> None:
    pytest.importorskip("rich")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    green = "\x1b[32m"
    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        tables.show(stream, ("a", "b"), [("ok", "[red]x")], styles={"ok": "green"})
    assert (green in terminal.getvalue()) is not no_color
    assert "[red]x" in terminal.getvalue()
    assert file.getvalue() == "A   B\nok  [red]x\n"


def test_a_table_wider_than_the_terminal_is_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    terminal = Terminal()
    tables.show(terminal, ("name", "value"), [("x" * 30, "12"), ("y", "3")], right=(1,))
    assert terminal.getvalue().splitlines()[1:] == ["x" * 30 + "     12", f"{'y':30}      3"]
