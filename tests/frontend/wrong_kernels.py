"""Kernels that are wrong, as users write them: each must be refused, with the line that says `# wrong`.

`python wrong_kernels.py native|python` prints as lines of JSON what the front end of this process says of each.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import os
import re
import sys
import tempfile
from typing import Any

import triton_mlx  # isort: skip  before triton: it may take the place of its native module

import triton
import wrong_kernels_control
import wrong_kernels_values

from triton_mlx.runtime.frontend import place

# Types of parameters by their names.
TYPES = {"x": "*fp32", "y": "*fp16", "i": "*i32", "c": "*i8", "n": "i32", "f": "fp32"}

KERNELS: dict[str, Any] = {
    name: found
    for name, found in (*vars(wrong_kernels_control).items(), *vars(wrong_kernels_values).items())
    if isinstance(found, triton.JITFunction) and name not in ("helper", "narrower", "doubled")
}


def finding(text: str) -> str:
    """Of what was said, what the verifier found; all of it where it is the language that refuses."""
    return next((line for line in text.splitlines() if ": error: " in line), text)


def wrong_line(kernel: Any) -> int:
    """The line that says it is wrong."""
    lines, first = inspect.getsourcelines(kernel.fn)
    return first + next(k for k, text in enumerate(lines) if "# wrong" in text)


def said(kernel: Any) -> tuple[int, str]:
    """The line, and the words, with which a kernel is refused; 0 and what was made if it is not."""
    from differential import _arguments, _source
    from triton._C.libtriton import ir

    parameters = {name: TYPES[name] for name in kernel.arg_names}
    context = ir.context()
    ir.load_dialects(context)
    with heard() as words:
        try:
            _source(kernel, parameters, {}).make_ir(*_arguments(), context)
        except Exception as error:
            words.append(f"{type(error).__name__}: {error}")
            while error.__cause__ is not None:
                error = error.__cause__
                words.append(f"{type(error).__name__}: {error}")
        else:
            return 0, "nothing was wrong"
    text = finding("\n".join(words))
    places = re.findall(r"(?:at |wrong_kernels_\w+.py:)(\d+):\d+", text)
    first = inspect.getsourcelines(kernel.fn)[1]
    at = [int(n) if int(n) > first else int(n) + _head(kernel) for n in places]
    return (at[0] if at else 0), text


def _head(kernel: Any) -> int:
    """Triton counts lines from `def`."""
    lines, first = inspect.getsourcelines(kernel.fn)
    return first + next(k for k, text in enumerate(lines) if text.startswith("def ")) - 1


@contextlib.contextmanager
def heard() -> Any:
    """What goes to stderr in here, also what native code writes."""
    words: list[str] = []
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file, contextlib.redirect_stderr(io.StringIO()) as text:
        os.dup2(file.fileno(), 2)
        try:
            yield words
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            words[:0] = [file.read().decode() + text.getvalue()]


if __name__ == "__main__":
    assert triton_mlx.__name__ and place.is_python() == (sys.argv[1] == "python")
    for name, kernel in KERNELS.items():
        line, words = said(kernel)
        print(json.dumps((name, line, wrong_line(kernel), words)))
