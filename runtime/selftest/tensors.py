"""Metal 4's tensor operations: the places of elements that kernels rely on, and what a product gives.

Metal does not document the places; MLX's kernels for the M5 rely on them (steel/gemm/nax.h). They are linear
over GF(2): element (row, column) of register bits r and lane bits l is the XOR of the bases below.
"""

from __future__ import annotations

import numpy as np

from .fragments import METAL_NAME
from .row import Array, SelfTest, values

REGISTER_BASES = ((0, 1), (0, 2), (8, 0))
LANE_BASES = ((0, 4), (1, 0), (2, 0), (0, 8), (4, 0))
_HEADER = "#include <MetalPerformancePrimitives/MetalPerformancePrimitives.h>\n"
_SIDE, _EACH, _LANES = 16, 8, 32


def place(lane: int, register: int) -> tuple[int, int]:
    """(row, column) of the element that `lane` (0..31) holds as number `register` (0..7) of 16x16."""
    row = column = 0
    for number, bases in ((register, REGISTER_BASES), (lane, LANE_BASES)):
        for bit, (of_row, of_column) in enumerate(bases):
            if number >> bit & 1:
                row, column = row ^ of_row, column ^ of_column
    return row, column


def held(matrix: Array) -> Array:
    """(32, elements of a lane) for a matrix made of 16x16 ones beside each other."""
    parts = np.split(matrix, matrix.shape[1] // _SIDE, axis=1)
    places = [[place(lane, k) for k in range(_EACH)] for lane in range(_LANES)]
    return np.array([[part[at] for part in parts for at in row] for row in places])


def _product(dtype: str, name: str, a: Array, b: Array, c: Array) -> SelfTest:
    """Each lane puts in what it should hold of a, b and c, and shows what it then has of a b + c."""
    t = METAL_NAME[dtype]
    return SelfTest(
        name=f"tensor {name} {t}",
        cells=("neural_accelerators",),
        header=_HEADER,
        source=f"""
  uint lane = thread_index_in_simdgroup;
  constexpr auto shape = mpp::tensor_ops::matmul2d_descriptor(16, 32, 16, false, false, true,
      mpp::tensor_ops::matmul2d_descriptor::mode::multiply_accumulate);
  mpp::tensor_ops::matmul2d<shape, metal::execution_simdgroup> product;
  using Left = decltype(product.get_left_input_cooperative_tensor<{t}, {t}, float>());
  using Right = decltype(product.get_right_input_cooperative_tensor<{t}, {t}, float>());
  auto a = product.get_left_input_cooperative_tensor<{t}, {t}, float>();
  auto b = product.get_right_input_cooperative_tensor<{t}, {t}, float>();
  auto c = product.get_destination_cooperative_tensor<Left, Right, float>();
  for (uint k = 0; k < 8; k++) a[k] = x0[8 * lane + k];
  for (uint k = 0; k < 16; k++) {{
    b[k] = x1[16 * lane + k];
    c[k] = x2[16 * lane + k];
  }}
  product.run(a, b, c);
  for (uint k = 0; k < 16; k++) out0[16 * lane + k] = c[k];
""",
        inputs=(
            values(held(a), dtype),
            values(held(b), dtype),
            values(held(c), "float32"),
        ),
        expected=(values(held(a @ b + c), "float32"),),
    )


def _layout(dtype: str) -> SelfTest:
    """Twice the unit matrix times numbers that all differ: what is out of place shows."""
    numbers = np.arange(_SIDE * 2 * _SIDE).reshape(_SIDE, -1)
    wide = numbers if dtype == "float16" else numbers % 256  # bfloat has whole numbers up to 256
    return _product(dtype, "layout", 2 * np.eye(_SIDE), wide, 1000 * numbers)


def _random(dtype: str) -> SelfTest:
    """Small integers: every sum is exact, in whatever order it is made."""
    random = np.random.default_rng(16)
    a, b, c = (random.integers(-9, 10, (_SIDE, n)) for n in (_SIDE, 2 * _SIDE, 2 * _SIDE))
    return _product(dtype, "product", a, b, c)


def _fine(dtype: str) -> SelfTest:
    """Operands whose last bit counts, and sums that 16 bits would not hold."""
    random = np.random.default_rng(17)
    bits = 11 if dtype == "float16" else 8
    a, b = (random.integers(-(2**bits), 2**bits, (_SIDE, n)) | 1 for n in (_SIDE, 2 * _SIDE))
    one = np.zeros_like(a)
    one[:, ::8] = a[:, ::8]  # two terms: their sum has at most 24 bits
    return _product(dtype, "precision", one, b, np.zeros(b.shape))


ROWS = tuple(make(d) for d in ("float16", "bfloat16") for make in (_layout, _random, _fine))
