"""What the simulator counts for the gate's cases: numbers that need no clock and no GPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..simulator import Counts

TARGET = "simulate"
ROWS = COLS = 96


@dataclass(frozen=True, slots=True)
class Case:
    """`call` launches kernels on small inputs and returns its results; it is run inside `fuse`."""

    name: str
    config: str
    call: Callable[[], Any]


def cases() -> list[Case]:
    """The sequences of launches, then the example kernels."""
    import mlx.core as mx

    from ...examples import attention, dropout, elementwise, layernorm, matmul, sequences, softmax

    def normal(*shape: int, dtype: Any = mx.float32) -> mx.array:
        return mx.random.normal(shape, key=mx.random.key(len(shape))).astype(dtype)

    def sequence(each: sequences.Sequence) -> Case:
        config = f"{ROWS}x{COLS} float32"
        return Case(each.name, config, lambda: each.launches(normal(ROWS, COLS), again, row))

    again, row = normal(ROWS, COLS) * 0.5, normal(COLS)
    wide, a, half = normal(4, 1000), normal(64, 96), mx.float16
    q = normal(1, 2, 64, 64, dtype=half)
    k, v = q * 0.5, q * 0.25
    return [
        *map(sequence, sequences.SEQUENCES),
        Case("add", "4x1000 float32", lambda: elementwise.add(wide, wide * 2)),
        Case("dropout", "4x1000 float32", lambda: dropout.dropout(wide, 0.5, 7)),
        Case("softmax", "4x1000 float32", lambda: softmax.softmax(wide)),
        Case("softmax_long", "4x1000 float32", lambda: softmax.softmax_long(wide, 256)),
        Case("layer_norm_kernel", "96x96 float32", lambda: layernorm.layer_norm(again, row, row * 2)),
        Case("matmul", "64x96x80 float32", lambda: matmul.matmul(a, normal(96, 80))),
        Case(
            "matmul half", "64x96x80 float16",
            lambda: matmul.matmul(a.astype(half), normal(96, 80, dtype=half)),
        ),
        Case("linear", "64x96x96 float32", lambda: matmul.linear(a, again, row, 0.1)),
        Case("attention", "1x2x64x64 float16", lambda: attention.attention(q, k, v)),
        Case("attention causal", "1x2x64x64 float16", lambda: attention.attention(q, k, v, True)),
    ]  # fmt: skip


def count(case: Case) -> dict[str, int]:
    """Measure → number. Less of each is better. Raises what lowering and the simulator raise."""
    import mlx.core as mx

    import triton_mlx

    with mx.stream(mx.cpu), triton_mlx.use(TARGET), triton_mlx.counted() as counts:
        with triton_mlx.fuse() as scope:
            result = case.call()
            launched = len(counts)
        mx.eval(result)
    return summed(_left(counts, launched, scope.report.groups))


def _left(counts: Sequence[Counts], launched: int, groups: Sequence[Sequence[int]]) -> list[Counts]:
    """The kernels that a fused sequence is: joint ones ran at its end, others as they were launched."""
    joint = list(counts[launched:])
    again = {c.kernel for c in joint}  # a launch that reads what a joint one makes ran twice
    alone = [counts[group[0]] for group in groups if len(group) == 1]
    return [c for c in alone if c.kernel not in again] + joint


_SUMS = {
    "threadgroup barriers": "threadgroup_barriers",
    "simdgroup barriers": "simdgroup_barriers",
    "simd operations": "simd_operations",
    "matrix multiplies": "matrix_multiplies",
    "matrix transfers": "matrix_transfers",
    "threadgroup bytes read": "threadgroup_bytes_read",
    "threadgroup bytes written": "threadgroup_bytes_written",
    "source lines": "source_lines",
}


def summed(kernels: Sequence[Counts]) -> dict[str, int]:
    """Sums over kernels; threadgroup bytes of the largest; device bytes of every buffer."""
    found = {name: sum(getattr(c, field) for c in kernels) for name, field in _SUMS.items()}
    found["kernels"] = len(kernels)
    found["threadgroup bytes"] = max((c.threadgroup_bytes for c in kernels), default=0)
    for number, kernel in enumerate(kernels):
        of = f" of kernel {number}" if len(kernels) > 1 else ""
        for name, traffic in kernel.buffers.items():
            found[f"bytes read: {name}{of}"] = traffic.read
            found[f"bytes written: {name}{of}"] = traffic.written
    return {name: n for name, n in sorted(found.items()) if n}
