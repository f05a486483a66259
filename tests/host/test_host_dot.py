"""The tile product of the host prelude against numpy: every dtype, shape and stride."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

PRELUDE = Path(__file__).resolve().parents[2] / "lowering" / "preludes"
FLAGS = [
    "-std=c++17",
    "-O3",
    "-march=native",
    "-fPIC",
    "-shared",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-exceptions",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wno-psabi",
]
COMPILERS = ("g++", "clang++", "clang++-19")
# A second build without AVX-512 exercises the other register block on machines that have it.
BUILDS = [(name, narrow) for name in COMPILERS for narrow in (False, True)]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Operand:
    """A C++ operand type, how numpy stores it, and the relative error its sums may show."""

    cpp: str
    storage: str
    tolerance: float


OPERANDS = {
    "float": Operand("float", "f4", 2e-6),
    "half": Operand("half", "f2", 2e-6),
    "bfloat": Operand("bfloat", "u2", 2e-6),
    "double": Operand("double", "f8", 1e-14),
    "int8": Operand("int8_t", "i1", 0.0),
    "uint8": Operand("uint8_t", "u1", 0.0),
    "int": Operand("int", "i4", 0.0),
}
RESULTS = {"float": "f4", "double": "f8", "int": "i4"}


@dataclass(frozen=True, slots=True)
class Case:
    """One instance of host_dot: shape (m, n, k), operand names and the type of the result."""

    shape: tuple[int, int, int]
    a: str
    b: str
    c: str

    @property
    def name(self) -> str:
        return "dot_" + "_".join(map(str, self.shape)) + f"_{self.a}_{self.b}_{self.c}"

    def source(self) -> str:
        a, b = OPERANDS[self.a].cpp, OPERANDS[self.b].cpp
        m, n, k = self.shape
        return (
            f'extern "C" void {self.name}(const {a}* a, int ar, int ac,'
            f" const {b}* b, int br, int bc, {self.c}* c)"
            f" {{ host_dot<{m}, {n}, {k}>(a, ar, ac, b, br, bc, c); }}\n"
        )


SHAPES = [
    (1, 1, 1), (1, 1, 64), (2, 2, 2), (1, 64, 32), (64, 1, 32), (1, 2, 4), (2, 1, 8), (4, 8, 16),
    (8, 4, 2), (16, 16, 16), (32, 32, 32), (64, 64, 32), (128, 32, 64), (16, 256, 128),
    (256, 2, 64), (64, 64, 1), (256, 256, 256), (512, 64, 32), (16, 1024, 32), (8, 16, 1024),
]  # fmt: skip
PAIRS = [
    ("half", "half", "float"), ("bfloat", "bfloat", "float"), ("double", "double", "double"),
    ("int8", "int8", "int"), ("uint8", "uint8", "int"), ("uint8", "int8", "int"),
    ("int", "int", "int"), ("half", "float", "float"), ("float", "bfloat", "float"),
    ("float", "float", "double"),
]  # fmt: skip
PAIR_SHAPES = [(2, 1, 16), (4, 4, 8), (16, 16, 16), (64, 32, 32), (32, 64, 256)]
CASES = [Case(shape, "float", "float", "float") for shape in SHAPES] + [
    Case(shape, *pair) for pair in PAIRS for shape in PAIR_SHAPES
]


@pytest.fixture(scope="module", params=BUILDS, ids=lambda p: p[0] + ("-narrow" if p[1] else ""))
def library(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ctypes.CDLL]:
    """The compiled cases; a compiler that is absent is skipped."""
    compiler, narrow = request.param
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    folder = tmp_path_factory.mktemp("dot")
    (folder / "dot.cpp").write_text('#include "host.h"\n' + "".join(c.source() for c in CASES))
    extra = ["-mno-avx512f"] if narrow else []
    command = [compiler, *FLAGS, *extra, "-I", str(PRELUDE), "dot.cpp", "-o", "dot.so"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if narrow and "unrecognized" in done.stderr:
        pytest.skip("no x86 machine")
    assert done.returncode == 0, done.stderr
    yield ctypes.CDLL(str(folder / "dot.so"))


def random_values(rng: np.random.Generator, operand: str, count: int) -> tuple[Array, Array]:
    """`count` values as (what C++ reads, the same values as float64 or int64)."""
    kind = OPERANDS[operand].storage
    if kind in ("i1", "u1"):
        limits = np.iinfo(kind)
        raw = rng.integers(limits.min, limits.max, count, endpoint=True, dtype=kind)
        return raw, raw.astype(np.int64)
    if operand == "int":
        raw = rng.integers(-1000, 1000, count, dtype=np.int32)
        return raw, raw.astype(np.int64)
    values = rng.standard_normal(count)
    if operand == "bfloat":
        raw = (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
        return raw, (raw.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    raw = values.astype(kind)
    return raw, raw.astype(np.float64)


def placed(values: Array, rows: int, cols: int, strides: tuple[int, int]) -> Array:
    """The matrix that element strides (row, col) select from flat `values`."""
    index = np.arange(rows)[:, None] * strides[0] + np.arange(cols)[None, :] * strides[1]
    return np.asarray(values[index])


def check(library: ctypes.CDLL, case: Case, layout: str, seed: int = 0) -> None:
    """Run one case on operands stored as `layout` says and compare with numpy in float64."""
    rng = np.random.default_rng(seed)
    m, n, k = case.shape
    pads = {"plain": (0, 1), "padded": (5, 1), "strided": (3, 3), "far": (300, 1)}
    transposed = layout == "transposed"
    pad, step = pads.get(layout, (1, 1))

    def strides(rows: int, cols: int) -> tuple[int, int]:
        return (1, rows + pad) if transposed else (cols * step + pad, step)

    a_strides, b_strides = strides(m, k), strides(k, n)
    a_raw, a = random_values(rng, case.a, 1 + (m - 1) * a_strides[0] + (k - 1) * a_strides[1])
    b_raw, b = random_values(rng, case.b, 1 + (k - 1) * b_strides[0] + (n - 1) * b_strides[1])
    c = rng.integers(-9, 9, (m, n)).astype(RESULTS[case.c])
    # One guard element on both sides: nothing outside the tile may change.
    guarded = np.concatenate([[77], c.ravel(), [77]]).astype(c.dtype)
    pointer = ctypes.c_void_p
    getattr(library, case.name)(
        pointer(a_raw.ctypes.data), a_strides[0], a_strides[1],
        pointer(b_raw.ctypes.data), b_strides[0], b_strides[1],
        pointer(guarded.ctypes.data + c.itemsize),
    )  # fmt: skip
    left, right = placed(a, m, k, a_strides), placed(b, k, n, b_strides)
    expected = c.astype(left.dtype) + left @ right
    scale = np.abs(c) + np.abs(left) @ np.abs(right)
    tolerance = max(OPERANDS[case.a].tolerance, OPERANDS[case.b].tolerance)
    if case.c == "double":
        tolerance = 1e-14  # sums are double even for float operands
    assert guarded[0] == 77 and guarded[-1] == 77
    assert np.all(np.abs(guarded[1:-1].reshape(m, n) - expected) <= tolerance * scale)


@pytest.mark.parametrize("layout", ["plain", "padded", "strided", "transposed", "far"])
def test_every_case(library: ctypes.CDLL, layout: str) -> None:
    for case in CASES:
        check(library, case, layout)


def test_bytes_are_exact_at_the_extremes(library: ctypes.CDLL) -> None:
    """256 products of the largest bytes: the sum is just below 2^24 and must not round."""
    for case in (c for c in CASES if c.shape == (32, 64, 256) and c.c == "int" and c.a != "int"):
        extreme = {"int8": -128, "uint8": 255}
        m, n, k = case.shape
        a = np.full((m, k), extreme[case.a], OPERANDS[case.a].storage)
        b = np.full((k, n), extreme[case.b], OPERANDS[case.b].storage)
        a[:, 0], b[0, :] = 1, 1
        c = np.zeros((m, n), np.int32)
        pointer = ctypes.c_void_p
        getattr(library, case.name)(
            pointer(a.ctypes.data), k, 1, pointer(b.ctypes.data), n, 1, pointer(c.ctypes.data)
        )
        assert np.array_equal(c, a.astype(np.int64) @ b.astype(np.int64))


def test_nan_and_infinity_reach_the_result(library: ctypes.CDLL) -> None:
    a, b = np.ones((16, 16), np.float32), np.ones((16, 16), np.float32)
    a[3, 5], b[7, 2] = np.nan, np.inf
    c = np.zeros((16, 16), np.float32)
    pointer = ctypes.c_void_p
    library.dot_16_16_16_float_float_float(
        pointer(a.ctypes.data), 16, 1, pointer(b.ctypes.data), 16, 1, pointer(c.ctypes.data)
    )
    assert np.all(np.isnan(c[3]))
    assert np.all(np.isinf(np.delete(c[:, 2], 3)))
    assert np.all(np.delete(np.delete(c, 3, 0), 2, 1) == 16)
