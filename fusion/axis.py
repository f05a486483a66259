"""What is known of a tile along each of its dimensions, for whole vectors of memory accesses.

contiguity c: the tile is made of aligned groups of c neighbours whose values grow by one (for pointers: by
one element). divisibility: the first value of each such group is a multiple of it. constancy k: the tile is
made of aligned groups of k neighbours with one value. (The analysis of Triton's GPU back ends, AxisInfo;
restated here over our operations.) All numbers are powers of two, and 1 says nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .graph import Function, Graph, Node, Value

_MOST = 1 << 30
Dims = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """One entry per dimension; a scalar counts as one dimension of size 1."""

    contiguity: Dims
    divisibility: Dims
    constancy: Dims
    constant: int | None = None


def rank_of(value: Value) -> int:
    return max(1, len(value.type.shape))


def analyse(function: Function) -> Mapping[Value, Axis]:
    """The Axis of every integer, boolean and pointer value; what is missing is `unknown`."""
    found: dict[Value, Axis] = {}
    for value, parameter in zip(function.body.args, function.parameters):
        if not parameter.type.is_pointer:
            found[value] = Axis((1,), (_power(parameter.divisibility),), (1,))
        else:  # offsets count elements: what the address is divisible by does not matter
            found[value] = Axis((1,), (_MOST,), (1,))
    _graph(function.body, found)
    return found


def unknown(value: Value) -> Axis:
    ones = (1,) * rank_of(value)
    return Axis(ones, ones, ones)


def _power(n: int) -> int:
    """The largest power of two that divides n."""
    return min(n & -n, _MOST) if n else _MOST


def _graph(graph: Graph, found: dict[Value, Axis]) -> None:
    for node in graph:
        for region in node.regions:
            if node.op == "for":
                found[region.args[0]] = _induction(node, found)
            if node.op != "reduce" and node.op != "scan":
                _graph(region, found)
        rule = _RULES.get(node.op)
        if rule is not None:
            found[node.result] = rule(node, [found.get(v) or unknown(v) for v in node.inputs])


def _induction(node: Node, found: Mapping[Value, Axis]) -> Axis:
    lower, step = (found.get(v) or unknown(v) for v in (node.inputs[0], node.inputs[2]))
    return Axis((1,), (min(lower.divisibility[0], step.divisibility[0]),), (1,))


# --- rules


def _const(node: Node, inputs: Sequence[Axis]) -> Axis:
    value = node.attr("value")
    rank, shape = rank_of(node.result), node.result.type.shape or (1,)
    if node.result.type.scalar.is_float:
        return Axis((1,) * rank, (1,) * rank, shape)
    return Axis((1,) * rank, (_power(int(value)),) * rank, shape, int(value))


def _range(node: Node, inputs: Sequence[Axis]) -> Axis:
    return Axis(node.result.type.shape, (_power(node.attr("start")),), (1,))


def _splat(node: Node, inputs: Sequence[Axis]) -> Axis:
    (x,) = inputs
    shape = node.result.type.shape or (1,)
    return Axis((1,) * len(shape), (x.divisibility[0],) * len(shape), shape, x.constant)


def _expand_dims(node: Node, inputs: Sequence[Axis]) -> Axis:
    (x,) = inputs
    axis = node.attr("axis")
    if len(node.result.type.shape) == 1:
        return x

    def put(dims: Dims, one: int) -> Dims:
        return (*dims[:axis], one, *dims[axis:])

    # Along the new dimension each value is a group of its own: only what divides all of them counts.
    alone = max(d if c == 1 else 1 for d, c in zip(x.divisibility, x.contiguity))
    return Axis(put(x.contiguity, 1), put(x.divisibility, alone), put(x.constancy, 1), x.constant)


def _broadcast(node: Node, inputs: Sequence[Axis]) -> Axis:
    (x,) = inputs
    inner, outer = node.inputs[0].type.shape, node.result.type.shape
    constancy = tuple(o if i != o else c for i, o, c in zip(inner, outer, x.constancy))
    return Axis(x.contiguity, x.divisibility, constancy, x.constant)


def _trans(node: Node, inputs: Sequence[Axis]) -> Axis:
    (x,) = inputs
    order = node.attr("order")

    def put(dims: Dims) -> Dims:
        return tuple(dims[k] for k in order)

    return Axis(put(x.contiguity), put(x.divisibility), put(x.constancy), x.constant)


def _reshape(node: Node, inputs: Sequence[Axis]) -> Axis:
    """Only the innermost dimension keeps what it had, and no more than fits."""
    (x,) = inputs
    inner, outer = node.inputs[0].type.shape, node.result.type.shape
    plain = unknown(node.result)
    if not inner or not outer:
        return plain
    most = min(inner[-1], outer[-1])
    contiguity, constancy = min(x.contiguity[-1], most), min(x.constancy[-1], most)
    divisibility = (
        min(x.divisibility[-1], contiguity)
        if contiguity < x.contiguity[-1]
        else (x.divisibility[-1])
    )
    return Axis(
        (*plain.contiguity[:-1], contiguity),
        (*plain.divisibility[:-1], divisibility),
        (*plain.constancy[:-1], constancy),
        x.constant,
    )


def _same(node: Node, inputs: Sequence[Axis]) -> Axis:
    return inputs[0]


def _alone(x: Axis, d: int, contiguity: int) -> int:
    """What divides every first element of groups of `contiguity`, smaller than those of x."""
    return (
        x.divisibility[d] if contiguity >= x.contiguity[d] else min(x.divisibility[d], contiguity)
    )


def _sum(node: Node, inputs: Sequence[Axis]) -> Axis:
    a, b = inputs
    minus = node.op == "sub"
    contiguity, divisibility = [], []
    for d in range(rank_of(node.result)):
        forward = math.gcd(a.contiguity[d], b.constancy[d])
        backward = 1 if minus else math.gcd(b.contiguity[d], a.constancy[d])
        c = max(forward, backward)
        contiguity.append(c)
        divisibility.append(min(_alone(a, d, c), _alone(b, d, c)))
    return Axis(
        tuple(contiguity),
        tuple(divisibility),
        _both(a, b),
        _folded(a, b, (lambda x, y: x - y) if minus else (lambda x, y: x + y)),
    )


def _both(a: Axis, b: Axis) -> Dims:
    return tuple(math.gcd(x, y) for x, y in zip(a.constancy, b.constancy))


def _folded(a: Axis, b: Axis, op: Callable[[int, int], int]) -> int | None:
    return None if a.constant is None or b.constant is None else op(a.constant, b.constant)


def _product(node: Node, inputs: Sequence[Axis]) -> Axis:
    a, b = inputs
    for one, other in ((a, b), (b, a)):
        if one.constant == 1:
            return other
    divisibility = tuple(
        min(_alone(a, d, 1) * _alone(b, d, 1), _MOST) for d in range(rank_of(node.result))
    )
    ones = (1,) * rank_of(node.result)
    return Axis(ones, divisibility, _both(a, b), _folded(a, b, lambda x, y: x * y))


def _quotient(node: Node, inputs: Sequence[Axis]) -> Axis:
    a, b = inputs
    if b.constant == 1:
        return a
    plain = unknown(node.result)
    groups = tuple(
        math.gcd(a.contiguity[d], a.divisibility[d], b.divisibility[d], b.constancy[d])
        for d in range(rank_of(node.result))
    )
    constancy = tuple(max(x, y) for x, y in zip(_both(a, b), groups))
    return Axis(plain.contiguity, plain.divisibility, constancy)


def _remainder(node: Node, inputs: Sequence[Axis]) -> Axis:
    a, b = inputs
    contiguity, divisibility = [], []
    for d in range(rank_of(node.result)):
        c = math.gcd(a.contiguity[d], a.divisibility[d], b.divisibility[d], b.constancy[d])
        contiguity.append(c)
        divisibility.append(min(_alone(a, d, c), _alone(b, d, c)))
    return Axis(tuple(contiguity), tuple(divisibility), _both(a, b))


_BELOW = frozenset({"slt", "sge", "ult", "uge"})  # left < right, or its negation
_ABOVE = frozenset({"sgt", "sle", "ugt", "ule"})


def _compared(node: Node, inputs: Sequence[Axis]) -> Axis:
    """A bound that is a multiple of a group's size does not fall inside the group."""
    a, b = inputs
    if node.inputs[0].type.scalar.is_float:
        return _logic(node, inputs)
    constancy = list(_both(a, b))
    predicate = node.attr("predicate")
    for runs, bound, predicates in ((a, b, _BELOW), (b, a, _ABOVE)):
        if predicate not in predicates:
            continue
        for d in range(rank_of(node.result)):
            group = math.gcd(
                runs.contiguity[d], runs.divisibility[d], bound.divisibility[d], bound.constancy[d]
            )
            constancy[d] = max(constancy[d], group)
    plain = unknown(node.result)
    return Axis(plain.contiguity, plain.divisibility, tuple(constancy))


def _logic(node: Node, inputs: Sequence[Axis]) -> Axis:
    plain, shape = unknown(node.result), node.result.type.shape or (1,)
    known = [  # a select may have one condition for all
        x.constancy if v.type.shape else shape for x, v in zip(inputs, node.inputs)
    ]
    constancy = tuple(math.gcd(*parts) for parts in zip(*known))
    return Axis(plain.contiguity, plain.divisibility, constancy)


_RULES: dict[str, Callable[[Node, Sequence[Axis]], Axis]] = {
    "const": _const,
    "range": _range,
    "splat": _splat,
    "expand_dims": _expand_dims,
    "broadcast": _broadcast,
    "trans": _trans,
    "reshape": _reshape,
    "ext_s": _same,
    "add": _sum,
    "sub": _sum,
    "addptr": _sum,
    "mul": _product,
    "div_s": _logic,  # rounds towards zero: a group across it has two quotients
    "div_u": _quotient,
    "rem_s": _logic,
    "rem_u": _remainder,
    "cmp": _compared,
    **dict.fromkeys(("and", "or", "xor", "select", "min_s", "max_s", "min_u", "max_u"), _logic),
}
