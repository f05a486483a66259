"""The command line where an installation is broken in ways that are no ImportError."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_SECONDS = 120


def python(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Python in `folder`, with a disk cache of its own."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TRITON_MLX_")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=clean | {"TRITON_MLX_CACHE_DIR": str(folder / "cache")} | variables,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


@pytest.fixture
def broken_mlx(tmp_path: Path) -> str:
    """A PYTHONPATH on which MLX raises when it is imported."""
    package = tmp_path / "broken" / "mlx"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "core.py").write_text("raise RuntimeError('this MLX is broken')\n")
    return str(package.parent)


def test_doctor_says_which_package_is_broken(tmp_path: Path, broken_mlx: str) -> None:
    done = python(tmp_path, "-m", "triton_mlx", "doctor", "--json", PYTHONPATH=broken_mlx)
    assert (done.returncode, done.stderr) == (1, "")
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["mlx"]["status"] == "missing"
    assert "this MLX is broken" in checks["mlx"]["detail"]
    assert "pip install" in checks["mlx"]["hint"]
    assert checks["triton"]["status"] == "ok"


def test_triton_and_this_package_import_all_the_same(tmp_path: Path, broken_mlx: str) -> None:
    text = "import triton, triton_mlx; print(len(triton_mlx.targets()))"
    done = python(tmp_path, "-c", text, PYTHONPATH=broken_mlx)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 0


@pytest.mark.parametrize("arguments", [("demo",), ("emit", "nothing.py")])
def test_what_needs_mlx_points_to_doctor(
    arguments: tuple[str, ...], tmp_path: Path, broken_mlx: str
) -> None:
    done = python(tmp_path, "-m", "triton_mlx", *arguments, PYTHONPATH=broken_mlx)
    assert (done.returncode, done.stdout) == (1, "")
    assert "this MLX is broken" in done.stderr
    assert "doctor" in done.stderr
    assert "Traceback" not in done.stderr


def test_cache_in_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    wrong = str(tmp_path / "file" / "cache")
    done = python(tmp_path, "-m", "triton_mlx", "cache", "path", TRITON_MLX_CACHE_DIR=wrong)
    assert done.returncode == 0
    assert done.stderr.startswith("triton-mlx: warning: the cache folder")
    assert not done.stdout.startswith(wrong)


def test_cache_stats_are_sums_per_kind(tmp_path: Path) -> None:
    fill = (
        "from triton_mlx.runtime import cache; cache.write('a', 'k1', 'f', b'12345');"
        "cache.write('a', 'k2', 'f', b'1'); cache.write('b', 'k1', 'f', b'12')"
    )
    assert python(tmp_path, "-c", fill).returncode == 0
    stats = json.loads(python(tmp_path, "-m", "triton_mlx", "cache", "stats", "--json").stdout)
    listed = json.loads(python(tmp_path, "-m", "triton_mlx", "cache", "ls", "--json").stdout)
    assert {kind: row["entries"] for kind, row in stats["kinds"].items()} == {"a": 2, "b": 1}
    assert stats["all"] == {"entries": 3, "bytes": listed["bytes"]}
