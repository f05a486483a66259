"""Which products become part of a fused multiply-add, and that all targets then give the same bits."""

from __future__ import annotations

from collections import Counter
from typing import Any

import corpus
import numpy as np
import pytest
import triton
import triton.language as tl
from hypothesis import given, settings
from hypothesis import strategies as st

import triton_mlx
from triton_mlx.fusion.lift import lift
from triton_mlx.fusion.semantics import fused_multiply_add


@triton.jit
def forms(x, y, z, o, FORM: tl.constexpr, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    a, b, c = tl.load(x + at), tl.load(y + at), tl.load(z + at)
    if FORM == 0:
        r = a * b + c
    elif FORM == 1:
        r = a * b - c
    elif FORM == 2:
        r = c - a * b
    elif FORM == 3:
        r = a * b + c * c
    elif FORM == 4:  # the product is stored too
        r = a * b
        tl.store(x + at, r)
        r = r + c
    elif FORM == 5:  # the product is used by two sums
        r = a * b
        r = (r + c) * (r - c)
    elif FORM == 6:
        r = c
        for _ in range(3):
            r = a * r + b
    else:
        r = tl.where(a > 0, a * b, b) + c
    tl.store(o + at, r.to(o.dtype.element_ty))


# FORM → how many fused multiply-adds and products are left
COUNTS = {0: (1, 0), 1: (1, 0), 2: (1, 0), 3: (1, 1), 4: (0, 1), 5: (0, 2), 6: (1, 0), 7: (0, 1)}


def function_of(form: int, kind: str = "*fp32") -> Any:
    constants = {"FORM": form, "BLOCK": 64}
    return corpus.fused(lift(corpus.text_of(forms, (kind,) * 4, constants)))


def ops(function: Any) -> tuple[int, int]:
    found = Counter(n.op for n in function.body.walk())
    return found["fma"], found["mul"]


@pytest.mark.parametrize("form", COUNTS)
def test_products_with_no_other_use(form: int) -> None:
    assert ops(function_of(form)) == COUNTS[form]
    assert ops(function_of(form, "*fp64")) == COUNTS[form]


@pytest.mark.parametrize("kind", ["*fp16", "*bf16", "*i32"])
def test_types_without_one_rounding_everywhere(kind: str) -> None:
    assert ops(function_of(0, kind)) == (0, 1)


def rounded_apart(form: int, a: Any, b: Any, c: Any) -> Any:
    """numpy, one operation at a time; a fused product is exact in double precision."""
    wide = [np.asarray(v, np.float64) for v in (a, b, c)]
    if form == 0:
        return (wide[0] * wide[1] + wide[2]).astype(np.float32)
    if form == 3:
        return (wide[0] * wide[1] + np.float64(np.float32(c * c))).astype(np.float32)
    if form == 4:
        return a * b + c
    return (a * b + c) * (a * b - c)


@pytest.mark.parametrize("target", ["host", "simulate"])
@pytest.mark.parametrize("form", [0, 3, 4, 5])
def test_bits_are_those_of_the_graph_on_every_target(form: int, target: str) -> None:
    rng = np.random.default_rng(form)
    # 12-bit numbers: sums of two products are exact in double precision.
    a, b, c = ((rng.integers(1, 4096, 64) / 64).astype(np.float32) * np.float32(1.1) for _ in "abc")
    c = -(a * b) * (1 + rng.integers(-4, 4, 64) * np.float32(2**-20)) if form == 0 else c
    out = np.zeros(64, np.float32)
    want = rounded_apart(form, a, b, c.astype(np.float32))
    with triton_mlx.use(target):
        forms[(1,)](a.copy(), b, c.astype(np.float32), out, FORM=form, BLOCK=64)
    np.testing.assert_array_equal(out, want)


@triton.jit
def less_a_negative(a_ptr, b_ptr, out_ptr, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    tl.store(out_ptr + at, tl.load(a_ptr + at) * tl.load(b_ptr + at) - -4.0)


@pytest.mark.parametrize("target", ["host", "simulate"])
def test_a_negative_constant_is_negated(target: str) -> None:
    a, b = (np.arange(64, dtype=np.float32) * k for k in (1, 3))
    out = np.zeros(64, np.float32)
    with triton_mlx.use(target):
        less_a_negative[(1,)](a, b, out, BLOCK=64)
    np.testing.assert_array_equal(out, a * b + 4)


finite = st.floats(-1e6, 1e6, width=32).filter(lambda v: v == 0 or abs(v) > 1e-6)


@settings(max_examples=300, deadline=None)
@given(finite, finite, finite)
def test_the_product_is_not_rounded(x: float, y: float, z: float) -> None:
    from fractions import Fraction

    args = [np.array([v], np.float32) for v in (x, y, z)]
    exact = Fraction(x) * Fraction(y) + Fraction(z)
    found = fused_multiply_add(*args).astype(np.float32)[0]
    assert Fraction(float(found)) == Fraction(_nearest(exact)), (x, y, z)


def _nearest(exact: Any) -> float:
    """The float32 nearest to a fraction, ties to even, found among three neighbours."""
    from fractions import Fraction

    guess = np.float32(float(exact))
    near = [
        guess,
        np.nextafter(guess, np.float32(-np.inf)),
        np.nextafter(guess, np.float32(np.inf)),
    ]
    by_bits = [(abs(Fraction(float(v)) - exact), int(v.view(np.int32)) & 1, v) for v in near]
    return float(min(by_bits, key=lambda t: t[:2])[2])
