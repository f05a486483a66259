"""Lazy launches through MLX, and their agreement with eager ones."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import struct
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from triton_mlx.runtime import native
from triton_mlx.runtime.native import cxx

mx = pytest.importorskip("mlx.core")

SOURCE = """
#include <cstdint>
#include <cstring>
#include <atomic>
#define KERNEL(NAME) extern "C" int NAME(void* const* b, const void* s, const int64_t* g, \\
                                         int64_t lo, int64_t hi)
static std::atomic<int64_t> calls{0};
extern "C" int64_t take_calls() { return calls.exchange(0); }
KERNEL(add_to) {  // b[1][p] = b[0][p] + scalar
  calls++;
  float by; std::memcpy(&by, s, 4);
  for (int64_t p = lo; p < hi; p++) ((float*)b[1])[p] = ((float*)b[0])[p] + by;
  return 0;
}
KERNEL(bump) {  // b[0][p] += scalar for the first grid[0] items
  calls++;
  float by; std::memcpy(&by, s, 4);
  for (int64_t p = lo; p < hi; p++) ((float*)b[0])[p] += by;
  return 0;
}
KERNEL(two) {  // b[1] = 2 * b[0]; b[2] = -b[0]
  for (int64_t p = lo; p < hi; p++) {
    ((float*)b[1])[p] = 2 * ((float*)b[0])[p];
    ((float*)b[2])[p] = -((float*)b[0])[p];
  }
  return 0;
}
KERNEL(trade) {  // b[0] and b[1] change places
  for (int64_t p = lo; p < hi; p++) {
    float a = ((float*)b[0])[p];
    ((float*)b[0])[p] = ((float*)b[1])[p];
    ((float*)b[1])[p] = a;
  }
  return 0;
}
KERNEL(copy_bytes) {  // scalar int64: bytes per item
  int64_t n; std::memcpy(&n, s, 8);
  std::memcpy((char*)b[1] + lo * n, (char*)b[0] + lo * n, (hi - lo) * n);
  return 0;
}
KERNEL(fail_at_3) { for (int64_t p = lo; p < hi; p++) if (p == 3) return 77; return 0; }
KERNEL(where) { for (int64_t p = lo; p < hi; p++) ((int64_t*)b[0])[p] = (int64_t)b[0]; return 0; }
"""


class Kernels:
    """Addresses of the kernels above by name."""

    def __init__(self) -> None:
        path = cxx.compile_shared(SOURCE, name="tests.so", kind="test")
        self.library = ctypes.CDLL(str(path))
        self.library.take_calls.restype = ctypes.c_int64

    def __getattr__(self, name: str) -> int:
        return ctypes.cast(getattr(self.library, name), ctypes.c_void_p).value or 0


@pytest.fixture(scope="module")
def k() -> Kernels:
    return Kernels()


@pytest.fixture(params=["lazy", "eager"])
def way(request: pytest.FixtureRequest) -> Iterator[str]:
    with native.use_eager() if request.param == "eager" else contextlib.nullcontext():
        yield request.param


def add(k: Kernels, x: Any, by: float = 1.0, **more: Any) -> Any:
    out = mx.zeros(x.shape)
    scalars = struct.pack("f", by)
    return native.launch(k.add_to, (x, out), (1,), (True,), scalars, (x.size, 1, 1), **more)[0]


def bump(k: Kernels, x: Any, by: float = 1.0, count: int | None = None) -> Any:
    scalars = struct.pack("f", by)
    grid = (x.size if count is None else count, 1, 1)
    return native.launch(k.bump, (x,), (0,), (False,), scalars, grid, name="bump")[0]


def address(x: Any) -> int:
    module = native.load()
    assert module is not None
    return int(module.inspect(x)[2])


def items(x: Any) -> Any:
    """x.tolist(), also where MLX does not have that for float64."""
    return np.array(x).tolist() if x.dtype == mx.float64 else x.tolist()


def test_native_module_is_used_here() -> None:
    assert native.load() is not None, native.describe()
    assert "lazy" in native.describe()


def test_lazy_until_evaluated(k: Kernels) -> None:
    k.library.take_calls()
    y = add(k, mx.arange(4.0))
    assert k.library.take_calls() == 0
    assert y.tolist() == [1, 2, 3, 4]
    assert k.library.take_calls() >= 1


def test_eager_runs_at_once(k: Kernels) -> None:
    k.library.take_calls()
    with native.use_eager():
        add(k, mx.arange(4.0))
    assert k.library.take_calls() >= 1


def test_chain_mixed_with_mlx_ops(k: Kernels, way: str) -> None:
    x = mx.arange(6.0).reshape(2, 3)
    y = mx.sum(add(k, mx.exp(add(k, x).T) * 0 + 2) * mx.array([1.0, 2.0]), axis=0)
    assert y.tolist() == [9.0, 18.0]


def test_chain_of_100(k: Kernels, way: str) -> None:
    x = mx.zeros(16)
    for _ in range(100):
        x = add(k, x)
    assert x.tolist() == [100.0] * 16


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


def test_wrong_arguments(k: Kernels, way: str) -> None:
    x = mx.zeros(3)
    with pytest.raises(TypeError, match=r"mlx\.core\.array"):
        native.launch(k.bump, (np.zeros(3),), (0,), (False,))
    with pytest.raises(ValueError, match="written"):
        native.launch(k.bump, (x,), (1,), (False,))
    with pytest.raises(ValueError, match="fresh"):
        native.launch(k.bump, (x,), (0,), ())
    with pytest.raises(ValueError, match="axes"):
        native.launch(k.bump, (x,), (0,), (False,), b"", (1, 1, 1, 1))


def evaluation_error(y: Any) -> str:
    """The error of evaluating `y`: raised, or noted where MLX cannot raise it."""
    module = native.load()
    assert module is not None
    if module.raises:
        with pytest.raises(RuntimeError) as caught:
            mx.eval(y)
        return str(caught.value)
    mx.eval(y)
    return module.take_error() or ""


def test_error_is_raised_at_evaluation(k: Kernels) -> None:
    (y,) = native.launch(k.fail_at_3, (mx.zeros(8),), (0,), (True,), b"", (8,), name="bad")
    assert "'bad' failed with code 77" in evaluation_error(y)
    assert add(k, mx.zeros(2)).tolist() == [1, 1]


def test_error_of_an_eager_launch(k: Kernels) -> None:
    with native.use_eager(), pytest.raises(RuntimeError, match="'bad' failed with code 77"):
        native.launch(k.fail_at_3, (mx.zeros(8),), (0,), (True,), b"", (8,), name="bad")


def test_too_much_stack_is_an_error(k: Kernels) -> None:
    arguments = (k.bump, (mx.zeros(8),), (0,), (True,), b"\0" * 4, (8,), 1 << 40)
    assert "stack" in evaluation_error(native.launch(*arguments))
    with native.use_eager(), pytest.raises(RuntimeError, match="stack"):
        native.launch(*arguments)


def test_streams(k: Kernels) -> None:
    one, other = mx.new_stream(mx.cpu), mx.new_stream(mx.cpu)
    x = mx.arange(4.0)
    y = add(k, add(k, x, stream=one), 10.0, stream=other)
    assert y.tolist() == [11, 12, 13, 14]
    if hasattr(mx, "new_thread_local_stream"):
        local = mx.new_thread_local_stream(mx.cpu)
        assert add(k, x, stream=local).tolist() == [1, 2, 3, 4]
    with pytest.raises(TypeError, match="Stream"):
        add(k, x, stream="cpu")


def test_compile(k: Kernels) -> None:
    def f(x: Any) -> Any:
        y = mx.exp(x) * 0 + x
        native.rebind(y, bump(k, y))
        return add(k, y, 10.0) * 2

    g = mx.compile(f)
    for x in (mx.arange(3.0), mx.arange(3.0) + 5, mx.ones((2, 2))):
        assert g(x).tolist() == f(x).tolist() == ((x + 11) * 2).tolist()


def test_compile_merges_only_pure_launches(k: Kernels) -> None:
    def run(pure: bool) -> int:
        k.library.take_calls()
        mx.eval(mx.compile(lambda x: add(k, x, pure=pure) + add(k, x, pure=pure))(mx.zeros(1)))
        return int(k.library.take_calls())

    assert run(pure=False) == 2
    assert run(pure=True) == 1


def test_fresh_output_is_no_input_of_the_node(k: Kernels) -> None:
    x, big = mx.zeros(4), mx.zeros(4) + 3
    scalars = struct.pack("f", 1.0)
    mx.eval(native.launch(k.add_to, (x, big), (1,), (True,), scalars, (4,)))
    assert address(big) == 0, "an output that is written whole was evaluated for nothing"


def test_six_threads(k: Kernels, way: str) -> None:
    results: dict[int, list[float]] = {}

    def work(index: int) -> None:
        x = mx.full((64,), float(index))
        for _ in range(20):
            x = add(k, x)
        results[index] = x.tolist()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == {i: [i + 20.0] * 64 for i in range(6)}


def test_no_leak(k: Kernels) -> None:
    x = mx.zeros(1 << 16)
    mx.eval(add(k, x))
    gc.collect()
    before = mx.get_active_memory()
    for _ in range(50):
        mx.eval(add(k, x))
    gc.collect()
    assert mx.get_active_memory() <= before + x.nbytes


def test_forked_child_launches_eagerly(k: Kernels) -> None:
    x, out = mx.arange(64.0), mx.zeros(64)
    mx.eval(x, out, add(k, x))
    scalars = struct.pack("f", 5.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        (y,) = native.launch(k.add_to, (x, out), (1,), (True,), scalars, (64,))
        good = np.array(y).tolist() == [i + 5.0 for i in range(64)]
        os._exit(0 if good else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


EXIT = """
import sys, mlx.core as mx
from triton_mlx.runtime import native
module = native.load()
x = mx.zeros(1 << 20, dtype=mx.int32)
(y,) = native.launch(module.probe, (x, x + 1), (1,), (True,), b"", (1 << 20,))
mx.async_eval(y)
(z,) = native.launch(module.probe, (x, x + 1), (1,), (True,), b"", (1 << 20,))
"""


def test_exit_with_work_under_way() -> None:
    done = subprocess.run([sys.executable, "-c", EXIT], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


FALLBACK = """
import warnings, mlx.core as mx
from triton_mlx.runtime import native
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    assert native.load() is None
    assert native.load() is None
