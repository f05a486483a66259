"""8x8 simdgroup matrices: which lane holds which element, and what a multiplication gives.

Metal does not document the layout; MLX's kernels rely on it (steel/gemm/mma.h). It is linear over
GF(2): element (row, column) of register bit r and lane bits l is the XOR of the bases below.
"""

from __future__ import annotations

import numpy as np

from .row import Array, SelfTest, values

REGISTER_BASES = ((0, 1),)
LANE_BASES = ((0, 2), (1, 0), (2, 0), (0, 4), (4, 0))
METAL_NAME = {"float16": "half", "float32": "float", "bfloat16": "bfloat"}
_HEADER = "#include <metal_simdgroup_matrix>\n"


def place(lane: int, register: int) -> tuple[int, int]:
    """(row, column) of the element that `lane` (0..31) holds in thread_elements()[register]."""
    row = column = 0
    bits = [(register >> k & 1, base) for k, base in enumerate(REGISTER_BASES)]
    bits += [(lane >> k & 1, base) for k, base in enumerate(LANE_BASES)]
    for bit, (of_row, of_column) in bits:
        if bit:
            row, column = row ^ of_row, column ^ of_column
    return row, column


def _held() -> Array:
    """Of each slot (2 * lane + register) the place in the matrix, 8 * row + column."""
    places = (place(slot // 2, slot % 2) for slot in range(64))
    return np.array([8 * row + column for row, column in places])


def _layout(dtype: str) -> SelfTest:
    """Loads 0..63 plainly and transposed and shows each lane's two; stores each slot's number."""
    t = METAL_NAME[dtype]
    held = _held()
    stored = np.empty(64)
    stored[held] = np.arange(64)
    transposed = np.arange(64).reshape(8, 8).T.reshape(64)
    return SelfTest(
        name=f"matrix layout {t}",
        cells=(f"simdgroup_matrix_{t}",),
        header=_HEADER,
        source=f"""
  uint lane = thread_index_in_simdgroup;
  simdgroup_matrix<{t}, 8, 8> plain, turned, numbered;
  simdgroup_load(plain, x0, 8);
  simdgroup_load(turned, x0, 8, ulong2(0, 0), true);
  for (uint k = 0; k < 2; k++) {{
    out0[2 * lane + k] = float(plain.thread_elements()[k]);
    out1[2 * lane + k] = float(turned.thread_elements()[k]);
    numbered.thread_elements()[k] = {t}(float(2 * lane + k));
  }}
  simdgroup_store(numbered, out2, 8);
""",
        inputs=(values(np.arange(64), dtype),),
        expected=(
            values(np.arange(64)[held], "float32"),
            values(transposed[held], "float32"),
            values(stored, dtype),
        ),
    )


def _product(dtype: str) -> SelfTest:
    """a b + c in float. Small integers: every sum is exact, in whatever order it is made."""
    t = METAL_NAME[dtype]
    random = np.random.default_rng(8)
    a, b, c = (random.integers(-9, 10, (8, 8)) for _ in range(3))
    return SelfTest(
        name=f"matrix product {t}",
        cells=(f"simdgroup_matrix_{t}",),
        header=_HEADER,
        source=f"""
  simdgroup_matrix<{t}, 8, 8> a, b;
  simdgroup_matrix<float, 8, 8> c, d;
  simdgroup_load(a, x0, 8);
  simdgroup_load(b, x1, 8);
  simdgroup_load(c, x2, 8);
  simdgroup_multiply_accumulate(d, a, b, c);
  simdgroup_store(d, out0, 8);
  simdgroup_multiply_accumulate(d, a, b, d);
  simdgroup_store(d, out1, 8);
""",
        inputs=(values(a, dtype), values(b, dtype), values(c, "float32")),
        expected=(values(a @ b + c, "float32"), values(2 * (a @ b) + c, "float32")),
    )


ROWS = tuple(make(dtype) for dtype in METAL_NAME for make in (_layout, _product))
