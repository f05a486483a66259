"""Runs a function on numpy arrays, one program after another: slow, simple, and the meaning of a graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import float8, semantics
from .errors import BadArgument, DeviceAssert, NoForwardProgress, UnsupportedOperation
from .graph import Function, Graph, Node, Value
from .ops import OPS, start_of
from .semantics import Array
from .types import Scalar


@dataclass(frozen=True, slots=True)
class _Pointer:
    """Elements of the buffer of parameter `parameter`, at `offsets`."""

    parameter: int
    offsets: Array


# (a print node, the program that runs it, the values it prints)
Say = Callable[[Node, tuple[int, int, int], tuple[Array, ...]], None]


def evaluate(
    function: Function,
    buffers: Mapping[int, Array],
    scalars: Mapping[int, int | float | bool],
    grid: tuple[int, int, int],
    say: Say = lambda node, program, values: None,
    each: Callable[[Node], None] = lambda node: None,
) -> None:
    """Run every program; `buffers` (parameter index → flat array) change in place.

    One array may stand for several parameters. bfloat16 memory is a uint16 array. `say` is called
    for every print, `each` for every node each time it runs. Raises BadArgument for an access out of
    bounds, with its place in the user's kernel, and DeviceAssert.
    """
    for z in range(grid[2]):
        for y in range(grid[1]):
            for x in range(grid[0]):
                _Program(function, buffers, scalars, (x, y, z), grid, say, each).run()


class _Program:
    def __init__(
        self,
        function: Function,
        buffers: Mapping[int, Array],
        scalars: Mapping[int, int | float | bool],
        at: tuple[int, int, int],
        grid: tuple[int, int, int],
        say: Say,
        each: Callable[[Node], None],
    ):
        self.body, self.buffers, self.at, self.grid = function.body, buffers, at, grid
        self.say, self.each = say, each
        self.env: dict[Value, Any] = {}
        for k, value in enumerate(self.body.args):
            if value.type.is_pointer:
                self.env[value] = _Pointer(k, np.zeros((), np.int64))
            else:
                self.env[value] = semantics.as_type(np.asarray(scalars[k]), value.type.scalar)

    def run(self) -> None:
        self.graph(self.body)

    def graph(self, graph: Graph) -> list[Any]:
        for node in graph:
            self.each(node)
            results = self.node(node)
            self.env.update(zip(node.outputs, results))
        return [self.env[v] for v in graph.outputs]

    def node(self, node: Node) -> Sequence[Any]:
        args = [self.env[v] for v in node.inputs]
        special = getattr(self, f"_{node.op}", None)
        if special is not None:
            results: Sequence[Any] = special(node, *args)
            return results
        if OPS[node.op].kind == "shape":
            return [_reshaped(node, args[0])]
        if isinstance(args[0], _Pointer):
            raise UnsupportedOperation(f"{node.op} on pointers", where=node.loc)
        return [semantics.apply(node, *args)]

    # --- values

    def _const(self, node: Node) -> Sequence[Any]:
        value = semantics.as_type(np.asarray(node.attr("value")), node.types[0].scalar)
        return [np.broadcast_to(value, node.types[0].shape)]

    def _range(self, node: Node) -> Sequence[Any]:
        return [np.arange(node.attr("start"), node.attr("end"), dtype=np.int32)]

    def _program_id(self, node: Node) -> Sequence[Any]:
        return [np.int32(self.at[node.attr("axis")])]

    def _num_programs(self, node: Node) -> Sequence[Any]:
        return [np.int32(self.grid[node.attr("axis")])]

    def _addptr(self, node: Node, pointer: _Pointer, offset: Array) -> Sequence[Any]:
        return [_Pointer(pointer.parameter, pointer.offsets + offset.astype(np.int64))]

    def _bitcast(self, node: Node, value: Any) -> Sequence[Any]:
        if not isinstance(value, _Pointer):
            return [semantics.apply(node, value)]
        old, new = node.inputs[0].type.scalar.bytes, node.types[0].scalar.bytes
        return [_Pointer(value.parameter, value.offsets * old // new)]

    def _address(self, node: Node, pointer: _Pointer) -> Sequence[Any]:
        """Arrays lie far apart in a memory of their own."""
        first = next(k for k, b in self.buffers.items() if b is self.buffers[pointer.parameter])
        return [np.int64(start_of(first))]

    # --- memory

    def _places(self, node: Node, pointer: _Pointer, mask: Array | None) -> tuple[Array, Array]:
        """(offsets, mask), broadcast to the tile; unmasked ones are inside the buffer."""
        shape = node.inputs[0].type.shape
        offsets = np.broadcast_to(pointer.offsets, shape)
        wanted = np.broadcast_to(np.asarray(True if mask is None else mask), shape)
        size = self._memory(node, pointer).size
        chosen = offsets[wanted]
        if chosen.size and (chosen.min() < 0 or chosen.max() >= size):
            raise BadArgument(
                f"{node.op} of element {int(chosen.min() if chosen.min() < 0 else chosen.max())}",
                where=node.loc,
                why=f"the array has {size} elements",
                hint="mask the access, or pass the right sizes",
            )
        return offsets, wanted

    def _memory(self, node: Node, pointer: _Pointer) -> Array:
        """The buffer in elements of the width that `node` accesses."""
        memory, width = self.buffers[pointer.parameter], node.inputs[0].type.scalar.bytes
        if memory.itemsize == width:
            return memory
        whole = memory.nbytes // width * width // memory.itemsize
        return memory[:whole].view(f"u{width}")

    def _load(self, node: Node, pointer: _Pointer, *rest: Array) -> Sequence[Any]:
        offsets, mask = self._places(node, pointer, rest[0] if rest else None)
        scalar = node.types[0].scalar
        other = rest[1] if len(rest) > 1 else np.zeros((), semantics.NUMPY[scalar.name])
        memory = self._memory(node, pointer)
        found = np.array(np.broadcast_to(other, offsets.shape))
        found[mask] = _from_memory(memory[offsets[mask]], scalar)
        return [found]

    def _store(
        self, node: Node, pointer: _Pointer, value: Array, mask: Array | None = None
    ) -> Sequence[Any]:
        offsets, wanted = self._places(node, pointer, mask)
        memory = self._memory(node, pointer)
        values = np.broadcast_to(value, offsets.shape)[wanted]
        memory[offsets[wanted]] = _to_memory(values, node.inputs[1].type.scalar, memory)
        return []

    def _atomic_rmw(
        self, node: Node, pointer: _Pointer, value: Array, mask: Array | None = None
    ) -> Sequence[Any]:
        offsets, wanted = self._places(node, pointer, mask)
        memory, scalar = self._memory(node, pointer), node.types[0].scalar
        values = np.broadcast_to(value, offsets.shape)
        old: Array = np.zeros(offsets.shape, semantics.NUMPY[scalar.name])
        for place in zip(*np.nonzero(np.atleast_1d(wanted))):
            where = place if offsets.ndim else ()
            element = memory[offsets[where] : offsets[where] + 1]
            before = _from_memory(element, scalar)
            old[where] = before[0]
            after = semantics.as_type(_RMW[node.attr("kind")](before, values[where]), scalar)
            element[:] = _to_memory(after, scalar, memory)
        return [old]

    def _atomic_cas(
        self, node: Node, pointer: _Pointer, expected: Array, value: Array
    ) -> Sequence[Any]:
        offsets, _ = self._places(node, pointer, None)
        memory, scalar = self._memory(node, pointer), node.types[0].scalar
        old: Array = np.zeros(offsets.shape, semantics.NUMPY[scalar.name])
        expected, value = (np.broadcast_to(v, offsets.shape) for v in (expected, value))
        for where in np.ndindex(offsets.shape):
            element = memory[offsets[where] : offsets[where] + 1]
            before = _from_memory(element, scalar)
            old[where] = before[0]
            if _same_bits(before[0], expected[where]):
                element[:] = _to_memory(value[where], scalar, memory)
        return [old]

    def _barrier(self, node: Node) -> Sequence[Any]:
        return []

    def _print(self, node: Node, *values: Array) -> Sequence[Any]:
        self.say(node, self.at, values)
        return []

    def _assert(self, node: Node, condition: Array) -> Sequence[Any]:
        if not np.all(condition):
            raise DeviceAssert(node.attr("message") or "device_assert", where=node.loc)
        return []

    # --- tiles

    def _dot(self, node: Node, a: Array, b: Array, c: Array) -> Sequence[Any]:
        scalar = node.types[0].scalar
        wide = np.dtype(semantics.NUMPY[scalar.name]) if scalar.is_float else np.dtype(np.int64)
        return [semantics.as_type(a.astype(wide) @ b.astype(wide) + c, scalar)]

    def _gather(self, node: Node, source: Array, index: Array) -> Sequence[Any]:
        axis, size = node.attr("axis"), node.inputs[0].type.shape[node.attr("axis")]
        source = np.broadcast_to(source, node.inputs[0].type.shape)
        places = np.broadcast_to(index, node.types[0].shape).astype(np.int64) & (size - 1)
        return [np.take_along_axis(source, places, axis)]

    def _reduce(self, node: Node, *args: Array) -> Sequence[Any]:
        axis = node.attr("axis")
        parts = [np.moveaxis(np.broadcast_to(a, node.inputs[0].type.shape), axis, 0) for a in args]
        while parts[0].shape[0] > 1:
            half = parts[0].shape[0] // 2
            pairs = [p[:half] for p in parts] + [p[half:] for p in parts]
            parts = [np.asarray(r) for r in self._region(node.regions[0], pairs)]
        return [p[0] for p in parts]

    def _scan(self, node: Node, *args: Array) -> Sequence[Any]:
        axis, shape = node.attr("axis"), node.inputs[0].type.shape
        parts = [np.moveaxis(np.array(np.broadcast_to(a, shape)), axis, 0) for a in args]
        places = range(1, shape[axis])
        for i in reversed(places) if node.attr("reverse") else places:
            before, here = (i, i - 1) if node.attr("reverse") else (i - 1, i)
            pairs = [p[before] for p in parts] + [p[here] for p in parts]
            for part, result in zip(parts, self._region(node.regions[0], pairs)):
                part[here] = result
        return [np.moveaxis(p, 0, axis) for p in parts]

    # --- control

    def _region(self, region: Graph, args: Sequence[Any]) -> list[Any]:
        self.env.update(zip(region.args, args, strict=True))
        return self.graph(region)

    def _for(
        self, node: Node, lower: Array, upper: Array, step: Array, *inits: Any
    ) -> Sequence[Any]:
        carried: Sequence[Any] = inits
        for iv in range(int(lower), int(upper), int(step)):
            index = semantics.as_type(np.asarray(iv), node.inputs[0].type.scalar)
            carried = self._region(node.regions[0], [index, *carried])
        return carried

    def _while(self, node: Node, *inits: Any) -> Sequence[Any]:
        carried: Sequence[Any] = inits
        while True:
            again, *values = self._region(node.regions[0], carried)
            if not again:
                return values
            carried = self._region(node.regions[1], values)

    def _if(self, node: Node, condition: Array) -> Sequence[Any]:
        if np.size(condition) == 1:
            return self._region(node.regions[0 if condition else 1], [])
        # Of every pair that a reduction or scan combines: no side has an effect there.
        sides = [self._region(region, []) for region in node.regions]
        return [np.where(condition, a, b) for a, b in zip(*sides, strict=True)]


def _order(a: Array) -> Array:
    """Integers in the order of the bits of floats: -0 below +0, NaNs at the ends."""
    a = np.atleast_1d(a)
    bits = a.view(f"i{a.dtype.itemsize}").astype(np.int64)
    low = np.int64(-(1 << (8 * a.dtype.itemsize - 1)))
    return np.asarray(np.where(bits < 0, low - 1 - bits, bits))


def _arrived(seen: Array, expected: Array) -> Array:
    if not _same_bits(seen[0], expected):
        raise NoForwardProgress(
            "tl.atomic_poll",
            why="programs run one after the other here, and none before this one wrote what it waits for",
            hint="install a C++ compiler: on the host target programs run at the same time",
        )
    return seen


_RMW: dict[str, Any] = {
    "load": lambda a, b: a,
    "poll": lambda a, b: _arrived(a, b),
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "add": np.add,
    "fadd": np.add,
    "max": np.maximum,
    "min": np.minimum,
    "umax": lambda a, b: np.maximum(semantics.unsigned(a), semantics.unsigned(np.asarray(b))),
    "umin": lambda a, b: np.minimum(semantics.unsigned(a), semantics.unsigned(np.asarray(b))),
    "fmax": lambda a, b: np.where(_order(b) > _order(a), b, a),
    "fmin": lambda a, b: np.where(_order(b) < _order(a), b, a),
    "xchg": lambda a, b: np.broadcast_to(b, np.shape(a)),
}


def _same_bits(a: Array, b: Array) -> bool:
    return np.asarray(a).tobytes() == np.asarray(b, np.asarray(a).dtype).tobytes()


def _reshaped(node: Node, value: Any) -> Any:
    if isinstance(value, _Pointer):
        return _Pointer(value.parameter, _reshaped(node, value.offsets))
    shape = node.types[0].shape
    value = np.broadcast_to(value, node.inputs[0].type.shape)
    if node.op == "trans":
        return value.transpose(node.attr("order"))
    return (
        np.broadcast_to(value, shape) if node.op in ("splat", "broadcast") else value.reshape(shape)
    )


def _from_memory(elements: Array, scalar: Scalar) -> Array:
    """Elements of an array as values of `scalar`: the same bits, or 0 and 1 for booleans."""
    if scalar.name == "bf16":
        return semantics.bf16_to_float(elements.view(np.uint16))
    if scalar.name in float8.FORMATS:
        return float8.decode(elements.view(np.uint8), scalar.name)
    wanted = semantics.NUMPY[scalar.name]
    if scalar.name == "i1" or elements.dtype == bool:
        return elements.astype(wanted)
    return np.ascontiguousarray(elements).view(wanted)


def _to_memory(values: Array, scalar: Scalar, memory: Array) -> Array:
    if scalar.name == "bf16":
        return semantics.float_to_bf16(np.asarray(values)).view(memory.dtype)
    if scalar.name in float8.FORMATS:
        return float8.encode(np.asarray(values), scalar.name).view(memory.dtype)
    if scalar.name == "i1" or memory.dtype == bool:
        return np.asarray(values).astype(memory.dtype)
    return np.ascontiguousarray(values, semantics.NUMPY[scalar.name]).view(memory.dtype)
