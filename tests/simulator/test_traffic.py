"""Device bytes of emitted kernels against the bytes that the computation cannot do without.

Every number is exact. Reads are those that memory sees: what the lanes of a simdgroup load together it
fetches once. Simdgroups share nothing without a barrier, which would cost more than a second load of a
scalar or of a row vector: those are fetched once by each simdgroup that uses them. Bytes of the scalars'
buffer are left out: they are the same for every thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx.core as mx
import pytest
import triton
import triton.language as tl

import triton_mlx
from triton_mlx.examples import attention, elementwise, layernorm, matmul, softmax
from triton_mlx.runtime.simulator import Counts

DTYPES = ["float32", "float16", "bfloat16"]


@triton.jit
def cross_entropy_kernel(logits, labels, loss, grad, classes, rows, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    inside = offsets < classes
    label = tl.load(labels + row)
    x = tl.load(logits + row * classes + offsets, mask=inside, other=-float("inf")).to(tl.float32)
    peak = tl.max(x, axis=0)
    weights = tl.exp(x - peak)
    total = tl.sum(weights, axis=0)
    target = tl.sum(tl.where(offsets == label, x, 0.0), axis=0)
    tl.store(loss + row, tl.log(total) + peak - target)
    slope = (weights / total - tl.where(offsets == label, 1.0, 0.0)) / rows
    at = grad + row * classes + offsets
    tl.store(at, slope.to(grad.dtype.element_ty), mask=inside)


@triton.jit
def copy_kernel(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = offsets < n
    tl.store(out_ptr + offsets, tl.load(x_ptr + offsets, mask=inside), mask=inside)


@triton.jit
def increment_kernel(x_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = offsets < n
    tl.store(x_ptr + offsets, tl.load(x_ptr + offsets, mask=inside) + 1, mask=inside)


@triton.jit
def positive_kernel(x_ptr, out_ptr, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offsets)
    tl.store(out_ptr + offsets, x, mask=x > 0)


def normal(dtype: str, *shape: int) -> mx.array:
    return mx.random.normal(shape).astype(getattr(mx, dtype))


def counts_of(launch: Callable[[], Any]) -> Counts:
    with triton_mlx.use("simulate"), triton_mlx.counted() as counts:
        mx.eval(launch())
    (one,) = counts
    return one


def traffic(counts: Counts) -> dict[str, tuple[int, int]]:
    """(fetched, written) bytes of each buffer, under the names of the Triton parameters."""
    return {
        name.removesuffix("_new").removesuffix("_ptr"): (t.fetched, t.written)
        for name, t in counts.buffers.items()
        if name != "scalars"
    }


def cross_entropy(logits: mx.array) -> Counts:
    rows, classes = logits.shape
    labels = (mx.arange(rows) % classes).astype(mx.int32)
    loss, grad = mx.zeros((rows,)), mx.zeros(logits.shape, logits.dtype)
    block = triton.next_power_of_2(classes)
    return counts_of(
        lambda: cross_entropy_kernel[(rows,)](
            logits, labels, loss, grad, classes, rows, BLOCK=block
        )
    )


@pytest.mark.parametrize("dtype", [*DTYPES, "int32", "int8"])
@pytest.mark.parametrize("n", [1, 1000, 5000])
def test_elementwise(dtype: str, n: int) -> None:
    x, y = normal(dtype, n), normal(dtype, n)
    size = n * x.itemsize
    want = {"x": (size, 0), "y": (size, 0), "out": (0, size)}
    assert traffic(counts_of(lambda: elementwise.add(x, y))) == want
    if dtype in DTYPES:
        assert traffic(counts_of(lambda: elementwise.chain(x, y, 2.0))) == want


def test_in_place() -> None:
    x = normal("float32", 3000)
    found = traffic(counts_of(lambda: increment_kernel[(3,)](x, 3000, BLOCK=1024)))
    assert sum(read for read, _ in found.values()) == x.nbytes
    assert sum(written for _, written in found.values()) == x.nbytes


def test_a_store_under_a_condition() -> None:
    x, out = normal("float32", 2048), mx.ones((2048,))
    counts = counts_of(lambda: positive_kernel[(2,)](x, out, BLOCK=1024))
    assert mx.array_equal(out, mx.where(x > 0, x, 1))
    # MLX's arrays do not change: all of the new one is written, and what is kept is read.
    kept = 4 * int(mx.sum(x <= 0).item())
    found = counts.buffers
    assert found["x_ptr"].fetched == x.nbytes
    assert (found["out_ptr_old"].fetched, found["out_ptr_new"].written) == (kept, out.nbytes)
    assert set(found) == {"x_ptr", "out_ptr_old", "out_ptr_new"}


def test_block_smaller_than_a_simdgroup() -> None:
    x, out = normal("float32", 96), mx.zeros((96,))
    found = traffic(counts_of(lambda: copy_kernel[(6,)](x, out, 96, BLOCK=16)))
    assert found == {"x": (x.nbytes, 0), "out": (0, x.nbytes)}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cols", [30, 300, 4096])
def test_softmax(dtype: str, cols: int) -> None:
    x = normal(dtype, 5, cols)
    assert traffic(counts_of(lambda: softmax.softmax(x))) == {
        "x": (x.nbytes, 0),
        "out": (0, x.nbytes),
    }


@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax_of_long_rows_reads_twice(dtype: str) -> None:
    x = normal(dtype, 3, 2500)
    found = traffic(counts_of(lambda: softmax.softmax_long(x)))
    assert found == {"x": (2 * x.nbytes, 0), "out": (0, x.nbytes)}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cols", [60, 700])
def test_layer_norm(dtype: str, cols: int) -> None:
    rows = 5
    x, weight, bias = normal(dtype, rows, cols), normal(dtype, cols), normal(dtype, cols)
    # Each row's program reads the weights once; mean and rstd are one float32 per row.
    assert traffic(counts_of(lambda: layernorm.layer_norm(x, weight, bias))) == {
        "x": (x.nbytes, 0),
        "weight": (rows * weight.nbytes, 0),
        "bias": (rows * bias.nbytes, 0),
        "out": (0, x.nbytes),
        "mean": (0, rows * 4),
        "rstd": (0, rows * 4),
    }


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", [20, 1000])
def test_cross_entropy(dtype: str, classes: int) -> None:
    logits = normal(dtype, 6, classes)
    found = traffic(cross_entropy(logits))
    del found["labels"]
    size = logits.nbytes
    assert found == {"logits": (size, 0), "loss": (0, 6 * 4), "grad": (0, size)}


@pytest.mark.parametrize(("classes", "simdgroups"), [(30, 1), (60, 2), (1000, 4)])
def test_each_simdgroup_fetches_a_scalar_once(classes: int, simdgroups: int) -> None:
    counts = cross_entropy(normal("float32", 6, classes))
    assert counts.threads == 6 * 32 * simdgroups
    assert traffic(counts)["labels"] == (6 * 4 * simdgroups, 0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("m", "k", "n", "block"),
    [(128, 64, 64, 64), (100, 70, 90, 64), (64, 96, 96, 32), (9, 37, 7, 16)],
)
def test_matmul(dtype: str, m: int, k: int, n: int, block: int) -> None:
    a, b = normal(dtype, m, k), normal(dtype, k, n)
    counts = counts_of(lambda: matmul.matmul(a, b, block))
    rows, cols = triton.cdiv(m, block), triton.cdiv(n, block)
    found = traffic(counts)
    # A program reads its tiles of a and b once for each K step: a once per block column.
    assert found["a"] == (cols * a.nbytes, 0)
    assert found["b"] == (rows * b.nbytes, 0)
    assert found["out"] == (0, m * n * a.itemsize)
    steps = rows * cols * triton.cdiv(k, 32)
    assert counts.matrix_multiplies == steps * (block // 8) ** 2 * (32 // 8)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_each_simdgroup_fetches_its_columns_of_the_bias_once(dtype: str) -> None:
    x, weight, bias = normal(dtype, 128, 64), normal(dtype, 64, 64), normal(dtype, 64)
    found = traffic(counts_of(lambda: matmul.linear(x, weight, bias, 0.1)))
    # Two programs; of their 2 x 2 simdgroups, two work on the same columns.
    assert found["bias"] == (2 * 2 * bias.nbytes, 0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("dim", [16, 64])
def test_attention(dtype: str, causal: bool, dim: int) -> None:
    heads, length, bm, bn = 2, 100, 64, 32
    q, k, v = (normal(dtype, 1, heads, length, dim) for _ in range(3))
    counts = counts_of(lambda: attention.attention(q, k, v, causal, bm, bn))
    # Keys that each block of queries sees, in whole blocks of keys.
    seen = [min(length, first + bm) if causal else length for first in range(0, length, bm)]
    keys = heads * sum(min(length, triton.cdiv(n, bn) * bn) for n in seen) * dim * q.itemsize
    # Scores are never written: the output's bytes are all that is.
    assert traffic(counts) == {
        "q": (q.nbytes, 0),
        "k": (keys, 0),
        "v": (keys, 0),
        "out": (0, q.nbytes),
    }
    assert counts.device_bytes_written == q.nbytes


@pytest.mark.parametrize(
    ("dtype", "conflicts"), [("float32", 0), ("float16", 64), ("bfloat16", 64)]
)
def test_staged_operands_keep_out_of_each_others_banks(dtype: str, conflicts: int) -> None:
    a, b = normal(dtype, 64, 32), normal(dtype, 32, 64)
    counts = counts_of(lambda: matmul.matmul(a, b))
    assert counts.matrix_multiplies == 256
    # 16-bit rows of the left operand are half as wide as what 16 lanes write at once.
    assert counts.bank_conflicts == conflicts // 2
