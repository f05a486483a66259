"""Loads leave loops in which nothing is written, and no others; a loop that never runs loads nothing."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import triton
import triton.language as tl
from hypothesis import given, settings
from hypothesis import strategies as st

from triton_mlx.fusion.errors import BadArgument
from triton_mlx.fusion.evaluate import evaluate
from triton_mlx.fusion.graph import Function, Graph, GraphBuilder, Node, Parameter, Value
from triton_mlx.fusion.passes.hoist import HoistInvariants
from triton_mlx.fusion.types import I1, I32, Pointer, Type
from triton_mlx.fusion.verify import verify

NUMBER, ARRAY = Type(I32), Type(Pointer(I32))
SIZE = 4
KINDS = [
    "load",
    "load",
    "load",
    "masked",
    "moving",
    "store",
    "other",
    "atomic",
    "print",
    "volatile",
]


@dataclass(frozen=True)
class Loop:
    """`known`: its bounds are constants. `body`: what it does in each iteration."""

    trips: int
    known: bool
    body: tuple[str | Loop, ...]


class Program:
    """f(x, y, places ..., trips ...): what loops load is added up, and stored to y[0] at the end."""

    def __init__(self, loops: tuple[Loop, ...], bounds: int) -> None:
        self.trips: list[int] = []
        b = GraphBuilder(itertools.count(), (ARRAY, ARRAY, NUMBER, *(NUMBER,) * bounds))
        self.x, self.y, self.place, *self.bounds = b.args
        total = number(b, 1)
        for loop in loops:
            total = self.loop(loop, b, total)
        b.add("store", (self.y, total), ())
        names = ["x", "y", "place", *(f"n{k}" for k in range(bounds))]
        parameters = tuple(map(Parameter, names, (a.type for a in b.args)))
        self.function = Function("f", parameters, b.build())
        verify(self.function, "lifted")

    def loop(self, loop: Loop, b: GraphBuilder, total: Value) -> Value:
        upper = number(b, loop.trips) if loop.known else self.bounds[len(self.trips)]
        self.trips.append(loop.trips)
        body = GraphBuilder(b.ids, (NUMBER, NUMBER))
        index, inside = body.args
        for part in loop.body:
            if isinstance(part, Loop):
                inside = self.loop(part, body, inside)
            else:
                inside = self.part(part, body, index, inside)
        bounds = (number(b, 0), upper, number(b, 1))
        return b.add("for", (*bounds, total), (NUMBER,), {}, (body.build((inside,)),)).result

    def part(self, kind: str, b: GraphBuilder, index: Value, total: Value) -> Value:
        if kind == "print":
            b.add("print", (total,), (), {"prefix": "x", "hex": False, "signed": True})
            return total
        array = self.y if kind in ("store", "atomic") else self.x
        where = b.add("and", (index, number(b, SIZE - 1)), (NUMBER,)).result
        place = where if kind == "moving" else self.place
        at = b.add("addptr", (array, place), (ARRAY,)).result
        if kind in ("store", "other"):
            b.add("store", (at, total), ())
            return total
        if kind == "atomic":
            order = {"kind": "add", "sem": "relaxed", "scope": "gpu"}
            found = b.add("atomic_rmw", (at, total), (NUMBER,), order).result
        else:
            found = self.load(kind, b, at)
        tripled = b.add("mul", (total, number(b, 3)), (NUMBER,)).result
        return b.add("add", (tripled, found), (NUMBER,)).result

    def load(self, kind: str, b: GraphBuilder, at: Value) -> Value:
        rest: tuple[Value, ...] = ()
        if kind == "masked":
            less = {"predicate": "slt"}
            mask = b.add("cmp", (self.place, number(b, SIZE)), (Type(I1),), less).result
            rest = (mask, number(b, 7))
        attrs: dict[str, Any] = {"volatile": True} if kind == "volatile" else {}
        return b.add("load", (at, *rest), (NUMBER,), attrs).result


def number(b: GraphBuilder, value: int) -> Value:
    return b.add("const", (), (NUMBER,), {"value": value}).result


def program(*loops: Loop) -> Program:
    def count(parts: tuple[Any, ...]) -> int:
        return sum(1 + count(p.body) for p in parts if isinstance(p, Loop))

    return Program(loops, count(loops))


def hoisted(function: Function) -> Function:
    made = HoistInvariants().run(function).function
    verify(made, "lifted")
    return made


def outcome(function: Function, trips: list[int], place: int, *, alias: bool) -> tuple[Any, int]:
    """Memory and prints, or that it read out of bounds; and how often something was loaded."""
    x = np.arange(2, 2 + SIZE, dtype=np.int32)
    y = x if alias else np.full(SIZE, 5, np.int32)
    said: list[int] = []
    count: Counter[str] = Counter()

    def each(node: Node) -> None:
        count[node.op] += 1

    def say(node: Node, at: Any, values: Any) -> None:
        said.append(int(values[0]))

    scalars = dict(enumerate([place, *trips], 2))
    try:
        evaluate(function, {0: x, 1: y}, scalars, (1, 1, 1), say, each)
    except BadArgument:
        return "out of bounds", count["load"]
    return (x.tolist(), y.tolist(), said), count["load"]


def places(graph: Graph, depth: int = 0) -> list[tuple[int, int]]:
    """How many loops are around each load, and how many inputs it has."""
    found = [(depth, len(n.inputs)) for n in graph if n.op == "load"]
    return found + [p for n in graph for r in n.regions for p in places(r, depth + 1)]


PARTS = st.sampled_from(KINDS)
LOOPS = st.recursive(
    st.builds(Loop, st.integers(-1, 3), st.booleans(), st.lists(PARTS, max_size=3).map(tuple)),
    lambda inner: st.builds(
        Loop,
        st.integers(-1, 3),
        st.booleans(),
        st.lists(PARTS | inner, min_size=1, max_size=3).map(tuple),
    ),
    max_leaves=4,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(LOOPS, min_size=1, max_size=2), st.sampled_from([0, 3, 99]), st.booleans())
def test_the_same_results_and_faults(drawn: list[Loop], place: int, alias: bool) -> None:
    made = program(*drawn)
    after = hoisted(made.function)
    want, _ = outcome(made.function, made.trips, place, alias=alias)
    assert outcome(after, made.trips, place, alias=alias)[0] == want


def test_it_leaves_two_loops_with_a_mask_for_those_of_unknown_length() -> None:
    inner = Loop(2, False, ("load", "moving"))
    made = program(Loop(3, False, (inner,)))
    after = hoisted(made.function)
    assert places(made.function.body) == [(2, 1), (2, 1)]
    assert places(after.body) == [(0, 2), (2, 1)]
    assert outcome(after, made.trips, 1, alias=False)[1] == 1 + 2 * 3


def test_a_loop_that_is_known_to_run_needs_no_mask() -> None:
    assert places(hoisted(program(Loop(3, True, ("load",))).function).body) == [(0, 1)]
    assert places(hoisted(program(Loop(0, True, ("load",))).function).body) == [(1, 1)]


def test_a_mask_of_its_own_stays() -> None:
    made = program(Loop(2, False, ("masked",)))
    after = hoisted(made.function)
    assert places(after.body) == [(0, 3)]
    for place in (1, 99):  # 99 is masked off
        assert (
            outcome(after, [2], place, alias=False)[0]
            == (outcome(made.function, [2], place, alias=False)[0])
        )


@pytest.mark.parametrize("kind", ["store", "other", "atomic", "print", "volatile"])
@pytest.mark.parametrize("deep", [False, True])
def test_it_stays_where_memory_may_change(kind: str, deep: bool) -> None:
    """Stores to another argument count: both may be one array."""
    part: Any = Loop(2, False, (kind,)) if deep else kind
    after = hoisted(program(Loop(2, False, ("load", part))).function)
    assert (1, 1) in places(after.body)


@pytest.mark.parametrize("trips", [0, -1])
def test_a_loop_that_never_runs_reads_nothing(trips: int) -> None:
    made = program(Loop(trips, False, ("load",)))
    after = hoisted(made.function)
    assert places(after.body) == [(0, 2)]
    want, _ = outcome(made.function, [trips], 99, alias=False)
    assert outcome(after, [trips], 99, alias=False)[0] == want != "out of bounds"


def test_a_branch_and_an_endless_loop_keep_theirs() -> None:
    b = GraphBuilder(itertools.count(), (ARRAY, ARRAY, NUMBER))
    x, _, n = b.args
    body = GraphBuilder(b.ids, (NUMBER,))
    side = GraphBuilder(b.ids)
    side.add("load", (x,), (NUMBER,))
    odd = body.add("cmp", (body.args[0], n), (Type(I1),), {"predicate": "eq"}).result
    body.add("if", (odd,), (), {}, (side.build(), GraphBuilder(b.ids).build()))
    b.add("for", (n, n, n), (), {}, (body.build(),))
    before, after = GraphBuilder(b.ids), GraphBuilder(b.ids)
    flag = before.add("load", (x,), (NUMBER,)).result
    equal = {"predicate": "eq"}
    before_ends = before.add("cmp", (flag, n), (Type(I1),), equal).result
    b.add("while", (), (), {}, (before.build((before_ends,)), after.build()))
    parameters = tuple(map(Parameter, ("x", "y", "n"), (ARRAY, ARRAY, NUMBER)))
    function = Function("f", parameters, b.build())
    assert sorted(places(hoisted(function).body)) == [(1, 1), (2, 1)]


@triton.jit
def running(x, w, o, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    for k in range(n):
        weight = tl.load(w + at)
        tl.store(o + at, tl.load(x + k * BLOCK + at) + 2 * weight)


@triton.jit
def weighted(x, w, o, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK,), tl.float32)
    for k in range(n):
        total += tl.load(x + k * BLOCK + at) * tl.exp(tl.load(w + at))
    tl.store(o + at, total)


def test_a_store_to_the_same_array_by_another_name_is_seen(target: str) -> None:
    x = np.arange(48, dtype=np.float32)
    w = np.ones(16, np.float32)
    running[(1,)](x, w, w, 3, BLOCK=16)
    want = np.ones(16, np.float32)
    for row in x.reshape(3, 16):
        want = row + 2 * want
    np.testing.assert_array_equal(w, want)


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_weights_of_all_rows_are_loaded_once(target: str, rows: int) -> None:
    rng = np.random.default_rng(rows)
    x, w = rng.standard_normal((8, 16), np.float32), rng.standard_normal(16).astype(np.float32)
    out = np.full(16, np.nan, np.float32)
    weighted[(1,)](x, w, out, rows, BLOCK=16)
    np.testing.assert_allclose(out, (x[:rows] * np.exp(w)).sum(0), rtol=1e-5, atol=1e-5)
