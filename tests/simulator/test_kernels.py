"""Results of simulated kernels against numpy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mlx.core as mx
import numpy as np
import numpy.typing as npt
import pytest

from triton_mlx.runtime.metal_call import MetalCall
from triton_mlx.runtime.simulator import LaunchError, SimulatorResult, simulate

Array = npt.NDArray[Any]
RNG = np.random.default_rng(7)


def run(
    body: str,
    inputs: Sequence[mx.array],
    outputs: Sequence[tuple[tuple[int, ...], str]],
    grid: tuple[int, int, int],
    group: tuple[int, int, int],
    *,
    checked: bool = True,
    header: str = "",
    **more: Any,
) -> SimulatorResult:
    """Inputs are x0, x1, ...; outputs are out0, out1, ... Findings fail the test."""
    call = MetalCall(
        name="kernel_under_test",
        input_names=tuple(f"x{k}" for k in range(len(inputs))),
        output_names=tuple(f"out{k}" for k in range(len(outputs))),
        source=body,
        header=header,
        grid=grid,
        threadgroup=group,
        output_shapes=tuple(shape for shape, _ in outputs),
        output_dtypes=tuple(dtype for _, dtype in outputs),
        **more,
    )
    result = simulate(call, inputs, checked=checked)
    assert result.findings == ()
    return result


def elementwise(body: str, inputs: Sequence[mx.array], dtype: str) -> mx.array:
    size = inputs[0].size
    body = f"uint i = thread_position_in_grid.x; {body}"
    return run(body, inputs, [((size,), dtype)], (size, 1, 1), (32, 1, 1)).outputs[0]


def floats(low: float = -3, high: float = 3, size: int = 100) -> Array:
    return RNG.uniform(low, high, size).astype(np.float32)


UNARY: dict[str, tuple[Callable[[Array], Array], float, float]] = {
    "exp": (np.exp, -3, 3), "exp2": (np.exp2, -3, 3), "exp10": (lambda x: 10**x, -2, 2),
    "log": (np.log, 0.1, 9), "log2": (np.log2, 0.1, 9), "log10": (np.log10, 0.1, 9),
    "sin": (np.sin, -3, 3), "cos": (np.cos, -3, 3), "tan": (np.tan, -1, 1),
    "asin": (np.arcsin, -1, 1), "acos": (np.arccos, -1, 1), "atan": (np.arctan, -3, 3),
    "sinh": (np.sinh, -3, 3), "cosh": (np.cosh, -3, 3), "tanh": (np.tanh, -3, 3),
    "asinh": (np.arcsinh, -3, 3), "acosh": (np.arccosh, 1, 9), "atanh": (np.arctanh, -0.9, 0.9),
    "sqrt": (np.sqrt, 0, 9), "rsqrt": (lambda x: 1 / np.sqrt(x), 0.1, 9),
    "floor": (np.floor, -3, 3), "ceil": (np.ceil, -3, 3), "trunc": (np.trunc, -3, 3),
    "rint": (np.rint, -3, 3),
    "round": (lambda x: np.copysign(np.floor(np.abs(x) + 0.5), x), -3, 3),
    "fabs": (np.abs, -3, 3), "abs": (np.abs, -3, 3), "sign": (np.sign, -3, 3),
    "fract": (lambda x: x - np.floor(x), 0, 3), "saturate": (lambda x: np.clip(x, 0, 1), -3, 3),
}  # fmt: skip
TOLERANCE = {"float32": 2e-6, "float16": 2e-3, "bfloat16": 1.6e-2}
METAL_NAME = {"float32": "float", "float16": "half", "bfloat16": "bfloat16_t"}


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_unary_math(dtype: str) -> None:
    """All functions in one kernel: row k of the result is function k."""
    size, names = 64, list(UNARY)
    rows = np.stack([floats(low, high, size) for _, low, high in UNARY.values()])
    x = mx.array(rows).astype(getattr(mx, dtype))
    lines = [
        f"out0[{k * size} + i] = metal::{name}(x0[{k * size} + i]);" for k, name in enumerate(names)
    ]
    body = "uint i = thread_position_in_grid.x;\n" + "\n".join(lines)
    got = run(body, [x], [(rows.shape, dtype)], (size, 1, 1), (32, 1, 1), checked=False).outputs[0]
    used = np.array(x.astype(mx.float32))
    for k, (name, (reference, _, _)) in enumerate(UNARY.items()):
        np.testing.assert_allclose(
            np.array(got[k].astype(mx.float32)), reference(used[k]),
            rtol=4 * TOLERANCE[dtype], atol=TOLERANCE[dtype], err_msg=name,
        )  # fmt: skip


@pytest.mark.parametrize("space", ["fast", "precise"])
def test_fast_and_precise(space: str) -> None:
    x = floats()
    got = elementwise(
        f"out0[i] = {space}::exp({space}::sin(x0[i])) / {space}::sqrt(2.0);",
        [mx.array(x)],
        "float32",
    )
    np.testing.assert_allclose(np.array(got), np.exp(np.sin(x)) / np.sqrt(2), rtol=1e-6)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(
    ("expression", "reference"),
    [
        ("a + b * c", lambda a, b, c: a + b * c),
        ("fma(a, b, c)", lambda a, b, c: a * b + c),
        ("pow(abs(a), b)", lambda a, b, c: np.abs(a) ** b),
        ("fmod(a, b)", lambda a, b, c: np.fmod(a, b)),
        ("max(a, min(b, c))", lambda a, b, c: np.maximum(a, np.minimum(b, c))),
        ("fmax(a, fmin(b, c))", lambda a, b, c: np.maximum(a, np.minimum(b, c))),
        ("clamp(a, b - c * c, b + c * c)", lambda a, b, c: np.clip(a, b - c * c, b + c * c)),
        ("select(a, b, c > a)", lambda a, b, c: np.where(c > a, b, a)),
        ("copysign(a, b)", lambda a, b, c: np.copysign(a, b)),
    ],
)
def test_more_operands(expression: str, reference: Callable[..., Array], dtype: str) -> None:
    inputs = [mx.array(floats(1, 3) * s).astype(getattr(mx, dtype)) for s in (-1.0, 1.5, 0.5)]
    name = METAL_NAME[dtype]
    body = f"{name} a = x0[i], b = x1[i], c = x2[i]; out0[i] = {expression};"
    got = np.array(elementwise(body, inputs, dtype).astype(mx.float32))
    expected = reference(*(np.array(x.astype(mx.float32)) for x in inputs))
    np.testing.assert_allclose(got, expected, rtol=8 * TOLERANCE[dtype], atol=8 * TOLERANCE[dtype])


def test_bfloat_rounds_to_nearest_even_after_every_operation() -> None:
    x = mx.array(floats(0, 4, 256)).astype(mx.bfloat16)
    got = elementwise("bfloat t = x0[i] * x0[i]; out0[i] = t + bfloat(1.0f);", [x], "bfloat16")
    assert mx.array_equal(got, x * x + mx.array(1, mx.bfloat16))


INTEGERS = {
    "popcount(a)": lambda a, b: np.vectorize(lambda v: int(v).bit_count())(a),
    "clz(a)": lambda a, b: np.vectorize(lambda v: 32 - int(v).bit_length())(a),
    "ctz(a | 256u)": lambda a, b: np.vectorize(lambda v: (int(v) & -int(v)).bit_length() - 1)(
        a | 256
    ),
    "mulhi(a, b)": lambda a, b: a.astype(np.uint64) * b >> 32,
    "rotate(a, b & 31u)": lambda a, b: (
        (a << (b & 31)) | np.where(b & 31, a >> (32 - (b & 31)) % 32, 0)
    ),
    "reverse_bits(a)": lambda a, b: np.vectorize(lambda v: int(f"{v:032b}"[::-1], 2))(a),
    "as_type<uint>(as_type<float>(a)) ^ b": lambda a, b: a ^ b,
    "uint(abs(int(b >> 1) - 5))": lambda a, b: np.abs((b >> 1).astype(np.int64) - 5),
}


@pytest.mark.parametrize("expression", INTEGERS)
def test_integers(expression: str) -> None:
    a, b = (RNG.integers(0, 1 << 32, 200, dtype=np.uint32) for _ in range(2))
    got = elementwise(
        f"uint a = x0[i], b = x1[i]; out0[i] = {expression};", [mx.array(a), mx.array(b)], "uint32"
    )
    np.testing.assert_array_equal(np.array(got), INTEGERS[expression](a, b).astype(np.uint32))


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
              "float16", "float32", "bfloat16"]
)  # fmt: skip
@pytest.mark.parametrize("shape", [(), (3,), (2, 5), (40,)])
def test_every_dtype_goes_in_and_out(dtype: str, shape: tuple[int, ...]) -> None:
    """0-d inputs are references, inputs below 8 elements lie in constant memory."""
    kind = mx.bool_ if dtype == "bool" else getattr(mx, dtype)
    x = mx.array(RNG.integers(0, 2 if dtype == "bool" else 100, shape)).astype(kind)
    size = max(1, x.size)
    body = f"uint i = thread_position_in_grid.x; out0[i] = {'x0' if shape == () else 'x0[i]'};"
    got = run(body, [x], [(shape, dtype)], (size, 1, 1), (8, 1, 1)).outputs[0]
    assert got.dtype == kind
    assert got.shape == shape
    assert mx.array_equal(got, x)


def test_inputs_that_are_not_contiguous_and_their_shape() -> None:
    x = mx.arange(48).reshape(6, 8).T[::2]
    body = """uint i = thread_position_in_grid.x;
    out0[i] = x0[i] + 1000 * x0_shape[1] + 100000 * int(x0_strides[0]) + 10000000 * x0_ndim;"""
    got = run(body, [x], [((24,), "int32")], (24, 1, 1), (24, 1, 1)).outputs[0]
    expected = np.array(x).reshape(-1) + 1000 * 6 + 100000 * 6 + 10000000 * 2
    np.testing.assert_array_equal(np.array(got), expected)


def test_attributes_and_smaller_last_groups() -> None:
    body = """
    uint3 p = thread_position_in_grid, q = thread_position_in_threadgroup;
    uint3 g = threadgroup_position_in_grid;
    uint3 n = threads_per_threadgroup, m = dispatch_threads_per_threadgroup, all = threads_per_grid;
    uint at = (p.z * all.y + p.y) * all.x + p.x;
    out0[at] = p.x == g.x * m.x + q.x && p.y == g.y * m.y + q.y && p.z == g.z * m.z + q.z
      && thread_index_in_threadgroup == (q.z * n.y + q.y) * n.x + q.x
      && thread_index_in_simdgroup == thread_index_in_threadgroup % threads_per_simdgroup
      && simdgroup_index_in_threadgroup == thread_index_in_threadgroup / 32
      && simdgroups_per_threadgroup == (n.x * n.y * n.z + 31) / 32;
    out1[at] = n.x * 10000 + n.y * 100 + n.z + 1000000 * threadgroups_per_grid.x;
    """
    grid, group = (11, 7, 5), (8, 4, 2)
    result = run(body, [mx.zeros(8)], [((5, 7, 11), "bool"), ((5, 7, 11), "uint32")], grid, group)
    assert result.outputs[0].all().item()
    z, y, x = np.meshgrid(range(5), range(7), range(11), indexing="ij")
    sizes = [np.minimum(s, n - p // s * s) for p, n, s in ((x, 11, 8), (y, 7, 4), (z, 5, 2))]
    expected = sizes[0] * 10000 + sizes[1] * 100 + sizes[2] + 2000000
    np.testing.assert_array_equal(np.array(result.outputs[1]), expected)
    assert result.counters["threads"] == 11 * 7 * 5
    assert result.counters["threadgroups"] == 2 * 2 * 3


LANES = np.arange(64) % 32
SIMD: dict[str, Callable[[Array], Array]] = {
    "simd_sum(v)": lambda r: r.sum(1, keepdims=True) + 0 * r,
    "simd_max(v)": lambda r: r.max(1, keepdims=True) + 0 * r,
    "simd_min(v)": lambda r: r.min(1, keepdims=True) + 0 * r,
    "simd_xor(v)": lambda r: np.bitwise_xor.reduce(r, 1, keepdims=True) + 0 * r,
    "simd_or(v)": lambda r: np.bitwise_or.reduce(r, 1, keepdims=True) + 0 * r,
    "simd_and(v | 4)": lambda r: np.bitwise_and.reduce(r | 4, 1, keepdims=True) + 0 * r,
    "simd_prefix_inclusive_sum(v)": lambda r: r.cumsum(1),
    "simd_prefix_exclusive_sum(v)": lambda r: r.cumsum(1) - r,
    "simd_shuffle_xor(v, 5)": lambda r: r[:, np.arange(32) ^ 5],
    "simd_shuffle(v, (lane * 7) & 31)": lambda r: r[:, np.arange(32) * 7 % 32],
    "simd_shuffle_up(v, 3)": lambda r: np.concatenate([r[:, :3], r[:, :-3]], 1),
    "simd_shuffle_down(v, 3)": lambda r: np.concatenate([r[:, 3:], r[:, -3:]], 1),
    "simd_shuffle_rotate_down(v, 3)": lambda r: np.roll(r, -3, 1),
    "simd_shuffle_and_fill_up(v, v * 100, 2)": lambda r: np.concatenate(
        [r[:, -2:] * 100, r[:, :-2]], 1
    ),
    "simd_broadcast(v, 9)": lambda r: r[:, 9:10] + 0 * r,
    "simd_broadcast_first(v)": lambda r: r[:, :1] + 0 * r,
    "popcount(int(ulong(simd_ballot(v > 50))))": lambda r: (r > 50).sum(1, keepdims=True) + 0 * r,
    "int(simd_any(v > 98)) * 2 + int(simd_all(v > 1))": lambda r: (
        (r > 98).any(1, keepdims=True) * 2 + (r > 1).all(1, keepdims=True) + 0 * r
    ),
    "quad_sum(v)": lambda r: r.reshape(2, 8, 4).sum(2, keepdims=True).repeat(4, 2).reshape(2, 32),
    "quad_shuffle_xor(v, 2)": lambda r: r[:, np.arange(32) ^ 2],
    "int(simd_shuffle_down(long(v), 1))": lambda r: np.concatenate([r[:, 1:], r[:, -1:]], 1),
}


@pytest.mark.parametrize("expression", SIMD)
def test_simd_functions(expression: str) -> None:
    x = RNG.integers(0, 100, (2, 32)).astype(np.int32)
    body = f"""uint i = thread_position_in_grid.x; uint lane = thread_index_in_simdgroup;
    int v = x0[i]; int r = {expression}; out0[i] = r + 0 * lane;"""
    got = run(body, [mx.array(x)], [((2, 32), "int32")], (64, 1, 1), (64, 1, 1)).outputs[0]
    np.testing.assert_array_equal(np.array(got), SIMD[expression](x))


def test_simd_functions_of_a_partial_simdgroup() -> None:
    x = mx.arange(45)
    body = "uint i = thread_position_in_grid.x; out0[i] = simd_sum(x0[i]);"
    got = run(body, [x], [((45,), "int32")], (45, 1, 1), (64, 1, 1)).outputs[0]
    first, second = sum(range(32)), sum(range(32, 45))
    np.testing.assert_array_equal(np.array(got), [first] * 32 + [second] * 13)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("transposed", [False, True])
def test_matrices(dtype: str, transposed: bool) -> None:
    """16x24 times 24x8, from device and threadgroup memory, with origin and stride."""
    a, b = RNG.standard_normal((16, 24)), RNG.standard_normal((24, 8))
    stored = a.T if transposed else a
    t = METAL_NAME[dtype]
    # Transposed: element (row, column) lies at [(origin.y + column) * stride + origin.x + row].
    where = "16, ulong2(8 * sg, k), true" if transposed else "24, ulong2(k, 8 * sg)"
    body = f"""
    uint sg = simdgroup_index_in_threadgroup; uint thread_index = thread_index_in_threadgroup;
    threadgroup {t} tb[192];
    for (uint i = thread_index; i < 192; i += 64) tb[i] = x1[i];
    threadgroup_barrier(mem_flags::mem_threadgroup);
    simdgroup_matrix<float, 8, 8> sum(0.0f);
    for (uint k = 0; k < 24; k += 8) {{
      simdgroup_matrix<{t}, 8, 8> ma, mb;
      simdgroup_load(ma, x0, {where});
      simdgroup_load(mb, tb + k * 8, 8);
      simdgroup_multiply_accumulate(sum, ma, mb, sum);
    }}
    simdgroup_store(sum, out0 + sg * 64, 8);
    """
    xa, xb = (mx.array(m.astype(np.float32)).astype(getattr(mx, dtype)) for m in (stored, b))
    got = run(
        body,
        [xa, xb],
        [((16, 8), "float32")],
        (64, 1, 1),
        (64, 1, 1),
        header="#include <metal_simdgroup_matrix>\n",
    )
    left = np.array(xa.astype(mx.float32))
    expected = (left.T if transposed else left) @ np.array(xb.astype(mx.float32))
    np.testing.assert_allclose(np.array(got.outputs[0]), expected, rtol=1e-5, atol=1e-5)


ATOMICS = {
    "fetch_add": ("int32", 5, lambda x: 5 + x.sum()),
    "fetch_sub": ("int32", 5, lambda x: 5 - x.sum()),
    "fetch_max": ("int32", 5, lambda x: max(5, x.max())),
    "fetch_min": ("uint32", 5, lambda x: min(5, x.min())),
    "fetch_and": ("uint32", 255, lambda x: np.bitwise_and.reduce(x) & 255),
    "fetch_or": ("uint32", 0, lambda x: np.bitwise_or.reduce(x)),
    "fetch_xor": ("int32", 3, lambda x: np.bitwise_xor.reduce(x) ^ 3),
    "max": ("uint64", 5, lambda x: max(5, x.max())),
    "min": ("uint64", 5, lambda x: min(5, x.min())),
}


@pytest.mark.parametrize("name", ATOMICS)
def test_atomics(name: str) -> None:
    dtype, initial, reference = ATOMICS[name]
    x = RNG.integers(1, 1000, 100).astype(dtype)
    body = f"atomic_{name}_explicit(&out0[0], x0[thread_position_in_grid.x], memory_order_relaxed);"
    got = run(
        body,
        [mx.array(x)],
        [((1,), dtype)],
        (100, 1, 1),
        (32, 1, 1),
        init_value=initial,
        atomic_outputs=True,
    )
    assert got.outputs[0].item() == reference(x)


def test_float_atomics_and_compare_exchange() -> None:
    x = RNG.integers(1, 100, 64).astype(np.float32)
    body = """uint i = thread_position_in_grid.x;
    atomic_fetch_add_explicit(&out0[0], x0[i], memory_order_relaxed);
    float seen = atomic_load_explicit(&out0[1], memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&out0[1], &seen, max(seen, x0[i]),
                                                  memory_order_relaxed, memory_order_relaxed)) {}
    atomic_store_explicit(&out0[2 + i % 2], 7.0f, memory_order_relaxed);"""
    got = run(
        body,
        [mx.array(x)],
        [((4,), "float32")],
        (64, 1, 1),
        (32, 1, 1),
        init_value=0,
        atomic_outputs=True,
    )
    assert got.outputs[0].tolist() == [x.sum(), x.max(), 7, 7]


SOFTMAX = """
  threadgroup float sh[8];
  uint lane = thread_index_in_simdgroup, sg = simdgroup_index_in_threadgroup;
  uint t = thread_position_in_threadgroup.x;
  uint row = threadgroup_position_in_grid.x, n = x0_shape[1];
  float m = -INFINITY;
  for (uint i = t; i < n; i += 256) m = max(m, float(x0[row * n + i]));
  m = simd_max(m);
  if (lane == 0) sh[sg] = m;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  #pragma clang loop unroll(full)
  for (int i = 0; i < 8; i++) m = max(m, sh[i]);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  float s = 0;
  for (uint i = t; i < n; i += 256) s += metal::fast::exp(float(x0[row * n + i]) - m);
  s = simd_sum(s);
  if (lane == 0) sh[sg] = s;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  s = 0;
  for (int i = 0; i < 8; i++) s += sh[i];
  for (uint i = t; i < n; i += 256)
    out0[row * n + i] = metal::fast::exp(float(x0[row * n + i]) - m) / s;
