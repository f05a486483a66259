"""Whether another driver of the installation is active, without importing torch to ask."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
import triton.backends

from triton_mlx.runtime import driver


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which back ends were asked whether they are active; all of them say they are."""
    names: list[str] = []

    def backend(name: str) -> SimpleNamespace:
        def is_active() -> bool:
            names.append(name)
            return True

        return SimpleNamespace(driver=SimpleNamespace(is_active=is_active))

    known = {name: backend(name) for name in ("nvidia", "amd", "other")}
    monkeypatch.setattr(triton.backends, "backends", known)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    return names


def only(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(driver.os.path, "exists", lambda asked: asked == path)


@pytest.mark.parametrize(
    ("path", "first"),
    [("/dev/nvidiactl", "nvidia"), ("/dev/kfd", "amd"), ("/dev/dxg", "nvidia"), ("", "other")],
)
def test_only_back_ends_with_a_device_are_asked(
    path: str, first: str, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, path)
    assert driver._other_active()
    assert asked == [first]


@pytest.mark.parametrize("case", ["another system", "torch is there"])
def test_where_files_say_nothing_all_are_asked(
    case: str, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, "")
    if case == "another system":
        monkeypatch.setattr(sys, "platform", "win32")
    else:
        monkeypatch.setitem(sys.modules, "torch", SimpleNamespace())
    assert driver._other_active()
    assert asked == ["nvidia"]
