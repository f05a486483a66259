"""Runs rows of the table: as many as possible in one kernel, one by one where some are refused."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from operations import TABLE
from operations_rows import Form, Operands, Row, wide
from operations_types import array, difference, rounded, tensor

import triton_mlx
from triton_mlx.fusion.errors import IRFormatError, TritonMlxError, VerifyError
from triton_mlx.runtime import lowered

Array = npt.NDArray[Any]
PASSES = "passes"
NO_SUCH = "not in Triton"
BLANK = 7


@dataclass(frozen=True, slots=True)
class Cell:
    """What one operation does on one target with one element type.

    `outcome`: PASSES, "refused CODE", NO_SUCH, or "wrong: ..." with what is wrong.
    """

    row: str
    target: str
    dtype: str
    outcome: str


def _reason(error: BaseException) -> TritonMlxError | None:
    """The refusal behind an error that Triton may have wrapped; None if it is no clean refusal."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, TritonMlxError):
            defect = isinstance(found, (VerifyError, IRFormatError))
            return None if defect or found.code == "SIMULATOR_FINDING" else found
        found = found.__cause__ or found.__context__
    return None


def _outcome(error: Exception) -> str:
    import triton

    reason = _reason(error)
    if reason is not None:
        return f"refused {reason.code}"
    ours = any(isinstance(e, TritonMlxError) for e in _chain(error))
    invalid = "error encountered during parsing" in str(error)  # of the IR that Triton made
    if (invalid or isinstance(error, triton.CompilationError)) and not ours:
        return NO_SUCH
    return f"wrong: {type(error).__name__}: {str(_chain(error)[-1])[:300]}"


def _chain(error: BaseException) -> list[BaseException]:
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(cause)
    return causes


def scope(target: str) -> Any:
    """Launches in it run on `target`, checked where that is possible."""
    return triton_mlx.use(target, checked=target == "simulate", chip="")


def wanted(row: Row, dtype: str, operands: Operands) -> Array:
    """The right result, as numpy holds values of its type."""
    with np.errstate(all="ignore"):
        if row.raw:
            return np.asarray(row.want(dtype, *operands))
        exact = np.asarray(row.want(*(wide(a) for a in operands)))
        return rounded(exact, row.result(dtype))


class _Launch:
    """Some rows of one form with operands of one type."""

    def __init__(self, form: Form, dtype: str, rows: Sequence[Row]):
        self.form, self.dtype, self.rows = form, dtype, rows
        self.operands = [(row.draw or form.draw)(dtype) for row in rows]
        self.wants = [wanted(row, dtype, some) for row, some in zip(rows, self.operands)]
        shared = self._tensors(self.operands[0])
        self.ins = tuple(map(self._tensors, self.operands)) if form.apart else shared
        self.outs = tuple(
            tensor(np.full(want.size + form.spare, BLANK).astype(want.dtype), row.result(dtype))
            for row, want in zip(rows, self.wants)
        )
        self.constants = {**form.constants, "OPS": tuple(row.op for row in rows)}

    def _tensors(self, operands: Operands) -> tuple[Any, ...]:
        types = self.form.types(self.dtype) if self.form.types else (self.dtype,) * len(operands)
        return tuple(tensor(a, t) for a, t in zip(operands, types))

    def compile(self) -> Any:
        """Triton's compiled kernel for the current target. Raises the refusals of a compile."""
        form = self.form
        return form.kernel.warmup(
            self.ins, self.outs, form.n, grid=(form.programs,), **self.constants
        )

    def run(self) -> list[str]:
        """For each row what is wrong ("" if nothing)."""
        form = self.form
        form.kernel[(form.programs,)](self.ins, self.outs, form.n, **self.constants)
        return [self._wrong(k) for k in range(len(self.rows))]

    def _wrong(self, k: int) -> str:
        row, want = self.rows[k], self.wants[k]
        result = row.result(self.dtype)
        got = array(self.outs[k], result)
        size = want.size
        if (got[size:] != np.asarray(BLANK).astype(want.dtype)).any():
            return "an element after the last one was written"
        defined = row.defined(*(wide(a) for a in self.operands[k])) if row.defined else None
        return difference(got[:size].reshape(want.shape), want, result, row.ulps, row.atol, defined)


