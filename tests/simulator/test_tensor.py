"""Products on Metal 4's tensor operations: sizes, types, chains, masks, epilogues; where they are not used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from test_matrix import array, batched, chain, product, small

import triton_mlx
from triton_mlx import hwinfo
from triton_mlx.examples import attention, matmul
from triton_mlx.lowering.fit import lower_to_fit
from triton_mlx.lowering.record import Kernel
from triton_mlx.lowering.targets import target_for
from triton_mlx.runtime import lowered
from triton_mlx.runtime.inspect import last_launcher, lowered_last
from triton_mlx.runtime.selftest.gates import without

CHIP = "simulate:M5"
HEADER = "MetalPerformancePrimitives"
CALL = "tile_tensor_multiply"


@pytest.fixture(autouse=True)
def _on_m5() -> Iterator[None]:
    with triton_mlx.use("simulate", chip="M5", checked=True):
        yield


def made(kernel: Any) -> Kernel:
    return lowered_last(kernel, CHIP)


SIDES = st.sampled_from([16, 32, 64])
WIDE = st.sampled_from([32, 64])
TYPES = st.sampled_from(["float16", "bfloat16"])
WARPS = st.sampled_from([1, 2, 4, 8])
SETTINGS = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def multiplied(
    m: int, n: int, k: int, ta: bool, tb: bool, dtype: str, warps: int, step: int
) -> tuple[mx.array, Any]:
    """(what `product` gives, what it should give)."""
    rng = np.random.default_rng(m * n + k)
    a, b, c = small(rng, m, k), small(rng, k, n), small(rng, m, n)
    out = mx.zeros((m, n))
    left, right = (a.T.copy() if ta else a), (b.T.copy() if tb else b)
    product[(1,)](
        array(left, dtype), array(right, dtype), mx.array(c), out,
        1, m, n, k, step, ta, tb, num_warps=warps,
    )  # fmt: skip
    want = a @ b + c
    return out, np.where(want > 0, want, want / 2) + np.arange(n, dtype=np.float32)


@SETTINGS
@given(SIDES, WIDE, SIDES, st.booleans(), st.booleans(), TYPES, WARPS)
def test_product_on_tensors(
    m: int, n: int, k: int, ta: bool, tb: bool, dtype: str, warps: int
) -> None:
    with triton_mlx.counted() as counts:
        out, want = multiplied(m, n, k, ta, tb, dtype, warps, min(k, 32))
    np.testing.assert_array_equal(np.array(out), want)
    kernel = made(product)
    assert CALL in kernel.body and "tile_multiply(" not in kernel.body
    assert f"<{HEADER}/" in kernel.header
    # Simdgroups that are too many repeat what others do.
    groups = kernel.threads // 32
    needed = max(1, groups // (m // 16 * (n // 32)))
    assert counts[0].matrix_multiplies == needed * m * n * k // 8**3
    assert kernel.costs.multiplications * groups * (k // min(k, 32)) == counts[0].matrix_multiplies


@SETTINGS
@given(st.sampled_from([2, 4]), SIDES, WIDE, SIDES, TYPES, WARPS)
def test_batched_on_tensors(g: int, m: int, n: int, k: int, dtype: str, warps: int) -> None:
    rng = np.random.default_rng(m + n + k)
    a, b = small(rng, g, m, k), small(rng, g, k, n)
    out = mx.zeros((g, m, n))
    batched[(1,)](array(a, dtype), array(b, dtype), out, g, m, n, k, num_warps=warps)
    np.testing.assert_array_equal(np.array(out), a @ b)
    assert CALL in made(batched).body


@SETTINGS
@given(SIDES, WIDE, SIDES, st.sampled_from([8, 16, 32, 64]), TYPES, WARPS)
def test_chain_on_tensors(m: int, n: int, k: int, depth: int, dtype: str, warps: int) -> None:
    """The second product has fewer columns than tensor operations take, or not: units are mixed."""
    rng = np.random.default_rng(m + n + k)
    a, b, c = small(rng, m, k) / 4, small(rng, k, n) / 4, small(rng, n, depth)
    out, top = mx.zeros((m, depth)), mx.zeros((m,))
    chain[(1,)](
        array(a, dtype), array(b, dtype), array(c, dtype), out, top, m, n, k, depth, num_warps=warps
    )
    first = a @ b
    most = first.max(axis=1)
    np.testing.assert_array_equal(np.array(top), most)
    second = np.array(array(first - most[:, None], dtype).astype(mx.float32))
    np.testing.assert_array_equal(np.array(out), second @ c)
    body = made(chain).body
    assert body.count(CALL) == (2 if depth >= 32 else 1)
    assert ("tile_multiply(" in body) == (depth < 32)


@SETTINGS
@given(st.sampled_from([8, 16, 32]), st.sampled_from([8, 16, 32]), st.sampled_from([8, 16, 32]))
def test_smaller_products_are_done_on_8x8_matrices(m: int, n: int, k: int) -> None:
    assume((m, n, k) not in [(a, 32, b) for a in (16, 32) for b in (16, 32)])
    out, want = multiplied(m, n, k, False, False, "float16", 2, k)
    np.testing.assert_array_equal(np.array(out), want)
    kernel = made(product)
    assert CALL not in kernel.body and HEADER not in kernel.header
    assert "not on tensor operations: it takes 16x16 times 16x32 or more" in kernel.schedule


def normal(*shape: int, dtype: str) -> mx.array:
    return mx.array(np.random.default_rng(1).normal(size=shape)).astype(getattr(mx, dtype))


def as_numpy(x: mx.array) -> Any:
    return np.array(x.astype(mx.float32))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize(("m", "n", "k"), [(64, 64, 64), (70, 50, 45)])
def test_matmul_with_masks_and_an_epilogue(dtype: str, m: int, n: int, k: int) -> None:
    a, b, bias = (normal(*s, dtype=dtype) for s in ((m, k), (k, n), (n,)))
    got = as_numpy(matmul.linear(a, b, bias, 0.1))
    want = as_numpy(a) @ as_numpy(b) + as_numpy(bias)
    want = np.where(want > 0, want, want * np.float32(0.1))
    rounding = 2**-10 if dtype == "float16" else 2**-7
    np.testing.assert_allclose(got, want, rtol=rounding, atol=rounding)
    kernel = made(matmul.matmul_kernel)
    assert CALL in kernel.body
    assert "on tensor operations (unverified: no device has run them)" in kernel.schedule


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("causal", [True, False])
def test_attention_keeps_its_weights_in_registers(dtype: str, causal: bool) -> None:
    q, k, v = (normal(1, 2, 70, 64, dtype=dtype) for _ in range(3))
    got = as_numpy(attention.attention(q, k, v, causal))
    scores = as_numpy(q) @ as_numpy(k).swapaxes(-1, -2) / 8
    if causal:
        scores = np.where(np.tril(np.ones(scores.shape[-2:])) > 0, scores, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    want = weights / weights.sum(-1, keepdims=True) @ as_numpy(v)
    np.testing.assert_allclose(got, want, atol=2e-3 if dtype == "float16" else 2e-2)
    kernel = made(attention.attention_kernel)
    assert kernel.body.count(CALL) == 2
    assert "left in registers" in kernel.schedule


@pytest.mark.parametrize("warps", [1, 4, 8])
def test_the_epilogue_has_no_barrier_and_no_threadgroup_memory(warps: int) -> None:
    multiplied(64, 64, 64, False, False, "float16", warps, 32)
    body = made(product).body
    epilogue = body[body.rindex(CALL) :]
    assert "out_ptr" in epilogue
    assert "threadgroup" not in epilogue and "shared" not in epilogue


def test_floats_are_left_to_8x8_matrices() -> None:
    """With tensor operations they would lose all but 11 bits."""
    a, b = normal(64, 64, dtype="float32"), normal(64, 64, dtype="float32")
    got = matmul.matmul(a, b)
    np.testing.assert_allclose(np.array(got), np.array(a) @ np.array(b), rtol=1e-5, atol=1e-5)
    kernel = made(matmul.matmul_kernel)
    assert CALL not in kernel.body and HEADER not in kernel.header
    assert "not on tensor operations: it takes bf16 and f16, not f32 x f32 + f32" in kernel.schedule


def test_a_denied_path_is_not_used_and_the_schedule_says_why() -> None:
    """The text is then that of a chip without them."""
    multiplied(64, 64, 64, False, False, "float16", 4, 32)
    row = without(hwinfo.find("M5"), {"neural_accelerators": "no self-test has passed here"})
    launcher = last_launcher(product)
    function = lowered.function_of(launcher.text)
    kernel, other = (
        lower_to_fit(function, target_for(r), 4, launcher.last_facts)
        for r in (row, hwinfo.find("M4"))
    )
    assert (kernel.body, kernel.header) == (other.body, other.header)
    assert "not on tensor operations: no self-test has passed here" in kernel.schedule


def test_products_whose_shares_are_too_large_are_done_on_8x8_matrices() -> None:
    """Of a batch of eight, each simdgroup would hold eight of the smallest results that they give."""
    rng = np.random.default_rng(8)
    a, b, out = small(rng, 8, 16, 64), small(rng, 8, 64, 32), mx.zeros((8, 16, 32))
    batched[(1,)](array(a, "float16"), array(b, "float16"), out, 8, 16, 32, 64)
    np.testing.assert_array_equal(np.array(out), a @ b)
    kernel = made(batched)
    assert CALL not in kernel.body and kernel.registers <= 128
    assert "its tiles would need more registers than a thread has" in kernel.schedule


def test_other_chips_do_not_use_them() -> None:
    multiplied(64, 64, 64, False, False, "float16", 4, 32)
    for row in hwinfo.rows():
        if row.backend == "metal":
            kernel = lowered_last(product, f"metal:{row.name}")
            assert (CALL in kernel.body) == (row.get("gpu_family") == "apple10"), row.name


def test_costs_are_counted_as_those_of_8x8_matrices() -> None:
    multiplied(64, 64, 64, False, False, "float16", 4, 32)
    kernel, other = made(product), lowered_last(product, "simulate:M4")
    assert kernel.registers > other.registers  # operands of more of K at a time
    assert kernel.costs == replace(
        other.costs, turns=other.costs.turns // 2, shared=kernel.costs.shared
    )
