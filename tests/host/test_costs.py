"""When a launch of the host target wakes other threads: costs.h, given times instead of taking them."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

import pytest

import triton_mlx.runtime.native
from triton_mlx.runtime.native import cxx

SOURCE = """
#include "costs.h"
using namespace tmlx;
static int kernel(void* const*, const void*, const int64_t*, int64_t, int64_t) { return 0; }

// How many of `launches` launches of `total` programs run alone, where that takes `alone` ns, and `spread`
// ns with all threads, of which the caller works `caller` ns per program.
extern "C" int alone_of(int launches, int64_t total, double alone, double spread, double caller) {
  detail::Costs costs;
  int found = 0;
  for (int k = 0; k < launches; ++k) {
    if (costs.alone(kernel, total)) {
      ++found;
      costs.ran_alone(kernel, total, alone);
    } else {
      costs.caller_did(kernel, total, caller);
      costs.ran_spread(kernel, total, spread);
    }
  }
  return found;
}
"""
LAUNCHES, PROGRAMS = 640, 1000

AloneOf = Callable[[float, float], int]


@pytest.fixture(scope="module")
def alone_of() -> AloneOf:
    include = f"-I{Path(triton_mlx.runtime.native.__file__).parent}"
    flags = ("-std=c++17", "-O2", "-fPIC", "-shared", include)
    library = ctypes.CDLL(
        str(cxx.compile_shared(SOURCE, name="libcosts.so", kind="native", flags=flags))
    )
    number = ctypes.c_double
    library.alone_of.argtypes = (ctypes.c_int, ctypes.c_int64, number, number, number)

    def of(alone: float, spread: float) -> int:
        found: int = library.alone_of(LAUNCHES, PROGRAMS, alone, spread, alone / PROGRAMS)
        return found

    return of


def test_the_better_way_is_taken_and_the_other_looked_at_now_and_then(alone_of: AloneOf) -> None:
    assert LAUNCHES * 0.97 < alone_of(300e3, 900e3) < LAUNCHES - 5
    assert 5 < alone_of(900e3, 500e3) < LAUNCHES * 0.03


def test_a_short_launch_wakes_nobody_and_a_long_one_is_never_alone(alone_of: AloneOf) -> None:
    assert alone_of(10e3, 5e3) == LAUNCHES - 1
    assert alone_of(1e9, 2e9) == 0
