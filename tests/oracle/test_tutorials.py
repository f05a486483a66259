"""Kernels of the structure of Triton's tutorials, on mx.arrays and torch tensors, against numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
import triton
import triton.language as tl

import triton_mlx
from triton_mlx.fusion.errors import NoForwardProgress

RANDOM = np.random.default_rng(0)


def normal(*shape: int, dtype: Any = np.float32) -> Any:
    return RANDOM.standard_normal(shape).astype(dtype)


def torch_tensor(values: Any) -> Any:
    return pytest.importorskip("torch").from_numpy(values.copy())


@pytest.fixture(params=["mlx", "torch"])
def put(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    """Makes an array of one kind from a numpy array."""
    return mx.array if request.param == "mlx" else torch_tensor


def near(got: Any, want: Any, tolerance: float = 1e-5) -> None:
    np.testing.assert_allclose(np.asarray(got), want, rtol=tolerance, atol=tolerance)


# 01: vector addition


@triton.jit
def sum_kernel(left, right, out, n, TILE: tl.constexpr):
    at = tl.program_id(0) * TILE + tl.arange(0, TILE)
    inside = at < n
    total = tl.load(left + at, mask=inside) + tl.load(right + at, mask=inside)
    tl.store(out + at, total, mask=inside)


def test_vector_addition(put: Any, target: str) -> None:
    a, b = normal(1000), normal(1000)
    out = put(np.zeros(1000, np.float32))
    sum_kernel[lambda meta: (triton.cdiv(1000, meta["TILE"]),)](put(a), put(b), out, 1000, TILE=128)
    near(out, a + b, 0)


# 02: softmax, one program for many rows, launched through the kernel that warmup compiled


@triton.jit
def softmax_rows_kernel(
    x_ptr, out_ptr, x_step, out_step, rows, columns, WIDTH: tl.constexpr, STAGES: tl.constexpr
):
    at = tl.arange(0, WIDTH)
    inside = at < columns
    for row in tl.range(tl.program_id(0), rows, tl.num_programs(0), num_stages=STAGES):
        x = tl.load(x_ptr + row * x_step + at, mask=inside, other=-float("inf"))
        powers = tl.exp(x - tl.max(x, axis=0))
        tl.store(out_ptr + row * out_step + at, powers / tl.sum(powers, axis=0), mask=inside)


def softmax(x: Any) -> Any:
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def test_softmax_with_few_programs(put: Any, target: str) -> None:
    x = normal(23, 78)
    given, out = put(x), put(np.zeros_like(x))
    arguments = (given, out, 78, 78, 23, 78)
    compiled = softmax_rows_kernel.warmup(
        *arguments, WIDTH=128, STAGES=2, num_warps=8, num_stages=2, grid=(1,)
    )
    compiled._init_handles()
    assert compiled.metadata.shared >= 0
    compiled[(5, 1, 1)](*arguments, 128, 2)
    near(out, softmax(x))


def test_occupancy_can_be_computed() -> None:
    """The tutorial divides by what the compiled kernel and the device report."""
    with triton_mlx.use("host"):
        driver = triton.runtime.driver.active
        compiled = softmax_rows_kernel.warmup(
            *(mx.zeros(8), mx.zeros(8), 8, 8, 1, 8), WIDTH=8, STAGES=2, grid=(1,)
        )
        compiled._init_handles()
        device = driver.utils.get_device_properties(driver.get_current_device())
        threads = compiled.n_regs * device["warpSize"] * compiled.metadata.num_warps
        by_registers = device["max_num_regs"] // threads
        by_memory = device["max_shared_mem"] // compiled.metadata.shared
    assert min(by_registers, by_memory) >= 1


# 03: matrix multiplication, tiles in groups of rows, with an activation at the end


@triton.jit
def leaky(x):
    return tl.where(x >= 0, x, 0.01 * x)


@triton.jit
def grouped_tile(pid, rows, columns, TM: tl.constexpr, TN: tl.constexpr, GROUP: tl.constexpr):
    """The tile of a program: down GROUP tiles before the next column, so that they share b."""
    down, across = tl.cdiv(rows, TM), tl.cdiv(columns, TN)
    first = pid // (GROUP * across) * GROUP
    height = min(down - first, GROUP)
    rest = pid % (GROUP * across)
    return first + rest % height, rest // height


@triton.jit
def product_kernel(
    a, b, out, m, n, k, a_row, a_column, b_row, b_column, out_row, out_column,
    TM: tl.constexpr, TN: tl.constexpr, TK: tl.constexpr, GROUP: tl.constexpr,
    ACTIVATION: tl.constexpr,
):  # fmt: skip
    i, j = grouped_tile(tl.program_id(0), m, n, TM, TN, GROUP)
    at_m, at_n, at_k = i * TM + tl.arange(0, TM), j * TN + tl.arange(0, TN), tl.arange(0, TK)
    a += (at_m % m)[:, None] * a_row + at_k[None, :] * a_column
    b += at_k[:, None] * b_row + (at_n % n)[None, :] * b_column
    total = tl.zeros((TM, TN), tl.float32)
    for step in range(tl.cdiv(k, TK)):
        left = k - step * TK
        x = tl.load(a, mask=at_k[None, :] < left, other=0.0)
        y = tl.load(b, mask=at_k[:, None] < left, other=0.0)
        total = tl.dot(x, y, total)
        a += TK * a_column
        b += TK * b_row
    if ACTIVATION == "leaky":
        total = leaky(total)
    inside = (at_m[:, None] < m) & (at_n[None, :] < n)
    at = out_row * at_m[:, None] + out_column * at_n[None, :]
    tl.store(out + at, total.to(out.dtype.element_ty), mask=inside)


def tuned(**other: int) -> Any:
    sizes = [(32, 32, 16, 2), (16, 64, 32, 4)]
    configs = [
        triton.Config({"TM": m, "TN": n, "TK": k, "GROUP": g, **other}, num_stages=s, num_warps=2)
        for s, (m, n, k, g) in enumerate(sizes, 2)
    ]
    return triton.autotune(configs=configs, key=["m", "n", "k"])(product_kernel)


def multiply(kernel: Any, put: Any, dtype: Any, activation: str, **options: Any) -> None:
    m, n, k = 75, 90, 50
    a, b = normal(m, k, dtype=dtype), normal(k, n, dtype=dtype)
    out = put(np.zeros((m, n), dtype))
    kernel[lambda meta: (triton.cdiv(m, meta["TM"]) * triton.cdiv(n, meta["TN"]),)](
        put(a), put(b), out, m, n, k, k, 1, n, 1, n, 1, ACTIVATION=activation, **options
    )
    want = a.astype(np.float64) @ b.astype(np.float64)
    if activation == "leaky":
        want = np.where(want >= 0, want, 0.01 * want)
    near(out, want, 2e-2 if dtype == np.float16 else 1e-4)


@pytest.mark.parametrize("activation", ["", "leaky"])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_matrix_product(put: Any, dtype: Any, activation: str, target: str) -> None:
    multiply(product_kernel, put, dtype, activation, TM=32, TN=32, TK=16, GROUP=2)


def test_matrix_product_autotuned(put: Any) -> None:
    with triton_mlx.use("host"):
        multiply(tuned(), put, np.float32, "leaky")


def test_matrix_product_with_the_hints_of_another_backend() -> None:
    """The tutorial's configurations for everything that is not CUDA have this one."""
    with triton_mlx.use("host"):
        multiply(tuned(matrix_instr_nonkdim=16), mx.array, np.float32, "")


