"""Triton's own version key, remembered between processes.

Triton hashes its native library (hundreds of megabytes) once per process before it can look a kernel up in
its disk cache. The hash only changes with the files, so it is kept under their names, sizes and times.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import cache

_FOLDERS = ("_C", "compiler", "backends", "language", "runtime")
_SUFFIXES = (".py", ".so", ".pyd", ".dylib")


def remember() -> None:
    """Put the remembered key in the place of Triton's function; nothing happens where it has none."""
    from triton.runtime import cache as theirs

    original: Any = getattr(theirs, "triton_key", None)
    if original is None or getattr(original, "remembered", False):
        return

    @functools.cache
    def triton_key() -> str:
        stamp = cache.digest(*sorted(_stamps(Path(theirs.__file__).parent.parent)))
        known = cache.read("triton-key", stamp, "key")
        if known is not None:
            return known.decode()
        found = str(original())
        cache.write("triton-key", stamp, "key", found.encode())
        return found

    triton_key.remembered = True  # type: ignore[attr-defined]
    theirs.triton_key = triton_key


def _stamps(root: Path) -> Iterator[str]:
    """ "path size time" of every file that Triton's key may depend on."""
    for name in _FOLDERS:
        for folder, _, files in os.walk(root / name):
            for file in files:
                if file.endswith(_SUFFIXES):
                    path = os.path.join(folder, file)
                    status = os.stat(path)
                    yield f"{path} {status.st_size} {status.st_mtime_ns}"
