"""A program of launches on numpy arrays: run one by one in numpy, and again as its plan says."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import Any

import corpus
import numpy as np
import numpy.typing as npt

from triton_mlx.fusion.evaluate import evaluate
from triton_mlx.fusion.joint.judge import Judge
from triton_mlx.fusion.joint.plan import plan
from triton_mlx.fusion.joint.records import NOT_WRITTEN, Buffer, Launch, Plan
from triton_mlx.fusion.lift import lift

Array = npt.NDArray[Any]
NAMES = {
    "float32": "fp32",
    "float16": "fp16",
    "int32": "i32",
    "int64": "i64",
    "int8": "i8",
    "uint16": "bf16",
}


@functools.cache
def _function(kernel: Any, types: tuple[str, ...], constants: tuple[tuple[str, int], ...]) -> Any:
    return corpus.fused(lift(corpus.text_of(kernel, types, dict(constants))))


class Program:
    """Launches are run at once, on memory that keeps every version."""

    def __init__(self) -> None:
        self.launches: list[Launch] = []
        self.versions: dict[int, Array] = {}
        self.newest: dict[int, int] = {}
        self.arrays: list[Array] = []
        self.numbers = itertools.count()

    def array(self, values: Any) -> Array:
        made: Array = np.ascontiguousarray(values)
        self.arrays.append(made)
        self.newest[id(made)] = next(self.numbers)
        self.versions[self.newest[id(made)]] = made.reshape(-1).copy()
        return made

    def run(
        self, kernel: Any, args: Sequence[Any], grid: tuple[int, ...] = (1,), **constants: int
    ) -> None:
        types = [
            f"*{NAMES[a.dtype.name]}"
            if isinstance(a, np.ndarray)
            else "fp32"
            if isinstance(a, float)
            else "i32"
            for a in args
        ]
        function = _function(kernel, tuple(types), tuple(constants.items()))
        whole = (*grid, 1, 1)[:3]
        arrays = {id(a): a for a in args if isinstance(a, np.ndarray)}
        order = {key: k for k, key in enumerate(arrays)}
        slots = {k: order[id(a)] for k, a in enumerate(args) if isinstance(a, np.ndarray)}
        scalars = {k: a for k, a in enumerate(args) if not isinstance(a, np.ndarray)}
        written = {slots[p] for p in written_parameters(function)}
        flat = {k: args[k].reshape(-1) for k in slots}
        evaluate(function, flat, scalars, whole)
        buffers = []
        for key, array in arrays.items():
            before, after = self.newest[key], NOT_WRITTEN
            if order[key] in written:
                after = self.newest[key] = next(self.numbers)
                self.versions[after] = array.reshape(-1).copy()
            buffers.append(Buffer(before, after, array.size, array.itemsize, array.dtype.name))
        number = len(self.launches)
        origins = {k: (number, k) for k in range(len(args))}
        self.launches.append(
            Launch(
                kernel.__name__,
                function,
                whole,
                tuple(buffers),
                slots,
                scalars,
                4,
                (number,),
                origins,
            )
        )

    def check(self, *visible: Array, judge: Judge | None = None) -> Plan:
        """Plan, run the plan from the first versions, and compare the visible arrays bit for bit."""
        wanted = {self.newest[id(a)] for a in visible}
        made = plan(self.launches, wanted, judge=judge)
        first = {b.after for x in self.launches for b in x.buffers}
        memory = {v: a.copy() for v, a in self.versions.items() if v not in first}
        for launch in made.launches:
            flat = [memory[b.before].copy() for b in launch.buffers]
            buffers = {p: flat[s] for p, s in launch.slots.items()}
            evaluate(launch.function, buffers, launch.scalars, launch.grid)
            for buffer, values in zip(launch.buffers, flat):
                if buffer.after != NOT_WRITTEN:
                    memory[buffer.after] = values
        for version in wanted:
            assert memory[version].tobytes() == self.versions[version].tobytes(), version
        return made


def written_parameters(function: Any) -> set[int]:
    bases = {v: k for k, v in enumerate(function.body.args)}
    nodes = {n.id: n for n in function.body.walk()}
    found = set()
    for node in function.body.walk():
        if node.op in ("store", "atomic_rmw", "atomic_cas"):
            pointer = node.inputs[0]
            while pointer not in bases:
                pointer = nodes[pointer.node].inputs[0]
            found.add(bases[pointer])
    return found
