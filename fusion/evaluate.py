"""Runs a graph on numpy arrays, one program after the other: the definition of what a kernel does.

Slow and plain on purpose. It is what lowered code is compared with, and what runs kernels where no
compiler is. What an element-wise operation means is in fusion/semantics.py; here are memory, control flow,
reductions and products.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from . import semantics
from .errors import BadArgument, PointerProvenance, UnsupportedOperation
from .graph import Function, Graph, Node, Value
from .ops import OPS
from .types import Scalar

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Address:
    """A tile of pointers: the pointer parameter, and offsets (int64) in elements of the pointee."""

    parameter: int
    offsets: Array


Datum = Array | Address


def evaluate(
    function: Function,
    buffers: Sequence[Array],
    scalars: Mapping[int, int | float | bool],
    grid: tuple[int, int, int],
) -> None:
    """Run every program of `grid` in order and change `buffers` in place.

    `buffers`: one flat, contiguous, writable array per pointer parameter, in their order; the same
    object may stand for several. Element types are the parameters' (bf16 memory is uint16; unsigned
    dtypes are as good as signed ones). `scalars`: parameter index → value.

    Raises BadArgument for an access outside of its array, with the place in the user's kernel,
    PointerProvenance for a pointer of unknown origin, and UnsupportedOperation for what has no row.
    """
    pointers = [k for k, p in enumerate(function.parameters) if p.type.is_pointer]
    memory = dict(zip(pointers, buffers, strict=True))
    args: list[Datum] = [
        Address(k, np.zeros((), np.int64))
        if p.type.is_pointer
        else semantics.cast(scalars[k], p.type.elem)
        for k, p in enumerate(function.parameters)
    ]
    names = tuple(p.name for p in function.parameters)
    for z in range(grid[2]):
        for y in range(grid[1]):
            for x in range(grid[0]):
                _Program(memory, names, (x, y, z), grid).run(function.body, args)


class _Program:
    """One program: `env` holds every value computed so far."""

    def __init__(
        self,
        memory: Mapping[int, Array],
        names: tuple[str, ...],
        place: tuple[int, int, int],
        grid: tuple[int, int, int],
    ):
        self.memory, self.names, self.place, self.grid = memory, names, place, grid
        self.env: dict[Value, Datum] = {}

    def run(self, graph: Graph, args: Sequence[Datum]) -> list[Datum]:
        """Run `graph` on `args`; its outputs."""
        self.env.update(zip(graph.args, args, strict=True))
        for node in graph:
            found = self.node(node)
            self.env.update(zip(node.outputs, found, strict=True))
        return [self.env[v] for v in graph.outputs]

    def node(self, node: Node) -> Sequence[Datum]:
        inputs = [self.env[v] for v in node.inputs]
        rule = _RULES.get(node.op)
        if rule is not None:
            return rule(self, node, inputs)
        arrays = [x for x in inputs if not isinstance(x, Address)]
        if len(arrays) < len(inputs):
            return [_address(node, inputs)]
        return [semantics.apply(node, arrays)]

    def program_id(self, node: Node, inputs: Sequence[Datum]) -> list[Datum]:
        return [np.asarray(self.place[node.attr("axis")], np.int32)]

    def num_programs(self, node: Node, inputs: Sequence[Datum]) -> list[Datum]:
        return [np.asarray(self.grid[node.attr("axis")], np.int32)]

    def places(
        self, node: Node, address: Datum, mask: Sequence[Datum]
    ) -> tuple[Array, Array, Array]:
        """(memory as the pointee's storage, offsets and mask of the tile's shape), bounds checked."""
        if not isinstance(address, Address):
            raise _unknown_origin(node)
        pointee = node.inputs[0].type.scalar
        memory = self.memory[address.parameter].view(_storage(pointee))
        shape = node.inputs[0].type.shape
        offsets = np.broadcast_to(address.offsets, shape)
        chosen = np.broadcast_to(np.asarray(mask[0] if mask else True, np.bool_), shape)
        used = offsets[chosen]
        if used.size and (used.min() < 0 or used.max() >= memory.size):
            wrong = int(used[(used < 0) | (used >= memory.size)][0])
            raise BadArgument(
                f"{node.op} of element {wrong} of {self.names[address.parameter]!r}, "
                f"which has {memory.size}",
                where=node.loc,
                why=f"program {self.place} reads or writes outside of the array",
                hint="mask the access, or pass a larger array",
            )
        return memory, offsets, chosen

    def load(self, node: Node, inputs: Sequence[Datum]) -> list[Datum]:
        memory, offsets, mask = self.places(node, inputs[0], inputs[1:2])
        elem = node.types[0].scalar
        found = np.zeros(offsets.shape, semantics.dtype_of(elem))
        if len(inputs) > 2:
            found = np.array(np.broadcast_to(np.asarray(inputs[2]), offsets.shape))
        found[mask] = _from_storage(memory[offsets[mask]], elem)
        return [found]

    def store(self, node: Node, inputs: Sequence[Datum]) -> list[Datum]:
        memory, offsets, mask = self.places(node, inputs[0], inputs[2:3])
        values = np.broadcast_to(np.asarray(inputs[1]), offsets.shape)[mask]
        memory[offsets[mask]] = _to_storage(values, node.inputs[1].type.scalar)
        return []

    def atomic(self, node: Node, inputs: Sequence[Datum]) -> list[Datum]:
        """Read, combine, write; one element after the other in row-major order."""
        cas = node.op == "atomic_cas"
        memory, offsets, mask = self.places(node, inputs[0], () if cas else inputs[2:3])
        elem = node.inputs[1].type.scalar
        given = [np.broadcast_to(np.asarray(x), offsets.shape) for x in inputs[1 : 3 if cas else 2]]
        combine = _compare_and_swap if cas else _RMW[node.attr("kind")]
        old = np.zeros(offsets.shape, semantics.dtype_of(elem))
        for at in np.argwhere(mask):
            i, place = tuple(at), int(offsets[tuple(at)])
            before = _from_storage(memory[place : place + 1], elem)
            with np.errstate(all="ignore"):
                after = semantics.cast(combine(before, *(x[i].reshape(1) for x in given)), elem)
            memory[place : place + 1] = _to_storage(after, elem)
            old[i] = before[0]
        return [old][: len(node.types)]

    def reduce(self, node: Node, inputs: Sequence[Datum]) -> list[Datum]:
        """Combine neighbours along the axis until one is left; an odd one out waits."""
        axis, region = node.attr("axis"), node.regions[0]
        parts = [np.moveaxis(np.asarray(x), axis, 0) for x in inputs]
        while (length := len(parts[0])) > 1:
            even = length // 2 * 2
            combined = self.combine(
                node, region, [*(p[0:even:2] for p in parts), *(p[1:even:2] for p in parts)]
            )
            parts = [np.concatenate([c, p[even:]]) for c, p in zip(combined, parts, strict=True)]
        return [p[0] for p in parts]

    def scan(self, node: Node, inputs: Sequence[Datum]) -> list[Datum]:
        """Running combinations along the axis, one step after the other."""
        axis, region = node.attr("axis"), node.regions[0]
        parts = [np.moveaxis(np.array(x), axis, 0) for x in inputs]
        order = range(len(parts[0]))
        if node.attr("reverse"):
            parts = [p[::-1] for p in parts]
        for i in order[1:]:
            found = self.combine(
                node, region, [*(p[i - 1 : i] for p in parts), *(p[i : i + 1] for p in parts)]
            )
            for part, new in zip(parts, found, strict=True):
                part[i : i + 1] = new
        if node.attr("reverse"):
            parts = [p[::-1] for p in parts]
        return [np.moveaxis(p, 0, axis) for p in parts]

    def combine(self, node: Node, region: Graph, slices: list[Array]) -> list[Array]:
        """The combine region, whose values are scalars, on whole slices at once."""
        if all(OPS[n.op].kind == "elementwise" or n.op == "const" for n in region):
            found = self.run(region, slices)
            return [np.broadcast_to(np.asarray(f), slices[0].shape) for f in found]
        outs = [np.empty(slices[0].shape, s.dtype) for s in slices[: len(slices) // 2]]
        for at in np.ndindex(slices[0].shape):
            for out, found in zip(outs, self.run(region, [np.asarray(s[at]) for s in slices])):
                out[at] = found
        return list(outs)

    def dot(self, node: Node, inputs: Sequence[Datum]) -> list[Datum]:
        """a @ b + c. Sums of floats are float32 (float64 for f64), sums of integers wrap."""
        elem = node.types[0].scalar
        wide = np.int64 if not elem.is_float else np.float64 if elem.bits == 64 else np.float32
        a, b, c = (np.asarray(x).astype(wide) for x in inputs)
        with np.errstate(all="ignore"):
            return [semantics.cast(a @ b + c, elem)]

    def loop(self, node: Node, inputs: Sequence[Datum]) -> list[Datum]:
        lower, upper, step = (int(np.asarray(x)) for x in inputs[:3])
        if step <= 0:
            raise BadArgument(f"a loop with step {step}", where=node.loc, why="steps are positive")
        state: list[Datum] = list(inputs[3:])
        body = node.regions[0]
        for index in range(lower, upper, step):
            state = self.run(body, [semantics.cast(index, body.args[0].type.elem), *state])
        return state

    def repeat(self, node: Node, inputs: Sequence[Datum]) -> list[Datum]:
        before, after = node.regions
        state: list[Datum] = list(inputs)
        while True:
            condition, *state = self.run(before, state)
            if not bool(np.asarray(condition)):
                return state
            state = self.run(after, state)

    def branch(self, node: Node, inputs: Sequence[Datum]) -> list[Datum]:
        return self.run(node.regions[0 if bool(np.asarray(inputs[0])) else 1], ())

    def barrier(self, node: Node, inputs: Sequence[Datum]) -> list[Datum]:
        return []


_RULES: dict[str, Callable[[_Program, Node, Sequence[Datum]], Sequence[Datum]]] = {
    "program_id": _Program.program_id,
    "num_programs": _Program.num_programs,
    "load": _Program.load,
    "store": _Program.store,
    "atomic_rmw": _Program.atomic,
    "atomic_cas": _Program.atomic,
    "reduce": _Program.reduce,
    "scan": _Program.scan,
    "dot": _Program.dot,
    "for": _Program.loop,
    "while": _Program.repeat,
    "if": _Program.branch,
    "barrier": _Program.barrier,
}


def _on_unsigned(rule: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
    return lambda a, b: rule(semantics.unsigned(a), semantics.unsigned(b))


def _compare_and_swap(old: Array, expected: Array, new: Array) -> Array:
    return np.where(old == expected, new, old)


_RMW: dict[str, Callable[..., Array]] = {
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "add": np.add,
    "fadd": np.add,
    "max": np.maximum,
    "min": np.minimum,
    "umax": _on_unsigned(np.maximum),
    "umin": _on_unsigned(np.minimum),
    "xchg": lambda old, new: new,
}


def _address(node: Node, inputs: Sequence[Datum]) -> Address:
    """Pointer arithmetic and shape operations: the parameter stays, offsets are computed."""
    if node.op == "select":
        return _selected(node, inputs)
    first = inputs[0]
    if not isinstance(first, Address) or any(isinstance(x, Address) for x in inputs[1:]):
        raise UnsupportedOperation(
            f"{node.op} of pointers", where=node.loc, hint="compute with offsets instead"
        )
    rest = [np.asarray(x) for x in inputs[1:]]
    return Address(first.parameter, semantics.apply(node, [first.offsets, *rest]))


def _selected(node: Node, inputs: Sequence[Datum]) -> Address:
    condition, a, b = inputs
    if not isinstance(a, Address) or not isinstance(b, Address) or a.parameter != b.parameter:
        raise _unknown_origin(node)
    return Address(a.parameter, semantics.apply(node, [np.asarray(condition), a.offsets, b.offsets]))


def _unknown_origin(node: Node) -> PointerProvenance:
    return PointerProvenance(
        f"{node.op} through a pointer of unknown origin",
        where=node.loc,
        why="it cannot be traced to one argument of the kernel",
        hint="select an offset, not a pointer",
    )


def _storage(elem: Scalar) -> np.dtype[Any]:
    """The dtype of memory that holds `elem`."""
    return np.dtype(np.uint16) if elem.name == "bf16" else semantics.dtype_of(elem)


def _from_storage(raw: Array, elem: Scalar) -> Array:
    if elem.name != "bf16":
        return raw
    return (raw.astype(np.uint32) << np.uint32(16)).view(np.float32)


def _to_storage(values: Array, elem: Scalar) -> Array:
    if elem.name != "bf16":
        return values
    return (np.ascontiguousarray(values).view(np.uint32) >> np.uint32(16)).astype(np.uint16)
