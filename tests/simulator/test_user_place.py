"""A finding of the simulator names the line of the user's kernel."""

from __future__ import annotations

import inspect
from typing import Any

import mlx.core as mx
import pytest
import triton
import triton.language as tl

import triton_mlx
from triton_mlx.runtime.metal import SimulatorFinding


@triton.jit
def past_the_end(x_ptr, y_ptr, out_ptr, N: tl.constexpr):
    at = tl.arange(0, N)
    x = tl.load(x_ptr + at)
    y = tl.load(y_ptr + at)  # here
    tl.store(out_ptr + at, x + y)


@triton.jit
def stored_past_the_end(x_ptr, y_ptr, out_ptr, N: tl.constexpr):
    at = tl.arange(0, N)
    x = tl.load(x_ptr + at) + tl.load(y_ptr + at % 32)
    tl.store(
        out_ptr + 1 + at,
        x,
    )  # here


@triton.jit
def raced(x_ptr, y_ptr, out_ptr, N: tl.constexpr):
    at = tl.arange(0, N)
    total = tl.sum(tl.load(x_ptr + at), axis=0)
    for k in range(2):
        total += k
        tl.store(out_ptr + k, total)  # here


def line_of(kernel: Any) -> range:
    """The lines of the statement that is marked."""
    lines, first = inspect.getsourcelines(kernel.fn)
    last = next(k for k, text in enumerate(lines) if text.endswith("# here\n"))
    start = max(k for k in range(last + 1) if lines[k].startswith("    ") and "tl." in lines[k])
    return range(first + start, first + last + 1)


@pytest.mark.parametrize(
    ("kernel", "kind", "programs"),
    [
        (past_the_end, "OUT_OF_BOUNDS", 1),
        (stored_past_the_end, "OUT_OF_BOUNDS", 1),
        (raced, "RACE", 2),
    ],
)
def test_the_line_of_the_kernel(kernel: Any, kind: str, programs: int) -> None:
    x, y, out = mx.ones((64,)), mx.ones((32,)), mx.zeros((64,))
    with triton_mlx.use("simulate", checked=True), pytest.raises(SimulatorFinding) as caught:
        kernel[(programs,)](x, y, out, 64)
    assert kind in str(caught.value)
    where = caught.value.where
    assert where is not None
    assert where.file == __file__
    assert where.line in line_of(kernel)
    assert f"{__file__}:{where.line}" in str(caught.value)
