"""liger-kernel's activations, rotations, attention and layers, unmodified, on torch CPU tensors.

What of liger-kernel 0.8.5 does not run, and why:

| function | where | reason |
|---|---|---|
| LigerFusedLinearScaledCrossEntropyTPFunction | anywhere | Liger demands CUDA tensors |
| softmax and norms of rows over 65536 | anywhere | Liger refuses them (for softmax it has |
| | | kernels, which call tl.float32(...): not Triton) |
| ops/cute, ops/cutile, ops/cutedsl | anywhere | not Triton |
| LigerMLPFunction | Metal | BAD_ARGUMENT: descriptors of columns of one array |
| | | overlap in memory |

LigerFusedLinearScaledCrossEntropyFunction and the tiled MLP are PyTorch around other kernels. Three
ask for a GPU that their kernels do not need; the tests answer for them (see `settle`):
LigerDyTFunction counts multiprocessors and knows no CPU, LigerMLPFunction asserts `is_cuda`, and
the autotuned GEMMs would try dozens of configurations that differ in warps and stages only.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from test_liger import Case, F, agree, ops, torch
from triton.runtime.autotuner import Autotuner

import triton_mlx
from triton_mlx.fusion.errors import BadArgument

ROWS, COLUMNS = 8, 100


def settle(monkeypatch: pytest.MonkeyPatch, module: str) -> Any:
    """The module of Liger, its autotuned kernels left with the first of their configurations."""
    found = importlib.import_module(f"liger_kernel.ops.{module}")
    for value in vars(found).values():
        if isinstance(value, Autotuner):
            monkeypatch.setattr(value, "configs", value.configs[:1])
    return found


def sparsemax(x: Any) -> Any:
    ordered = x.sort(-1, descending=True).values
    sums = ordered.cumsum(-1) - 1
    count = torch.arange(1, x.shape[-1] + 1)
    size = (ordered * count > sums).sum(-1, keepdim=True)
    return F.relu(x - sums.gather(-1, size - 1) / size)


def turned(x: Any) -> Any:
    left, right = x.chunk(2, -1)
    return torch.cat([-right, left], -1)


def angles(*shape: int) -> tuple[Any, Any]:
    """cos and sin of positions times frequencies; the last axis repeats its first half."""
    *lead, width = shape
    positions = torch.arange(lead[0] * lead[-1]).reshape(lead[0], *[1] * (len(lead) - 2), -1)
    frequencies = 10.0 ** -torch.linspace(0, 2, width // 2)
    half = positions.expand(lead)[..., None] * frequencies
    whole = torch.cat([half, half], -1)
    return whole.cos(), whole.sin()


def rotate(q: Any, k: Any, cos: Any, sin: Any) -> tuple[Any, Any]:
    return q * cos + turned(q) * sin, k * cos + turned(k) * sin


def partly(q: Any, k: Any, cos: Any, sin: Any, width: int) -> tuple[Any, ...]:
    turning = rotate(q[..., :width], k[..., :width], cos, sin)
    return tuple(torch.cat([a, b[..., width:]], -1) for a, b in zip(turning, (q, k)))


SECTIONS = [2, 3, 3]


def sectioned(q: Any, k: Any) -> tuple[Any, Any]:
    """Time, height and width each own a section of the head (and of its second half)."""
    cos, sin = (
        torch.cat([m[i % 3] for i, m in enumerate(t.split(SECTIONS * 2, -1))], -1)[:, None]
        for t in angles(3, 2, 5, 16)
    )
    return rotate(q, k, cos, sin)


PHASES = torch.polar(torch.ones(5, 8), torch.arange(40.0).reshape(5, 8))


def complex_turn(*tensors: Any) -> tuple[Any, ...]:
    """Neighbours are a complex number, multiplied by its phase."""
    return tuple(
        torch.view_as_real(
            torch.view_as_complex(t.reshape(*t.shape[:-1], -1, 2)) * PHASES[None, :, None]
        ).flatten(-2)
        for t in tensors
    )


def future(length: int) -> Any:
    return torch.ones(length, length, dtype=torch.bool).triu(1)


def many_token_attention(scores: Any, w: Any, bias: Any, weigh: Any) -> Any:
    ahead = future(scores.shape[-1])
    mixed = F.conv2d(weigh(scores.masked_fill(ahead, -1e9)), w, bias, padding=1)
    return mixed.masked_fill(ahead, 0.0)


def soft(x: Any) -> Any:
    return x.softmax(-1)


def neighborhood(q: Any, k: Any, v: Any, size: int, dilation: int) -> Any:
    at = torch.arange(q.shape[-2])
    apart = (at[None] - at[:, None]).abs()
    seen = (apart <= size // 2 * dilation) & (apart % dilation == 0)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=seen)


def neighborhood_case(size: int, dilation: int) -> Case:
    return Case(
        lambda *t: ops.LigerFusedNeighborhoodAttentionFunction.apply(*t, size, dilation),
        lambda *t: neighborhood(*t, size, dilation),
        [(2, 2, 40, 16)] * 3,
        rtol=1e-3,
        atol=1e-4,
    )


def residual_mix(x: Any, f: Any, post: Any, mix: Any) -> Any:
    """mHC: each of the streams is a mixture of the old ones, plus its share of the layer."""
    return torch.einsum("nij,njc->nic", mix, x) + post[..., None] * f[:, None]


WORDS = torch.tensor([[3, 1, 4, 1], [5, 9, 2, 6]])
TILE = (ROWS, COLUMNS)
HEADS = [(2, 4, 5, 16), (2, 2, 5, 16)]
LAYERS: dict[str, Case] = {
    "swiglu": Case(ops.LigerSiLUMulFunction.apply, lambda a, b: F.silu(a) * b, [TILE] * 2),
    "swiglu_multipliers": Case(
        lambda a, b: ops.LigerSiLUMulFunction.apply(a, b, 0.5, 2.0),
        lambda a, b: 2.0 * F.silu(0.5 * a) * b,
        [TILE] * 2,
    ),
    "swiglu_gate_and_up_in_one": Case(
        ops.LigerFusedGateUpSiLUMulFunction.apply,
        lambda y: F.silu(y[..., :50]) * y[..., 50:],
        [TILE],
    ),
    "geglu": Case(
        ops.LigerGELUMulFunction.apply,
        lambda a, b: F.gelu(a, approximate="tanh") * b,
        [TILE] * 2,
    ),
    "relu_squared": Case(ops.LigerReLUSquaredFunction.apply, lambda x: F.relu(x) ** 2, [TILE]),
    "softmax": Case(ops.LigerSoftmaxFunction.apply, soft, [TILE]),
    "sparsemax": Case(lambda x: ops.LigerSparsemaxFunction.apply(x, -1), sparsemax, [TILE]),
    "rope": Case(
        lambda q, k: ops.LigerRopeFunction.apply(q, k, *angles(1, 5, 16)),
        lambda q, k: rotate(q, k, *(t[:, None] for t in angles(1, 5, 16))),
        HEADS,
    ),
    "rope_per_batch": Case(
        lambda q, k: ops.LigerRopeFunction.apply(q, k, *angles(2, 5, 16)),
        lambda q, k: rotate(q, k, *(t[:, None] for t in angles(2, 5, 16))),
        HEADS,
    ),
    "rope_part_of_the_head": Case(
        lambda q, k: ops.LigerRopeFunction.apply(q, k, *angles(1, 5, 8)),
        lambda q, k: partly(q, k, *(t[:, None] for t in angles(1, 5, 8)), 8),
        HEADS,
    ),
    "qwen2vl_mrope": Case(
        lambda q, k: ops.LigerQwen2VLMRopeFunction.apply(q, k, *angles(3, 2, 5, 16), SECTIONS),
        sectioned,
        HEADS,
    ),
    "llama4_rope": Case(
        lambda q, k: ops.LigerLlama4RopeFunction.apply(q, k, PHASES),
        complex_turn,
        [(2, 5, 4, 16), (2, 5, 2, 16)],
    ),
    "multi_token_attention": Case(
        lambda s, w, b: ops.LigerMultiTokenAttentionFunction.apply(s, w, b, 1, 1),
        lambda s, w, b: many_token_attention(s, w, b, soft),
        [(2, 3, 12, 12), (3, 3, 3, 3), (3,)],
        rtol=1e-3,
        atol=1e-4,
    ),
    "multi_token_attention_sparse": Case(
        lambda s, w, b: ops.LigerMultiTokenAttentionFunction.apply(s, w, b, 1, 1, 1, 1, True),
        lambda s, w, b: many_token_attention(s, w, b, sparsemax),
        [(2, 3, 12, 12), (3, 3, 3, 3), (3,)],
        rtol=1e-3,
        atol=1e-4,
    ),
    "fused_neighborhood_attention": neighborhood_case(7, 1),
    "fused_neighborhood_attention_dilated": neighborhood_case(5, 3),
    "embedding": Case(
        lambda table: ops.LigerEmbeddingFunction.apply(table, WORDS),
        lambda table: F.embedding(WORDS, table),
        [(12, 20)],
    ),
    "mhc_pre": Case(
        ops.LigerMHCPreFunction.apply,
        lambda x, h: torch.einsum("nh,nhc->nc", h, x),
        [(6, 4, 32), (6, 4)],
    ),
    "mhc_post_res": Case(
        ops.LigerMHCPostResFunction.apply,
        residual_mix,
        [(6, 4, 32), (6, 32), (6, 4), (6, 4, 4)],
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name: str, target: str) -> None:
    agree(LAYERS[name])


@pytest.mark.parametrize("name", ["swiglu", "geglu", "softmax", "rope"])
def test_layer_bf16(name: str) -> None:
    with triton_mlx.use("host"):
        agree(LAYERS[name], torch.bfloat16)


def test_dyt(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of its autotuning runs: reset_to_zero, and 18 configurations of one block size each."""
    found = importlib.import_module("liger_kernel.ops.dyt")
    # Liger knows a default number of cores for one kind of device only.
    monkeypatch.setattr(found, "infer_device", lambda: "npu")
    with triton_mlx.use("host"):
        agree(
            Case(
                ops.LigerDyTFunction.apply,
                lambda x, a, w, b: torch.tanh(a * x) * w + b,
                [(30, COLUMNS), (1,), (COLUMNS,), (COLUMNS,)],
                rtol=1e-3,
                atol=1e-4,
            )
        )


