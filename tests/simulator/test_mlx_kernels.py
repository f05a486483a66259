"""MLX's own Metal kernels, from the headers in its wheel, run in the simulator and match numpy.

They are code that people wrote and that runs on real GPUs: what the simulator says of them tells
whether it is a simulator of Metal, and not only of what this package emits.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlx
import mlx.core as mx
import numpy as np
import numpy.typing as npt
import pytest

from triton_mlx import counted
from triton_mlx.runtime.metal_call import MetalCall
from triton_mlx.runtime.simulator import SimulatorResult, simulate

INCLUDE = Path(next(iter(mlx.__path__)), "include")
KERNELS = "mlx/backend/metal/kernels/"

pytestmark = pytest.mark.skipif(
    not (INCLUDE / KERNELS / "softmax.h").exists(), reason="this MLX comes without Metal headers"
)

Array = npt.NDArray[Any]

# What MLX puts before every kernel, as far as these need it and the simulator does not have it.
PREAMBLE = """
struct complex64_t {
  float real, imag;
  constexpr complex64_t(float r, float i) : real(r), imag(i) {}
};
#define MLX_MTL_PRAGMA_UNROLL _Pragma("clang loop unroll(full)")
constant constexpr int SOFTMAX_N_READS = 4;
constant constexpr int CROSS_ENTROPY_N_READS = 4;
constant constexpr int RMS_N_READS = 4;
struct LogAddExp {
  template <class T> T operator()(T x, T y) thread { return log(exp(x) + exp(y)); }
};
template <class T>
METAL_FUNC T elem_to_loc(T at, constant const int* shape, constant const int64_t* strides, int n) {
  T place = 0;
  for (int i = n - 1; i >= 0 && at > 0; --i, at /= shape[i + 1])
    place += (at % shape[i]) * T(strides[i]);
  return place;
}
namespace metal { template <class T> using remove_addrspace_t = T; }
// A builtin function of Apple's compiler.
METAL_FUNC ushort __metal_get_thread_index_in_simdgroup(ushort) { return metal::own_lane(); }
"""
# Parts of MLX's preamble: binary_ops.h logs, which Linux cannot, and is there for LogAddExp.
LEFT_OUT = (KERNELS + "binary_ops.h",)


def flattened(name: str, seen: set[str]) -> str:
    """A header of MLX with its includes in place, each once."""
    if name in seen or name in LEFT_OUT:
        return ""
    seen.add(name)
    return put_in_place((INCLUDE / name).read_text(), seen)


def put_in_place(text: str, seen: set[str]) -> str:
    """A text of MLX with its includes in place."""
    text = text.replace("#pragma once", "")
    text = re.sub(r'#include "(mlx/[^"]*)"', lambda m: flattened(m[1], seen), text)
    return re.sub(r"#include <metal_\w+>|#pragma METAL .*", "", text)


def header(*names: str, **function_constants: bool) -> str:
    seen: set[str] = set()
    text = "".join(flattened(KERNELS + name, seen) for name in names)
    return adapted(text, **function_constants)


def adapted(text: str, **function_constants: bool) -> str:
    """A text of MLX as the simulator takes it, with values for its function constants."""
    text = PREAMBLE + text
    # The simulator has one address space, so that these are one specialisation.
    text = re.sub(
        r"template <typename T>\nstruct pointer_element<(device|constant|threadgroup) T\*> \{.*?\};",
        "",
        text,
        flags=re.DOTALL,
    )
    text = re.sub(r"\[\[threadgroup\(\d\)\]\]", "", text)
    # Constant memory is const, whether one says so or not; clang's C++ wants to hear it.
    text = re.sub(r"(?<!const )constant (int|uint|float|size_t)&", r"const constant \1&", text)
    for name, value in function_constants.items():
        declared = rf"constant bool {name} \[\[function_constant\(\d+\)\]\]"
        text, count = re.subn(declared, f"constant constexpr bool {name} = {int(value)}", text)
        assert count == 1, name
    return text


def run(
    head: str,
    body: str,
    inputs: dict[str, mx.array],
    out: tuple[tuple[int, ...], str],
    groups: tuple[int, int, int],
    threads: tuple[int, int, int],
) -> Array:
    x, y, z = (g * t for g, t in zip(groups, threads, strict=True))
    call = MetalCall(
        name="from_mlx",
        input_names=tuple(inputs),
        output_names=("out",),
        source=body,
        header=head,
        grid=(x, y, z),
        threadgroup=threads,
        output_shapes=(out[0],),
        output_dtypes=(out[1],),
    )
    result = simulate(call, list(inputs.values()), checked=True)
    assert not result.findings, "\n".join(map(str, result.findings))
    return np.array(
        result.outputs[0].astype(mx.float32) if "float" in out[1] else result.outputs[0]
    )


def normal(*shape: int) -> Array:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def softmax(x: Array) -> Array:
    weights: Array = np.exp(x - x.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


ROW = "threadgroup_position_in_grid.x, thread_position_in_threadgroup.x, "
LANES = "thread_index_in_simdgroup, simdgroup_index_in_threadgroup"
LOOPED = ROW + "threads_per_threadgroup.x, " + LANES


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize(
    ("kernel", "cols", "threads"),
    [("single_row", 1000, 256), ("single_row", 50, 32), ("looped", 5000, 1024)],
)
def test_softmax(dtype: str, kernel: str, cols: int, threads: int) -> None:
    x = mx.array(normal(5, cols)).astype(getattr(mx, dtype))
    where = LOOPED if kernel == "looped" else ROW + LANES
    word = "bfloat16_t" if dtype == "bfloat16" else "half" if dtype == "float16" else "float"
    body = f"softmax_{kernel}<{word}, float>(x, out, size, {where});"
    inputs = {"x": x, "size": mx.array(cols)}
    with counted() as counts:
        got = run(header("softmax.h"), body, inputs, ((5, cols), dtype), (5, 1, 1), (threads, 1, 1))
    want = softmax(np.array(x.astype(mx.float32)))
    assert np.allclose(got, want, rtol=1e-5 if dtype == "float32" else 1e-2, atol=1e-6)
    # The looped kernel reads its row once for the sum and once for the result.
    assert counts[0].buffers["x"].read == x.nbytes * (2 if kernel == "looped" else 1)
    assert counts[0].buffers["out"].written == x.nbytes


@pytest.fixture
def rms_norm(request: pytest.FixtureRequest) -> str:
    """MLX's rms_norm.metal: its wheels have headers only, so that a checkout must be named."""
    folder = request.config.getoption("--mlx-source")
    if not folder:
        pytest.skip("rms_norm is not in MLX's wheel: --mlx-source names a checkout")
    text = Path(folder, KERNELS, "rms_norm.metal").read_text()
    # What instantiates templates by name is a macro of a header that the simulator has its own of.
    text = text.replace('#include "mlx/backend/metal/kernels/utils.h"', "")
    return re.sub(r"#define instantiate_rms.*", "", put_in_place(text, set()), flags=re.DOTALL)


