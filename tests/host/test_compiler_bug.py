"""Loops that a compiler has been seen to miscompile, in the form in which kernels are emitted."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest

from triton_mlx.lowering.kernel import prelude
from triton_mlx.runtime.native.cxx import KERNEL_FLAGS

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
template <class E> int all() {
  return wrong<32, 16, E>() + wrong<128, 4, E>() + wrong<64, 8, E>() + wrong<1, 512, E>() +
         wrong<16, 32, E>() + wrong<64, 2, E>() + wrong<2, 2, E>() + wrong<8, 8, E>();
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
    subprocess.run([path, *KERNEL_FLAGS, str(source), "-o", str(library)], check=True)
    assert ctypes.CDLL(str(library)).wrong_elements() == 0
