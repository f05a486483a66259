"""docs/modelled.md: what the model says of the examples on every chip of the table."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np

import triton_mlx
from triton_mlx import hwinfo
from triton_mlx.examples import attention, dropout, elementwise, layernorm, matmul, softmax
from triton_mlx.fusion.evaluate import evaluate
from triton_mlx.fusion.graph import Node
from triton_mlx.fusion.ops import OPS
from triton_mlx.lowering.products import unit_for
from triton_mlx.lowering.strategies import units
from triton_mlx.runtime.inspect import last_launcher
from triton_mlx.runtime.lowered import function_of, unpack
from triton_mlx.runtime.model import Estimate, Work, estimate

PATH = Path(__file__).resolve().parents[2] / "docs" / "modelled.md"


def halves(*shape: int) -> mx.array:
    return mx.zeros(shape, mx.float16)


@dataclass(frozen=True)
class Case:
    """`launch` runs some programs of `kernel`; the whole problem is `times` as many, on `bytes` of memory."""

    name: str
    kernel: Any
    launch: Callable[[], Any]
    times: int
    bytes: int


def _matmul_launch() -> None:
    a, b, out = halves(64, 4096), halves(4096, 64), halves(64, 64)
    matmul.matmul_kernel[(1,)](
        a, b, a, out, 64, 64, 4096, 4096, 1, 64, 1, 64, 1, 0.0,
        BM=64, BN=64, BK=32, GROUP=8, BIAS=False, LEAKY_RELU=False,
    )  # fmt: skip


def _attention_launch() -> None:
    keys = halves(1, 1, 4096, 64)
    attention.attention(halves(1, 1, 64, 64), keys, keys)


MI = 1 << 20
CASES = (
    Case(
        "add, 64 Mi elements",
        elementwise.add_kernel,
        lambda: elementwise.add(halves(8192), halves(8192)),
        64 * MI // 8192,
        3 * 2 * 64 * MI,
    ),
    Case(
        "dropout, 64 Mi elements",
        dropout.dropout_kernel,
        lambda: dropout.dropout(halves(8192), 0.5, 1),
        64 * MI // 8192,
        2 * 2 * 64 * MI,
    ),
    Case(
        "softmax, 8192 x 4096",
        softmax.softmax_kernel,
        lambda: softmax.softmax(halves(1, 4096)),
        8192,
        2 * 2 * 32 * MI,
    ),
    Case(
        "layer norm, 8192 x 4096",
        layernorm.layer_norm_kernel,
        lambda: layernorm.layer_norm(halves(1, 4096), halves(4096), halves(4096)),
        8192,
        2 * 2 * 32 * MI + 2 * 2 * 4096,
    ),
    Case("matmul, 4096³", matmul.matmul_kernel, _matmul_launch, 64 * 64, 3 * 2 * 16 * MI),
    Case(
        "attention, 4 x 16 x 4096 x 64",
        attention.attention_kernel,
        _attention_launch,
        4 * 16 * 64,
        4 * 2 * 16 * MI,
    ),
)


_NUMPY: dict[str, Any] = {"half": np.float16, "float": np.float32}


def on(row: hwinfo.Capability, case: Case, work: Work) -> Work:
    """`work` as the chip of `row` does it: the products of a case are of one kind."""
    found = function_of(last_launcher(case.kernel).text)
    dots = [n for n in found.body.walk() if n.op == "dot"]
    chosen = {unit_for(dot, units(row)) for dot in dots}
    if not any(unit and unit.peak == "tensor" for unit in chosen):
        return work
    assert len(chosen) == 1, case.name
    return replace(work, matrices=0, tensors=work.matrices)


def work_of(case: Case) -> Work:
    """Counted: by the simulator what the Metal text does, by the evaluator the element operations."""
    with triton_mlx.use("simulate"), triton_mlx.counted() as counts:
        case.launch()
    (count,) = counts
    small = Work(
        0, _element_operations(case.kernel), count.matrix_multiplies, count.simd_operations, count.threadgroups
    )  # fmt: skip
    return small.scaled(case.times, case.bytes)


def _element_operations(kernel: Any) -> int:
    """Multiply-adds of one lane that the launch's elementwise operations and reductions cost."""
    launcher = last_launcher(kernel)
    function = function_of(launcher.text)
    slots = [k for k, p in enumerate(function.parameters) if not p.type.is_pointer]
    scalars = {
        k: unpack(function.parameters[k].type.scalar, launcher.last_scalars[8 * n : 8 * n + 8])
        for n, k in enumerate(slots)
    }
    arrays: dict[int, np.ndarray[Any, Any]] = {}
    owners = sorted({f.same_as for f in launcher.last_facts.values()})
    for k, facts in launcher.last_facts.items():
        size = launcher.last_sizes[owners.index(facts.same_as)]
        arrays[k] = arrays.get(facts.same_as, np.zeros(size, _NUMPY[facts.storage]))
    total = 0

    def each(node: Node) -> None:
        nonlocal total
        kind = OPS[node.op].kind
        if kind == "elementwise" and not node.types[0].is_pointer:
            total += OPS[node.op].cost * math.prod(node.types[0].shape)
        elif node.op == "reduce":
            total += math.prod(node.inputs[0].type.shape) * len(node.regions[0])

    evaluate(function, arrays, scalars, launcher.last_grid, each=each)
    return total


HEAD = """# Modelled times

**Nothing on this page was measured.** No Apple GPU was at hand: each time is what a roofline model
(triton_mlx/runtime/model.py) makes of counted work and of the rates in the hardware table, most of which come
from the literature at second hand. Caches are perfect and everything overlaps, so a real time should not be
below the modelled one; how far above it is nobody knows without the chip.

Element type float16. The Metal text of each example was run by the simulator, which counted its matrix
multiplications and simd operations; element operations were counted by the evaluator, a division or an
exponential as 8. Products run on tensor operations where a chip has neural accelerators (M5), which no device
has verified, else on 8x8 matrices. Of a bound, M is memory, A the ALUs, X the matrix units, S shuffles. ≥: how
much of the peak matrix kernels reach on that chip is not known, and all of it was assumed.
`python -m pytest tests/simulator/test_modelled.py --update-golden` writes this page.

"""


def _cell(found: Estimate | None) -> str:
    if found is None:
        return "?"
    letter = {"memory": "M", "ALU": "A", "matrix": "X", "shuffle": "S"}[found.bound]
    return f"{'≥ ' if found.at_least else ''}{found.seconds * 1e3:.3g} {letter}"


def render() -> str:
    works = [work_of(case) for case in CASES]
    lines = ["| chip, times in ms | " + " | ".join(c.name for c in CASES) + " |"]
    lines.append("|---" * (len(CASES) + 1) + "|")
    for row in hwinfo.rows():
        if row.backend == "metal" and row.name != "simulator":
            cells = [_cell(estimate(row, on(row, case, w))) for case, w in zip(CASES, works)]
            lines.append(f"| {row.name} | " + " | ".join(cells) + " |")
    lines += ["", "What was counted, for the whole problem:", ""]
    lines += ["| kernel | MB of memory | element operations | 8x8x8 products | simd operations |"]
    lines += ["|---|---|---|---|---|"]
    for case, work in zip(CASES, works):
        numbers = (
            f"{work.bytes / 1e6:.4g} | {work.alu:.3g} | {work.matrices:.3g} | {work.shuffles:.3g}"
        )
        lines.append(f"| {case.name} | {numbers} |")
    return HEAD + "\n".join(lines) + "\n"