def rms(x: Array, weight: Array) -> Array:
    scaled: Array = x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5)
    return scaled * weight


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize(
    ("kernel", "cols", "threads"),
    [("single_row", 1000, 256), ("single_row", 50, 32), ("looped", 5000, 1024)],
)
def test_rms_norm(rms_norm: str, dtype: str, kernel: str, cols: int, threads: int) -> None:
    x, weight = (mx.array(normal(*s)).astype(getattr(mx, dtype)) for s in ((5, cols), (cols,)))
    word = {"float16": "half", "bfloat16": "bfloat", "float32": "float"}[dtype]
    where = LOOPED if kernel == "looped" else ROW + LANES
    body = f"rms_{kernel}<{word}>(x, weight, out, eps, size, one, {where});"
    inputs = {"x": x, "weight": weight, "eps": mx.array(1e-5)}
    inputs |= {"size": mx.array(cols, mx.uint32), "one": mx.array(1, mx.uint32)}
    constants = {n: n == "has_w" for n in re.findall(r"constant bool (\w+)", rms_norm)}
    head = adapted(rms_norm, **constants)
    got = run(head, body, inputs, ((5, cols), dtype), (5, 1, 1), (threads, 1, 1))
    want = rms(*(np.array(each.astype(mx.float32)) for each in (x, weight)))
    assert np.allclose(got, want, rtol=1e-5 if dtype == "float32" else 1e-2, atol=1e-6)
    if dtype == "float32" and cols == 1000:
        assert missed(head, body, inputs, (5, cols), threads) == 3


def missed(
    head: str, body: str, inputs: dict[str, mx.array], shape: tuple[int, ...], threads: int
) -> int:
    """Of the barriers in `head`, how many the checker misses when each is deleted in turn."""
    lines, found = head.split("\n"), 0
    for number, line in enumerate(lines):
        if "threadgroup_barrier(mem_flags::mem_threadgroup)" not in line:
            continue
        without = "\n".join("" if k == number else text for k, text in enumerate(lines))
        try:
            run(without, body, inputs, (shape, "float32"), (shape[0], 1, 1), (threads, 1, 1))
        except AssertionError as error:
            found += "RACE" in str(error)
    return found


def test_logsumexp() -> None:
    x = normal(5, 1000)
    body = f"logsumexp<float, float>(x, out, size, {ROW + LANES});"
    inputs = {"x": mx.array(x), "size": mx.array(1000)}
    got = run(header("logsumexp.h"), body, inputs, ((5,), "float32"), (5, 1, 1), (256, 1, 1))
    assert np.allclose(got, np.log(np.exp(x).sum(-1)), rtol=1e-5)


