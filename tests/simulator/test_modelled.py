"""The page of modelled times is what the model says now; and the model says what it should."""

from __future__ import annotations

import modelled
import pytest

from triton_mlx import hwinfo
from triton_mlx.runtime.frontend import place
from triton_mlx.runtime.model import Work, estimate


@pytest.mark.skipif(
    place.is_python(),
    reason="counts are of the native module's IR, which has a few operations less",
)
def test_the_page_is_current(request: pytest.FixtureRequest) -> None:
    text = modelled.render()
    if request.config.getoption("--update-golden"):
        modelled.PATH.write_text(text)
    assert modelled.PATH.read_text() == text, "run with --update-golden if this is meant"


def test_the_slowest_part_is_the_bound() -> None:
    row = hwinfo.find("M1 Max")
    memory = estimate(row, Work(4 * 10**9, 1, 0, 0, 10**6))
    assert memory is not None
    assert memory.bound == "memory"
    assert memory.seconds == pytest.approx(4 / row.value("bandwidth_gbs"))
    matrix = estimate(row, Work(1, 1, 10**9, 0, 10**6))
    assert matrix is not None
    assert (matrix.bound, matrix.at_least) == ("matrix", False)
    peak = row.value("fp32_tflops") * 1e12 * row.value("matmul_peak_fraction")
    assert matrix.seconds == pytest.approx(1024e9 / peak)


def test_few_threadgroups_leave_cores_idle() -> None:
    row = hwinfo.find("M1 Max")
    many, one = (estimate(row, Work(0, 10**9, 0, 0, n)) for n in (10**6, 1))
    assert many is not None and one is not None
    assert one.seconds == pytest.approx(many.seconds * row.value("cores"))


def test_what_the_table_does_not_know_is_not_guessed() -> None:
    assert estimate(hwinfo.find("cuda 9.0"), Work(1, 1, 1, 1, 1)) is None
    unknown = estimate(hwinfo.find("M3 Max"), Work(1, 1, 10**9, 0, 10**6))
    assert unknown is not None and unknown.at_least
