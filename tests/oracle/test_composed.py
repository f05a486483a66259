"""Operations that are made of others (fusion/expand.py), gathers, batched products and 8-bit floats."""

from __future__ import annotations

import mlx.core as mx
import numpy as np
import pytest
import triton
import triton.language as tl
from triton.tools.tensor_descriptor import TensorDescriptor

import triton_mlx
from triton_mlx.fusion import float8

N = 64
X = (np.random.default_rng(0).standard_normal(N) * 3).astype(np.float32)
AT = np.arange(N)


pytestmark = pytest.mark.usefixtures("target")


@triton.jit
def pairs_kernel(x_ptr, out_ptr, N: tl.constexpr):
    o = tl.arange(0, N)
    x = tl.load(x_ptr + o)
    joined = tl.join(x, x * 2)
    tl.store(out_ptr + o, tl.sum(joined * tl.arange(1, 3)[None, :], 1))
    a, b = tl.split(joined)
    tl.store(out_ptr + N + tl.arange(0, 2 * N), tl.cat(b, a, can_reorder=True))
    tl.store(out_ptr + 3 * N + tl.arange(0, 2 * N), tl.interleave(x, -x))


def test_join_split_cat_interleave() -> None:
    out = np.zeros(5 * N, np.float32)
    pairs_kernel[(1,)](X, out, N=N)
    np.testing.assert_allclose(out[:N], X + 4 * X, rtol=1e-6)
    np.testing.assert_array_equal(out[N : 3 * N], np.concatenate([2 * X, X]))
    np.testing.assert_array_equal(out[3 * N :], np.stack([X, -X], 1).reshape(-1))


@triton.jit
def gather_kernel(x_ptr, i_ptr, out_ptr, M: tl.constexpr, K: tl.constexpr, AXIS: tl.constexpr):
    at = tl.arange(0, M)[:, None] * K + tl.arange(0, K)[None, :]
    if AXIS == 0:
        x = tl.load(x_ptr + tl.arange(0, 2 * M)[:, None] * K + tl.arange(0, K)[None, :])
    else:
        x = tl.load(x_ptr + tl.arange(0, M)[:, None] * 2 * K + tl.arange(0, 2 * K)[None, :])
    tl.store(out_ptr + at, tl.gather(x, tl.load(i_ptr + at), AXIS))


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("m, k", [(8, 32), (1, 4), (64, 2), (16, 1)])
def test_gather(m: int, k: int, axis: int) -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((2 * m, k) if axis == 0 else (m, 2 * k)).astype(np.float32)
    index = rng.integers(0, 2 * (m, k)[axis], (m, k)).astype(np.int32)
    out = np.zeros((m, k), np.float32)
    gather_kernel[(1,)](x, index, out, M=m, K=k, AXIS=axis)
    np.testing.assert_array_equal(out, np.take_along_axis(x, index, axis))


@triton.jit
def histogram_kernel(x_ptr, out_ptr, LOW, N: tl.constexpr, BINS: tl.constexpr):
    x = tl.load(x_ptr + tl.arange(0, N))
    tl.store(out_ptr + tl.arange(0, BINS), tl.histogram(x, BINS, mask=x > LOW))


@pytest.mark.parametrize("bins", [2, 16, 128])
def test_histogram(bins: int) -> None:
    x, out = (AT * 7 % 19).astype(np.int32), np.zeros(bins, np.int32)
    histogram_kernel[(1,)](x, out, 2, N=N, BINS=bins)
    want = np.bincount(x[x > 2], minlength=bins)[:bins]
    np.testing.assert_array_equal(out, want)


@triton.jit
def one_of(x):
    if x > 0:
        return x * 2
    return x - 1.0


@triton.jit
def mixed(a, b):
    return b, a, a + b, a - b


@triton.jit(noinline=True)
def squared(x, limit):
    if x > limit:
        return x
    return x * x


