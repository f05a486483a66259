"""A launch that is known as a graph, such as several made one, as a call on arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..fusion.graph import Function
from ..fusion.joint.records import Launch
from ..lowering.record import BufferFacts
from ..lowering.schedule import Schedule
from . import lowered
from .launch import _PREPARE, Call
from .target import Choice


@dataclass(frozen=True, slots=True)
class _Kernel:
    """What preparing a call needs of a launcher."""

    text: str
    num_warps: int
    choice: Choice


def first_parameters(launch: Launch) -> dict[int, int]:
    """Slot → the first parameter with that array, in the order of those parameters."""
    first: dict[int, int] = {}
    for parameter, slot in sorted(launch.slots.items()):
        first.setdefault(slot, parameter)
    return first


def facts_of(launch: Launch) -> dict[int, BufferFacts]:
    """What lowering must know of the arrays, by pointer parameter."""
    first = first_parameters(launch)
    return {
        p: BufferFacts(launch.buffers[s].storage, first[s]) for p, s in sorted(launch.slots.items())
    }


def call_of(launch: Launch, choice: Choice) -> tuple[Call, tuple[int, ...]]:
    """The call of `launch` on `choice`, and the slots whose arrays it takes, in order."""
    kernel: Any = _Kernel(lowered.text_for(launch.function), launch.num_warps, choice)
    return _PREPARE[choice.name](kernel, facts_of(launch)), tuple(first_parameters(launch))


def call_for(
    text: str,
    choice: Choice,
    num_warps: int,
    facts: Mapping[int, BufferFacts],
    schedule: Schedule,
) -> Call:
    """The call of a kernel on `choice` with `schedule`, whatever was measured."""
    kernel: Any = _Kernel(text, num_warps, choice)
    return _PREPARE[choice.name](kernel, dict(facts), schedule)


def scalar_places(launch: Launch, functions: Sequence[Function]) -> tuple[tuple[int, int], ...]:
    """Where each scalar of a joint launch is packed: the launch that it came from, and the byte there."""
    found = []
    for k, parameter in enumerate(launch.function.parameters):
        if parameter.type.is_pointer:
            continue
        number, place = launch.origins[k]
        slot = sum(not p.type.is_pointer for p in functions[number].parameters[:place])
        found.append((number, 8 * slot))
    return tuple(found)


def packed(places: Sequence[tuple[int, int]], scalars: Sequence[bytes]) -> bytes:
    """The scalars of a joint launch, as the launches that they came from had them packed."""
    return b"".join([scalars[number][byte : byte + 8] for number, byte in places])