def test_cross_entropy() -> None:
    x, targets = normal(6, 700), np.array([0, 699, 5, 300, -1, 64], np.int32)
    body = f"cross_entropy<float>(x, targets, out, size, {LOOPED});"
    # MLX passes arrays of fewer than 8 elements as constants: two rows more are not launched.
    padded = mx.array(np.pad(targets, (0, 2)))
    inputs = {"x": mx.array(x), "targets": padded, "size": mx.array(700)}
    got = run(header("cross_entropy.h"), body, inputs, ((6,), "float32"), (6, 1, 1), (64, 1, 1))
    want = np.log(np.exp(x).sum(-1)) - x[np.arange(6), targets]
    assert np.allclose(got, want, rtol=1e-5)


@pytest.mark.parametrize("arg", [False, True])
@pytest.mark.parametrize("cols", [500, 512, 3])
def test_sort(arg: bool, cols: int) -> None:
    x = normal(4, cols)
    out = "uint32" if arg else "float32"
    body = (
        f"block_sort<float, {'uint' if arg else 'float'}, {str(arg).lower()}, 128, 4>"
        "(x, out, size, one, one, size, size, "
        "threadgroup_position_in_grid, thread_position_in_threadgroup);"
    )
    inputs = {"x": mx.array(x), "size": mx.array(cols), "one": mx.array(1)}
    got = run(header("sort.h"), body, inputs, ((4, cols), out), (1, 4, 1), (128, 1, 1))
    want = np.argsort(x, -1, kind="stable") if arg else np.sort(x, -1)
    assert np.array_equal(got, want)


@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("cols", [3000, 50])
def test_scan(inclusive: bool, reverse: bool, cols: int) -> None:
    x = np.random.default_rng(0).integers(-100, 100, (4, cols)).astype(np.int32)
    flags = f"{str(inclusive).lower()}, {str(reverse).lower()}"
    body = (
        f"contiguous_scan<int, int, CumSum<int>, 4, {flags}>(x, out, size, "
        "threadgroup_position_in_grid, threadgroups_per_grid, thread_position_in_threadgroup, "
        f"threads_per_threadgroup, {LANES});"
    )
    inputs = {"x": mx.array(x), "size": mx.array(cols, mx.uint64)}
    got = run(header("scan.h"), body, inputs, ((4, cols), "int32"), (1, 4, 1), (1024, 1, 1))
    forward = x[:, ::-1] if reverse else x
    sums = np.cumsum(forward, -1) - (0 if inclusive else forward)
    assert np.array_equal(got, sums[:, ::-1] if reverse else sums)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize(("m", "n", "k"), [(64, 64, 64), (50, 40, 70)])
