"""What differs between targets, as data. No pass and no emitter asks for a target by name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """`lanes`: threads of a simdgroup; 1 where one thread runs a whole program.

    `loop`, `inner_loop`: words before an outer and before an innermost register loop.
    `threadgroup_bytes`, `max_threads`: limits of one program (0: no such memory).
    `in_place`: loads and stores of a buffer meet in one memory.
    `dot`: the strategy for matrix products (lowering/dot.py).
    `reduce_chunk`: independent partial results of a reduction, for vector units.
    `wide_offsets`: sums of 32-bit offsets are 64-bit; else no array has 2^31 elements or more.
    `splits_full_tiles`: nests are written once without masks, for tiles that lie wholly inside.
    `tile_bytes`: what one tile may take of a thread's registers and private memory (0: no limit).
    `stack_bytes`: what the tiles of one program may take, where they live on a stack.
    """

    name: str
    lanes: int
    loop: str
    inner_loop: str
    threadgroup_bytes: int
    max_threads: int
    in_place: bool
    dot: str
    reduce_chunk: int
    fp64: bool
    wide_offsets: bool = False
    splits_full_tiles: bool = False
    tile_bytes: int = 0
    stack_bytes: int = 0


METAL = Target(
    name="metal",
    lanes=32,
    loop="#pragma clang loop unroll(full)",
    inner_loop="#pragma clang loop unroll(full)",
    threadgroup_bytes=32768,
    max_threads=1024,
    in_place=False,
    dot="staged_fma",
    reduce_chunk=0,
    fp64=False,
    tile_bytes=8192,
)

HOST = Target(
    name="host",
    lanes=1,
    loop="",
    inner_loop="TILE_LOOP",
    threadgroup_bytes=0,
    max_threads=1,
    in_place=True,
    dot="host_micro_kernel",
    reduce_chunk=64,
    fp64=True,
    wide_offsets=True,
    splits_full_tiles=True,
    stack_bytes=64 << 20,
)
