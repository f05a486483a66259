"""Launches through mx.fast.metal_kernel or cuda_kernel: the real call, or its text in the simulator.

A kernel cannot write its inputs, so each written buffer comes back as a new array: as it is if the kernel is
proved to write all of it, merged with the old contents where it wrote, or combined with them (atomics).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..fusion.errors import BadArgument, TritonMlxError
from ..lowering.record import Access, BufferFacts, Kernel
from ..lowering.schedule import MODEL, Schedule
from . import atomic_keys, cache, lowered, messages, native, transforms
from .metal_call import MetalCall, dtype_name
from .pending import remember
from .tune.lookup import Finder

if TYPE_CHECKING:
    from .launch import Call, Launcher

Grid = tuple[int, int, int]
MAX_BUFFERS = 31  # Metal's buffer argument table (developer.apple.com/metal/limits)
_CUDA_GRID = 65535  # CUDA C++ Programming Guide, technical specifications
_MAX_THREADS = 2**31 - 1  # MLX's grid is a tuple of C ints
# Scalars, grids and shapes per prepared call; a kernel called with ever new ones must not grow for ever.
_MOST_KNOWN = 4096


class SimulatorFinding(TritonMlxError):
    """The simulator's checked mode found something wrong in a kernel."""

    code = "SIMULATOR_FINDING"


class TooManyBuffers(TritonMlxError):
    """More arrays than Metal's argument table has places for."""

    code = "TOO_MANY_BUFFERS"


def prepare(
    launcher: Launcher, facts: Mapping[int, BufferFacts], schedule: Schedule | None = None
) -> Call:
    """A function that launches on arrays (one per buffer), packed scalars and a grid.

    `schedule`: of all launches; without it each has what was measured for it, or the model's choice.
    """
    if launcher.choice.name == "cuda" and any(f.storage == "double" for f in facts.values()):
        raise BadArgument(
            "an mx.array of float64",
            why="MLX has no float64 on a GPU",
            hint="pass numpy arrays or torch tensors, or run with triton_mlx.use('host')",
        )
    find = Finder(launcher, facts, schedule)
    plans: dict[Any, _Ready] = {}
    # By shapes, not by sizes: then nothing is asked of an array that its shape has told.
    runs: dict[Any, Callable[[Sequence[Any]], None]] = {}

    def planned(arrays: Sequence[Any], scalars: bytes, grid: Grid) -> _Ready:
        key = (scalars, grid, tuple([a.size for a in arrays]))
        ready = plans.get(key)
        if ready is None:
            if len(plans) >= _MOST_KNOWN:
                plans.clear()
            _check_sizes(arrays)
            arch, warps = launcher.choice.arch, launcher.num_warps
            wanted = find(scalars, grid, key[2], lambda: arrays)
            kernel = plan(launcher.text, arch, warps, facts, key, wanted)
            ready = plans[key] = _ready(launcher, kernel, arrays, scalars, grid)
        return ready

    def call(arrays: Sequence[Any], scalars: bytes, grid: Grid) -> None:
        key = (scalars, grid, *[a.shape for a in arrays])
        run = runs.get(key)
        if run is None:
            if len(runs) >= _MOST_KNOWN:
                runs.clear()
            run = runs[key] = _runner(planned(arrays, scalars, grid), key[2:])
        run(arrays)

    return call


def _runner(ready: _Ready, shapes: tuple[tuple[int, ...], ...]) -> Callable[[Sequence[Any]], None]:
    """The launch on arrays of these shapes: straight to MLX where every output is the new array itself."""
    if ready.straight and all(0 not in shape and shape for shape in shapes):
        return _straight(ready, shapes)

    def general(arrays: Sequence[Any]) -> None:
        for k, new in _launch(ready, arrays):
            native.rebind(arrays[k], new)
        remember([arrays[k] for k in ready.written])

    return general


def _straight(
    ready: _Ready, shapes: tuple[tuple[int, ...], ...]
) -> Callable[[Sequence[Any]], None]:
    """A launch whose inputs are the arrays as they are, and whose outputs have the arrays' shapes."""
    inputs, written, words, rebind = ready.kernel.inputs, ready.written, ready.words, native.rebind
    launch = ready.call.ready([shapes[k] for k in written] or None)

    def run(arrays: Sequence[Any]) -> None:
        given = [arrays[k] for k in inputs]
        if words is not None:
            given.append(words)
        changed = [arrays[k] for k in written]
        for array, new in zip(changed, launch(given)):
            rebind(array, new)
        remember(changed)

    return run


