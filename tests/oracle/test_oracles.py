"""The two oracles of the examples, Triton's interpreter and numpy, agree with each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import interpreter
import mlx.core as mx
import numpy as np
import pytest
import reference
from test_examples import check, exact, random

from triton_mlx.examples import attention, dropout, elementwise, layernorm, matmul, softmax
from triton_mlx.examples.interpreted import InterpreterError


def test_launch_on_numpy_arrays() -> None:
    x, y = np.arange(70, dtype=np.float32), np.ones(70, np.float32)
    out = np.zeros(70, np.float32)
    interpreter.launch(elementwise.add_kernel, (3,), x, y, out, 70, BLOCK=32)
    assert np.array_equal(out, x + y)


def test_launch_with_a_grid_function() -> None:
    x, out = np.arange(70, dtype=np.float32), np.zeros(70, np.float32)
    interpreter.launch(
        elementwise.add_kernel, lambda meta: (64 // meta["BLOCK"],), x, x, out, 70, BLOCK=32
    )
    assert np.array_equal(out, np.where(x < 64, 2 * x, 0))


def test_an_error_in_a_kernel_is_reported_and_the_child_lives_on() -> None:
    x = np.zeros(8, np.float32)
    with pytest.raises(InterpreterError, match="add_kernel failed"):
        interpreter.launch(elementwise.add_kernel, (1,), x, x, x, 8, BLOCK=7)
    test_launch_on_numpy_arrays()


@pytest.mark.parametrize("dtype", [mx.float32, mx.float16, mx.bfloat16])
@pytest.mark.parametrize(
    ("function", "formula", "shapes", "extra"),
    [
        (elementwise.chain, reference.chain, [(1500,), (1500,)], (0.5,)),
        (softmax.softmax, reference.softmax, [(3, 100)], ()),
        (softmax.softmax_long, reference.softmax, [(3, 1500)], ()),
        (matmul.matmul, reference.matmul, [(70, 50), (50, 65)], ()),
        (matmul.linear, reference.linear, [(70, 50), (50, 65), (65,)], (0.125,)),
        (attention.attention, reference.attention, [(1, 1, 40, 64)] * 3, (True,)),
    ],
)
def test_interpreter_and_formula(
    function: Callable[..., mx.array],
    formula: Callable[..., Any],
    shapes: list[tuple[int, ...]],
    extra: tuple[Any, ...],
    dtype: mx.Dtype,
) -> None:
    arrays = [random(i, shape, dtype) for i, shape in enumerate(shapes)]
    got = interpreter.call(function, *arrays, *extra)
    slack = 2.0**-10 if function is attention.attention and dtype == mx.float16 else 2e-6
    check(got, formula(*(exact(x) for x in arrays), *extra), slack)


def test_interpreted_layer_norm() -> None:
    x, w, b = random(1, (3, 70), mx.float32), random(2, (70,), mx.float32), mx.ones(70)
    got = interpreter.call(layernorm.layer_norm, x, w, b)
    want = reference.layer_norm(exact(x), exact(w), exact(b), 1e-5)
    for mine, theirs in zip(got, want, strict=True):
        check(mine, theirs)


@pytest.mark.parametrize("seed", [5, 0x123456789ABCDE])
def test_interpreted_dropout_equals_our_philox(seed: int) -> None:
    x = random(1, (1500,), mx.float32)
    got = interpreter.call(dropout.dropout, x, 0.25, seed)
    assert np.array_equal(np.asarray(got), reference.dropout(np.asarray(x), 0.25, seed))
