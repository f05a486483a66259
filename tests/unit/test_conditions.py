"""Known conditions: the same values and memory, with nothing left to decide."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from triton_mlx.fusion.evaluate import evaluate
from triton_mlx.fusion.graph import Function, GraphBuilder, Parameter, Value
from triton_mlx.fusion.passes import run
from triton_mlx.fusion.passes.clean import RemoveDeadNodes
from triton_mlx.fusion.passes.fold import FoldConstants
from triton_mlx.fusion.types import I1, I8, I32, I64, Pointer, Scalar, Type
from triton_mlx.fusion.verify import verify

ARRAY, NUMBER, FLAG = Type(Pointer(I32)), Type(I32), Type(I1)
PREDICATES = ("eq", "ne", "slt", "sle", "sgt", "sge", "ult", "ule", "ugt", "uge")
Body = Callable[[GraphBuilder, Value, Value, Value], None]


def kernel(body: Body) -> Function:
    """`body` of a builder, the array, its element 1 and a number known at the launch."""
    b = GraphBuilder(itertools.count(), (ARRAY, NUMBER))
    array, n = b.args
    one = b.add("const", (), (NUMBER,), {"value": 1}).result
    body(b, array, b.add("addptr", (array, one), (ARRAY,)).result, n)
    return Function("f", (Parameter("o", ARRAY), Parameter("n", NUMBER)), b.build())


def folded(function: Function) -> Function:
    after = run((FoldConstants(), RemoveDeadNodes()), function).function
    verify(after, "fused")
    assert memory(after) == memory(function)
    return after


def memory(function: Function) -> list[int]:
    verify(function, "lifted")
    out = np.array([3, 5], np.int32)
    evaluate(function, {0: out}, {1: 7}, (1, 1, 1))
    return [int(v) for v in out]


def number(b: GraphBuilder, value: int, scalar: Scalar = I32) -> Value:
    return b.add("const", (), (Type(scalar),), {"value": value}).result


def flag(b: GraphBuilder, value: bool) -> Value:
    """A comparison that says `value`."""
    two = (number(b, 4), number(b, 4 if value else 9))
    return b.add("cmp", two, (FLAG,), {"predicate": "eq"}).result


def ops(function: Function) -> list[str]:
    return [node.op for node in function.body.walk() if node.op != "const"]


@pytest.mark.parametrize("scalar", [I8, I32, I64], ids=str)
@pytest.mark.parametrize("predicate", PREDICATES)
def test_comparisons_of_known_integers(predicate: str, scalar: Scalar) -> None:
    for left, right in itertools.product((-128, -1, 0, 1, 127), repeat=2):

        def body(
            b: GraphBuilder, array: Value, *_: Any, left: int = left, right: int = right
        ) -> None:
            pair = (number(b, left, scalar), number(b, right, scalar))
            found = b.add("cmp", pair, (FLAG,), {"predicate": predicate}).result
            b.add("store", (array, b.add("ext_u", (found,), (NUMBER,)).result), ())

        assert "cmp" not in ops(folded(kernel(body)))


@pytest.mark.parametrize("value", [True, False])
def test_a_choice_is_made(value: bool) -> None:
    def body(b: GraphBuilder, array: Value, second: Value, n: Value) -> None:
        both = (flag(b, value), n, number(b, 9))
        b.add("store", (array, b.add("select", both, (NUMBER,)).result), ())

    assert ops(folded(kernel(body))) == ["store"]


@pytest.mark.parametrize("value", [True, False])
@pytest.mark.parametrize("op", ["and", "or"])
@pytest.mark.parametrize("swapped", [True, False])
def test_conditions_are_joined(op: str, value: bool, swapped: bool) -> None:
    def body(b: GraphBuilder, array: Value, second: Value, n: Value) -> None:
        test = b.add("cmp", (n, number(b, 7)), (FLAG,), {"predicate": "sge"}).result
        pair = (flag(b, value), test)
        both = b.add(op, pair[::-1] if swapped else pair, (FLAG,)).result
        b.add("store", (array, b.add("ext_u", (both,), (NUMBER,)).result), ())

    left = ops(folded(kernel(body)))
    assert ("cmp" in left) == (value == (op == "and"))
    assert op not in left


@pytest.mark.parametrize("value", [True, False])
def test_masks(value: bool) -> None:
    def body(b: GraphBuilder, array: Value, second: Value, n: Value) -> None:
        mask = flag(b, value)
        got = b.add("load", (array, mask, n), (NUMBER,)).result
        b.add("store", (second, got), ())
        b.add("store", (array, number(b, 8), mask), ())
        b.add("atomic_rmw", (second, n, mask), (NUMBER,), {"kind": "add"})

    after = folded(kernel(body))
    masked = [n.op for n in after.body if n.op == "atomic_rmw" and len(n.inputs) == 3]
    if value:
        assert masked == []
        assert [len(n.inputs) for n in after.body if n.op == "load"] == [1]
        assert [len(n.inputs) for n in after.body if n.op == "store"] == [2, 2]
    else:
        assert masked == [
            "atomic_rmw"
        ]  # its result is used by nobody, but nothing is promised of it
        assert [n.op for n in after.body if n.op in ("load", "store")] == ["store"]


def test_a_volatile_load_stays() -> None:
    def body(b: GraphBuilder, array: Value, second: Value, n: Value) -> None:
        got = b.add("load", (array, flag(b, False), n), (NUMBER,), {"volatile": True}).result
        b.add("store", (second, got), ())

    assert "load" in ops(folded(kernel(body)))


@pytest.mark.parametrize("value", [True, False])
def test_a_branch_is_taken_and_so_are_those_in_it(value: bool) -> None:
    def body(b: GraphBuilder, array: Value, second: Value, n: Value) -> None:
        test = flag(b, value)
        regions = []
        for k in range(2):
            outer = GraphBuilder(b.ids)
            outer.add("store", (array, number(outer, 20 + k)), ())
            inner, other = GraphBuilder(b.ids), GraphBuilder(b.ids)
            inner.add("store", (second, number(inner, 30 + k)), ())
            yielded = inner.build((n,)), other.build((number(other, 40 + k),))
            got = outer.add("if", (test,), (NUMBER,), {}, yielded).result
            regions.append(outer.build((got, n)))
        found = b.add("if", (test,), (NUMBER, NUMBER), {}, regions)
        total = b.add("add", found.outputs, (NUMBER,)).result
        b.add("atomic_rmw", (array, total), (NUMBER,), {"kind": "add"})

    assert "if" not in ops(folded(kernel(body)))


def test_a_tile_of_one_element_has_a_known_index() -> None:
    def body(b: GraphBuilder, array: Value, second: Value, n: Value) -> None:
        tile = Type(I32, (1,))
        index = b.add("range", (), (tile,), {"start": 0, "end": 1}).result
        one = b.add("splat", (number(b, 1),), (tile,)).result
        inside = b.add("cmp", (index, one), (Type(I1, (1,)),), {"predicate": "slt"}).result
        spread = Type(Pointer(I32), (1,))
        where = b.add("addptr", (b.add("splat", (array,), (spread,)).result, index), (spread,))
        b.add("store", (where.result, b.add("splat", (n,), (tile,)).result, inside), ())

    assert sorted(ops(folded(kernel(body)))) == ["splat", "splat", "store"]
