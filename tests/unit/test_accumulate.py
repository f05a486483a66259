"""Products that are added to a sum start from it, unless somebody else needs the product alone."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from triton_mlx.fusion.evaluate import evaluate
from triton_mlx.fusion.graph import Function, GraphBuilder, Parameter
from triton_mlx.fusion.passes import run
from triton_mlx.fusion.passes.accumulate import AccumulateProducts
from triton_mlx.fusion.passes.clean import RemoveDeadNodes
from triton_mlx.fusion.types import I1, I32, Pointer, Type
from triton_mlx.fusion.verify import verify

SIDE = 4
TILE, ARRAY = Type(I32, (SIDE, SIDE)), Type(Pointer(I32))


def kernel(form: str) -> Function:
    """o = x @ x + x, where the sum is written in several ways."""
    b = GraphBuilder(itertools.count(), (ARRAY, ARRAY))
    x, o = b.args

    def tile(pointer: Any) -> Any:
        index = b.add("range", (), (Type(I32, (SIDE * SIDE,)),), {"start": 0, "end": SIDE * SIDE})
        index = b.add("reshape", (index.result,), (TILE,))
        spread = b.add("splat", (pointer,), (Type(Pointer(I32), TILE.shape),)).result
        return b.add("addptr", (spread, index.result), (spread.type,)).result

    value = b.add("load", (tile(x),), (TILE,)).result
    zero = b.add("const", (), (Type(I32),), {"value": 1 if form == "one" else 0}).result
    start = b.add("splat", (zero,), (TILE,)).result
    product = b.add("dot", (value, value, start), (TILE,), {"input_precision": "ieee"}).result
    left, right = (value, product) if form == "right" else (product, value)
    if form == "difference":
        total = b.add("sub", (left, right), (TILE,)).result
    elif form == "branch":
        inner, other = GraphBuilder(b.ids), GraphBuilder(b.ids)
        test = b.add("cmp", (zero, zero), (Type(I1),), {"predicate": "eq"}).result
        added = inner.build((inner.add("add", (left, right), (TILE,)).result,))
        total = b.add("if", (test,), (TILE,), {}, (added, other.build((value,)))).result
    else:
        total = b.add("add", (left, right), (TILE,)).result
    if form == "twice":
        total = b.add("mul", (total, product), (TILE,)).result
    b.add("store", (tile(o), total), ())
    return Function("f", (Parameter("x", ARRAY), Parameter("o", ARRAY)), b.build())


def product_of(function: Function) -> np.ndarray[Any, Any]:
    verify(function, "lifted")
    x = np.random.default_rng(0).integers(-9, 9, SIDE * SIDE).astype(np.int32)
    out = np.zeros_like(x)
    evaluate(function, {0: x, 1: out}, {}, (1, 1, 1))
    return out


@pytest.mark.parametrize("form", ["left", "right", "twice", "one", "difference", "branch"])
def test_a_sum_is_where_a_product_starts(form: str) -> None:
    before = kernel(form)
    after = run((AccumulateProducts(), RemoveDeadNodes()), before).function
    np.testing.assert_array_equal(product_of(after), product_of(before))
    sums = sum(n.op in ("add", "sub") for n in after.body.walk())
    assert sums == (0 if form in ("left", "right") else 1)
