"""Values from many values along an axis: reductions, scans, sorts, histograms, with custom combines.

The interpreter runs a custom combine, and so xor_sum, sort and flip, in Python for each element:
their tiles are small. Reduced functions are commutative, for a reduction may take any order; scanned
ones need not be.
"""

from __future__ import annotations

import math

from .builder import Builder, Maker
from .program import DTYPES, TILE, Shape, Var

SLOW = 256  # elements of a tile whose combine the interpreter calls once for each


def _source(g: Builder, shape: Shape, limit: int) -> tuple[Shape, int] | None:
    """The shape with one more axis, and which one that is."""
    fit = [d for d in g.dims if math.prod(shape) * d <= limit]
    if not fit or len(shape) > 2:
        return None
    axis = g.rng.randint(0, len(shape))
    return (*shape[:axis], g.rng.choice(fit), *shape[axis:]), axis


def _summable(g: Builder, var: Var, count: int) -> Var | None:
    """The value so small that a sum of `count` of them is exact."""
    if not var.is_float:
        return var
    bound = 2.0 ** math.floor(math.log2(DTYPES[var.dtype].exact / count))
    return g.clamp(var, bound) if bound >= 1 else None


def _reduce(g: Builder, dtype: str, shape: Shape, depth: int) -> Var | None:
    found = _source(g, shape, TILE)
    if found is None:
        return None
    source, axis = found
    op, kind = g.rng.choice(("sum", "max", "min")), dtype
    if dtype == "int32" and g.chance(0.2):
        kind = g.rng.choice(("int8", "int16"))
    a: Var | None = g.value(kind, source, depth)
    assert a is not None
    if op == "sum":
        a = _summable(g, a, source[axis])
    if a is None:
        return None
    bound = a.bound * (source[axis] if op == "sum" else 1) if a.is_float else math.inf
    if shape and g.chance(0.2):
        kept = f"tl.{op}({a.name}, axis={axis}, keep_dims=True)"
        return g.let(f"tl.reshape({kept}, {shape}).to(tl.{dtype})", dtype, shape, bound)
    return g.let(f"tl.{op}({a.name}, axis={axis}).to(tl.{dtype})", dtype, shape, bound)


def _reduce_all(g: Builder, dtype: str, shape: Shape, depth: int) -> Var | None:
    """Everything in a tile, without an axis."""
    source = g.shape()
    a: Var | None = g.value(dtype, source, depth)
    op, count = g.rng.choice(("sum", "max", "min")), math.prod(source)
    if op == "sum" and a is not None:
        a = _summable(g, a, count)
    if a is None or not source:
        return None
    bound = a.bound * (count if op == "sum" else 1) if a.is_float else math.inf
    return g.let(f"tl.{op}({a.name}).to(tl.{dtype})", dtype, shape, bound)


def _arg(g: Builder, dtype: str, shape: Shape, depth: int) -> Var | None:
    """Where the first of the largest or smallest is; small numbers have many ties."""
    found = _source(g, shape, TILE)
    if found is None or dtype != "int32":
        return None
    source, axis = found
    a = g.value(g.any_dtype("iuf"), source, depth)
    op = g.rng.choice(("max", "min"))
    if g.chance(0.6):
        return g.let(f"tl.arg{op}({a.name}, axis={axis})", dtype, shape)
    text = f"tl.{op}({a.name}, axis={axis}, return_indices=True)"
    # Nobody reads the first result: its type is not of interest.
    index = g.name()
    g.line(f"{g.name('_')}, {index} = {text}", f"{index} = tl.full({shape}, 1, tl.int32)")
    made = Var(index, dtype, shape, 2.0**31)
    g.scope.append(made)
    return made


def _bits(g: Builder, dtype: str, shape: Shape, depth: int) -> Var | None:
    found = _source(g, shape, SLOW)
    if found is None:
        return None
    a = g.value(dtype, found[0], depth)
    op = g.rng.choice(("xor_sum", "reduce_or"))
    return g.let(f"tl.{op}({a.name}, axis={found[1]})", dtype, shape)


# name: (parameters, body). The number of operands is half of the number of parameters.
_REDUCERS = {
    "r_first_max": "v, i, w, j: tl.where((v > w) | ((v == w) & (i < j)), v, w), "
    "tl.where((v > w) | ((v == w) & (i < j)), i, j)",
    "r_last_min": "v, i, w, j: tl.minimum(v, w), tl.where((v < w) | ((v == w) & (i > j)), i, j)",
    "r_max": "a, b: tl.where(a > b, a, b)",
    "r_range": "a, b, c, d: tl.minimum(a, c), tl.maximum(b, d)",
}
_INT_REDUCERS = {
    "r_product": "a, b: a * b",
    "r_circle": "a, b: a + b + a * b",
    "r_and_sum_max": "a, b, c, d, e, f: a & d, b + e, tl.maximum(c, f)",
}
_SCANNERS = {
    "s_last": "a, b: tl.where(b == 0, a, b)",
    "s_max": "a, b: tl.maximum(a, b)",
    "s_max_where": "v, i, w, j: tl.where(v >= w, v, w), tl.where(v >= w, i, j)",
}
_INT_SCANNERS = {
    "s_affine": "a, b, c, d: a * c, b * c + d",
    "s_xor": "a, b: a ^ b",
    "s_left": "a, b: a",
}
_POSITIONS = ("r_first_max", "r_last_min", "s_max_where")  # their second operand counts the axis


def _combine(g: Builder, table: dict[str, str], more: dict[str, str], kind: str) -> tuple[str, int]:
    """A helper that combines: its name and the number of its operands."""
    rows = table | (more if kind in "iu" else {})
    name = g.rng.choice(list(rows))
    parameters, _, body = rows[name].partition(": ")
    g.helpers[name] = f"@triton.jit\ndef {name}({parameters}):\n    return {body}\n"
    return name, (parameters.count(",") + 1) // 2


