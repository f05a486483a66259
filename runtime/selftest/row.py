"""One self-test as data: a small kernel, its inputs, and the numbers that must come out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..metal_call import MetalCall, mlx_dtype

if TYPE_CHECKING:
    import mlx.core as mx

Array = npt.NDArray[Any]
NUMPY_NAME = {"bfloat16": "float32"}  # numpy has no bfloat16: its values are given as float32


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """Numbers of an MLX dtype; for bfloat16 `data` is float32, each value exact in bfloat16."""

    data: Array
    dtype: str

    def to_mlx(self) -> mx.array:
        """These numbers as an array of `dtype`."""
        import mlx.core as mx

        return mx.array(self.data).astype(mlx_dtype(self.dtype))


@dataclass(frozen=True, slots=True, eq=False)
class SelfTest:
    """One risky path. All numbers are compared exactly; a NaN equals a NaN.

    `cells` are the names of hwinfo.FACTS that the test vouches for. `needs_bytes` is the threadgroup
    memory it takes. Inputs are x0, x1, ... and outputs out0, out1, ... in `source`, each output
    with the shape and dtype of its expected numbers; `fill` is what the outputs hold before.
    """

    name: str
    cells: tuple[str, ...]
    source: str
    inputs: tuple[Values, ...]
    expected: tuple[Values, ...]
    threads: int = 32
    threadgroups: int = 1
    header: str = ""
    fill: float | None = None
    needs_bytes: int = 0

    def call(self) -> MetalCall:
        """The launch. Its name holds no blank, since it becomes part of a function's name."""
        return MetalCall(
            name="selftest_" + "".join(c if c.isalnum() else "_" for c in self.name),
            input_names=tuple(f"x{k}" for k in range(len(self.inputs))),
            output_names=tuple(f"out{k}" for k in range(len(self.expected))),
            source=self.source,
            header=self.header,
            grid=(self.threads * self.threadgroups, 1, 1),
            threadgroup=(self.threads, 1, 1),
            output_shapes=tuple(v.data.shape for v in self.expected),
            output_dtypes=tuple(v.dtype for v in self.expected),
            init_value=self.fill,
        )


def values(data: Any, dtype: str) -> Values:
    """Numbers of an MLX dtype, from anything numpy takes."""
    return Values(np.ascontiguousarray(data, NUMPY_NAME.get(dtype, dtype)), dtype)
