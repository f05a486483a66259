"""The host target against Triton's interpreter, MLX on the CPU and numpy, on the same arrays.

Each test measures both sides in alternating rounds and asserts a floor of the ratio.
"""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from conftest import Comparison

from triton_mlx.examples import attention, elementwise, layernorm, matmul, sequences, softmax
from triton_mlx.examples.interpreted import Interpreter

pytestmark = pytest.mark.usefixtures("host")


def normal(seed: int, *shape: int) -> mx.array:
    """Standard normal numbers, evaluated."""
    x = mx.random.normal(shape, key=mx.random.key(seed))
    mx.eval(x)
    return x


def test_softmax_against_interpreter(speedup: Comparison, interpreter: Interpreter) -> None:
    x = normal(0, 1024, 1024)
    ratio = speedup(
        lambda: softmax.softmax(x),
        config="1024x1024 float32",
        rival="Triton's interpreter",
        theirs_seconds=lambda: interpreter.call(softmax.softmax, x)[1],
        rounds=3,
        ours_per_round=25,
    )
    assert ratio >= 1000


@pytest.mark.short
def test_softmax_against_mlx(speedup: Comparison) -> None:
    x = normal(0, 1024, 1024)
    ratio = speedup(
        lambda: softmax.softmax(x),
        lambda: mx.softmax(x, axis=-1),
        config="1024x1024 float32",
        rival="MLX",
    )
    assert ratio > 1


@pytest.mark.short
def test_layer_norm_against_mlx(speedup: Comparison) -> None:
    x, weight, bias = normal(1, 1024, 1024), normal(2, 1024), normal(3, 1024)
    ratio = speedup(
        lambda: layernorm.layer_norm(x, weight, bias)[0],
        lambda: mx.fast.layer_norm(x, weight, bias, 1e-5),
        config="1024x1024 float32",
        rival="MLX",
    )
    assert ratio > 1


def test_matmul_against_interpreter(speedup: Comparison, interpreter: Interpreter) -> None:
    a, b = normal(4, 512, 512), normal(5, 512, 512)
    ratio = speedup(
        lambda: matmul.matmul(a, b),
        config="512x512x512 float32",
        rival="Triton's interpreter",
        theirs_seconds=lambda: interpreter.call(matmul.matmul, a, b)[1],
        rounds=3,
        ours_per_round=7,
    )
    assert ratio >= 100


def test_matmul_against_mlx(speedup: Comparison) -> None:
    a, b = normal(4, 512, 512), normal(5, 512, 512)
    ratio = speedup(
        lambda: matmul.matmul(a, b), lambda: a @ b, config="512x512x512 float32", rival="MLX"
    )
    assert ratio > 1


def test_matmul_against_numpy(speedup: Comparison) -> None:
    a, b = normal(4, 1024, 1024), normal(5, 1024, 1024)
    c, d = np.array(a), np.array(b)
    ratio = speedup(
        lambda: matmul.matmul(a, b), lambda: c @ d, config="1024x1024x1024 float32", rival="numpy"
    )
    assert ratio >= 0.3


@pytest.mark.parametrize("causal", [False, True], ids=["full", "causal"])
def test_attention_against_mlx(speedup: Comparison, causal: bool) -> None:
    q, k, v = normal(6, 1, 8, 512, 64), normal(7, 1, 8, 512, 64), normal(8, 1, 8, 512, 64)
    mask = "causal" if causal else None
    ratio = speedup(
        lambda: attention.attention(q, k, v, causal),
        lambda: mx.fast.scaled_dot_product_attention(q, k, v, scale=0.125, mask=mask),
        config="1x8x512x64 float32",
        rival="MLX",
    )
    assert ratio > 1


def softmax_of_numpy(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def test_softmax_against_numpy(speedup: Comparison) -> None:
    x = normal(0, 1024, 1024)
    a = np.array(x)
    ratio = speedup(
        lambda: softmax.softmax(x),
        lambda: softmax_of_numpy(a),
        config="1024x1024 float32",
        rival="numpy",
    )
    assert ratio > 1


def chain_of_numpy(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.maximum(x * np.float32(0.75) + y, np.float32(0)) * y - x


def chain_of_mlx(x: mx.array, y: mx.array) -> mx.array:
    return mx.maximum(x * 0.75 + y, 0) * y - x


@pytest.mark.short
@pytest.mark.parametrize("rival", ["numpy", "mx.compile"])
def test_chain_against(speedup: Comparison, rival: str) -> None:
    """On an output that is allocated once, as Triton users do. See README.md for the floor."""
    x, y, out = normal(9, 1 << 22), normal(10, 1 << 22), mx.zeros((1 << 22,))
    mx.eval(out)
    a, b, compiled = np.array(x), np.array(y), mx.compile(chain_of_mlx)

    def ours() -> mx.array:
        elementwise.chain_kernel[(1 << 10,)](x, y, out, 1 << 22, 0.75, BLOCK=1 << 12)
        return out

    def theirs() -> Any:
        return chain_of_numpy(a, b) if rival == "numpy" else compiled(x, y)

    ratio = speedup(ours, theirs, config="4194304 float32", rival=rival, rounds=31)
    assert ratio >= (1 if rival == "numpy" else 0.3)


def test_copy_against_numpy(speedup: Comparison) -> None:
    """What the memory of this machine allows; both sides allocate the copy."""
    x, n = normal(11, 1 << 23), 1 << 23
    a = np.array(x)

    def ours() -> mx.array:
        out = mx.zeros((n,))
        sequences.scale[(n >> 12,)](x, out, n, 1.0, 0.0, BLOCK=1 << 12)
        return out

    assert speedup(ours, lambda: a.copy(), config="8388608 float32", rival="numpy") >= 0.1
