"""liger-kernel's functions and kernels, unmodified, called in a row under `fuse`.

On torch tensors every launch happens at once, because nothing tells when a tensor is read; the report says
so. The same kernels on mx.arrays are joined.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from test_liger import ops, torch
from triton import next_power_of_2

import triton_mlx

ROWS, COLUMNS = 8, 100


def layer(x: Any, w: Any, up: Any) -> tuple[Any, ...]:
    """rms norm, SwiGLU, softmax, layer norm; forward and backward."""
    x, w, up = (t.clone().requires_grad_() for t in (x, w, up))
    normed = ops.LigerRMSNormFunction.apply(x, w, 1e-6)
    gated = ops.LigerSiLUMulFunction.apply(normed, up)
    weights = ops.LigerSoftmaxFunction.apply(gated)
    out = ops.LigerLayerNormFunction.apply(weights, w, w, 1e-5)
    out.backward(torch.ones_like(out))
    return out.detach(), x.grad, w.grad, up.grad


def test_functions_on_torch_tensors_are_right_and_happen_at_once() -> None:
    torch.manual_seed(0)
    drawn = torch.randn(ROWS, COLUMNS), torch.randn(COLUMNS), torch.randn(ROWS, COLUMNS)
    with triton_mlx.use("host"):
        wanted = layer(*drawn)
        with triton_mlx.fuse() as scope:
            got = layer(*drawn)
    for a, b in zip(got, wanted, strict=True):
        assert a.numpy().tobytes() == b.numpy().tobytes()
    report = scope.report
    assert len(report.names) >= 8 and len(report.groups) == len(report.names)
    assert {d.code for d in report.refusals} == {"EAGER"}
    assert {d.first for d in report.refusals} == set(range(len(report.names)))


def rms_norm(x: mx.array, w: mx.array, y: mx.array, r: mx.array) -> None:
    from liger_kernel.ops.rms_norm import _rms_norm_forward_kernel as kernel

    block = next_power_of_2(COLUMNS)
    strides = (y, COLUMNS, x, COLUMNS, w, 1, r, 1)
    numbers = (COLUMNS, 1e-6, 0.0, 0)
    kernel[(ROWS,)](*strides, *numbers, elementwise_affine=True, BLOCK_SIZE=block)


def swiglu(gate: mx.array, up: mx.array, o: mx.array) -> None:
    from liger_kernel.ops.swiglu import _swiglu_forward_kernel as kernel

    block = next_power_of_2(COLUMNS)
    kernel[(ROWS,)](gate, up, o, COLUMNS, 1.0, n_cols=COLUMNS, BLOCK_SIZE=block)


def softmax(x: mx.array, o: mx.array) -> None:
    from liger_kernel.ops.softmax import _softmax_single_block_forward_kernel as kernel

    kernel[(ROWS,)](o, COLUMNS, x, COLUMNS, COLUMNS, BLOCK_SIZE=next_power_of_2(COLUMNS))


def in_a_row(x: mx.array, w: mx.array, up: mx.array) -> tuple[mx.array, mx.array]:
    """What Liger's functions launch: rms norm, SwiGLU, softmax. The backward pass wants the statistics."""
    normed, gated, out = (mx.zeros((ROWS, COLUMNS)) for _ in range(3))
    statistics = mx.zeros((ROWS,))
    rms_norm(x, w, normed, statistics)
    swiglu(normed, up, gated)
    softmax(gated, out)
    return out, statistics


def wide(x: mx.array, w: mx.array, up: mx.array) -> tuple[mx.array, mx.array]:
    """The norm's result is read by softmax and, later, by SwiGLU in place."""
    normed, out = mx.zeros((ROWS, COLUMNS)), mx.zeros((ROWS, COLUMNS))
    statistics = mx.zeros((ROWS,))
    rms_norm(x, w, normed, statistics)
    softmax(normed, out)
    swiglu(normed, up, normed)
    return out, normed


@pytest.mark.parametrize("function", [in_a_row, wide])
def test_kernels_on_mlx_arrays_are_one(function: Callable[..., Any], target: str) -> None:
    x, up = (mx.random.normal((ROWS, COLUMNS), key=mx.random.key(s)) for s in (0, 1))
    w = mx.random.normal((COLUMNS,), key=mx.random.key(2))
    fused = triton_mlx.fuse(function)
    for a, b in zip(fused(x, w, up), function(x, w, up), strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
    report = triton_mlx.fuse_report(fused)
    assert len(report.names) == 3 and len(report.groups) == 1, str(report)
    assert report.bytes_after < report.bytes_before
