"""liger-kernel's norms, unmodified, on torch CPU tensors: forward and backward against torch.

Runs where torch and liger-kernel are installed (pip install --no-deps liger-kernel). The harness
here (`Case`, `agree`, `ops`) also serves test_liger_*.py; what Liger itself cannot do without a
GPU is in the table of test_liger_layers.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import triton_mlx

torch = pytest.importorskip("torch")
ops = pytest.importorskip("liger_kernel.ops")
F = torch.nn.functional
ROWS, COLUMNS = 8, 100


@dataclass(frozen=True, slots=True)
class Case:
    """Liger's function, torch's formula, and the shapes of the arguments that get gradients."""

    ours: Callable[..., Any]
    theirs: Callable[..., Any]
    shapes: list[tuple[int, ...]]
    rtol: float = 1e-4
    atol: float = 1e-5
    draw: Callable[..., Any] = torch.randn


def results(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def agree(case: Case, dtype: Any = torch.float32) -> None:
    """Outputs and the gradients of all arguments agree; bf16 is judged by fp32 of the same bits."""
    torch.manual_seed(0)
    drawn = [case.draw(shape).to(dtype) for shape in case.shapes]
    left = [t.clone().requires_grad_() for t in drawn]
    right = [t.float().requires_grad_() for t in drawn]
    loose = {"rtol": 5e-2, "atol": 5e-2} if dtype == torch.bfloat16 else {}
    near = {"rtol": case.rtol, "atol": case.atol, "check_dtype": False, **loose}
    # Clones, because several of Liger's functions write over their inputs or over gradients.
    got, want = results(case.ours(*[t.clone() for t in left])), results(case.theirs(*right))
    assert len(got) == len(want)
    for a, b in zip(got, want):
        torch.testing.assert_close(a, b, **near)
    gradients = [torch.randn_like(b) if b.dim() else torch.tensor(1.5) for b in want]
    gradients = [g.to(a.dtype) for g, a in zip(gradients, got)]
    torch.autograd.backward(want, [g.float() for g in gradients])
    torch.autograd.backward(got, [g.clone() for g in gradients])
    for number, (a, b) in enumerate(zip(left, right)):
        assert a.grad is not None, f"argument {number} has no gradient"
        torch.testing.assert_close(
            a.grad, b.grad, msg=lambda text, n=number: f"gradient {n}: {text}", **near
        )


def rms(x: Any, w: Any, offset: float = 0.0) -> Any:
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * (w + offset)


def poly(x: Any, w: Any, b: Any) -> Any:
    powers = [x**3, x**2, x]
    scaled = [p * torch.rsqrt(p.pow(2).mean(-1, keepdim=True) + 1e-6) for p in powers]
    return sum(w[i] * scaled[i] for i in range(3)) + b


def depth_attention(v: Any, query: Any, w: Any) -> Any:
    """AttnRes: softmax over the blocks (the first axis) of query . rms_norm(block)."""
    scores = (rms(v, w) * query).sum(-1, keepdim=True)
    return (scores.softmax(0) * v).sum(0)


def grouped(x: Any, w: Any, b: Any) -> Any:
    return F.group_norm(x, 3, w, b, 1e-5)


def modulated(x: Any, w: Any, scale: Any, shift: Any) -> Any:
    return (1 + scale[:, None]) * rms(x, w) + shift[:, None]


X, W = (ROWS, COLUMNS), (COLUMNS,)
NORMS: dict[str, Case] = {
    "rms_norm": Case(lambda x, w: ops.LigerRMSNormFunction.apply(x, w, 1e-6), rms, [X, W]),
    "rms_norm_gemma": Case(
        lambda x, w: ops.LigerRMSNormFunction.apply(x, w, 1e-6, 1.0, "gemma", False),
        lambda x, w: rms(x, w, 1.0),
        [(2, 4, COLUMNS), W],
    ),
    "rms_norm_row_mode": Case(
        lambda x, w: ops.LigerRMSNormFunction.apply(x, w, 1e-6, 0.0, "none", False, True),
        rms,
        [X, W],
    ),
    "rms_norm_rows_in_blocks": Case(
        lambda x, w: ops.LigerRMSNormFunction.apply(x, w, 1e-6, 0.0, "llama", False, False),
        rms,
        [(4096 * 8 + 5, 8), (8,)],
        atol=2e-3,
    ),
    "rms_norm_no_weight": Case(
        lambda x: ops.LigerRMSNormFunction.apply(x, None, 1e-6), lambda x: rms(x, 1.0), [X]
    ),
    "fused_add_rms_norm": Case(
        lambda x, r, w: ops.LigerFusedAddRMSNormFunction.apply(x, r, w, 1e-6),
        lambda x, r, w: (rms(x + r, w), x + r),
        [X, X, W],
    ),
    "modulated_rms_norm": Case(
        lambda x, w, s, t: ops.LigerModulatedRMSNormFunction.apply(x, w, s, t, 1e-6),
        modulated,
        [(3, 5, COLUMNS), W, (3, COLUMNS), (3, COLUMNS)],
    ),
    "modulated_rms_norm_per_token": Case(
        lambda x, s: ops.LigerModulatedRMSNormFunction.apply(x, None, s, None, 1e-6),
        lambda x, s: (1 + s) * rms(x, 1.0),
        [X, X],
    ),
    "layer_norm": Case(
        lambda x, w, b: ops.LigerLayerNormFunction.apply(x, w, b, 1e-5),
        lambda x, w, b: F.layer_norm(x, W, w, b, 1e-5),
        [X, W, W],
    ),
    "group_norm": Case(
        lambda x, w, b: ops.LigerGroupNormFunction.apply(x, w, b, 6, 3, 1e-5),
        grouped,
        [(4, 6, 50), (6,), (6,)],
    ),
    "group_norm_image": Case(
        lambda x, w, b: ops.LigerGroupNormFunction.apply(x, w, b, 6, 3, 1e-5),
        grouped,
        [(2, 6, 9, 7), (6,), (6,)],
    ),
    "poly_norm": Case(
        lambda x, w, b: ops.LigerPolyNormFunction.apply(x, w, b, 1e-6), poly, [X, (3,), ()]
    ),
    "attn_res": Case(
        lambda v, q, w: ops.LigerAttnResFunction.apply(v, q, w, 1e-6),
        depth_attention,
        [(5, 2, 3, COLUMNS), W, W],
        rtol=1e-3,
        atol=1e-4,
    ),
}


@pytest.mark.parametrize("name", NORMS)
def test_norm(name: str, target: str) -> None:
    agree(NORMS[name])


@pytest.mark.parametrize("name", ["rms_norm_gemma", "fused_add_rms_norm", "layer_norm"])
def test_norm_bf16(name: str) -> None:
    with triton_mlx.use("host"):
        agree(NORMS[name], torch.bfloat16)
