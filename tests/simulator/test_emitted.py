"""The Metal of every example passes the static check: address spaces, const, no double, no narrowing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx.core as mx
import pytest

import triton_mlx
from triton_mlx.examples import attention, dropout, elementwise, layernorm, matmul, softmax
from triton_mlx.runtime import metal
from triton_mlx.runtime.simulator import static_check


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


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("example", EXAMPLES)
def test_static_check(example: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    errors: list[str] = []
    texts: list[str] = []
    run = metal._run

    def checked(launcher: Any, call: Any, inputs: Any) -> Any:
        texts.append(call.text(inputs).text)
        errors.extend(static_check(texts[-1]))
        return run(launcher, call, inputs)

    monkeypatch.setattr(metal, "_run", checked)
    with triton_mlx.use("simulate"):
        EXAMPLES[example](getattr(mx, dtype))
    assert texts
    assert not errors
