"""What all tests share: the targets that launches run on here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import emitted
import needless
import pytest

import triton_mlx


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden")
    parser.addoption(
        "--target", help="run what runs on every target on this one only, such as cuda"
    )
    parser.addoption("--update-operations", action="store_true", help="rewrite docs/operations.md")
    parser.addoption("--mlx-source", help="a checkout of MLX: its wheels lack some Metal kernels")
    parser.addoption("--long", action="store_true", help="try every kernel without each barrier")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "spills: kernels here need more registers than there are")


@pytest.fixture(autouse=True)
def _emitted_kernels_are_judged(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Metal that a test emits passes the static check and fits every chip (tests/emitted.py).

    A test whose tiles are meant to be too large for registers says so: `pytest.mark.spills`.
    """
    spills = request.node.get_closest_marker("spills") is not None
    emitted.install(monkeypatch, spills=spills)
    if request.config.getoption("--long"):
        needless.install(monkeypatch, request.node.nodeid)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if terminalreporter.config.getoption("--long"):
        total = sum(len(list(needless.barriers(k.source))) for k in needless.found.values())
        told = needless.report()
        terminalreporter.section(f"barriers: {total} in {len(needless.found)} kernels")
        terminalreporter.line(f"no launch comes by often enough to tell: {needless.untold()}")
        for text in told:
            terminalreporter.line(f"no launch needs: {text}\n")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object | None) -> None:
    """A worker of pytest-xdist has ended."""
    needless.join(getattr(node, "workeroutput", {}).get("barriers", []))


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not session.config.getoption("--long"):
        return
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["barriers"] = needless.handed_over()
    elif needless.report():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


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
