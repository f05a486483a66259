"""Dead code in loops and branches: what is carried in vain goes, and nothing that anybody sees changes."""

from __future__ import annotations

import itertools
import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from triton_mlx.fusion.evaluate import evaluate
from triton_mlx.fusion.graph import Function, Graph, GraphBuilder, Parameter, Value
from triton_mlx.fusion.passes.clean import RemoveDeadNodes
from triton_mlx.fusion.types import I1, I64, Pointer, Type
from triton_mlx.fusion.verify import verify

NUMBER, ARRAY = Type(I64), Type(Pointer(I64))


class Kernel:
    """Random loops and branches that carry numbers, some of which reach the array `o`."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.ids = itertools.count()
        b = GraphBuilder(self.ids, (ARRAY, NUMBER))
        self.o, n = b.args
        values = [n, number(b, 2), number(b, 5)]
        for _ in range(self.rng.randint(1, 3)):
            values = self.control(b, values, 2)
        self.store(b, self.rng.choice(values), 0)
        parameters = (Parameter("o", ARRAY), Parameter("n", NUMBER))
        self.function = Function("f", parameters, b.build())

    def control(self, b: GraphBuilder, values: list[Value], depth: int) -> list[Value]:
        """`values`, and what a loop or branch gives."""
        make = self.rng.choice((self.loop, self.repeat, self.branch))
        return values + list(make(b, values, depth))

    def some(self, values: list[Value], count: int) -> list[Value]:
        return [self.rng.choice(values) for _ in range(count)]

    def inside(self, b: GraphBuilder, values: list[Value], depth: int, count: int) -> list[Value]:
        """What a region yields: values that it got, sums of them, results of what is in it."""
        if depth and self.rng.random() < 0.5:
            values = self.control(b, values, depth - 1)
        for _ in range(self.rng.randint(0, 2)):
            values = [*values, b.add("add", self.some(values, 2), (NUMBER,)).result]
        if self.rng.random() < 0.3:
            self.store(b, self.rng.choice(values), self.rng.randint(1, 3))
        return self.some(values, count)

    def loop(self, b: GraphBuilder, values: list[Value], depth: int) -> tuple[Value, ...]:
        inits = self.some(values, self.rng.randint(0, 4))
        body = GraphBuilder(self.ids, (NUMBER, *(v.type for v in inits)), names=("i",) * 5)
        own = list(body.args)
        found = self.inside(body, values + own, depth, len(inits))
        # Often as it came, or as its neighbour came.
        for k in range(len(inits)):
            if self.rng.random() < 0.6:
                found[k] = own[1 + (k + self.rng.choice((0, 0, 1))) % len(inits)]
        bounds = [number(b, v) for v in (0, self.rng.randint(0, 3), 1)]
        region = body.build(found)
        return b.add("for", bounds + inits, [v.type for v in inits], {}, (region,)).outputs

    def repeat(self, b: GraphBuilder, values: list[Value], depth: int) -> tuple[Value, ...]:
        inits = [number(b, 0), *self.some(values, self.rng.randint(0, 3))]
        before = GraphBuilder(self.ids, [v.type for v in inits])
        again = before.add(
            "cmp", (before.args[0], number(before, 3)), (Type(I1),), {"predicate": "slt"}
        )
        handed = self.inside(before, values + list(before.args), depth, self.rng.randint(0, 3))
        handed = [before.args[0], *handed]
        after = GraphBuilder(self.ids, [v.type for v in handed])
        step = after.add("add", (after.args[0], number(after, 1)), (NUMBER,)).result
        back = self.inside(after, values + list(after.args), depth, len(inits) - 1)
        regions = (before.build((again.result, *handed)), after.build((step, *back)))
        return b.add("while", inits, [v.type for v in handed], {}, regions).outputs

    def branch(self, b: GraphBuilder, values: list[Value], depth: int) -> tuple[Value, ...]:
        test = b.add("cmp", self.some(values, 2), (Type(I1),), {"predicate": "slt"}).result
        count = self.rng.randint(0, 3)
        regions: list[Graph] = []
        same = self.some(values, count)
        for _ in range(2):
            inner = GraphBuilder(self.ids)
            found = self.inside(inner, values, depth, count)
            mixed = (s if self.rng.random() < 0.4 else f for s, f in zip(same, found))
            regions.append(inner.build(mixed))
        return b.add("if", (test,), (NUMBER,) * count, {}, regions).outputs

    def store(self, b: GraphBuilder, value: Value, place: int) -> None:
        where = b.add("addptr", (self.o, number(b, place)), (ARRAY,)).result
        old = b.add("load", (where,), (NUMBER,)).result
        three = b.add("mul", (old, number(b, 3)), (NUMBER,)).result
        b.add("store", (where, b.add("add", (three, value), (NUMBER,)).result), ())


def number(b: GraphBuilder, value: int) -> Value:
    return b.add("const", (), (NUMBER,), {"value": value}).result


def outcome(function: Function, n: int) -> list[int]:
    out = np.ones(4, np.int64)
    evaluate(function, {0: out}, {1: n}, (1, 1, 1))
    return [int(v) for v in out]


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), st.integers(-3, 9))
def test_nothing_that_is_seen_changes(seed: int, n: int) -> None:
    function = Kernel(seed).function
    verify(function, "lifted")
    after = RemoveDeadNodes().run(function).function
    verify(after, "fused")
    assert outcome(after, n) == outcome(function, n)
    again = RemoveDeadNodes().run(after).function
    assert outcome(again, n) == outcome(function, n)


def carrying(yielded: list[int], seen: int) -> Function:
    """A loop that carries three numbers and yields its arguments (0: their sum); one result is stored."""
    b = GraphBuilder(itertools.count(), (ARRAY, NUMBER))
    o, n = b.args
    inits = [number(b, v) for v in (7, 8, 9)]
    body = GraphBuilder(b.ids, (NUMBER,) * 4)
    total = body.add("add", body.args[2:], (NUMBER,)).result
    region = body.build(total if k == 0 else body.args[k] for k in yielded)
    bounds = (number(b, 0), n, number(b, 1))
    loop = b.add("for", (*bounds, *inits), (NUMBER,) * 3, {}, (region,))
    b.add("store", (o, loop.outputs[seen]), ())
    return Function("f", (Parameter("o", ARRAY), Parameter("n", NUMBER)), b.build())


def carried(function: Function) -> list[int]:
    cleaned = RemoveDeadNodes().run(function).function
    assert outcome(cleaned, 4) == outcome(function, 4)
    return [len(n.types) for n in cleaned.body if n.op == "for"]


def test_what_is_carried_for_nobody_goes() -> None:
    assert carried(carrying([0, 3, 2], seen=0)) == [3]  # the sum needs both others, which swap
    assert carried(carrying([0, 3, 2], seen=1)) == [2]  # the sum is for nobody
    assert carried(carrying([3, 0, 2], seen=2)) == [2]


def test_what_is_handed_on_unchanged_is_not_carried() -> None:
    assert carried(carrying([0, 2, 3], seen=0)) == [1]  # a sum of what never changes
    assert carried(carrying([1, 2, 3], seen=1)) == []  # nothing is left of the loop
