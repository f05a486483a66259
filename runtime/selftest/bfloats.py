"""bfloat: rounding of floats to the nearest, ties to even, and arithmetic that rounds each result."""

from __future__ import annotations

import numpy as np

from .row import Array, SelfTest, values

_RANDOM = np.random.default_rng(16)
_EACH = "uint i = thread_position_in_grid.x;"


def rounded(x: Array) -> Array:
    """float32 rounded to bfloat16, as float32: nearest, ties to even; a NaN stays one."""
    bits = x.astype(np.float32).view(np.uint32).astype(np.uint64)
    near = ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16 << 16).astype(np.uint32).view(np.float32)
    return np.where(np.isnan(x), np.float32(np.nan), near)


def _rounding() -> SelfTest:
    """Random floats, both kinds of ties, their neighbours, infinities, a NaN and an overflow."""
    ties = np.array([0x3F808000, 0x3F818000, 0xBF808000, 0xBF818000], np.uint32)
    edges = np.concatenate([ties, ties - 1, ties + 1]).view(np.float32)
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 3.4e38, -3.4e38, 1e-30], np.float32)
    spread = _RANDOM.standard_normal(236) * np.exp(_RANDOM.uniform(-60, 60, 236))
    x = np.concatenate([edges, special, spread.astype(np.float32)])
    return SelfTest(
        name="bfloat rounding",
        cells=("bfloat",),
        source=f"{_EACH} out0[i] = bfloat(x0[i]);",
        inputs=(values(x, "float32"),),
        expected=(values(rounded(x), "bfloat16"),),
        threads=x.size,
    )


def _arithmetic() -> SelfTest:
    """float32 holds sums, differences and products of these exactly or rounds them harmlessly."""
    a, b, c = (rounded(_RANDOM.uniform(-9, 9, 256).astype(np.float32)) for _ in range(3))
    return SelfTest(
        name="bfloat arithmetic",
        cells=("bfloat",),
        source=f"""{_EACH}
  bfloat a = x0[i], b = x1[i], c = x2[i];
  out0[i] = a + b;
  out1[i] = a - b;
  out2[i] = a * b;
  bfloat sum = a + b;
  out3[i] = sum + c;
  out4[i] = a < b ? a : b;""",
        inputs=tuple(values(x, "bfloat16") for x in (a, b, c)),
        expected=tuple(
            values(x, "bfloat16")
            for x in (
                rounded(a + b),
                rounded(a - b),
                rounded(a * b),
                rounded(rounded(a + b) + c),
                np.minimum(a, b),
            )
        ),
        threads=256,
    )


ROWS = (_rounding(), _arithmetic())