def sinkhorn(logits: Any, rounds: int, eps: float) -> Any:
    """Softmax of the rows, then columns and rows divided by their sums in turn."""
    found = logits.softmax(-1) + eps
    found = found / (found.sum(-2, keepdim=True) + eps)
    for _ in range(rounds - 1):
        found = found / (found.sum(-1, keepdim=True) + eps)
        found = found / (found.sum(-2, keepdim=True) + eps)
    return found


def coefficients(x: Any, phi: Any, b: Any, pre: Any, post: Any, res: Any) -> tuple[Any, ...]:
    streams = x.shape[-2]
    flat = x.flatten(-2)
    mixed = (flat @ phi) * torch.rsqrt(flat.pow(2).mean(-1, keepdim=True) + 1e-6)
    scale = torch.cat([pre.expand(streams), post.expand(streams), res.expand(streams**2)])
    first, second, square = (mixed * scale + b).split([streams, streams, streams**2], -1)
    logits = square.reshape(*square.shape[:-1], streams, streams)
    return torch.sigmoid(first), 2 * torch.sigmoid(second), sinkhorn(logits, 20, 1e-6)


def test_mhc_coeffs(target: str) -> None:
    agree(
        Case(
            lambda *t: ops.LigerMHCCoeffsFunction.apply(*t, True, 20, 1e-6, 0.0, 1e-6, 2.0),
            coefficients,
            [(6, 4, 32), (128, 24), (24,), (), (), ()],
            rtol=2e-3,
            atol=2e-3,
            draw=lambda shape: torch.randn(shape) * (0.1 if len(shape) == 2 else 1),
        )
    )


