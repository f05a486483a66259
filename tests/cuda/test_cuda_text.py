"""The CUDA text of every example compiles with NVIDIA's run-time compiler. No GPU is needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx.core as mx
import nvrtc
import pytest

import triton_mlx
from triton_mlx.examples import attention, dropout, elementwise, layernorm, matmul, softmax
from triton_mlx.runtime.inspect import lowered_last
from triton_mlx.runtime.launch import Launcher
from triton_mlx.runtime.metal import metal_call

pytestmark = pytest.mark.skipif(nvrtc.folder() is None, reason="no nvidia-cuda-nvrtc")


def normal(*shape: int, dtype: Any) -> mx.array:
    return mx.random.normal(shape).astype(dtype)


EXAMPLES: dict[str, Callable[[Any], Any]] = {
    "chain": lambda d: elementwise.chain(normal(500, dtype=d), normal(500, dtype=d), 2.0),
    "softmax": lambda d: softmax.softmax(normal(3, 300, dtype=d)),
    "softmax_long": lambda d: softmax.softmax_long(normal(3, 300, dtype=d), 128),
    "matmul": lambda d: matmul.matmul(normal(70, 50, dtype=d), normal(50, 40, dtype=d)),
    "layer_norm": lambda d: layernorm.layer_norm(
        normal(3, 300, dtype=d), normal(300, dtype=d), normal(300, dtype=d)
    ),
    "dropout": lambda d: dropout.dropout(normal(500, dtype=d), 0.5, 3),
    "attention": lambda d: attention.attention(*[normal(1, 1, 60, 64, dtype=d)] * 3, True),
}


class Shape:
    def __init__(self, facts: Any):
        self.size = 1000
        self.dtype = nvrtc.MLX_NAMES[facts]


def text_of(kernel: Any) -> str:
    """The whole text that MLX would compile for the last launch of `kernel`."""
    lowered = lowered_last(kernel, "cuda:cuda 9.0")
    call = metal_call(lowered, [Shape(a.storage) for a in lowered.accesses], (4, 1, 1))
    inputs = [
        f"const {nvrtc.TYPES[nvrtc.MLX_NAMES[lowered.accesses[k].storage]]}* {lowered.accesses[k].old}"
        for k in lowered.inputs
    ]
    inputs += ["const unsigned int* scalars"] * bool(lowered.scalars)
    outputs = [
        f"{nvrtc.TYPES[d]}* {n}" for n, d in zip(call.output_names, call.output_dtypes, strict=True)
    ]
    return nvrtc.whole_text(call.name, call.header, call.source, inputs, outputs)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("example", EXAMPLES)
def test_compiles(example: str, dtype: str) -> None:
    Launcher.last.clear()
    with triton_mlx.use("host"):
        EXAMPLES[example](getattr(mx, dtype))
    assert Launcher.last
    for kernel in list(Launcher.last):
        code, log = nvrtc.compiled(text_of(kernel), "sm_90")
        assert code, log
