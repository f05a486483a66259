"""Loads that only later steps need are made there, unless what they read may be written before."""

from __future__ import annotations

import re
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
import triton
import triton.language as tl
from hypothesis import given, settings
from hypothesis import strategies as st

import triton_mlx
from triton_mlx.runtime.inspect import lowered_last

N = 256


@triton.jit
def scaled(x, w, first, out, N: tl.constexpr):
    at = tl.arange(0, N)
    row = tl.load(x + at)
    weight = tl.load(w + at).to(tl.float32) * 2
    total = tl.sum(row, axis=0)
    tl.store(first, total)
    tl.store(out + at, (row + total) * weight)


@triton.jit
def shared(x, w, first, out, N: tl.constexpr):
    at = tl.arange(0, N)
    row = tl.load(x + at)
    weight = tl.load(w + at).to(tl.float32)
    doubled = weight * 2
    total = tl.sum(row * weight, axis=0)
    tl.store(first, total)
    tl.store(out + at, (row + total) * doubled)


def run(
    kernel: Any, x: Any, w: Any, first: Any = None, target: str = "simulate"
) -> tuple[Any, Any, str]:
    first, out = mx.zeros((1,)) if first is None else first, mx.zeros((N,))
    with triton_mlx.use(target, checked=target == "simulate"):
        kernel[(1,)](x, w, first, out, N=N)
        body = lowered_last(kernel, target).body
    return np.array(first), np.array(out), body


def place(body: str, name: str) -> int:
    """Where the array is first accessed."""
    found = re.search(rf"\b{name}\[", body)
    assert found is not None
    return found.start()


def arrays(dtype: Any = mx.float32) -> tuple[Any, Any]:
    x, w = (mx.random.normal((N,), key=mx.random.key(k)) for k in (0, 1))
    return x, w.astype(dtype)


@pytest.mark.parametrize("dtype", [mx.float32, mx.bfloat16])
def test_a_load_and_its_cast_wait_for_the_reduction(dtype: Any) -> None:
    x, w = arrays(dtype)
    first, out, body = run(scaled, x, w)
    assert place(body, "first_new") < place(body, "w")
    assert not re.search(r"float weight\w*\[", body)  # nothing of it is kept meanwhile
    total = np.array(x).sum()
    np.testing.assert_allclose(first, total, rtol=1e-4, atol=1e-5)
    want = (np.array(x) + total) * np.array(w.astype(mx.float32)) * 2
    np.testing.assert_allclose(out, want, rtol=1e-4, atol=1e-4)


def test_what_the_reduction_reads_is_loaded_before_it() -> None:
    x, w = arrays()
    _, out, body = run(shared, x, w)
    assert place(body, "w") < place(body, "first_new")
    total = (np.array(x) * np.array(w)).sum()
    np.testing.assert_allclose(out, (np.array(x) + total) * np.array(w) * 2, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("target", ["host", "simulate"])
@pytest.mark.parametrize("kernel", [scaled, shared])
def test_a_store_to_the_same_array_is_not_overtaken(kernel: Any, target: str) -> None:
    """`first` is `w`: its first element is overwritten between the load and the use."""
    x, w = arrays()
    old = np.array(w)
    _, out, _ = run(kernel, x, w, first=w, target=target)
    row = np.array(x)
    total = row.sum() if kernel is scaled else (row * old).sum()
    np.testing.assert_allclose(out, (row + total) * old * 2, rtol=1e-4, atol=1e-4)


@triton.jit
def overwritten(x, w, first, out, N: tl.constexpr):
    at = tl.arange(0, N)
    row = tl.load(x + at)
    old = tl.load(w + at)
    tl.store(w + at, row)
    total = tl.sum(row, axis=0)
    tl.store(first, total)
    tl.store(out + at, old + total)


@pytest.mark.parametrize("target", ["host", "simulate"])
def test_a_store_behind_it_in_the_same_nest_is_not_overtaken(target: str) -> None:
    x, w = arrays()
    old = np.array(w)
    _, out, _ = run(overwritten, x, w, target=target)
    np.testing.assert_array_equal(np.array(w), np.array(x))
    np.testing.assert_allclose(out, old + np.array(x).sum(), rtol=1e-4, atol=1e-4)


@triton.jit
def mixed(x, w, v, a, b, out, FIRST: tl.constexpr, SECOND: tl.constexpr, N: tl.constexpr):
    at = tl.arange(0, N)
    row = tl.load(x + at)
    one = tl.load(w + (at + FIRST) % N).to(tl.float32)
    two = tl.load(v + (at + SECOND) % N)
    total = tl.sum(row, axis=0)
    tl.store(a + at, row + total)
    more = tl.max(row * two, axis=0)
    tl.store(b + at, row * more)
    tl.store(out + at, one * total + two * more)


@settings(max_examples=20, deadline=None)
@given(
    places=st.lists(st.integers(0, 4), min_size=5, max_size=5),
    shifts=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    host=st.booleans(),
)
def test_any_of_the_arrays_may_be_one(
    places: list[int], shifts: tuple[int, int], host: bool
) -> None:
    """Against numpy, which does one line after the other; each of five arguments is one of five arrays."""
    rng = np.random.default_rng(sum(places))
    start = [rng.integers(-3, 4, N).astype(np.float32) for _ in range(5)]
    held, want = [mx.array(s) for s in start], [s.copy() for s in start]
    out = mx.zeros((N,))
    w, v, a, b, x = places
    with triton_mlx.use("host") if host else triton_mlx.use("simulate", checked=True):
        mixed[(1,)](
            held[x], held[w], held[v], held[a], held[b], out,
            FIRST=shifts[0], SECOND=shifts[1], N=N,
        )  # fmt: skip
    row = want[x].copy()
    one = np.roll(want[w], -shifts[0])
    two = np.roll(want[v], -shifts[1])
    total = row.sum()
    want[a] = row + total
    more = (row * two).max()
    want[b] = row * more
    np.testing.assert_array_equal(np.array(out), one * total + two * more)
    for got, expected in zip(held, want):
        np.testing.assert_array_equal(np.array(got), expected)
