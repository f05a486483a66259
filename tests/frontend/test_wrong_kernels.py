"""Wrong kernels are refused in the same words, and at the same line, as with the native module."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest
import triton
import wrong_kernels
from test_record import child
from wrong_kernels import KERNELS, said, wrong_line

from triton_mlx.runtime.frontend import place

newest = pytest.mark.skipif(
    not triton.__version__.startswith("3.9."), reason="the words are those of Triton 3.9"
)
native = pytest.mark.skipif(place.is_python(), reason="no native Triton to compare with")


@newest
@pytest.mark.parametrize("name", KERNELS)
def test_it_is_refused_at_the_line_that_is_wrong(name: str) -> None:
    line, words = said(KERNELS[name])
    assert line == wrong_line(KERNELS[name]), words


@functools.cache
def said_in_a_child(folder: Path, front_end: str) -> dict[str, Any]:
    """A process has one front end; what the native one finds may also end it."""
    done = child(wrong_kernels.__file__, front_end, folder=folder, TRITON_MLX_FRONTEND=front_end)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = (json.loads(line) for line in done.stdout.splitlines() if line.startswith('["'))
    return {name: rest for name, *rest in rows}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("wrong")


@native
@newest
@pytest.mark.parametrize("name", KERNELS)
def test_both_front_ends_say_the_same(name: str, folder: Path) -> None:
    python, both = (said_in_a_child(folder, kind)[name] for kind in ("python", "native"))
    assert python == both
    line, expected, words = python
    assert line == expected, words


def test_there_are_enough_of_them() -> None:
    assert len(KERNELS) >= 100
