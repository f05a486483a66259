"""Environment variables as Triton's native module reads them for Triton's settings (triton.knobs)."""

from __future__ import annotations

from ..settings import foreign

_TRUE = ("1", "true", "on", "y", "yes")


def getenv(name: str, default: str | None = None) -> str | None:
    """The variable's text; `default` where it is missing or empty."""
    return foreign(name) or default


def getenv_bool(name: str, default: bool) -> bool:
    found = foreign(name)
    return found.lower() in _TRUE if found else default


def get_cache_invalidating_env_vars() -> dict[str, str]:
    """Variables of the native passes; none of them runs here."""
    return {}
