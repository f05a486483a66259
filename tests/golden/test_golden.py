"""The text of emitted kernels, as files to read. `--update-golden` rewrites them.

Names and order follow the IR of one Triton version, so other versions are not compared.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest
import triton

import triton_mlx
from triton_mlx.examples import attention, elementwise, layernorm, matmul, softmax

HERE = Path(__file__).parent
VERSION = "3.9."


def zeros(*shape: int) -> mx.array:
    return mx.zeros(shape)


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
    diff = difflib.unified_diff(want.splitlines(), text.splitlines(), path.name, "now", lineterm="")
    assert text == want, "\n".join(["run with --update-golden if this is meant:", *diff])
