"""Statements: stores, atomics, loops, branches and early returns."""

from __future__ import annotations

from collections.abc import Callable

from .builder import Builder, choice_of
from .program import DTYPES, TILE, Shape, Var, top


def store(g: Builder) -> None:
    """A value into elements that nothing else touches."""
    var = g.any_value()
    array, name = f"o_{var.dtype}", var.name
    if var.dtype == "float32" and g.chance(0.15):
        small = g.clamp(var, 64)
        array, name = "o_exp", f"tl.exp({small.name} * 0.0625)"
        if len(var.shape) == 2 and g.chance(0.5):
            name = f"({name} / tl.sum({name}, axis=1)[:, None])"
    where, text, size = g.span(array, var.shape)
    mask = ""
    if g.chance(0.4):
        limit = f"{text} < {g.rng.randint(1, size)}"
        mask = ", mask=" + (limit if g.chance(0.5) else g.mask(var.shape))
        if not var.shape and "tl." not in mask and " < " in mask:
            mask = ""  # a comparison of two Python numbers is no mask for the interpreter
    g.line(f"tl.store({where}, {name}{mask})")


def _store_own(g: Builder) -> None:
    """Into the array that is updated in place, where this program reads too."""
    var = g.value(g.local, g.shape(), 2)
    if var.is_float:
        var = g.clamp(var, 64)
    text, _ = g.places(var.shape)
    mask = f", mask={g.mask(var.shape)}" if g.chance(0.3) else ""
    if g.chance(0.3):
        g.line("tl.debug_barrier()")
    array = "y" if g.twin and g.chance(0.3) else "x"
    g.line(f"tl.store({array} + pid * {2 * TILE} + {text}, {var.name}{mask})")
    if g.chance(0.3):
        g.line("tl.debug_barrier()")


_SHARED = (("add", 30), ("max", 1), ("min", 1), ("xor", 1), ("and", 1), ("or", 1))


def _atomic(g: Builder) -> None:
    """All programs and lanes on a few counters; each kind of atomic has its own, so order is no matter."""
    shape = g.shape()
    index, var = g.value("int32", shape, 1), g.value("int32", shape, 1)
    mask = f", mask={g.mask(shape)}" if g.chance(0.4) else ""
    op = choice_of(_SHARED, g.rng)
    slot = 8 * [name for name, _ in _SHARED].index(op)
    g.line(f"tl.atomic_{op}(counts + {slot} + ({index.name} & 7), {var.name}{mask})")


_OWN_TYPES = (("int32", 6), ("uint32", 3), ("float32", 3), ("int64", 0.5), ("float16", 0.3))


def _atomic_used(g: Builder) -> None:
    """What was there before: one lane of one program has an element, or any order gives the same."""
    dtype, shape = choice_of(_OWN_TYPES, g.rng), g.shape()
    if g.chance(0.25) and shape:
        _tickets(g, shape)
        return
    ops = ["add"]
    if DTYPES[dtype].kind in "iu":  # the interpreter exchanges no floats
        ops += ["add", "xchg", "max", "min", "and", "or", "xor", "cas"]
    op, var = g.rng.choice(ops), g.value(dtype, shape, 2)
    if var.is_float:
        # In a loop the sum stays exact: at most some hundred rounds.
        var = g.clamp(var, 8)
    where, _, _ = g.span(f"w_{dtype}", shape)
    bound = 512.0 if dtype == "float16" else 2.0**16
    if op == "cas":
        guess = g.clamp(g.value(dtype, shape, 1), 8)
        g.let(f"tl.atomic_cas({where}, {guess.name}, {var.name})", dtype, shape)
        return
    mask = g.mask(shape) if g.chance(0.3) else ""
    old = g.name("t")
    g.line(
        f"{old} = tl.atomic_{op}({where}, {var.name}{f', mask={mask}' if mask else ''})",
        f"{old} = tl.full({shape}, 1, tl.{dtype})",
    )
    made = Var(old, dtype, shape, bound if var.is_float else top(dtype))
    if mask:  # what a masked lane gets has no meaning
        made = g.let(f"tl.where({mask}, {old}, 0).to(tl.{dtype})", dtype, shape, made.bound)
    else:
        g.scope.append(made)


def _tickets(g: Builder, shape: Shape) -> None:
    """Lanes draw numbers; who gets which is open, their sum is not."""
    array = "w_int32"
    base = g.spans.get(array, 0)
    g.spans[array] = base + 8
    index = g.value("int32", shape, 1)
    place = f"{array} + pid * S[{array}] + {base} + ({index.name} & 7)"
    g.let(f"tl.sum(tl.atomic_add({place}, tl.full({shape}, 1, tl.int32)))", "int32", ())


def _carried(g: Builder) -> list[Var]:
    """New variables that a block may assign; their bounds hold whatever is assigned."""
    found = []
    for _ in range(g.rng.randint(1, 3)):
        start = g.any_value(2)
        if start.is_float:
            start = g.clamp(start, 64)
        name = g.name("c")
        g.line(f"{name} = {start.name}")
        bound = 64.0 if start.is_float else top(start.dtype)
        found.append(Var(name, start.dtype, start.shape, bound))
    g.scope.extend(found)
    return found


