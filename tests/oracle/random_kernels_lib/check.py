"""One program on the targets and oracles: all must leave the same arrays, bit for bit.

The numpy evaluator is what the others are compared with. Triton's interpreter shares no code with
it. It has no bfloat16 arithmetic, so it gets the kernel with float32 in its place: all values of that
type are integers that bfloat16 holds exactly.
"""

from __future__ import annotations

import importlib.util
import itertools
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np

import triton_mlx
from triton_mlx.fusion.errors import BadArgument, IRFormatError, TritonMlxError, VerifyError
from triton_mlx.fusion.evaluate import evaluate
from triton_mlx.runtime.inspect import last_launcher
from triton_mlx.runtime.lowered import function_of

from .program import Array, Program

TARGETS = ("host", "simulate", "interpreter")
_numbers = itertools.count()


class Refused(Exception):
    """triton-mlx says, with a reason, that it does not run this kernel. `code` is the reason's."""

    def __init__(self, code: str, what: str) -> None:
        super().__init__(f"{code}: {what}")
        self.code = code


class Malformed(Exception):
    """Triton's own front end does not accept the kernel: a fault of the generator."""


class Failed(Exception):
    """Something disagrees; the first line of the message is what kind of failure it is."""

    @property
    def kind(self) -> str:
        return str(self).partition("\n")[0]


def check(program: Program, folder: Path, targets: Collection[str] = TARGETS) -> None:
    """Run on `targets` and on the evaluator. Raises Refused, Malformed or Failed.

    Where one target refuses, the others are compared first.

    `targets` are some of TARGETS, with "host" or "simulate" among them; kernels are written to `folder`.
    """
    kernel = _kernel(program, folder)
    results: dict[str, dict[str, Array]] = {}
    refusal: Refused | None = None
    for name in (name for name in TARGETS[:2] if name in targets):
        try:
            results[name] = _launch(program, kernel, name)
        except Refused as found:
            refusal = found
    if refusal is not None and not results:
        raise refusal
    want = _evaluate(program, kernel)
    # The interpreter copies every argument, so that it cannot see that two are the same array.
    told = _interpret(program, folder) if "interpreter" in targets and not program.same else None
    if told is not None:
        results["interpreter"] = told
    for who, got in results.items():
        _compare(who, got, want, told if who != "interpreter" else None)
    if refusal is not None:
        raise refusal


def _kernel(program: Program, folder: Path, **types: str) -> Any:
    path = folder / f"kernel_{program.seed}_{next(_numbers)}.py"
    path.write_text(program.source(**types))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.kernel


def container(program: Program, target: str) -> str:
    """What holds the arrays of a launch: mlx, or on the host for some seeds numpy or torch.

    Where torch is not installed, mlx stands in for it.
    """
    kinds = ("mlx", "mlx", "numpy", "torch") if target == "host" else ("mlx",)
    kind = kinds[program.seed % len(kinds)]
    dtypes = {dtype for _, dtype, _ in program.arrays}
    if kind == "numpy" and "bfloat16" in dtypes:
        kind = "torch"
    return "mlx" if kind == "torch" and importlib.util.find_spec("torch") is None else kind


def _launch(program: Program, kernel: Any, target: str) -> dict[str, Array]:
    into, out = _CONVERSIONS[container(program, target)]
    dtypes = {name: dtype for name, dtype, _ in program.arrays}
    arrays = {name: into(a, dtypes[name]) for name, a in program.contents().items()}
    twins = [arrays[name] for name in program.same.values()]
    try:
        with triton_mlx.use(target, checked=target == "simulate"):
            kernel[program.grid](*arrays.values(), *twins, *program.scalars.values())
            return {name: out(a) for name, a in arrays.items()}
    except Exception as error:  # noqa: BLE001  every kind of error is a result here
        raise _judged(target, error) from error


def _into_mlx(array: Array, dtype: str) -> Any:
    return mx.array(array).astype(mx.bfloat16) if dtype == "bfloat16" else mx.array(array)


def _out_of_mlx(array: Any) -> Array:
    return np.array(array.astype(mx.float32) if array.dtype == mx.bfloat16 else array)


