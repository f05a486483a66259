"""triton_mlx.prepare: the same launch on other arrays."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import numpy as np
import pytest
import triton
import triton.language as tl

import triton_mlx
from triton_mlx.fusion.errors import BadArgument

N = 300


@triton.jit
def axpy(x_ptr, y_ptr, n, scale, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < n
    y = tl.load(y_ptr + at, mask=inside)
    tl.store(y_ptr + at, tl.load(x_ptr + at, mask=inside) * scale + y, mask=inside)


@triton.autotune([triton.Config({"BLOCK": 64}), triton.Config({"BLOCK": 128})], key=["n"])
@triton.jit
def tuned(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out_ptr + at, tl.load(x_ptr + at, mask=at < n) + 1, mask=at < n)


def prepared(x: Any, y: Any) -> Any:
    return triton_mlx.prepare(axpy[(3,)], x, y, N, 2.0, BLOCK=128)


@pytest.mark.parametrize("target", ["host", "simulate"])
def test_launches_on_other_arrays_of_any_size(target: str) -> None:
    with triton_mlx.use(target):
        x, y = mx.arange(N) * 1.0, mx.ones((N,))
        again = prepared(x, y)
        assert mx.array_equal(y, mx.arange(N) * 2 + 1)  # preparing launches
        z, w = mx.ones((2, N)), mx.zeros((2, N))
        assert again(z, w) is None
        assert mx.array_equal(w[0], mx.full((N,), 2.0)) and mx.array_equal(w[1], mx.zeros((N,)))


def test_numpy_arrays() -> None:
    with triton_mlx.use("host"):
        again = prepared(np.ones(N, np.float32), np.ones(N, np.float32))
        x, y = np.arange(N, dtype=np.float32), np.zeros(N, np.float32)
        again(x, y)
    np.testing.assert_array_equal(y, 2 * x)


def test_an_autotuned_kernel_keeps_the_choice() -> None:
    x, y = mx.arange(N), mx.zeros((N,), mx.int32)
    with triton_mlx.use("host"):
        again = triton_mlx.prepare(
            tuned[lambda meta: (triton.cdiv(N, meta["BLOCK"]),)], x, mx.zeros((N,), mx.int32), N
        )
        again(x, y)
    assert mx.array_equal(y, mx.arange(N) + 1)


def test_inside_a_scope_it_is_fused() -> None:
    x, other, y, z = (mx.ones((N,)) for _ in range(4))
    with triton_mlx.use("host"):
        again = prepared(x, other)
        with triton_mlx.fuse() as scope:
            again(x, y)
            again(y, z)
    assert len(scope.report.launches) == 2 and len(scope.report.groups) == 1
    assert mx.array_equal(z, mx.full((N,), 7.0))


@pytest.mark.parametrize(
    "arrays",
    [
        (mx.ones((N,)),),
        (mx.ones((N,)), mx.ones((N,), mx.float16)),
        (mx.ones((N,)), 3),
        (mx.ones((N,)),) * 2,
        (np.ones(N, np.float32), np.ones(N, np.float32)),
    ],
    ids=["too few", "dtype", "number", "twice", "numpy"],
)
def test_other_arrays_are_refused(arrays: tuple[Any, ...]) -> None:
    with triton_mlx.use("host"):
        again = prepared(mx.ones((N,)), mx.ones((N,)))
        with pytest.raises(BadArgument, match="prepared launch"):
            again(*arrays)


def test_nothing_launched() -> None:
    with pytest.raises(LookupError, match="nothing was launched"):
        triton_mlx.prepare(lambda: None)
