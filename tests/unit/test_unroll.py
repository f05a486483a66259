"""Loops written out: the same values, stores and prints as the loop, and which loops stay."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import corpus
import numpy as np
import numpy.typing as npt
import pytest
import triton
import triton.language as tl
from hypothesis import given, settings
from hypothesis import strategies as st

from triton_mlx.fusion.evaluate import evaluate
from triton_mlx.fusion.graph import Function, GraphBuilder, Node, Parameter, Value
from triton_mlx.fusion.passes import PassResult
from triton_mlx.fusion.passes.unroll import MOST_ADDED, MOST_NODES, UnrollLoops
from triton_mlx.fusion.types import I1, I32, I64, Pointer, Scalar, Type
from triton_mlx.fusion.verify import verify

Array = npt.NDArray[Any]
PLACES = 8
WIDE = Type(I64)


@dataclass(frozen=True)
class Loop:
    """`known`: its bounds are constants, and not arguments. `inner`: loops in its body.

    `triangle`: the upper bound of the loops in it is its own index.
    """

    lower: int
    trips: int
    step: int
    factor: int
    known: bool
    kind: Scalar
    effect: str
    triangle: bool = False
    inner: tuple[Loop, ...] = ()

    @property
    def upper(self) -> int:
        return self.lower + self.trips * self.step - (self.step - 1) * (self.trips % 2)


class Program:
    """o[index % PLACES] of every iteration of every loop mixes what was there with what is carried."""

    def __init__(self, loops: Sequence[Loop]) -> None:
        self.scalars: list[int] = []
        every = list(_all(loops))
        kinds = [k for x in every for k in (Type(x.kind), Type(x.kind))]
        b = GraphBuilder(itertools.count(), (Type(Pointer(I64)), *kinds))
        self.o, *self.bounds = b.args
        state = b.add("const", (), (WIDE,), {"value": 3}).result
        for loop in loops:
            state = self.add(loop, b, state, None)
        self.store(b, state, state)
        names = ["o", *(f"n{k}" for k in range(len(kinds)))]
        parameters = tuple(map(Parameter, names, (a.type for a in b.args)))
        self.function = Function("f", parameters, b.build())

    def add(self, loop: Loop, b: GraphBuilder, state: Value, outer: Value | None) -> Value:
        kind = Type(loop.kind)
        lower, upper = self.bounds[len(self.scalars)], self.bounds[len(self.scalars) + 1]
        self.scalars += [loop.lower, loop.upper]
        if loop.known:
            lower, upper = (number(b, v, kind) for v in (loop.lower, loop.upper))
        if outer is not None:
            upper = b.add("trunc", (outer,), (kind,)).result if kind != outer.type else outer
        body = GraphBuilder(b.ids, (kind, WIDE))
        index, inside = body.args
        wide = index if kind == WIDE else body.add("ext_s", (index,), (WIDE,)).result
        inside = body.add("mul", (inside, number(body, 5, WIDE)), (WIDE,)).result
        inside = body.add("add", (inside, wide), (WIDE,)).result
        self.effect(loop.effect, body, wide, inside)
        for nested in loop.inner:
            inside = self.add(nested, body, inside, wide if loop.triangle else None)
        attrs = {"unroll": loop.factor} if loop.factor > 1 else {}
        inputs = (lower, upper, number(b, loop.step, kind), state)
        region = body.build((inside,))
        return b.add("for", inputs, (WIDE,), attrs, (region,)).result

    def effect(self, name: str, b: GraphBuilder, index: Value, value: Value) -> None:
        if name == "store":
            self.store(b, index, value)
        if name == "print":
            b.add("print", (value,), (), {"prefix": "x", "hex": False, "signed": True})
        if name == "if":
            odd = b.add("and", (value, number(b, 1, WIDE)), (WIDE,)).result
            equal = {"predicate": "eq"}
            test = b.add("cmp", (odd, number(b, 0, WIDE)), (Type(I1),), equal).result
            taken, other = GraphBuilder(b.ids), GraphBuilder(b.ids)
            self.store(taken, index, value)
            b.add("if", (test,), (), {}, (taken.build(), other.build()))

    def store(self, b: GraphBuilder, index: Value, value: Value) -> None:
        place = b.add("and", (index, number(b, PLACES - 1, WIDE)), (WIDE,)).result
        where = b.add("addptr", (self.o, place), (self.o.type,)).result
        old = b.add("load", (where,), (WIDE,)).result
        product = b.add("mul", (old, value), (WIDE,)).result
        b.add("store", (where, b.add("add", (product, value), (WIDE,)).result), ())


def _all(loops: Sequence[Loop]) -> Iterator[Loop]:
    for loop in loops:
        yield loop
        yield from _all(loop.inner)


def number(b: GraphBuilder, value: int, kind: Type) -> Value:
    return b.add("const", (), (kind,), {"value": value}).result


def outcome(function: Function, scalars: Sequence[int]) -> tuple[list[int], list[int]]:
    """The array, and what was printed, in order."""
    verify(function, "lifted")
    out, said = np.arange(PLACES, dtype=np.int64), []
    evaluate(
        function,
        {0: out},
        dict(enumerate(scalars, 1)),
        (1, 1, 1),
        say=lambda node, program, values: said.append(int(values[0])),
    )
    return [int(v) for v in out], said


def unrolled(function: Function) -> PassResult:
    return UnrollLoops().run(function)


def loops(function: Function) -> list[Node]:
    return [n for n in function.body.walk() if n.op == "for"]


def _loops(inner: st.SearchStrategy[tuple[Loop, ...]]) -> st.SearchStrategy[Loop]:
    return st.builds(
        Loop,
        lower=st.integers(-6, 6),
        trips=st.integers(-2, 9),
        step=st.integers(1, 4),
        factor=st.sampled_from([1, 1, 2, 3, 4, 7, 16]),
        known=st.booleans(),
        kind=st.sampled_from([I32, I64]),
        effect=st.sampled_from(["nothing", "store", "print", "if"]),
        triangle=st.booleans(),
        inner=inner,
    )


ONE = _loops(st.just(()))
NESTED = _loops(st.lists(ONE, max_size=2).map(tuple))
RANDOM = st.lists(_loops(st.lists(NESTED, max_size=1).map(tuple)) | NESTED, min_size=1, max_size=3)


@settings(max_examples=150, deadline=None)
@given(RANDOM)
def test_the_same_values_stores_and_prints_in_the_same_order(drawn: list[Loop]) -> None:
    program = Program(drawn)
    expected = outcome(program.function, program.scalars)
    result = unrolled(program.function)
    assert outcome(result.function, program.scalars) == expected
    assert outcome(corpus.fused(program.function), program.scalars) == expected
    assert not any(n.attr("unroll") for n in result.function.body.walk())
    again = unrolled(result.function)
    assert len(loops(again.function)) <= len(loops(result.function))


def test_bounds_near_the_ends_of_32_bits() -> None:
    for lower, trips, step in ((2**31 - 8, 7, 1), (-(2**31), 13, 2**28), (2**31 - 40, 13, 3)):
        for known in (False, True):
            program = Program([Loop(lower, trips, step, 3, known, I32, "store")])
            result = unrolled(program.function)
            assert result.decisions[0].applied
            expected = outcome(program.function, program.scalars)
            assert outcome(result.function, program.scalars) == expected


ASKED = Loop(0, 10, 1, 4, True, I32, "store")


def changed(**fields: Any) -> PassResult:
    return unrolled(Program([replace(ASKED, **fields)]).function)


@pytest.mark.parametrize("trips", [0, 1])
def test_nobody_has_to_ask_for_a_loop_of_one_iteration_or_none(trips: int) -> None:
    result = changed(trips=trips, factor=1)
    assert loops(result.function) == []
    assert sum(n.op == "store" for n in result.function.body.walk()) == trips + 1


def test_a_loop_of_as_many_iterations_as_asked_for_is_written_out() -> None:
    result = changed(trips=4)
    assert loops(result.function) == []
    assert sum(n.op == "store" for n in result.function.body.walk()) == 4 + 1


def test_what_does_not_fill_the_copies_runs_in_a_loop_behind() -> None:
    main, rest = loops(changed(trips=10).function)
    assert [sum(n.op == "store" for n in x.regions[0]) for x in (main, rest)] == [4, 1]
    (main,) = loops(changed(trips=12).function)  # nothing is left
    (main,) = loops(changed(trips=9).function)  # one is left, and needs no loop
    (rest,) = loops(changed(trips=6).function)  # the first four need no loop
    assert sum(n.op == "store" for n in rest.regions[0]) == 1


def test_bounds_known_at_the_launch_only() -> None:
    main, rest = loops(changed(known=False).function)
    assert [sum(n.op == "store" for n in x.regions[0]) for x in (main, rest)] == [4, 1]


@pytest.mark.parametrize(
    "fields",
    [
        {"factor": 1},
        {"factor": 1, "trips": 2},
        {"factor": MOST_NODES, "trips": MOST_NODES},
        {"step": 2**29, "trips": 8, "lower": -(2**31)},
    ],
    ids=["many-unasked", "two-unasked", "long", "wide-steps"],
)
def test_loops_that_stay(fields: dict[str, Any]) -> None:
    result = changed(**fields)
    assert len(loops(result.function)) == 1
    assert not any(d.applied for d in result.decisions)
    assert [d.code for d in result.decisions] == (
        ["LOOP_KEPT"] if fields.get("factor") != 1 else []
    )


def test_copies_of_loops_in_loops_are_counted_together() -> None:
    loop = replace(ASKED, factor=16, trips=40)
    for _ in range(4):
        loop = replace(ASKED, factor=16, trips=40, inner=(loop,))
    program = Program([loop])
    before = sum(1 for _ in program.function.body.walk())
    after = sum(1 for _ in unrolled(program.function).function.body.walk())
    assert before < after < before + 2 * MOST_ADDED


@triton.jit
def k_asked(x, o, n, BLOCK: tl.constexpr, FACTOR: tl.constexpr):
    at = tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK,), tl.float32)
    for k in tl.range(0, n, loop_unroll_factor=FACTOR):
        total += tl.load(x + k * BLOCK + at)
    tl.store(o + at, total)


@triton.jit
def k_product(x, o, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)[:, None] * BLOCK + tl.arange(0, BLOCK)[None, :]
    total = tl.load(x + at)
    for _ in tl.range(0, n, loop_unroll_factor=2):
        total = tl.dot(total, total)
    tl.store(o + at, total)


def test_a_kernel_asks_with_loop_unroll_factor() -> None:
    kinds = ("*fp32", "*fp32", "i32")
    plain, asked = (corpus.lifted(k_asked, kinds, {"BLOCK": 16, "FACTOR": f}) for f in (1, 4))
    assert len(loops(corpus.fused(plain))) == 1
    main, rest = loops(corpus.fused(asked))
    assert [sum(n.op == "load" for n in x.regions[0]) for x in (main, rest)] == [4, 1]
    x = np.random.default_rng(1).standard_normal(16 * 16).astype(np.float32)
    for n in (0, 1, 4, 7, 16):
        found = []
        for function in (plain, corpus.fused(asked)):
            out = np.ones(16, np.float32)
            corpus.call(function, x, out, n)
            found.append(out)
        np.testing.assert_array_equal(*found)


def test_matrix_products_are_not_repeated() -> None:
    result = unrolled(corpus.lifted(k_product, ("*fp32", "*fp32", "i32"), {"BLOCK": 16}))
    (decision,) = result.decisions
    assert (decision.code, decision.applied) == ("LOOP_KEPT", False)
    assert len(loops(result.function)) == 1