def _into_torch(array: Array, dtype: str) -> Any:
    import torch

    tensor = torch.from_numpy(array)
    return tensor.to(torch.bfloat16) if dtype == "bfloat16" else tensor


def _out_of_torch(tensor: Any) -> Array:
    import torch

    found: Array = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    return found


_CONVERSIONS: dict[str, Any] = {
    "mlx": (_into_mlx, _out_of_mlx),
    "numpy": (lambda array, dtype: array, lambda array: array),
    "torch": (_into_torch, _out_of_torch),
}


def _judged(target: str, error: Exception) -> Exception:
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(cause)
    for cause in causes:
        defect = isinstance(cause, (VerifyError, IRFormatError)) or (
            isinstance(cause, BadArgument) and "triton_mlx.use('host')" not in cause.hint
        )
        if isinstance(cause, TritonMlxError) and not defect and cause.code != "SIMULATOR_FINDING":
            return Refused(cause.code, cause.what)
    if any(type(c).__module__ == "triton.compiler.errors" for c in causes):
        return Malformed(str(error))
    first = str(error).partition(" in ")[0] if "Finding" in type(error).__name__ else ""
    return Failed(f"{target}: {type(error).__name__} {first}\n{error}")


def _evaluate(program: Program, kernel: Any) -> dict[str, Array]:
    function = function_of(last_launcher(kernel).text)
    arrays = program.contents()
    half = {name for name, dtype, _ in program.arrays if dtype == "bfloat16"}
    for name in half:
        arrays[name] = (arrays[name].view(np.uint32) >> 16).astype(np.uint16)
    values: list[Any] = [*arrays.values(), *(arrays[n] for n in program.same.values())]
    values += program.scalars.values()
    if 1 in program.scalars.values():
        # Triton takes a 1 for a compile-time constant, which is no parameter any more.
        values = [v for v in values if not isinstance(v, int) or v != 1]
    buffers = {k: v for k, v in enumerate(values) if isinstance(v, np.ndarray)}
    scalars = {k: v for k, v in enumerate(values) if not isinstance(v, np.ndarray)}
    try:
        evaluate(function, buffers, scalars, (*program.grid, 1))
    except Exception as error:  # noqa: BLE001
        raise Failed(f"evaluator: {type(error).__name__}\n{error}") from error
    for name in half:
        arrays[name] = (arrays[name].astype(np.uint32) << 16).view(np.float32)
    return arrays


def _interpret(program: Program, folder: Path) -> dict[str, Array] | None:
    """None where Triton's interpreter fails by itself, as it does on some booleans."""
    import interpreter

    from triton_mlx.examples.interpreted import InterpreterError

    arrays = program.contents()
    kernel = _kernel(program, folder, bfloat16="float32")
    try:
        interpreter.launch(kernel, program.grid, *arrays.values(), *program.scalars.values())
    except InterpreterError as error:
        skipped.append(str(error).strip().rpartition("\n")[2])
        return None
    return arrays


# Why the interpreter did not run a kernel, since the last time that somebody cleared this.
skipped: list[str] = []


def _compare(
    who: str, got: dict[str, Array], want: dict[str, Array], third: dict[str, Array] | None
) -> None:
    for name, expected in want.items():
        same = _equal(name, got[name], expected)
        if same.all():
            continue
        at = int(np.flatnonzero(~same)[0])
        text = f"{who}: {name} differs\n{(~same).sum()} of {same.size}, first at {at}: "
        text += f"{got[name][at]}, evaluator {expected[at]}"
        if third is not None:
            text += f", interpreter {third[name][at]}"
        raise Failed(text)


def _equal(name: str, found: Array, expected: Array) -> Array:
    if name == "o_exp":
        return np.isclose(found, expected, rtol=1e-4, atol=1e-6, equal_nan=True)
    return np.asarray(found == expected)


def targets_of(failure: Failed) -> tuple[str, ...]:
    """The fewest targets that show a failure, for shrinking."""
    who = failure.kind.partition(":")[0]
    return (who,) if who in ("host", "simulate") else ("host", "interpreter")


def reproduce(seed: int) -> str:
    """The command that shows a failure again, smaller."""
    return f"python {sys.argv[0]} --seeds {seed} --shrink"
