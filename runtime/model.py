"""A modelled time of a kernel on a chip: the slowest of the things that it does. Never a measurement.

The work comes from counts (the simulator's and the evaluator's), the rates from the hardware table. What
overlaps is taken to overlap fully, and caches to be perfect, so a real time is not below the modelled one
if the table is right; how far above it is nobody knows without the chip. (S. Williams et al., Roofline, 2009.)
"""

from __future__ import annotations

from dataclasses import dataclass

from ..hwinfo import Capability

# 8x8x8 products and sums of one multiplication of simdgroup matrices.
MATRIX_FLOPS = 2 * 8**3
_LANES, _WORD_BYTES = 32, 4


@dataclass(frozen=True, slots=True)
class Work:
    """What a launch does. `bytes`: of memory, each counted once; `alu`: in multiply-adds of a lane;
    `matrices`: 8x8x8 multiplications by the ALUs' rate; `tensors`: those of tensor operations, on operands of
    16 bits; `shuffles`: simd operations of a simdgroup."""

    bytes: int
    alu: int
    matrices: int
    shuffles: int
    threadgroups: int
    tensors: int = 0

    def scaled(self, factor: int, memory: int) -> Work:
        """`factor` times as many programs, which together touch `memory` bytes."""
        return Work(
            memory,
            self.alu * factor,
            self.matrices * factor,
            self.shuffles * factor,
            self.threadgroups * factor,
            self.tensors * factor,
        )


@dataclass(frozen=True, slots=True)
class Estimate:
    """Modelled seconds and what they go into: memory, ALU, matrix or shuffle.

    `at_least`: a rate that is not known was taken as its upper limit.
    """

    seconds: float
    bound: str
    at_least: bool = False


def estimate(row: Capability, work: Work) -> Estimate | None:
    """The time of `work` on the chip of `row`; None if the table lacks a peak or the bandwidth."""
    tflops, bandwidth = row.get("fp32_tflops"), row.get("bandwidth_gbs")
    cores = row.get("cores")
    if not tflops or not bandwidth or not cores:
        return None
    busy = min(1.0, max(1, work.threadgroups) / cores)
    fraction = row.get("matmul_peak_fraction")
    tensor_seconds = _tensor_seconds(row, work, busy)
    if tensor_seconds is None:
        return None
    parts = {
        "memory": work.bytes / (bandwidth * 1e9),
        "ALU": 2 * work.alu / (tflops * 1e12 * busy),
        "matrix": tensor_seconds
        + MATRIX_FLOPS * work.matrices / (tflops * 1e12 * (fraction or 1.0) * busy),
        "shuffle": _shuffle_seconds(row, work, busy),
    }
    bound = max(parts, key=lambda name: parts[name])
    return Estimate(parts[bound], bound, bound == "matrix" and fraction is None)


def _tensor_seconds(row: Capability, work: Work, busy: float) -> float | None:
    """None where the table does not know how fast they are."""
    if not work.tensors:
        return 0.0
    rate, clock = row.get("tensor_fp16_per_clock"), row.get("clock_ghz")
    if not rate or not clock:
        return None
    per_second: float = 2 * rate * clock * 1e9 * row.value("cores") * busy
    return MATRIX_FLOPS * work.tensors / per_second


def _shuffle_seconds(row: Capability, work: Work, busy: float) -> float:
    rate, clock = row.get("shuffle_bytes_per_clock"), row.get("clock_ghz")
    if not rate or not clock:
        return 0.0
    seconds: float = (
        work.shuffles * _LANES * _WORD_BYTES / (rate * clock * 1e9 * row.value("cores") * busy)
    )
    return seconds
