"""From IR text to source, with the disk cache in between."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import asdict

from .. import hwinfo as _hwinfo  # noqa: F401  capability rows pick the schedule
from ..fusion import passes
from ..fusion.graph import Function
from ..fusion.lift import lift
from ..lowering.kernel import BufferFacts, Kernel, lower
from ..lowering.memory import Access
from ..lowering.targets import HOST, METAL, Target
from ..lowering.text import C_TYPES
from . import cache

TARGETS: dict[str, Target] = {"host": HOST, "simulate": METAL, "metal": METAL}


@functools.lru_cache(maxsize=256)
def function_of(text: str) -> Function:
    """The kernel in `text`, after the passes of every launch."""
    return passes.run(passes.default(), lift(text)).function


def trial(text: str, target: str, num_warps: int) -> Kernel:
    """Lower with every argument an array of its own; raises the refusals of fusion/errors.py."""
    function = function_of(text)
    facts = {k: BufferFacts(C_TYPES.get(p.type.scalar.name, "uchar"), k)
             for k, p in enumerate(function.parameters) if p.type.is_pointer}
    return lower(function, TARGETS[target], num_warps, facts)


def kernel_for(text: str, target: str, num_warps: int, facts: Mapping[int, BufferFacts]) -> Kernel:
    """The lowered kernel, from the disk cache if an earlier process made it."""
    row = TARGETS[target]
    key = cache.digest(cache.sources_digest(), text, row.name, str(num_warps),
                       repr(sorted(facts.items())))
    found = _read(key)
    if found is None:
        found = lower(function_of(text), row, num_warps, facts)
        cache.write("lowered", key, "kernel.json", json.dumps(asdict(found)).encode())
    return found


def _read(key: str) -> Kernel | None:
    data = cache.read("lowered", key, "kernel.json")
    if data is None:
        return None
    try:
        fields = json.loads(data)
        fields["accesses"] = tuple(Access(**a) for a in fields["accesses"])
        for name in ("buffers", "scalars"):
            fields[name] = tuple(fields[name])
        return Kernel(**fields)
    except (ValueError, TypeError, KeyError):
        return None
