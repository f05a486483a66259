"""Runs the Metal text that MLX makes for a kernel, on a CPU, and checks it."""

from __future__ import annotations

from .build import (
    MetalTextError,
    MissingClang,
    MissingCompiler,
    UnsupportedMachine,
    find_clang,
    static_check,
)
from .counts import Counts, Traffic, counted
from .dispatch import LaunchError, SimulatorResult, simulate
from .findings import Finding

__all__ = [
    "Counts",
    "Finding",
    "LaunchError",
    "MetalTextError",
    "MissingClang",
    "MissingCompiler",
    "SimulatorResult",
    "UnsupportedMachine",
    "Traffic",
    "counted",
    "find_clang",
    "simulate",
    "static_check",
]
