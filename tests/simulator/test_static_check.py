"""What Metal's compiler rejects is rejected without Metal, with the line."""

from __future__ import annotations

import mlx.core as mx
import pytest

from triton_mlx.runtime.metal_call import MetalCall
from triton_mlx.runtime.simulator import MetalTextError, simulate, static_check

BODY = """
  uint i = thread_position_in_grid.x;
  {}
  out[i] = x[i] + n;
"""


def call(line: str, header: str = "") -> MetalCall:
    return MetalCall(
        "checked", ("x", "n"), ("out",), BODY.format(line), header,
        (8, 1, 1), (8, 1, 1), ((8,),), ("float32",),
    )  # fmt: skip


def errors(line: str, header: str = "") -> tuple[str, ...]:
    return static_check(call(line, header).text([mx.zeros(8), mx.array(3)]).text)


CLEAN = {
    "nothing": "",
    "vectors": "float4 v = float4(1, 2, float2(x[i])); v.xy += 2; out[i] = v.w;",
    "threadgroup memory": "threadgroup half t[32]; t[i] = half(x[i]); "
    "threadgroup half* p = t + 1; out[i] = p[0];",
    "barriers": "threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);",
    "bfloat": "bfloat b = bfloat(x[i]); b = b * b + bfloat(1.0f); "
    "bfloat16_t c = exp(b); out[i] = float(c);",
    "matrices": "threadgroup float t[64]; simdgroup_float8x8 a; simdgroup_load(a, t, 8); "
    "simdgroup_multiply_accumulate(a, a, a, a); simdgroup_store(a, out, 8);",
    "single precision": "out[i] = exp(x[i] * 2.0);",
    "unrolled": "for (int k = 0; k < 4; k++) out[i] += k;",
}
TENSOR_HEADER = "#include <MetalPerformancePrimitives/MetalPerformancePrimitives.h>\n"
TENSOR_PRODUCT = """
  constexpr auto shape = mpp::tensor_ops::matmul2d_descriptor(16, 32, 16, false, false, true);
  mpp::tensor_ops::matmul2d<shape, metal::execution_simdgroup> product;
  auto a = product.get_left_input_cooperative_tensor<half, half, float>();
  auto b = product.get_right_input_cooperative_tensor<half, half, float>();
  auto c = product.get_destination_cooperative_tensor<decltype(a), decltype(b), float>();
  a[0] = half(n); b[15] = half(1); product.run(a, b, c); out[i] = c[15];
"""
TENSOR_WRONG = {
    "operands in each other's place": ("run(a, b, c)", "run(b, a, c)"),
    "integers": ("<half, half, float>", "<int, half, float>"),
    "all simdgroups": ("execution_simdgroup>", "execution_simdgroups<4>>"),
    "sides that are no multiples": ("(16, 32, 16,", "(16, 32, 8,"),
    "an element that is narrowed": ("half(n)", "x[i]"),
}
REJECTED = {
    "device to thread": "thread float* p = out;",
    "threadgroup to device": "threadgroup float t[4]; device float* p = t;",
    "device to threadgroup": "threadgroup float* p = out;",
    "write to an input": "x[0] = 1;",
    "write to a constant": "n = 3;",
    "vector with a wrong count": "float4 v = float4(1, 2, 3);",
    "max of float and int": "out[0] = max(x[0], 0);",
    "max of half and float": "out[0] = max(half(1), x[0]);",
    "C's expf": "out[0] = expf(x[0]);",
    "erf": "out[0] = erf(x[0]);",
    "double": "double d = 1.0; out[0] = d;",
    "goto": "goto end; end: out[0] = 1;",
    "float to bfloat": "bfloat b = x[0]; out[0] = float(b);",
    "float to half": "half h = x[0]; out[0] = h;",
    "float to int": "int k = x[0]; out[0] = k;",
    "long to int": "long w = i; int k = w; out[0] = k;",
    "int to char": "int k = i; char c = k; out[0] = c;",
    "vectors are not converted": "half4 h = half4(1); float4 f = h; out[0] = f.x;",
    "threadgroup variable with a value": "threadgroup float t[4] = {0};",
    "64-bit simd_sum": "out[0] = float(simd_sum(long(i)));",
    "bool simd_shuffle_xor": "out[0] = float(simd_shuffle_xor(i > 3, 1));",
    "atomic of a plain pointer": "atomic_fetch_add_explicit(out, 1.0f, memory_order_relaxed);",
    "variable without a value": "float v; out[0] = v;",
    "matrix of another element type": "simdgroup_half8x8 a; simdgroup_load(a, x, 8);",
}


@pytest.mark.parametrize("name", CLEAN)
def test_clean(name: str) -> None:
    assert errors(CLEAN[name]) == ()


def test_tensor_operations_are_clean() -> None:
    assert errors(TENSOR_PRODUCT, TENSOR_HEADER) == ()
    assert errors(TENSOR_PRODUCT)  # without their header


@pytest.mark.parametrize("name", TENSOR_WRONG)
def test_tensor_operations_are_rejected(name: str) -> None:
    right, wrong = TENSOR_WRONG[name]
    assert right in TENSOR_PRODUCT
    assert errors(TENSOR_PRODUCT.replace(right, wrong), TENSOR_HEADER)


@pytest.mark.parametrize("name", REJECTED)
def test_rejected_with_the_line(name: str) -> None:
    found = errors(REJECTED[name])
    assert found
    assert any(REJECTED[name] in error for error in found), found


def test_half_atomics_do_not_exist() -> None:
    body = "atomic_fetch_add_explicit(&out[thread_position_in_grid.x], x[0], memory_order_relaxed);"
    made = MetalCall(
        "atomic", ("x",), ("out",), body, "",
        (8, 1, 1), (8, 1, 1), ((8,),), ("float16",), atomic_outputs=True,
    )  # fmt: skip
    assert any("atomic" in e for e in static_check(made.text([mx.zeros(8, mx.float16)]).text))


def test_header_text_is_checked_too() -> None:
    helper = "inline float twice(const device float* p) { return 2 * p[0]; }"
    assert errors("out[i] = twice(x);", helper) == ()
    assert errors("threadgroup float t[4]; out[i] = twice(t);", helper)


def test_simulate_says_where_the_text_is_wrong() -> None:
    wrong = call("out[i] = undefined_word;")
    inputs = [mx.zeros(8), mx.array(3)]
    with pytest.raises(MetalTextError, match="undefined_word") as caught:
        simulate(wrong, inputs)
    lines = wrong.text(inputs).text.split("\n")
    number = next(k for k, line in enumerate(lines, 1) if "undefined_word" in line)
    assert caught.value.errors[0].startswith(f"line {number}: ")