# 04: dropout, with a mask and with a seed


@triton.jit
def mask_dropout_kernel(x_ptr, keep_ptr, out_ptr, n, p, TILE: tl.constexpr):
    at = tl.program_id(0) * TILE + tl.arange(0, TILE)
    x = tl.load(x_ptr + at, mask=at < n)
    keep = tl.load(keep_ptr + at, mask=at < n)
    tl.store(out_ptr + at, tl.where(keep != 0, x / (1 - p), 0.0), mask=at < n)


@triton.jit
def seed_dropout_kernel(x_ptr, out_ptr, n, p, seed, TILE: tl.constexpr):
    at = tl.program_id(0) * TILE + tl.arange(0, TILE)
    x = tl.load(x_ptr + at, mask=at < n)
    keep = tl.rand(seed, at) > p
    tl.store(out_ptr + at, tl.where(keep, x / (1 - p), 0.0), mask=at < n)


def test_dropout_by_mask(put: Any, target: str) -> None:
    x, keep = normal(300), (RANDOM.random(300) > 0.5).astype(np.int32)
    out = put(np.zeros_like(x))
    mask_dropout_kernel[(3,)](put(x), put(keep), out, 300, 0.5, TILE=128)
    near(out, x * keep * 2)


def test_dropout_by_seed(put: Any, target: str) -> None:
    x = normal(2000)

    def dropped(seed: int) -> Any:
        out = put(np.zeros_like(x))
        seed_dropout_kernel[(8,)](put(x), out, 2000, 0.25, seed, TILE=256)
        return np.asarray(out)

    first, again, other = dropped(123), dropped(123), dropped(512)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    kept = first != 0
    near(first[kept], x[kept] / 0.75)
    assert 0.70 < kept.mean() < 0.80