"""


@pytest.mark.parametrize("checked", [False, True])
def test_softmax(checked: bool) -> None:
    x = mx.array(RNG.standard_normal((40, 1000)).astype(np.float32)).astype(mx.float16)
    got = run(
        SOFTMAX, [x], [((40, 1000), "float16")], (256 * 40, 1, 1), (256, 1, 1), checked=checked
    )
    full = np.array(x.astype(mx.float32))
    expected = np.exp(full - full.max(1, keepdims=True))
    expected /= expected.sum(1, keepdims=True)
    np.testing.assert_allclose(np.array(got.outputs[0]), expected, atol=2e-5)
    assert got.counters["threadgroup_barriers"] == 3 * 40
    assert got.counters["threadgroup_bytes"] == 32
    if checked:
        elements = 40 * 1000 * 2
        shape_reads = 256 * 40 * 4
        assert got.counters["device_bytes_written"] == elements
        assert got.counters["device_bytes_read"] == 3 * elements + shape_reads


@pytest.mark.parametrize(
    ("dtype", "bits"), [("float32", "uint32"), ("bfloat16", "uint16"), ("int64", "uint64")]
)
def test_unwritten_elements_are_never_zero(dtype: str, bits: str) -> None:
    body = "uint i = thread_position_in_grid.x; if (i % 2 == 0) out0[i] = 0;"
    call = MetalCall(
        "half_written", (), ("out0",), body, "", (16, 1, 1), (16, 1, 1), ((16,),), (dtype,)
    )
    got = np.array(simulate(call, []).outputs[0].view(getattr(mx, bits)))
    assert (got[::2] == 0).all()
    assert (got[1::2] == np.iinfo(bits).max).all()


def test_crashes_are_findings() -> None:
    bodies = {
        "OUT_OF_BOUNDS": "out0[thread_position_in_grid.x] = x0[1l << 40];",
        "DIVISION": "out0[thread_position_in_grid.x] = 7 / int(x0[0]);",
    }
    for kind, body in bodies.items():
        call = MetalCall(
            "crash", ("x0",), ("out0",), body, "", (16, 1, 1), (16, 1, 1), ((16,),), ("float32",)
        )
        found = simulate(call, [mx.zeros(16)]).findings
        assert [f.kind for f in found] == [kind]
        assert found[0].source == body


def test_launches_that_metal_refuses() -> None:
    def launch(grid: tuple[int, int, int], group: tuple[int, int, int]) -> None:
        simulate(
            MetalCall("refused", (), ("o",), "o[0] = 1;", "", grid, group, ((1,),), ("float32",)),
            [],
        )

    with pytest.raises(LaunchError, match="1056 threads"):
        launch((4096, 1, 1), (1056, 1, 1))
    with pytest.raises(LaunchError, match="must be positive"):
        launch((0, 1, 1), (32, 1, 1))
    launch((32, 1, 1), (1056, 1, 1))  # clamped to the grid, as MLX does
