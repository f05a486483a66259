"""Every lifted kernel is well formed, before and after every pass; every broken rule is found."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import corpus
import pytest

from triton_mlx.fusion import ops
from triton_mlx.fusion.errors import VerifyError
from triton_mlx.fusion.graph import Function, Graph, GraphBuilder, Parameter, Value
from triton_mlx.fusion.passes import default
from triton_mlx.fusion.types import F32, I1, I32, I64, Pointer, Type
from triton_mlx.fusion.verify import verify


@pytest.mark.parametrize("kernel", corpus.FORMS, ids=lambda k: k.fn.__name__)
def test_kernels_are_well_formed_after_every_pass(kernel: Any) -> None:
    function = corpus.lifted(kernel)
    verify(function, "lifted")
    for step in default():
        function = step.run(function).function
        verify(function, "lifted")
    verify(function, "fused")


def test_the_passes_leave_nothing_to_do() -> None:
    """A second run of all passes changes no kernel."""
    for kernel in corpus.FORMS:
        once = corpus.fused(corpus.lifted(kernel))
        assert str(corpus.fused(once).body) == str(once.body)


S, T, P = Type(I32), Type(I32, (4,)), Type(Pointer(F32), (4,))
F = Type(F32, (4,))
Build = Callable[[GraphBuilder], None]


def built(build: Build) -> Function:
    ids = itertools.count()
    b = GraphBuilder(ids, (Type(Pointer(F32)), S))
    build(b)
    names = ("p", "n")
    return Function("f", tuple(map(Parameter, names, (a.type for a in b.args))), b.build())


def const(b: GraphBuilder, t: Type, value: Any = 1) -> Value:
    return b.add("const", (), (t,), {"value": value}).result


def region(b: GraphBuilder, args: tuple[Type, ...], outputs: tuple[int, ...]) -> Graph:
    inner = GraphBuilder(b.ids, args)
    return inner.build(inner.args[k] for k in outputs)


def unary(op: str, source: Type, target: Type, **attrs: Any) -> Build:
    return lambda b: void(b.add(op, (const(b, source),), (target,), attrs))


def binary(op: str, left: Type, right: Type, target: Type, **attrs: Any) -> Build:
    return lambda b: void(b.add(op, (const(b, left), const(b, right)), (target,), attrs))


def void(value: object) -> None:
    """For lambdas that are called for what they add to a builder."""


def undefined(b: GraphBuilder) -> None:
    b.add("neg", (Value(999, 0, T),), (T,))


def used_too_early(b: GraphBuilder) -> None:
    late = GraphBuilder(b.ids).add("const", (), (T,), {"value": 1})
    b.add("neg", (late.result,), (T,))
    b.append(late)


def twice_the_same_id(b: GraphBuilder) -> None:
    b.append(b.add("const", (), (T,), {"value": 1}))


def leaks_out_of_a_region(b: GraphBuilder) -> None:
    inner = GraphBuilder(b.ids)
    hidden = inner.add("const", (), (S,), {"value": 1})
    condition = const(b, Type(I1), True)
    b.add("if", (condition,), (), regions=(inner.build(), region(b, (), ())))
    b.add("neg", (hidden.result,), (S,))


def loads_with_a_number_as_mask(b: GraphBuilder) -> None:
    pointer = b.add("splat", (b.args[0],), (P,)).result
    b.add("load", (pointer, const(b, T)), (F,))


def stores_another_type(b: GraphBuilder) -> None:
    b.add("store", (b.add("splat", (b.args[0],), (P,)).result, const(b, T)), ())


def loop_that_yields_too_little(b: GraphBuilder) -> None:
    one = const(b, S)
    b.add("for", (one, one, one, one), (S,), regions=(region(b, (S, S), ()),))


def loop_of_mixed_bounds(b: GraphBuilder) -> None:
    one, wide = const(b, S), const(b, Type(I64))
    b.add("for", (one, wide, one), (), regions=(region(b, (S,), ()),))


def while_without_condition(b: GraphBuilder) -> None:
    b.add("while", (const(b, S),), (S,), regions=(region(b, (S,), (0,)), region(b, (S,), (0,))))


def if_with_one_side(b: GraphBuilder) -> None:
    b.add("if", (const(b, Type(I1), True),), (), regions=(region(b, (), ()),))


def reduces_to_a_tile(b: GraphBuilder) -> None:
    b.add("reduce", (const(b, T),), (T,), {"axis": 0}, (region(b, (S, S), (0,)),))


def reduces_with_a_small_region(b: GraphBuilder) -> None:
    b.add("reduce", (const(b, T),), (S,), {"axis": 0}, (region(b, (S,), (0,)),))


def multiplies_what_does_not_fit(b: GraphBuilder) -> None:
    m = const(b, Type(F32, (4, 8)), 1.0)
    b.add("dot", (m, m, m), (m.type,))


BROKEN: dict[str, Build] = {
    "operands of two types": binary("add", T, S, T),
    "another result type": binary("add", T, T, F),
    "integers in a float op": binary("div", T, T, T),
    "floats in an integer op": binary("shl", F, F, F),
    "too few operands": unary("add", T, T),
    "unknown operation": unary("frobnicate", T, T),
    "two results": lambda b: void(b.add("neg", (const(b, T),), (T, T))),
    "cmp that makes integers": binary("cmp", T, T, T, predicate="slt"),
    "cmp of floats as integers": binary("cmp", F, F, Type(I1, (4,)), predicate="slt"),
    "select on an integer": lambda b: void(b.add("select", (const(b, T),) * 3, (T,))),
    "extension to fewer bits": unary("ext_s", Type(I64), S),
    "truncation to more bits": unary("trunc", S, Type(I64)),
    "cast between kinds": unary("fcast", F, T),
    "bitcast to another width": unary("bitcast", S, Type(I64)),
    "tile size of three": unary("splat", S, Type(I32, (3,))),
    "broadcast of a full axis": unary("broadcast", T, Type(I32, (8,))),
    "reshape to another size": unary("reshape", T, Type(I32, (8,))),
    "axis out of range": unary("expand_dims", T, Type(I32, (4, 1)), axis=3),
    "transpose to the same shape": unary(
        "trans", Type(I32, (4, 8)), Type(I32, (4, 8)), order=(1, 0)
    ),
    "range of another length": lambda b: void(b.add("range", (), (T,), {"start": 0, "end": 8})),
    "a fourth axis of the grid": lambda b: void(b.add("program_id", (), (S,), {"axis": 3})),
    "pointer moved by floats": lambda b: void(
        b.add("addptr", (b.args[0], const(b, Type(F32), 1.0)), (b.args[0].type,))
    ),
    "unnatural constant": lambda b: void(const(b, T, 1.5)),
    **{
        f.__name__.replace("_", " "): f
        for f in (
            undefined,
            used_too_early,
            twice_the_same_id,
            leaks_out_of_a_region,
            loads_with_a_number_as_mask,
            stores_another_type,
            loop_that_yields_too_little,
            loop_of_mixed_bounds,
            while_without_condition,
            if_with_one_side,
            reduces_to_a_tile,
            reduces_with_a_small_region,
            multiplies_what_does_not_fit,
        )
    },
}


@pytest.mark.parametrize("build", BROKEN.values(), ids=BROKEN)
def test_broken_graphs_are_found(build: Build) -> None:
    with pytest.raises(VerifyError):
        verify(built(build), "lifted")


def test_dead_nodes_are_allowed_until_fused() -> None:
    function = built(lambda b: void(const(b, T)))
    verify(function, "lifted")
    with pytest.raises(VerifyError, match="nobody uses it"):
        verify(function, "fused")


def test_parameters_are_the_arguments_of_the_body() -> None:
    function = built(lambda b: None)
    with pytest.raises(VerifyError):
        verify(replace(function, parameters=function.parameters[:1]), "lifted")


def test_every_operation_has_a_rule() -> None:
    from triton_mlx.fusion import verify as module

    assert set(ops.OPS) <= set(module._RULES)
