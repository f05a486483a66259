"""What a row of the table of operations is, and how its operands are drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from operations_types import FLOATS, random, special

Array = npt.NDArray[Any]
Operands = tuple[Array, ...]


@dataclass(frozen=True)
class Form:
    """A kernel that applies any number of operations to the same operands.

    Its parameters are (operands, one output for each operation, n, OPS, **constants).
    `draw(dtype)`: the operands; `types(dtype)`: their element types; `programs`: the grid.
    """

    name: str
    kernel: Any
    draw: Callable[[str], Operands]
    n: int
    constants: Mapping[str, int]
    programs: int = 1
    types: Callable[[str], tuple[str, ...]] | None = None
    apart: bool = False  # each row draws its own operands
    most: int = 24  # rows of one kernel where a kernel has 31 buffers
    spare: int = 0  # elements after the last one, which the kernel must leave alone


@dataclass(frozen=True)
class Row:
    """One operation.

    `want` gets the operands, floats as float64, and gives the exact result; it is rounded to
    `result(dtype)`. `ulps`, `atol`: how far a float result may be off, in units of its last place
    or in absolute terms, whichever is more. `defined`: for the operands, which elements of the
    result Triton defines.
    """

    name: str
    section: str
    form: Form
    op: Any
    dtypes: tuple[str, ...]
    want: Callable[..., Any]
    result: Callable[[str], str]
    ulps: float = 0
    atol: float = 0
    defined: Callable[..., Array] | None = None
    draw: Callable[[str], Operands] | None = None  # in place of the form's
    typed: bool = True  # False: the operands' type plays no part, `dtypes` are examples
    raw: bool = False  # `want` gets the element type, then the operands as they are


def same(dtype: str) -> str:
    """The result has the operands' type."""
    return dtype


def always(dtype: str) -> Callable[[str], str]:
    """The result has this type."""
    return lambda _: dtype


def half_as(dtype: str) -> Callable[[str], str]:
    """Floats of 16 bits give `dtype`, others their own type."""
    return lambda d: dtype if d in FLOATS and FLOATS[d].bits <= 16 else d


COUNT = 700  # elements of elementwise operands: three programs of 256, the last one masked


def spread(dtype: str, arity: int, count: int = COUNT) -> Operands:
    """Special values in all combinations (of three: in random ones), then random values."""
    values = special(dtype)
    rng = np.random.default_rng(arity)
    if arity == 3:
        heads = [rng.choice(values, count // 2) for _ in range(3)]
    else:
        heads = [a.reshape(-1) for a in np.meshgrid(*[values] * arity)]
    return tuple(
        np.concatenate([h, random(dtype, count - h.size, seed=k)]).astype(h.dtype)
        for k, h in enumerate(heads)
    )


def elementwise(name: str, kernel: Any, arity: int) -> Form:
    return Form(
        name,
        kernel,
        lambda dtype: spread(dtype, arity),
        COUNT,
        {"BLOCK": 256},
        programs=3,
        spare=8,
    )


def wide(array: Array) -> Array:
    """Floats as float64."""
    return array.astype(np.float64) if array.dtype.kind == "f" else array
