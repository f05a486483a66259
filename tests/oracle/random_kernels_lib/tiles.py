"""Values from values at other places: broadcasts, views, transposes, joins, gathers, products."""

from __future__ import annotations

import math

from .builder import Builder, Maker
from .program import DTYPES, TILE, Shape, Var


def _spread(g: Builder, dtype: str, shape: Shape, depth: int) -> Var:
    """A smaller value, along the axes that it lacks."""
    rank = len(shape)
    keep = sorted(g.rng.sample(range(rank), g.rng.randrange(rank)))
    a = g.value(dtype, tuple(shape[k] for k in keep), depth)
    index = ", ".join(":" if k in keep else "None" for k in range(rank))
    if dtype == "int1" and not keep and g.chance(0.85):
        # The interpreter gives a repeated scalar comparison the type of what was compared.
        text = f"tl.broadcast_to({a.name}.to(tl.int32), {shape}) != 0"
        return g.let(text, dtype, shape)
    if dtype == "int1" or g.chance(0.4):
        view = _view(g, a.name, keep, rank, index)
        return g.let(f"tl.broadcast_to({view}, {shape})", dtype, shape, a.bound)
    b = g.value(dtype, shape, depth)
    bound = math.inf
    if a.is_float:
        cap = DTYPES[dtype].exact
        a, b = g.clamp(a, cap / 2), g.clamp(b, cap / 2)
        bound = a.bound + b.bound
    view = _view(g, a.name, keep, rank, index)
    text = f"{view} - {b.name}" if g.chance(0.5) else f"{b.name} + {view}"
    return g.let(text, dtype, shape, bound)


def _view(g: Builder, name: str, keep: list[int], rank: int, index: str) -> str:
    if not keep:
        return name
    if len(keep) == rank - 1 and g.chance(0.3):
        (axis,) = set(range(rank)) - set(keep)
        return f"tl.expand_dims({name}, {axis})"
    return f"{name}[{index}]"


def _unit(g: Builder, dtype: str, shape: Shape, depth: int) -> Var | None:
    """An axis of length one comes in."""
    axes = [k for k, size in enumerate(shape) if size == 1]
    if not axes or len(shape) < 2:
        return None
    axis = g.rng.choice(axes)
    a = g.value(dtype, shape[:axis] + shape[axis + 1 :], depth)
    return g.let(f"tl.expand_dims({a.name}, {axis})", dtype, shape, a.bound)


def _reshape(g: Builder, dtype: str, shape: Shape, depth: int) -> Var | None:
    size = math.prod(shape)
    pairs = [(d, size // d) for d in (1, 2, 4, *g.dims) if size % d == 0]
    options: list[Shape] = [(size,), *(p for p in pairs if p[1] <= 128)]
    options += [(d, e, r // e) for d, r in pairs for e in (2, 4, 8) if r % e == 0 and r // e <= 64]
    source = g.rng.choice(options)
    if source == shape:
        return None
    a = g.value(dtype, source, depth)
    return g.let(f"tl.reshape({a.name}, {shape})", dtype, shape, a.bound)


def _trans(g: Builder, dtype: str, shape: Shape, depth: int) -> Var:
    if len(shape) == 2:
        a = g.value(dtype, shape[::-1], depth)
        return g.let(f"tl.trans({a.name})", dtype, shape, a.bound)
    order = g.rng.sample(range(3), 3)
    source = [0, 0, 0]
    for k, axis in enumerate(order):
        source[axis] = shape[k]
    a = g.value(dtype, tuple(source), depth)
    return g.let(f"tl.permute({a.name}, {tuple(order)})", dtype, shape, a.bound)


def _dot(g: Builder, dtype: str, shape: Shape, depth: int) -> Var | None:
    inner = g.rng.choice(g.dims)
    if dtype not in ("float32", "int32") or min(*shape, inner) < 16 or inner * max(shape) > TILE:
        return None
    kind = g.rng.choice(("float32", "float16", "bfloat16") if dtype == "float32" else ("int8",))
    a = g.value(kind, (shape[0], inner), depth)
    b = g.value(kind, (inner, shape[1]), depth)
    bound = math.inf
    if kind != "int8":
        a, b = g.clamp(a, 16), g.clamp(b, 16)
        bound = a.bound * b.bound * inner
    if not g.chance(0.4):
        return g.let(f"tl.dot({a.name}, {b.name})", dtype, shape, bound)
    c = g.value(dtype, shape, depth)
    if c.is_float:
        c = g.clamp(c, 64)
    return g.let(f"tl.dot({a.name}, {b.name}, {c.name})", dtype, shape, bound + c.bound)


def _join(g: Builder, dtype: str, shape: Shape, depth: int) -> Var | None:
    """Two tiles side by side along the last axis: as a pair, or one element of each in turn."""
    if shape[-1] < 2:
        return None
    pair = shape[-1] == 2 and g.chance(0.5)
    half = shape[:-1] if pair else (*shape[:-1], shape[-1] // 2)
    a, b = g.value(dtype, half, depth), g.value(dtype, half, depth)
    name = "join" if pair else "interleave"
    return g.let(f"tl.{name}({a.name}, {b.name})", dtype, shape, max(a.bound, b.bound))


def _split(g: Builder, dtype: str, shape: Shape, depth: int) -> Var | None:
    if math.prod(shape) * 2 > TILE or len(shape) > 2:
        return None
    a = g.value(dtype, (*shape, 2), depth)
    return g.rng.choice(g.let_all(f"tl.split({a.name})", [(dtype, shape, a.bound)] * 2))


def _gather(g: Builder, dtype: str, shape: Shape, depth: int) -> Var | None:
    axis, size = g.rng.randrange(len(shape)), g.rng.choice(g.dims)
    source = (*shape[:axis], size, *shape[axis + 1 :])
    if math.prod(source) > TILE:
        return None
    a, index = g.value(dtype, source, depth), g.value("int32", shape, depth)
    # An index outside of the axis has no meaning: numpy counts it from the end.
    text = f"tl.gather({a.name}, {index.name} & {size - 1}, axis={axis})"
    return g.let(text, dtype, shape, a.bound)


MAKERS = (
    Maker(_spread, 1.5, ranks=(1, 2, 3)),
    Maker(_unit, 0.5, ranks=(2, 3)),
    Maker(_reshape, 0.8, ranks=(1, 2, 3)),
    Maker(_trans, 1, ranks=(2, 3)),
    Maker(_dot, 1.5, "if", ranks=(2,)),
    Maker(_join, 0.4, "iuf", ranks=(1, 2, 3)),
    Maker(_split, 0.3, "iuf"),
    Maker(_gather, 0.3, "iuf", ranks=(1, 2)),
)
