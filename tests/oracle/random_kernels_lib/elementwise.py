"""Values from values at the same place: constants, loads, arithmetic, comparisons, selections, casts."""

from __future__ import annotations

import math

from .builder import Builder, Maker
from .program import DTYPES, INPUT, TILE, Shape, Var


def leaf(g: Builder, dtype: str, shape: Shape, depth: int = 0) -> Var:
    kind = g.rng.choices(("constant", "load", "index"), (1, 6, 1.5))[0]
    if kind == "load":
        if g.local == dtype and g.chance(0.4):
            return _load_own(g, shape)
        names = [n for n, d in g.inputs.items() if d == dtype] or list(g.inputs)
        return g.convert(_load(g, g.rng.choice(names), shape), dtype)
    if kind == "index" and dtype == "int32":
        strides = tuple(g.rng.choice((0, 1, 3)) for _ in shape)
        scalars = ("pid", "m", "tl.num_programs(0)", "n", "q")
        text = g.axes(shape, strides) if shape else g.rng.choice(scalars)
        return g.let(f"tl.full({shape}, 0, tl.int32) + {text}", dtype, shape)
    low, high = {"b": (0, 1), "u": (0, 7)}.get(DTYPES[dtype].kind, (-5, 7))
    return g.let(f"tl.full({shape}, {g.rng.randint(low, high)}, tl.{dtype})", dtype, shape, 8)


def _load(g: Builder, array: str, shape: Shape) -> Var:
    dtype = g.inputs[array]
    if g.nested == 0 and g.chance(0.2):
        g.nested += 1
        index = g.value("int32", shape, 1)
        g.nested -= 1
        where = f"({index.name} & {INPUT - 1})"
    else:
        text, size = g.places(shape)
        where = f"{g.rng.choice((0, 3, 16))} + {text}"
        where += g.rng.choice(("", f" + pid * {size}", f" + q * {size}", " + m"))
    bound = 8.0 if DTYPES[dtype].kind == "f" else math.inf
    return g.let(
        f"tl.load({array} + ({where}){_masking(g, shape, where, dtype)})", dtype, shape, bound
    )


def _masking(g: Builder, shape: Shape, where: str, dtype: str) -> str:
    if g.chance(0.4):
        return ""
    if g.nested or g.chance(0.6):
        return f", mask=({where}) < n, other={g.rng.randint(0, 1)}"
    g.nested += 1
    mask = g.mask(shape)
    g.nested -= 1
    if g.chance(0.2):
        return f", mask={mask}, other={g.clamp(g.value(dtype, shape, 0), 8).name}"
    return f", mask={mask}, other={g.rng.randint(0, 1)}"


def _load_own(g: Builder, shape: Shape) -> Var:
    text, _ = g.places(shape)
    array = "y" if g.twin and g.chance(0.5) else "x"
    bound = 64.0 if DTYPES[g.local].kind == "f" else math.inf
    return g.let(f"tl.load({array} + pid * {2 * TILE} + {text})", g.local, shape, bound)


def _integer(g: Builder, dtype: str, shape: Shape, depth: int) -> Var:
    a, b = g.value(dtype, shape, depth), g.value(dtype, shape, depth)
    if g.chance(0.3):
        b = g.value(g.narrower(dtype), shape, 0)
    bits = DTYPES[dtype].bits
    op = g.rng.choice(("+", "-", "*", "&", "|", "^", "<<", ">>", "//", "%", "min", "max", "hi"))
    if op == "hi" and bits >= 32 and b.dtype == dtype:
        text = f"tl.umulhi({a.name}, {b.name})"
    elif op in ("min", "max"):
        text = f"tl.{op}imum({a.name}, {b.name})"
    elif op in ("<<", ">>"):
        # A shift by the width or more has no meaning.
        text = f"{a.name} {op} ({b.name} & {bits - 1 if DTYPES[b.dtype].bits > 8 else 7})"
    elif op in ("//", "%"):
        # Never by 0 or -1: the interpreter follows numpy there, the hardware follows nothing.
        divisors = [f"(({b.name} & 15) + 1)", "3", "8", f"(({b.name} | 1) & 31)"]
        divisors += ["-5"] if a.kind == "i" else []
        text = f"{a.name} {op} {g.rng.choice(divisors)}"
    else:
        text = f"{a.name} {op if op != 'hi' else '+'} {g.rng.choice((b.name, b.name, '3'))}"
    return g.let(text, dtype, shape)


