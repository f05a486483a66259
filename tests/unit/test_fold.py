"""Folding: the same numbers with fewer operations, for any chain of operations with constants."""

from __future__ import annotations

import itertools

import corpus
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triton_mlx.fusion.graph import Function, GraphBuilder, Parameter
from triton_mlx.fusion.passes.clean import RemoveDeadNodes
from triton_mlx.fusion.passes.fold import FoldConstants
from triton_mlx.fusion.types import I8, I32, I64, Pointer, Scalar, Type
from triton_mlx.fusion.verify import verify

SCALARS = {"i8": (I8, np.int8), "i32": (I32, np.int32), "i64": (I64, np.int64)}
Step = tuple[str, int, bool]  # operation, constant, constant on the left


def chain(scalar: Scalar, steps: list[Step]) -> Function:
    """*out = steps applied to n, one after the other."""
    kind, array = Type(scalar), Type(Pointer(scalar))
    body = GraphBuilder(itertools.count(), [array, kind])
    out, value = body.args
    for op, number, swapped in steps:
        constant = body.add("const", (), (kind,), {"value": number}).result
        operands = (constant, value) if swapped else (value, constant)
        value = body.add(op, operands, (kind,)).result
    body.add("store", (out, value), ())
    return Function("chain", (Parameter("out", array), Parameter("n", kind)), body.build())


def folded(function: Function) -> Function:
    made = RemoveDeadNodes().run(FoldConstants().run(function).function).function
    verify(made, "folded")
    return made


def operations(function: Function) -> list[str]:
    return [node.op for node in function.body if node.op not in ("const", "store")]


@settings(deadline=None, max_examples=200)
@given(
    name=st.sampled_from(sorted(SCALARS)),
    start=st.integers(-128, 127),
    steps=st.lists(
        st.tuples(
            st.sampled_from(["add", "sub", "mul", "and", "or", "xor", "mulhi_u"]),
            st.sampled_from([-128, -3, -1, 0, 1, 2, 7, 127]),
            st.booleans(),
        ),
        max_size=6,
    ),
)
def test_a_chain_has_the_same_value(name: str, start: int, steps: list[Step]) -> None:
    scalar, dtype = SCALARS[name]
    before = chain(scalar, steps)
    found = []
    for function in (before, folded(before)):
        out = np.zeros(1, dtype)
        corpus.call(function, out, start)
        found.append(out[0])
    assert found[0] == found[1]
    assert len(operations(folded(before))) <= len(operations(before))


@pytest.mark.parametrize("op", ["add", "mul", "and", "or", "xor"])
def test_two_operations_with_constants_become_one(op: str) -> None:
    assert operations(folded(chain(I32, [(op, 12, False), (op, 10, True)]))) == [op]


@pytest.mark.parametrize(
    "step", [("mul", 0, True), ("and", 0, False), ("or", 0, True), ("xor", 0, False)]
)
def test_nothing_is_left_of_what_does_nothing(step: Step) -> None:
    assert operations(folded(chain(I32, [step]))) == []


def test_the_constant_is_on_the_right() -> None:
    (add,) = (n for n in folded(chain(I32, [("add", 3, True)])).body if n.op == "add")
    assert add.inputs[0] == folded(chain(I32, [("add", 3, True)])).body.args[1]