@dataclass(frozen=True, slots=True)
class _Ready:
    """What is the same in all launches with equal scalars, grid and sizes.

    `run`: inputs → outputs; `words`: the packed scalars as an array; `written`: indexes of buffers;
    `straight`: outputs are the arrays' new contents, and nothing else comes out.
    """

    kernel: Kernel
    call: MetalCall
    run: Callable[[list[Any]], list[Any]]
    words: Any
    written: tuple[int, ...]
    simulated: bool

    @property
    def straight(self) -> bool:
        accesses = self.kernel.accesses
        new = all(accesses[k].mode == "fresh" for k in self.written)
        return new and not self.simulated and not self.kernel.sites


def _ready(
    launcher: Launcher, kernel: Kernel, arrays: Sequence[Any], scalars: bytes, grid: Grid
) -> _Ready:
    call = metal_call(kernel, [_Shape(a) for a in arrays], grid)
    simulated = launcher.choice.name == "simulate"
    return _Ready(
        kernel,
        call,
        (lambda inputs: _run(launcher, call, inputs)) if simulated else call.ready(),
        _scalar_words(scalars) if kernel.scalars else None,
        tuple(k for k, a in enumerate(kernel.accesses) if a.mode != "read"),
        simulated,
    )


def _check_sizes(arrays: Sequence[Any]) -> None:
    for array in arrays:
        if array.size > _MAX_THREADS:
            raise BadArgument(
                f"an array of {array.size} elements",
                why="kernels on Metal count elements in 32 bits",
                hint="split it, or run with triton_mlx.use('host')",
            )


def plan(
    text: str,
    arch: str,
    num_warps: int,
    facts: Mapping[int, BufferFacts],
    key: tuple[bytes, Grid, tuple[int, ...]],
    schedule: Schedule = MODEL,
) -> Kernel:
    """The kernel for a launch: what it covers decides how its outputs come back.

    `arch`: "metal" or "simulate", with ":chip" if chosen; `key`: packed scalars, grid, elements per
    buffer.
    """
    scalars, grid, elements = key
    first = lowered.kernel_for(text, arch, num_warps, facts, schedule)
    if not any(a.mode == "merged" for a in first.accesses):
        return first
    sizes = {
        p: n for p, a, n in zip(first.buffers, first.accesses, elements) if n and a.mode == "merged"
    }
    covered = lowered.covered(text, facts, sizes, first.scalars, scalars, grid, thorough=True)
    rest = {p: n for p, n in sizes.items() if p not in covered}
    visited = lowered.visited(text, facts, rest, first.scalars, scalars, grid) if rest else ()
    if not covered and not visited:
        return first
    proved = {
        k: replace(f, covered=f.same_as in covered, visited=f.same_as in visited)
        for k, f in facts.items()
    }
    return lowered.kernel_for(text, arch, num_warps, proved, schedule)


def _launch(ready: _Ready, arrays: Sequence[Any]) -> list[tuple[int, Any]]:
    """(index of the buffer, its new contents) for every written buffer."""
    import mlx.core as mx

    kernel = ready.kernel
    inputs = [_input(arrays[k]) for k in kernel.inputs]
    if ready.words is not None:
        inputs.append(ready.words)
    with mx.stream(mx.cpu) if ready.simulated else contextlib.nullcontext():
        made = iter(ready.run(inputs))
        found: list[tuple[int, Any]] = []
        for k in ready.written:
            access = kernel.accesses[k]
            new = next(made)
            written = next(made) if access.mode == "merged" else None
            if arrays[k].size:
                found.append((k, _settled(access, new, written, arrays[k])))
        if kernel.sites:
            said = next(made)
            mx.eval(said)
            messages.deliver(kernel, memoryview(said))
    return found


class _Shape:
    """What a MetalCall must know of an array."""

    __slots__ = ("dtype", "itemsize", "size")

    def __init__(self, array: Any):
        self.size, self.itemsize = array.size, array.itemsize
        self.dtype = dtype_name(array.dtype)


