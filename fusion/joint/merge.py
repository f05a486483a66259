"""Two launches as one: the arrays they have in common, and the parameters of the function that does both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..compose import Compose
from ..graph import Function, GraphBuilder, Node, Parameter, Value, fresh_ids
from ..ops import OPS
from ..types import I8, I16, I32, I64, Type
from .codes import Refusal
from .records import NOT_WRITTEN, Buffer, Launch

MOST_BUFFERS = 30
_ZEROS = 16  # how many different zeros joins take turns with
_SAME_VALUE = frozenset({"neg", "splat", "broadcast", "expand_dims", "reshape", "trans"})
INTEGERS = {8: I8, 16: I16, 32: I32, 64: I64}


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
    for a, early in enumerate(first.buffers):
        for b, late in enumerate(second.buffers):
            newest = early.before if early.after == NOT_WRITTEN else early.after
            if late.before == newest:
                found.append((a, b))
            elif late.before == early.before:
                raise Refusal("VERSION", "the later launch needs contents that the earlier changes")
    firsts, seconds = [a for a, _ in found], [b for _, b in found]
    if len(set(firsts)) < len(firsts) or len(set(seconds)) < len(seconds):
        raise Refusal("ALIAS", "one array is passed for several parameters")
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
    arguments = {k: node.outputs[p] for k, p in places.items()}
    return Merged(buffers, to_joint, arguments, tuple(parameters), slots, scalars, origins, node)


def joined(host: Launch, guest: Launch, merged: Merged, body: GraphBuilder) -> Launch:
    """The launch of `body`, which does what both did."""
    members = tuple(sorted((*host.members, *guest.members)))
    contracts = may_contract(host.function) or may_contract(guest.function)
    name = f"fused_{len(members)}"
    function = Function(
        name, merged.parameters, body.build(), host.function.loc, contracts=contracts
    )
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


def may_contract(function: Function) -> bool:
    """True if a compiler may make a fused multiply-add of something in the kernel."""
    return function.contracts and has_products_and_sums(function)


def has_products_and_sums(function: Function) -> bool:
    products = sums = False
    for node in function.body.walk():
        if node.op in ("dot", "fma"):
            return True
        floats = bool(node.types) and node.types[0].is_float
        products |= floats and node.op == "mul"
        sums |= floats and node.op in ("add", "sub")
    return products and sums


class Fence:
    """Keeps compilers from joining what was made in one launch with what is used in another.

    A compiler may make one fused multiply-add of a product and a sum, or not make one because the product
    turns out to be used twice. Both change bits, so values that cross from launch to launch are combined
    with a zero that is only known at run time, another one for each join.
    """

    def __init__(self, host: Launch, guest: Launch, words: Compose):
        self.words = words
        self.loads = may_contract(host.function) or may_contract(guest.function)
        self.before = len(host.members)
        self.shift = _shift(self.before + len(guest.members))
        self.zero: Value | None = None
        if host.grid[2] >= 1 << (32 - _ZEROS):
            raise Refusal("TOO_LARGE", f"{host.grid[2]} programs along the last axis")

    def stored(self, value: Value, original: Value, nodes: Mapping[int, Node]) -> Value:
        """What one launch stored, for the other. Only a product can become part of something else.

        `original` is `value` in the kernel that stored it, whose nodes are `nodes`.
        """
        node = nodes.get(original.node)
        while node is not None and node.op in _SAME_VALUE:
            node = nodes.get(node.inputs[0].node)
        if not value.type.is_float or value.type.scalar.bits < 32:
            return value  # rounded after each operation
        if node is not None and OPS[node.op].kind in ("elementwise", "memory", "index"):
            return self.apart(value) if node.op in ("mul", "select") else value
        return self.apart(value)

    def loaded(self, value: Value) -> Value:
        """What the guest loads, so that its products are none of the host's."""
        return self.apart(value) if self.loads else value

    def apart(self, value: Value) -> Value:
        scalar = value.type.scalar
        if scalar.name == "i1":
            return value
        if scalar.is_float and scalar.bits < 16:
            raise Refusal("CONTRACTION", "8-bit floats in kernels with products and sums")
        words, integer = self.words, INTEGERS[scalar.bits]
        if self.zero is None:
            self.zero = self._zero(self.shift)
        zero = self.zero
        if integer.bits != 32:
            zero = words.op("ext_s" if integer.bits > 32 else "trunc", (zero,), Type(integer))
        bits = value
        if scalar.is_float:
            bits = words.op("bitcast", (value,), value.type.with_elem(integer))
        bits = words.same("xor", bits, words.broadcast(zero, value.type.shape))
        return words.op("bitcast", (bits,), value.type) if scalar.is_float else bits

    def again(self, shift: int) -> Value:
        """A zero of the guest, which came of joins too, as one that no join before it in the host has."""
        return self._zero(_shift(31 - shift + self.before - 1))

    def _zero(self, shift: int) -> Value:
        count = self.words.op("num_programs", (), Type(I32), axis=2)
        return self.words.same("shr_u", count, self.words.const(shift, Type(I32)))


def _shift(join: int) -> int:
    return 31 - join % _ZEROS


def shift_of_zero(node: Node, nodes: Mapping[int, Node]) -> int | None:
    """The shift, if `node` is a zero that a join made: it must not become a constant."""
    if node.op != "shr_u":
        return None
    count, shift = (nodes.get(v.node) for v in node.inputs)
    if count is None or count.op != "num_programs" or count.attr("axis") != 2:
        return None
    if shift is None or shift.op != "const" or node.types != (Type(I32),):
        return None
    found = int(shift.attr("value"))
    return found if found > 31 - _ZEROS else None
