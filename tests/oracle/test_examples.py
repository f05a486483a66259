"""Every example against formulas in numpy, on every target, at sizes that fit no block."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import numpy as np
import numpy.typing as npt
import pytest
import reference

from triton_mlx.examples import attention, dropout, elementwise, layernorm, matmul, softmax

Floats = npt.NDArray[np.float64]

FLOATS = [mx.float32, mx.float16, mx.bfloat16]
# Distance from 1 to the next number of the type.
EPSILON = {mx.float32: 2.0**-23, mx.float16: 2.0**-10, mx.bfloat16: 2.0**-7}

all_floats = pytest.mark.parametrize("dtype", FLOATS, ids=["fp32", "fp16", "bf16"])
two_floats = pytest.mark.parametrize("dtype", FLOATS[:2], ids=["fp32", "fp16"])


def random(seed: int, shape: tuple[int, ...], dtype: mx.Dtype) -> mx.array:
    """Standard normal numbers, rounded to `dtype`."""
    values = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    return mx.array(values).astype(dtype)


def exact(x: mx.array) -> Floats:
    """The values of an array of any float type as float64."""
    return np.asarray(x.astype(mx.float32)).astype(np.float64)


def check(got: mx.array, want: Floats, float32_slack: float = 2e-6, roundings: float = 1) -> None:
    """Storage may round each value `roundings` times; float32 arithmetic may add the slack.

    The slack is relative to the largest value that is wanted.
    """
    assert got.shape == want.shape
    values = exact(got)
    assert np.isfinite(values).all()
    slack = float32_slack * max(1.0, float(np.abs(want).max()))
    limit = roundings * EPSILON[got.dtype] * np.abs(want) + slack
    error = np.abs(values - want)
    worst: Any = np.unravel_index(np.argmax(error - limit), error.shape)
    assert (error <= limit).all(), f"{error[worst]} above {limit[worst]} at {worst}"


@all_floats
@pytest.mark.parametrize("n", [1, 1023, 2500])
def test_add(target: str, dtype: mx.Dtype, n: int) -> None:
    x, y = random(1, (n,), dtype), random(2, (n,), dtype)
    check(elementwise.add(x, y), reference.add(exact(x), exact(y)))


def test_add_of_integers_is_exact(target: str) -> None:
    x = mx.array(np.arange(-700, 700, dtype=np.int32) * 1_000_003)
    assert np.array_equal(np.asarray(elementwise.add(x, x)), np.asarray(x) * 2)


@all_floats
@pytest.mark.parametrize("n", [1, 1025, 2500])
def test_chain(target: str, dtype: mx.Dtype, n: int) -> None:
    x, y = random(3, (n,), dtype), random(4, (n,), dtype)
    check(elementwise.chain(x, y, 0.625), reference.chain(exact(x), exact(y), 0.625))


@all_floats
@pytest.mark.parametrize("shape", [(1, 1), (3, 100), (5, 513)])
def test_softmax(target: str, dtype: mx.Dtype, shape: tuple[int, int]) -> None:
    x = random(5, shape, dtype) * 8
    check(softmax.softmax(x), reference.softmax(exact(x)))


@all_floats
@pytest.mark.parametrize("shape", [(3, 100), (2, 700)])
def test_softmax_of_long_rows(target: str, dtype: mx.Dtype, shape: tuple[int, int]) -> None:
    x = random(6, shape, dtype) * 8
    check(softmax.softmax_long(x, block=256), reference.softmax(exact(x)))


def test_softmax_of_large_numbers_does_not_overflow(target: str) -> None:
    x = mx.array([[1e4, 1e4 - 1, -1e4], [-3e38, 0.0, 88.0]])
    check(softmax.softmax(x), reference.softmax(exact(x)))


@all_floats
@pytest.mark.parametrize("shape", [(1, 1, 1), (33, 17, 50), (70, 100, 65)])
def test_matmul(target: str, dtype: mx.Dtype, shape: tuple[int, int, int]) -> None:
    m, n, k = shape
    a, b = random(7, (m, k), dtype), random(8, (k, n), dtype)
    check(matmul.matmul(a, b, block=32), reference.matmul(exact(a), exact(b)))


def test_matmul_swizzles_over_many_blocks(target: str) -> None:
    a, b = random(9, (330, 40), mx.float32), random(10, (40, 75), mx.float32)
    check(matmul.matmul(a, b, block=32), reference.matmul(exact(a), exact(b)))


@all_floats
@pytest.mark.parametrize("slope", [None, 0.0, 0.125])
def test_linear(target: str, dtype: mx.Dtype, slope: float | None) -> None:
    x, w, b = random(11, (50, 40), dtype), random(12, (40, 35), dtype), random(13, (35,), dtype)
    got = matmul.linear(x, w, b, slope, block=32)
    check(got, reference.linear(exact(x), exact(w), exact(b), slope))


@all_floats
@pytest.mark.parametrize("shape", [(1, 8), (3, 100), (4, 513)])
def test_layer_norm(target: str, dtype: mx.Dtype, shape: tuple[int, int]) -> None:
    x = random(14, shape, dtype) * 3 + 1
    weight, bias = random(15, shape[1:], dtype), random(16, shape[1:], dtype)
    got = layernorm.layer_norm(x, weight, bias, eps=1e-5)
    want = reference.layer_norm(exact(x), exact(weight), exact(bias), 1e-5)
    for mine, theirs in zip(got, want, strict=True):
        check(mine, theirs)


@pytest.mark.parametrize("seed", [0, 7, 2**31 - 1, 0x123456789ABCDE])
@pytest.mark.parametrize("p", [0.0, 0.25])
def test_dropout_to_the_bit(target: str, seed: int, p: float) -> None:
    x = random(17, (3, 700), mx.float32)
    got = np.asarray(dropout.dropout(x, p, seed))
    assert np.array_equal(got, reference.dropout(np.asarray(x), p, seed))


def test_dropout_drops_about_that_many() -> None:
    """Guards the oracle itself: 10,000 draws at p 0.25 stray by 150 with chance 0.0005."""
    dropped = reference.dropout(np.ones(10_000, np.float32), 0.25, 3) == 0
    assert abs(int(dropped.sum()) - 2500) < 150


@two_floats
@pytest.mark.parametrize("causal", [False, True], ids=["full", "causal"])
@pytest.mark.parametrize("dim", [64, 128])
def test_attention(target: str, dtype: mx.Dtype, causal: bool, dim: int) -> None:
    length = 40 if target == "simulate" else 150
    q, k, v = (random(18 + i, (1, 2, length, dim), dtype) for i in range(3))
    got = attention.attention(q, k, v, causal, bm=32, bn=32)
    want = reference.attention(exact(q), exact(k), exact(v), causal)
    # float16: the weights are rounded too, before they meet the values.
    slack = 2e-6 if dtype == mx.float32 else 2.0**-10
    check(got, want, slack)


def test_attention_with_fewer_queries_than_keys(target: str) -> None:
    q = random(21, (2, 1, 9, 64), mx.float32)
    k, v = random(22, (2, 1, 50, 64), mx.float32), random(23, (2, 1, 50, 64), mx.float32)
    got = attention.attention(q, k, v, bm=16, bn=16)
    check(got, reference.attention(exact(q), exact(k), exact(v), False))


@pytest.mark.parametrize(
    ("message", "attempt"),
    [
        ("inner sizes", lambda: matmul.matmul(mx.zeros((4, 5)), mx.zeros((4, 5)))),
        ("use softmax_long", lambda: softmax.softmax(mx.zeros((1, 5000)))),
        ("do not fit", lambda: layernorm.layer_norm(*(mx.zeros((1, 9000)),) * 3)),
        ("at least 0", lambda: dropout.dropout(mx.zeros(3), 1.0, 0)),
        (
            "as many keys",
            lambda: attention.attention(
                mx.zeros((1, 1, 2, 64)), *(mx.zeros((1, 1, 3, 64)),) * 2, True
            ),
        ),
    ],
)
def test_wrong_arguments_are_named(message: str, attempt: Any) -> None:
    with pytest.raises(ValueError, match=message):
        attempt()
