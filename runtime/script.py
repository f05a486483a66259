"""A user's script, run as `python SCRIPT ARGUMENTS` would run it, to see what it launches."""

from __future__ import annotations

import contextlib
import runpy
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from .commands import WrongUsage


def ran(script: str, arguments: Sequence[str]) -> bool:
    """Whether the script came to its end. Its own mistakes are shown, with the last of its own lines.

    What it prints goes to stderr. Raises WrongUsage if there is no such file.
    """
    if not Path(script).is_file():
        raise WrongUsage(f"there is no file {script}")
    with _as_main(script, arguments), contextlib.redirect_stdout(sys.stderr):
        try:
            runpy.run_path(script, run_name="__main__")
        except SystemExit as leaving:
            if isinstance(leaving.code, str):
                print(leaving.code, file=sys.stderr)
            return leaving.code in (None, 0)
        except Exception as error:  # noqa: BLE001  the script may raise anything
            frames = traceback.extract_tb(error.__traceback__)
            own = [frame for frame in frames if frame.filename == script]
            where = f" ({script}:{own[-1].lineno})" if own else ""
            print(f"triton-mlx: {type(error).__name__}{where}: {error}", file=sys.stderr)
            return False
    return True


@contextlib.contextmanager
def _as_main(script: str, arguments: Sequence[str]) -> Iterator[None]:
    """sys.argv and sys.path as `python SCRIPT ARGUMENTS` would have them."""
    argv, path = sys.argv, list(sys.path)
    sys.argv = [script, *arguments]
    sys.path.insert(0, str(Path(script).resolve().parent))
    try:
        yield
    finally:
        sys.argv, sys.path[:] = argv, path
