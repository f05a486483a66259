"""Kernels on a real CUDA device, against the host target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx.core as mx
import numpy
import pytest
from cuda_kernels import counted, doubled, masked, products, running_sum

import triton_mlx
from triton_mlx.examples import attention, elementwise, layernorm, matmul, softmax
from triton_mlx.fusion.errors import BadArgument

pytestmark = pytest.mark.skipif(not mx.cuda.is_available(), reason="no CUDA device")


def normal(*shape: int, dtype: mx.Dtype = mx.float32) -> mx.array:
    return mx.random.normal(shape, key=mx.random.key(sum(shape)), stream=mx.cpu).astype(dtype)


def run_masked() -> mx.array:
    out = mx.full((1000,), 7.0)
    masked[(4,)](normal(1000), out, 1000, BLOCK=256)
    return out


def run_counted() -> mx.array:
    bins = mx.ones((32,), mx.int32)
    counted[(4,)](mx.arange(4000, dtype=mx.int32), bins, 4000, BLOCK=1024, BINS=32)
    return bins


def run_running_sum() -> mx.array:
    out = mx.zeros((2048,))
    running_sum[(4,)](normal(2048), out, N=512)
    return out


def run_products() -> mx.array:
    a, out = normal(32, 32, dtype=mx.float16), mx.zeros((32, 32), mx.float16)
    products[(1,)](a, a, out, N=32)
    return out


CASES: dict[str, Callable[[], Any]] = {
    "add": lambda: elementwise.add(normal(5000), normal(5000)),
    "add_offset": lambda: elementwise.add(normal(5001)[1:], normal(5003)[3:]),
    "softmax": lambda: softmax.softmax(normal(37, 300)),
    "softmax_long": lambda: softmax.softmax_long(normal(5, 3000)),
    "layer_norm": lambda: layernorm.layer_norm(normal(37, 300), normal(300), normal(300))[0],
    "matmul": lambda: matmul.matmul(normal(100, 70), normal(70, 90)),
    "attention": lambda: attention.attention(*[normal(1, 2, 100, 64)] * 3, True),
    "masked": run_masked,
    "counted": run_counted,
    "running_sum": run_running_sum,
    "products": run_products,
}


@pytest.mark.parametrize("name", CASES)
def test_same_as_host(name: str) -> None:
    with triton_mlx.use("host"), mx.stream(mx.cpu):
        want = numpy.array(CASES[name]())
    with triton_mlx.use("cuda"):
        got = numpy.array(CASES[name]())
    numpy.testing.assert_allclose(
        got, want, rtol=2e-3, atol=2e-3 if got.dtype.itemsize == 2 else 1e-4
    )


@pytest.mark.parametrize("name", CASES)
def test_traced_by_mx_compile(name: str) -> None:
    with triton_mlx.use("cuda"):
        want = numpy.array(CASES[name]())
        traced = mx.compile(CASES[name])
        for _ in range(2):
            numpy.testing.assert_array_equal(numpy.array(traced()), want)


def test_fused_and_traced() -> None:
    def chain(x: mx.array) -> Any:
        return softmax.softmax(elementwise.add(x, x))

    traced = mx.compile(triton_mlx.fuse(chain))
    with triton_mlx.use("cuda"):
        for seed in (0, 1, 2):
            x = mx.random.normal((64, 256), key=mx.random.key(seed))
            numpy.testing.assert_array_equal(numpy.array(traced(x)), numpy.array(chain(x)))
    assert len(triton_mlx.fuse_report().kernels) == 1


def test_float64_keeps_its_bits() -> None:
    values = numpy.random.default_rng(3).standard_normal(1000)
    values[:3] = -5e-324, 1.7976931348623157e308, 1 + 2**-52
    out = numpy.full(1003, 7.0)
    with triton_mlx.use("cuda"), numpy.errstate(over="ignore"):
        doubled[(4,)](values, out, 1000, BLOCK=256)
    numpy.testing.assert_array_equal(out[:1000], numpy.where(values > 1, values * 2, -values))
    assert (out[1000:] == 7).all()


def test_an_mx_array_of_float64_is_refused() -> None:
    with mx.stream(mx.cpu):
        x = mx.ones((256,), mx.float64)
    with triton_mlx.use("cuda"), pytest.raises(BadArgument, match="float64"):
        doubled[(1,)](x, x, 256, BLOCK=256)


def test_a_derivative_is_refused() -> None:
    x = normal(64, 256)
    with triton_mlx.use("cuda"), pytest.raises(ValueError):
        mx.eval(mx.grad(lambda x: softmax.softmax(x).sum())(x))


def test_fused() -> None:
    @triton_mlx.fuse
    def chain(x: mx.array) -> Any:
        return softmax.softmax(elementwise.add(x, x))

    x = normal(64, 256)
    with triton_mlx.use("cuda"):
        got = numpy.array(chain(x))
    numpy.testing.assert_allclose(
        got, numpy.array(mx.softmax(x + x, axis=-1)), rtol=1e-4, atol=1e-6
    )
