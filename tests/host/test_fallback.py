"""The host target without a compiler: numpy gives what native code gives, for every element type."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
import triton
import triton.language as tl

import triton_mlx
from triton_mlx.fusion.errors import BadArgument
from triton_mlx.lowering.record import BufferFacts
from triton_mlx.runtime import fallback, lowered
from triton_mlx.runtime.inspect import last_launcher

DTYPES = [
    "float32",
    "float16",
    "bfloat16",
    "float64",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
]


@triton.jit
def k_scale(x, o, n, factor, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + at, mask=at < n)
    tl.store(o + at, v * factor + 1, mask=at < n)


@triton.jit
def k_flags(x, o, n, flag, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    v = tl.load(x + at, mask=at < n, other=0)
    tl.store(o + at, (v > 0) == flag, mask=at < n)


@triton.jit
def k_swap(x, y, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    a = tl.load(x + at, mask=at < n)
    tl.store(x + at, tl.load(y + at, mask=at < n), mask=at < n)
    tl.store(y + at, a, mask=at < n)


@triton.jit
def further(a, b):
    if a * a > b * b:
        return a
    return b - 1


@triton.jit
def k_further(x, o, ROWS: tl.constexpr, COLS: tl.constexpr):
    r, c = tl.arange(0, ROWS)[:, None], tl.arange(0, COLS)[None, :]
    v = tl.load(x + r * COLS + c)
    tl.store(o + r * COLS + c, tl.associative_scan(v, 1, further))
    tl.store(o + ROWS * COLS + tl.arange(0, ROWS), tl.reduce(v, 1, further))


@pytest.fixture(autouse=True)
def _host() -> Iterator[None]:
    with triton_mlx.use("host"):
        yield


def again(kernel: Any, *arrays: mx.array, grid: int = 1) -> list[mx.array]:
    """The last launch of `kernel` once more, in numpy, on `arrays` (one per buffer)."""
    launcher = last_launcher(kernel)
    facts: dict[int, BufferFacts] = launcher.last_facts
    record = lowered.kernel_for(launcher.text, "host", launcher.num_warps, facts)
    aliases = {k: f.same_as for k, f in facts.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return fallback.launch(
            launcher.text, record, aliases, arrays, launcher.last_scalars, (grid, 1, 1)
        )


def numbers(dtype: str, shape: tuple[int, ...] = (100,)) -> mx.array:
    values = np.random.default_rng(5).integers(0, 100, shape)
    return mx.array(values.astype(np.float64), getattr(mx, dtype))


def same(got: mx.array, want: mx.array) -> None:
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    with mx.stream(mx.cpu):
        assert mx.array_equal(got, want).item()


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_element_type(dtype: str) -> None:
    x = numbers(dtype)
    out = mx.zeros_like(x)
    before = mx.zeros_like(x)
    k_scale[(2,)](x, out, 100, 3, BLOCK=64)
    (got,) = again(k_scale, x, before, grid=2)
    same(got, out)
    same(before, mx.zeros_like(x))


@pytest.mark.parametrize("flag", [True, False])
def test_booleans_in_memory_and_as_scalars(flag: bool) -> None:
    x = numbers("int32") - 50
    out = mx.zeros((100,), mx.bool_)
    k_flags[(1,)](x, out, 100, flag, BLOCK=128)
    (got,) = again(k_flags, x, mx.zeros((100,), mx.bool_))
    same(got, out)
    np.testing.assert_array_equal(np.array(got), (np.array(x) > 0) == flag)


@pytest.mark.parametrize("factor", [2.5, 1e-3, -7.0])
def test_float_scalars(factor: float) -> None:
    x = numbers("float32")
    out = mx.zeros_like(x)
    k_scale[(2,)](x, out, 100, factor, BLOCK=64)
    (got,) = again(k_scale, x, mx.zeros_like(x), grid=2)
    assert mx.allclose(got, out, rtol=1e-6).item()


def test_double_precision_is_kept() -> None:
    x = mx.array(np.full(100, 0.1), mx.float64)
    out = mx.zeros_like(x)
    k_scale[(2,)](x, out, 100, 1, BLOCK=64)
    (got,) = again(k_scale, x, mx.zeros_like(x), grid=2)
    assert np.array(got)[0] == np.array(out)[0] == 0.1 + 1


def test_views_shapes_and_what_is_not_written() -> None:
    base = numbers("float32", (20, 10))
    view, old = base.T[:, ::2], mx.full((10, 10), 7.0)
    out = mx.full((10, 10), 7.0)
    k_scale[(1,)](view, out, 50, 2, BLOCK=64)
    (got,) = again(k_scale, view, old)
    same(got, out)
    assert got[-1, -1].item() == 7.0


def test_a_reduction_with_branches() -> None:
    x = numbers("float32", (4, 16)) - 50
    out = mx.zeros((4 * 16 + 4,))
    k_further[(1,)](x, out, ROWS=4, COLS=16)
    (got,) = again(k_further, x, mx.zeros_like(out))
    same(got, out)


def test_two_written_buffers_and_one_array_twice() -> None:
    x, y = numbers("int32"), numbers("int32") + 1000
    first, second = mx.array(x), mx.array(y)
    k_swap[(1,)](first, second, 100, BLOCK=128)
    got = again(k_swap, x, y)
    same(got[0], y)
    same(got[1], x)
    both = mx.array(x)
    k_swap[(1,)](both, both, 100, BLOCK=128)
    (got_both,) = again(k_swap, x)
    same(got_both, x)


def test_an_access_out_of_bounds_says_where() -> None:
    x, out = numbers("float32"), mx.zeros((100,))
    k_scale[(2,)](x, out, 100, 2.0, BLOCK=64)
    with pytest.raises(BadArgument, match=r"test_fallback\.py:\d+"):
        again(k_scale, x, mx.zeros((50,)), grid=2)


def test_it_warns_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fallback, "_warned", False)
    with pytest.warns(fallback.NoCompilerFallback, match="no compiler here"):
        fallback.warn("no compiler here")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fallback.warn("no compiler here")


@pytest.mark.parametrize(
    ("kind", "packed", "want"),
    [
        ("i32", struct.pack("<q", -5), -5),
        ("i64", struct.pack("<Q", 2**64 - 1), -1),
        ("f32", struct.pack("<f4x", 1.5), 1.5),
        ("bf16", struct.pack("<f4x", 1.5), 1.5),
        ("f64", struct.pack("<d", 0.1), 0.1),
        ("i1", struct.pack("<?7x", True), True),
    ],
)
def test_scalars_are_decoded_by_their_type(kind: str, packed: bytes, want: Any) -> None:
    from triton_mlx.fusion.types import SCALARS

    assert lowered.unpack(SCALARS[kind], packed) == want


@triton.jit
def k_said(x, o, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    tl.device_print("x", tl.load(x + at))
    tl.store(o + at, tl.load(x + at))


def test_prints_are_printed(capfd: pytest.CaptureFixture[str]) -> None:
    x, o = mx.array([1.5, -2.0]), mx.zeros(2)
    with triton_mlx.use("host"):
        k_said[(1,)](x, o, BLOCK=2)
    native = capfd.readouterr().out
    launcher = last_launcher(k_said)
    facts = {k: BufferFacts("float", k) for k in (0, 1)}
    kernel = lowered.kernel_for(launcher.text, "host", 4, facts)
    fallback.launch(launcher.text, kernel, {0: 0, 1: 1}, [x, o], b"", (1, 1, 1))
    assert (
        capfd.readouterr().out
        == native
        == ("pid (0, 0, 0) idx (0) x: 1.500000\npid (0, 0, 0) idx (1) x: -2.000000\n")
    )