@triton.jit
def function_kernel(x_ptr, out_ptr, N: tl.constexpr):
    o = tl.arange(0, N)
    x = tl.load(x_ptr + o)
    tl.store(out_ptr + o, tl.map_elementwise(one_of, x))
    swapped, sums = tl.map_elementwise(mixed, x, pack=2)
    tl.store(out_ptr + N + o, swapped)
    tl.store(out_ptr + 2 * N + o, sums)
    both = squared(tl.load(x_ptr + 5), 3) + squared(tl.load(x_ptr + 2), 3)
    tl.store(out_ptr + 3 * N + o, x + both)


def test_functions_per_element_and_functions_that_are_not_inlined() -> None:
    out = np.zeros((4, N), np.float32)
    function_kernel[(1,)](X, out, N=N)
    a, b = X[0::2], X[1::2]
    np.testing.assert_allclose(out[0], np.where(X > 0, X * 2, X - 1), rtol=1e-6)
    np.testing.assert_array_equal(out[1], np.stack([b, a], 1).reshape(-1))
    np.testing.assert_allclose(out[2], np.stack([a + b, a - b], 1).reshape(-1), rtol=1e-6)
    both = sum(v if v > 3 else v * v for v in (X[5], X[2]))
    np.testing.assert_allclose(out[3], X + both, rtol=1e-6)


@triton.jit
def batched_kernel(
    a_ptr, b_ptr, out_ptr, half_ptr, B: tl.constexpr, M: tl.constexpr, K: tl.constexpr
):
    o = tl.arange(0, B * M * K)
    a = tl.load(a_ptr + o).reshape(B, M, K)
    b = tl.load(b_ptr + o).reshape(B, K, M)
    at = tl.arange(0, B * M * M)
    tl.store(out_ptr + at, tl.dot(a, b).reshape(B * M * M))
    own = tl.dot(a, tl.permute(a, (0, 2, 1)), out_dtype=tl.float16)
    tl.store(half_ptr + at, own.reshape(B * M * M))


@pytest.mark.parametrize("batch, m, k", [(2, 16, 32), (4, 8, 2), (1, 16, 16)])
def test_batched_products(batch: int, m: int, k: int) -> None:
    rng = np.random.default_rng(2)
    a = rng.standard_normal((batch, m, k)).astype(np.float16)
    b = rng.standard_normal((batch, k, m)).astype(np.float16)
    out, half = np.zeros((batch, m, m), np.float32), np.zeros((batch, m, m), np.float16)
    batched_kernel[(1,)](a, b, out, half, B=batch, M=m, K=k)
    wide = a.astype(np.float32)
    np.testing.assert_allclose(out, wide @ b.astype(np.float32), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(half, wide @ wide.transpose(0, 2, 1), rtol=2e-3, atol=2e-2)


@triton.jit
def scaled_kernel(a_ptr, b_ptr, s_ptr, out_ptr):
    o = tl.arange(0, 32)
    a = tl.load(a_ptr + o[:, None] * 16 + tl.arange(0, 16)[None, :])
    b = tl.load(b_ptr + o[:, None] * 32 + o[None, :])
    s = tl.load(s_ptr + o[:, None])
    tl.store(out_ptr + o[:, None] * 32 + o[None, :], tl.dot_scaled(a, s, "e2m1", b, None, "e4m3"))


def test_scaled_products_of_four_and_eight_bit_floats() -> None:
    rng = np.random.default_rng(3)
    a = rng.integers(0, 256, (32, 16)).astype(np.uint8)
    b = float8.encode(rng.standard_normal((32, 32)).astype(np.float32), "f8E4M3FN")
    scale = rng.integers(120, 135, (32, 1)).astype(np.uint8)
    scale[:2, 0] = 0, 255  # the least scale, and NaN
    out = np.zeros((32, 32), np.float32)
    scaled_kernel[(1,)](a, b, scale, out)
    sizes = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6])
    values = np.concatenate([sizes, -sizes])
    left = np.stack([values[a & 15], values[a >> 4]], -1).reshape(32, 32)
    factor = np.where(scale == 255, np.nan, 2.0 ** (scale.astype(float) - 127))
    want = left * factor @ float8.decode(b, "f8E4M3FN")
    np.testing.assert_allclose(out, want, rtol=1e-4, atol=1e-3)


