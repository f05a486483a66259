"""Random well-formed Triton kernels, and what must hold for each: all targets and oracles agree.

A seed gives a kernel as Python source. Floats hold small integers, so that sums do not depend on
their order and results are compared bit for bit; only what goes through `exp` has a tolerance.
Programs write disjoint elements and read nothing that another program writes.

    python tests/oracle/random_kernels.py --seeds 0:500
    python tests/oracle/random_kernels.py --seeds 17 --shrink
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Shape = tuple[int, ...]

NUMPY = {
    "int1": np.bool_,
    "int8": np.int8,
    "int32": np.int32,
    "int64": np.int64,
    "float16": np.float16,
    "float32": np.float32,
}
BITS = {"int1": 1, "int8": 8, "int32": 32, "int64": 64, "float16": 16, "float32": 32}
CAP = {"float16": 512.0, "float32": 2.0**20}  # integers up to here stay exact in any sum below
TILE = 2048  # elements of the largest tile
INPUT = 32768  # elements of an input array


@dataclass(frozen=True, slots=True)
class Var:
    """A name in the kernel. `bound`: largest magnitude of a float (integers may wrap)."""

    name: str
    dtype: str
    shape: Shape
    bound: float

    @property
    def is_float(self) -> bool:
        return self.dtype.startswith("float")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the body. `neutral`: a simpler line that defines the same name, if there is one."""

    indent: int
    text: str
    neutral: str = ""


@dataclass(slots=True)
class Program:
    """A kernel and its launch. Arrays are (parameter, dtype, size); `same` maps a name to its twin."""

    seed: int
    lines: list[Line]
    arrays: list[tuple[str, str, int]]
    same: dict[str, str]
    scalars: dict[str, int]
    grid: tuple[int, int]

    def source(self) -> str:
        names = [name for name, _, _ in self.arrays] + list(self.same) + list(self.scalars)
        head = "import triton\nimport triton.language as tl\n\n\n@triton.jit\n"
        head += f"def kernel({', '.join(names)}):\n"
        return head + "".join("    " * (k.indent + 1) + k.text + "\n" for k in self.lines)

    def contents(self) -> dict[str, Array]:
        """The arrays before the launch."""
        rng = np.random.default_rng(self.seed)
        made = {}
        for name, dtype, size in self.arrays:
            low, high = (0, 2) if dtype == "int1" else (-8, 9)
            if name[0] == "a" and dtype.startswith("int") and dtype != "int1":
                low, high = (-128, 128) if dtype == "int8" else (-(2**31), 2**31)
            made[name] = rng.integers(low, high, size).astype(NUMPY[dtype])
        return made


