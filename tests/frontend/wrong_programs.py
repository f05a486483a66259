"""Programs for the IR builder that are wrong: each builds one operation that MLIR must refuse.

They use nothing but the builder, so that Triton's native one and the stand-in can both run them.
`python wrong_programs.py native|python [NAME ...]` prints, as lines of JSON, what each said.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

Build = Callable[..., Any]
_SCALARS = {"i1": "int1", "i8": "int8", "i16": "int16", "i32": "int32", "i64": "int64"}
_SCALARS |= {"f16": "half", "bf16": "bf16", "f32": "float", "f64": "double"}


@dataclass(frozen=True, slots=True)
class Program:
    """`types`: of the kernel's parameters ("i32", "f32*", "<4x8xf32>"), which `build` gets as values."""

    types: tuple[str, ...]
    build: Build


class Scope:
    """A module with a kernel, and a builder at the start of it."""

    def __init__(self, ir: ModuleType, types: Sequence[str]):
        self.ir: Any = ir
        self.context = ir.context()
        ir.load_dialects(self.context)
        self.b = ir.builder(self.context)
        self.b.set_loc("kernel.py", 1, 1)
        self.module = self.b.create_module()
        self.entry = self.function("kernel", types, (), "public")
        self.b.set_insertion_point_to_start(self.entry)
        self.b.set_loc("kernel.py", 7, 3)

    def type(self, text: str) -> Any:
        if text.endswith("*"):
            return self.b.get_ptr_ty(self.type(text[:-1]), "global")
        if text.startswith("<"):
            *shape, elem = text[1:-1].split("x")
            return self.b.get_block_ty(self.type(elem), [int(n) for n in shape])
        return getattr(self.b, f"get_{_SCALARS[text]}_ty")()

    def function(
        self, name: str, inputs: Sequence[str], outputs: Sequence[str], visibility: str
    ) -> Any:
        """The entry block of a new function; made by a builder that is nowhere else."""
        alone = self.ir.builder(self.context)
        alone.set_loc("kernel.py", 1, 1)
        kinds = [self.type(t) for t in inputs], [self.type(t) for t in outputs]
        kind = alone.get_function_ty(*kinds)
        made = alone.get_or_insert_function(self.module, name, kind, visibility, False)
        self.module.push_back(made)
        setattr(self, name, made)
        return made.add_entry_block()

    def back(self) -> None:
        self.b.set_insertion_point_to_end(self.entry)

    def order(self) -> tuple[Any, Any]:
        return self.ir.MEM_SEMANTIC.RELAXED, self.ir.MEM_SYNC_SCOPE.GPU

    def policy(self) -> Any:
        return self.b.get_cache_policy("none", "evict_normal")


def _method(name: str, *types: str) -> Program:
    return Program(types, lambda s, *values: getattr(s.b, f"create_{name}")(*values))


def _cast(name: str, source: str, result: str) -> Program:
    return Program((source,), lambda s, v: getattr(s.b, f"create_{name}")(v, s.type(result)))


def _reduce(s: Scope, values: Sequence[Any], kinds: Sequence[str], returned: Build) -> None:
    made = s.b.create_reduce(list(values), 0)
    block = s.b.create_block_with_parent(made.get_region(0), [s.type(k) for k in kinds])
    s.b.create_reduce_ret(*returned(*[block.arg(k) for k in range(len(kinds))]))
    s.back()


def _scan(s: Scope, value: Any, kinds: Sequence[str], returned: Build) -> None:
    made = s.b.create_scan([value], 0, False)
    block = s.b.create_block_with_parent(made.get_region(0), [s.type(k) for k in kinds])
    s.b.create_scan_ret(*returned(*[block.arg(k) for k in range(len(kinds))]))
    s.back()


def _for(s: Scope, bounds: Sequence[Any], carried: Sequence[Any], yielded: Sequence[Any]) -> None:
    made = s.b.create_for_op(*bounds, list(carried))
    s.b.set_insertion_point_to_end(made.get_body(0))
    if carried:
        s.b.create_yield_op(list(yielded))
    s.back()


def _if(s: Scope, condition: Any, kind: str, then: Sequence[Any], other: Sequence[Any]) -> None:
    made = s.b.create_if_op([s.type(kind)], condition, True)
    for block, values in ((made.get_then_block(), then), (made.get_else_block(), other)):
        s.b.set_insertion_point_to_end(block)
        s.b.create_yield_op(list(values))
    s.back()


