"""Every kernel that a test launches on the simulate target is judged as text, whatever the test is about.

The static check of the simulator must find nothing, and the kernel must fit every chip of the table. A text is
judged once; verdicts without errors are kept in the disk cache, so that a second run costs nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest

from triton_mlx import hwinfo
from triton_mlx.lowering.fit import lower_to_fit
from triton_mlx.lowering.record import BufferFacts, Kernel
from triton_mlx.lowering.schedule import MODEL, Schedule
from triton_mlx.lowering.targets import Target, target_for
from triton_mlx.runtime import cache, lowered, metal
from triton_mlx.runtime.metal_call import MetalCall
from triton_mlx.runtime.simulator import MissingClang, static_check
from triton_mlx.runtime.simulator.build import _sources_digest

_seen: set[str] = set()
_CHIPS = [r for r in hwinfo.rows() if r.backend == "metal"]


class Rejected(AssertionError):
    """A kernel that was emitted is not what Metal takes."""


def install(patch: pytest.MonkeyPatch, spills: bool = False) -> None:
    """Judge what is emitted from here on. `spills`: kernels here may need more registers than there are."""
    run, kernel_for = metal._run, lowered.kernel_for

    def judged_run(launcher: Any, call: MetalCall, inputs: Any) -> Any:
        if launcher.choice.name == "simulate":
            judge_text(call, inputs)
        return run(launcher, call, inputs)

    def judged_kernel(
        text: str,
        target: str,
        num_warps: int,
        facts: Mapping[int, BufferFacts],
        schedule: Schedule = MODEL,
    ) -> Kernel:
        kernel = kernel_for(text, target, num_warps, facts, schedule)
        if target.startswith("simulate") or target.startswith("metal"):
            # A schedule is for one chip.
            others = None if schedule != MODEL else partial(_lowered, text, num_warps, facts)
            judge_fit(kernel, target, spills, others)
        return kernel

    patch.setattr(metal, "_run", judged_run)
    patch.setattr(lowered, "kernel_for", judged_kernel)


def _lowered(text: str, warps: int, facts: Mapping[int, BufferFacts], target: Target) -> Kernel:
    return lower_to_fit(lowered.function_of(text), target, warps, facts)


def judge_text(call: MetalCall, inputs: Any) -> None:
    """Raises Rejected for what the static check finds in the text of `call`."""
    text = call.text(inputs).text
    key = cache.digest("static", text, _sources_digest())
    if key in _seen or cache.lookup("judged", key, "clean"):
        return
    try:
        errors = static_check(text)
    except MissingClang:
        return
    if errors:
        raise Rejected(f"{call.name}:\n" + "\n".join(errors))
    _seen.add(key)
    cache.write("judged", key, "clean", b"clean")


def judge_fit(
    kernel: Kernel, arch: str, spills: bool, lower: Callable[[Target], Kernel] | None = None
) -> None:
    """Raises Rejected where `kernel`, or what `lower` makes for another chip, is too much for a chip."""
    own = lowered._row(arch)
    for name, target, buffers in _limits():
        made = kernel if target == own or lower is None else lower(target)
        faults = {
            "threads": made.threads > target.max_threads,
            "threadgroup memory": made.threadgroup_bytes > target.threadgroup_bytes,
            "buffers": _buffers(made) > buffers,
            "registers": made.registers > target.registers and not spills,
        }
        if any(faults.values()):
            found = ", ".join(k for k, bad in faults.items() if bad)
            raise Rejected(f"{kernel.name} on {name}: {found} ({made.registers}, {made.schedule})")


def _buffers(kernel: Kernel) -> int:
    outputs = [a for a in kernel.accesses if a.mode != "read"]
    marks = sum(a.mode == "merged" for a in outputs)
    rest = bool(kernel.scalars) + bool(kernel.sites)
    return len(kernel.inputs) + max(1, len(outputs)) + marks + rest


@functools.cache
def _limits() -> tuple[tuple[str, Target, int], ...]:
    """(chip, target, buffers) of every chip, those that lower alike only once."""
    found: dict[tuple[Target, int], str] = {}
    for row in _CHIPS:
        found.setdefault((target_for(row), row.value("max_buffers")), row.name)
    return tuple((name, target, buffers) for (target, buffers), name in found.items())
