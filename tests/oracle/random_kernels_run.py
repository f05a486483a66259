"""Runs the kernels of random_kernels.py on every target and oracle; shrinks what fails."""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
from random_kernels import Array, Line, Program, generate

import triton_mlx
from triton_mlx.fusion.errors import (
    BadArgument,
    IRFormatError,
    TritonMlxError,
    VerifyError,
)
from triton_mlx.fusion.evaluate import evaluate
from triton_mlx.runtime.launch import Launcher
from triton_mlx.runtime.lowered import function_of

_numbers = itertools.count()


class Refused(Exception):
    """triton-mlx says, with a reason, that it does not run this kernel."""


class Failed(Exception):
    """Something disagrees; the first line of the message is what kind of failure it is."""


def check(program: Program, folder: Path, *, interpret: bool = True) -> None:
    """Run on host, simulator, evaluator and Triton's interpreter. Raises Refused or Failed."""
    kernel = _kernel(program, folder)
    host = _launch(program, kernel, "host")
    want = _evaluate(program, kernel)
    _compare("host", host, want)
    _compare("simulate", _launch(program, kernel, "simulate"), want)
    # The interpreter copies every argument, so that it cannot see that two are the same array.
    told = _interpret(program, kernel) if interpret and not program.same else None
    if told is not None:
        _compare("interpreter", told, want)


def _kernel(program: Program, folder: Path) -> Any:
    path = folder / f"kernel_{program.seed}_{next(_numbers)}.py"
    path.write_text(program.source())
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.kernel


def _launch(program: Program, kernel: Any, target: str) -> dict[str, Array]:
    arrays = {name: mx.array(a) for name, a in program.contents().items()}
    twins = [arrays[name] for name in program.same.values()]
    try:
        with triton_mlx.use(target, checked=target == "simulate"):
            kernel[program.grid](*arrays.values(), *twins, *program.scalars.values())
            return {name: np.array(a) for name, a in arrays.items()}
    except Exception as error:  # noqa: BLE001  every kind of error is a result here
        raise _judged(target, error) from error


def _judged(target: str, error: Exception) -> Exception:
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(cause)
    for cause in causes:
        defect = isinstance(cause, (VerifyError, BadArgument, IRFormatError))
        if isinstance(cause, TritonMlxError) and not defect and cause.code != "SIMULATOR_FINDING":
            return Refused(f"{cause.code}: {cause.what}")
    first = str(error).partition(" in ")[0] if "Finding" in type(error).__name__ else ""
    return Failed(f"{target}: {type(error).__name__} {first}\n{error}")


def _evaluate(program: Program, kernel: Any) -> dict[str, Array]:
    function = function_of(Launcher.last[kernel].text)
    arrays = program.contents()
    values: list[Any] = [*arrays.values(), *(arrays[n] for n in program.same.values())]
    values += program.scalars.values()
    buffers = {k: v for k, v in enumerate(values) if isinstance(v, np.ndarray)}
    scalars = {k: v for k, v in enumerate(values) if not isinstance(v, np.ndarray)}
    try:
        evaluate(function, buffers, scalars, (*program.grid, 1))
    except Exception as error:  # noqa: BLE001
        raise Failed(f"evaluator: {type(error).__name__}\n{error}") from error
    return arrays


def _interpret(program: Program, kernel: Any) -> dict[str, Array] | None:
    """None where Triton's interpreter fails by itself, as it does on some booleans."""
    import interpreter

    from triton_mlx.examples.interpreted import InterpreterError

    arrays = program.contents()
    try:
        interpreter.launch(kernel, program.grid, *arrays.values(), *program.scalars.values())
    except InterpreterError:
        return None
    return arrays


def _compare(who: str, got: dict[str, Array], want: dict[str, Array]) -> None:
    for name, expected in want.items():
        found = got[name]
        same = found == expected
        if name == "o_exp":
            same = np.isclose(found, expected, rtol=1e-4, atol=1e-6, equal_nan=True)
        if not same.all():
            at = int(np.flatnonzero(~same)[0])
            raise Failed(
                f"{who}: {name} differs\n{(~same).sum()} of {same.size}, first at {at}: "
                f"{found[at]}, evaluator {expected[at]}"
            )


def shrink(program: Program, folder: Path, kind: str) -> Program:
    """Drop and simplify lines as long as the failure stays of the same kind."""

    def fails(trial: Program) -> bool:
        try:
            check(trial, folder)
        except Failed as failure:
            return str(failure).partition("\n")[0] == kind
        except Exception:  # noqa: BLE001
            return False
        return False

    for _ in range(3):
        before = len(program.lines), sum(k.text == k.neutral for k in program.lines)
        k = len(program.lines) - 1
        while k >= 0:
            for lines in _smaller(program.lines, k):
                trial = replace(program, lines=lines)
                if fails(trial):
                    program = trial
                    break
            k = min(k, len(program.lines)) - 1
        if before == (len(program.lines), sum(k.text == k.neutral for k in program.lines)):
            break
    return program


def _smaller(lines: list[Line], k: int) -> list[list[Line]]:
    end = k + 1
    while end < len(lines) and lines[end].indent > lines[k].indent:
        end += 1
    found = [lines[:k] + lines[end:]]
    line = lines[k]
    if end > k + 1:
        inner = [replace(x, indent=x.indent - 1) for x in lines[k + 1 : end]]
        found.append(lines[:k] + inner + lines[end:])
    if line.neutral and line.text != line.neutral:
        found.append([*lines[:k], replace(line, text=line.neutral), *lines[k + 1 :]])
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="Random kernels against the oracles.")
    parser.add_argument("--seeds", default="0:100", help="one seed, or first:end")
    parser.add_argument("--shrink", action="store_true", help="print a smaller kernel that fails")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after this time")
    options = parser.parse_args()
    first, _, end = options.seeds.partition(":")
    seeds = range(int(first), int(end) if end else int(first) + 1)
    counts: Counter[str] = Counter()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        for seed in seeds:
            if time.monotonic() - start > options.seconds:
                print(f"stopped before seed {seed}")
                break
            counts[_one(seed, Path(name), options.shrink)] += 1
    for what, count in counts.most_common():
        print(f"{count:5} {what}")
    return 1 if counts["failed"] else 0


def _one(seed: int, folder: Path, smaller: bool) -> str:
    program = generate(seed)
    try:
        check(program, folder)
    except Refused as refusal:
        return f"refused {refusal}"
    except Failed as failure:
        print(f"--- seed {seed}: {failure}")
        print(f"python {sys.argv[0]} --seeds {seed} --shrink", flush=True)
        if smaller:
            program = shrink(program, folder, str(failure).partition("\n")[0])
            print(program.source(), program.scalars, program.grid, program.same, sep="\n")
        return "failed"
    return "agreed"
