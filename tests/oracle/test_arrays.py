"""numpy arrays and torch CPU tensors as arguments, alone, mixed with mx.arrays, shared and overlapping."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import language_kernels as kernels
import mlx.core as mx
import numpy as np
import numpy.typing as npt
import pytest
import triton
import triton.language as tl

import triton_mlx
from triton_mlx.examples import elementwise
from triton_mlx.fusion.errors import BadArgument

Array = npt.NDArray[Any]
X = np.arange(1000, dtype=np.float32)


def torch_tensor(array: Array) -> Any:
    return pytest.importorskip("torch").from_numpy(array.copy())


KINDS: dict[str, Callable[[Array], Any]] = {
    "numpy": lambda a: a.copy(),
    "torch": torch_tensor,
    "mlx": mx.array,
}


@pytest.mark.parametrize("kind", KINDS)
def test_in_place(target: str, kind: str) -> None:
    array = KINDS[kind](X)
    kernels.k_inplace[(8,)](array, 1000, BLOCK=128)
    np.testing.assert_array_equal(np.array(array), X * 2 + 1)


@pytest.mark.parametrize("source", KINDS)
@pytest.mark.parametrize("result", KINDS)
def test_mixtures_keep_what_is_not_written(target: str, source: str, result: str) -> None:
    out = KINDS[result](np.full(1000, 7, np.float32))
    kernels.k_partial[(8,)](KINDS[source](X), out, np.int32(1000), BLOCK=128)
    np.testing.assert_array_equal(np.array(out), np.where(np.arange(1000) % 3 == 0, X, 7))


@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_a_strided_view_is_a_base_pointer(target: str, kind: str) -> None:
    whole = KINDS[kind](np.zeros((6, 128), np.float32))
    kernels.k_inplace[(2,)](whole[1:3], 256, BLOCK=128)
    np.testing.assert_array_equal(np.array(whole).sum(1), [0, 128, 128, 0, 0, 0])


@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_the_same_array_twice(target: str, kind: str) -> None:
    array = KINDS[kind](X[:200])
    kernels.k_shift[(1,)](array, array, 200, BLOCK=256)
    np.testing.assert_array_equal(np.array(array), np.append(X[1:200], 0))


@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_overlapping_views_load_before_they_store(kind: str) -> None:
    array = KINDS[kind](X[:300])
    with triton_mlx.use("host"):
        kernels.k_shift[(1,)](array[:200], array[1:201], 200, BLOCK=256)
    want = X[:300].copy()
    want[1:201] = np.append(X[1:200], 0)
    np.testing.assert_array_equal(np.array(array), want)
    with triton_mlx.use("simulate"), pytest.raises(BadArgument, match="overlap"):
        kernels.k_shift[(1,)](array[:200], array[1:201], 200, BLOCK=256)


def test_bfloat16_tensors(target: str) -> None:
    torch = pytest.importorskip("torch")
    array = torch.arange(100, dtype=torch.bfloat16)
    kernels.k_inplace[(1,)](array, 100, BLOCK=128)
    assert torch.equal(array, torch.arange(100).bfloat16() * 2 + 1)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int16", "int32", "int64", "float16"])
def test_dtypes(target: str, dtype: str) -> None:
    x = (np.arange(100) % 2).astype(dtype)
    out = np.zeros(100, dtype)
    kernels.k_gather[(1,)](x, np.arange(100), out, 100, BLOCK=128)
    np.testing.assert_array_equal(out, x)


def test_read_only_arrays_are_refused_where_they_are_written(target: str) -> None:
    array = X.copy()
    array.setflags(write=False)
    with pytest.raises(BadArgument, match="read-only"):
        kernels.k_inplace[(1,)](array, 10, BLOCK=16)
    out = np.zeros(200, np.float32)
    kernels.k_shift[(1,)](array, out, 200, BLOCK=256)
    np.testing.assert_array_equal(out, np.append(X[1:200], 0))


def test_empty_arrays(target: str) -> None:
    kernels.k_inplace[(1,)](np.zeros(0, np.float32), 0, BLOCK=16)


def test_reinterpreted_tensors_are_the_tensors_themselves(target: str) -> None:
    bits = torch_tensor(X[:128].view(np.int32))
    seen = triton.reinterpret(bits, tl.float32)
    kernels.k_inplace[(1,)](seen, 128, BLOCK=128)
    np.testing.assert_array_equal(np.asarray(bits).view(np.float32), X[:128] * 2 + 1)


@pytest.mark.parametrize(
    "array",
    [
        mx.zeros((8,), mx.complex64),
        np.zeros(8, np.complex128),
        np.zeros(8, "datetime64[s]"),
        np.zeros(8, object),
        np.zeros(8, [("a", "i4"), ("b", "f4")]),
    ],
    ids=lambda a: str(a.dtype),
)
def test_element_types_that_triton_does_not_have_are_refused(array: Any) -> None:
    with pytest.raises(BadArgument, match="no such element type"):
        elementwise.add_kernel[(1,)](array, array, array, 8, BLOCK=8)
