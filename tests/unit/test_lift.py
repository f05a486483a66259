"""Lifting: what graph a kernel becomes, and how what has no row is refused."""

from __future__ import annotations

import inspect
from collections import Counter
from typing import Any

import corpus
import pytest
import triton
import triton.language as tl

from triton_mlx.fusion.errors import IRFormatError, TritonMlxError, UnsupportedOperation
from triton_mlx.fusion.graph import Function, Node
from triton_mlx.fusion.lift import lift
from triton_mlx.fusion.types import F32, I32, Pointer, Type


def count(function: Function) -> Counter[str]:
    return Counter(n.op for n in function.body.walk())


def only(function: Function, op: str) -> Node:
    (found,) = (n for n in function.body.walk() if n.op == op)
    return found


def test_a_vector_addition() -> None:
    function = corpus.lifted(corpus.k_add)
    assert function.name == "k_add"
    assert [p.name for p in function.parameters] == ["x", "y", "o", "n"]
    assert function.parameters[0].type == Type(Pointer(F32))
    assert function.parameters[3].type == Type(I32)
    assert {"load": 2, "store": 1, "range": 1, "cmp": 1}.items() <= count(function).items()
    load = next(n for n in function.body if n.op == "load")
    assert load.types == (Type(F32, (64,)),)
    assert only(function, "range").types == (Type(I32, (64,)),)
    assert only(function, "cmp").attr("predicate") == "slt"


def test_nodes_say_where_they_come_from() -> None:
    store = only(corpus.lifted(corpus.k_add), "store")
    lines, first = inspect.getsourcelines(corpus.k_add.fn)
    assert store.loc.file.endswith("corpus.py")
    assert "tl.store" in lines[store.loc.line - first]


def test_a_loop_carries_its_arguments_by_name() -> None:
    loop = only(corpus.lifted(corpus.k_walk), "for")
    body = loop.regions[0]
    assert len(loop.inputs) == 3 + len(loop.types) == 3 + len(body.outputs) == 2 + len(body.args)
    assert {"p", "q", "total"} <= set(body.args_node.attr("names"))


def test_a_while_has_a_condition_and_a_body() -> None:
    loop = only(corpus.lifted(corpus.k_collatz), "while")
    before, after = loop.regions
    assert str(before.outputs[0].type) == "i1"
    assert [v.type for v in before.outputs[1:]] == list(loop.types) == [a.type for a in after.args]
    assert [v.type for v in after.outputs] == [v.type for v in loop.inputs]


def test_a_reduction_owns_its_combine_region() -> None:
    reduce = only(corpus.lifted(corpus.k_argmax), "reduce")
    assert reduce.attr("axis") == 1
    assert [str(t) for t in reduce.types] == ["8xf32", "8xi32"]
    assert [str(a.type) for a in reduce.regions[0].args] == ["f32", "i32", "f32", "i32"]


def test_constants_of_every_spelling() -> None:
    values = {
        n.attr("value") for n in corpus.lifted(corpus.k_softmax).body.walk() if n.op == "const"
    }
    assert -float("inf") in values


def test_atomics_and_dots() -> None:
    assert only(corpus.lifted(corpus.k_histogram), "atomic_rmw").attr("kind") == "add"
    dot = only(corpus.lifted(corpus.k_matmul), "dot")
    assert [str(v.type) for v in dot.inputs] == ["16x16xf32"] * 3


@triton.jit
def k_assembly(x, o, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    v = tl.inline_asm_elementwise("nop", "=r,r", [tl.load(x + at)], tl.int32, True, 1)
    tl.store(o + at, v)


def refusal_of(kernel: Any, constants: dict[str, int]) -> TritonMlxError:
    with pytest.raises(Exception) as caught:
        corpus.text_of(kernel, ("*i32", "*i32"), constants)
    error: BaseException | None = caught.value
    while error is not None and not isinstance(error, TritonMlxError):
        error = error.__cause__ or error.__context__
    assert isinstance(error, TritonMlxError), caught.value
    return error


@pytest.mark.parametrize(
    ("kernel", "constants", "source"),
    [
        (k_assembly, {"BLOCK": 16}, "inline_asm"),
    ],
    ids=["assembly"],
)
def test_what_has_no_row_is_refused_at_its_line(
    kernel: Any, constants: dict[str, int], source: str
) -> None:
    error = refusal_of(kernel, constants)
    assert isinstance(error, UnsupportedOperation)
    assert error.where is not None
    assert error.where.file.endswith("test_lift.py")
    assert error.hint
    if source:
        lines, first = inspect.getsourcelines(kernel.fn)
        assert source in lines[error.where.line - first]


@pytest.mark.parametrize("text", ["", "module {}", '"builtin.module"() ({ "tt.func"('])
def test_what_is_no_ir_is_an_error_of_its_own(text: str) -> None:
    with pytest.raises(IRFormatError):
        lift(text)