# 05: layer norm, the gradients of its parameters summed under locks


@triton.jit
def norm_kernel(x, out, w, b, mean_ptr, rstd_ptr, columns, eps, TILE: tl.constexpr):
    row = tl.program_id(0)
    x += row * columns
    out += row * columns
    sums, squares = tl.zeros([TILE], tl.float32), tl.zeros([TILE], tl.float32)
    for start in range(0, columns, TILE):
        at = start + tl.arange(0, TILE)
        sums += tl.load(x + at, mask=at < columns, other=0.0)
    mean = tl.sum(sums, axis=0) / columns
    for start in range(0, columns, TILE):
        at = start + tl.arange(0, TILE)
        apart = tl.load(x + at, mask=at < columns, other=0.0) - mean
        squares += tl.where(at < columns, apart * apart, 0.0)
    rstd = 1 / tl.sqrt(tl.sum(squares, axis=0) / columns + eps)
    tl.store(mean_ptr + row, mean)
    tl.store(rstd_ptr + row, rstd)
    for start in range(0, columns, TILE):
        at = start + tl.arange(0, TILE)
        inside = at < columns
        unit = (tl.load(x + at, mask=inside, other=0.0) - mean) * rstd
        y = unit * tl.load(w + at, mask=inside) + tl.load(b + at, mask=inside)
        tl.store(out + at, y, mask=inside)


@triton.jit
def norm_gradient_kernel(
    x, w, dout, mean_ptr, rstd_ptr, dx, part_dw, part_db, locks, columns,
    GROUPS: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0)
    at = tl.arange(0, WIDTH)
    inside = at < columns
    mean, rstd = tl.load(mean_ptr + row), tl.load(rstd_ptr + row)
    unit = (tl.load(x + row * columns + at, mask=inside, other=0.0) - mean) * rstd
    unit = tl.where(inside, unit, 0.0)
    d = tl.load(dout + row * columns + at, mask=inside, other=0.0)
    scaled = d * tl.load(w + at, mask=inside, other=0.0)
    along = tl.sum(unit * scaled, axis=0) / columns
    level = tl.sum(scaled, axis=0) / columns
    tl.store(dx + row * columns + at, (scaled - unit * along - level) * rstd, mask=inside)
    group = row % GROUPS
    dw, db = d * unit, d
    place = group * columns + at
    # One program of a group at a time adds to the group's sums; the first one only writes.
    while tl.atomic_cas(locks + group, 0, 1) == 1:
        pass
    if tl.load(locks + GROUPS + group) == 0:
        tl.atomic_xchg(locks + GROUPS + group, 1)
    else:
        dw += tl.load(part_dw + place, mask=inside)
        db += tl.load(part_db + place, mask=inside)
    tl.store(part_dw + place, dw, mask=inside)
    tl.store(part_db + place, db, mask=inside)
    tl.debug_barrier()
    tl.atomic_xchg(locks + group, 0)


