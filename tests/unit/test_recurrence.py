"""Closed forms of loop-carried addresses: the same results as the loop, also for loops that do not run."""

from __future__ import annotations

import itertools
from typing import Any

import corpus
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triton_mlx.fusion.evaluate import evaluate
from triton_mlx.fusion.graph import Function, GraphBuilder, Parameter
from triton_mlx.fusion.passes.recurrence import CloseRecurrences
from triton_mlx.fusion.types import I32, I64, Pointer, Scalar, Type
from triton_mlx.fusion.verify import verify

Array = npt.NDArray[Any]
BOUNDS = [(0, 5), (0, 0), (5, 0), (-4, 3), (-7, -9), (3, 4)]


def walk(function: Function, start: int, end: int) -> Array:
    x = np.random.default_rng(3).standard_normal(16 * 8 + 40).astype(np.float32)
    out = np.zeros(16, np.float32)
    corpus.call(function, x, out, start, end, 8)
    return out


@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("bounds", BOUNDS, ids=str)
@pytest.mark.parametrize("kind", ["i32", "i64"])
def test_pointers_and_integers_that_walk(bounds: tuple[int, int], step: int, kind: str) -> None:
    kinds = ("*fp32", "*fp32", kind, kind, "i32")
    before = corpus.lifted(corpus.k_walk, kinds, {"BLOCK": 16, "STEP": step})
    result = CloseRecurrences().run(before)
    assert len([d for d in result.decisions if d.code == "CLOSED_FORM" and d.applied]) == 2
    verify(result.function, "lifted")
    np.testing.assert_array_equal(walk(before, *bounds), walk(result.function, *bounds))


def test_only_what_cannot_be_closed_is_still_carried() -> None:
    (loop,) = (n for n in corpus.lifted(corpus.k_walk).body.walk() if n.op == "for")
    after = CloseRecurrences().run(corpus.lifted(corpus.k_walk)).function
    (closed,) = (n for n in after.body.walk() if n.op == "for")
    assert len(loop.types) == 3
    assert [str(t) for t in closed.types] == ["16xf32"]


def test_both_operands_of_a_matmul_walk_in_closed_form() -> None:
    after = CloseRecurrences().run(corpus.lifted(corpus.k_matmul)).function
    (loop,) = (n for n in after.body.walk() if n.op == "for")
    assert not any(t.is_pointer for t in loop.types)


def counters(bound: Scalar, counter: Scalar, step: int, amount: int, nested: bool) -> Function:
    """o[0] = value of a counter after a loop, o[1] = sum of its values in the loop (both i64).

    `nested`: the loop runs twice, inside of another one that carries the counter.
    """
    number, total = Type(counter), Type(I64)
    b = GraphBuilder(itertools.count(), (Type(Pointer(I64)), Type(bound), Type(bound)))
    o, lower, upper = b.args

    def add_loop(b: GraphBuilder, count: Any, seen: Any) -> Any:
        pace = b.add("const", (), (Type(bound),), {"value": step}).result
        inner = GraphBuilder(b.ids, (Type(bound), number, total))
        _, now, so_far = inner.args
        wide = now
        if counter != I64:
            wide = inner.add("ext_s", (now,), (total,)).result
        grown = inner.add("add", (so_far, wide), (total,)).result
        extra = inner.add("const", (), (number,), {"value": amount}).result
        body = inner.build((inner.add("add", (now, extra), (number,)).result, grown))
        return b.add("for", (lower, upper, pace, count, seen), (number, total), regions=(body,))

    count = b.add("const", (), (number,), {"value": 7}).result
    seen = b.add("const", (), (total,), {"value": 0}).result
    if nested:
        zero, two, one = (b.add("const", (), (Type(I32),), {"value": v}).result for v in (0, 2, 1))
        outer = GraphBuilder(b.ids, (Type(I32), number, total))
        body = outer.build(add_loop(outer, *outer.args[1:]).outputs)
        loop = b.add("for", (zero, two, one, count, seen), (number, total), regions=(body,))
    else:
        loop = add_loop(b, count, seen)
    last, everything = loop.outputs
    if counter != I64:
        last = b.add("ext_s", (last,), (total,)).result
    one = b.add("const", (), (Type(I32),), {"value": 1}).result
    b.add("store", (o, last), ())
    b.add("store", (b.add("addptr", (o, one), (o.type,)).result, everything), ())
    names = ("o", "lower", "upper")
    return Function("f", tuple(map(Parameter, names, (a.type for a in b.args))), b.build())


def outcome(function: Function, lower: int, upper: int) -> list[int]:
    verify(function, "lifted")
    out = np.zeros(2, np.int64)
    evaluate(function, {0: out}, {1: lower, 2: upper}, (1, 1, 1))
    return [int(v) for v in out]


@settings(max_examples=80, deadline=None)
@given(
    bound=st.sampled_from([I32, I64]),
    counter=st.sampled_from([I32, I64]),
    lower=st.integers(-20, 20),
    trips=st.integers(-5, 12),
    step=st.integers(1, 5),
    amount=st.one_of(st.integers(-9, 9), st.sampled_from([2**30, -(2**31), 2**31 - 1])),
    nested=st.booleans(),
)
def test_counters_agree_with_the_loop(
    bound: Scalar,
    counter: Scalar,
    lower: int,
    trips: int,
    step: int,
    amount: int,
    nested: bool,
) -> None:
    function = counters(bound, counter, step, amount, nested)
    upper = lower + trips * step - step // 2
    result = CloseRecurrences().run(function)
    assert result.decisions
    assert outcome(result.function, lower, upper) == outcome(function, lower, upper)
    assert outcome(corpus.fused(function), lower, upper) == outcome(function, lower, upper)


def test_bounds_near_the_end_of_64_bits() -> None:
    function = counters(I64, I64, 2**40, 5, nested=False)
    closed = CloseRecurrences().run(function).function
    lower, upper = 2**62, 2**62 + 3 * 2**40
    assert outcome(closed, lower, upper) == outcome(function, lower, upper) == [22, 7 + 12 + 17]
