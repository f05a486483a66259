"""Source of launched kernels, for people and reports."""

from __future__ import annotations

from typing import Any

from ..lowering.record import Kernel
from . import lowered
from .launch import Launcher
from .metal import plan


def last_launcher(kernel: Any) -> Launcher:
    """The launcher of the kernel's last launch; `kernel` may be autotuned or wrapped in heuristics."""
    while (
        id(kernel) not in Launcher.last
        and hasattr(kernel, "fn")
        and not callable(getattr(kernel, "cache_key", None))
    ):
        kernel = kernel.fn
    if id(kernel) not in Launcher.last:
        name = getattr(kernel, "__name__", str(kernel))
        raise LookupError(f"{name} has not been launched in this process: launch it once first")
    return Launcher.last[id(kernel)]


def lowered_last(kernel: Any, target: str) -> Kernel:
    """What `kernel`'s last launch becomes on "host", "simulate", "metal" or "cuda" (":M3 Max" for a chip)."""
    launcher = last_launcher(kernel)
    facts = launcher.last_facts
    if target == "host":
        return lowered.kernel_for(launcher.text, target, launcher.num_warps, facts)
    key = (launcher.last_scalars, launcher.last_grid, launcher.last_sizes)
    return plan(launcher.text, target, launcher.num_warps, facts, key)


def emit_last(kernel: Any, target: str = "metal") -> str:
    """The body of `kernel` for `target`, as its last launch would need it. Raises LookupError."""
    return lowered_last(kernel, target).body