EXPERTS = torch.tensor([[0, 2], [1, 3], [2, 0], [3, 2], [2, 1]], dtype=torch.int32)


def mixture(x: Any, up: Any, down: Any, weights: Any, experts: Any = EXPERTS) -> Any:
    rows = []
    for token, chosen in enumerate(experts.tolist()):
        parts = []
        for place, expert in enumerate(chosen):
            gate, value = (up[expert] @ x[token]).chunk(2)
            parts.append(weights[token, place] * (down[expert] @ (F.silu(gate) * value)))
        rows.append(sum(parts))
    return torch.stack(rows)


MOE = Case(
    lambda x, up, down, w: ops.LigerFusedMoEFunction.apply(x, up, down, EXPERTS, w),
    mixture,
    [(5, 32), (4, 2 * 24, 32), (4, 32, 24), (5, 2)],
    rtol=1e-3,
    atol=1e-3,
)


def test_fused_moe(monkeypatch: pytest.MonkeyPatch) -> None:
    settle(monkeypatch, "fused_moe_kernels")
    with triton_mlx.use("host"):
        agree(MOE)


def test_fused_moe_forward_on_metal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tokens and no gradients: its histogram zeroes, adds atomically to and reads one array."""
    settle(monkeypatch, "fused_moe_kernels")
    torch.manual_seed(0)
    experts = EXPERTS[:2]
    x, up, down, weights = (torch.randn(s) for s in ((2, 16), (4, 2 * 16, 16), (4, 16, 16), (2, 2)))
    with triton_mlx.use("simulate"), torch.no_grad():
        got = ops.LigerFusedMoEFunction.apply(x, up, down, experts, weights)
    want = mixture(x, up, down, weights, experts)
    torch.testing.assert_close(got, want, rtol=1e-3, atol=1e-3)


def perceptron(x: Any, gate: Any, up: Any, down: Any) -> Any:
    return (F.silu(x @ gate.T) * (x @ up.T)) @ down.T


MLP = Case(
    ops.LigerMLPFunction.apply,
    perceptron,
    [(2, 20, 32), (48, 32), (48, 32), (32, 48)],
    rtol=1e-3,
    atol=1e-2,
)


@pytest.fixture
def mlp(monkeypatch: pytest.MonkeyPatch) -> Case:
    settle(monkeypatch, "mlp")
    forward = ops.LigerMLPFunction.forward

    def without_the_assertion(ctx: Any, *tensors: Any) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(torch.Tensor, "is_cuda", True)
            return forward(ctx, *tensors)

    monkeypatch.setattr(ops.LigerMLPFunction, "forward", staticmethod(without_the_assertion))
    return MLP


def test_mlp(mlp: Case) -> None:
    with triton_mlx.use("host"):
        agree(mlp)


def test_mlp_is_refused_on_metal(mlp: Case) -> None:
    with triton_mlx.use("simulate"), pytest.raises(BadArgument, match="overlap"):
        agree(mlp)


class Gated(torch.nn.Module):
    """silu(x gate) * (x up) of Liger between three linear maps."""

    def __init__(self, width: int):
        super().__init__()
        self.gate, self.up, self.down = (
            torch.nn.Linear(width, width, bias=False) for _ in range(3)
        )

    def forward(self, x: Any) -> Any:
        return self.down(ops.LigerSiLUMulFunction.apply(self.gate(x), self.up(x)))


def test_tiled_mlp(target: str) -> None:
    """LigerTiledMLPFunction runs the module on parts of the sequence, again in the backward."""
    module = Gated(16)
    weights = [module.gate.weight, module.up.weight, module.down.weight]
    agree(
        Case(
            lambda x: ops.apply_tiled_mlp(lambda m, part: m(part), module, x, 3),
            lambda x: perceptron(x, *(w.detach() for w in weights)),
            [(2, 12, 16)],
        )
    )
    assert all(w.grad is not None for w in weights)


def test_eight_bit_times_two_bit(monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    found = settle(monkeypatch, "experimental.mm_int8int2")
    a = torch.randint(-128, 127, (20, 256), dtype=torch.int8)
    b = torch.randint(-1, 2, (256, 40), dtype=torch.int8)
    got = found.matmul(a, found.pack_weights(b.clone()))
    torch.testing.assert_close(got, a.int() @ b.int())


def test_every_function_is_here() -> None:
    """A new version of Liger shows what is missing."""
    files = Path(__file__).parent.glob("test_liger*.py")
    tried = "".join(path.read_text() for path in files)
    missing = [name for name in vars(ops) if name.endswith("Function") and name not in tried]
    assert missing == []
