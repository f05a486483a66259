"""Block pointers, which the language of Triton 3.6 and 3.7 has: recorded as natively, and what they mean.

The version is asked of Triton, so these are skipped with a newer one. Run them with ./dev matrix, or
tests/frontend/versions.py.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import triton
import triton.language as tl
from differential import compare_one, record_one

import triton_mlx
from triton_mlx.fusion.errors import PointerProvenance
from triton_mlx.fusion.lift import lift, lift_module
from triton_mlx.fusion.verify import verify
from triton_mlx.runtime.frontend import place
from triton_mlx.runtime.frontend.ready import as_operations, make_ready

if not hasattr(tl, "make_block_ptr") or triton.__version__ >= "3.8":
    pytest.skip("this version of Triton has no block pointers", allow_module_level=True)

native = pytest.mark.skipif(place.is_python(), reason="no native Triton to compare with")


@triton.jit
def k_product(x, y, o, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    """The tutorial's idiom: two pointers advance along K."""
    row, column = tl.program_id(0) * BM, tl.program_id(1) * BN
    a = tl.make_block_ptr(x, (M, K), (K, 1), (row, 0), (BM, BK), (1, 0))
    b = tl.make_block_ptr(y, (K, N), (N, 1), (0, column), (BK, BN), (1, 0))
    c = tl.make_block_ptr(o, (M, N), (N, 1), (row, column), (BM, BN), (1, 0))
    total = tl.zeros((BM, BN), tl.float32)
    for _ in range(0, K, BK):
        left = tl.load(a, boundary_check=(0, 1), padding_option="zero")
        right = tl.load(b, boundary_check=(1, 0), padding_option="zero")
        total = tl.dot(left, right, total)
        a = tl.advance(a, (0, BK))
        b = tl.advance(b, (BK, 0))
    tl.store(c, total, boundary_check=(0, 1))


@triton.jit
def k_padding(x, o, n, NAN: tl.constexpr, BLOCK: tl.constexpr):
    """Before the array, in it and behind it."""
    at = tl.make_block_ptr(x, (n,), (1,), (-4,), (BLOCK,), (0,))
    if NAN:
        value = tl.load(at, boundary_check=(0,), padding_option="nan")
    else:
        value = tl.load(at, boundary_check=(0,), padding_option="zero")
    tl.store(o + tl.arange(0, BLOCK), value)


@triton.jit
def moved(pointer, by):
    return tl.advance(pointer, (by, 0))


@triton.jit
def k_ways(x, y, o, M, n):
    """Through calls, branches and nested loops; unchecked, and with one axis checked."""
    a = tl.make_block_ptr(x, (M, 8), (8, 1), (0, 0), (4, 8), (1, 0))
    b = tl.make_block_ptr(y, (M, 8), (8, 1), (0, 0), (4, 8), (1, 0))
    total = tl.zeros((4, 8), tl.float32)
    for i in range(0, n):
        for _ in range(0, 2):
            total += tl.load(a, boundary_check=(0,), padding_option="zero")
            a = moved(a, 2)
        if i > 0:
            a = moved(a, 1)
        else:
            a = moved(a, -1)
        total += tl.load(b, cache_modifier=".cg", eviction_policy="evict_last")
        b = tl.advance(b, (1, 0))
    out = tl.make_block_ptr(o, (4, 8), (1, 4), (0, 0), (4, 8), (0, 1))
    tl.store(out, total)
    tl.store(out, total, boundary_check=(1,), cache_modifier=".cs")


@triton.jit
def k_swaps(x, y, o, M, n):
    """A loop that changes which array a pointer is of; Triton's own pass gets that wrong."""
    a = tl.make_block_ptr(x, (M,), (1,), (0,), (8,), (0,))
    b = tl.make_block_ptr(y, (M,), (1,), (2,), (8,), (0,))
    total = tl.zeros((8,), tl.float32)
    for i in range(0, n):
        total += tl.load(a, boundary_check=(0,), padding_option="zero") * (i + 1)
        c = a
        a = tl.advance(b, (i,))
        b = c
    tl.store(o + tl.arange(0, 8), total)


@triton.jit
def k_booleans(x, o, n):
    at = tl.make_block_ptr(x, (n,), (1,), (0,), (16,), (0,))
    value = tl.load(at, boundary_check=(0,), padding_option="zero")
    out = tl.make_block_ptr(o, (n,), (1,), (0,), (16,), (0,))
    tl.store(out, value.to(tl.int8), boundary_check=(0,))


