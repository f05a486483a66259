"""Functions with branches, that reductions and scans combine with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import triton
import triton.language as tl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from triton_mlx.fusion.errors import UnsupportedOperation


@triton.jit
def further(a, b):
    """The one further from zero; of two as far the positive one."""
    if tl.abs(a) > tl.abs(b):
        return a
    if tl.abs(b) > tl.abs(a):
        return b
    return tl.maximum(a, b)


@triton.jit
def with_quotient(a, b):
    """The larger one; on the way something is divided, by zero too if nobody looks."""
    extra = a * 0
    if b != 0:
        extra = (a // b) * 0
    return tl.maximum(a, b) + extra


@triton.jit
def best(a, at, b, place):
    if a > b or (a == b and at < place):
        result, where = a, at
    else:
        result, where = b, place
    return result, where


@triton.jit
def looped(a, b):
    if a > b:
        i = a
        while i > b:
            i -= 1
        b = i + 1
    return b


@triton.jit
def k_rows(x, o, s, KIND: tl.constexpr, ROWS: tl.constexpr, COLS: tl.constexpr):
    r, c = tl.arange(0, ROWS), tl.arange(0, COLS)
    v = tl.load(x + r[:, None] * COLS + c[None, :])
    if KIND == "further":
        one, all_of = tl.reduce(v, 1, further), tl.associative_scan(v, 1, further)
    elif KIND == "with_quotient":
        one, all_of = tl.reduce(v, 1, with_quotient), tl.associative_scan(v, 1, with_quotient)
    else:
        one, all_of = tl.reduce(v, 1, looped), tl.associative_scan(v, 1, looped)
    tl.store(o + r, one)
    tl.store(s + r[:, None] * COLS + c[None, :], all_of)


@triton.jit
def k_best(x, o, p, COLS: tl.constexpr):
    c = tl.arange(0, COLS)
    value, place = tl.reduce((tl.load(x + c), c), 0, best)
    tl.store(o, value)
    tl.store(p, place)


def furthest(row: Any) -> Any:
    return row[np.lexsort((row, np.abs(row)))[-1]]


def results(row_of: Any, x: Any) -> tuple[Any, Any]:
    scans = [[row_of(row[: k + 1]) for k in range(len(row))] for row in x]
    return np.array([row_of(row) for row in x]), np.array(scans)


@pytest.mark.parametrize("dtype", [np.int32, np.float32, np.int8])
@pytest.mark.parametrize("kind", ["further", "with_quotient"])
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1000), columns=st.sampled_from([1, 2, 16, 64]))
def test_rows(kind: str, dtype: Any, seed: int, columns: int, target: str) -> None:
    if kind == "with_quotient" and dtype == np.float32:
        return  # Triton's floats have no //
    x = np.random.default_rng(seed).integers(-9, 10, (4, columns)).astype(dtype)
    out, scanned = np.zeros(4, dtype), np.zeros_like(x)
    k_rows[(1,)](x, out, scanned, KIND=kind, ROWS=4, COLS=columns)
    want, scans = results(furthest if kind == "further" else np.max, x)
    np.testing.assert_array_equal(out, want)
    np.testing.assert_array_equal(scanned, scans)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.integers(-3, 3), min_size=32, max_size=32))
def test_two_values_at_once(target: str, numbers: list[int]) -> None:
    x, out, place = np.array(numbers, np.float32), np.zeros(1, np.float32), np.zeros(1, np.int32)
    k_best[(1,)](x, out, place, COLS=32)
    assert (out[0], place[0]) == (x.max(), x.argmax())


def test_a_loop_in_a_branch_is_refused(target: str) -> None:
    x = np.zeros((4, 8), np.int32)
    with pytest.raises(UnsupportedOperation, match="if") as caught:
        k_rows[(1,)](x, x[0], x, KIND="looped", ROWS=4, COLS=8)
    assert caught.value.where is not None
    assert caught.value.where.file == __file__
