"""Recorded operations → Graph. What no row here knows is refused with its place in the user's kernel."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .compose import Compose
from .errors import Loc, UnsupportedOperation
from .expand import EXPANSIONS
from .flow import Flow
from .graph import Function, Graph, GraphBuilder, Parameter, Value, substitute_graph
from .literals import integer, integers, number, type_of
from .mlir import Block, Operation, parse
from .ops import OPS

# MLIR name → our op, for operations whose operands, results and meaning carry over as they are.
_SAME: dict[str, str] = {
    **{
        f"arith.{a}": b
        for a, b in {
            "addi": "add",
            "addf": "add",
            "subi": "sub",
            "subf": "sub",
            "muli": "mul",
            "mulf": "mul",
            "divf": "div",
            "divsi": "div_s",
            "divui": "div_u",
            "remf": "rem_f",
            "remsi": "rem_s",
            "remui": "rem_u",
            "andi": "and",
            "ori": "or",
            "xori": "xor",
            "shli": "shl",
            "shrsi": "shr_s",
            "shrui": "shr_u",
            "maxsi": "max_s",
            "maxui": "max_u",
            "minsi": "min_s",
            "minui": "min_u",
            "maxnumf": "maxnum",
            "minnumf": "minnum",
            "maximumf": "maximum",
            "minimumf": "minimum",
            "negf": "neg",
            "select": "select",
            "extsi": "ext_s",
            "extui": "ext_u",
            "trunci": "trunc",
            "extf": "fcast",
            "truncf": "fcast",
            "sitofp": "s_to_f",
            "uitofp": "u_to_f",
            "fptosi": "f_to_s",
            "fptoui": "f_to_u",
            "bitcast": "bitcast",
        }.items()
    },
    **{
        f"math.{a}": a
        for a in (
            "exp",
            "exp2",
            "log",
            "log2",
            "sin",
            "cos",
            "tanh",
            "erf",
            "sqrt",
            "rsqrt",
            "floor",
            "ceil",
            "fma",
        )
    },
    "math.absf": "abs_f",
    "math.absi": "abs_i",
    "tt.bitcast": "bitcast",
    "tt.mulhiui": "mulhi_u",
    "tt.precise_sqrt": "precise_sqrt",
    "tt.precise_divf": "precise_div",
    "tt.splat": "splat",
    "tt.broadcast": "broadcast",
    "tt.reshape": "reshape",
    "tt.addptr": "addptr",
    "tt.ptr_to_int": "ptr_to_int",
    "tt.int_to_ptr": "int_to_ptr",
    "tt.unsplat": "reshape",
}
_INT_PREDICATES = ("eq", "ne", "slt", "sle", "sgt", "sge", "ult", "ule", "ugt", "uge")
_FLOAT_PREDICATES = (
    "false",
    "oeq",
    "ogt",
    "oge",
    "olt",
    "ole",
    "one",
    "ord",
    "ueq",
    "ugt",
    "uge",
    "ult",
    "ule",
    "une",
    "uno",
    "true",
)
_RMW = {
    1: "and",
    2: "or",
    3: "xor",
    4: "add",
    5: "fadd",
    6: "max",
    7: "min",
    8: "umax",
    9: "umin",
    10: "xchg",
}
# Operations that only pass information to other back ends.
_IGNORED = frozenset({"llvm.intr.assume"})


def lift(text: str) -> Function:
    """The kernel in `text` (generic-form MLIR with locations) as a Function.

    Raises UnsupportedOperation or UnsupportedType with the line of the user's kernel, and
    IRFormatError if the text is not what a tested Triton prints.
    """
    return lift_module(parse(text))


def lift_module(module: Operation) -> Function:
    """As `lift`, of operations that were never text."""
    functions = {
        op.attrs["sym_name"].strip('"'): op
        for op in module.regions[0][0].operations
        if op.name == "tt.func"
    }
    func = next(f for f in functions.values() if '"public"' in f.attrs.get("sym_visibility", ""))
    entry = func.regions[0][0]
    ids = itertools.count()
    types = [type_of(text, func.loc) for _, text, _ in entry.args]
    builder = GraphBuilder(ids, types, func.loc)
    scope = dict(zip((name for name, _, _ in entry.args), builder.args))
    Flow(_Lifter(ids, functions), func.regions[0]).follow(entry, builder, scope, frozenset())
    parameters = tuple(
        Parameter(name[1:], t, d)
        for (name, _, _), t, d in zip(entry.args, types, _divisibility(func, len(types)))
    )
    contracts = not module.attrs.get("contracts", "1").startswith("0")
    name = func.attrs["sym_name"].strip('"')
    return Function(name, parameters, builder.build(), func.loc, contracts)


def _divisibility(func: Operation, count: int) -> list[int]:
    text = func.attrs.get("arg_attrs", "")
    found = re.findall(r"\{([^{}]*)\}", text)
    if len(found) != count:
        return [1] * count
    numbers = [re.search(r"tt\.divisibility = (\d+)", f) for f in found]
    return [int(n[1]) if n else 1 for n in numbers]


def _refusal(op: Operation, detail: str = "") -> UnsupportedOperation:
    what = f"{op.name}" + (f": {detail}" if detail else "")
    return UnsupportedOperation(
        what,
        where=op.loc,
        why="it is not lowered yet",
        hint="docs/refusals.md lists what is supported",
    )


class _Lifter:
    """Lifts blocks. `functions`: those that may be called; `calls`: those that are being lifted.

    `at`: the user's line for all that is lifted, which in a called function is that of the call.
    """

    def __init__(
        self,
        ids: Iterator[int],
        functions: Mapping[str, Operation],
        calls: frozenset[str] = frozenset(),
        at: Loc | None = None,
    ):
        self.ids, self.functions, self.calls, self.at = ids, functions, calls, at
        self.constants: dict[Value, int | float | bool] = {}

    def block(
        self, block: Block, builder: GraphBuilder, scope: dict[str, Value]
    ) -> tuple[Value, ...]:
        """Lift all operations; the terminator's operands are the block's outputs."""
        *operations, last = block.operations
        if last.name not in _TERMINATORS:
            raise _refusal(last)
        self.straight(operations, builder, scope)
        return tuple(scope[o] for o in last.operands)

    def straight(
        self, operations: Sequence[Operation], builder: GraphBuilder, scope: dict[str, Value]
    ) -> None:
        """Lift operations that follow each other; `scope` learns their results."""
        for op in operations:
            if op.name not in _IGNORED:
                op = op if self.at is None else replace(op, loc=self.at)
                outputs = self.operation(op, builder, scope)
                scope.update(zip(op.results, outputs, strict=True))

    def builder(self) -> GraphBuilder:
        """For a child graph without arguments."""
        return GraphBuilder(self.ids)

    def region(self, blocks: list[Block], scope: Mapping[str, Value], loc: Loc) -> Graph:
        if not blocks or not blocks[0].operations:
            return GraphBuilder(self.ids).build()
        if len(blocks) != 1:
            raise _refusal(blocks[0].operations[-1], "unstructured control flow")
        types = [type_of(text, loc) for _, text, _ in blocks[0].args]
        names = tuple(place.name for _, _, place in blocks[0].args)
        builder = GraphBuilder(self.ids, types, loc, names=names)
        inner = dict(scope)
        inner.update(zip((name for name, _, _ in blocks[0].args), builder.args))
        return builder.build(self.block(blocks[0], builder, inner))

    def operation(
        self, op: Operation, builder: GraphBuilder, scope: dict[str, Value]
    ) -> tuple[Value, ...]:
        inputs = tuple(scope[o] for o in op.operands)
        types = tuple(type_of(t, op.loc) for t in op.result_types)
        if op.name in _SAME:
            return builder.add(_SAME[op.name], inputs, types, loc=op.loc).outputs
        if op.name in EXPANSIONS:
            return EXPANSIONS[op.name](Compose(builder, op.loc), op, inputs, types)
        if op.name == "tt.call":
            return self._call(op, inputs, builder)
        if op.name == "tt.map_elementwise":
            return _map_elementwise(self, op, inputs, builder, scope)
        rule = _SPECIAL.get(op.name)
        if rule is None:
            raise _refusal(op)
        name, attrs = rule(op, inputs)
        regions = [self.region(r, scope, op.loc) for r in op.regions]
        if name in ("reduce", "scan"):
            regions = [self._closed(op, r) for r in regions]
        made = builder.add(name, inputs, types, attrs, regions, op.loc)
        if name == "const":
            self.constants[made.result] = attrs["value"]
        return made.outputs

    def _closed(self, op: Operation, region: Graph) -> Graph:
        """A combine region with constants of its own in place of those from outside."""
        free = region.free_values()
        if not free:
            return region
        builder = GraphBuilder(self.ids, args_node=region.args_node)
        mapping: dict[Value, Value] = {}
        for value in free:
            if value not in self.constants:
                raise _refusal(op, "a combine function that uses values from outside")
            number = {"value": self.constants[value]}
            mapping[value] = builder.add("const", (), (value.type,), number).result
        for node in substitute_graph(region, mapping):
            builder.append(node)
        return builder.build(mapping.get(v, v) for v in region.outputs)

    def _call(
        self, op: Operation, inputs: tuple[Value, ...], builder: GraphBuilder
    ) -> tuple[Value, ...]:
        """The called function in place: Metal and C++ inline it anyway."""
        name = op.attrs["callee"].lstrip("@").strip('"')
        func = self.functions.get(name)
        if func is None or name in self.calls:
            raise _refusal(op, f"a function that calls itself, {name}" if func else name)
        blocks = func.regions[0]
        scope = dict(zip((arg for arg, _, _ in blocks[0].args), inputs, strict=True))
        flow = self.flow(blocks, self.calls | {name}, op.loc)
        return flow.follow(blocks[0], builder, scope, frozenset())

    def flow(self, blocks: list[Block], calls: frozenset[str], at: Loc) -> Flow:
        """For the blocks of a called function."""
        return Flow(_Lifter(self.ids, self.functions, calls, at), blocks)


class _PerElement(_Lifter):
    """Lifts scalar code of a region so that it works on tiles of `shape`, element by element."""

    def __init__(
        self,
        outer: _Lifter,
        shape: tuple[int, ...],
        calls: frozenset[str] | None = None,
        at: Loc | None = None,
    ):
        super().__init__(outer.ids, outer.functions, calls or outer.calls, at or outer.at)
        self.shape = shape

    def flow(self, blocks: list[Block], calls: frozenset[str], at: Loc) -> Flow:
        return Flow(_PerElement(self, self.shape, calls, at), blocks, self.shape)

    def operation(
        self, op: Operation, builder: GraphBuilder, scope: dict[str, Value]
    ) -> tuple[Value, ...]:
        words = Compose(builder, op.loc)
        for operand in op.operands:
            scope[operand] = words.broadcast(scope[operand], self.shape)
        if op.name == "scf.if":
            return self._if(op, builder, scope)
        inputs = tuple(scope[o] for o in op.operands)
        if op.name == "tt.call":
            return self._call(op, inputs, builder)
        types = tuple(type_of(t, op.loc).with_shape(self.shape) for t in op.result_types)
        name: str = _SAME.get(op.name, "")
        attrs: dict[str, Any] = {}
        if not name and op.name in _SPECIAL:
            name, attrs = _SPECIAL[op.name](op, inputs)
        if not name or OPS[name].kind not in ("elementwise", "index") or op.regions:
            raise _refusal(op, "inside tl.map_elementwise")
        return builder.add(name, inputs, types, attrs, loc=op.loc).outputs

    def _if(
        self, op: Operation, builder: GraphBuilder, scope: dict[str, Value]
    ) -> tuple[Value, ...]:
        words = Compose(builder, op.loc)
        condition = scope[op.operands[0]]
        results = [
            self.block(r[0], builder, dict(scope)) if r and r[0].operations else ()
            for r in op.regions
        ]
        return words.choose(condition, results[0], results[1], self.shape)


def _map_elementwise(
    lifter: _Lifter,
    op: Operation,
    inputs: tuple[Value, ...],
    builder: GraphBuilder,
    scope: dict[str, Value],
) -> tuple[Value, ...]:
    """The region on whole tiles: `pack` neighbouring elements of each operand are its arguments."""
    words, pack = Compose(builder, op.loc), integer(op, "pack")
    outer = inputs[0].type.shape
    shape = (*outer[:-1], outer[-1] // pack)
    parts: list[Value] = []
    for value in inputs:
        split = words.reshape(value, (*shape, pack)) if pack > 1 else value
        parts += [words.pick(split, len(outer), k) for k in range(pack)] if pack > 1 else [value]
    blocks = op.regions[0]
    inner = dict(scope)
    inner.update(zip((name for name, _, _ in blocks[0].args), parts, strict=True))
    found = Flow(_PerElement(lifter, shape), blocks, shape).follow(
        blocks[0], builder, inner, frozenset()
    )
    found = tuple(words.broadcast(v, shape) for v in found)
    if pack == 1:
        return found
    groups = [found[k : k + pack] for k in range(0, len(found), pack)]
    return tuple(words.reshape(words.stack(g, len(outer)), outer) for g in groups)


_TERMINATORS = frozenset(
    {"tt.return", "scf.yield", "scf.condition", "tt.reduce.return", "tt.scan.return"}
)
_Rule = Callable[[Operation, tuple[Value, ...]], tuple[str, dict[str, Any]]]


def _constant(op: Operation, inputs: tuple[Value, ...]) -> tuple[str, dict[str, Any]]:
    found = type_of(op.result_types[0], op.loc)
    text = op.attrs["value"]
    dense = re.match(r"dense<(.*)>\s*:", text)
    literal = dense[1] if dense else text.split(" : ")[0].strip()
    if literal.startswith(("[", '"')):
        raise _refusal(op, "a constant tile with different elements")
    return "const", {"value": number(literal, found.scalar, op.loc)}


def _cmp(op: Operation, inputs: tuple[Value, ...]) -> tuple[str, dict[str, Any]]:
    names = _FLOAT_PREDICATES if op.name == "arith.cmpf" else _INT_PREDICATES
    return "cmp", {"predicate": names[integer(op, "predicate")]}


def _load(op: Operation, inputs: tuple[Value, ...]) -> tuple[str, dict[str, Any]]:
    return "load", {"volatile": True} if op.attrs.get("isVolatile") == "true" else {}


def _rmw(op: Operation, inputs: tuple[Value, ...]) -> tuple[str, dict[str, Any]]:
    code = integer(op, "atomic_rmw_op")
    if code not in _RMW:
        raise _refusal(op, f"atomic operation {code}")
    if _RMW[code] in ("and", "or", "xor") and inputs[1].type.is_float:
        raise _refusal(op, f"atomic {_RMW[code]} of floats")
    return "atomic_rmw", {"kind": _RMW[code]}


def _extern(op: Operation, inputs: tuple[Value, ...]) -> tuple[str, dict[str, Any]]:
    """A library function; runtime/libdevice.py names operations of ours as its symbols."""
    symbol = op.attrs["symbol"].strip('"')
    if symbol not in OPS or OPS[symbol].kind != "elementwise":
        raise _refusal(op, f"library function {symbol}")
    return symbol, {}


def _fp_to_fp(op: Operation, inputs: tuple[Value, ...]) -> tuple[str, dict[str, Any]]:
    # RoundingMode::RTZ is 0, RTNE is 1 (Triton's TritonAttrDefs.td).
    if "rounding" in op.attrs and integer(op, "rounding") == 0:
        return "fcast", {"rounding": "rtz"}
    return "fcast", {}


def _clamp(op: Operation, inputs: tuple[Value, ...]) -> tuple[str, dict[str, Any]]:
    # PropagateNan::NONE is 0, ALL is 0xFFFF (Triton's TritonAttrDefs.td).
    return "clamp", {"propagate_nan": integer(op, "propagateNan") != 0}


def _scan(op: Operation, inputs: tuple[Value, ...]) -> tuple[str, dict[str, Any]]:
    reverse = op.attrs.get("reverse", "false").startswith("true")
    return "scan", {"axis": integer(op, "axis"), "reverse": reverse}


def _for(op: Operation, inputs: tuple[Value, ...]) -> tuple[str, dict[str, Any]]:
    name = "tt.loop_unroll_factor"
    factor = integer(op, name) if name in op.attrs else 1
    return "for", {"unroll": factor} if factor > 1 else {}


def _plain(name: str, **integers: str) -> _Rule:
    return lambda op, inputs: (name, {k: integer(op, v) for k, v in integers.items()})


_SPECIAL: dict[str, _Rule] = {
    "arith.constant": _constant,
    "arith.cmpi": _cmp,
    "arith.cmpf": _cmp,
    "tt.get_program_id": _plain("program_id", axis="axis"),
    "tt.get_num_programs": _plain("num_programs", axis="axis"),
    "tt.make_range": _plain("range", start="start", end="end"),
    "tt.expand_dims": _plain("expand_dims", axis="axis"),
    "tt.trans": lambda op, inputs: ("trans", {"order": integers(op, "order")}),
    "tt.load": _load,
    "tt.store": _plain("store"),
    "tt.atomic_rmw": _rmw,
    "tt.atomic_cas": _plain("atomic_cas"),
    "tt.reduce": _plain("reduce", axis="axis"),
    "tt.gather": _plain("gather", axis="axis"),
    "tt.scan": _scan,
    "tt.clampf": _clamp,
    "tt.fp_to_fp": _fp_to_fp,
    "tt.extern_elementwise": _extern,
    "scf.for": _for,
    "scf.while": _plain("while"),
    "scf.if": _plain("if"),
    "ttg.barrier": _plain("barrier"),
    "gpu.barrier": _plain("barrier"),
}
