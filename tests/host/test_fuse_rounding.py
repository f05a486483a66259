"""relax_rounding: intermediates in the precision in which they were computed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
import triton
import triton.language as tl

import triton_mlx

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))
import joint_kernels as k

N, ROWS, COLS = 960, 24, 40
pytestmark = pytest.mark.usefixtures("target")


@triton.jit
def add_one(x, o, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + at, mask=at < n, other=0.0).to(tl.float32) + 1.0
    tl.store(o + at, v.to(o.dtype.element_ty), mask=at < n)


@triton.jit
def rounded(x, o, n, BLOCK: tl.constexpr):
    """Rounds on purpose: to float16 and back, whatever the arrays are."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + at, mask=at < n).to(tl.float32) * 3.0
    tl.store(o + at, v.to(tl.float16).to(tl.float32), mask=at < n)


@triton.jit
def normed(x, o, N, BLOCK: tl.constexpr):
    row, at = tl.program_id(0), tl.arange(0, BLOCK)
    v = tl.load(x + row * N + at, mask=at < N, other=0.0).to(tl.float32)
    v = v / tl.sqrt(tl.sum(v * v, axis=0))
    tl.store(o + row * N + at, v.to(o.dtype.element_ty), mask=at < N)


def new(dtype: Any) -> mx.array:
    return mx.zeros((N,), dtype)


def chain(x: mx.array, half: Any) -> mx.array:
    """Epilogue."""
    t, u, o = new(half), new(half), new(mx.float32)
    add_one[(8,)](x, t, N, BLOCK=128)
    add_one[(15,)](t, u, N, BLOCK=64)
    add_one[(8,)](u, o, N, BLOCK=128)
    return o


def rows(x: mx.array, half: Any) -> mx.array:
    """Prologue, program by program, epilogue."""
    t, u, v, o = new(half), new(half), new(half), new(mx.float32)
    add_one[(8,)](x, t, N, BLOCK=128)
    normed[(ROWS,)](t, u, COLS, BLOCK=64)
    normed[(ROWS,)](u, v, COLS, BLOCK=64)
    add_one[(15,)](v, o, N, BLOCK=64)
    return o


def on_purpose(x: mx.array, half: Any) -> mx.array:
    t, o = new(half), new(mx.float32)
    add_one[(8,)](x, t, N, BLOCK=128)
    rounded[(15,)](t, o, N, BLOCK=64)
    return o


@pytest.mark.parametrize("function", [chain, rows, on_purpose])
@pytest.mark.parametrize("half", [mx.float16, mx.bfloat16], ids=["float16", "bfloat16"])
def test_nothing_is_rounded_between_launches(function: Callable[..., Any], half: Any) -> None:
    """As if the arrays between were float32; without the option they round."""
    x = mx.random.normal((N,), key=mx.random.key(0)) * 7
    exact, plain = (np.asarray(function(x, t)) for t in (mx.float32, half))
    assert (exact != plain).mean() > 0.1
    relaxed = triton_mlx.fuse(function, relax_rounding=True)
    assert np.asarray(relaxed(x, half)).tobytes() == exact.tobytes()
    assert len(relaxed.last.report.groups) == 1
    assert np.asarray(triton_mlx.fuse(function)(x, half)).tobytes() == plain.tobytes()


def test_an_array_that_is_written_is_rounded() -> None:
    x = mx.random.normal((N,), key=mx.random.key(0)) * 7
    with triton_mlx.fuse(relax_rounding=True) as scope:
        t, o = new(mx.float16), new(mx.float32)
        add_one[(8,)](x, t, N, BLOCK=128)
        add_one[(15,)](t, o, N, BLOCK=64)
    assert len(scope.report.groups) == 1
    x = np.asarray(x)
    np.testing.assert_array_equal(np.asarray(t), (x + np.float32(1)).astype(np.float16))
    np.testing.assert_array_equal(np.asarray(o), x + np.float32(1) + np.float32(1))


def test_numbers_that_were_not_narrowed_are_as_without() -> None:
    def program(x: mx.array) -> mx.array:
        t, o = new(mx.float16), new(mx.float16)
        k.scale[(8,)](x, t, N, 1.5, BLOCK=128)
        k.scale[(15,)](t, o, N, 2.25, BLOCK=64)
        return o

    x = mx.random.normal((N,), key=mx.random.key(0)).astype(mx.float16)
    relaxed = triton_mlx.fuse(program, relax_rounding=True)(x)
    assert np.isfinite(np.asarray(relaxed)).all()
    np.testing.assert_allclose(np.asarray(relaxed), np.asarray(program(x)), rtol=2e-3)
