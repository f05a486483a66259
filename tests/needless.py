"""Barriers that nothing needs, looked for in every kernel that the tests launch (pytest --long).

Each barrier of a kernel is deleted in turn, and the launch is repeated in the simulator's checked mode. One
that no launch of the whole run misses is redundant, or the checker does not see a race: the run fails.
Of barriers in branches that no launch takes, and in loops that turn only once, nothing can be told so; they
are counted.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

import triton_mlx
from triton_mlx.runtime import metal
from triton_mlx.runtime.metal_call import MetalCall
from triton_mlx.runtime.simulator import counts, simulate

MOST_LAUNCHES = 4  # of one kernel, with different inputs
MOST_THREADGROUPS = 64
# Kernels whose barriers other launches may need: their rows lie a stride or a grid apart, or behind a mask,
# that the launch alone knows; or they are made at random, with data that leaves a branch's result unused.
# In "running" lanes of one simdgroup read, then others of it write; the simulator runs them in step.
OTHER_LAUNCHES = (
    "_attn_res_bwd_kernel", "_block_rms_norm_backward_kernel", "_fused_add_rms_norm_backward_kernel",
    "_group_norm_backward_kernel", "_kl_div_kernel", "_layer_norm_backward_kernel",
    "_mhc_post_res_bwd_kernel", "_mhc_pre_bwd_kernel", "_modulated_rms_norm_backward_kernel",
    "_poly_norm_backward_kernel", "_rms_norm_backward_kernel", "_swiglu_fused_gate_up_backward_kernel",
    "counts_kernel", "product_kernel", "queue_kernel", "kernel", "fused_3", "_moe_router_histogram_kernel",
    "_fused_up_proj_swiglu_kernel", "running", "softmax_rows_kernel", "many_products_kernel", "strided",
)  # fmt: skip


@dataclass(slots=True)
class Kernel:
    """One text, and the lines of it whose deletion nothing noticed so far.

    `tried`: those that some launch reached, in loops more than once.
    """

    name: str
    source: str
    open: set[int]
    tried: set[int] = field(default_factory=set)
    launches: int = 0
    tests: list[str] = field(default_factory=list)


found: dict[str, Kernel] = {}


def barriers(source: str) -> Iterator[int]:
    """Numbers of the lines with a barrier."""
    for number, line in enumerate(source.split("\n")):
        if "_barrier(" in line:
            yield number


def without(call: MetalCall, number: int) -> MetalCall:
    """`call` without that line."""
    lines = call.source.split("\n")
    return replace(call, source="\n".join("" if k == number else t for k, t in enumerate(lines)))


def install(patch: pytest.MonkeyPatch, test: str) -> None:
    """Delete barriers from what is launched from here on."""
    run = metal._run

    def tried(launcher: Any, call: MetalCall, inputs: Any) -> Any:
        outputs = run(launcher, call, inputs)
        if launcher.choice.name == "simulate" and "_barrier(" in call.source:
            _try(call, inputs, test)
        return outputs

    patch.setattr(metal, "_run", tried)


def _try(call: MetalCall, inputs: Any, test: str) -> None:
    kernel = found.setdefault(
        call.source, Kernel(call.name, call.source, set(barriers(call.source)))
    )
    groups = call.grid[0] // call.threadgroup[0] * call.grid[1] * call.grid[2]
    if kernel.launches >= MOST_LAUNCHES or groups > MOST_THREADGROUPS:
        return
    kernel.launches += 1
    kernel.tests.append(test)
    for number in sorted(kernel.open):
        with _uncounted():
            simulated = simulate(without(call, number), inputs, checked=True)
        if simulated.findings:
            kernel.open.discard(number)
        elif number not in kernel.tried and _told(call, inputs, number, groups):
            kernel.tried.add(number)


def _told(call: MetalCall, inputs: Any, number: int, groups: int) -> bool:
    """True if this launch comes by that line often enough to need its barrier."""
    with _uncounted(), triton_mlx.counted() as found:
        simulate(call, inputs)
        simulate(without(call, number), inputs)
    turns = (found[0].threadgroup_barriers - found[1].threadgroup_barriers) / groups
    return turns > 1 if in_loop(call.source, number) else turns > 0


def in_loop(source: str, number: int) -> bool:
    """Whether a loop is open at that line: one block is one indentation deeper."""
    lines = source.split("\n")
    depth = _depth(lines[number])
    for line in reversed(lines[:number]):
        if line.strip() and _depth(line) < depth:
            depth = _depth(line)
            if line.lstrip().startswith(("for (", "while (")):
                return True
    return False


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


@contextlib.contextmanager
def _uncounted() -> Iterator[None]:
    """Launches inside are not the test's own: blocks of `counted` do not see them."""
    blocks = counts._open[:]
    counts._open.clear()
    try:
        yield
    finally:
        counts._open[:] = blocks


def handed_over() -> list[tuple[str, str, list[int], list[int], list[str]]]:
    """What a worker of pytest-xdist has found, for `join` of the process that reports."""
    return [
        (source, k.name, sorted(k.open), sorted(k.tried), k.tests) for source, k in found.items()
    ]


def join(others: list[tuple[str, str, list[int], list[int], list[str]]]) -> None:
    """A barrier that one worker's launches miss is needed; one that any could tell of was tried."""
    for source, name, still, tried, tests in others:
        kernel = found.setdefault(source, Kernel(name, source, set(barriers(source))))
        kernel.open &= set(still)
        kernel.tried |= set(tried)
        kernel.tests += tests


def untold() -> int:
    """Number of barriers of which no launch can tell anything."""
    return sum(len(kernel.open - kernel.tried) for kernel in found.values())


def report() -> list[str]:
    """What was never noticed, kernel by kernel, but for those that other launches may need."""
    told = []
    for kernel in found.values():
        name = kernel.name.rpartition("_")[0]
        if name in OTHER_LAUNCHES:
            continue
        lines = kernel.source.split("\n")
        for number in sorted(kernel.open & kernel.tried):
            near = "\n".join(lines[max(0, number - 4) : number + 5])
            told.append(f"{name}, line {number}, {kernel.tests[0]}:\n{near}")
    return told
