"""Shuffles, reductions and scans over the 32 lanes of a simdgroup; two simdgroups, told apart."""

from __future__ import annotations

import numpy as np

from .row import Array, SelfTest, values

_LANES = 32
_RANDOM = np.random.default_rng(64)
_EACH = "uint i = thread_position_in_grid.x; uint lane = thread_index_in_simdgroup;"


def _across(of_row: Array) -> Array:
    return np.repeat(of_row[:, None], _LANES, 1)


def _shuffles() -> SelfTest:
    """What comes from beyond the simdgroup is not defined by Metal, and is not looked at."""
    x = _RANDOM.integers(-(2**31), 2**31, (2, _LANES), dtype="int32")
    lane = np.arange(_LANES)
    return SelfTest(
        name="simd shuffles",
        cells=("simd_functions", "simd_width"),
        source=f"""{_EACH}
  int v = x0[i];
  int down = simd_shuffle_down(v, ushort(5));
  int up = simd_shuffle_up(v, ushort(3));
  out0[i] = simd_shuffle_xor(v, ushort(21));
  out1[i] = simd_shuffle(v, ushort(lane * 7 & 31));
  out2[i] = lane < 3 ? 0 : up;
  out3[i] = lane > 26 ? 0 : down;
  out4[i] = simd_broadcast(v, ushort(9));
  out5[i] = int(as_type<ushort>(simd_shuffle_xor(as_type<half>(ushort(v & 0x3fff)), ushort(16))));""",
        inputs=(values(x, "int32"),),
        expected=tuple(
            values(y, "int32")
            for y in (
                x[:, lane ^ 21],
                x[:, lane * 7 & 31],
                np.where(lane < 3, 0, np.roll(x, 3, 1)),
                np.where(lane > 26, 0, np.roll(x, -5, 1)),
                _across(x[:, 9]),
                (x & 0x3FFF)[:, lane ^ 16],
            )
        ),
        threads=2 * _LANES,
    )


def _reductions() -> SelfTest:
    """Integers in float: every sum is exact, in whatever order it is made."""
    x = _RANDOM.integers(-1000, 1000, (2, _LANES), dtype="int32")
    sums = _across(x.sum(1))
    return SelfTest(
        name="simd reductions",
        cells=("simd_functions", "simd_width"),
        source=f"""{_EACH}
  int v = x0[i];
  out0[i] = simd_sum(v);
  out1[i] = simd_sum(float(v));
  out2[i] = simd_min(v);
  out3[i] = simd_max(float(v));
  out4[i] = simd_xor(v);
  out5[i] = simd_prefix_inclusive_sum(v);
  out6[i] = simd_prefix_exclusive_sum(float(v));""",
        inputs=(values(x, "int32"),),
        expected=(
            values(sums, "int32"),
            values(sums, "float32"),
            values(_across(x.min(1)), "int32"),
            values(_across(x.max(1)), "float32"),
            values(_across(np.bitwise_xor.reduce(x, 1)), "int32"),
            values(x.cumsum(1), "int32"),
            values(x.cumsum(1) - x, "float32"),
        ),
        threads=2 * _LANES,
    )


ROWS = (_shuffles(), _reductions())
