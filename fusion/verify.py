"""Is a graph well formed? A table of rules per operation; tests run it after lifting and after every pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NoReturn

from .errors import VerifyError
from .graph import ARGS, Function, Graph, Node, Value
from .ops import OPS, has_effect
from .types import I1, I32, I64, Pointer, Type

Stage = Literal["lifted", "fused"]
Rule = Callable[[Node], None]


def verify(function: Function, stage: Stage) -> None:
    """Raise VerifyError, with the place in the user's kernel, if a rule is broken.

    Both stages: operations have a row in fusion/ops.py, operands and results fit the row's rule, values
    are defined before they are used, ids are unique, tile sizes are powers of two. "fused": beyond
    that, no node is left whose results nobody uses (see passes/clean.py).
    """
    if tuple(p.type for p in function.parameters) != tuple(a.type for a in function.body.args):
        raise VerifyError(f"parameters of {function.name} differ from its body's arguments")
    if function.body.outputs:
        raise VerifyError(f"{function.name} returns values", where=function.loc)
    _unique_ids(function.body)
    _graph(function.body, {}, stage)


def _fail(node: Node, what: str) -> NoReturn:
    raise VerifyError(f"{node.op} (node {node.id}): {what}", where=node.loc)


def _need(node: Node, holds: bool, what: str) -> None:
    if not holds:
        _fail(node, what)


def _unique_ids(body: Graph) -> None:
    seen: set[int] = set()
    for node in _all_nodes(body):
        _need(node, node.id not in seen, "its id is taken")
        seen.add(node.id)


def _all_nodes(graph: Graph) -> Iterator[Node]:
    """Every node, with the argument nodes of this and all child graphs."""
    yield graph.args_node
    for node in graph:
        yield node
        for region in node.regions:
            yield from _all_nodes(region)


def _graph(graph: Graph, outer: dict[int, Node], stage: Stage) -> None:
    _need(graph.args_node, graph.args_node.op == ARGS, f"a graph starts with {ARGS}")
    defined = {**outer, graph.args_node.id: graph.args_node}
    for node in graph:
        for value in node.inputs:
            _defined(node, value, defined)
        for t in node.types:
            _tile(node, t)
        _row(node)
        for region in node.regions:
            _graph(region, defined, stage)
        defined[node.id] = node
    for value in graph.outputs:
        _defined(graph.args_node, value, defined)
    if stage == "fused":
        _no_dead_nodes(graph)


def _defined(user: Node, value: Value, defined: dict[int, Node]) -> None:
    maker = defined.get(value.node)
    if maker is None:
        _fail(user, f"value %{value.node}.{value.index} is not defined here")
    if value not in maker.outputs:
        _fail(user, f"node {value.node} ({maker.op}) has no result {value.index} of {value.type}")


def _tile(node: Node, t: Type) -> None:
    ok = all(n > 0 and n & (n - 1) == 0 for n in t.shape)
    _need(node, ok, f"the sizes of {t} are not powers of two")


def _row(node: Node) -> None:
    row = OPS.get(node.op)
    if row is None:
        _fail(node, "there is no such operation")
    if row.arity is not None:
        _need(node, len(node.inputs) == row.arity, f"{len(node.inputs)} inputs, not {row.arity}")
    if row.kind in ("elementwise", "index", "shape", "dot"):
        _need(node, len(node.types) == 1, f"{len(node.types)} results, not 1")
    if row.kind not in ("combine", "control"):
        _need(node, not node.regions, "it owns child graphs")
    rule = _RULES.get(node.op)
    if rule is None:
        _fail(node, "no rule says what its operands are")
    rule(node)


def _no_dead_nodes(graph: Graph) -> None:
    used = set(graph.outputs)
    for node in graph:
        used.update(node.uses())
    for node in graph:
        _need(node, has_effect(node) or any(v in used for v in node.outputs), "nobody uses it")


# --- rules


def _types(values: Sequence[Value]) -> tuple[Type, ...]:
    return tuple(v.type for v in values)


def _is_int(t: Type) -> bool:
    return not t.is_pointer and not t.is_float


def _same(*kinds: Literal["int", "float", "pointer"]) -> Rule:
    """All operands and the result have one type, of one of `kinds`."""

    def rule(node: Node) -> None:
        result = node.types[0]
        kind = "pointer" if result.is_pointer else "float" if result.is_float else "int"
        _need(node, kind in kinds, f"it makes {result}, not {' or '.join(kinds)}")
        for t in _types(node.inputs):
            _need(node, t == result, f"operand {t}, result {result}")

    return rule


def _pow(node: Node) -> None:
    """A float to the power of a float of its type, or of an integer."""
    base, exponent = _types(node.inputs)
    _need(node, base == node.types[0] and base.is_float, f"{base} to a power is {node.types[0]}")
    _need(node, exponent == base or _is_int(exponent), f"to the power of {exponent}")
    _need(node, exponent.shape == base.shape, f"shape of {exponent} is not that of {base}")


def _convert(
    source: Literal["int", "float"],
    target: Literal["int", "float"],
    sizes: Callable[[int, int], bool] = lambda old, new: True,
) -> Rule:
    """One shape, element types of these kinds; `sizes` judges (old bits, new bits)."""

    def rule(node: Node) -> None:
        a, b = node.inputs[0].type, node.types[0]
        _need(node, a.shape == b.shape, f"shape of {a} is not that of {b}")
        _need(node, not a.is_pointer and not b.is_pointer, "of a pointer")
        _need(node, (a.scalar.kind, b.scalar.kind) == (source, target), f"from {a} to {b}")
        _need(node, sizes(a.scalar.bits, b.scalar.bits), f"from {a} to {b}: the wrong way")

    return rule


_INT_PREDICATES = frozenset({"eq", "ne", *(s + p for s in "su" for p in ("lt", "le", "gt", "ge"))})
_FLOAT_PREDICATES = frozenset(
    {"true", "false", "ord", "uno"}
    | {o + p for o in "ou" for p in ("eq", "gt", "ge", "lt", "le")}
    | {"one", "une"}
)


def _cmp(node: Node) -> None:
    a, b = _types(node.inputs)
    _need(node, a == b, f"operands {a} and {b}")
    _need(node, node.types[0] == Type(I1, a.shape), f"it makes {node.types[0]}")
    known = _FLOAT_PREDICATES if a.is_float else _INT_PREDICATES
    _need(node, node.attr("predicate") in known, f"predicate {node.attr('predicate')} on {a}")


def _select(node: Node) -> None:
    condition, a, b = _types(node.inputs)
    _need(node, condition.elem == I1, f"the condition is {condition}")
    _need(node, condition.shape in ((), a.shape), f"condition {condition} for {a}")
    _need(node, a == b == node.types[0], f"operands {a} and {b}, result {node.types[0]}")


def _bitcast(node: Node) -> None:
    a, b = node.inputs[0].type, node.types[0]
    _need(node, a.shape == b.shape and a.is_pointer == b.is_pointer, f"from {a} to {b}")
    _need(node, a.is_pointer or a.scalar.bits == b.scalar.bits, f"from {a} to {b}: not one width")


def _number_of_pointer(node: Node) -> None:
    a, b = node.inputs[0].type, node.types[0]
    _need(node, a.is_pointer and b == Type(I64, a.shape), f"from {a} to {b}")


def _pointer_of_number(node: Node) -> None:
    a, b = node.inputs[0].type, node.types[0]
    _need(node, b.is_pointer and a == Type(I64, b.shape), f"from {a} to {b}")


def _address(node: Node) -> None:
    _number_of_pointer(node)
    _need(node, not node.types[0].shape, "of a tile")


def _addptr(node: Node) -> None:
    pointer, offset = _types(node.inputs)
    _need(node, pointer.is_pointer and pointer == node.types[0], f"{pointer} to {node.types[0]}")
    _need(node, _is_int(offset) and offset.shape == pointer.shape, f"offset {offset}")


def _const(node: Node) -> None:
    t, value = node.types[0], node.attr("value")
    _need(node, not t.is_pointer, "of a pointer")
    _need(node, isinstance(value, (int, float)), f"value {value!r}")
    _need(node, t.is_float or isinstance(value, int), f"value {value!r} of {t}")


def _axis_of_grid(node: Node) -> None:
    _need(node, node.attr("axis") in (0, 1, 2), f"axis {node.attr('axis')}")
    _need(node, node.types[0] == Type(I32), f"it makes {node.types[0]}")


def _range(node: Node) -> None:
    start, end = node.attr("start"), node.attr("end")
    ok = isinstance(start, int) and isinstance(end, int) and end > start
    _need(node, ok and node.types[0] == Type(I32, (end - start,)), f"{start} to {end}")


def _splat(node: Node) -> None:
    a, b = node.inputs[0].type, node.types[0]
    _need(node, a.elem == b.elem, f"from {a} to {b}")
    _need(node, a.size == 1, f"of a tile {a}")


def _broadcast(node: Node) -> None:
    a, b = node.inputs[0].type, node.types[0]
    fits = len(a.shape) == len(b.shape) and all(m in (1, n) for m, n in zip(a.shape, b.shape))
    _need(node, fits and a.elem == b.elem, f"from {a} to {b}")


def _expand_dims(node: Node) -> None:
    a, b, axis = node.inputs[0].type, node.types[0], node.attr("axis")
    _need(node, isinstance(axis, int) and 0 <= axis <= len(a.shape), f"axis {axis} of {a}")
    _need(node, b == a.with_shape((*a.shape[:axis], 1, *a.shape[axis:])), f"from {a} to {b}")


def _reshape(node: Node) -> None:
    a, b = node.inputs[0].type, node.types[0]
    _need(node, a.size == b.size and a.elem == b.elem, f"from {a} to {b}")


def _trans(node: Node) -> None:
    a, b, order = node.inputs[0].type, node.types[0], node.attr("order")
    _need(node, sorted(order) == list(range(len(a.shape))), f"order {order} of {a}")
    _need(node, b == a.with_shape(tuple(a.shape[d] for d in order)), f"from {a} to {b}")


def _memory(values: int) -> Rule:
    """Pointer, then `values` tiles of its pointee, then perhaps a mask (for a load: mask, other)."""

    def rule(node: Node) -> None:
        types = _types(node.inputs)
        _need(node, bool(types) and isinstance(types[0].elem, Pointer), "its first operand")
        pointee = Type(types[0].scalar, types[0].shape)
        load = node.op == "load"
        mask = values + 1
        last = mask + (2 if load else 0 if node.op == "atomic_cas" else 1)
        _need(node, mask <= len(types) <= last, f"{len(types)} inputs")
        given = (*types[1:mask], *types[mask + 1 :])
        _need(node, all(t == pointee for t in given), f"{', '.join(map(str, given))} at {types[0]}")
        _need(node, len(types) <= mask or types[mask] == Type(I1, types[0].shape), "its mask")
        results = () if node.op == "store" else (pointee,)
        _need(node, node.types == results, f"it makes {', '.join(map(str, node.types))}")

    return rule


_FLOAT_RMW = frozenset({"fadd", "fmax", "fmin"})
_ANY_RMW = frozenset({"xchg", "load", "poll"})
_RMW_KINDS = _FLOAT_RMW | _ANY_RMW | {"and", "or", "xor", "add", "max", "min", "umax", "umin"}


def _atomic_rmw(node: Node) -> None:
    _memory(1)(node)
    kind = node.attr("kind")
    _need(node, kind in _RMW_KINDS, f"kind {kind}")
    fits = kind in _ANY_RMW or (kind in _FLOAT_RMW) == node.inputs[1].type.is_float
    _need(node, fits, f"{kind} of {node.types[0]}")


def _combine(node: Node) -> None:
    shapes = {v.type.shape for v in node.inputs}
    _need(node, len(shapes) == 1, "operands of different shapes")
    shape, axis = shapes.pop(), node.attr("axis")
    _need(node, isinstance(axis, int) and 0 <= axis < len(shape), f"axis {axis} of {shape}")
    left = shape if node.op == "scan" else shape[:axis] + shape[axis + 1 :]
    _need(node, node.types == tuple(v.type.with_shape(left) for v in node.inputs), "its results")
    elems = tuple(Type(v.type.elem) for v in node.inputs)
    _regions(node, [(elems * 2, elems)])
    _need(node, not node.regions[0].free_values(), "its region uses values from outside")


def _gather(node: Node) -> None:
    source, index = _types(node.inputs)
    axis = node.attr("axis")
    _need(node, isinstance(axis, int) and 0 <= axis < len(source.shape), f"axis {axis} of {source}")
    _need(node, _is_int(index) and not source.is_pointer, f"{index} of {source}")
    rest = [t.shape[:axis] + t.shape[axis + 1 :] for t in (source, index)]
    _need(node, rest[0] == rest[1], f"{index} of {source} along {axis}")
    _need(node, node.types == (source.with_shape(index.shape),), f"it makes {node.types[0]}")


def _dot(node: Node) -> None:
    a, b, c = _types(node.inputs)
    ranks = {len(t.shape) for t in (a, b, c)}
    _need(node, ranks in ({2}, {3}), f"operands {a}, {b}, {c}")
    batches = {t.shape[:-2] for t in (a, b, c)}
    fits = (a.shape[-2], b.shape[-1]) == c.shape[-2:] and a.shape[-1] == b.shape[-2]
    fits = fits and len(batches) == 1
    _need(node, fits and c == node.types[0], f"{a} @ {b} + {c}")
    kinds = {t.scalar.kind for t in (a, b, c)}
    _need(node, len(kinds) == 1 and not any(t.is_pointer for t in (a, b, c)), f"{a} @ {b} + {c}")


def _regions(node: Node, wanted: list[tuple[tuple[Type, ...], tuple[Type, ...]]]) -> None:
    """`wanted`: types of the arguments and of the outputs of every region."""
    _need(node, len(node.regions) == len(wanted), f"{len(node.regions)} regions")
    for k, (region, (args, outputs)) in enumerate(zip(node.regions, wanted)):
        _need(node, _types(region.args) == args, f"arguments of region {k}")
        _need(node, _types(region.outputs) == outputs, f"outputs of region {k}")


def _for(node: Node) -> None:
    _need(node, len(node.inputs) >= 3, "bounds and step are missing")
    bounds = _types(node.inputs[:3])
    _need(node, len(set(bounds)) == 1 and _is_int(bounds[0]), "bounds of different types")
    _need(node, not bounds[0].shape, "bounds are tiles")
    carried = _types(node.inputs[3:])
    _need(node, node.types == carried, "results differ from what the loop carries")
    _regions(node, [((bounds[0], *carried), carried)])


def _while(node: Node) -> None:
    _regions(
        node, [(_types(node.inputs), (Type(I1), *node.types)), (node.types, _types(node.inputs))]
    )


def _if(node: Node) -> None:
    _need(node, _types(node.inputs) == (Type(I1),), "its condition")
    _regions(node, [((), node.types)] * 2)


def _nothing(node: Node) -> None:
    _need(node, not node.inputs and not node.types, "it has operands or results")


def _print(node: Node) -> None:
    _need(node, len(node.inputs) <= 1 and not node.types, "it prints one value, or none")
    _need(node, isinstance(node.attr("prefix"), str), "its prefix")


def _assert(node: Node) -> None:
    _need(node, len(node.inputs) == 1 and node.inputs[0].type.elem == I1, "its condition")
    _need(node, not node.types and isinstance(node.attr("message"), str), "its message")


def _each(names: str, rule: Rule) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


def _narrower(old: int, new: int) -> bool:
    return new < old


def _wider(old: int, new: int) -> bool:
    return new > old


_RULES: dict[str, Rule] = {
    **_each("add sub mul neg", _same("int", "float")),
    **_each("and or xor not shl shr_s shr_u max_s max_u min_s min_u mulhi_u", _same("int")),
    **_each("div_s div_u rem_s rem_u abs_i", _same("int")),
    **_each("maxnum minnum maximum minimum div precise_div rem_f abs_f", _same("float")),
    **_each("floor ceil sqrt rsqrt precise_sqrt exp exp2 log log2", _same("float")),
    **_each("sin cos tanh erf fma clamp", _same("float")),
    **_each("exp10 expm1 log10 log1p tan sinh cosh asin acos atan atan2", _same("float")),
    **_each("asinh acosh atanh trunc_f rint round copysign", _same("float")),
    **_each("isnan isinf isfinite", _convert("float", "int")),
    "pow": _pow,
    **_each("ext_s ext_u", _convert("int", "int", _wider)),
    "trunc": _convert("int", "int", _narrower),
    "fcast": _convert("float", "float"),
    **_each("s_to_f u_to_f", _convert("int", "float")),
    **_each("f_to_s f_to_u", _convert("float", "int")),
    "bitcast": _bitcast,
    "cmp": _cmp,
    "select": _select,
    "addptr": _addptr,
    "address": _address,
    "ptr_to_int": _number_of_pointer,
    "int_to_ptr": _pointer_of_number,
    "const": _const,
    **_each("program_id num_programs", _axis_of_grid),
    "range": _range,
    "splat": _splat,
    "broadcast": _broadcast,
    "expand_dims": _expand_dims,
    "reshape": _reshape,
    "trans": _trans,
    "load": _memory(0),
    "store": _memory(1),
    "atomic_rmw": _atomic_rmw,
    "atomic_cas": _memory(2),
    **_each("reduce scan", _combine),
    "dot": _dot,
    "gather": _gather,
    "for": _for,
    "while": _while,
    "if": _if,
    "barrier": _nothing,
    "print": _print,
    "assert": _assert,
}
