"""Launches without the native module: evaluates, calls the kernel through ctypes, copies back."""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path
from typing import Any

from .. import transforms
from . import cxx

_POOL_SOURCE = """
#include "pool.h"
extern "C" int tmlx_run(tmlx::KernelFn fn, void* const* buffers, const void* scalars,
                        const int64_t* grid, int threads, uint64_t stack_bytes) {
  return tmlx::run(fn, buffers, scalars, grid, threads, stack_bytes);
}
extern "C" const char* tmlx_error_text(int code) {
  auto text = tmlx::pool_error_text(code);
  return text ? text : "";
}
"""
_POOL_FLAGS = ("-std=c++17", "-O2", "-fPIC", "-shared", "-pthread")


@functools.cache
def pool_library() -> ctypes.CDLL:
    """pool.h as a library: tmlx_run and tmlx_error_text. Raises NoCompiler or CompileFailed."""
    include = f"-I{Path(__file__).resolve().parent}"
    path = cxx.compile_shared(
        _POOL_SOURCE, name="libpool.so", kind="native", flags=(*_POOL_FLAGS, include)
    )
    library = ctypes.CDLL(str(path))
    library.tmlx_run.argtypes = (
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_char_p,
        ctypes.c_void_p,
        ctypes.c_int,
        ctypes.c_uint64,
    )
    library.tmlx_error_text.restype = ctypes.c_char_p
    return library


def run_pool(
    fn: int,
    pointers: Any,
    scalars: bytes,
    grid: tuple[int, ...],
    stack_bytes: int,
    name: str,
    threads: int = 0,
) -> None:
    """Run the kernel at address `fn` on a ctypes array of pointers, now. `threads` 0: the default."""
    from . import thread_count

    sizes = (ctypes.c_int64 * 3)(*(*grid, 1, 1, 1)[:3])
    library = pool_library()
    code = library.tmlx_run(fn, pointers, scalars, sizes, threads or thread_count(), stack_bytes)
    if code:
        why = library.tmlx_error_text(code).decode()
        text = f"host kernel '{name}' failed with code {code}"
        raise RuntimeError(f"{text}: {why}" if why else text)


def launch(
    fn: int,
    arrays: tuple[Any, ...],
    written: tuple[int, ...],
    fresh: tuple[bool, ...],
    scalars: bytes,
    grid: tuple[int, ...],
    stack_bytes: int,
    name: str,
    threads: int,
) -> tuple[Any, ...]:
    """As triton_mlx.runtime.native.launch, but done before it returns; errors raise here.

    `fresh` changes nothing in the result: all of a fresh array is overwritten.
    """
    import mlx.core as mx
    import numpy as np

    _check(arrays, written, fresh, grid)
    if not written:
        return ()
    mx.eval(arrays)
    buffers = {id(a): _as_numpy(np, mx, a) for a in arrays}
    for index in written:
        key = id(arrays[index])
        buffers[key] = np.array(buffers[key], order="C", copy=True)
    data = [np.ascontiguousarray(buffers[id(a)]) for a in arrays]
    pointers = (ctypes.c_void_p * len(data))(*[d.ctypes.data for d in data])
    run_pool(fn, pointers, scalars, grid, stack_bytes, name, threads)
    made = {i: _as_mlx(np, mx, buffers[id(arrays[i])], arrays[i].dtype) for i in written}
    new = dict(zip(made, transforms.constant(arrays, list(made.values()))))
    return tuple(new[i] for i in written)


def _check(
    arrays: tuple[Any, ...], written: tuple[int, ...], fresh: tuple[bool, ...], grid: Any
) -> None:
    """The same refusals as the native module's."""
    import mlx.core as mx

    for array in arrays:
        if not isinstance(array, mx.array):
            raise TypeError(f"expected mlx.core.array, got {type(array).__name__}")
    if len(fresh) != len(written):
        raise ValueError("launch: `fresh` needs one entry per entry of `written`")
    if any(not 0 <= i < len(arrays) for i in written):
        raise ValueError("launch: `written` names an array that is not there")
    if len(grid) > 3:
        raise ValueError("launch: a grid has at most 3 axes")


def _as_numpy(np: Any, mx: Any, array: Any) -> Any:
    """An evaluated array's memory as numpy; bfloat16, which numpy does not have, as uint16."""
    return np.array(array.view(mx.uint16) if array.dtype == mx.bfloat16 else array, copy=False)


def _as_mlx(np: Any, mx: Any, data: Any, dtype: Any) -> Any:
    """A copy as mx.array. float64 goes by its bits: mx.array would round it to float32."""
    if dtype == mx.float64:
        return mx.array(data.view(np.uint64)).view(dtype)
    return mx.array(data).view(dtype) if dtype == mx.bfloat16 else mx.array(data)