def _float(g: Builder, dtype: str, shape: Shape, depth: int) -> Var:
    a, b = g.value(dtype, shape, depth), g.value(dtype, shape, depth)
    op, cap = g.rng.choice(("+", "-", "*", "min", "max", "fma", "clamp")), DTYPES[dtype].exact
    if op == "fma" and dtype == "float32":
        a, b, c = g.clamp(a, 16), g.clamp(b, 16), g.clamp(g.value(dtype, shape, 0), 64)
        text = f"tl.fma({a.name}, {b.name}, {c.name})"
        return g.let(text, dtype, shape, a.bound * b.bound + c.bound)
    if op == "clamp" and dtype == "float32":
        return g.let(f"tl.clamp({a.name}, -3.0, 5.0)", dtype, shape, min(8.0, max(a.bound, 5.0)))
    if op == "*":
        a, b = g.clamp(a, 16), g.clamp(b, 16)
        return g.let(f"{a.name} * {b.name}", dtype, shape, a.bound * b.bound)
    if op in ("min", "max"):
        text = f"tl.{op}imum({a.name}, {b.name})"
        return g.let(text, dtype, shape, max(a.bound, b.bound))
    a, b = g.clamp(a, cap / 2), g.clamp(b, cap / 2)
    return g.let(f"{a.name} {'-' if op == '-' else '+'} {b.name}", dtype, shape, a.bound + b.bound)


def _predicate(g: Builder, dtype: str, shape: Shape, depth: int) -> Var:
    if g.chance(0.3):
        a, b = g.value("int1", shape, depth), g.value("int1", shape, depth)
        return g.let(f"{a.name} {g.rng.choice('&|^')} {b.name}", "int1", shape)
    kind = g.any_dtype("iuf")
    a, b = g.value(kind, shape, depth), g.value(kind, shape, depth)
    op = g.rng.choice(("<", "<=", ">", ">=", "==", "!="))
    return g.let(f"{a.name} {op} {g.rng.choice((b.name, '2'))}", "int1", shape)


def _where(g: Builder, dtype: str, shape: Shape, depth: int) -> Var:
    """A selection, or a chain of them."""
    links = g.rng.choices((1, 2, 3), (6, 2, 1))[0]
    last = g.value(dtype, shape, depth)
    text, bound = last.name, last.bound
    for _ in range(links):
        c, a = g.value("int1", shape, depth), g.value(dtype, shape, depth)
        text, bound = f"tl.where({c.name}, {a.name}, {text})", max(bound, a.bound)
    return g.let(text, dtype, shape, bound)


def _unary(g: Builder, dtype: str, shape: Shape, depth: int) -> Var:
    a = g.value(dtype, shape, depth)
    if dtype == "int1":
        return g.let(g.rng.choice((f"{a.name} == 0", f"~{a.name}")), "int1", shape)
    if a.is_float:
        forms = [f"-{a.name}", f"tl.abs({a.name})"]
        if dtype == "float32":
            forms += [f"tl.floor({a.name} * 0.5)", f"tl.ceil({a.name} * 0.25)"]
        return g.let(g.rng.choice(forms), dtype, shape, a.bound)
    if g.chance(0.4):
        return g.let(g.rng.choice((f"~{a.name}", f"-{a.name}")), dtype, shape)
    # The magnitude of the least integer is not defined.
    a = g.clamp(a, 64)
    return g.let(f"tl.abs({a.name})", dtype, shape, a.bound)


def _cast(g: Builder, dtype: str, shape: Shape, depth: int) -> Var:
    row = DTYPES[dtype]
    twins = [r.name for r in DTYPES.values() if r.bits == row.bits and r.kind in "iu"]
    if row.kind in "iu" and g.chance(0.3):
        a = g.value(g.rng.choice(twins), shape, depth)
        return g.let(f"{a.name}.to(tl.{dtype}, bitcast=True)", dtype, shape)
    source = g.rng.choice([d for d in DTYPES if d != dtype])
    return g.convert(g.value(source, shape, depth), dtype)


MAKERS = (
    Maker(leaf, 1.5),
    Maker(_integer, 4, "iu"),
    Maker(_float, 4, "f"),
    Maker(_predicate, 4, "b"),
    Maker(_where, 1.2, "iuf"),
    Maker(_cast, 1),
    Maker(_unary, 0.7),
)