KERNELS: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    "product": (
        k_product,
        {
            **dict.fromkeys(("x", "y", "o"), "*fp32"),
            **dict.fromkeys(("M", "N", "K"), "i32"),
            **dict.fromkeys(("BM", "BN", "BK"), "constexpr"),
        },
        {"BM": 16, "BN": 32, "BK": 8},
    ),
    "padding": (
        k_padding,
        {"x": "*fp16", "o": "*fp16", "n": "i64", "NAN": "constexpr", "BLOCK": "constexpr"},
        {"NAN": True, "BLOCK": 16},
    ),
    "ways": (k_ways, {"x": "*fp32", "y": "*fp32", "o": "*fp32", "M": "i32", "n": "i32"}, {}),
    "booleans": (k_booleans, {"x": "*i1", "o": "*i8", "n": "i32"}, {}),
}


@native
@pytest.mark.parametrize("name", KERNELS)
def test_it_is_recorded_as_the_native_module_does(name: str) -> None:
    assert compare_one(*KERNELS[name]) == ""


@pytest.mark.parametrize("name", KERNELS)
def test_it_is_valid_and_becomes_pointers(name: str) -> None:
    module = record_one(*KERNELS[name])
    assert module.verify()
    assert make_ready(module).verify()
    text = str(module)
    assert "tt.make_tensor_ptr" not in text and "!tt.ptr<tensor" not in text
    made = lift_module(as_operations(module))
    verify(made, "lifted")
    assert str(made.body) == str(lift(text).body)


def test_a_loop_carries_only_the_offset_that_moves() -> None:
    """Not the base, the sizes and the strides, as Triton's own pass does it."""
    module = make_ready(record_one(*KERNELS["product"]))
    (loop,) = (op for op in module.inside() if op.name == "scf.for")
    assert [v.type.text for v in loop.operands[3:]].count("i64") == 4 - 2


@pytest.mark.parametrize("shape", [(16, 32, 8), (5, 7, 3), (33, 40, 17)])
def test_a_product(shape: tuple[int, int, int], target: str) -> None:
    m, n, k = shape
    random = np.random.default_rng(0)
    x, y = random.standard_normal((m, k), np.float32), random.standard_normal((k, n), np.float32)
    out = np.full((m, n), np.nan, np.float32)
    grid = (triton.cdiv(m, 16), triton.cdiv(n, 32))
    k_product[grid](x, y, out, m, n, k, BM=16, BN=32, BK=8)
    np.testing.assert_allclose(out, x @ y, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("nan", [True, False])
def test_padding(nan: bool, target: str) -> None:
    x = np.arange(1, 8, dtype=np.float32)
    out = np.full(16, -1, np.float32)
    k_padding[(1,)](x, out, 7, NAN=nan, BLOCK=16)
    fill = np.nan if nan else 0
    np.testing.assert_array_equal(out, [*[fill] * 4, *x, *[fill] * 5])


def test_calls_branches_and_loops(target: str) -> None:
    random = np.random.default_rng(1)
    x, y = random.standard_normal((12, 8), np.float32), random.standard_normal((12, 8), np.float32)
    out = np.zeros((8, 4), np.float32)
    k_ways[(1,)](x, y, out, 12, 3)
    np.testing.assert_allclose(out, ways(x, y, 3).T, rtol=1e-5, atol=1e-6)


def ways(x: Any, y: Any, n: int) -> Any:
    """What k_ways says, in numpy."""
    padded = np.concatenate([np.zeros((64, 8), np.float32), x, np.zeros((64, 8), np.float32)])
    total, row = np.zeros((4, 8), np.float32), 64
    for i in range(n):
        for _ in range(2):
            total, row = total + padded[row : row + 4], row + 2
        row += 1 if i > 0 else -1
        total = total + y[i : i + 4]
    return total


@pytest.mark.skipif(not place.is_python(), reason="Triton's own pass loses the array")
def test_an_array_that_changes_is_refused() -> None:
    """Rather than read from the wrong array; what a launch binds is one array."""
    x, out = np.arange(16, dtype=np.float32), np.zeros(8, np.float32)
    with triton_mlx.use("host"), pytest.raises(PointerProvenance, match="test_blocks.py"):
        k_swaps[(1,)](x, x + 100, out, 16, 4)


def test_the_module_does_without_native_help(tmp_path: Path) -> None:
    """The same results in a process of its own with the stand-in."""
    from test_record import ROOT, child

    if place.is_python():
        pytest.skip("this process is one already")
    tests = ["tests/frontend/test_blocks.py", "-k", "product or padding or calls or array", "-p"]
    options = ["-m", "pytest", *tests, "no:cacheprovider"]
    found = Path(triton.__file__).parents[1]  # this version, which another path may hold
    paths = os.pathsep.join([str(ROOT.parent), str(found)])
    done = child(*options, folder=tmp_path, TRITON_MLX_FRONTEND="python", PYTHONPATH=paths)
    assert done.returncode == 0, done.stdout[-3000:]
    assert done.stdout.count(".") >= 10
