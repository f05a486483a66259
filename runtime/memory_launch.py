"""Launches on numpy arrays and torch tensors, alone or beside mx.arrays: done when the launch returns.

On the host the kernel works on the memory itself. Elsewhere the memory is copied to an mx.array and what the
kernel wrote is copied back.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..fusion.errors import BadArgument
from ..lowering.record import BufferFacts, Kernel
from ..lowering.schedule import MODEL, Schedule
from . import lowered, native, transforms
from .arrays import Block, block_of, flat, is_memory
from .tune.lookup import Finder

if TYPE_CHECKING:
    from .launch import Call, Launcher

Grid = tuple[int, int, int]

# MLX has no float64 on a GPU, and makes float32 of it unasked: there its bits are integers.
_AS_BITS = {"double": "ulong"}


def prepare(
    launcher: Launcher,
    facts: Mapping[int, BufferFacts],
    places: Sequence[int],
    names: Sequence[str],
) -> Call:
    """A call on arrays of any kind, one per entry of `places` (parameter indexes, one per object)."""
    launch = _OnHost(launcher) if launcher.choice.name == "host" else _Copied(launcher)

    def call(arrays: Sequence[Any], scalars: bytes, grid: Grid) -> None:
        blocks = {p: block_of(a, n) for p, a, n in zip(places, arrays, names) if is_memory(a)}
        shared, overlaps = _sharing(blocks)
        overlaps = overlaps or launcher.anywhere is not None
        known = {
            k: replace(f, same_as=shared.get(f.same_as, f.same_as), overlaps=overlaps)
            for k, f in facts.items()
        }
        launch.run(known, dict(zip(places, arrays)), blocks, scalars, grid)

    return call


def _sharing(blocks: Mapping[int, Block]) -> tuple[dict[int, int], bool]:
    """(parameter → first parameter at the same address, whether others overlap)."""
    first: dict[int, int] = {}
    shared = {p: first.setdefault(b.address, p) for p, b in blocks.items()}
    distinct = [blocks[p] for p in sorted(set(shared.values()))]
    ordered = sorted(distinct, key=lambda b: b.low)
    overlaps = any(a.high > b.low for a, b in zip(ordered, ordered[1:]))
    return shared, overlaps


def _check_writable(kernel: Kernel, blocks: Mapping[int, Block]) -> None:
    for parameter, access in zip(kernel.buffers, kernel.accesses):
        block = blocks.get(parameter)
        if access.mode != "read" and block is not None and not block.writable:
            raise BadArgument(
                f"argument {access.name.rpartition('_')[0]!r} is a read-only array",
                why="the kernel writes it",
                hint="pass a copy, or array.setflags(write=True)",
            )


class _OnHost:
    """Calls native code on the memory of the arguments."""

    def __init__(self, launcher: Launcher):
        self.launcher = launcher
        self.compiled: dict[Any, tuple[Kernel, int]] = {}
        self.finders: dict[Any, Finder] = {}

    def _schedule(
        self,
        facts: Mapping[int, BufferFacts],
        arrays: Mapping[int, Any],
        blocks: Mapping[int, Block],
        scalars: bytes,
        grid: Grid,
    ) -> Schedule:
        """What was measured for the sizes of this launch."""
        if any(f.overlaps for f in facts.values()):
            return MODEL
        key = tuple(facts.items())
        find = self.finders.get(key) or self.finders.setdefault(key, Finder(self.launcher, facts))
        kernel, _ = self._compiled(facts, MODEL)
        owners = list(kernel.buffers)
        sizes = tuple(
            _elements(arrays[p], blocks.get(p))
            for p, a in zip(owners, kernel.accesses)
            if a.mode != "read"
        )
        return find(
            scalars,
            grid,
            sizes,
            lambda: [_Copied._as_mlx(arrays[p], blocks.get(p)) for p in owners],
        )

    def _compiled(self, facts: Mapping[int, BufferFacts], schedule: Schedule) -> tuple[Kernel, int]:
        key = (tuple(facts.items()), schedule)
        if key not in self.compiled:
            from .host import compiled

            launcher = self.launcher
            kernel = lowered.kernel_for(launcher.text, "host", launcher.num_warps, facts, schedule)
            self.compiled[key] = kernel, compiled(kernel)
        return self.compiled[key]

    def run(
        self,
        facts: Mapping[int, BufferFacts],
        arrays: Mapping[int, Any],
        blocks: Mapping[int, Block],
        scalars: bytes,
        grid: Grid,
    ) -> None:
        import numpy

        from . import messages
        from .native.eager import run_pool

        schedule = self._schedule(facts, arrays, blocks, scalars, grid)
        kernel, address = self._compiled(facts, schedule)
        _check_writable(kernel, blocks)
        addresses: list[int] = []
        mine: dict[int, Any] = {}  # parameter → numpy memory that stands for an mx.array
        for parameter, access in zip(kernel.buffers, kernel.accesses):
            if parameter == self.launcher.anywhere:
                addresses.append(0)
                continue
            if parameter in blocks:
                addresses.append(blocks[parameter].address)
                continue
            mine[parameter] = _memory_of(arrays[parameter], copy=access.mode != "read")
            addresses.append(mine[parameter].ctypes.data)
        report = numpy.zeros(messages.WORDS if kernel.sites else 0, numpy.uint32)
        addresses += [report.ctypes.data] * bool(kernel.sites)
        pointers = (ctypes.c_void_p * max(1, len(addresses)))(*addresses)
        run_pool(address, pointers, scalars, grid, kernel.stack_bytes, kernel.name)
        taken = [arrays[p] for p in mine]
        for parameter, access in zip(kernel.buffers, kernel.accesses):
            if parameter in mine and access.mode != "read":
                _bind(arrays[parameter], mine[parameter], taken)
        if kernel.sites:
            messages.deliver(kernel, memoryview(report.data))


class _Copied:
    """Launches on copies of the memory as mx.arrays, then copies back what was written."""

    def __init__(self, launcher: Launcher):
        self.launcher = launcher
        self.calls: dict[Any, Call] = {}

    def run(
        self,
        facts: Mapping[int, BufferFacts],
        arrays: Mapping[int, Any],
        blocks: Mapping[int, Block],
        scalars: bytes,
        grid: Grid,
    ) -> None:
        from .metal import prepare as prepare_metal

        kernel = lowered.kernel_for(
            self.launcher.text, self.launcher.choice.arch, self.launcher.num_warps, facts
        )
        _check_writable(kernel, blocks)
        written = [p for p, a in zip(kernel.buffers, kernel.accesses) if a.mode != "read"]
        if written and any(f.overlaps for f in facts.values()):
            raise BadArgument(
                "arguments that overlap in memory",
                why="on this target arrays are copied, and copies do not overlap",
                hint="pass copies, or run with triton_mlx.use('host')",
            )
        facts = {
            k: replace(f, storage=_AS_BITS[f.storage])
            if f.same_as in blocks and f.storage in _AS_BITS
            else f
            for k, f in facts.items()
        }
        key = tuple(sorted(facts.items()))
        call = self.calls.setdefault(key, prepare_metal(self.launcher, facts))
        taken = [self._as_mlx(arrays[p], blocks.get(p), bits=True) for p in kernel.buffers]
        call(taken, scalars, grid)
        for parameter, array in zip(kernel.buffers, taken):
            if parameter in written and parameter in blocks:
                new = _memory_of(array, copy=False)
                flat(blocks[parameter]).view(new.dtype)[:] = new

    @staticmethod
    def _as_mlx(array: Any, block: Block | None, bits: bool = False) -> Any:
        import mlx.core as mx

        if block is None:
            return array
        if block.low < block.address and not hasattr(array, "untyped_storage"):
            raise BadArgument("a numpy array with negative strides", hint="pass array.copy()")
        if block.dtype == "float64":
            return (
                mx.array(flat(block).view("uint64")) if bits else mx.array(flat(block), mx.float64)
            )
        made = mx.array(flat(block))
        return made.view(mx.bfloat16) if block.dtype == "bfloat16" else made


def _elements(array: Any, block: Block | None) -> int:
    return int(array.size) if block is None else len(flat(block))


def _memory_of(array: Any, copy: bool) -> Any:
    """An mx.array's elements, row-major, as flat numpy memory: a view where possible, or a copy."""
    import mlx.core as mx
    import numpy

    plain = mx.contiguous(array.reshape(-1))
    plain = plain.view(mx.uint16) if array.dtype == mx.bfloat16 else plain
    mx.eval(plain)
    return numpy.array(plain, copy=True) if copy else numpy.asarray(plain)


def _bind(array: Any, memory: Any, inputs: Sequence[Any]) -> None:
    import mlx.core as mx

    new = mx.array(memory)
    new = new.view(mx.bfloat16) if array.dtype == mx.bfloat16 else new
    (made,) = transforms.constant(inputs, [new.reshape(array.shape)])
    native.rebind(array, made)
