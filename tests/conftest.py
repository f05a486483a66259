"""What all tests share: the targets that launches run on here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import triton_mlx


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden")
    parser.addoption(
        "--target", help="run what runs on every target on this one only, such as cuda"
    )
    parser.addoption("--update-operations", action="store_true", help="rewrite docs/operations.md")


@pytest.fixture(params=["host", "simulate"])
def target(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of the target on which the test's launches run.

    On "simulate" the simulator is in checked mode: any finding (a race, a missing barrier, an
    access out of bounds or to nothing) is an exception.
    """
    name: str = request.param
    only = request.config.getoption("--target")
    if only and name != "host":
        pytest.skip(f"only {only} is asked for")
    name = only or name
    scope = triton_mlx.use(name, checked=True) if name == "simulate" else triton_mlx.use(name)
    with scope:
        yield name
