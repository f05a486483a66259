"""What MLIR refuses is refused here, in the same words and at the same place."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest
import wrong_programs
from wrong_programs import BREAKS_NATIVE, WRONG, run

from triton_mlx.runtime.frontend import place

native = pytest.mark.skipif(place.is_python(), reason="no native Triton to compare with")


@functools.cache
def stand_in() -> ModuleType:
    from triton_mlx.runtime.frontend.library import modules

    return modules("stand_in")["stand_in.ir"]


@functools.cache
def said_by_native() -> dict[str, tuple[str, str]]:
    """All programs in one child: a finding of the native module may end its process."""
    done = subprocess.run(
        [sys.executable, wrong_programs.__file__, "native"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    rows: list[Any] = [json.loads(line) for line in done.stdout.splitlines()]
    return {name: (verdict, text) for name, verdict, text in rows}


@native
@pytest.mark.parametrize("name", WRONG)
def test_native_and_stand_in_refuse_it_in_the_same_words(name: str) -> None:
    found = run(stand_in(), WRONG[name])
    assert found[0] in ("refused", "raised")
    assert found == said_by_native()[name]


@pytest.mark.parametrize("name", WRONG)
def test_it_is_refused_at_the_users_line(name: str) -> None:
    verdict, text = run(stand_in(), WRONG[name])
    assert verdict == "raised" or (verdict == "refused" and text.startswith("kernel.py:")), text


@pytest.mark.parametrize("name", BREAKS_NATIVE)
def test_what_breaks_a_native_process_raises_here(name: str) -> None:
    verdict, text = run(stand_in(), BREAKS_NATIVE[name])
    assert (verdict, text.partition(":")[0]) == ("raised", "ValueError")


@native
@pytest.mark.parametrize("name", BREAKS_NATIVE)
def test_native_does_not_take_it_either(name: str) -> None:
    command = [sys.executable, wrong_programs.__file__, "native", name]
    done = subprocess.run(command, capture_output=True, timeout=300)
    assert done.returncode != 0 or b'"refused"' in done.stdout


def test_there_are_enough_of_them() -> None:
    assert len(WRONG) >= 120
