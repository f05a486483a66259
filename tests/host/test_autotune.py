"""@triton.autotune and triton.testing.do_bench on every kind of array."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
import triton
import triton.language as tl

import triton_mlx


def torch_tensor(values: Any) -> Any:
    return pytest.importorskip("torch").from_numpy(values.copy())


ARRAYS: dict[str, Callable[[Any], Any]] = {
    "mlx": mx.array,
    "numpy": lambda a: a.copy(),
    "torch": torch_tensor,
}


def tuned(**options: Any) -> Callable[[Any], Any]:
    configs = [triton.Config({"BLOCK": 64}), triton.Config({"BLOCK": 128}, num_warps=8)]
    wrap: Callable[[Any], Any] = triton.autotune(
        configs=configs, key=["n"], warmup=1, rep=2, **options
    )
    return wrap


@triton.jit
def step_kernel(x_ptr, total_ptr, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at, mask=at < n)
    tl.store(x_ptr + at, x + 1, mask=at < n)
    tl.atomic_add(total_ptr + at * 0, x, mask=at < n)


@pytest.mark.filterwarnings("ignore:warmup, rep")
@pytest.mark.parametrize("kind", ARRAYS)
def test_arguments_are_reset_and_restored_between_trials(kind: str) -> None:
    kernel = tuned(reset_to_zero=["total_ptr"], restore_value=["x_ptr"])(step_kernel)
    x = ARRAYS[kind](np.ones(200, np.float32))
    total = ARRAYS[kind](np.full(1, 5, np.float32))
    with triton_mlx.use("host"):
        kernel[lambda meta: (triton.cdiv(200, meta["BLOCK"]),)](x, total, 200)
    np.testing.assert_array_equal(np.asarray(x), 2)
    np.testing.assert_array_equal(np.asarray(total), 200)


@pytest.mark.filterwarnings("ignore:warmup, rep")
def test_hooks_of_the_user_get_the_arrays_themselves() -> None:
    seen: list[Any] = []
    kernel = tuned(pre_hook=lambda kwargs, reset_only=False: seen.append(kwargs["x_ptr"]))(
        step_kernel
    )
    x, total = mx.ones(64), mx.zeros(1)
    with triton_mlx.use("host"):
        kernel[lambda meta: (triton.cdiv(64, meta["BLOCK"]),)](x, total, 64)
    assert seen
    assert all(array is x for array in seen)


@pytest.mark.parametrize("kind", ARRAYS)
def test_timing(kind: str) -> None:
    x, total = (ARRAYS[kind](np.ones(n, np.float32)) for n in (1024, 1))
    with triton_mlx.use("host"):
        time = triton.testing.do_bench(
            lambda: step_kernel[(8,)](x, total, 1024, BLOCK=128), warmup=1, rep=2
        )
    assert time > 0