@triton.jit
def column_sums_kernel(parts, out, rows, columns, TR: tl.constexpr, TC: tl.constexpr):
    at = tl.program_id(0) * TC + tl.arange(0, TC)
    total = tl.zeros((TR, TC), tl.float32)
    for start in range(0, rows, TR):
        row = start + tl.arange(0, TR)
        inside = (row[:, None] < rows) & (at[None, :] < columns)
        total += tl.load(parts + row[:, None] * columns + at[None, :], mask=inside, other=0.0)
    tl.store(out + at, tl.sum(total, axis=0), mask=at < columns)


def norm_gradients(put: Any, x: Any, w: Any, d: Any, mean: Any, rstd: Any) -> tuple[Any, ...]:
    """The gradients of x, weight and bias, and the locks as they were left."""
    (rows, columns), groups = x.shape, 4
    zeros: Callable[..., Any] = lambda *shape: put(np.zeros(shape, np.float32))  # noqa: E731
    dx = zeros(rows, columns)
    parts, sums = [zeros(groups, columns) for _ in range(2)], [zeros(columns) for _ in range(2)]
    locks = put(np.zeros(2 * groups, np.int32))
    norm_gradient_kernel[(rows,)](
        put(x), put(w), put(d), mean, rstd, dx, *parts, locks, columns, GROUPS=groups, WIDTH=128
    )
    for part, total in zip(parts, sums):
        column_sums_kernel[(4,)](part, total, groups, columns, TR=4, TC=32)
    return dx, *sums, locks


def test_layer_norm(put: Any, target: str) -> None:
    x, w, b = normal(21, 100), normal(100), normal(100)
    out, mean, rstd = (put(np.zeros(shape, np.float32)) for shape in ((21, 100), 21, 21))
    norm_kernel[(21,)](put(x), out, put(w), put(b), mean, rstd, 100, 1e-5, TILE=32)
    scale = 1 / np.sqrt(x.var(-1) + 1e-5)
    near(mean, x.mean(-1))
    near(rstd, scale, 1e-4)
    near(out, (x - x.mean(-1, keepdims=True)) * scale[:, None] * w + b, 1e-4)


def test_layer_norm_gradients_under_locks(put: Any) -> None:
    x, w, d = normal(21, 100), normal(100), normal(21, 100)
    mean, scale = x.mean(-1, keepdims=True), 1 / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    with triton_mlx.use("host"):
        dx, dw, db, locks = norm_gradients(put, x, w, d, put(mean[:, 0]), put(scale[:, 0]))
    unit, scaled = (x - mean) * scale, d * w
    along, level = (unit * scaled).mean(-1, keepdims=True), scaled.mean(-1, keepdims=True)
    near(dx, (scaled - unit * along - level) * scale, 1e-4)
    near(dw, (d * unit).sum(0), 1e-4)
    near(db, d.sum(0), 1e-4)
    np.testing.assert_array_equal(np.asarray(locks), [0] * 4 + [1] * 4)


def test_locks_are_refused_where_programs_may_starve() -> None:
    ones = mx.ones(5)
    with (
        triton_mlx.use("simulate", checked=True),
        pytest.raises(NoForwardProgress, match="forward progress"),
    ):
        norm_gradients(mx.array, normal(5, 100), normal(100), normal(5, 100), ones, ones)
