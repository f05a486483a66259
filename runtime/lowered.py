"""From IR text to source, with the disk cache in between."""

from __future__ import annotations

import functools
import json
import struct
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from ..lowering.record import Access, BufferFacts, Costs, Kernel, Site
from ..lowering.schedule import MODEL, Schedule
from . import cache

if TYPE_CHECKING:
    from ..fusion.graph import Function
    from ..fusion.types import Scalar
    from ..hwinfo import Capability
    from ..lowering.targets import Target


_recorded: dict[str, Function] = {}


def remember(text: str, function: Function) -> None:
    """`text` says what `function` is, lifted but through no pass: it need not be read."""
    _recorded[text] = function


class _Standing(str):
    """Stands for the text of a kernel that is only a graph, and keeps that graph alive."""

    function: Function


def text_for(function: Function) -> str:
    """What stands for the text of a kernel that is only a graph: the same in every process."""
    parts = (function.name, str(function.contracts), repr(function.parameters), str(function.body))
    text = _Standing(f"joint {cache.digest(*parts)}")
    text.function = function
    return text


@functools.lru_cache(maxsize=256)
def function_of(text: str) -> Function:
    """The kernel in `text`, after the passes of every launch; or the one that `text` stands for."""
    if isinstance(text, _Standing):
        return text.function
    from ..fusion import passes
    from ..fusion.lift import lift

    lifted = _recorded.pop(text, None) or lift(text)
    return passes.run(passes.default(), lifted).function


def anywhere_in(text: str) -> int | None:
    """The parameter of the kernel in `text` that stands for all memory, if it follows unknown addresses."""
    return function_of(text).anywhere if "tt.int_to_ptr" in text else None


def trial(text: str, target: str, num_warps: int) -> Kernel:
    """Lower with every argument an array of its own; raises the refusals of fusion/errors.py."""
    from ..fusion.verify import verify
    from ..lowering.fit import lower_to_fit
    from ..lowering.text import C_TYPES

    function = function_of(text)
    verify(function, "fused")
    facts = {
        k: BufferFacts(C_TYPES.get(p.type.scalar.name, "uchar"), k)
        for k, p in enumerate(function.parameters)
        if p.type.is_pointer
    }
    return lower_to_fit(function, _row(target), num_warps, facts)


def kernel_for(
    text: str,
    target: str,
    num_warps: int,
    facts: Mapping[int, BufferFacts],
    schedule: Schedule = MODEL,
) -> Kernel:
    """The lowered kernel, from the disk cache if an earlier process made it.

    `schedule`: how, instead of what the model chooses; refusals are then those of `lower`.
    """
    key = cache.digest(
        cache.sources_digest(),
        text,
        device_name(target),
        str(num_warps),
        repr(sorted(facts.items())),
        repr(schedule),
    )
    found = _read(key)
    if found is None:
        from ..lowering.fit import lower_to_fit

        found = lower_to_fit(function_of(text), _row(target), num_warps, facts, schedule)
        cache.write("lowered", key, "kernel.json", json.dumps(asdict(found)).encode())
    return found


@functools.lru_cache(maxsize=64)
def _row(arch: str) -> Target:
    """The lowering target of "host", "simulate", "metal", "cuda", or one of these with ":chip"."""
    from ..lowering.targets import target_for

    return target_for(capability(arch))


@functools.lru_cache(maxsize=64)
def capability(arch: str) -> Capability:
    """The row of `arch`, without what this machine's self-tests have found to be wrong."""
    from .. import hwinfo

    name, _, chip = arch.partition(":")
    if name == "cuda":
        return hwinfo.find(chip) if chip else _cuda_device()
    if name != "metal":
        return hwinfo.find(chip or ("host" if name == "host" else "simulator"))
    from .selftest import trusted_row

    if chip:
        return trusted_row(hwinfo.find(chip))
    if _device() is not None:
        return trusted_row(hwinfo.detect(_device()))
    return hwinfo.find("simulator")


@functools.cache
def _device() -> dict[str, str | int] | None:
    """MLX's description of the GPU; None where it has none (then the simulator's row stands in)."""
    import mlx.core as mx

    return dict(mx.device_info()) if mx.metal.is_available() else None


# What is lowered for where there is no GPU to ask, as for printing a kernel's text.
_OLDEST_CUDA = "cuda 8.0"


def _cuda_device() -> Capability:
    from .. import hwinfo
    from .chip import device_info

    row = hwinfo.detect(device_info())
    return row if row.backend == "cuda" else hwinfo.find(_OLDEST_CUDA)


def device_name(arch: str) -> str:
    """What the disk cache tells apart: the device that is there, and what is trusted of it."""
    if arch == "cuda":
        return f"cuda:{capability(arch).name}"
    if not arch.startswith("metal"):
        return arch
    off = sorted(n for n, cell in capability(arch).cells.items() if cell.value is False)
    return f"{arch} {_device()} {off}"


def _read(key: str) -> Kernel | None:
    data = cache.read("lowered", key, "kernel.json")
    if data is None:
        return None
    try:
        fields = json.loads(data)
        fields["accesses"] = tuple(Access(**a) for a in fields["accesses"])
        for name in ("buffers", "scalars", "inputs"):
            fields[name] = tuple(fields[name])
        fields["sites"] = tuple(
            Site(**{**s, "shape": tuple(s["shape"])}) for s in fields.get("sites", ())
        )
        fields["costs"] = Costs(**fields["costs"])
        fields["choice"] = Schedule(**fields["choice"])
        return Kernel(**fields)
    except (ValueError, TypeError, KeyError):
        return None


def covered(
    text: str,
    facts: Mapping[int, BufferFacts],
    sizes: Mapping[int, int],
    slots: tuple[int, ...],
    scalars: bytes,
    grid: tuple[int, int, int],
    *,
    thorough: bool,
) -> frozenset[int]:
    """Buffers (by parameter index) that the launch is proved to write whole.

    By access maps (microseconds); what they leave open, if `thorough`, by evaluating every address
    of the launch (fusion/cover.py).
    """
    from ..fusion import access, cover

    function = function_of(text)
    aliases = {k: f.same_as for k, f in facts.items()}
    values = {
        k: unpack(function.parameters[k].type.scalar, scalars[8 * n : 8 * n + 8])
        for n, k in enumerate(slots)
    }
    found = access.covered(function, aliases, sizes, values, grid)
    if thorough and found != frozenset(sizes):
        open_ = {b: n for b, n in sizes.items() if b not in found}
        found |= cover.covered(function, frozenset(open_), aliases, open_, values, grid)
    return found


def visited(
    text: str,
    facts: Mapping[int, BufferFacts],
    sizes: Mapping[int, int],
    slots: tuple[int, ...],
    scalars: bytes,
    grid: tuple[int, int, int],
) -> frozenset[int]:
    """Buffers (by parameter index) whose elements one store of the launch is proved to have once each."""
    from ..fusion import cover

    function = function_of(text)
    aliases = {k: f.same_as for k, f in facts.items()}
    values = {
        k: unpack(function.parameters[k].type.scalar, scalars[8 * n : 8 * n + 8])
        for n, k in enumerate(slots)
    }
    return cover.visited(function, frozenset(sizes), aliases, sizes, values, grid)


def unpack(scalar: Scalar, slot: bytes) -> int | float | bool:
    """The value in an 8-byte slot of packed scalars."""
    if scalar.name == "f64":
        return float(struct.unpack("<d", slot)[0])
    if scalar.is_float:
        return float(struct.unpack("<f", slot[:4])[0])
    if scalar.name == "i1":
        return slot[0] != 0
    return int(struct.unpack("<q", slot)[0])
