"""liger-kernel, unmodified, on torch CPU tensors: forward and backward against torch's formulas.

Runs where torch and liger-kernel are installed (pip install --no-deps liger-kernel).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import triton_mlx

torch = pytest.importorskip("torch")
pytest.importorskip("liger_kernel")
F = torch.nn.functional


@pytest.fixture(autouse=True)
def _host() -> Iterator[None]:
    torch.manual_seed(0)
    with triton_mlx.use("host"):
        yield


def function(module: str, name: str) -> Any:
    found = __import__(f"liger_kernel.ops.{module}", fromlist=[name])
    return getattr(found, name).apply


def cross_entropy(x: Any, target: Any) -> Any:
    args = (None, -100, 0.0, 0.0, "mean", None, False)
    return function("cross_entropy", "LigerCrossEntropyFunction")(x, target, *args)[0]


ROWS, COLUMNS = 8, 100
CASES: dict[str, tuple[Callable[..., Any], Callable[..., Any], list[tuple[int, ...]]]] = {
    "rms_norm": (
        lambda x, w: function("rms_norm", "LigerRMSNormFunction")(x, w, 1e-6),
        lambda x, w: F.rms_norm(x, (COLUMNS,), w, 1e-6),
        [(ROWS, COLUMNS), (COLUMNS,)],
    ),
    "layer_norm": (
        lambda x, w, b: function("layer_norm", "LigerLayerNormFunction")(x, w, b, 1e-5),
        lambda x, w, b: F.layer_norm(x, (COLUMNS,), w, b, 1e-5),
        [(ROWS, COLUMNS), (COLUMNS,), (COLUMNS,)],
    ),
    "swiglu": (
        lambda a, b: function("swiglu", "LigerSiLUMulFunction")(a, b),
        lambda a, b: F.silu(a) * b,
        [(ROWS, COLUMNS)] * 2,
    ),
    "geglu": (
        lambda a, b: function("geglu", "LigerGELUMulFunction")(a, b),
        lambda a, b: F.gelu(a, approximate="tanh") * b,
        [(ROWS, COLUMNS)] * 2,
    ),
    "softmax": (
        lambda x: function("softmax", "LigerSoftmaxFunction")(x),
        lambda x: F.softmax(x, -1),
        [(ROWS, COLUMNS)],
    ),
    "cross_entropy": (
        lambda x: cross_entropy(x, torch.arange(ROWS)),
        lambda x: F.cross_entropy(x, torch.arange(ROWS)),
        [(ROWS, COLUMNS)],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_forward_and_backward(name: str) -> None:
    ours, theirs, shapes = CASES[name]
    tensors = [torch.randn(s) for s in shapes]
    left, right = ([t.clone().requires_grad_() for t in tensors] for _ in range(2))
    got, want = ours(*left), theirs(*right)
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)
    gradient = torch.randn_like(want) if want.dim() else torch.ones(())
    got.backward(gradient.clone())
    want.backward(gradient)
    for a, b in zip(left, right):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-5)