def cells(form: Form, dtype: str, rows: Sequence[Row], target: str) -> list[Cell]:
    """The outcome of each of the rows, which are of one form, on a target."""
    made = functools.partial(_Launch, form, dtype)
    return [
        Cell(row.name, target, dtype, outcome)
        for row, outcome in zip(rows, _together(made, rows, target))
    ]


def measured(form: str, dtype: str, target: str) -> list[Cell]:
    """All cells of a form of the table, in as few kernels as the target's buffers allow."""
    rows = [row for row in TABLE if row.form.name == form and dtype in row.dtypes]
    most = len(rows) if target == "host" else rows[0].form.most
    packs = [rows[k : k + most] for k in range(0, len(rows), most)]
    return [cell for pack in packs for cell in cells(pack[0].form, dtype, pack, target)]


def wrongs(form: Form, dtype: str, rows: Sequence[Row], target: str) -> list[str]:
    """What is wrong with the results of rows that no target refuses."""
    with scope(target):
        found = _Launch(form, dtype, rows).run()
    return [f"{row.name}: {text}" for row, text in zip(rows, found) if text]


def in_triton(row: Row, dtype: str) -> bool:
    """Whether Triton's front end accepts the operation; nothing is run."""
    form, operands = row.form, (row.draw or row.form.draw)("int32" if row.draw else dtype)
    types = form.types(dtype) if form.types else (dtype,) * len(operands)
    ins = tuple(tensor(np.zeros(8), t) for t in types)
    outs = (tensor(np.zeros(8), row.result(dtype)),)
    try:
        with scope("host"):
            form.kernel.warmup(
                (ins,) if form.apart else ins,
                outs,
                form.n,
                grid=(1,),
                OPS=(row.op,),
                **form.constants,
            )
    except Exception as error:  # noqa: BLE001  every kind of error is a result here
        return _outcome(error) != NO_SUCH
    return True


_Made = Callable[[Sequence[Row]], _Launch]


def _together(made: _Made, rows: Sequence[Row], target: str) -> list[str]:
    """All rows in one kernel; where some are refused, the others in one kernel."""
    measure = _lowered if target == "metal" else _launched
    try:
        return measure(made(rows), target)
    except Exception as error:  # noqa: BLE001  every kind of error is a result here
        if len(rows) == 1:
            return [_outcome(error)]
    found = {row.name: _alone(made([row]), target) for row in rows}
    good = [row for row in rows if found[row.name] == PASSES]
    if len(good) < len(rows):
        found |= zip((row.name for row in good), _together(made, good, target) if good else [])
        return [found[row.name] for row in rows]
    middle = len(rows) // 2
    return _together(made, rows[:middle], target) + _together(made, rows[middle:], target)


def _alone(launch: _Launch, target: str) -> str:
    """Whether a row can be lowered at all; nothing is run."""
    try:
        return _lowered(launch, target)[0]
    except Exception as error:  # noqa: BLE001  every kind of error is a result here
        return _outcome(error)


def _launched(launch: _Launch, target: str) -> list[str]:
    with scope(target):
        return [f"wrong: {text}" if text else PASSES for text in launch.run()]


def _lowered(launch: _Launch, target: str) -> list[str]:
    """What lowering for a target says, whether or not it can run here."""
    lowered.trial(_text(launch), target, num_warps=4)
    return [PASSES] * len(launch.rows)


_texts: dict[tuple[Any, ...], str] = {}


def _text(launch: _Launch) -> str:
    """The IR of a kernel, which is the same for all targets. The host refuses least."""
    key = (launch.form.name, launch.dtype, *(row.name for row in launch.rows))
    if key not in _texts:
        with scope("host"):
            _texts[key] = launch.compile().asm["tmlx"].decode()
    return _texts[key]
