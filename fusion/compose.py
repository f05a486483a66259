"""Small building words over GraphBuilder, for operations that are made of other operations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .errors import Loc
from .graph import Graph, GraphBuilder, Value
from .types import I1, I32, Scalar, Type


@dataclass(frozen=True, slots=True)
class Compose:
    """Adds nodes to `builder`, all at `loc`; every method returns the value that it makes."""

    builder: GraphBuilder
    loc: Loc

    def op(self, name: str, inputs: Iterable[Value], result: Type, **attrs: Any) -> Value:
        return self.builder.add(name, inputs, (result,), attrs, loc=self.loc).result

    def const(self, value: int | float, like: Type) -> Value:
        return self.op("const", (), like, value=value)

    def same(self, name: str, *inputs: Value, **attrs: Any) -> Value:
        """An operation whose result has the type of its first operand."""
        return self.op(name, inputs, inputs[0].type, **attrs)

    def cmp(self, predicate: str, left: Value, right: Value) -> Value:
        result = left.type.with_elem(I1)
        return self.op("cmp", (left, right), result, predicate=predicate)

    def equals(self, value: Value, number: int) -> Value:
        return self.cmp("eq", value, self.const(number, value.type))

    def select(self, condition: Value, yes: Value, no: Value) -> Value:
        return self.op("select", (condition, yes, no), yes.type)

    def choose(
        self,
        condition: Value,
        yes: tuple[Value, ...],
        no: tuple[Value, ...],
        shape: tuple[int, ...],
    ) -> tuple[Value, ...]:
        """For every pair, which of the two holds at each element of a tile of `shape`."""
        where = self.broadcast(condition, shape)
        return tuple(
            self.select(where, self.broadcast(a, shape), self.broadcast(b, shape))
            for a, b in zip(yes, no, strict=True)
        )

    def cast(self, name: str, value: Value, elem: Scalar) -> Value:
        """A conversion (ext_u, trunc, fcast ...) to `elem`; nothing if it is that already."""
        if value.type.elem == elem:
            return value
        return self.op(name, (value,), value.type.with_elem(elem))

    def reshape(self, value: Value, shape: tuple[int, ...]) -> Value:
        if value.type.shape == shape:
            return value
        name = "splat" if shape and not value.type.shape else "reshape"
        return self.op(name, (value,), value.type.with_shape(shape))

    def broadcast(self, value: Value, shape: tuple[int, ...]) -> Value:
        """`value`, of the same rank or a scalar, repeated to `shape`."""
        if value.type.shape == shape:
            return value
        name = "broadcast" if value.type.shape else "splat"
        return self.op(name, (value,), value.type.with_shape(shape))

    def trans(self, value: Value, order: tuple[int, ...]) -> Value:
        shape = tuple(value.type.shape[d] for d in order)
        return self.op("trans", (value,), value.type.with_shape(shape), order=order)

    def index(self, shape: tuple[int, ...], axis: int) -> Value:
        """The coordinate along `axis` of every element of a tile of `shape`, as i32."""
        size = shape[axis]
        line = self.op("range", (), Type(I32, (size,)), start=0, end=size)
        flat = tuple(size if d == axis else 1 for d in range(len(shape)))
        return self.broadcast(self.reshape(line, flat), shape)

    def repeat(self, value: Value, axis: int, count: int) -> Value:
        """Every element along `axis` `count` times, one behind the other."""
        shape = value.type.shape
        wide = (*shape[: axis + 1], count, *shape[axis + 1 :])
        spread = self.broadcast(
            self.reshape(value, (*shape[: axis + 1], 1, *shape[axis + 1 :])), wide
        )
        return self.reshape(spread, (*shape[:axis], shape[axis] * count, *shape[axis + 1 :]))

    def stack(self, values: tuple[Value, ...], axis: int) -> Value:
        """Tiles of one shape along a new dimension `axis`; their number is a power of two."""
        shape = values[0].type.shape
        wide = (*shape[:axis], len(values), *shape[axis:])
        thin = (*shape[:axis], 1, *shape[axis:])
        spread = [self.broadcast(self.reshape(v, thin), wide) for v in values]
        place, result = self.index(wide, axis), spread[-1]
        for k in reversed(range(len(values) - 1)):
            result = self.select(self.equals(place, k), spread[k], result)
        return result

    def pick(self, value: Value, axis: int, place: int) -> Value:
        """The slice at `place` along `axis`: a reduction in which only that element counts."""
        wanted = self.equals(self.index(value.type.shape, axis), place)
        region = self._first_wanted(value.type)
        shape = value.type.shape[:axis] + value.type.shape[axis + 1 :]
        types = (Type(I1, shape), value.type.with_shape(shape))
        node = self.builder.add(
            "reduce", (wanted, value), types, {"axis": axis}, (region,), self.loc
        )
        return node.outputs[1]

    def _first_wanted(self, t: Type) -> Graph:
        one, bit = Type(t.elem), Type(I1)
        inner = GraphBuilder(self.builder.ids, (bit, one, bit, one), self.loc)
        left, a, right, b = inner.args
        words = Compose(inner, self.loc)
        return inner.build((words.same("or", left, right), words.select(left, a, b)))

    def sum(self, value: Value, axis: int) -> Value:
        """The sum of integers along `axis`."""
        inner = GraphBuilder(self.builder.ids, (Type(value.type.elem),) * 2, self.loc)
        region = inner.build((Compose(inner, self.loc).same("add", *inner.args),))
        shape = value.type.shape[:axis] + value.type.shape[axis + 1 :]
        node = self.builder.add(
            "reduce", (value,), (value.type.with_shape(shape),), {"axis": axis}, (region,), self.loc
        )
        return node.result
