"""Hoisting and sharing: what they move and merge, and what they must leave."""

from __future__ import annotations

import itertools

from triton_mlx.fusion.graph import Function, Graph, GraphBuilder, Parameter, Value
from triton_mlx.fusion.passes.hoist import HoistInvariants
from triton_mlx.fusion.passes.share import ShareEqualNodes
from triton_mlx.fusion.types import F32, I32, Pointer, Type

NUMBER, FLOAT, ARRAY = Type(I32), Type(F32), Type(Pointer(F32))


class Kernel:
    """A function of an array and a number, built node by node."""

    def __init__(self) -> None:
        self.ids = itertools.count()
        self.body = GraphBuilder(self.ids, [ARRAY, NUMBER])
        self.array, self.number = self.body.args

    def function(self) -> Function:
        parameters = (Parameter("x", ARRAY), Parameter("n", NUMBER))
        return Function("kernel", parameters, self.body.build())

    def loop(self) -> GraphBuilder:
        return GraphBuilder(self.ids, [NUMBER])

    def add_loop(self, body: GraphBuilder) -> None:
        self.body.add("for", [self.number] * 3, (), regions=[body.build()])


def const(builder: GraphBuilder, value: float, kind: Type = NUMBER) -> Value:
    return builder.add("const", (), (kind,), {"value": value}).result


def ops(graph: Graph) -> list[str]:
    return [node.op for node in graph]


def store(kernel: Kernel, builder: GraphBuilder, value: Value) -> None:
    builder.add("store", (kernel.array, value), ())


def inner(function: Function) -> Graph:
    return next(n.regions[0] for n in function.body if n.op == "for")


def test_what_no_iteration_changes_leaves_the_loop() -> None:
    kernel = Kernel()
    body = kernel.loop()
    four = const(body, 4)
    twice = body.add("mul", (kernel.number, four), (NUMBER,)).result
    moving = body.add("add", (twice, body.args[0]), (NUMBER,)).result
    store(kernel, body, body.add("s_to_f", (moving,), (FLOAT,)).result)
    kernel.add_loop(body)
    found = HoistInvariants().run(kernel.function()).function
    assert ops(found.body) == ["const", "mul", "for"]
    assert ops(inner(found)) == ["add", "s_to_f", "store"]


def test_what_may_fault_or_reads_memory_stays() -> None:
    kernel = Kernel()
    body = kernel.loop()
    body.add("div_s", (kernel.number, kernel.number), (NUMBER,))
    value = body.add("load", (kernel.array,), (FLOAT,)).result
    store(kernel, body, value)
    kernel.add_loop(body)
    found = HoistInvariants().run(kernel.function()).function
    assert ops(found.body) == ["for"]
    assert ops(inner(found)) == ["div_s", "load", "store"]


def test_it_leaves_two_loops_but_not_a_branch() -> None:
    kernel = Kernel()
    outer, loop, branch = kernel.loop(), kernel.loop(), GraphBuilder(kernel.ids)
    const(loop, 1)
    const(branch, 2)
    flag = outer.add("cmp", (outer.args[0], kernel.number), (NUMBER,), {"predicate": "eq"}).result
    empty = GraphBuilder(kernel.ids).build()
    outer.add("if", [flag], (), regions=[branch.build(), empty])
    outer.add("for", [kernel.number] * 3, (), regions=[loop.build()])
    kernel.add_loop(outer)
    found = HoistInvariants().run(kernel.function()).function
    assert ops(found.body) == ["const", "for"]
    assert ops(inner(found)) == ["cmp", "if", "for"]
    assert [len(r) for n in inner(found) for r in n.regions] == [1, 0, 0]


def test_equal_nodes_become_one() -> None:
    kernel = Kernel()
    first = kernel.body.add("add", (kernel.number, kernel.number), (NUMBER,)).result
    second = kernel.body.add("add", (kernel.number, kernel.number), (NUMBER,)).result
    both = kernel.body.add("mul", (first, second), (NUMBER,)).result
    store(kernel, kernel.body, both)
    found = ShareEqualNodes().run(kernel.function()).function
    assert ops(found.body) == ["add", "mul", "store"]
    assert next(n for n in found.body if n.op == "mul").inputs == (first, first)


def test_zeros_of_two_signs_and_values_of_two_types_stay_two() -> None:
    kernel = Kernel()
    for value in (const(kernel.body, 0.0, FLOAT), const(kernel.body, -0.0, FLOAT)):
        store(kernel, kernel.body, value)
    const(kernel.body, 0)
    found = ShareEqualNodes().run(kernel.function()).function
    assert ops(found.body).count("const") == 3


def test_loads_stay_two() -> None:
    kernel = Kernel()
    for _ in range(2):
        store(kernel, kernel.body, kernel.body.add("load", (kernel.array,), (FLOAT,)).result)
    found = ShareEqualNodes().run(kernel.function()).function
    assert ops(found.body) == ["load", "store"] * 2


def test_a_branch_shares_with_what_is_before_it_and_not_with_the_other() -> None:
    kernel = Kernel()
    flag = kernel.body.add("cmp", (kernel.number,) * 2, (NUMBER,), {"predicate": "eq"}).result
    const(kernel.body, 1)
    sides = []
    for _ in range(2):
        side = GraphBuilder(kernel.ids)
        const(side, 1)
        const(side, 2)
        sides.append(side.build())
    kernel.body.add("if", [flag], (), regions=sides)
    found = ShareEqualNodes().run(kernel.function()).function
    branches = next(n for n in found.body if n.op == "if").regions
    assert [[n.attr("value") for n in b] for b in branches] == [[2], [2]]


def test_a_cast_to_the_same_type_is_gone() -> None:
    kernel = Kernel()
    same = kernel.body.add("bitcast", (kernel.number,), (NUMBER,)).result
    store(kernel, kernel.body, kernel.body.add("s_to_f", (same,), (FLOAT,)).result)
    found = ShareEqualNodes().run(kernel.function()).function
    assert ops(found.body) == ["s_to_f", "store"]