@dataclass(slots=True)
class Generator:
    """Builds one program. `scope` holds what can be used at the current place."""

    rng: random.Random
    dims: list[int]
    programs: tuple[int, int]
    lines: list[Line] = field(default_factory=list)
    scope: list[Var] = field(default_factory=list)
    inputs: dict[str, str] = field(default_factory=dict)
    spans: dict[str, int] = field(default_factory=dict)  # elements per program of out arrays
    count: int = 0
    indent: int = 0
    local: str = ""  # dtype of the array that is updated in place
    twin: bool = False
    nested: int = 0  # masks and offsets of loads that are being made

    # --- lines

    def name(self, letter: str = "v") -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def line(self, text: str, neutral: str = "") -> None:
        self.lines.append(Line(self.indent, text, neutral))

    def let(self, text: str, dtype: str, shape: Shape, bound: float = math.inf) -> Var:
        name = self.name()
        self.line(f"{name} = {text}", f"{name} = tl.full({shape}, 1, tl.{dtype})")
        if bound == math.inf:
            bound = 2.0 ** (BITS[dtype] - 1)
        var = Var(name, dtype, shape, bound)
        self.scope.append(var)
        return var

    def chance(self, p: float) -> bool:
        return self.rng.random() < p

    # --- shapes and addresses

    def shape(self) -> Shape:
        while True:
            rank = self.rng.choices((0, 1, 2, 3), (2, 5, 8, 1))[0]
            found = tuple(self.rng.choice(self.dims) for _ in range(rank))
            if math.prod(found) <= TILE:
                return found

    def axes(self, shape: Shape, strides: Shape) -> str:
        terms = []
        for k, (size, stride) in enumerate(zip(shape, strides)):
            at = ", ".join(":" if k == j else "None" for j in range(len(shape)))
            part = f"tl.arange(0, {size})" + (f"[{at}]" if len(shape) > 1 else "")
            terms.append(part + (f" * {stride}" if stride != 1 else ""))
        return " + ".join(terms) or "0"

    def places(self, shape: Shape) -> tuple[str, int]:
        """Distinct indices for the elements of a tile, and the number they stay below."""
        order = list(range(len(shape)))
        if self.chance(0.3):
            self.rng.shuffle(order)
        strides, stride = [1] * len(shape), 1
        for axis in reversed(order):
            strides[axis], stride = stride, stride * shape[axis]
        text, size = self.axes(shape, tuple(strides)), math.prod(shape)
        if self.chance(0.15):
            return f"({size - 1} - ({text}))", size
        if self.chance(0.15):
            return f"(({text}) * 2 + 1)", size * 2
        return f"({text})", size

    # --- values

    def clamp(self, var: Var, bound: float) -> Var:
        """The value with magnitude at most `bound` (a power of two)."""
        if var.bound <= bound or var.dtype == "int1":
            return var
        if var.is_float:
            text = f"tl.minimum(tl.maximum({var.name}, {-bound}), {bound})"
        else:
            text = self.rng.choice(
                (f"{var.name} & {int(bound) - 1}", f"{var.name} % {int(bound) - 1}")
            )
        return self.let(text, var.dtype, var.shape, bound)

    def value(self, dtype: str, shape: Shape, depth: int) -> Var:
        fit = [v for v in self.scope if v.dtype == dtype and v.shape == shape]
        if fit and self.chance(0.35 if depth else 0.85):
            return self.rng.choice(fit)
        if depth <= 0:
            return self.leaf(dtype, shape)
        makers: list[tuple[Any, float]] = [
            (self.leaf, 1.5),
            (self.binary, 4),
            (self.where, 1),
            (self.cast, 1),
            (self.spread, 1.5 if shape else 0),
            (self.reduce, 1.5 if len(shape) < 2 else 0.3),
            (self.reshape, 0.8 if len(shape) else 0),
            (self.trans, 1 if len(shape) > 1 else 0),
            (self.dot, 1.5 if len(shape) == 2 else 0),
            (self.unary, 0.7),
        ]
        makers = [(m, w) for m, w in makers if w]
        chosen = self.rng.choices([m for m, _ in makers], [w for _, w in makers])[0]
        found: Var | None = chosen(dtype, shape, depth - 1)
        return found if found is not None else self.leaf(dtype, shape)

    def leaf(self, dtype: str, shape: Shape, depth: int = 0) -> Var:
        kind = self.rng.choices(("constant", "load", "index"), (1, 6, 1.5))[0]
        if kind == "load":
            names = [n for n, d in self.inputs.items() if d == dtype]
            if self.local == dtype and self.chance(0.4):
                return self.load_own(shape)
            if names:
                return self.load(self.rng.choice(names), shape)
            a = self.load(self.rng.choice(list(self.inputs)), shape)
            if dtype == "int1":
                return self.let(f"{a.name} != 0", dtype, shape)
            if "float" in dtype or a.is_float:
                a = self.clamp(a, 64)
            return self.let(f"{a.name}.to(tl.{dtype})", dtype, shape, 64.0)
        if kind == "index" and dtype == "int32":
            text = self.rng.choice(
                ("pid", "m", "tl.num_programs(0)", "n", "q")
                if not shape
                else (self.axes(shape, tuple(self.rng.choice((0, 1, 3)) for _ in shape)),)
            )
            return self.let(f"tl.full({shape}, 0, tl.int32) + {text}", dtype, shape)
        constant = self.rng.randint(0 if dtype == "int1" else -5, 1 if dtype == "int1" else 7)
        return self.let(f"tl.full({shape}, {constant}, tl.{dtype})", dtype, shape, 8)

    def load(self, array: str, shape: Shape) -> Var:
        dtype = self.inputs[array]
        if self.nested == 0 and self.chance(0.2):
            self.nested += 1
            index = self.value("int32", shape, 1)
            self.nested -= 1
            where = f"({index.name} & {INPUT - 1})"
        else:
            text, size = self.places(shape)
            where = f"{self.rng.choice((0, 3, 16))} + {text}"
            where += self.rng.choice(("", f" + pid * {size}", f" + q * {size}", " + m"))
        return self.let(
            f"tl.load({array} + ({where}){self.masking(shape, where, dtype)})",
            dtype,
            shape,
            8.0 if dtype.startswith("float") else math.inf,
        )

    def masking(self, shape: Shape, where: str, dtype: str) -> str:
        if self.chance(0.4):
            return ""
        if self.nested or self.chance(0.6):
            return f", mask=({where}) < n, other={self.rng.randint(0, 1)}"
        self.nested += 1
        mask = self.value("int1", shape, 1).name
        self.nested -= 1
        if self.chance(0.2):
            return f", mask={mask}, other={self.clamp(self.value(dtype, shape, 0), 8).name}"
        return f", mask={mask}, other={self.rng.randint(0, 1)}"

    def load_own(self, shape: Shape) -> Var:
        text, _ = self.places(shape)
        array = "y" if self.twin and self.chance(0.5) else "x"
        bound = 64.0 if self.local.startswith("float") else math.inf
        where = f"{array} + pid * {2 * TILE} + {text}"
        return self.let(f"tl.load({where})", self.local, shape, bound)

    def binary(self, dtype: str, shape: Shape, depth: int) -> Var | None:
        if dtype == "int1":
            return self.predicate(shape, depth)
        a, b = self.value(dtype, shape, depth), self.value(dtype, shape, depth)
        if a.is_float:
            return self.float_binary(a, b)
        if self.chance(0.3):
            b = self.value(
                self.rng.choice([d for d in ("int8", "int32") if BITS[d] <= BITS[dtype]]), shape, 0
            )
        op = self.rng.choice(("+", "-", "*", "&", "|", "^", "<<", ">>", "//", "%", "min", "max"))
        if op in ("min", "max"):
            text = f"tl.{op}imum({a.name}, {b.name})"
        elif op in ("<<", ">>"):
            text = f"{a.name} {op} ({b.name} & {BITS[dtype] - 1 if BITS[b.dtype] > 8 else 7})"
        elif op in ("//", "%"):
            divisor = self.rng.choice(
                (f"(({b.name} & 15) + 1)", "3", "-5", "8", f"(({b.name} | 1) & 31)")
            )
            text = f"{a.name} {op} {divisor}"
        else:
            text = f"{a.name} {op} {self.rng.choice((b.name, b.name, '3'))}"
        return self.let(text, dtype, shape)

    def float_binary(self, a: Var, b: Var) -> Var:
        op, cap = self.rng.choice(("+", "-", "*", "min", "max")), CAP[a.dtype]
        if op == "*":
            a, b = self.clamp(a, 16), self.clamp(b, 16)
            return self.let(f"{a.name} * {b.name}", a.dtype, a.shape, a.bound * b.bound)
        if op in ("min", "max"):
            text = f"tl.{op}imum({a.name}, {b.name})"
            return self.let(text, a.dtype, a.shape, max(a.bound, b.bound))
        a, b = self.clamp(a, cap / 2), self.clamp(b, cap / 2)
        return self.let(f"{a.name} {op} {b.name}", a.dtype, a.shape, a.bound + b.bound)

    def predicate(self, shape: Shape, depth: int) -> Var:
        if self.chance(0.3):
            a, b = self.value("int1", shape, depth), self.value("int1", shape, depth)
            return self.let(f"{a.name} {self.rng.choice('&|^')} {b.name}", "int1", shape)
        dtype = self.rng.choice(("int32", "int32", "float32", "int8", "int64", "float16"))
        a, b = self.value(dtype, shape, depth), self.value(dtype, shape, depth)
        op = self.rng.choice(("<", "<=", ">", ">=", "==", "!="))
        return self.let(f"{a.name} {op} {self.rng.choice((b.name, '2'))}", "int1", shape)

    def where(self, dtype: str, shape: Shape, depth: int) -> Var | None:
        if dtype == "int1":
            return None
        c = self.value("int1", shape, depth)
        a, b = self.value(dtype, shape, depth), self.value(dtype, shape, depth)
        bound = max(a.bound, b.bound)
        return self.let(f"tl.where({c.name}, {a.name}, {b.name})", dtype, shape, bound)

    def unary(self, dtype: str, shape: Shape, depth: int) -> Var:
        a = self.value(dtype, shape, depth)
        if dtype == "int1":
            return self.let(f"{a.name} == 0", "int1", shape)
        if not a.is_float:
            a = self.clamp(a, 64)
        text = self.rng.choice((f"-{a.name}", f"tl.abs({a.name})"))
        return self.let(text, dtype, shape, a.bound)

    def cast(self, dtype: str, shape: Shape, depth: int) -> Var | None:
        source = self.rng.choice([d for d in NUMPY if d != dtype])
        a = self.value(source, shape, depth)
        if dtype == "int1":
            return self.let(f"{a.name} != 0", "int1", shape)
        is_float = dtype.startswith("float")
        if is_float:
            a = self.clamp(a, 64 if a.dtype != "int1" and not a.is_float else CAP[dtype])
        elif a.is_float:
            a = self.clamp(a, 64)
        bound = a.bound if is_float else math.inf
        return self.let(
            f"{a.name}.to(tl.{dtype})",
            dtype,
            shape,
            1.0 if source == "int1" and is_float else bound,
        )

    def spread(self, dtype: str, shape: Shape, depth: int) -> Var | None:
        """A smaller value, along the axes that it lacks."""
        if len(shape) > 2:
            return None
        if len(shape) == 1 or self.chance(0.15):
            a = self.value(dtype, (), depth)
            return self.let(f"tl.broadcast_to({a.name}, {shape})", dtype, shape, a.bound)
        axis = self.rng.randrange(2)
        a = self.value(dtype, (shape[1 - axis],), depth)
        view = f"{a.name}[None, :]" if axis == 0 else f"tl.expand_dims({a.name}, 1)"
        if dtype == "int1" or self.chance(0.4):
            return self.let(f"tl.broadcast_to({view}, {shape})", dtype, shape, a.bound)
        b = self.value(dtype, shape, depth)
        cap = CAP.get(dtype, 2.0**63)
        if a.is_float:
            name, a_bound = a.name, a.bound
            a, b = self.clamp(a, cap / 2), self.clamp(b, cap / 2)
            view, bound = view.replace(name, a.name), min(a_bound, a.bound) + b.bound
        else:
            bound = math.inf
        swap = self.chance(0.5)
        text = f"{view} - {b.name}" if swap else f"{b.name} + {view}"
        return self.let(text, dtype, shape, bound)

    def reduce(self, dtype: str, shape: Shape, depth: int) -> Var | None:
        extra = self.rng.choice(self.dims)
        if math.prod(shape) * extra > TILE or dtype == "int1" or len(shape) > 2:
            return None
        axis = self.rng.randint(0, len(shape))
        source = shape[:axis] + (extra,) + shape[axis:]
        ops = ["sum", "max", "min"]
        if dtype == "int32":
            ops += ["argmax", "argmin", "xor_sum"]
        op = self.rng.choice(ops)
        kind = dtype
        if op.startswith("arg"):
            kind = self.rng.choice(("float32", "int32", "float16"))
        elif dtype == "int32" and op != "xor_sum" and self.chance(0.2):
            kind = "int8"
        a = self.value(kind, source, depth)
        bound = a.bound
        if a.is_float and op == "sum":
            bound = 2.0 ** math.floor(math.log2(CAP[kind] / extra))
            if bound < 1:
                return None
            a = self.clamp(a, bound)
            bound = a.bound * extra
        if not dtype.startswith("float"):
            bound = math.inf
        text = f"tl.{op}({a.name}, axis={axis}).to(tl.{dtype})"
        return self.let(text, dtype, shape, bound)

    def reshape(self, dtype: str, shape: Shape, depth: int) -> Var | None:
        size = math.prod(shape)
        options: list[Shape] = [(size,)]
        options += [(d, size // d) for d in self.dims if size % d == 0 and size // d <= 128]
        source = self.rng.choice(options)
        if source == shape:
            return None
        a = self.value(dtype, source, depth)
        return self.let(f"tl.reshape({a.name}, {shape})", dtype, shape, a.bound)

    def trans(self, dtype: str, shape: Shape, depth: int) -> Var:
        if len(shape) == 2:
            a = self.value(dtype, shape[::-1], depth)
            return self.let(f"tl.trans({a.name})", dtype, shape, a.bound)
        order = self.rng.sample(range(3), 3)
        source = [0, 0, 0]
        for k, axis in enumerate(order):
            source[axis] = shape[k]
        a = self.value(dtype, tuple(source), depth)
        return self.let(f"tl.permute({a.name}, {tuple(order)})", dtype, shape, a.bound)

    def dot(self, dtype: str, shape: Shape, depth: int) -> Var | None:
        inner = self.rng.choice(self.dims)
        if dtype != "float32" or min(*shape, inner) < 16 or inner * max(shape) > TILE:
            return None
        kind = self.rng.choice(("float32", "float16"))
        a = self.clamp(self.value(kind, (shape[0], inner), depth), 16)
        b = self.clamp(self.value(kind, (inner, shape[1]), depth), 16)
        bound = a.bound * b.bound * inner
        if self.chance(0.4):
            c = self.clamp(self.value(dtype, shape, depth), 64)
            return self.let(f"tl.dot({a.name}, {b.name}, {c.name})", dtype, shape, bound + c.bound)
        return self.let(f"tl.dot({a.name}, {b.name})", dtype, shape, bound)

    # --- statements

    def any_dtype(self) -> str:
        return self.rng.choices(list(NUMPY), (1, 1, 4, 1.5, 2, 5))[0]

    def any_value(self, depth: int = 3) -> Var:
        return self.value(self.any_dtype(), self.shape(), depth)

    def store(self) -> None:
        var = self.any_value()
        array = f"o_{var.dtype}"
        inexact = var.dtype == "float32" and self.chance(0.15)
        name = var.name
        if inexact:
            small = self.clamp(var, 64)
            array, name = "o_exp", f"tl.exp({small.name} * 0.0625)"
            if len(var.shape) == 2 and self.chance(0.5):
                name = f"({name} / tl.sum({name}, axis=1)[:, None])"
        text, size = self.places(var.shape)
        base = self.spans.get(array, 0)
        self.spans[array] = base + size
        where = f"{array} + pid * S_{array} + {base} + {text}"
        mask = ""
        if self.chance(0.4):
            limit = f"{text} < {self.rng.randint(1, size)}"
            mask = ", mask=" + (
                limit if self.chance(0.5) else self.value("int1", var.shape, 1).name
            )
        self.line(f"tl.store({where}, {name}{mask})")

    def store_own(self) -> None:
        var = self.value(self.local, self.shape(), 2)
        if var.is_float:
            var = self.clamp(var, 64)
        text, _ = self.places(var.shape)
        mask = f", mask={self.value('int1', var.shape, 1).name}" if self.chance(0.3) else ""
        if self.chance(0.3):
            self.line("tl.debug_barrier()")
        array = "y" if self.twin and self.chance(0.3) else "x"
        self.line(f"tl.store({array} + pid * {2 * TILE} + {text}, {var.name}{mask})")
        if self.chance(0.3):
            self.line("tl.debug_barrier()")

    def atomic(self) -> None:
        shape = self.shape()
        index, var = self.value("int32", shape, 1), self.value("int32", shape, 1)
        mask = f", mask={self.value('int1', shape, 1).name}" if self.chance(0.4) else ""
        slots = ((0, "add"), (8, "max"), (16, "min"), (24, "xor"))
        slot = self.rng.choices(slots, (30, 1, 1, 1))[0]
        place = f"counts + {slot[0]} + ({index.name} & 7)"
        self.line(f"tl.atomic_{slot[1]}({place}, {var.name}{mask})")

    def carried(self) -> list[Var]:
        """New variables that a block may assign; their bounds hold whatever is assigned."""
        found = []
        for _ in range(self.rng.randint(1, 3)):
            start = self.any_value(2)
            if start.is_float:
                start = self.clamp(start, 64)
            name = self.name("c")
            self.line(f"{name} = {start.name}")
            bound = 64.0 if start.is_float else 2.0 ** (BITS[start.dtype] - 1)
            found.append(Var(name, start.dtype, start.shape, bound))
        self.scope.extend(found)
        return found

    def assign(self, variables: list[Var]) -> None:
        fresh = []
        for var in variables:
            new = self.value(var.dtype, var.shape, 2)
            fresh.append((self.clamp(new, 64) if var.is_float else new).name)
        if self.chance(0.5):
            self.line(f"{', '.join(v.name for v in variables)} = {', '.join(fresh)}")
            return
        for var, new in zip(variables, fresh):
            self.line(f"{var.name} = {new}")

    def block(self, header: str, body: Any) -> None:
        self.line(header)
        self.indent += 1
        outer, first = len(self.scope), len(self.lines)
        body()
        if len(self.lines) == first:
            self.line("pass")
        del self.scope[outer:]
        self.indent -= 1

    def small(self) -> str:
        """A scalar in 0 .. 5."""
        if self.chance(0.6):
            return self.rng.choice(("m", "3", "1", "0", "pid + 1", "4"))
        return f"({self.value('int32', (), 2).name} & 3)"

    def loop(self, depth: int) -> None:
        variables = self.carried()
        names = list(self.inputs)
        walker = self.rng.choice(names) if self.chance(0.5) else ""
        if walker:
            shape = self.shape()
            text, size = self.places(shape)
            pointer = self.name("p")
            self.line(f"{pointer} = {walker} + {text}")
        end = self.small()
        if self.chance(0.25):
            counter = self.name("k")
            self.line(f"{counter} = tl.full((), 0, tl.int32)")
            header = f"while {counter} < {end}:"
        else:
            counter = self.name("i")
            form = self.rng.choice(("{e}", "{e}", "1, {e}", "0, {e}, 2", "pid, {e} + 2"))
            header = f"for {counter} in range({form.format(e=end)}):"

        def body() -> None:
            if header[0] == "f":
                self.scope.append(Var(counter, "int32", (), 2.0**31))
            if walker:
                dtype = self.inputs[walker]
                self.let(f"tl.load({pointer})", dtype, shape, 8.0 if "float" in dtype else math.inf)
            self.statements(self.rng.randint(0, 2), depth - 1)
            self.assign(variables)
            if walker:
                self.line(f"{pointer} += {self.rng.choice((1, size, 16))}")
            if header[0] == "w":
                self.line(f"{counter} += 1")

        self.block(header, body)

    def branch(self, depth: int) -> None:
        variables = self.carried() if self.chance(0.8) else []
        condition = self.value("int1", (), 2) if self.chance(0.6) else None
        test = (
            condition.name if condition else f"{self.small()} {self.rng.choice(('<', '==', '>'))} 1"
        )

        def body() -> None:
            self.statements(self.rng.randint(0 if variables else 1, 1), depth - 1)
            if variables:
                self.assign(variables)

        self.block(f"if {test}:", body)
        if self.chance(0.5):
            self.block("else:", body)

    def statements(self, count: int, depth: int) -> None:
        for _ in range(count):
            choice = self.rng.random()
            if choice < 0.12 and depth > 0:
                self.loop(depth)
            elif choice < 0.2 and depth > 0:
                self.branch(depth)
            elif choice < 0.27:
                self.atomic()
            elif choice < 0.4 and self.local:
                self.store_own()
            elif choice < 0.6:
                self.any_value()
            else:
                self.store()


def generate(seed: int) -> Program:
    """The program of `seed`: the same one each time."""
    rng = random.Random(seed)
    dims = rng.sample((1, 2, 4, 8, 16, 32, 64, 128), 3)
    if rng.random() < 0.3:
        dims = rng.choice(([16, 32], [16, 32, 64], [16]))
    made = Generator(rng, dims, (rng.choice((1, 2, 3)), rng.choice((1, 1, 2))))
    for k in range(rng.randint(1, 3)):
        made.inputs[f"a{k}"] = rng.choice((made.any_dtype(), ("float32", "int32", "int8")[k]))
    if rng.random() < 0.35:
        made.local = rng.choice(("int32", "float32", "float16", "int64", "int8"))
        made.twin = rng.random() < 0.3
    made.line("q = tl.program_id(0)")
    made.line("pid = tl.program_id(0) + tl.program_id(1) * tl.num_programs(0)")
    made.statements(rng.randint(1, 4), 2)
    if rng.random() < 0.6:
        made.loop(2)
    made.statements(1, 1)
    made.store()
    total = made.programs[0] * made.programs[1]
    arrays = [(name, dtype, INPUT) for name, dtype in made.inputs.items()]
    if made.local:
        arrays.append(("x", made.local, total * 2 * TILE))
    lines = []
    for line in made.lines:
        text = line.text
        for array, span in made.spans.items():
            text = text.replace(f"S_{array}", str(span))
        lines.append(Line(line.indent, text, line.neutral))
    for array, span in made.spans.items():
        dtype = "float32" if array == "o_exp" else array[2:]
        arrays.append((array, dtype, total * span))
    arrays.append(("counts", "int32", 32))
    scalars = {"n": rng.choice((0, 7, 16, 100, 777, INPUT)), "m": rng.choice((0, 2, 3, 5))}
    same = {"y": "x"} if made.twin else {}
    return Program(seed, lines, arrays, same, scalars, made.programs)


if __name__ == "__main__":
    from random_kernels_run import main

    raise SystemExit(main())
