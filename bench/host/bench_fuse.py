"""Launches joined by `fuse` against the same launches apart, and against mx.compile of the same formula.

Arrays of 8M float32 are larger than the caches of a processor. Both sides run in alternating rounds on the host
target, allocate what they write (mx.zeros), and evaluate the result; a floor of the ratio is asserted.
"""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import pytest
from conftest import Comparison

import triton_mlx
from triton_mlx.examples.sequences import SEQUENCES, Sequence

pytestmark = pytest.mark.usefixtures("host")

COLUMNS, ROWS = 1024, 8192
CONFIG = f"{ROWS}x{COLUMNS} float32"
ROUNDS = 5
SHORT = ("chain", "residual_norm")

# Name of the sequence → floors of how many times faster than the launches apart, and than mx.compile.
FLOORS = {
    "gated": (1.3, 2.0),
    "chain": (1.5, 0.3),
    "residual_norm": (1.3, 2.0),
    "layer_norm": (1.2, 1.0),
    "attention_weights": (1.5, 2.0),
    "rope": (1.3, 0.5),
    "swiglu_backward": (2.0, 2.0),
    "adam": (2.0, 0.5),
    "momentum": (0.7, 0.2),
    "feed_forward": (0.6, 2.0),
}
some_short = [pytest.param(s, marks=[pytest.mark.short] * (s.name in SHORT)) for s in SEQUENCES]


def inputs() -> tuple[mx.array, mx.array, mx.array]:
    x, y = (mx.random.normal((ROWS, COLUMNS), key=mx.random.key(k)) for k in (0, 1))
    w = mx.random.normal((COLUMNS,), key=mx.random.key(2))
    mx.eval(x, y, w)
    return x, y, w


def agree(ours: Any, theirs: Any) -> bool:
    pairs = zip(*(r if isinstance(r, tuple) else (r,) for r in (ours, theirs)), strict=True)
    # Half precision rounds to 3 digits, sums of 1024 products to 4.
    return all(mx.allclose(a, b, 1e-2, 1e-2).item() for a, b in pairs)


@pytest.mark.parametrize("sequence", some_short, ids=lambda s: s.name)
def test_fused_against_apart(sequence: Sequence, speedup: Comparison) -> None:
    arrays = inputs()
    fused = triton_mlx.fuse(sequence.launches)
    ratio = speedup(
        lambda: fused(*arrays),
        lambda: sequence.launches(*arrays),
        config=CONFIG,
        rival="the launches apart",
        rounds=ROUNDS,
    )
    assert len(triton_mlx.fuse_report(fused).groups) == 1
    assert ratio >= FLOORS[sequence.name][0]


@pytest.mark.parametrize("sequence", SEQUENCES, ids=lambda s: s.name)
def test_fused_against_mx_compile(sequence: Sequence, speedup: Comparison) -> None:
    arrays = inputs()
    fused, compiled = triton_mlx.fuse(sequence.launches), mx.compile(sequence.formula)
    assert agree(fused(*arrays), compiled(*arrays))
    ratio = speedup(
        lambda: fused(*arrays),
        lambda: compiled(*arrays),
        config=CONFIG,
        rival="mx.compile",
        rounds=ROUNDS,
    )
    assert ratio >= FLOORS[sequence.name][1]
