"""The table of operations: one row each. Everything that asks "what kind of op is this" asks here.

kinds
  elementwise  one result element from the elements at the same place
  index        elementwise or shape-like, and known without memory: recomputed where used, never stored
  shape        relabels or replicates elements (splat, broadcast, transpose ...)
  memory       reads or writes device memory; keeps program order
  combine      reduce and scan: owns a combine region
  dot          matrix product
  gather       elements of one tile picked by another tile of indices
  control      owns child graphs that run zero or more times
  effect       barrier, assert, print
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .graph import Node


@dataclass(frozen=True, slots=True)
class OpRow:
    """`arity`: number of inputs, or None where it varies. `same`: inputs and results share one shape."""

    name: str
    kind: str
    arity: int | None
    cost: int = 1  # relative cost of computing one element: a multiply is 1


def _rows(kind: str, arity: int | None, names: str, cost: int = 1) -> list[OpRow]:
    return [OpRow(name, kind, arity, cost) for name in names.split()]


_TABLE: list[OpRow] = [
    *_rows("elementwise", 2, "add sub mul and or xor shl shr_s shr_u max_s max_u min_s min_u"),
    *_rows("elementwise", 2, "maxnum minnum maximum minimum mulhi_u cmp"),
    *_rows("elementwise", 2, "div div_s div_u rem_f rem_s rem_u precise_div", cost=8),
    *_rows(
        "elementwise", 1, "neg abs_f abs_i not ext_s ext_u trunc fcast s_to_f u_to_f f_to_s f_to_u"
    ),
    *_rows("elementwise", 1, "bitcast floor ceil"),
    *_rows("elementwise", 1, "sqrt rsqrt precise_sqrt exp exp2 log log2 sin cos tanh erf", cost=8),
    *_rows("elementwise", 1, "exp10 expm1 log10 log1p tan sinh cosh asin acos atan", cost=16),
    *_rows("elementwise", 1, "asinh acosh atanh", cost=16),
    *_rows("elementwise", 1, "trunc_f rint round isnan isinf isfinite"),
    *_rows("elementwise", 2, "pow atan2", cost=16),
    *_rows("elementwise", 2, "copysign"),
    *_rows("elementwise", 3, "select fma clamp"),
    *_rows("index", 0, "const program_id num_programs range"),
    *_rows("index", 1, "address"),
    *_rows("elementwise", 1, "ptr_to_int int_to_ptr"),
    *_rows("shape", 1, "splat broadcast expand_dims reshape trans"),
    *_rows("elementwise", 2, "addptr"),
    *_rows("memory", None, "load store atomic_rmw atomic_cas"),
    *_rows("combine", None, "reduce scan"),
    *_rows("gather", 2, "gather"),
    *_rows("dot", 3, "dot"),
    *_rows("control", None, "for while if"),
    *_rows("effect", None, "barrier print assert"),
]
OPS: dict[str, OpRow] = {row.name: row for row in _TABLE}

WRITES = frozenset({"store", "atomic_rmw", "atomic_cas"})
READS = frozenset({"load", "atomic_rmw", "atomic_cas"})


def start_of(number: int) -> int:
    """Where array `number` starts in a memory that is only thought of: aligned, and far from the others."""
    return (number + 1) << 44


def kind(node: Node) -> str:
    return OPS[node.op].kind


def is_kind(*kinds: str) -> Callable[[Node], bool]:
    return lambda node: OPS[node.op].kind in kinds


def has_effect(node: Node) -> bool:
    """True if the node must stay although nobody uses its results."""
    row = OPS[node.op]
    if row.kind == "control":
        return node.op == "while" or any(has_effect(n) for r in node.regions for n in r)
    return node.op in WRITES or row.kind == "effect" or bool(node.attr("volatile"))


def touches_memory(node: Node) -> bool:
    if OPS[node.op].kind == "control":
        return any(touches_memory(n) for r in node.regions for n in r)
    return OPS[node.op].kind in ("memory", "effect")
