"""Parts of the language against numpy, on the host and in the checked simulator."""

from __future__ import annotations

from typing import Any

import language_kernels as kernels
import mlx.core as mx
import numpy as np
import numpy.typing as npt
import pytest

pytestmark = pytest.mark.usefixtures("target")
Array = npt.NDArray[Any]


def floats(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def close(got: mx.array, want: Any, tolerance: float = 1e-5) -> None:
    np.testing.assert_allclose(np.array(got), want, rtol=tolerance, atol=tolerance)


def test_while_and_if_without_result() -> None:
    x, out = floats(7, 64), mx.zeros((64,))
    kernels.k_while[(1,)](mx.array(x), out, 7, BLOCK=64)
    close(out, sum(x[i] * (1 if i % 2 == 0 else -2) for i in range(7)))


@pytest.mark.parametrize("trips", [0, 1, 5])
def test_loop_arguments_that_swap(trips: int) -> None:
    a, b, out = floats(64), floats(64, seed=1), mx.zeros((128,))
    kernels.k_swap[(1,)](mx.array(a), mx.array(b), out, trips, BLOCK=64)
    for _ in range(trips):
        a, b = b, a + b
    close(out, np.concatenate([a, b]))


@pytest.mark.parametrize("shape", [(16, 32), (2, 4), (64, 16), (1, 128)])
def test_argmax_is_the_first_of_equals(shape: tuple[int, int]) -> None:
    x = np.round(floats(*shape) * 2)
    value, index = mx.zeros((shape[0],)), mx.zeros((shape[0],), mx.int32)
    kernels.k_argmax[(1,)](mx.array(x), value, index, N=shape[0], M=shape[1])
    close(value, x.max(1))
    np.testing.assert_array_equal(np.array(index), x.argmax(1))


@pytest.mark.parametrize("shape", [(16, 32), (64, 64), (2, 4), (128, 16)])
def test_reductions_along_both_axes_broadcast_back(shape: tuple[int, int]) -> None:
    x, out = floats(*shape), mx.zeros(shape)
    kernels.k_colsum[(1,)](mx.array(x), out, N=shape[0], M=shape[1])
    close(out, x - x.sum(0)[None] + x.sum(1)[:, None], 1e-4)


@pytest.mark.parametrize("shape", [(16, 32), (64, 64), (2, 4)])
def test_transpose(shape: tuple[int, int]) -> None:
    x, out = floats(*shape), mx.zeros(shape[::-1])
    kernels.k_trans[(1,)](mx.array(x), out, N=shape[0], M=shape[1])
    close(out, (x * 2).T + np.arange(shape[1])[:, None])


def test_loaded_offsets() -> None:
    x, out = floats(100), mx.zeros((300,))
    index = np.random.default_rng(2).integers(0, 100, 300)
    kernels.k_gather[(3,)](mx.array(x), mx.array(index), out, 300, BLOCK=128)
    close(out, x[index])


def test_atomic_add_on_duplicate_addresses() -> None:
    index = np.random.default_rng(3).integers(0, 10, 1000).astype(np.int32)
    out = mx.ones((10,), dtype=mx.int32)
    kernels.k_hist[(8,)](mx.array(index), out, 1000, BLOCK=128)
    np.testing.assert_array_equal(np.array(out), np.bincount(index, minlength=10) + 1)


def test_atomic_returns_the_old_value() -> None:
    out, ticket = mx.zeros((20,), dtype=mx.int32), mx.array([3], dtype=mx.int32)
    kernels.k_ticket[(9,)](out, ticket)
    want = np.zeros(20)
    want[3:12] = 1
    np.testing.assert_array_equal(np.array(out), want)
    assert ticket.item() == 12


def test_float_atomic() -> None:
    x, out = floats(1000), mx.array([1.5])
    kernels.k_fadd[(8,)](mx.array(x), out, 1000, BLOCK=128)
    close(out, [1.5 + x.sum()], 1e-4)


def test_in_place_is_seen_by_the_object_and_not_by_earlier_views() -> None:
    x = floats(1000)
    array = mx.array(x)
    same, view = array, array[:10]
    kernels.k_inplace[(8,)](array, 1000, BLOCK=128)
    close(array, x * 2 + 1)
    close(same, x * 2 + 1)
    close(view, x[:10])


def test_elements_that_are_not_written_keep_their_value() -> None:
    x, out = floats(1000), mx.full((1000,), 7.0)
    kernels.k_partial[(8,)](mx.array(x), out, 1000, BLOCK=128)
    want = np.full(1000, 7.0)
    want[::3] = x[::3]
    close(out, want)


def test_reading_back_what_was_written() -> None:
    x, out = floats(200), mx.zeros((200,))
    kernels.k_twopass[(1,)](mx.array(x), out, 200, BLOCK=256)
    close(out, (x * 2)[::-1])


def test_all_loads_of_a_tile_come_before_a_store_to_the_same_array() -> None:
    x = floats(200)
    array = mx.array(x)
    kernels.k_shift[(1,)](array, array, 200, BLOCK=256)
    close(array, np.append(x[1:], 0))


@pytest.mark.parametrize(
    "dtype", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
)
def test_integers_wrap_and_divide_as_in_c(dtype: str) -> None:
    info, rng = np.iinfo(dtype), np.random.default_rng(4)
    x = rng.integers(info.min, info.max, 500, dtype=dtype)
    y = rng.integers(1, 100, 500).astype(dtype)
    out = mx.zeros((500,), getattr(mx, dtype))
    kernels.k_ints[(4,)](mx.array(x), mx.array(y), out, 500, BLOCK=128)
    mask = (1 << info.bits) - 1
    for got, a, b in zip(np.array(out), map(int, x), map(int, y)):
        quotient = abs(a) // b * (-1 if a < 0 else 1)
        want = (a * b + quotient - (a - quotient * b)) ^ (a << 2)
        assert int(got) & mask == want & mask


def test_bool_arrays() -> None:
    x, out = floats(1000), mx.zeros((1000,), mx.bool_)
    kernels.k_bool[(8,)](mx.array(x), out, 1000, BLOCK=128)
    np.testing.assert_array_equal(np.array(out), x > 0)


def test_scalars_none_tuples_and_zero_dimensional_arrays() -> None:
    out = mx.zeros((1,))
    kernels.k_scalar[(1,)](mx.array([1.0]), out, 3, 2.5, True, None, (1, 2.5), D=4)
    close(out, [1 + 3 + 10 + 3.5])
    out = mx.array(0.0)
    kernels.k_scalar[(1,)](mx.array(1.0), out, 3, 2.5, False, 5, (1, 2.5), D=4)
    close(out, 1 + 100 + 10 + 3.5)


def test_three_grid_axes() -> None:
    out = mx.zeros((4, 3, 2), dtype=mx.int32)
    kernels.k_grid3[(2, 3, 4)](out, 2, 3)
    z, y, x = np.mgrid[:4, :3, :2]
    np.testing.assert_array_equal(np.array(out), x + 10 * y + 100 * z + 3000)


@pytest.mark.parametrize("sizes", [(16, 16, 16), (32, 64, 16), (1, 2, 4), (64, 32, 128)])
def test_chained_dots_with_a_transposed_operand(sizes: tuple[int, int, int]) -> None:
    m, n, k = sizes
    a, b, out = floats(m, k), floats(n, k, seed=1), mx.zeros((m, k))
    kernels.k_dotT[(1,)](mx.array(a), mx.array(b), out, M=m, N=n, K=k)
    close(out, (a @ b.T) @ b, 1e-3)


def test_nan_and_infinity() -> None:
    x = np.array([1, np.nan, np.nan, np.inf, -np.inf, 0, -0.0, 2], np.float32)
    y = np.array([np.nan, 1, np.nan, np.inf, 3, -0.0, 0, 1], np.float32)
    out = mx.zeros((24,))
    kernels.k_nan[(1,)](mx.array(x), mx.array(y), out, BLOCK=8)
    compared = (x == y) * 1.0 + (x != y) * 2.0 + (x < y) * 4.0
    close(out, np.concatenate([np.fmax(x, y), np.maximum(x, y), compared]))


def test_pointers_that_walk_forward_and_backward() -> None:
    x, out = floats(32, 20), mx.zeros((32,))
    kernels.k_colptr[(1,)](mx.array(x), out, 20, 20, BLOCK=32)
    close(out, 2 * x.sum(1), 1e-4)


@pytest.mark.parametrize("view", ["transposed", "slice", "reversed", "strided"])
def test_views_are_seen_in_their_row_major_order(view: str) -> None:
    x = floats(64, 20)
    base = mx.array(x)
    taken = {
        "transposed": lambda a: a.T,
        "slice": lambda a: a[10:20],
        "reversed": lambda a: a[::-1],
        "strided": lambda a: a[::3, 1::2],
    }[view]
    array, want = taken(base), taken(x)
    kernels.k_inplace[(array.size // 128 + 1,)](array, array.size, BLOCK=128)
    close(array, want * 2 + 1)
    close(base, x)


def test_iterations_see_what_earlier_ones_stored() -> None:
    x = floats(6, 128)
    array = mx.array(x)
    kernels.k_running[(1,)](array, 6, BLOCK=128)
    for i in range(1, 6):
        x[i] += x[i - 1][::-1]
    close(array, x)


def test_early_returns() -> None:
    x, out = floats(6, 128), mx.full((6, 128), 9.0)
    kernels.k_early[(6,)](mx.array(x), out, 5, 2, BLOCK=128)
    total = x.sum(1, keepdims=True)
    want = np.where(total > 0, x + total, x) - 1
    want[2], want[5] = x[2] * 2, 9
    close(out, want, 1e-4)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("shape", [(4, 32), (32, 4), (16, 64), (1, 128), (2, 2)])
def test_scans(shape: tuple[int, int], axis: int, reverse: bool) -> None:
    x, y = floats(*shape), np.sign(floats(*shape, seed=1)) + 0.0
    outs = [mx.zeros(shape) for _ in range(3)]
    kernels.k_scan[(1,)](
        mx.array(x), mx.array(y), *outs, AXIS=axis, REVERSE=reverse, N=shape[0], M=shape[1]
    )
    rows, factors = (np.moveaxis(a, axis, 0)[:: -1 if reverse else 1] for a in (x, y))
    total, product, value = np.cumsum(rows, 0), factors.copy(), rows.copy()
    for i in range(1, len(rows)):
        value[i] = value[i - 1] * factors[i] + rows[i]
        product[i] = product[i - 1] * factors[i]
    for got, want in zip(outs, (total, product, value)):
        close(got, np.moveaxis(want[:: -1 if reverse else 1], 0, axis), 1e-4)


@pytest.mark.parametrize("shape", [(128, 4, 4), (16, 8, 2), (2, 16, 32)])
def test_reductions_along_the_middle_axis(shape: tuple[int, int, int]) -> None:
    x = np.round(floats(*shape) * 50)
    count = x.size - 7
    out = mx.zeros((shape[0], shape[2]), dtype=mx.int64)
    kernels.k_middle[(1,)](mx.array(x), out, count, N=shape[0], M=shape[1], K=shape[2])
    x.reshape(-1)[count:] = 0
    np.testing.assert_array_equal(np.array(out), x.min(1))


def test_pointers_that_loops_carry_and_branches_choose() -> None:
    x, out = floats(8 * 64), mx.zeros((64 + 16,))
    kernels.k_pointers[(1,)](mx.array(x), out, 5, 20, BLOCK=64)
    c = np.arange(64)
    total, place = np.where(c < 20, x[c], x[64 + c]), c
    for i in range(5):
        total = total + x[place]
        place = place + 64 if i % 2 == 0 else 2 * c
    tail = np.zeros(16)
    tail[[0, 1, 3, 6, 10]] = range(5)
    close(out, np.concatenate([total, tail]), 1e-4)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32])
@pytest.mark.parametrize("shape", [(32, 16), (128, 4), (64, 8)])
def test_masked_tiles_written_in_another_order(shape: tuple[int, int], dtype: type) -> None:
    x = np.arange(shape[0] * shape[1] + 8).astype(dtype)
    out = mx.zeros(shape, getattr(mx, np.dtype(dtype).name))
    kernels.k_backwards[(1,)](mx.array(x), out, 20, N=shape[0], M=shape[1])
    at = np.arange(shape[0] * shape[1])
    want = np.where(at + 3 < 20, x[at + 3], dtype(1))[::-1]
    np.testing.assert_array_equal(np.array(out).reshape(-1), want)
