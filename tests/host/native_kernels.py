"""Kernels in C++ for tests of native launches, and their launches."""

from __future__ import annotations

import ctypes
import struct
from typing import Any

import mlx.core as mx
import numpy as np

from triton_mlx.runtime import native
from triton_mlx.runtime.native import cxx

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
