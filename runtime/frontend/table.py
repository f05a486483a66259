"""The table of operations: of each, what its operands and results may be, and what else must hold.

A row is data; the words it uses are in constraints.py and regions.py. What no row names is taken as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import constraints as c
from . import regions as r
from .constraints import Rule

Kinds = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """`operands`, `results`: keys of constraints.KINDS; the last stands for all further ones.

    `rules` are asked in order. `inner` are asked after the regions have been checked.
    """

    operands: Kinds = ("any",)
    results: Kinds = ("any",)
    rules: tuple[Rule, ...] = ()
    inner: tuple[Rule, ...] = ()


def _alike(kind: str, *names: str) -> dict[str, Row]:
    row = Row((kind,), (kind,), (c.same_type,))
    return dict.fromkeys(names, row)


_INTEGERS = ("addi", "subi", "muli", "divsi", "divui", "remsi", "remui", "andi", "ori", "xori")
_MORE_INTEGERS = ("shli", "shrsi", "shrui", "maxsi", "maxui", "minsi", "minui")
_FLOATS = ("addf", "subf", "mulf", "divf", "remf", "negf")
_MORE_FLOATS = ("maxnumf", "minnumf", "maximumf", "minimumf")
_MATH = ("sqrt", "rsqrt", "ceil", "floor", "exp", "exp2", "log", "log2", "sin", "cos", "erf")
_MORE_MATH = ("absf", "fma")


def _cast(source: str, result: str, *rules: Rule) -> Row:
    return Row((source,), (result,), (c.same_dimensions, *rules))


ROWS: dict[str, Row] = {
    # arith and math
    **_alike("bits-like", *(f"arith.{n}" for n in (*_INTEGERS, *_MORE_INTEGERS))),
    **_alike("float-like", *(f"arith.{n}" for n in (*_FLOATS, *_MORE_FLOATS))),
    **_alike("float-like", *(f"math.{n}" for n in (*_MATH, *_MORE_MATH))),
    **_alike("int-like", "math.absi"),
    "arith.cmpi": Row(("bits-like",), ("bool-like",), (c.same_operands,)),
    "arith.cmpf": Row(("float-like",), ("bool-like",), (c.same_operands,)),
    "arith.select": Row(("bool-like", "any"), ("any",), (c.select_types,)),
    "arith.extsi": _cast("fixed-like", "fixed-like", c.widens),
    "arith.extui": _cast("fixed-like", "fixed-like", c.widens),
    "arith.trunci": _cast("fixed-like", "fixed-like", c.narrows),
    "arith.extf": _cast("float-like", "float-like", c.widens),
    "arith.truncf": _cast("float-like", "float-like", c.narrows),
    "arith.sitofp": _cast("fixed-like", "float-like"),
    "arith.uitofp": _cast("fixed-like", "float-like"),
    "arith.fptosi": _cast("float-like", "fixed-like"),
    "arith.fptoui": _cast("float-like", "fixed-like"),
    "arith.bitcast": _cast("any", "any", c.same_width),
    # element by element
    **_alike("float", "tt.precise_divf", "tt.approx_divf", "tt.precise_sqrt", "tt.clampf"),
    **_alike("int", "tt.mulhiui"),
    "tt.addptr": Row(("ptr", "int"), ("ptr",), (c.result_like_first, c.elementwise, c.same_shape)),
    "tt.bitcast": Row(rules=(c.elementwise, c.same_shape, c.bitcast_width)),
    "tt.fp_to_fp": Row(("float",), ("float",), (c.elementwise, c.same_shape, c.rounds)),
    "tt.ptr_to_int": Row(("ptr",), ("i64",), (c.elementwise, c.same_shape)),
    "tt.int_to_ptr": Row(("i64",), ("ptr",), (c.elementwise, c.same_shape)),
    "tt.extern_elementwise": Row(rules=(c.elementwise,)),
    "tt.elementwise_inline_asm": Row(rules=(c.elementwise,)),
    "tt.map_elementwise": Row(rules=(c.same_shape,)),
    "tt.assert": Row(("condition",)),
    # tiles
    "tt.make_range": Row((), ("int-tile",), (c.range_length,)),
    "tt.splat": Row(("any",), ("tile",), (c.same_element,)),
    "tt.unsplat": Row(("tile",), ("any",), (c.one_element,)),
    "tt.broadcast": Row(("tile",), ("tile",), (c.same_element, c.broadcast_shape)),
    "tt.expand_dims": Row(("tile",), ("tile",), (c.same_element,)),
    "tt.reshape": Row(("tile",), ("tile",), (c.same_element, c.reshape_count)),
    "tt.trans": Row(("tile",), ("tile",), (c.same_element,)),
    "tt.cat": Row(("tile",), ("tile",), (c.same_operands,)),
    "tt.join": Row(rules=(c.same_operands,)),
    "tt.gather": Row(("tile", "int-tile"), ("tile",), (c.gather_shapes,)),
    "tt.histogram": Row(("int-tile", "mask"), ("int-tile",), (c.mask_like_source,)),
    "tt.dot": Row(("tile",), ("tile",), (c.dot_shapes,)),
    "tt.reduce": Row(("tile",), ("any",), (c.same_operand_shape,), (c.combine_region,)),
    "tt.scan": Row(("tile",), ("tile",), (c.same_operand_shape,), (c.combine_region,)),
    # memory
    "tt.load": Row(("ptr", "mask", "any"), ("any",), (c.load_types, c.cache_policy)),
    "tt.store": Row(("ptr", "any", "mask"), (), (c.store_types, c.cache_policy)),
    "tt.atomic_rmw": Row(("ptr", "any", "mask"), ("any",), (c.rmw_types,)),
    "tt.atomic_cas": Row(("ptr", "any", "any"), ("any",), (c.cas_types,)),
    "tt.descriptor_load": Row(("desc", "any"), ("tile",)),
    # control flow
    "scf.for": Row(("index", "index", "index", "any"), ("any",), (r.for_types,), (r.for_yields,)),
    "scf.if": Row(("flag",), ("any",), (), (r.if_yields,)),
    "scf.while": Row(inner=(r.while_flows,)),
    "scf.condition": Row(("flag", "any")),
    "cf.br": Row(rules=(r.branch_types,)),
    "cf.cond_br": Row(("flag", "any"), (), (r.branch_types,)),
    "tt.return": Row(rules=(r.return_types,)),
    "tt.call": Row(rules=(r.call_types,)),
}