def _no_else(s: Scope, condition: Any, value: Any) -> None:
    made = s.b.create_if_op([s.type("f32")], condition, False)
    s.b.set_insertion_point_to_end(made.get_then_block())
    s.b.create_yield_op([value])
    s.back()


def _while(s: Scope, condition: Any, value: Any, passed: Any = None, yielded: Any = None) -> None:
    kinds = [value.get_type()]
    made = s.b.create_while_op(kinds, [value])
    before = s.b.create_block_with_parent(made.get_before(), kinds)
    s.b.create_condition_op(condition, [passed or before.arg(0)])
    after = s.b.create_block_with_parent(made.get_after(), kinds)
    s.b.create_yield_op([yielded or after.arg(0)])
    s.back()


def _branch(s: Scope, value: Any, kinds: Sequence[str]) -> None:
    other = s.b.create_block_with_parent(s.entry.get_parent(), [s.type(k) for k in kinds])
    s.b.ret([])
    s.back()
    s.b.create_branch(other, [value])


def _call(s: Scope, value: Any, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    body = s.function("callee", inputs, outputs, "private")
    s.b.set_insertion_point_to_start(body)
    s.b.ret([body.arg(0)] if outputs else [])
    s.back()
    s.b.call(s.callee, [value])  # type: ignore[attr-defined]


def _no_end(s: Scope) -> None:
    s.b.create_block()
    s.b.get_int32(3)
    s.back()


def _early_end(s: Scope) -> None:
    s.b.ret([])
    s.b.get_int32(3)


def _from_inside(s: Scope, condition: Any, value: Any) -> None:
    made = s.b.create_if_op([], condition, False)
    s.b.set_insertion_point_to_start(made.get_then_block())
    inner = s.b.create_fadd(value, value)
    s.back()
    s.b.create_fadd(inner, inner)


def _dot(*types: str) -> Program:
    return Program(types, lambda s, *v: s.b.create_dot(*v, s.ir.INPUT_PRECISION.IEEE, 0))


def _load(*types: str) -> Program:
    def build(s: Scope, pointer: Any, mask: Any, other: Any = None) -> None:
        s.b.create_masked_load(pointer, mask, other, s.policy(), False)

    return Program(types, build)


def _store(*types: str) -> Program:
    def build(s: Scope, pointer: Any, value: Any, *mask: Any) -> None:
        method = s.b.create_masked_store if mask else s.b.create_store
        method(pointer, value, *mask, s.policy())

    return Program(types, build)


def _rmw(kind: str, *types: str) -> Program:
    return Program(types, lambda s, *v: s.b.create_atomic_rmw(s.ir.ATOMIC_OP[kind], *v, *s.order()))


def _cas(*types: str) -> Program:
    return Program(types, lambda s, *v: s.b.create_atomic_cas(*v, *s.order()))


def _clamp(*types: str) -> Program:
    return Program(types, lambda s, *v: s.b.create_clampf(*v, s.ir.PROPAGATE_NAN.NONE))


def _range(kind: str, start: int, end: int) -> Program:
    return Program((), lambda s: s.b.create_make_range(s.type(kind), start, end))


WRONG: dict[str, Program] = {
    "addf of integers": _method("fadd", "i32", "i32"),
    "addf of two types": _method("fadd", "f32", "f16"),
    "addf of two shapes": _method("fadd", "<4xf32>", "<8xf32>"),
    "subf of a number and a tile": _method("fsub", "f32", "<4xf32>"),
    "mulf of integers": _method("fmul", "<4xi32>", "<4xi32>"),
    "divf of two types": _method("fdiv", "f32", "f64"),
    "addi of floats": _method("add", "f32", "f32"),
    "addi of two types": _method("add", "i32", "i64"),
    "addi of pointers": _method("add", "f32*", "f32*"),
    "muli of float tiles": _method("mul", "<4xf32>", "<4xf32>"),
    "andi of floats": _method("and", "f32", "f32"),
    "shli of two types": _method("shl", "i32", "i64"),
    "divsi of floats": _method("sdiv", "f32", "f32"),
    "remui of two types": _method("urem", "i8", "i16"),
    "minsi of floats": _method("minsi", "f32", "f32"),
    "fma of two types": _method("fma", "f32", "f32", "f16"),
    "exp of an integer": _method("exp", "i32"),
    "sqrt of an integer tile": _method("sqrt", "<4xi32>"),
    "absi of a float": _method("iabs", "f32"),
    "absf of an integer": _method("fabs", "i32"),
    "negf of an integer": _method("fneg", "i32"),
    "mulhi of floats": _method("umulhi", "f32", "f32"),
    "mulhi of two types": _method("umulhi", "i32", "i64"),
    "precise division of two types": _method("precise_divf", "f32", "f64"),
    "precise division of integers": _method("precise_divf", "i32", "i32"),
    "precise root of an integer": _method("precise_sqrt", "i32"),
    "cmpi of floats": _method("icmpSLT", "f32", "f32"),
    "cmpi of two types": _method("icmpSLT", "i32", "i64"),
    "cmpi of pointers": _method("icmpEQ", "f32*", "f32*"),
    "cmpf of integers": _method("fcmpOLT", "i32", "i32"),
    "cmpf of two types": _method("fcmpOLT", "f32", "f64"),
    "select by an integer": _method("select", "i32", "f32", "f32"),
    "select of two types": _method("select", "i1", "f32", "f64"),
    "select by another shape": _method("select", "<4xi1>", "<8xf32>", "<8xf32>"),
    "pointer plus float": _method("addptr", "f32*", "f32"),
    "pointers plus another shape": _method("addptr", "<4xf32*>", "<8xi32>"),
    "integer plus integer as a pointer": _method("addptr", "i32", "i32"),
    "pointers plus a number": _method("addptr", "<4xf32*>", "i32"),
    "cat of two types": _method("cat", "<4xf32>", "<4xf16>"),
    "join of two types": _method("join", "<4xf32>", "<4xf16>"),
    "sitofp of a float": _cast("si_to_fp", "f32", "f64"),
    "sitofp to an integer": _cast("si_to_fp", "i32", "i64"),
    "sitofp to another shape": _cast("si_to_fp", "<4xi32>", "<8xf32>"),
    "fptosi of an integer": _cast("fp_to_si", "i32", "i32"),
    "fptoui to a float": _cast("fp_to_ui", "f32", "f32"),
    "extf to less": _cast("fp_ext", "f32", "f16"),
    "extf to the same": _cast("fp_ext", "f32", "f32"),
    "extf of an integer": _cast("fp_ext", "i16", "f32"),
    "truncf to more": _cast("fp_trunc", "f16", "f32"),
    "truncf of a tile to a number": _cast("fp_trunc", "<4xf32>", "f16"),
    "bitcast to more bits": _cast("bitcast", "f32", "i64"),
    "bitcast to another shape": _cast("bitcast", "<4xf32>", "<8xi32>"),
    "pointer to 32 bits": _cast("ptr_to_int", "f32*", "i32"),
    "pointer to float": _cast("ptr_to_int", "f32*", "f64"),
    "integer to integer as of a pointer": _cast("ptr_to_int", "i32", "i64"),
    "32 bits to pointer": _cast("int_to_ptr", "i32", "f32*"),
    "extsi to another shape": Program(
        ("<4xi32>",), lambda s, v: s.b.create_int_cast(v, s.type("<8xi64>"), True)
    ),
    "extsi of a float": Program(("f16",), lambda s, v: s.b.create_int_cast(v, s.type("i32"), True)),
    "trunci of a float": Program(
        ("f32",), lambda s, v: s.b.create_int_cast(v, s.type("i16"), True)
    ),
    "fp_to_fp down without a rounding": Program(
        ("<4xf32>",), lambda s, v: s.b.create_fp_to_fp(v, s.type("<4xf16>"), None)
    ),
    "fp_to_fp of integers": Program(
        ("<4xi32>",), lambda s, v: s.b.create_fp_to_fp(v, s.type("<4xf32>"), None)
    ),
    "fp_to_fp to another shape": Program(
        ("<4xf16>",), lambda s, v: s.b.create_fp_to_fp(v, s.type("<8xf32>"), None)
    ),
    "splat to another type": Program(("f32",), lambda s, v: s.b.create_splat(s.type("<4xf16>"), v)),
    "splat to a number": Program(("f32",), lambda s, v: s.b.create_splat(s.type("f32"), v)),
    "broadcast of 4 to 8": Program(("<4xf32>",), lambda s, v: s.b.create_broadcast(v, [8])),
    "broadcast to more axes": Program(("<1xf32>",), lambda s, v: s.b.create_broadcast(v, [4, 8])),
    "reshape of 4 to 8": Program(("<4xf32>",), lambda s, v: s.b.create_reshape(v, [8], False)),
    "unsplat of 4": _method("unsplat", "<4xf32>"),
    "range of floats": _range("<4xf32>", 0, 4),
    "range of another length": _range("<4xi32>", 0, 8),
    "empty range": _range("<4xi32>", 4, 4),
    "load with another mask": _load("<4xf32*>", "<8xi1>"),
    "load with an integer mask": _load("<4xf32*>", "<4xi32>"),
    "load with another type of other": _load("<4xf32*>", "<4xi1>", "<4xf16>"),
    "load with another shape of other": _load("<4xf32*>", "<4xi1>", "<8xf32>"),
    "store of another type": _store("f32*", "f16"),
    "store of another shape": _store("<4xf32*>", "<8xf32>"),
    "store of a number to pointers": _store("<4xf32*>", "f32"),
    "store with an integer mask": _store("<4xf32*>", "<4xf32>", "<4xi32>"),
    "store with another mask": _store("<4xf32*>", "<4xf32>", "<8xi1>"),
    "atomic add of another type": _rmw("FADD", "f32*", "f64", "i1"),
    "atomic add with another mask": _rmw("ADD", "<4xi32*>", "<4xi32>", "<8xi1>"),
    "atomic add of another shape": _rmw("ADD", "<4xi32*>", "<8xi32>", "<4xi1>"),
    "compare and swap of another type": _cas("f32*", "f64", "f64"),
    "compare and swap of two types": _cas("i32*", "i32", "i64"),
    "compare and swap of another shape": _cas("<4xi32*>", "<4xi32>", "<8xi32>"),
    "dot with two K": _dot("<16x32xf16>", "<16x16xf16>", "<16x16xf32>"),
    "dot into other rows": _dot("<16x16xf16>", "<16x16xf16>", "<32x16xf32>"),
    "dot into other columns": _dot("<16x16xf16>", "<16x32xf16>", "<16x16xf32>"),
    "dot of one axis": _dot("<16xf16>", "<16xf16>", "<16xf32>"),
    "dot of two widths": _dot("<16x16xf16>", "<16x16xf32>", "<16x16xf32>"),
    "dot of two batches": _dot("<2x16x16xf16>", "<4x16x16xf16>", "<2x16x16xf32>"),
    "gather with fewer axes": Program(
        ("<4x4xf32>", "<4xi32>"), lambda s, v, i: s.b.create_gather(v, i, 0)
    ),
    "gather along no axis": Program(
        ("<4x4xf32>", "<4x4xi32>"), lambda s, v, i: s.b.create_gather(v, i, 5)
    ),
    "gather by floats": Program(("<4xf32>", "<4xf32>"), lambda s, v, i: s.b.create_gather(v, i, 0)),
    "gather of another shape": Program(
        ("<4x4xf32>", "<4x8xi32>"), lambda s, v, i: s.b.create_gather(v, i, 0)
    ),
    "histogram of floats": Program(("<4xf32>",), lambda s, v: s.b.create_histogram(v, 4, None)),
    "histogram with another mask": Program(
        ("<4xi32>", "<8xi1>"), lambda s, v, m: s.b.create_histogram(v, 4, m)
    ),
    "cat of matrices": _method("cat", "<4x4xf32>", "<4x4xf32>"),
    "program_id of axis 5": Program((), lambda s: s.b.create_get_program_id(5)),
    "assert of a float": Program(("f32",), lambda s, v: s.b.create_assert(v, "wrong")),
    "clamp of two types": _clamp("f32", "f64", "f32"),
    "clamp of integers": _clamp("i32", "i32", "i32"),
    "assembly of another shape": Program(
        ("<4xf32>",),
        lambda s, v: s.b.create_inline_asm("x", "=r,r", [v], [s.type("<8xf32>")], True, 1),
    ),
    "library function of another shape": Program(
        ("<4xf32>",),
        lambda s, v: s.b.create_extern_elementwise("", "", "f", [v], s.type("<8xf32>"), True),
    ),
    "map_elementwise of another shape": Program(
        ("<4xf32>",), lambda s, v: s.b.create_map_elementwise([v], [s.type("<8xf32>")], 1)
    ),
    "reduce that returns another type": Program(
        ("<4xf32>", "i32"), lambda s, v, i: _reduce(s, [v], ["f32", "f32"], lambda a, b: [i])
    ),
    "reduce of one argument": Program(
        ("<4xf32>",), lambda s, v: _reduce(s, [v], ["f32"], lambda a: [a])
    ),
    "reduce with arguments of another type": Program(
        ("<4xf32>",), lambda s, v: _reduce(s, [v], ["i32", "i32"], lambda a, b: [a])
    ),
    "reduce that returns two": Program(
        ("<4xf32>",), lambda s, v: _reduce(s, [v], ["f32", "f32"], lambda a, b: [a, b])
    ),
    "reduce of two shapes": Program(
        ("<4xf32>", "<8xf32>"),
        lambda s, v, w: _reduce(s, [v, w], ["f32"] * 4, lambda a, b, c, d: [a, b]),
    ),
    "reduce by nothing": Program(("<4xf32>",), lambda s, v: s.b.create_reduce([v], 0)),
    "scan that returns another type": Program(
        ("<4xf32>", "i32"), lambda s, v, i: _scan(s, v, ["f32", "f32"], lambda a, b: [i])
    ),
    "scan of one argument": Program(("<4xf32>",), lambda s, v: _scan(s, v, ["f32"], lambda a: [a])),
    "for with bounds of two types": Program(
        ("i32", "i64"), lambda s, a, b: _for(s, [a, b, a], [], [])
    ),
    "for with float bounds": Program(("f32",), lambda s, a: _for(s, [a, a, a], [], [])),
    "for that yields another type": Program(
        ("i32", "f32"), lambda s, i, f: _for(s, [i, i, i], [f], [i])
    ),
    "for that yields two": Program(("i32", "f32"), lambda s, i, f: _for(s, [i, i, i], [f], [f, f])),
    "if by an integer": Program(("i32", "f32"), lambda s, c, f: _if(s, c, "f32", [f], [f])),
    "if that yields another type": Program(
        ("i1", "f32", "i32"), lambda s, c, f, i: _if(s, c, "f32", [f], [i])
    ),
    "if that yields two": Program(("i1", "f32"), lambda s, c, f: _if(s, c, "f32", [f], [f, f])),
    "if without an else": Program(("i1", "f32"), _no_else),
    "while that yields another type": Program(
        ("i1", "f32", "i32"), lambda s, c, v, i: _while(s, c, v, yielded=i)
    ),
    "while by an integer": Program(("i32", "f32"), _while),
    "while that passes another type": Program(("i1", "f32", "i32"), _while),
    "branch with another type": Program(("f32",), lambda s, v: _branch(s, v, ["i32"])),
    "branch with too much": Program(("f32",), lambda s, v: _branch(s, v, [])),
    "call with another type": Program(("f32",), lambda s, v: _call(s, v, ["i32"], [])),
    "return of another type": Program(("f32",), lambda s, v: _call(s, v, ["f32"], ["i32"])),
    "return of a value from a kernel": Program(("i32",), lambda s, v: s.b.ret([v])),
    "block without an end": Program((), _no_end),
    "operation after the end": Program((), _early_end),
    "value from inside an if": Program(("i1", "f32"), _from_inside),
}
# Native checks of these end the process, or read past the end of a list: the stand-in raises ValueError.
BREAKS_NATIVE: dict[str, Program] = {
    "trans by no permutation": Program(("<4x4xf32>",), lambda s, v: s.b.create_trans(v, [0, 0])),
    "split of 4": _method("split", "<2x4xf32>"),
    "expand_dims of axis 3": Program(("<4xf32>",), lambda s, v: s.b.create_expand_dims(v, 3)),
}


def run(ir: ModuleType, program: Program) -> tuple[str, str]:
    """("taken" or "refused", the first line of what was said) or ("raised", the class and text)."""
    with tempfile.TemporaryFile() as said, contextlib.redirect_stderr(io.StringIO()) as python:
        kept = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            scope = Scope(ir, program.types)
            values = [scope.entry.arg(k) for k in range(len(program.types))]
            program.build(scope, *values)
            if not scope.entry.has_terminator():
                scope.back()
                scope.b.ret([])
            verdict, text = ("taken" if scope.module.verify() else "refused"), ""
        except (ValueError, IndexError) as error:
            verdict, text = "raised", f"{type(error).__name__}: {error}"
        finally:
            os.dup2(kept, 2)
            os.close(kept)
        said.seek(0)
        line = said.readline().decode() or python.getvalue().partition("\n")[0]
        return verdict, text or line.strip()


def main(which: str, names: Sequence[str]) -> None:
    ir: Any
    if which == "native":
        from triton._C.libtriton import ir
    else:
        from triton_mlx.runtime.frontend.library import modules

        ir = modules("stand_in")["stand_in.ir"]
    for name in names or WRONG:
        print(json.dumps([name, *run(ir, {**WRONG, **BREAKS_NATIVE}[name])]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
