"""What arrays hold after native launches: donation, views, dtypes, one array under two names."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from native_kernels import Kernels, add, address, bump, items

from triton_mlx.runtime import native


def test_two_outputs_and_one_dropped(k: Kernels, way: str) -> None:
    x, a, b = mx.arange(3.0), mx.zeros(3), mx.zeros(3)
    first, second = native.launch(k.two, (x, a, b), (1, 2), (True, True), b"", (3,))
    assert first.tolist() == [0, 2, 4]
    assert second.tolist() == [0, -1, -2]
    only = native.launch(k.two, (x, a, b), (2, 1), (True, True), b"", (3,))[0]
    assert only.tolist() == [0, -1, -2]


def test_donated_in_place(k: Kernels) -> None:
    x = mx.ones(1000) + 1
    mx.eval(x)
    before = address(x)
    y = bump(k, x)
    del x
    mx.eval(y)
    assert address(y) == before
    assert y.tolist() == [3.0] * 1000


def trade(k: Kernels, x: Any, y: Any) -> Any:
    return native.launch(k.trade, (x, y), (0, 1), (False, False), b"", (x.size,))


@pytest.mark.parametrize("kept", [(), (0,), (1,)], ids=str)
def test_several_results_are_donated_in_place(k: Kernels, kept: tuple[int, ...]) -> None:
    """Also where one of the results is dropped."""
    arrays = [mx.ones(1000) + n for n in (1, 2)]
    mx.eval(arrays)
    before = [address(a) for a in arrays]
    results = list(trade(k, *arrays))
    arrays.clear()
    found = {n: results[n] for n in kept or (0, 1)}
    results.clear()
    mx.eval(list(found.values()))
    for n, result in found.items():
        assert address(result) == before[n]
        assert result.tolist() == [3.0 - n] * 1000


HOLDS: dict[str, Callable[[Kernels, Any], Any]] = {
    "array": lambda k, x: x,
    "view": lambda k, x: x[:],
    "numpy": lambda k, x: np.array(x, copy=False),
    "launch": lambda k, x: bump(k, x, 0.0),
    "launch of two": lambda k, x: trade(k, x, mx.zeros(8))[1],
}


@pytest.mark.parametrize("hold", HOLDS)
def test_of_several_results_what_is_held_is_copied(k: Kernels, hold: str) -> None:
    x, y = mx.ones(8) + 0, mx.ones(8) + 1
    mx.eval(x, y)
    before = address(x), address(y)
    kept = HOLDS[hold](k, x)
    first, second = trade(k, x, y)
    del x, y
    mx.eval(first, second)
    assert address(first) != before[0] and address(second) == before[1]
    assert (first.tolist(), second.tolist()) == ([2.0] * 8, [1.0] * 8)
    assert np.array(kept).tolist() == [1.0] * 8


def test_rebind_makes_chains_in_place(k: Kernels) -> None:
    x = mx.zeros(1000) + 0
    mx.eval(x)
    before = address(x)
    for _ in range(10):
        native.rebind(x, bump(k, x))
    mx.eval(x)
    assert address(x) == before
    assert x.tolist() == [10.0] * 1000


def test_held_contents_are_copied(k: Kernels, way: str) -> None:
    x = mx.ones(8)
    view = x[2:]
    y = bump(k, x)
    assert y.tolist() == [2.0] * 8
    assert x.tolist() == [1.0] * 8
    del x
    z = bump(k, y[:4])
    mx.eval(z)
    assert y.tolist() == [2.0] * 8
    assert view.tolist() == [1.0] * 6


def test_numpy_view_blocks_donation(k: Kernels) -> None:
    x = mx.ones(8) * 1
    mx.eval(x)
    kept = np.array(x, copy=False)
    y = bump(k, x)
    del x
    assert y.tolist() == [2.0] * 8
    assert kept.tolist() == [1.0] * 8


def test_partly_written_keeps_old_contents(k: Kernels, way: str) -> None:
    assert bump(k, mx.arange(5.0), count=2).tolist() == [1, 2, 2, 3, 4]
    assert bump(k, mx.arange(6.0).reshape(2, 3).T, count=2).tolist() == [[1, 4], [1, 4], [2, 5]]


def test_one_array_twice_is_one_buffer(k: Kernels, way: str) -> None:
    x = mx.arange(4.0)
    scalars = struct.pack("f", 1.0)
    (y,) = native.launch(k.add_to, (x, x), (1,), (True,), scalars, (2, 1, 1))
    assert y.tolist() == [1, 2, 2, 3]
    assert x.tolist() == [0, 1, 2, 3]
    a, b = native.launch(k.add_to, (x, x), (0, 1), (False, False), scalars, (4, 1, 1))
    assert a.tolist() == b.tolist() == [1, 2, 3, 4]


VIEWS: dict[str, Callable[[Any], Any]] = {
    "transposed": lambda x: x.T,
    "sliced": lambda x: x[1:, 2:],
    "offset": lambda x: x[2],
    "stepped": lambda x: x[::2, ::3],
    "reversed": lambda x: x[::-1, ::-1],
    "broadcast": lambda x: mx.broadcast_to(x[:1], (3, 5)),
    "scalar broadcast": lambda x: mx.broadcast_to(x[0, 0], (2, 2)),
    "three axes": lambda x: x.reshape(4, 5, 1).transpose(2, 1, 0),
}


@pytest.mark.parametrize("view", VIEWS)
def test_views(k: Kernels, way: str, view: str) -> None:
    x = VIEWS[view](mx.arange(20.0).reshape(4, 5))
    want = np.array(x.tolist()) + 1
    assert add(k, x).tolist() == want.tolist()
    assert bump(k, x).tolist() == want.tolist()


DTYPES = (
    "bool_ uint8 uint16 uint32 uint64 int8 int16 int32 int64 "
    "float16 bfloat16 float32 float64 complex64"
)


@pytest.mark.parametrize("dtype", DTYPES.split())
@pytest.mark.parametrize("shape", [(7,), (), (0,), (3, 0, 2), (2, 3)])
def test_dtypes_and_shapes(k: Kernels, way: str, dtype: str, shape: tuple[int, ...]) -> None:
    with mx.stream(mx.cpu):
        size = int(np.prod(shape))
        x = mx.arange(size).reshape(shape).astype(getattr(mx, dtype))
        out = mx.zeros(shape, dtype=x.dtype)
        scalars = struct.pack("q", x.itemsize)
        (y,) = native.launch(k.copy_bytes, (x, out), (1,), (True,), scalars, (size,))
        assert y.dtype == x.dtype
        assert y.shape == shape
        assert items(y) == items(x)
        if x.ndim == 2:
            (z,) = native.launch(
                k.copy_bytes, (x.T, mx.zeros(x.T.shape, x.dtype)), (1,), (True,), scalars, (size,)
            )
            assert items(z) == items(x.T)


def test_float64_keeps_its_bits(k: Kernels, way: str) -> None:
    with mx.stream(mx.cpu):
        x = mx.full((3,), 1.0, dtype=mx.float64) / 3
        scalars = struct.pack("q", 8)
        (y,) = native.launch(k.copy_bytes, (x, x * 0), (1,), (True,), scalars, (3,))
        assert items(y) == [1 / 3] * 3


def test_rebind(way: str) -> None:
    for shape in ((), (3,), (2, 0), (2, 2)):
        a, b = mx.zeros(shape), mx.ones(shape) + 1
        before = a + 0
        native.rebind(a, b)
        assert a.tolist() == b.tolist()
        assert before.tolist() == mx.zeros(shape).tolist()
    with pytest.raises(ValueError, match="shapes"):
        native.rebind(mx.zeros(3), mx.zeros(1))
    with pytest.raises(ValueError, match="dtypes"):
        native.rebind(mx.zeros(3), mx.zeros(3, dtype=mx.int32))
