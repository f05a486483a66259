"""Tests that run or compile Metal text need clang and x86-64 Linux; elsewhere they are skipped."""

from __future__ import annotations

import pytest

from triton_mlx.runtime.simulator import MissingClang, UnsupportedMachine, find_clang
from triton_mlx.runtime.simulator.build import runtime_library


@pytest.fixture(autouse=True)
def _needs_the_simulator(request: pytest.FixtureRequest) -> None:
    if request.module.__name__.endswith("test_text"):
        return
    try:
        find_clang()
        runtime_library()
    except (MissingClang, UnsupportedMachine) as missing:
        pytest.skip(str(missing))