print([w.category.__name__ for w in caught], native.describe())
"""


def test_fallback_without_a_compiler() -> None:
    environment = {**os.environ, "TRITON_MLX_CXX": "no-such-compiler"}
    done = subprocess.run(
        [sys.executable, "-c", FALLBACK],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("['NativeFallback'] launches: eager, because TRITON_MLX_CXX")


def test_compiler_errors_name_the_kept_source() -> None:
    with pytest.raises(cxx.CompileFailed, match="error") as caught:
        cxx.compile_shared("int f() { return nonsense; }", name="bad.so", kind="test")
    assert caught.value.source is not None
    assert "nonsense" in caught.value.source.read_text()
    assert str(caught.value.source) in str(caught.value)


def test_compiler_without_native_arch(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = cxx.find().path
    wrapper = tmp_path / "cxx"
    wrapper.write_text(
        '#!/bin/sh\nfor a in "$@"; do [ "$a" = -march=native ] && { echo "error: bad march" >&2; '
        f'exit 1; }}; done\nexec {real} "$@"\n'
    )
    wrapper.chmod(0o755)
    monkeypatch.setenv("TRITON_MLX_CXX", str(wrapper))
    path = cxx.compile_shared('extern "C" int seven() { return 7; }', name="s.so", kind="test")
    assert ctypes.CDLL(str(path)).seven() == 7
