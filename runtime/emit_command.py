"""`emit SCRIPT`: run a script, then print the source that its kernels become on a target."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, TextIO

from .commands import write_json
from .script import ran


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
    if not ran(script, arguments):
        return 1
    from .inspect import emit_last
    from .launch import Launcher

    launched = {_name(x.function): x.function for x in Launcher.last.values()}
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
