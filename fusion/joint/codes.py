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
    Code("PROGRAM", "both run on one grid, and each program needs only what it made itself"),
    Code("SIBLING", "launches without a common result read the same array"),
    Code("ATOMICS", "one of the kernels uses atomics", "keep atomics in a launch of their own"),
    Code(
        "EFFECT",
        "one of the kernels prints, asserts, has a barrier or volatile access",
        "leave prints, asserts, barriers and volatile out while kernels are to be joined",
    ),
    Code("ALIAS", "an array that is written has another name, too", "pass the array itself"),
    Code(
        "NOT_ELEMENTWISE",
        "neither kernel computes each element on its own",
        "move the elementwise part into a kernel of its own, or launch both on one grid",
    ),
    Code("RESHAPE", "the kernel reshapes tiles", "index with ranges instead of tl.reshape"),
    Code(
        "NOT_INVERTIBLE",
        "no access of the elementwise kernel is a one-to-one walk of an array",
        "store a whole array at pid * BLOCK + tl.arange(0, BLOCK), masked by its size",
    ),
    Code(
        "NO_COMMON_TILE",
        "the anchor has no tile that walks the same elements exactly once",
        "let the elementwise kernel walk an array of the size that the other one stores",
    ),
    Code("MASK_MISMATCH", "accesses of one kernel are masked differently", "use one mask"),
    Code(
        "NOT_COVERED",
        "elements are read that the earlier launch did not write",
        "write the whole array in the earlier launch: a larger grid, or a mask that lets all through",
    ),
    Code(
        "OTHER_ELEMENT",
        "a program reads elements that another program writes",
        "let both kernels use the same index, or nothing where neighbours are needed",
    ),
    Code(
        "STORE_IN_LOOP",
        "the common array is written inside a loop or branch, or twice",
        "store once, after the loop and outside of branches",
    ),
    Code(
        "TYPE_PUN",
        "the common array is written and read as different types",
        "read the array as the type it was written as, and cast the value with .to(...)",
    ),
    Code("WAR", "one launch overwrites what the other still reads", "write to a new array"),
    Code("WAW", "both launches write an array in different places", "write to separate arrays"),
    Code(
        "VERSION",
        "the launches need different versions of one array",
        "write to a new array instead of in place",
    ),
    Code(
        "BETWEEN",
        "a launch between them needs the first and feeds the second",
        "order launches so that those that belong together follow each other",
    ),
    Code(
        "RECOMPUTE",
        "the earlier kernel would be computed again, nobody knows how often",
        "load the array before the loop, or nothing where the loop is needed",
    ),
    Code(
        "COST",
        "the model says that the launches are faster apart",
        "nothing: apart is faster; larger grids or smaller blocks change what the model says",
    ),
    Code(
        "STILL_VISIBLE",
        "the common array is needed by others and no tile can write it once",
        "del arrays that nobody needs before the scope ends, or make them in a function",
    ),
    Code("TOO_LARGE", "an array has 2^30 elements or more", "split the array"),
    Code(
        "WORK_LIMIT",
        "the proof would evaluate too many addresses",
        "use linear addresses such as pid * BLOCK + tl.arange(0, BLOCK), or shorter scopes",
    ),
    Code(
        "RESOURCES",
        "the fused kernel would need too many arrays, or is refused by the target",
        "end the scope earlier, so that fewer launches are in it; use smaller blocks",
    ),
    Code("VIEW", "an operation of MLX is between the launches", "index the array in the kernel"),
    Code(
        "ADDRESSES",
        "a kernel uses addresses as numbers: which arrays it reads and writes is not known",
        "pass arrays and offsets into them, or keep the launch out of the scope",
    ),
    Code("EAGER", "arrays of this kind are changed at once", "pass mx.arrays"),
)
CODES: dict[str, Code] = {code.name: code for code in _TABLE}
# What joins launches; every other code says why they stay apart.
RULES = frozenset({"EPILOGUE", "PROLOGUE", "PROGRAM", "SIBLING"})


class Refusal(Exception):
    """Two launches stay apart. `code` is in CODES, `what` says what was found here."""

    def __init__(self, code: str, what: str = ""):
        assert code in CODES, code
        self.code, self.what = code, what or CODES[code].meaning
        super().__init__(f"{code}: {self.what}")