def _operands(g: Builder, name: str, count: int, dtype: str, source: Shape, axis: int) -> list[Var]:
    found = [g.value(dtype, source, 1) for _ in range(count)]
    if name in _POSITIONS:
        strides = tuple(int(k == axis) for k in range(len(source)))
        index = f"tl.full({source}, 0, tl.int32) + {g.axes(source, strides)}"
        found[1] = g.let(index, "int32", source)
    return found


def _custom_reduce(g: Builder, dtype: str, shape: Shape, depth: int) -> Var | None:
    found = _source(g, shape, SLOW)
    if found is None:
        return None
    source, axis = found
    kind = g.any_dtype("iuf") if dtype == "int32" else dtype
    name, count = _combine(g, _REDUCERS, _INT_REDUCERS, DTYPES[kind].kind)
    operands = _operands(g, name, count, kind, source, axis)
    return _apply(g, f"tl.reduce(#, {axis}, {name})", operands, shape, dtype)


def _custom_scan(g: Builder, dtype: str, shape: Shape, depth: int) -> Var | None:
    if math.prod(shape) > SLOW:
        return None
    axis = g.rng.randrange(len(shape))
    name, count = _combine(g, _SCANNERS, _INT_SCANNERS, DTYPES[dtype].kind)
    operands = _operands(g, name, count, dtype, shape, axis)
    reverse = ", reverse=True" if g.chance(0.4) else ""
    text = f"tl.associative_scan(#, {axis}, {name}{reverse})"
    return _apply(g, text, operands, shape, dtype)


def _apply(g: Builder, text: str, operands: list[Var], shape: Shape, dtype: str) -> Var | None:
    """All results of a combine of several operands; one of the type that is asked for."""
    names = ", ".join(v.name for v in operands)
    text = text.replace("#", f"({names})" if len(operands) > 1 else names)
    made = g.let_all(text, [(v.dtype, shape, v.bound) for v in operands])
    fit = [v for v in made if v.dtype == dtype]
    return g.rng.choice(fit) if fit else g.convert(g.rng.choice(made), dtype)


def _scan(g: Builder, dtype: str, shape: Shape, depth: int) -> Var | None:
    axis = g.rng.randrange(len(shape))
    a: Var | None = g.value(dtype, shape, depth)
    op = "cumprod" if g.chance(0.2) else "cumsum"
    assert a is not None
    if op == "cumsum":
        a = _summable(g, a, shape[axis])
    elif a.is_float:
        a = g.clamp(a, 1)
    if a is None:
        return None
    bound = a.bound * (shape[axis] if op == "cumsum" else 1) if a.is_float else math.inf
    reverse = ", reverse=True" if g.chance(0.4) else ""
    return g.let(f"tl.{op}({a.name}, axis={axis}{reverse}).to(tl.{dtype})", dtype, shape, bound)


def _sort(g: Builder, dtype: str, shape: Shape, depth: int) -> Var | None:
    if not 2 <= math.prod(shape) <= SLOW // 2:
        return None
    order = g.rng.choice(("", ", descending=True"))
    longer = shape[-1] * 2
    if g.chance(0.3) and math.prod(shape) * 2 <= SLOW // 2:
        a = g.value(dtype, (*shape[:-1], longer), depth)
        # A top-1 is a reduction, which widens small types.
        return g.let(f"tl.topk({a.name}, {shape[-1]}).to(tl.{dtype})", dtype, shape, a.bound)
    a = g.value(dtype, shape, depth)
    return g.let(f"tl.sort({a.name}{order}).to(tl.{dtype})", dtype, shape, a.bound)


def _flip(g: Builder, dtype: str, shape: Shape, depth: int) -> Var | None:
    if not 2 <= math.prod(shape) <= SLOW:  # Triton has no view of one element without axes
        return None
    a = g.value(dtype, shape, depth)
    axis = g.rng.randrange(len(shape))
    return g.let(f"tl.flip({a.name}, {axis})", dtype, shape, a.bound)


def _histogram(g: Builder, dtype: str, shape: Shape, depth: int) -> Var | None:
    if dtype != "int32" or shape[0] < 2:
        return None
    size = g.rng.choice(g.dims)
    a = g.value("int32", (size,), depth)
    mask = f", mask={g.mask((size,))}" if g.chance(0.3) else ""
    # Below zero the interpreter and the hardware drop a number too; leave some of those in.
    inside = f"{a.name} & {2 * shape[0] - 1}" if g.chance(0.8) else a.name
    return g.let(f"tl.histogram({inside}, {shape[0]}{mask})", dtype, shape)


MAKERS = (
    Maker(_reduce, 1.5, "iuf", ranks=(0, 1)),
    Maker(_reduce, 0.3, "iuf", ranks=(2,)),
    Maker(_reduce_all, 0.5, "iuf", ranks=(0,)),
    Maker(_arg, 0.5, "i", ranks=(0, 1, 2)),
    Maker(_bits, 0.2, "iu", ranks=(0, 1, 2)),
    Maker(_custom_reduce, 0.5, "iuf", ranks=(0, 1, 2)),
    Maker(_scan, 0.5, "iuf", ranks=(1, 2, 3)),
    Maker(_custom_scan, 0.4, "iuf", ranks=(1, 2, 3)),
    Maker(_sort, 0.15, "iuf", ranks=(1, 2, 3)),
    Maker(_flip, 0.25, "iuf", ranks=(1, 2, 3)),
    Maker(_histogram, 0.4, "i", ranks=(1,)),
)
