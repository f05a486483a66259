"""Triton's own disk cache, where its folder cannot be written."""

from __future__ import annotations

import tempfile
from pathlib import Path

from . import cache


def ensure_writable() -> None:
    """Give Triton a folder of ours if it cannot write its own: it would raise at every new kernel."""
    from triton import knobs

    try:
        folder = Path(knobs.cache.dir)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return
    except OSError:
        knobs.cache.dir = str(cache.root() / "triton")
