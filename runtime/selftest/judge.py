"""Runs self-tests on one device and says of each: passed, failed or skipped, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ...hwinfo import Capability
from .row import Array, SelfTest, Values

if TYPE_CHECKING:
    import mlx.core as mx

Status = Literal["passed", "failed", "skipped"]
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Result:
    """One line. `detail` is why it failed or was skipped; `differences` are (output, index, got,
    expected) of the first wrong numbers."""

    name: str
    cells: tuple[str, ...]
    status: Status
    detail: str = ""
    differences: tuple[tuple[str, int, str, str], ...] = ()


def judge(tests: Sequence[SelfTest], target: str, row: Capability) -> tuple[Result, ...]:
    """The results of `tests` on "metal" or "simulate", for a device with this row.

    Never raises: a kernel that does not compile or cannot be launched has failed. Where the
    simulator cannot work at all (no clang), all are skipped.
    """
    unable = _unable(target)
    return tuple(_judged(test, target, unable or missing(test, row)) for test in tests)


def missing(test: SelfTest, row: Capability) -> str:
    """Why a device with this row does not need the test; empty if it has what the test is about.

    A cell that is not known is tried.
    """
    lacking = [name for name in test.cells if row.get(name) is False]
    if lacking:
        return f"{row.name} has no {' and no '.join(lacking)} ({row.cell(lacking[0]).source})"
    most = row.get("threadgroup_memory_bytes", test.needs_bytes)
    if most < test.needs_bytes:
        return f"{row.name} has {most} bytes of threadgroup memory, {test.needs_bytes} are needed"
    return ""


def _judged(test: SelfTest, target: str, reason: str) -> Result:
    if reason:
        return Result(test.name, test.cells, "skipped", reason)
    try:
        detail, differences = _compared(test, _run(test, target))
    except Exception as error:  # noqa: BLE001  MLX and its compilers raise anything
        lines = [line for line in str(error).splitlines() if line.strip()][:_SHOWN]
        return Result(test.name, test.cells, "failed", "; ".join([type(error).__name__, *lines]))
    status: Status = "failed" if detail else "passed"
    return Result(test.name, test.cells, status, detail, differences)


class _Found(Exception):
    """What the simulator found in a self-test's kernel."""


def _run(test: SelfTest, target: str) -> list[Array]:
    import mlx.core as mx

    call = test.call()
    inputs = [x.to_mlx() for x in test.inputs]
    if target == "metal":
        with mx.stream(mx.gpu):
            outputs = call.run(inputs)
            mx.eval(outputs)
            return [_to_numpy(x) for x in outputs]
    from ..simulator import simulate

    with mx.stream(mx.cpu):
        result = simulate(call, inputs, checked=True)
        if result.findings:
            raise _Found(str(result.findings[0]))
        return [_to_numpy(x) for x in result.outputs]


def _to_numpy(x: mx.array) -> Array:
    import mlx.core as mx

    return np.array(x.astype(mx.float32) if x.dtype == mx.bfloat16 else x)


def _compared(
    test: SelfTest, got: Sequence[Array]
) -> tuple[str, tuple[tuple[str, int, str, str], ...]]:
    """A sentence and the first differences; both empty where all numbers are the expected ones."""
    differences: list[tuple[str, int, str, str]] = []
    count = total = 0
    for k, (mine, wanted) in enumerate(zip(got, test.expected, strict=True)):
        wrong = np.flatnonzero(_differ(mine, wanted))
        count, total = count + wrong.size, total + wanted.data.size
        a, b = mine.ravel(), wanted.data.ravel()
        differences += [(f"out{k}", int(at), str(a[at]), str(b[at])) for at in wrong[:_SHOWN]]
    if not count:
        return "", ()
    name, at, is_, should = differences[0]
    text = f"{count} of {total} numbers are wrong: {name}[{at}] is {is_}, not {should}"
    return text, tuple(differences[:_SHOWN])


def _differ(mine: Array, wanted: Values) -> Array:
    data = wanted.data
    if data.dtype.kind != "f":
        return np.not_equal(mine, data).ravel()
    # The sign of a zero counts.
    same: Array = (mine == data) & (np.signbit(mine) == np.signbit(data))
    wrong: Array = np.logical_not(same | (np.isnan(mine) & np.isnan(data)))
    return wrong.ravel()


def _unable(target: str) -> str:
    """Why nothing can run on this target at all; empty if it can."""
    if target == "metal":
        return ""
    from ..simulator import build

    try:
        build.find_clang()
        build.runtime_library()
    except (build.MissingClang, build.MissingCompiler, build.UnsupportedMachine) as error:
        return str(error).splitlines()[0]
    return ""