def test_steel_matmul(transposed: bool, dtype: str, m: int, n: int, k: int) -> None:
    side, depth = 32, 16
    a = mx.array(normal(m, k)).astype(getattr(mx, dtype))
    b = mx.array(normal(n, k) if transposed else normal(k, n)).astype(getattr(mx, dtype))
    tiles_m, tiles_n = -(-m // side), -(-n // side)
    sizes = [m, n, k, k, k if transposed else n, n, tiles_n, tiles_m]
    strides = [0, 0, 0]
    words = [*sizes, *(w for s in strides for w in (s, 0)), 0, k // depth, 1]
    head = header(
        "steel/gemm/gemm.h",
        "steel/gemm/kernels/steel_gemm_fused.h",
        has_batch=False,
        use_out_source=False,
        do_axpby=False,
        align_M=m % side == 0,
        align_N=n % side == 0,
        align_K=k % depth == 0,
    )
    word = "half" if dtype == "float16" else "float"
    body = (
        f"gemm<{word}, {side}, {side}, {depth}, 2, 2, false, {str(transposed).lower()}, float>"
        "(a, b, a, out, (const constant mlx::steel::GEMMParams*)params, "
        "(const constant mlx::steel::GEMMAddMMParams*)params, "
        "(const constant int*)params, (const constant int64_t*)params, "
        "thread_index_in_simdgroup, simdgroup_index_in_threadgroup, "
        "threadgroup_position_in_grid, thread_position_in_threadgroup);"
    )
    inputs = {"a": a, "b": b, "params": mx.array(words, mx.int32)}
    with counted() as counts:
        got = run(head, body, inputs, ((m, n), dtype), (tiles_n, tiles_m, 1), (32, 2, 2))
    left, right = (np.array(each.astype(mx.float32)) for each in (a, b))
    want = left @ (right.T if transposed else right)
    assert np.allclose(got, want, rtol=1e-4 if dtype == "float32" else 2e-2, atol=1e-2)
    found = counts[0]
    # The 8 x 8 x 8 products of whole tiles, and each operand once per tile in the other direction.
    steps = tiles_m * tiles_n * -(-k // depth)
    assert found.matrix_multiplies == steps * (side // 8) ** 2 * (depth // 8)
    if m % side == n % side == k % depth == 0:  # else loads outside read element 0 instead
        assert found.buffers["a"].read == tiles_n * a.nbytes
        assert found.buffers["b"].read == tiles_m * b.nbytes
    assert found.buffers["out"].written == m * n * a.itemsize


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize(("m", "n", "k"), [(64, 64, 64), (50, 40, 70), (130, 64, 96)])
def test_matmul_of_tensor_operations(transposed: bool, dtype: str, m: int, n: int, k: int) -> None:
    """MLX's kernel for the M5: it loads and stores by its own map of the elements, not by the simulator's.

    At ragged edges its simdgroups wait at barriers of different code, which the checker reports, and rightly
    so: there one simdgroup runs each tile.
    """
    depth = 32
    side, groups = (64, 2) if m % 64 == n % 64 == 0 else (32, 1)
    a = mx.array(normal(m, k)).astype(getattr(mx, dtype))
    b = mx.array(normal(n, k) if transposed else normal(k, n)).astype(getattr(mx, dtype))
    tiles_m, tiles_n = -(-m // side), -(-n // side)
    sizes = [m, n, k, k, k if transposed else n, n, tiles_n, tiles_m]
    words = [*sizes, *(w for s in (0, 0, 0) for w in (s, 0)), 0, k // depth, 1]
    head = header(
        "steel/gemm/gemm_nax.h",
        "steel/gemm/kernels/steel_gemm_fused_nax.h",
        has_batch=False,
        use_out_source=False,
        do_axpby=False,
        align_M=m % side == 0,
        align_N=n % side == 0,
        align_K=k % depth == 0,
    )
    word = {"float16": "half", "bfloat16": "bfloat", "float32": "float"}[dtype]
    body = (
        f"gemm<{word}, {side}, {side}, {depth}, {groups}, {groups}, false, "
        f"{str(transposed).lower()}, float>"
        "(a, b, a, out, (const constant mlx::steel::GEMMParams*)params, "
        "(const constant mlx::steel::GEMMAddMMParams*)params, "
        "(const constant int*)params, (const constant int64_t*)params, "
        "simdgroup_index_in_threadgroup, threadgroup_position_in_grid);"
    )
    inputs = {"a": a, "b": b, "params": mx.array(words, mx.int32)}
    with counted() as counts:
        got = run(head, body, inputs, ((m, n), dtype), (tiles_n, tiles_m, 1), (32, groups, groups))
    left, right = (np.array(each.astype(mx.float32)) for each in (a, b))
    right = right.T if transposed else right
    want, terms = left @ right, abs(left) @ abs(right)
    # Operands of 32 bits lose all but 11; results of 16 bits are rounded once.
    lost = {"float16": 2**-11 * abs(want), "bfloat16": 2**-8 * abs(want), "float32": 2**-10 * terms}
    assert np.all(abs(got - want) <= lost[dtype] + 1e-6 * terms)
    if dtype == "float32":
        assert abs(got - want).max() > 1e-5 * terms.max()
    if m % side == n % side == k % depth == 0:
        assert counts[0].matrix_multiplies == m * n * k // 8**3


MISSED: dict[str, tuple[Callable[[], None], int]] = {
    "softmax_single_row": (lambda: test_softmax("float32", "single_row", 1000, 256), 5),
    "softmax_looped": (lambda: test_softmax("float32", "looped", 5000, 1024), 2),
    "cross_entropy": (test_cross_entropy, 2),
    "block_sort": (lambda: test_sort(arg=True, cols=500), 5),
    "contiguous_scan": (lambda: test_scan(inclusive=True, reverse=False, cols=6000), 5),
}


@pytest.mark.parametrize("kernel", MISSED)
def test_each_barrier_that_runs_is_missed(kernel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deleted, it is reported. A header's other kernels do not run: theirs are not."""
    launch, count = MISSED[kernel]
    calls: list[tuple[MetalCall, Sequence[mx.array]]] = []
    run_it = simulate

    def kept(call: MetalCall, inputs: Sequence[mx.array], *, checked: bool) -> SimulatorResult:
        calls.append((call, inputs))
        return run_it(call, inputs, checked=checked)

    monkeypatch.setattr(sys.modules[__name__], "simulate", kept)
    launch()
    ((call, inputs),) = calls
    lines = call.header.split("\n")
    found = 0
    for number, line in enumerate(lines):
        if "threadgroup_barrier(mem_flags::mem_threadgroup)" not in line:
            continue
        without = "\n".join("" if k == number else text for k, text in enumerate(lines))
        result = run_it(replace(call, header=without), inputs, checked=True)
        found += any(finding.kind == "RACE" for finding in result.findings)
    assert found == count
