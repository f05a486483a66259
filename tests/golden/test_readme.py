"""What README.md shows of its example is what the example prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[2] / "README.md"
_EXAMPLE = re.compile(r"```python\n(.*?)```\n\n```\n(.*?)```", re.DOTALL)


def test_the_example_prints_what_is_shown(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Except the error in the first line, which depends on random numbers."""
    text = README.read_text(encoding="utf-8")
    example = _EXAMPLE.search(text)
    assert example is not None
    (tmp_path / "demo.py").write_text(example[1])
    environment = {**os.environ, "TRITON_MLX_TARGET": "host", "TRITON_MLX_CHIP": ""}
    done = subprocess.run(
        [sys.executable, "demo.py"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    error, report = done.stdout.split("\n", 1)
    assert re.fullmatch(r"array\(\d\.\d+e-07, dtype=float32\)", error)
    shown = example[2].split("\n", 1)
    if request.config.getoption("--update-golden") and shown[1] != report:
        README.write_text(text.replace(shown[1], report), encoding="utf-8")
    else:
        assert shown[1] == report, "run with --update-golden to write it"
