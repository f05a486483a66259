"""Passes over graphs: values that can be listed, printed and run in any order that `verify` accepts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ..errors import Loc
from ..graph import Function


@dataclass(frozen=True, slots=True)
class Decision:
    """One thing a pass decided. `code` is stable; reports and docs index on it."""

    code: str
    applied: bool
    detail: str
    where: Loc = Loc()


@dataclass(frozen=True, slots=True)
class PassResult:
    function: Function
    decisions: tuple[Decision, ...] = ()


class Pass(Protocol):
    """A frozen dataclass with a name and `run`; the function is valid before and after."""

    @property
    def name(self) -> str: ...

    def run(self, function: Function) -> PassResult: ...


def run(passes: Sequence[Pass], function: Function) -> PassResult:
    """Run `passes` in order; decisions are concatenated."""
    decisions: tuple[Decision, ...] = ()
    for step in passes:
        result = step.run(function)
        function, decisions = result.function, decisions + result.decisions
    return PassResult(function, decisions)


def default() -> tuple[Pass, ...]:
    """The passes that every launch goes through."""
    from .accumulate import AccumulateProducts
    from .addresses import ResolveAddresses
    from .clean import RemoveDeadNodes
    from .contract import ContractProducts
    from .floatatomics import JoinFloatAtomics
    from .fold import FoldConstants
    from .hoist import HoistInvariants
    from .offsets import CarryOffsets
    from .recurrence import CloseRecurrences
    from .share import ShareEqualNodes
    from .speculate import SpeculateCombines
    from .unroll import UnrollLoops
    from .widen import WidenCombines

    tidy = (HoistInvariants(), ShareEqualNodes())
    return (
        SpeculateCombines(),
        RemoveDeadNodes(),  # before hoisting: what a loop hands on unchanged is fixed
        *tidy,
        UnrollLoops(),
        FoldConstants(),  # of copies whose index is known
        AccumulateProducts(),
        CloseRecurrences(),
        ResolveAddresses(),  # what comes of it may be carried
        CarryOffsets(),
        ResolveAddresses(last=True),
        JoinFloatAtomics(),
        WidenCombines(),
        FoldConstants(),
        *tidy,  # what the passes above have added
        RemoveDeadNodes(),
        ContractProducts(),  # last: a product counts its uses
    )