def metal_call(kernel: Kernel, shapes: Sequence[Any], grid: Grid) -> MetalCall:
    """The call of mx.fast.metal_kernel for `kernel` on buffers with `size` and `dtype`."""
    outputs: list[tuple[str, int, str]] = []
    for access, shape in zip(kernel.accesses, shapes, strict=True):
        if access.mode == "xored":
            outputs.append((access.new, max(1, -(-shape.size * shape.itemsize // 4)), "uint32"))
        elif access.mode != "read":
            outputs.append((access.new, max(1, shape.size), shape.dtype))
        if access.mode == "merged":
            outputs.append((access.flag, max(1, shape.size), "uint8"))
    if kernel.sites:
        outputs.append(("report", messages.WORDS, "uint32"))
    if not outputs:
        outputs.append(("nothing_new", 1, "uint8"))
    inputs = [kernel.accesses[k].old for k in kernel.inputs]
    if kernel.scalars:
        inputs.append("scalars")
    if kernel.target == "cuda":
        _check_cuda_grid(grid)
    elif len(inputs) + len(outputs) > MAX_BUFFERS:
        raise TooManyBuffers(
            f"{kernel.name} needs {len(inputs) + len(outputs)} buffers",
            why=f"Metal has {MAX_BUFFERS}",
            hint="pack arrays into fewer",
        )
    if grid[0] * kernel.threads > _MAX_THREADS:
        raise BadArgument(
            f"grid {grid}",
            why=f"MLX counts threads up to {_MAX_THREADS} on an axis",
            hint="use more of the second axis",
        )
    written = [a for a in kernel.accesses if a.mode != "read"]
    starts_filled = (
        not written
        or bool(kernel.sites)
        or any(a.mode in ("merged", "combined", "xored") for a in written)
    )
    fill = -1.0 if any(a.combine == "and" for a in kernel.accesses) else 0.0
    return MetalCall(
        name=f"{kernel.name}_{cache.digest(kernel.body, kernel.header)[:10]}",
        input_names=tuple(inputs),
        output_names=tuple(n for n, _, _ in outputs),
        source=kernel.body,
        header=kernel.header,
        grid=(grid[0] * kernel.threads, grid[1], grid[2]),
        threadgroup=(kernel.threads, 1, 1),
        output_shapes=tuple((s,) for _, s, _ in outputs),
        output_dtypes=tuple(d for _, _, d in outputs),
        init_value=fill if starts_filled else None,
        language=kernel.target,
        shared_memory=kernel.launch_bytes,
    )


def _check_cuda_grid(grid: Grid) -> None:
    if max(grid[1:]) > _CUDA_GRID:
        raise BadArgument(
            f"grid {grid}",
            why=f"CUDA has at most {_CUDA_GRID} blocks on the second and third axis",
            hint="use more of the first axis",
        )


def _input(array: Any) -> Any:
    """Never 0-d (Metal would get a reference) and never empty (there would be no buffer)."""
    import mlx.core as mx

    if array.size == 0:
        return mx.zeros((1,), array.dtype)
    return array.reshape(1) if array.ndim == 0 else array


def _scalar_words(scalars: bytes) -> Any:
    """Packed scalars as uint32 words; at least 8, so that they are always in device memory."""
    import mlx.core as mx
    import numpy

    padded = scalars.ljust(32, b"\0")
    return mx.array(numpy.frombuffer(padded, numpy.uint32))


def _run(launcher: Launcher, call: MetalCall, inputs: Sequence[Any]) -> list[Any]:
    """The call in the simulator."""
    from .simulator import simulate

    result = simulate(call, inputs, checked=launcher.choice.checked)
    if result.findings:
        from .user_place import user_place

        first = result.findings[0]
        text = call.text(inputs).text
        raise SimulatorFinding(
            f"{first.kind} in {call.name}: {first.message}",
            where=user_place(lowered.function_of(launcher.text), text, first.line),
            why=f"line {first.line}: {first.source}",
            hint=f"{len(result.findings)} findings in all; this is a defect of triton-mlx "
            "unless the kernel itself is racy or reads out of bounds",
        )
    return transforms.constant(inputs, result.outputs)


_COMBINE: dict[str, Callable[[Any, Any, Any], Any]] = {
    "add": lambda mx, old, new: old + new,
    "fadd": lambda mx, old, new: old + new,
    "or": lambda mx, old, new: mx.bitwise_or(old, new),
    "xor": lambda mx, old, new: mx.bitwise_xor(old, new),
    "and": lambda mx, old, new: mx.bitwise_and(old, new),
}


def _settled(access: Access, new: Any, written: Any, old: Any) -> Any:
    """The buffer's contents after the launch, in the old array's shape."""
    import mlx.core as mx

    if access.mode == "xored":
        return _changed(new, old)
    if new.shape != old.shape:
        new = new.reshape(old.shape)
    if access.mode == "merged":
        return mx.where(written.reshape(old.shape), new, old)
    if access.mode == "combined":
        rule = _COMBINE.get(access.combine)
        return rule(mx, old, new) if rule else atomic_keys.combined(access.combine, old, new)
    return new


def _changed(words: Any, old: Any) -> Any:
    """The array whose bits differ from those of `old` where `words` (uint32) have a one."""
    import mlx.core as mx

    bits = mx.uint32 if old.itemsize == 4 else mx.uint16
    changed = words.view(bits)[: old.size].reshape(old.shape)
    return mx.bitwise_xor(changed, old.view(bits)).view(old.dtype)
