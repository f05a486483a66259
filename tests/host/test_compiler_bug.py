"""Loops that a compiler has been seen to miscompile, in the form in which kernels are emitted."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import triton
import triton.language as tl

import triton_mlx
from triton_mlx.lowering.kernel import prelude
from triton_mlx.runtime.native.cxx import FLAGS_OF_KIND, KERNEL_FLAGS

_LOOPS = """
template <int R, int C, class E> __attribute__((noinline)) void reversed(
    const E* __restrict a, E* __restrict o, int n) {
  TILE_OUTER
  for (int r = 0; r < R; ++r) {
    TILE_LOOP
    for (int c = 0; c < C; ++c) {
      const int i = r * C + c;
      const E value = i + 3 < n ? a[i + 3] : E(1);
      o[R * C - 1 - i] = value;
    }
  }
}
template <int R, int C, class E> __attribute__((noinline)) void swapped(
    const E* __restrict a, E* __restrict o, int n) {
  TILE_OUTER
  for (int r = 0; r < R; ++r) {
    TILE_LOOP
    for (int c = 0; c < C; ++c) {
      const int i = r * C + (c ^ 1);
      const E value = i + 3 < n ? a[i + 3] : E(1);
      o[r * C + c] = value;
    }
  }
}
template <int R, int C, class E> int wrong() {
  static E a[4096], o[1024];
  for (int i = 0; i < 4096; ++i) a[i] = E(i);
  int count = 0;
  for (int n = 0; n < R * C; n += R * C / 8 + 1) {
    reversed<R, C, E>(a, o, n);
    for (int i = 0; i < R * C; ++i) count += o[R * C - 1 - i] != (i + 3 < n ? E(i + 3) : E(1));
    swapped<R, C, E>(a, o, n);
    for (int k = 0; k < R * C; ++k) {
      const int i = k ^ 1;
      count += o[k] != (i + 3 < n ? E(i + 3) : E(1));
    }
  }
  return count;
}
template <class E> __attribute__((noinline)) void filled(E* __restrict o, long off) {
  E b[128];
  for (int r = 0; r < 128; ++r) b[r] = E(7);
  TILE_MASKED
  for (int i = 0; i < 128; ++i)
    if (i < 36) o[off + i] = b[i];
}
template <class E, int M> __attribute__((noinline)) void zeroed(E* __restrict o, long off) {
  alignas(64) E b[128];
  {
    TILE_LOOP
    for (int r = 0; r < 128; ++r) {
      b[r] = E(0);
    }
  }
  TILE_MASKED
  for (int i = 0; i < 128; ++i) {
    const E value = b[i] + E(1);
    const bool inside = i < M;
    if (inside) o[off + (long)i] = value;
  }
}
template <class E, int M> int ones() {
  static E o[256];
  zeroed<E, M>(o, 0);
  int count = 0;
  for (int i = 0; i < 128; ++i) count += o[i] != (i < M ? E(1) : E(0));
  return count;
}
template <class E> int garbage() {
  static E o[256];
  filled(o, 0);
  int count = ones<E, 78>() + ones<E, 36>() + ones<E, 127>() + ones<E, 3>();
  for (int i = 0; i < 128; ++i) count += o[i] != (i < 36 ? E(7) : E(0));
  return count;
}
template <class E> int all() {
  return wrong<32, 16, E>() + wrong<128, 4, E>() + wrong<64, 8, E>() + wrong<1, 512, E>() +
         garbage<E>() + wrong<16, 32, E>() + wrong<64, 2, E>() + wrong<2, 2, E>() + wrong<8, 8, E>();
}
extern "C" int wrong_elements() {
  return all<char>() + all<short>() + all<int>() + all<long>() + all<float>() + all<double>();
}
"""


@pytest.mark.parametrize("compiler", ["g++", "clang++", "clang++-19"])
def test_masked_loads_in_permuted_loops(compiler: str, tmp_path: Path) -> None:
    path = shutil.which(compiler)
    if path is None:
        pytest.skip(f"{compiler} is not installed")
    words = prelude("host_words.h")
    macros = words[words.index("#if defined(__clang__)") : words.index("METAL_FUNC")]
    source, library = tmp_path / "loops.cpp", tmp_path / "loops.so"
    source.write_text(macros + _LOOPS)
    flags = KERNEL_FLAGS + FLAGS_OF_KIND.get("clang" if "clang" in compiler else "gcc", ())
    subprocess.run([path, *flags, str(source), "-o", str(library)], check=True)
    assert ctypes.CDLL(str(library)).wrong_elements() == 0


@triton.jit
def filled_kernel(out_ptr, LIMIT, N: tl.constexpr):
    at = tl.arange(0, N)
    total = tl.sum(tl.full((1, N), 7, tl.int32), axis=0)
    tl.store(out_ptr + at, total, mask=at < LIMIT)


def test_conditional_stores_of_a_local_array() -> None:
    out = np.zeros(128, np.int32)
    with triton_mlx.use("host"):
        filled_kernel[(1,)](out, 36, N=128)
    np.testing.assert_array_equal(out, np.where(np.arange(128) < 36, 7, 0))


@triton.jit
def chosen_kernel(a_ptr, out_ptr, FORM: tl.constexpr, N: tl.constexpr):
    at = tl.arange(0, N)
    odd = tl.load(a_ptr + at) != 0
    if FORM == "cast":
        index = odd.to(tl.int32)
    elif FORM == "where":
        index = tl.where(odd, 2, 1)
    else:
        index = tl.sum(odd.to(tl.int64)[None, :] * 1, 0) + 1
    tl.store(out_ptr + at, tl.load(a_ptr + index))


@pytest.mark.parametrize("form", ["cast", "where", "sum"])
@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "float32"])
def test_loads_at_an_index_that_was_a_comparison(form: str, dtype: str) -> None:
    a = np.array([0, 7, 0, 9] * 256, dtype)
    out = np.zeros(1024, dtype)
    with triton_mlx.use("host"):
        chosen_kernel[(1,)](a, out, FORM=form, N=1024)
    odd = (a != 0).astype(int)
    np.testing.assert_array_equal(out, a[odd if form == "cast" else odd + 1])
