"""Lazy launches through MLX, and their agreement with eager ones."""

from __future__ import annotations

import ctypes
import gc
import os
import struct
import subprocess
import sys
import threading
import warnings
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from native_kernels import Kernels, add, address, bump

from triton_mlx.runtime import native
from triton_mlx.runtime.native import cxx


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
