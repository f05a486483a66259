"""`emit SCRIPT`: run a script, then print the source that its kernels become on a target."""

from __future__ import annotations

import contextlib
import runpy
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from .commands import WrongUsage, write_json


def run(
    script: str,
    arguments: Sequence[str],
    *,
    target: str,
    kernel: str | None,
    json: bool,
    stream: TextIO,
) -> int:
    """Print the body of each kernel that `script` launched, as its last launch needs it.

    `target` is "metal" or "host"; where the script itself runs does not matter. What the script
    prints goes to stderr. Returns 0, or 1 if the script fails or launches no kernel (of the name
    `kernel`). Raises WrongUsage if there is no such file, and what lowering refuses.
    """
    if not Path(script).is_file():
        raise WrongUsage(f"there is no file {script}")
    if not _ran(script, arguments):
        return 1
    from .inspect import emit_last
    from .launch import Launcher

    launched = {_name(function): function for function in Launcher.last}
    wanted = [name for name in launched if kernel in (None, name)]
    if not wanted:
        names = ", ".join(launched) or "none"
        print(f"triton-mlx: {script} launched no such kernel; launched: {names}", file=sys.stderr)
        return 1
    sources = {name: emit_last(launched[name], target) for name in wanted}
    if json:
        kernels = [{"name": name, "source": source} for name, source in sources.items()]
        write_json({"target": target, "kernels": kernels}, stream)
        return 0
    for name, source in sources.items():
        stream.write(f"// {name}, {target}\n{source.rstrip()}\n\n")
    return 0


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", function))


def _ran(script: str, arguments: Sequence[str]) -> bool:
    """Whether the script came to its end. Its own mistakes are shown from its first line on."""
    with _as_main(script, arguments), contextlib.redirect_stdout(sys.stderr):
        try:
            runpy.run_path(script, run_name="__main__")
        except SystemExit as leaving:
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