@triton.jit
def float8_kernel(
    x_ptr, code_ptr, back_ptr, TYPE: tl.constexpr, ROUND: tl.constexpr, N: tl.constexpr
):
    o = tl.arange(0, N)
    eight = tl.load(x_ptr + o).to(TYPE, fp_downcast_rounding=ROUND)
    tl.store(code_ptr + o, eight.to(tl.uint8, bitcast=True))
    tl.store(back_ptr + o, tl.load(code_ptr + o).to(TYPE, bitcast=True).to(tl.float32))


_FLOATS = {
    "fp8e4nv": "f8E4M3FN",
    "fp8e5": "f8E5M2",
    "fp8e4b8": "f8E4M3FNUZ",
    "fp8e5b16": "f8E5M2FNUZ",
}
_SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 448, 449, 1e9, -1e9, 57344, 61440, 2**-9, 2**-10]


@pytest.mark.parametrize("rounding", ["rtne", "rtz"])
@pytest.mark.parametrize("name", _FLOATS)
def test_eight_bit_floats(name: str, rounding: str) -> None:
    rng = np.random.default_rng(4)
    steps = float8.decode(np.arange(0x7B, dtype=np.uint8), _FLOATS[name]).astype(float)
    ties = (steps[1:] + steps[:-1]) / 2  # exactly between two neighbours
    count = 4096 - len(_SPECIAL) - len(ties)
    spread = rng.standard_normal(count) * 2.0 ** rng.integers(-20, 18, count)
    x = np.concatenate([_SPECIAL, ties, spread]).astype(np.float32)
    code, back = np.zeros(4096, np.uint8), np.zeros(4096, np.float32)
    kind = getattr(tl, name.replace("fp8", "float8"))
    float8_kernel[(1,)](x, code, back, TYPE=kind, ROUND=rounding, N=4096)
    want = float8.encode(x, _FLOATS[name], to_zero=rounding == "rtz")
    np.testing.assert_array_equal(code, want)
    np.testing.assert_array_equal(back, float8.decode(want, _FLOATS[name]))


@triton.jit
def locked_kernel(lock_ptr, count_ptr, most_ptr):
    while tl.atomic_cas(lock_ptr, 0, 1) == 1:
        pass
    tl.store(count_ptr, tl.load(count_ptr) + 1)
    tl.atomic_xchg(lock_ptr, 0)
    number = tl.program_id(0)
    tl.atomic_max(most_ptr + number % 4, (number * 37 % 100).to(tl.float32) - 50)


def test_locks_work_on_the_host_and_are_refused_elsewhere(target: str) -> None:
    lock, count = np.zeros(1, np.int32), np.zeros(1, np.int32)
    most = np.full(4, -1e9, np.float32)
    if target != "host":
        with pytest.raises(triton_mlx.fusion.errors.NoForwardProgress, match="progress"):
            locked_kernel[(500,)](lock, count, most)
        return
    locked_kernel[(500,)](lock, count, most)
    number = np.arange(500)
    assert count[0] == 500
    want = [(number * 37 % 100 - 50)[number % 4 == k].max() for k in range(4)]
    np.testing.assert_array_equal(most, want)


@triton.jit
def descriptor_kernel(source, out_ptr, a, B: tl.constexpr):
    x = source.load([a, 0])
    source.store([a, B], x * 2)
    tl.store(out_ptr + tl.arange(0, B), tl.sum(x, 0))


