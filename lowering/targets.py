"""What differs between targets, as data. No pass and no emitter asks for a target by name.

Limits come from the capability row of the device; words and strategies from its back end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..hwinfo import Capability
from .occupancy import Core, core_of
from .schedule import Staging
from .strategies import Unit, denied, units


@dataclass(frozen=True, slots=True)
class Target:
    """`lanes`: threads of a simdgroup; 1 where one thread runs a whole program.

    `loop`, `inner_loop`: words before an outer and before an innermost register loop; `masked_loop`:
    before an innermost one with conditional accesses to memory.
    `plain_loop`: before a register loop in which no register of a tile is chosen by the loop ("": as
    others); where it is, the loop must vanish, for registers have no addresses.
    `some_turns`: before a loop of which {count} turns are to stand in one.
    `threadgroup_bytes`, `max_threads`: limits of one program (0: no such memory). `product_bytes`: what
    operands of products on matrix units may take, if that is more.
    `array`: a word before the declaration of a thread's array.
    `in_place`: loads and stores of a buffer meet in one memory.
    `dot`: the strategy for matrix products (lowering/dot.py) that none of `units`, matrix units, takes;
    `denied`: why this machine does not use units that the table says it has. `staging`: the first choice of
    lowering/schedule.py, where no model of a core chooses.
    `reduce_chunk`: independent partial results of a reduction, for vector units.
    `wide_offsets`: sums of 32-bit offsets are 64-bit; else no array has 2^31 elements or more.
    `splits_full_tiles`: nests are written once without masks, for tiles that lie wholly inside.
    `registers`: 32-bit registers of a thread before they spill (0: no such limit).
    `vectors`: neighbours in memory are loaded and stored as packed vectors (else loops are left to the
    compiler). `vector_bytes`: the widest access, if vectors of more than four elements have types (0: no).
    `places`: where operands go in threadgroup memory is chosen by the model of its banks; else they stay as
    they are, rows eight elements further apart.
    `core`: what the programs on one core share, if it is known.
    `tile_bytes`: what one tile may take of a thread's registers and private memory (0: no limit).
    `preludes`: the texts before a kernel; `shared`: the word before the declaration of threadgroup memory.
    `product`: a function for products of floats, where the compiler would make them part of fused
    multiply-adds ("": a sign).
    `entry`: text before a kernel, with its number of threads for {threads} and for {programs} how many programs
    a core shall hold at once, whose registers are `core_registers` (lowering/kernel.py).
    `restricts`: the compiler must be told that arrays do not overlap, and vectors of memory are aligned.
    `stack_bytes`: what the tiles of one program may take, where they live on a stack.
    """

    name: str
    lanes: int
    loop: str
    inner_loop: str
    masked_loop: str
    plain_loop: str
    some_turns: str
    threadgroup_bytes: int
    max_threads: int
    array: str
    in_place: bool
    dot: str
    reduce_chunk: int
    fp64: bool
    wide_offsets: bool = False
    splits_full_tiles: bool = False
    tile_bytes: int = 0
    stack_bytes: int = 0
    units: tuple[Unit, ...] = ()
    denied: tuple[str, ...] = ()
    registers: int = 0
    vectors: bool = False
    vector_bytes: int = 0
    product_bytes: int = 0
    staging: Staging = "padded"
    places: bool = False
    core: Core | None = None
    preludes: tuple[str, ...] = ()
    shared: str = ""
    product: str = ""
    restricts: bool = False
    entry: str = ""
    core_registers: int = 0

    def widest(self, element_bytes: int) -> int:
        """Elements of the widest vector of memory."""
        return max(_WIDEST, self.vector_bytes // max(_SMALLEST, element_bytes))

    @property
    def operand_bytes(self) -> int:
        """Threadgroup memory for operands of products on matrix units."""
        return max(self.threadgroup_bytes, self.product_bytes)


# Vectors that Metal has types for; and what a byte is widened to, so that a thread does not hold too many.
_WIDEST, _SMALLEST = 4, 2
# What M1 and M2 have; of newer chips it is not known, and they have no less.
_FEWEST_REGISTERS = 128


def target_for(row: Capability) -> Target:
    """How to lower for the device of a capability row."""
    return _BACKENDS[row.backend](row)


def _metal(row: Capability) -> Target:
    unrolled = "#pragma clang loop unroll(full)"
    return Target(
        name="metal",
        lanes=row.value("simd_width"),
        loop=unrolled,
        inner_loop=unrolled,
        masked_loop=unrolled,
        plain_loop="#pragma clang loop unroll_count(4)",
        some_turns="#pragma clang loop unroll_count({count})",
        threadgroup_bytes=row.value("threadgroup_memory_bytes"),
        max_threads=row.value("max_threads_per_threadgroup"),
        array="",
        in_place=False,
        dot="staged_fma",
        reduce_chunk=0,
        fp64=row.value("fp64"),
        vectors=True,
        places=True,
        core=core_of(row),
        tile_bytes=8192,
        registers=row.get("register_spill_threshold", _FEWEST_REGISTERS),
        units=units(row),
        denied=denied(row),
        preludes=("words.h", "thread_words.h", "metal_words.h"),
        shared="threadgroup",
    )


# MLX says `__global__` and no more. Without these numbers, the compiler takes more registers than a large
# program has, or so many that few programs share a core.
_CUDA_ENTRY = """
#undef __global__
#define __global__ __attribute__((global)) __launch_bounds__({threads}, {programs})
"""


def _cuda(row: Capability) -> Target:
    return Target(
        name="cuda",
        lanes=row.value("simd_width"),
        loop="#pragma unroll",
        inner_loop="#pragma unroll",
        masked_loop="#pragma unroll",
        plain_loop="#pragma unroll 4",
        some_turns="#pragma unroll {count}",
        threadgroup_bytes=row.value("threadgroup_memory_bytes"),
        max_threads=row.value("max_threads_per_threadgroup"),
        array="",
        in_place=False,
        dot="staged_fma",
        reduce_chunk=0,
        fp64=row.value("fp64"),
        vectors=True,
        vector_bytes=16,
        product_bytes=row.get("threadgroup_memory_optin_bytes", 0),
        staging="doubled",
        tile_bytes=8192,
        registers=row.value("register_spill_threshold"),
        preludes=("cuda_words.h", "words.h", "thread_words.h", "cuda_end.h"),
        shared="__shared__",
        product="tile_product",
        restricts=True,
        units=units(row),
        entry=_CUDA_ENTRY,
        core_registers=row.get("registers_kb_per_core", 0) * 1024 // 4,
    )


def _host(row: Capability) -> Target:
    return Target(
        name="host",
        lanes=row.value("simd_width"),
        loop="TILE_OUTER",
        inner_loop="TILE_LOOP",
        masked_loop="TILE_MASKED",
        plain_loop="",
        some_turns="",
        threadgroup_bytes=row.value("threadgroup_memory_bytes"),
        max_threads=row.value("max_threads_per_threadgroup"),
        array="alignas(64) ",  # g++ 12 has been seen to align stores that its array did not have
        in_place=True,
        dot="host_micro_kernel",
        reduce_chunk=64,
        fp64=row.value("fp64"),
        wide_offsets=True,
        splits_full_tiles=True,
        stack_bytes=64 << 20,
    )


_BACKENDS: dict[str, Callable[[Capability], Target]] = {
    "metal": _metal,
    "cuda": _cuda,
    "host": _host,
}
