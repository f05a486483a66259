"""The text of emitted kernels, as files to read: `--update-golden` rewrites them.

They are of one version of Triton. Without its native module, numbers and order differ."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest
import triton
import triton.language as tl
from recorded import compared

import triton_mlx
from triton_mlx.examples import attention, dropout, elementwise, layernorm, matmul, softmax

HERE = Path(__file__).parent
VERSION = "3.9."


def zeros(*shape: int) -> mx.array:
    return mx.zeros(shape)


@triton.jit
def cross_entropy(x_ptr, label_ptr, loss_ptr, stride, classes, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    x_ptr += row * stride
    label = tl.load(label_ptr + row)
    top = -float("inf")
    total = 0.0
    for start in range(0, classes, BLOCK):
        at = start + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + at, mask=at < classes, other=-float("inf")).to(tl.float32)
        higher = tl.maximum(top, tl.max(x))
        total = total * tl.exp(top - higher) + tl.sum(tl.exp(x - higher))
        top = higher
    tl.store(loss_ptr + row, tl.log(total) + top - tl.load(x_ptr + label).to(tl.float32))


@triton.jit
def best_of_rows(x_ptr, value_ptr, index_ptr, M: tl.constexpr, N: tl.constexpr):
    rows, cols = tl.arange(0, M), tl.arange(0, N)
    x = tl.load(x_ptr + rows[:, None] * N + cols[None, :])
    value, index = tl.max(x, axis=1, return_indices=True)
    tl.store(value_ptr + rows, value)
    tl.store(index_ptr + rows, index)


@triton.jit
def transposed(x_ptr, out_ptr, rows, cols, BLOCK: tl.constexpr):
    r = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    c = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = (r[:, None] < rows) & (c[None, :] < cols)
    x = tl.load(x_ptr + r[:, None] * cols + c[None, :], mask=inside)
    tl.store(out_ptr + c[None, :] * rows + r[:, None], x, mask=inside)


@triton.jit
def running_sum(x_ptr, out_ptr, N: tl.constexpr):
    at = tl.program_id(0) * N + tl.arange(0, N)
    tl.store(out_ptr + at, tl.cumsum(tl.load(x_ptr + at), axis=0))


@triton.jit
def counted(x_ptr, count_ptr, n, BLOCK: tl.constexpr, BINS: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.atomic_add(count_ptr + tl.load(x_ptr + at, mask=at < n, other=0) % BINS, 1, mask=at < n)


KERNELS: dict[str, tuple[Any, Callable[[], Any]]] = {
    "add": (elementwise.add_kernel, lambda: elementwise.add(zeros(5000), zeros(5000))),
    "softmax": (softmax.softmax_kernel, lambda: softmax.softmax(zeros(37, 300))),
    "softmax_long": (softmax.softmax_long_kernel, lambda: softmax.softmax_long(zeros(5, 3000))),
    "layer_norm": (
        layernorm.layer_norm_kernel,
        lambda: layernorm.layer_norm(zeros(37, 300), zeros(300), zeros(300)),
    ),
    "matmul": (matmul.matmul_kernel, lambda: matmul.matmul(zeros(100, 70), zeros(70, 90))),
    "attention": (
        attention.attention_kernel,
        lambda: attention.attention(*[zeros(1, 2, 100, 64)] * 3, True),
    ),
    "dropout": (dropout.dropout_kernel, lambda: dropout.dropout(zeros(5000), 0.5, 7)),
    "cross_entropy": (
        cross_entropy,
        lambda: cross_entropy[(4,)](
            zeros(4, 3000), mx.zeros((4,), mx.int32), zeros(4), 3000, 3000, BLOCK=1024
        ),
    ),
    "best_of_rows": (
        best_of_rows,
        lambda: best_of_rows[(1,)](zeros(16, 64), zeros(16), mx.zeros((16,), mx.int32), M=16, N=64),
    ),
    "transposed": (
        transposed,
        lambda: transposed[(3, 4)](zeros(96, 128), zeros(128, 96), 96, 128, BLOCK=32),
    ),
    "running_sum": (running_sum, lambda: running_sum[(4,)](zeros(2048), zeros(2048), N=512)),
    "counted": (
        counted,
        lambda: counted[(4,)](
            mx.zeros((4000,), mx.int32), mx.zeros((32,), mx.int32), 4000, BLOCK=1024, BINS=32
        ),
    ),
}


@pytest.mark.skipif(not triton.__version__.startswith(VERSION), reason=f"texts are of {VERSION}x")
@pytest.mark.parametrize("target", ["metal", "host"])
@pytest.mark.parametrize("name", KERNELS)
def test_text(name: str, target: str, request: pytest.FixtureRequest) -> None:
    kernel, launch = KERNELS[name]
    with triton_mlx.use("host"):
        launch()
    text = triton_mlx.emit_last(kernel, target)
    path = HERE / f"{name}.{'metal' if target == 'metal' else 'cpp'}"
    if request.config.getoption("--update-golden"):
        path.write_text(text)
    want = path.read_text()
    if compared(name, target, want, text):
        return
    diff = difflib.unified_diff(want.splitlines(), text.splitlines(), path.name, "now", lineterm="")
    assert text == want, "\n".join(["run with --update-golden if this is meant:", *diff])
