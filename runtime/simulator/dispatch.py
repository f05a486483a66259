"""One simulated launch, from the call to outputs and findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..metal_call import MetalCall
from .buffers import buffers_of, to_mlx
from .build import compile_text
from .counts import Counts, Traffic, counting, record
from .findings import Finding, causes_first, located, too_much_memory
from .native import dispatch

if TYPE_CHECKING:
    import mlx.core as mx

_MOST_THREADS = 1024
_MOST_THREADGROUP_BYTES = 32 * 1024


class LaunchError(ValueError):
    """A launch that Metal would refuse."""


@dataclass(frozen=True, slots=True)
class SimulatorResult:
    """Findings (causes before consequences), fresh output arrays, and what was counted.

    Counters, always: threads, threadgroups, threadgroup_barriers, simd_operations,
    simdgroup_barriers, matrix_multiplies, matrix_transfers, threadgroup_bytes (see Counts). In
    checked mode also bytes loaded and stored by all threads together: device_bytes_read,
    device_bytes_written, threadgroup_bytes_read, threadgroup_bytes_written. Device bytes include
    shapes and other constant buffers.
    """

    findings: tuple[Finding, ...]
    outputs: list[mx.array]
    counters: dict[str, int]


def simulate(
    call: MetalCall, inputs: Sequence[mx.array], *, checked: bool = False
) -> SimulatorResult:
    """Run a Metal kernel on the CPU, from the very text that MLX makes for it.

    Outputs start as 0xFF in every byte (Metal gives stale memory), or filled with `init_value`.
    Checked mode also looks at every memory access and at undefined arithmetic; it is several times
    slower; inside `counted` it is always on. A kernel that would crash is stopped, and the reason
    is a finding.
    Raises MissingClang, MissingCompiler, UnsupportedMachine; MetalTextError for a text that does
    not compile; LaunchError for a launch that Metal refuses.
    """
    counts = counting()
    checked = checked or counts
    group = _group_size(call)
    metal = call.text(inputs)
    library = compile_text(metal, checked=checked)
    buffers = buffers_of(call, metal, inputs)
    raw, counters, traffic = dispatch(
        library, call.grid, group, buffers, checked=checked, count_traffic=counts
    )
    if counts:
        record(_counts(call, counters, traffic))
    findings = located(raw, library, metal)
    if not checked:
        findings += [f for f in (b.overrun() for b in buffers) if f]
    memory = counters["threadgroup_bytes"]
    if memory > _MOST_THREADGROUP_BYTES:
        findings.append(too_much_memory(memory, _MOST_THREADGROUP_BYTES, metal))
    data = {b.name: b.data for b in buffers}
    described = zip(call.output_names, call.output_shapes, call.output_dtypes, strict=True)
    outputs = [to_mlx(data[name], shape, dtype) for name, shape, dtype in described]
    return SimulatorResult(causes_first(findings), outputs, counters)


def _counts(call: MetalCall, counters: Mapping[str, int], traffic: Mapping[str, Traffic]) -> Counts:
    # Bytes of device memory are in `traffic`, by buffer.
    rest = {name: n for name, n in counters.items() if not name.startswith("device_")}
    lines = len(call.source.splitlines())
    return Counts(kernel=call.name, buffers=traffic, source_lines=lines, **rest)


def _group_size(call: MetalCall) -> tuple[int, int, int]:
    if min(*call.grid, *call.threadgroup) < 1:
        raise LaunchError(
            f"{call.name}: grid {call.grid} and threadgroup {call.threadgroup} must be positive"
        )
    # As MLX does: a threadgroup is never larger than the grid.
    x, y, z = (min(size, most) for size, most in zip(call.threadgroup, call.grid, strict=True))
    if x * y * z > _MOST_THREADS:
        raise LaunchError(
            f"{call.name}: {x * y * z} threads in a threadgroup {(x, y, z)}, "
            f"Metal allows {_MOST_THREADS}"
        )
    return x, y, z
