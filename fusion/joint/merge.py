"""Two launches as one: the arrays they have in common, and the parameters of the function that does both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..graph import Function, GraphBuilder, Node, Parameter, Value, fresh_ids
from .codes import Refusal
from .records import NOT_WRITTEN, Buffer, Launch

MOST_BUFFERS = 30


@dataclass(frozen=True, slots=True)
class Merged:
    """`slots`: the guest's slot → slot of the joint launch; `arguments`: guest parameter → value."""

    buffers: tuple[Buffer, ...]
    slots: Mapping[int, int]
    arguments: Mapping[int, Value]
    parameters: tuple[Parameter, ...]
    joint_slots: Mapping[int, int]
    joint_scalars: Mapping[int, int | float | bool]
    origins: Mapping[int, tuple[int, int]]
    args_node: Node


def merge(host: Launch, guest: Launch, guest_is_later: bool) -> Merged:
    """The joint launch's parameters: the host's, then those of the guest that the host does not have."""
    first, second = (host, guest) if guest_is_later else (guest, host)
    slots = _common(first, second)
    buffers = list(host.buffers)
    to_joint: dict[int, int] = {}
    for k, buffer in enumerate(guest.buffers):
        pairs = [b if guest_is_later else a for a, b in slots if (b if guest_is_later else a) == k]
        if not pairs:
            to_joint[k] = len(buffers)
            buffers.append(buffer)
            continue
        at = next(
            (a if guest_is_later else b) for a, b in slots if (b if guest_is_later else a) == k
        )
        to_joint[k] = at
        early, late = (host.buffers[at], buffer) if guest_is_later else (buffer, host.buffers[at])
        after = late.after if late.after != NOT_WRITTEN else early.after
        buffers[at] = replace(early, after=after)
    if len(buffers) > MOST_BUFFERS:
        raise Refusal("RESOURCES", f"{len(buffers)} arrays")
    return _parameters(host, guest, tuple(buffers), to_joint)


def _common(first: Launch, second: Launch) -> list[tuple[int, int]]:
    """Pairs of slots that are one array. Raises Refusal where different versions would meet."""
    found: list[tuple[int, int]] = []
    later: dict[int, list[int]] = {}  # not every pair: joint launches have many arrays
    for b, late in enumerate(second.buffers):
        later.setdefault(late.before, []).append(b)
    for a, early in enumerate(first.buffers):
        newest = early.before if early.after == NOT_WRITTEN else early.after
        if newest != early.before and early.before in later:
            raise Refusal("VERSION", "the later launch needs contents that the earlier changes")
        found += [(a, b) for b in later.get(newest, ())]
    firsts, seconds = [a for a, _ in found], [b for _, b in found]
    twice = len(set(firsts)) < len(firsts) or len(set(seconds)) < len(seconds)
    if twice and any(second.buffers[b].after != NOT_WRITTEN for b in seconds):
        raise Refusal("ALIAS", "an array that is written has another name too")
    for a, b in found:
        if first.buffers[a].storage != second.buffers[b].storage:
            raise Refusal("TYPE_PUN")
    return found


def _parameters(
    host: Launch, guest: Launch, buffers: tuple[Buffer, ...], to_joint: dict[int, int]
) -> Merged:
    parameters = list(host.function.parameters)
    slots, scalars = dict(host.slots), dict(host.scalars)
    origins = dict(host.origins)
    owner = {s: p for p, s in reversed(tuple(host.slots.items()))}
    places: dict[int, int] = {}
    for k, parameter in enumerate(guest.function.parameters):
        slot = to_joint.get(guest.slots[k]) if k in guest.slots else None
        known = owner.get(slot) if slot is not None else None
        if known is not None and parameters[known].type == parameter.type:
            places[k] = known
            continue
        places[k] = len(parameters)
        if slot is not None:
            slots[places[k]] = slot
        elif k in guest.scalars:
            scalars[places[k]] = guest.scalars[k]
        origins[places[k]] = guest.origins[k]
        parameters.append(replace(parameter, name=f"{parameter.name}_{places[k]}"))
    old = host.function.body.args_node
    types = tuple(p.type for p in parameters)
    names = tuple(p.name for p in parameters)
    attrs = tuple((k, names if k == "names" else v) for k, v in old.attrs)
    node = replace(old, types=types, attrs=attrs)
    values = node.outputs
    arguments = {k: values[p] for k, p in places.items()}
    return Merged(buffers, to_joint, arguments, tuple(parameters), slots, scalars, origins, node)


def joined(host: Launch, guest: Launch, merged: Merged, body: GraphBuilder) -> Launch:
    """The launch of `body`, which does what both did."""
    members = tuple(sorted((*host.members, *guest.members)))
    name = f"fused_{len(members)}"
    function = Function(name, merged.parameters, body.build(), host.function.loc, contracts=False)
    return Launch(
        name,
        function,
        host.grid,
        merged.buffers,
        merged.joint_slots,
        merged.joint_scalars,
        host.num_warps,
        members,
        merged.origins,
    )


def builder_for(host: Launch, merged: Merged) -> GraphBuilder:
    return GraphBuilder(fresh_ids(host.function.body), args_node=merged.args_node)
