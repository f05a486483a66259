"""What the axis analysis claims holds for the numbers; and what it must find for usual kernels."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import corpus
import numpy as np
import pytest
import triton
import triton.language as tl
from hypothesis import given, settings
from hypothesis import strategies as st

from triton_mlx.fusion import semantics
from triton_mlx.fusion.axis import Axis, analyse
from triton_mlx.fusion.graph import Function, GraphBuilder, Parameter, Value
from triton_mlx.fusion.lift import lift
from triton_mlx.fusion.types import I1, I32, Type

SHAPE = (8, 16)
TILE = Type(I32, SHAPE)
SCALAR = Type(I32, ())
OPS = ("add", "add", "sub", "mul", "mul", "div_s", "div_u", "rem_s", "rem_u", "cmp", "and", "min_s")
OPS += ("select",)
PREDICATES = ("slt", "sle", "sgt", "sge", "ult", "ule", "ugt", "uge", "eq")


class Made:
    """Random integer tiles, each with its numbers."""

    def __init__(self, draw: Any):
        self.draw = draw
        self.divisors = draw(st.lists(st.sampled_from([1, 2, 4, 16]), min_size=2, max_size=2))
        self.builder = GraphBuilder(itertools.count(), (SCALAR, SCALAR))
        self.numbers: dict[Value, np.ndarray[Any, Any]] = {}
        self.tiles: list[Value] = []
        one = self.builder.add("const", (), (Type(I1, ()),), {"value": True}).result
        self.condition, self.numbers[one] = one, np.bool_(True)
        for value, divisor in zip(self.builder.args, self.divisors):
            self.numbers[value] = np.int32(draw(st.integers(-9, 9)) * divisor)
        for value in self.builder.args:
            self._add("splat", (value,), np.broadcast_to(self.numbers[value], SHAPE))
        for dim in (0, 1):
            start = draw(st.sampled_from([0, 4, 16, 3]))
            line = Type(I32, (SHAPE[dim],))
            run = self.builder.add(
                "range", (), (line,), {"start": start, "end": start + SHAPE[dim]}
            )
            wide = (SHAPE[0], 1) if dim == 0 else (1, SHAPE[1])
            node = self.builder.add(
                "expand_dims", (run.result,), (Type(I32, wide),), {"axis": 1 - dim}
            )
            numbers = np.arange(start, start + SHAPE[dim], dtype=np.int32)
            self.numbers[run.result] = numbers
            self.numbers[node.result] = numbers.reshape(wide)
            self._add("broadcast", (node.result,), np.broadcast_to(numbers.reshape(wide), SHAPE))
        for number in (1, 2, 4, 16, 0, -3):
            self._add("const", (), np.full(SHAPE, number, np.int32), value=number)

    def _add(self, op: str, inputs: tuple[Value, ...], numbers: Any, **attrs: Any) -> None:
        node = self.builder.add(op, inputs, (TILE,), attrs)
        self.numbers[node.result] = np.asarray(numbers)
        self.tiles.append(node.result)

    def step(self) -> None:
        op = self.draw(st.sampled_from(OPS))
        inputs = tuple(self.draw(st.sampled_from(self.tiles)) for _ in range(2))
        attrs: dict[str, Any] = {}
        if op == "select":
            inputs = (self.condition, *inputs)
        if op.startswith(("div", "rem")) and (self.numbers[inputs[1]] == 0).any():
            return  # undefined in Triton
        if op == "cmp":
            attrs["predicate"] = self.draw(st.sampled_from(PREDICATES))
        node = self.builder.add(op, inputs, (Type(I1, SHAPE) if op == "cmp" else TILE,), attrs)
        with np.errstate(all="ignore"):
            self.numbers[node.result] = semantics.apply(node, *(self.numbers[v] for v in inputs))
        if op != "cmp":
            self.tiles.append(node.result)


def holds(axis: Axis, numbers: np.ndarray[Any, Any]) -> bool:
    x = numbers.astype(np.int64)
    for d, size in enumerate(SHAPE):
        moved = np.moveaxis(x, d, -1)
        runs = moved.reshape(-1, size // axis.contiguity[d], axis.contiguity[d])
        if not (runs == runs[:, :, :1] + np.arange(axis.contiguity[d])).all():
            return False
        if (runs[:, :, 0] % axis.divisibility[d]).any():
            return False
        same = moved.reshape(-1, size // axis.constancy[d], axis.constancy[d])
        if not (same == same[:, :, :1]).all():
            return False
    return axis.constant is None or bool((x == axis.constant).all())


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_claims_hold(data: st.DataObject) -> None:
    made = Made(data.draw)
    for _ in range(6):
        made.step()
    parameters = tuple(
        Parameter(f"p{k}", SCALAR, divisor) for k, divisor in enumerate(made.divisors)
    )
    found = analyse(Function("f", parameters, made.builder.build()))
    for value, axis in found.items():
        if value.type.shape == SHAPE:
            assert holds(axis, made.numbers[value]), (value, axis)


@triton.jit
def k_rows(x, o, n, stride, BM: tl.constexpr, BN: tl.constexpr):
    row = tl.program_id(0) * BM + tl.arange(0, BM)
    col = tl.program_id(1) * BN + tl.arange(0, BN)
    at = row[:, None] * stride + col[None, :]
    turned = col[None, :] * stride + row[:, None]
    inside = col[None, :] < n
    tl.store(o + turned, tl.load(x + at, mask=inside & (row[:, None] < 7)), mask=inside)


@pytest.mark.parametrize(
    ("divisibility", "load", "mask", "store"),
    [(16, (1, 32), (1, 16), (8, 1)), (1, (1, 32), (1, 1), (8, 1))],
)
def test_rows_and_columns(divisibility: int, load: Any, mask: Any, store: Any) -> None:
    function = lift(corpus.text_of(k_rows, ("*fp32", "*fp32", "i32", "i32"), {"BM": 8, "BN": 32}))
    parameters = tuple(
        p if p.type.is_pointer else replace(p, divisibility=divisibility)
        for p in function.parameters
    )
    function = replace(function, parameters=parameters)
    found = analyse(function)
    nodes = {n.op: n for n in function.body.walk() if n.op in ("load", "store")}
    assert found[nodes["load"].inputs[0]].contiguity == load
    assert found[nodes["load"].inputs[1]].constancy == mask
    assert found[nodes["store"].inputs[0]].contiguity == store
