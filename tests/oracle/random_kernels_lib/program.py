"""A generated kernel as data: its lines, its helper functions, its arrays and its launch."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Dtype:
    """`kind`: b, i, u or f. `weight`: how often a value has this type. numpy holds bfloat16 as float32."""

    name: str
    kind: str
    bits: int
    weight: float
    numpy: Any
    exact: float = 0.0  # floats: integers up to here are exact, and sums of them stay below


DTYPES = {
    row.name: row
    for row in (
        Dtype("int1", "b", 1, 1, np.bool_),
        Dtype("int8", "i", 8, 1, np.int8),
        Dtype("int16", "i", 16, 0.7, np.int16),
        Dtype("int32", "i", 32, 4, np.int32),
        Dtype("int64", "i", 64, 1.5, np.int64),
        Dtype("uint8", "u", 8, 0.8, np.uint8),
        Dtype("uint16", "u", 16, 0.5, np.uint16),
        Dtype("uint32", "u", 32, 1.5, np.uint32),
        Dtype("uint64", "u", 64, 0.7, np.uint64),
        Dtype("float16", "f", 16, 2, np.float16, 512.0),
        Dtype("bfloat16", "f", 16, 1.5, np.float32, 256.0),
        Dtype("float32", "f", 32, 5, np.float32, 2.0**20),
    )
}
TILE = 2048  # elements of the largest tile
INPUT = 32768  # elements of an input array


def top(dtype: str) -> float:
    """The largest magnitude of an integer type, as a power of two."""
    row = DTYPES[dtype]
    return 2.0 ** (row.bits if row.kind == "u" else row.bits - 1)


@dataclass(frozen=True, slots=True)
class Var:
    """A name in the kernel. `bound`: largest magnitude of a float (integers may wrap)."""

    name: str
    dtype: str
    shape: Shape
    bound: float

    @property
    def kind(self) -> str:
        return DTYPES[self.dtype].kind

    @property
    def is_float(self) -> bool:
        return self.kind == "f"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the body. `neutral`: a simpler line that defines the same names, if there is one.

    `fixed`: goes only together with its block (a loop that lost its step would not end).
    """

    indent: int
    text: str
    neutral: str = ""
    fixed: bool = False


@dataclass(slots=True)
class Program:
    """A kernel and its launch. Arrays are (parameter, dtype, size); `same` maps a name to its twin."""

    seed: int
    lines: list[Line]
    arrays: list[tuple[str, str, int]]
    same: dict[str, str]
    scalars: dict[str, int]
    grid: tuple[int, int]
    helpers: dict[str, str] = field(default_factory=dict)

    def source(self, *, bfloat16: str = "bfloat16") -> str:
        """The file of the kernel. `bfloat16`: the type that stands for tl.bfloat16."""
        names = [name for name, _, _ in self.arrays] + list(self.same) + list(self.scalars)
        body = "".join("    " * (k.indent + 1) + k.text + "\n" for k in self.lines)
        used = _used(self.helpers, body)
        text = "import triton\nimport triton.language as tl\n\n\n"
        text += "".join(self.helpers[name] + "\n\n" for name in used)
        text += f"@triton.jit\ndef kernel({', '.join(names)}):\n{body}"
        return text.replace("tl.bfloat16", f"tl.{bfloat16}")

    def contents(self) -> dict[str, Array]:
        """The arrays before the launch; bfloat16 as float32."""
        rng = np.random.default_rng(self.seed)
        made = {}
        for name, dtype, size in self.arrays:
            row = DTYPES[dtype]
            low, high = {"b": (0, 2), "u": (0, 17)}.get(row.kind, (-8, 9))
            if name[0] == "a" and row.kind in "iu":
                limits = np.iinfo(row.numpy)
                low, high = int(limits.min), int(limits.max)
            kind = row.numpy if row.kind in "iu" else np.int64
            made[name] = rng.integers(low, high, size, dtype=kind).astype(row.numpy)
        return made


def _used(helpers: dict[str, str], body: str) -> list[str]:
    """The helpers that the body names, and those that they name, in the order of their making."""
    found: set[str] = set()
    texts = [body]
    while texts:
        words = set(re.findall(r"\w+", texts.pop()))
        fresh = [name for name in helpers if name in words and name not in found]
        found.update(fresh)
        texts.extend(helpers[name] for name in fresh)
    return [name for name in helpers if name in found]