@pytest.mark.parametrize("kind", ["mlx", "torch"])
def test_descriptors_made_on_the_host(kind: str) -> None:
    values = np.arange(512, dtype=np.float32).reshape(16, 32)
    if kind == "mlx":
        array, out = mx.array(values), mx.zeros(8)
    else:
        torch = pytest.importorskip("torch")
        array, out = torch.from_numpy(values.copy()), torch.zeros(8)
    source = TensorDescriptor(array, [16, 32], [32, 1], [8, 8])
    descriptor_kernel[(1,)](source, out, 12, B=8)
    np.testing.assert_array_equal(np.asarray(out), values[12:, :8].sum(0))
    want = values.copy()
    want[12:, 8:16] = values[12:, :8] * 2
    np.testing.assert_array_equal(np.asarray(array), want)


@triton.jit
def running_sum_kernel(x_ptr, out_ptr, N: tl.constexpr):
    o = tl.arange(0, N)
    tl.store(out_ptr + o, tl.cumsum(tl.load(x_ptr + o), 0))


def test_scans_of_small_floats_keep_fp32_between_their_steps() -> None:
    x = mx.array(np.random.default_rng(5).standard_normal(512)).astype(mx.bfloat16)
    out = mx.zeros(512, mx.bfloat16)
    running_sum_kernel[(1,)](x, out, N=512)
    want = np.cumsum(np.array(x.astype(mx.float32)))
    np.testing.assert_allclose(np.array(out.astype(mx.float32)), want, rtol=2**-7, atol=1e-4)


@triton.jit
def last_of(a1, b1_last, b1_cur, a2, b2_last, b2_cur):
    return a1 + a2, tl.where(a2 == 1, b1_cur, 0) + b2_last, b2_cur


@triton.jit
def roll_kernel(x_ptr, out_ptr, N: tl.constexpr):
    o = tl.arange(0, N)
    x = tl.load(x_ptr + o)
    _, rolled, _ = tl.associative_scan((1 + 0 * x, 0 * x, x), 0, last_of)
    tl.store(out_ptr + o, rolled)


def test_combine_functions_with_constants() -> None:
    x, out = np.arange(64, dtype=np.int32), np.zeros(64, np.int32)
    roll_kernel[(1,)](x, out, N=64)
    np.testing.assert_array_equal(out, np.concatenate([[0], x[:-1]]))


@triton.jit
def fused_kernel(x_ptr, out_ptr, N: tl.constexpr):
    o = tl.arange(0, N)
    x = tl.load(x_ptr + o)
    tl.store(out_ptr + o, x * x - tl.load(x_ptr + N + o))


def test_products_and_sums_are_rounded_apart_where_the_user_says_so() -> None:
    x = np.float32(1) + np.arange(1, 65, dtype=np.float32) * np.float32(2**-23)
    both = np.concatenate([x, x * x])
    out = np.ones(64, np.float32)
    fused_kernel[(1,)](both, out, N=64, enable_fp_fusion=False)
    np.testing.assert_array_equal(out, 0)
    # The simulator's compiler joins no two statements, so there only the text can show it.
    assert "TILE_NO_CONTRACTION" in triton_mlx.emit_last(fused_kernel, "metal")


@triton.jit
def recast_kernel(x_ptr, out_ptr, N: tl.constexpr):
    at = tl.arange(0, N)
    words = x_ptr.to(tl.pointer_type(tl.int64))
    tl.store(out_ptr.to(tl.pointer_type(tl.int64)) + at, tl.load(words + at) + 1)
    halves = (x_ptr + N).to(tl.pointer_type(tl.int16))
    tl.store((out_ptr + 2 * N).to(tl.pointer_type(tl.int16)) + at, tl.load(halves + at))


def test_pointers_to_elements_of_another_size(target: str) -> None:
    x, out = np.arange(2 * N, dtype=np.float32), np.zeros(3 * N, np.float32)
    if target != "host":
        with pytest.raises(triton_mlx.fusion.errors.PointerProvenance, match="8-byte"):
            recast_kernel[(1,)](x, out, N=N)
        return
    recast_kernel[(1,)](x, out, N=N)
    np.testing.assert_array_equal(out[: 2 * N].view("i8"), x.view("i8") + 1)
    np.testing.assert_array_equal(out[2 * N :].view("i2")[:N], x[N:].view("i2")[:N])
