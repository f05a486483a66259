"""The state of one generation: names, scope, lines and addresses; `value` picks who makes a value."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .program import DTYPES, TILE, Line, Shape, Var, top


@dataclass(frozen=True, slots=True)
class Maker:
    """A row of the table of expressions: `make(builder, dtype, shape, depth)` or None if it cannot.

    `weight`: how often, `kinds` and `ranks`: of which results it is asked for.
    """

    make: Callable[[Builder, str, Shape, int], Var | None]
    weight: float
    kinds: str = "biuf"
    ranks: tuple[int, ...] = (0, 1, 2, 3)


@dataclass(slots=True)
class Builder:
    """Builds one program. `scope` holds what can be used at the current place."""

    rng: random.Random
    dims: list[int]
    programs: tuple[int, int]
    makers: Sequence[Maker]
    leaf: Callable[[Builder, str, Shape, int], Var]
    lines: list[Line] = field(default_factory=list)
    scope: list[Var] = field(default_factory=list)
    inputs: dict[str, str] = field(default_factory=dict)
    helpers: dict[str, str] = field(default_factory=dict)
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

    def line(self, text: str, neutral: str = "", *, fixed: bool = False) -> None:
        self.lines.append(Line(self.indent, text, neutral, fixed))

    def let(self, text: str, dtype: str, shape: Shape, bound: float = math.inf) -> Var:
        return self.let_all(text, [(dtype, shape, bound)])[0]

    def let_all(self, text: str, results: list[tuple[str, Shape, float]]) -> list[Var]:
        """Names for all results of one expression: (dtype, shape, bound) each."""
        made = [
            Var(self.name(), dtype, shape, top(dtype) if bound == math.inf else bound)
            for dtype, shape, bound in results
        ]
        names = ", ".join(v.name for v in made)
        simple = ", ".join(f"tl.full({v.shape}, 1, tl.{v.dtype})" for v in made)
        self.line(f"{names} = {text}", f"{names} = {simple}")
        self.scope.extend(made)
        return made

    def chance(self, p: float) -> bool:
        return self.rng.random() < p

    def block(self, header: str, body: Callable[[], None]) -> None:
        self.line(header)
        self.indent += 1
        outer, first = len(self.scope), len(self.lines)
        body()
        if len(self.lines) == first:
            self.line("pass")
        del self.scope[outer:]
        self.indent -= 1

    # --- types and shapes

    def any_dtype(self, kinds: str = "biuf") -> str:
        rows = [row for row in DTYPES.values() if row.kind in kinds]
        return self.rng.choices([r.name for r in rows], [r.weight for r in rows])[0]

    def narrower(self, dtype: str) -> str:
        """An integer type that does not widen or change the sign of `dtype` in an operation."""
        row = DTYPES[dtype]
        rows = [r for r in DTYPES.values() if r.kind == row.kind and r.bits <= row.bits]
        return self.rng.choice(rows).name

    def shape(self) -> Shape:
        while True:
            rank = self.rng.choices((0, 1, 2, 3), (2, 5, 8, 2.5))[0]
            found = tuple(self.rng.choice(self.dims) for _ in range(rank))
            if math.prod(found) <= TILE:
                return found

    # --- addresses

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

    def span(self, array: str, shape: Shape) -> tuple[str, str, int]:
        """Elements of `array` that only this program and this place touch: (address, index, size)."""
        text, size = self.places(shape)
        base = self.spans.get(array, 0)
        self.spans[array] = base + size
        return f"{array} + pid * S[{array}] + {base} + {text}", text, size

    # --- values

    def value(self, dtype: str, shape: Shape, depth: int) -> Var:
        fit = [v for v in self.scope if v.dtype == dtype and v.shape == shape]
        if fit and self.chance(0.35 if depth else 0.85):
            return self.rng.choice(fit)
        if depth <= 0:
            return self.leaf(self, dtype, shape, 0)
        kind, rank = DTYPES[dtype].kind, len(shape)
        rows = [m for m in self.makers if kind in m.kinds and rank in m.ranks]
        row = self.rng.choices(rows, [m.weight for m in rows])[0]
        found = row.make(self, dtype, shape, depth - 1)
        return found if found is not None else self.leaf(self, dtype, shape, 0)

    def any_value(self, depth: int = 3) -> Var:
        return self.value(self.any_dtype(), self.shape(), depth)

    def mask(self, shape: Shape, depth: int = 1) -> str:
        return self.value("int1", shape, depth).name

    def clamp(self, var: Var, bound: float) -> Var:
        """The value with magnitude at most `bound` (a power of two)."""
        if var.bound <= bound or var.dtype == "int1":
            return var
        if var.is_float:
            text = f"tl.minimum(tl.maximum({var.name}, {-bound}), {bound})"
        else:
            limit = int(bound) - 1
            text = f"{var.name} {'&' if not limit else self.rng.choice('&%')} {limit}"
        return self.let(text, var.dtype, var.shape, bound)

    def convert(self, var: Var, dtype: str) -> Var:
        """A cast whose result every oracle defines: no float outside of the integer type's range."""
        if var.dtype == dtype:
            return var
        row, bound = DTYPES[dtype], math.inf
        if dtype == "int1":
            return self.let(f"{var.name} != 0", dtype, var.shape)
        if row.kind == "f":
            var = self.clamp(var, row.exact if var.is_float else 64)
            bound = 1.0 if var.dtype == "int1" else var.bound
        elif var.is_float:
            var = self.clamp(var, 64)
            if row.kind == "u":
                var = self.let(f"tl.abs({var.name})", var.dtype, var.shape, var.bound)
        return self.let(f"{var.name}.to(tl.{dtype})", dtype, var.shape, bound)

    def small(self) -> str:
        """A scalar in 0 .. 5."""
        if self.chance(0.6):
            return self.rng.choice(("m", "3", "1", "0", "pid + 1", "4"))
        return f"({self.value('int32', (), 2).name} & 3)"


def choice_of(table: Sequence[tuple[Any, float]], rng: random.Random) -> Any:
    """One of (thing, weight)."""
    return rng.choices([t for t, _ in table], [w for _, w in table])[0]