def _assign(g: Builder, variables: list[Var]) -> None:
    fresh = []
    for var in variables:
        new = g.value(var.dtype, var.shape, 2)
        fresh.append((g.clamp(new, 64) if var.is_float else new).name)
    if g.chance(0.5):
        g.line(f"{', '.join(v.name for v in variables)} = {', '.join(fresh)}")
        return
    for var, name in zip(variables, fresh):
        g.line(f"{var.name} = {name}")


# What a while loop does with a scalar x until it is at most 1: the number of rounds depends on the data.
_SHRINKERS = ("x // 2", "x - 3", "tl.where(x % 2 == 0, x // 2, x * 3 + 1)", "x & (x - 1)")
_FOR = (
    "range({e})",
    "range({e})",
    "range(1, {e})",
    "range(0, {e}, 2)",
    "range(pid, {e} + 2)",
    "tl.range(0, {e}, loop_unroll_factor=2)",
    "tl.range(1, {e} + 3, loop_unroll_factor=3)",
    "range(1, 2)",
)


def loop(g: Builder, depth: int) -> None:
    """A for, a while with a counter, a while on data, or an unrolled loop."""
    variables = _carried(g)
    walker, size, pointer = "", 0, ""
    if g.chance(0.5):
        walker = g.rng.choice(list(g.inputs))
        shape = g.shape()
        text, size = g.places(shape)
        pointer = g.name("p")
        g.line(f"{pointer} = {walker} + {text}")
    header, last = _header(g)

    def body() -> None:
        if header.startswith("for"):
            counter = header.split()[1]
            if "static" in header:
                g.let(f"tl.full((), 0, tl.int32) + {counter}", "int32", (), 8)
            else:
                g.scope.append(Var(counter, "int32", (), 2.0**31))
        if walker:
            dtype = g.inputs[walker]
            bound = 8.0 if DTYPES[dtype].kind == "f" else float("inf")
            g.let(f"tl.load({pointer})", dtype, shape, bound)
        statements(g, g.rng.randint(0, 2), depth - 1)
        _assign(g, variables)
        if walker:
            g.line(f"{pointer} += {g.rng.choice((1, size, 16))}")
        for line in last:
            g.line(line, fixed=True)

    g.block(header, body)


def _header(g: Builder) -> tuple[str, tuple[str, ...]]:
    """The first line of a loop, and the lines that its body ends with."""
    kind = g.rng.choices(("for", "down", "static", "while", "data"), (10, 1, 2, 2, 2))[0]
    if kind == "static":
        counter, trips = g.name("i"), g.rng.randint(0, 3)
        form = g.rng.choice((f"{trips}", f"1, {trips + 1}", f"0, {trips + 2}, 2"))
        return f"for {counter} in tl.static_range({form}):", ()
    if kind in ("for", "down"):
        end = g.small()
        form = g.rng.choice(_FOR).format(e=end) if kind == "for" else f"range({end}, 0, -1)"
        return f"for {g.name('i')} in {form}:", ()
    counter, rounds = g.name("k"), g.rng.randint(1, 6)
    if kind == "while":
        end = g.small()
        g.line(f"{counter} = tl.full((), 0, tl.int32)")
        return f"while {counter} < {end}:", (f"{counter} += 1",)
    start, x = g.value("int32", (), 2), g.name("k")
    g.line(f"{x} = {start.name} & 31")
    g.line(f"{counter} = tl.full((), 0, tl.int32)")
    form = g.rng.choice(("({x} > 1) & ({k} < {n})", "{x} > 1 and {k} < {n}"))
    step = g.rng.choice(_SHRINKERS).replace("x", x)
    return (
        f"while {form.format(x=x, k=counter, n=rounds)}:",
        (f"{x} = {step}", f"{counter} += 1"),
    )


def _compute(g: Builder) -> None:
    g.any_value()


def _condition(g: Builder) -> str:
    if g.chance(0.6):
        return g.mask((), 2)
    return f"{g.small()} {g.rng.choice(('<', '==', '>'))} 1"


def branch(g: Builder, depth: int) -> None:
    variables = _carried(g) if g.chance(0.8) else []
    test = _condition(g)

    def body() -> None:
        statements(g, g.rng.randint(0 if variables else 1, 1), depth - 1)
        if variables:
            _assign(g, variables)

    g.block(f"if {test}:", body)
    if g.chance(0.5):
        g.block("else:", body)


def leave(g: Builder, depth: int) -> None:
    """An early return: only outside of loops, as Triton has it."""

    def body() -> None:
        statements(g, g.rng.randint(0, 2), min(depth - 1, 1))
        g.line("return")

    g.block(f"if {_condition(g)}:", body)


def statements(g: Builder, count: int, depth: int) -> None:
    rows: list[tuple[Callable[[], None], float]] = [
        (lambda: _atomic(g), 7),
        (lambda: _atomic_used(g), 6),
        (lambda: _store_own(g), 12 if g.local else 0),
        (lambda: _compute(g), 18),
        (lambda: store(g), 40),
        (lambda: loop(g, depth), 12 if depth > 0 else 0),
        (lambda: branch(g, depth), 8 if depth > 0 else 0),
        (lambda: leave(g, depth), 4 if g.indent == 0 else 0),
    ]
    for _ in range(count):
        choice_of(rows, g.rng)()
