"""What simulated kernels load, store and meet for: numbers that need no GPU and no clock."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes that all threads together load from and store to one buffer.

    `distinct_read` and `distinct_written` count each byte of the buffer once. An atomic operation
    counts as a read and a write. What a compiler leaves out, such as the second of two equal loads,
    is not counted; there are no caches here, so a byte that two threads load counts twice. Only in
    `fetched` it counts once for the lanes of a simdgroup that load it together, as memory sees it.
    """

    read: int
    written: int
    fetched: int
    distinct_read: int
    distinct_written: int


@dataclass(frozen=True, slots=True)
class Counts:
    """One launch of one kernel. Sums over all of its threadgroups, except `threadgroup_bytes`.

    `buffers`: device buffers by their names in the Metal text, shapes and scalars among them.
    `threadgroup_bytes`: memory of one threadgroup; `threadgroup_bytes_read` and
    `threadgroup_bytes_written`: bytes loaded from and stored to such memory.
    `threadgroup_barriers`: a barrier passed by a whole threadgroup counts once; likewise, per
    simdgroup, `simdgroup_barriers`, `simd_operations` (shuffles, reductions, scans and votes),
    `matrix_multiplies` (8x8x8 multiply-accumulates) and `matrix_transfers` (simdgroup_load, _store).
    `source_lines`: of the kernel's body.
    `bank_conflicts`: times that a simdgroup waits for a bank of threadgroup memory, modelled as 32
    banks of 4 bytes.
    """

    kernel: str
    threads: int
    threadgroups: int
    threadgroup_bytes: int
    buffers: Mapping[str, Traffic]
    threadgroup_bytes_read: int
    threadgroup_bytes_written: int
    bank_conflicts: int
    threadgroup_barriers: int
    simdgroup_barriers: int
    simd_operations: int
    matrix_multiplies: int
    matrix_transfers: int
    source_lines: int

    @property
    def device_bytes_read(self) -> int:
        """Bytes loaded from all buffers."""
        return sum(traffic.read for traffic in self.buffers.values())

    @property
    def device_bytes_fetched(self) -> int:
        """Bytes loaded from all buffers; what lanes of a simdgroup load together counts once."""
        return sum(traffic.fetched for traffic in self.buffers.values())

    @property
    def device_bytes_written(self) -> int:
        """Bytes stored to all buffers."""
        return sum(traffic.written for traffic in self.buffers.values())


_open: list[list[Counts]] = []


@contextlib.contextmanager
def counted() -> Iterator[list[Counts]]:
    """Count what launches on the simulate target do: one Counts per kernel launch, in their order.

    Launches inside run in checked mode. Blocks may be nested; each gets all launches inside it.

        with triton_mlx.use("simulate"), triton_mlx.counted() as counts:
            kernel[grid](x, y, out, n, BLOCK=256)
        print(counts[0].buffers["x_ptr"].read)
    """
    counts: list[Counts] = []
    _open.append(counts)
    try:
        yield counts
    finally:
        # By identity: an equal list may belong to an outer block.
        _open[:] = [each for each in _open if each is not counts]


def counting() -> bool:
    """Is any block of `counted` open?"""
    return bool(_open)


def record(counts: Counts) -> None:
    """Give a launch to every open block."""
    for each in _open:
        each.append(counts)
