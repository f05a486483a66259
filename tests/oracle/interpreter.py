"""Triton's interpreter as an oracle: what a kernel means, without any code of ours in between.

One child process serves a whole test run. bfloat16 arrays pass through it as float32, see
triton_mlx/examples/interpreted.py.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable
from functools import cache
from typing import Any

from triton_mlx.examples.interpreted import Interpreter


@cache
def _interpreter() -> Interpreter:
    child = Interpreter()
    atexit.register(child.close)
    return child


def launch(kernel: Any, grid: Any, *args: Any, **constexprs: Any) -> None:
    """Interpret `kernel[grid](*args, **constexprs)` for numpy arrays, which hold the result.

    `kernel` is a `@triton.jit` function at the top level of a file; `grid` is a tuple or a
    function of `constexprs`. Raises InterpreterError.
    """
    _interpreter().launch(kernel, grid, *args, **constexprs)


def call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The result of a top-level function of mx.arrays whose launches are interpreted."""
    return _interpreter().call(function, *args, **kwargs)[0]
