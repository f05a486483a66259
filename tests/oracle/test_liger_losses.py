"""liger-kernel's losses, unmodified, on torch CPU tensors: forward and backward against torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from test_liger import Case, F, agree, ops, torch

import triton_mlx

ROWS, VOCABULARY, HIDDEN = 12, 100, 16
IGNORED = -100


def fixed(*shape: int) -> Any:
    """The same random numbers for both sides."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(len(shape)))


def labels() -> Any:
    """A class for each row; two rows are left out."""
    found = (torch.arange(ROWS) * 37) % VOCABULARY
    found[3], found[7] = IGNORED, IGNORED
    return found


def log_distribution(shape: tuple[int, ...]) -> Any:
    return torch.randn(shape).log_softmax(-1)


def distribution(shape: tuple[int, ...]) -> Any:
    return torch.randn(shape).softmax(-1)


def cross_entropy(x: Any, *options: Any) -> Any:
    return ops.LigerCrossEntropyFunction.apply(x, labels(), *options)[0]


def smoothed_with_everything(x: Any) -> Any:
    """Class weights, label smoothing, a soft cap and the square of the log-sum-exp."""
    x = 5.0 * torch.tanh(x / 5.0)
    target, weight = labels(), fixed(VOCABULARY).abs()
    kept = target != IGNORED
    loss = F.cross_entropy(x, target, weight, ignore_index=IGNORED, label_smoothing=0.1)
    return loss + 0.01 * (torch.logsumexp(x, -1)[kept] ** 2).mean()


def fused_linear(x: Any, w: Any, bias: Any, *options: Any) -> Any:
    return ops.LigerFusedLinearCrossEntropyFunction.apply(x, w, labels(), bias, *options)[0]


def jensen_shannon(x: Any, y: Any, beta: float) -> Any:
    """beta KL(P || M) + (1 - beta) KL(Q || M), P = e^y, Q = e^x, M their mixture; mean of rows."""
    p, q = y.exp(), x.exp()
    log_m = (beta * p + (1 - beta) * q).log()
    if beta == 0:
        terms = p * (y - x)
    elif beta == 1:
        terms = q * (x - y)
    else:
        terms = beta * p * (y - log_m) + (1 - beta) * q * (x - log_m)
    return terms.sum(-1)


def kept_mean(rows: Any) -> Any:
    return rows[labels() != IGNORED].mean()


def teacher() -> Any:
    return fixed(ROWS, VOCABULARY).log_softmax(-1)


def taught(x: Any, w: Any) -> Any:
    pupil = (x @ w.T / 2.0).log_softmax(-1)
    master = (fixed(ROWS, HIDDEN) @ fixed(VOCABULARY, HIDDEN).T / 2.0).log_softmax(-1)
    return kept_mean(jensen_shannon(pupil, master, 0.3))


def distance(p: Any) -> Any:
    return 0.5 * (p - teacher().exp()).abs().sum(-1)


def jsd(beta: float, target: Any = None) -> Case:
    def theirs(x: Any) -> Any:
        rows = jensen_shannon(x, teacher(), beta)
        return rows.mean() if target is None else kept_mean(rows)

    return Case(
        lambda x: ops.LigerJSDFunction.apply(x, teacher(), target, beta, IGNORED),
        theirs,
        [(ROWS, VOCABULARY)],
        draw=log_distribution,
    )


def kl(reduction: str, log_target: bool) -> Case:
    target = teacher() if log_target else teacher().exp()
    return Case(
        lambda x: ops.LigerKLDivLossFunction.apply(x, target, reduction, log_target),
        lambda x: F.kl_div(x, target, reduction=reduction, log_target=log_target),
        [(ROWS, VOCABULARY)],
        draw=log_distribution,
    )


