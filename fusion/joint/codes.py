"""Why two launches were, or were not, made one: stable codes, each with what to change."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """`meaning`: what was found; `hint`: what to change in the program."""

    name: str
    meaning: str
    hint: str = ""


_TABLE = (
    Code("EPILOGUE", "the later launch is computed at the tile that the earlier one makes"),
    Code("PROLOGUE", "the earlier launch is computed where the later one loads"),
    Code("SIBLING", "launches without a common result read the same array"),
    Code("ATOMICS", "one of the kernels uses atomics", "keep atomics in a launch of their own"),
    Code("EFFECT", "one of the kernels prints, asserts, has a barrier or volatile access"),
    Code("ALIAS", "one array is passed for several parameters", "pass each array once"),
    Code("NOT_ELEMENTWISE", "neither kernel computes each element on its own"),
    Code("RESHAPE", "the kernel reshapes tiles", "index with ranges instead of tl.reshape"),
    Code("NOT_INVERTIBLE", "no access of the elementwise kernel is a one-to-one walk of an array"),
    Code("NO_COMMON_TILE", "the anchor has no tile that walks the same elements exactly once"),
    Code("MASK_MISMATCH", "accesses of one kernel are masked differently", "use one mask"),
    Code("NOT_COVERED", "elements are read that the earlier launch did not write"),
    Code("OTHER_ELEMENT", "a program reads elements that another program writes"),
    Code("STORE_IN_LOOP", "the common array is written inside a loop or branch, or twice"),
    Code("TYPE_PUN", "the common array is written and read as different types"),
    Code("WAR", "one launch overwrites what the other still reads", "write to a new array"),
    Code("WAW", "both launches write an array in different places", "write to separate arrays"),
    Code("VERSION", "the launches need different versions of one array"),
    Code("BETWEEN", "a launch between them needs the first and feeds the second"),
    Code("RECOMPUTE", "the earlier kernel would be computed again inside a loop"),
    Code("STILL_VISIBLE", "the common array is needed by others and no tile can write it once"),
    Code("TOO_LARGE", "an array has more elements than 31 bits count"),
    Code("WORK_LIMIT", "the proof would evaluate too many addresses"),
    Code("RESOURCES", "the fused kernel would need too many arrays, or is refused by the target"),
    Code("EAGER", "arrays of this kind are changed at once", "pass mx.arrays"),
    Code("CHANGED", "the array was changed by other means before the end of the scope"),
)
CODES: dict[str, Code] = {code.name: code for code in _TABLE}


class Refusal(Exception):
    """Two launches stay apart. `code` is in CODES, `what` says what was found here."""

    def __init__(self, code: str, what: str = ""):
        assert code in CODES, code
        self.code, self.what = code, what or CODES[code].meaning
        super().__init__(f"{code}: {self.what}")
