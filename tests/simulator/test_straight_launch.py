"""Launches as a GPU gets them: what is asked of MLX, run by the simulator in the device's place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import mlx.core as mx
import pytest
import triton
import triton.language as tl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import triton_mlx
from triton_mlx.runtime.metal_call import MetalCall
from triton_mlx.runtime.simulator import simulate


@triton.jit
def both(x_ptr, double_ptr, square_ptr, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at, mask=at < n)
    tl.store(double_ptr + at, x * 2, mask=at < n)
    tl.store(square_ptr + at, x * x, mask=at < n)


@triton.jit
def twice(x_ptr, y_ptr, BLOCK: tl.constexpr):
    """Without numbers, so that nothing but arrays is passed."""
    at = tl.arange(0, BLOCK)
    tl.store(y_ptr + at, tl.load(x_ptr + at) + tl.load(x_ptr + at))


@triton.jit
def some(x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    tl.store(y_ptr + at, tl.load(x_ptr + at, mask=at < n), mask=at < n)


Shapes = list[list[tuple[int, ...]]]


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shapes]:
    """The shapes of the outputs that each launch asked MLX for."""
    asked: Shapes = []

    def kernel(call: MetalCall) -> Any:
        def launch(*, inputs: list[Any], output_shapes: Any, **rest: Any) -> list[Any]:
            asked.append(list(output_shapes))
            same = replace(call, output_shapes=tuple((mx.zeros(s).size,) for s in output_shapes))
            assert rest["grid"] == call.grid and rest["init_value"] == call.init_value
            found = simulate(same, inputs, checked=False).outputs
            return [o.reshape(s) for o, s in zip(found, output_shapes)]

        return launch

    monkeypatch.setattr(MetalCall, "_kernel", kernel)
    with triton_mlx.use("metal"), mx.stream(mx.cpu):
        yield asked


def values(shape: tuple[int, ...], dtype: mx.Dtype = mx.float32) -> mx.array:
    count = mx.zeros(shape).size
    return (mx.arange(count) % 7).reshape(shape).astype(dtype)


SHAPES = st.sampled_from([(64,), (4, 16), (16, 4), (2, 4, 8), (1, 64), (80,), (1,), (), (0,)])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(SHAPES, SHAPES, SHAPES, st.sampled_from([mx.float32, mx.float16, mx.int32])),
        min_size=2,
        max_size=4,
    )
)
def test_launches_of_many_shapes_and_types_one_after_the_other(
    device: Shapes, launches: list[tuple[Any, ...]]
) -> None:
    for of_x, of_double, of_square, dtype in launches:
        n = min(mx.zeros(s).size for s in (of_x, of_double, of_square))
        x, kept = values(of_x, dtype), values(of_x, dtype)
        double, square = mx.full(of_double, 5, dtype), mx.full(of_square, 6, dtype)
        both[(2,)](x, double, square, n, BLOCK=64)
        for found, old, rule in ((double, 5, kept * 2), (square, 6, kept * kept)):
            flat = found.reshape(-1)
            assert found.dtype == dtype
            assert mx.array_equal(flat[:n], rule.reshape(-1)[:n])
            assert mx.all(flat[n:] == old).item()
        assert double.shape == of_double and square.shape == of_square


def test_outputs_come_in_the_shape_of_the_array(device: Shapes) -> None:
    for shape in ((4, 16), (64,), (4, 16), (8, 8)):
        x, y = values(shape), mx.zeros(shape)
        before = y[0]
        twice[(1,)](x, y, BLOCK=64)
        assert mx.array_equal(y, values(shape) * 2)
        assert not mx.any(before).item()
        assert device[-1] == [shape]


def test_a_column_is_not_taken_for_the_rows(device: Shapes) -> None:
    y = mx.zeros((8, 8))
    twice[(1,)](values((8, 8)).T, y, BLOCK=64)
    assert mx.array_equal(y, values((8, 8)).T * 2)


def test_what_is_written_in_part_is_merged(device: Shapes) -> None:
    for shape in ((64,), (8, 8)):
        y = mx.full(shape, 9.0)
        some[(1,)](values(shape), y, 10, BLOCK=64)
        assert mx.array_equal(y.reshape(-1)[:10], values((64,))[:10])
        assert mx.all(y.reshape(-1)[10:] == 9).item()
        assert len(device[-1]) == 2  # the values, and which were written


def test_one_array_twice_then_two(device: Shapes) -> None:
    x = values((64,))
    twice[(1,)](x, x, BLOCK=64)
    assert mx.array_equal(x, values((64,)) * 2)
    y = mx.zeros((64,))
    twice[(1,)](x, y, BLOCK=64)
    assert mx.array_equal(y, values((64,)) * 4) and mx.array_equal(x, values((64,)) * 2)


def test_a_handle(device: Shapes) -> None:
    again = triton_mlx.prepare(twice[(1,)], values((64,)), mx.zeros((64,)), BLOCK=64)
    for shape in ((4, 16), (64,), (100,)):
        y = mx.full(shape, 3.0)
        again(values(shape), y)
        assert mx.array_equal(y.reshape(-1)[:64], values((64,)) * 2)
        assert mx.all(y.reshape(-1)[64:] == 3).item()