LOGITS = [(ROWS, VOCABULARY)]
LINEAR = [(ROWS, HIDDEN), (VOCABULARY, HIDDEN)]
LOSSES: dict[str, Case] = {
    "cross_entropy": Case(
        lambda x: cross_entropy(x, None),
        lambda x: F.cross_entropy(x, labels(), ignore_index=IGNORED),
        LOGITS,
    ),
    "cross_entropy_sum": Case(
        lambda x: cross_entropy(x, None, IGNORED, 0.0, 0.0, "sum"),
        lambda x: F.cross_entropy(x, labels(), ignore_index=IGNORED, reduction="sum"),
        LOGITS,
    ),
    "cross_entropy_none": Case(
        lambda x: cross_entropy(x, None, IGNORED, 0.0, 0.0, "none"),
        lambda x: F.cross_entropy(x, labels(), ignore_index=IGNORED, reduction="none"),
        LOGITS,
    ),
    "cross_entropy_in_blocks": Case(
        lambda x: cross_entropy(x, None),
        lambda x: F.cross_entropy(x, labels(), ignore_index=IGNORED),
        [(ROWS, 40000)],
    ),
    "cross_entropy_every_option": Case(
        lambda x: cross_entropy(x, fixed(VOCABULARY).abs(), IGNORED, 0.01, 0.1, "mean", 5.0),
        smoothed_with_everything,
        LOGITS,
    ),
    "fused_linear_cross_entropy": Case(
        lambda x, w, b: fused_linear(x, w, b),
        lambda x, w, b: F.cross_entropy(F.linear(x, w, b), labels(), ignore_index=IGNORED),
        [*LINEAR, (VOCABULARY,)],
    ),
    "fused_linear_cross_entropy_smoothed": Case(
        lambda x, w: fused_linear(x, w, None, None, IGNORED, 0.0, 0.1),
        lambda x, w: F.cross_entropy(
            F.linear(x, w), labels(), ignore_index=IGNORED, label_smoothing=0.1
        ),
        LINEAR,
    ),
    "fused_linear_scaled_cross_entropy": Case(
        lambda x, w: ops.LigerFusedLinearScaledCrossEntropyFunction.apply(x, w, labels(), 2.0),
        lambda x, w: F.cross_entropy(
            F.linear(x, w) / 2.0, labels(), ignore_index=IGNORED, reduction="none"
        ),
        LINEAR,
    ),
    "vocab_parallel_cross_entropy": Case(
        lambda x: ops.LigerVocabParallelCEFunction.apply(
            x, labels().reshape(4, 3), None, IGNORED, 0.0, "pytorch", "global"
        ),
        lambda x: F.cross_entropy(
            x.reshape(ROWS, -1), labels(), ignore_index=IGNORED, reduction="none"
        ).reshape(4, 3),
        [(4, 3, VOCABULARY)],
    ),
    "vocab_parallel_cross_entropy_smoothed": Case(
        lambda x: ops.LigerVocabParallelCEFunction.apply(
            x, labels().reshape(4, 3), None, IGNORED, 0.1, "pytorch", "global"
        ),
        lambda x: F.cross_entropy(
            x.reshape(ROWS, -1),
            labels(),
            ignore_index=IGNORED,
            reduction="none",
            label_smoothing=0.1,
        ).reshape(4, 3),
        [(4, 3, VOCABULARY)],
    ),
    "kl_div_batchmean": kl("batchmean", False),
    "kl_div_log_target": kl("batchmean", True),
    "kl_div_sum": kl("sum", False),
    "kl_div_none": kl("none", False),
    "fused_linear_kl_div": Case(
        lambda x, w: ops.LigerFusedLinearKLDivFunction.apply(x, w, teacher().exp(), labels()),
        lambda x, w: kept_mean(
            F.kl_div((x @ w.T).log_softmax(-1), teacher().exp(), reduction="none").sum(-1)
        ),
        LINEAR,
    ),
    "jsd": jsd(0.5),
    "jsd_forward_kl": jsd(0.0),
    "jsd_reverse_kl": jsd(1.0),
    "jsd_labels": jsd(0.1, labels()),
    "fused_linear_jsd": Case(
        lambda x, w: ops.LigerFusedLinearJSDFunction.apply(
            x, w, fixed(ROWS, HIDDEN), fixed(VOCABULARY, HIDDEN), labels(), 0.3, IGNORED, 2.0
        ),
        taught,
        LINEAR,
    ),
    "tvd": Case(
        lambda p: ops.LigerTVDLossFunction.apply(p, teacher().exp()),
        lambda p: distance(p).mean(),
        LOGITS,
        draw=distribution,
    ),
    "tvd_labels": Case(
        lambda p: ops.LigerTVDLossFunction.apply(p, teacher().exp(), labels(), "sum", IGNORED),
        lambda p: distance(p)[labels() != IGNORED].sum(),
        LOGITS,
        draw=distribution,
    ),
    "fused_ce_tvd": Case(
        lambda x: ops.LigerFusedCETVDFunction.apply(x, teacher(), labels(), IGNORED),
        lambda x: (
            F.cross_entropy(x, labels(), ignore_index=IGNORED, reduction="none"),
            distance(x.softmax(-1)) * (labels() != IGNORED),
        ),
        LOGITS,
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_loss(name: str, target: str) -> None:
    agree(LOSSES[name])


@pytest.mark.parametrize("name", ["cross_entropy", "fused_linear_cross_entropy"])
def test_loss_bf16(name: str) -> None:
    with triton_mlx.use("host"):
        agree(LOSSES[name], torch.bfloat16)


def test_what_else_cross_entropy_returns(target: str) -> None:
    torch.manual_seed(0)
    x = torch.randn(ROWS, VOCABULARY)
    x[0, labels()[0]] = 50.0
    kept = labels() != IGNORED
    squares = torch.logsumexp(x, -1)[kept] ** 2
    best = torch.where(kept, x.argmax(-1), torch.tensor(-1))
    _, z, accuracy, predicted = ops.LigerCrossEntropyFunction.apply(
        x.clone(), labels(), None, IGNORED, 0.01, 0.0, "mean", None, True, True, True
    )
    torch.testing.assert_close(z, 0.01 * squares.mean())
    torch.testing.assert_close(predicted, best)
    torch.testing.assert_close(accuracy, (best == labels())[kept].float().mean())


BATCH, LENGTH, CLIP_LOW, CLIP_HIGH, BETA, TEMPERATURE = 3, 5, 0.2, 0.4, 0.04, 0.9
PHI = torch.tensor([0.5, 1.5, 2.0])  # VESPO's weight of each completion


def policy() -> dict[str, Any]:
    """What GRPO compares the logits with; the last two tokens of one completion are padding."""
    mask = torch.ones(BATCH, LENGTH)
    mask[1, 3:] = 0
    return {
        "ids": (torch.arange(BATCH * LENGTH).reshape(BATCH, LENGTH) * 7) % VOCABULARY,
        "old": fixed(BATCH, LENGTH) * 0.5 - 5,
        "reference": fixed(BATCH, LENGTH) * 0.3 - 5,
        "advantages": torch.tensor([1.0, -0.5, 0.7]),
        "mask": mask,
    }


def each_token(kind: str, logp: Any, ratio: Any, gain: Any) -> Any:
    """The loss of each token, before the penalty for leaving the reference."""
    if kind == "cispo":
        return -ratio.detach().clamp(max=CLIP_HIGH) * gain * logp
    if kind == "vespo":
        return -PHI[:, None] * gain * logp
    if kind == "sapo":
        warmth = torch.where(gain > 0, 1.0, 1.05)
        return -torch.sigmoid(warmth * (ratio - 1)) * 4 / warmth * gain
    return -torch.minimum(ratio * gain, ratio.clamp(1 - CLIP_LOW, 1 + CLIP_HIGH) * gain)


REDUCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "grpo": lambda loss, mask: (loss.sum(-1) / mask.sum(-1)).mean(),
    "sapo": lambda loss, mask: (loss.sum(-1) / mask.sum(-1)).mean(),
    "bnpo": lambda loss, mask: loss.sum() / mask.sum(),
    "dapo": lambda loss, mask: loss.sum() / mask.sum(),
    "cispo": lambda loss, mask: loss.sum() / mask.sum(),
    "vespo": lambda loss, mask: loss.sum() / mask.sum(),
    "dr_grpo": lambda loss, mask: loss.sum() / (BATCH * LENGTH),
}


def grpo_formula(logits: Any, kind: str, level: str) -> Any:
    given = policy()
    logp = (logits[:, :-1] / TEMPERATURE).log_softmax(-1)
    logp = logp.gather(-1, given["ids"][..., None])[..., 0]
    mask = given["mask"]
    ratio = logp - given["old"]
    if level == "sequence":
        ratio = ((ratio * mask).sum(-1, keepdim=True) / mask.sum(-1, keepdim=True)).expand_as(logp)
    gap = given["reference"] - logp
    loss = each_token(kind, logp, ratio.exp(), given["advantages"][:, None].expand_as(logp))
    return REDUCTIONS[kind]((loss + BETA * (gap.exp() - gap - 1)) * mask, mask)


@pytest.mark.parametrize(
    ("kind", "level"), [*((kind, "token") for kind in REDUCTIONS), ("grpo", "sequence")]
)
def test_grpo(kind: str, level: str, target: str) -> None:
    given = policy()

    def ours(logits: Any) -> Any:
        return ops.GrpoLossFunction.apply(
            logits,
            *(given[name] for name in ("old", "reference", "ids", "advantages", "mask")),
            *(TEMPERATURE, BETA, CLIP_LOW, CLIP_HIGH, False, kind, None, True, level),
            *(1.0, 1.05, None, None, False, None, PHI if kind == "vespo" else None),
        )[0]

    agree(Case(ours, lambda x: grpo_formula(x, kind, level), [(BATCH, LENGTH + 1, VOCABULARY)]))
