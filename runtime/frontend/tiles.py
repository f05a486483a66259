"""Shapes, products and everything else that the builder makes with a method of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import attributes, dialect, types
from .constants import Constants
from .enums import INPUT_PRECISION, PROPAGATE_NAN, ROUNDING_MODE, ScaleDotElemTypeTY
from .types import I1, I32, Type
from .values import Operation, Result, Value

_LAST_GRID_AXIS = 3  # as Triton's native module counts
_BARRIER_ALL = 31  # ttg.barrier: every address space


def _check_grid_axis(axis: int) -> None:
    if not 0 <= int(axis) <= _LAST_GRID_AXIS:
        raise IndexError("program_id must be in [0,3]")


class Tiles(Constants):
    """By their names in Triton's native module."""

    def create_int_cast(self, value: Value, kind: Type, signed: bool) -> Result:
        have, want = value.type.scalar.width, kind.scalar.width
        if have == want:
            return self.value("arith.bitcast", (value,), kind)
        if have > want:
            return self.value("arith.trunci", (value,), kind, attributes.OVERFLOW)
        return self.value("arith.extsi" if signed else "arith.extui", (value,), kind)

    def create_fp_to_fp(
        self,
        src: Value,
        dstType: Type,
        roundingMode: ROUNDING_MODE | None = None,
    ) -> Result:
        how = {} if roundingMode is None else {"rounding": attributes.integer(roundingMode.value)}
        return self.value("tt.fp_to_fp", (src,), dstType, how)

    def create_select(self, condition: Value, then: Value, otherwise: Value) -> Result:
        return self.value("arith.select", (condition, then, otherwise), then.type)

    def create_clampf(self, value: Value, low: Value, high: Value, nan: PROPAGATE_NAN) -> Result:
        how = {"propagateNan": attributes.integer(nan.value)}
        return self.value("tt.clampf", (value, low, high), value.type, how)

    def create_make_range(self, kind: Type, start: int, end: int) -> Result:
        ends = {"start": attributes.integer(start), "end": attributes.integer(end)}
        return self.value("tt.make_range", (), kind, ends)

    def create_splat(self, kind: Type, value: Value) -> Result:
        """As in Triton's native module, of a constant a constant."""
        number = self.known(value)
        if number is not None:
            return self.constant(number, kind)
        return self.value("tt.splat", (value,), kind)

    def create_broadcast(self, value: Value, shape: Sequence[int]) -> Value:
        """As in Triton's native module, of a constant a constant, and nothing for the same shape."""
        if value.type.kind != "tensor":
            raise ValueError("arg is not of RankedTensorType, use create_splat")
        kind = types.tensor(value.type.elem, shape)
        if kind is value.type:
            return value
        number = self.known(value)
        if number is not None:
            return self.constant(number, kind)
        return self.value("tt.broadcast", (value,), kind)

    def create_unsplat(self, value: Value) -> Result:
        return self.value("tt.unsplat", (value,), value.type.elem)

    def create_reshape(self, value: Value, shape: Sequence[int], reorder: bool) -> Result:
        how = {"allow_reorder": attributes.UNIT} if reorder else {}
        return self.value("tt.reshape", (value,), types.tensor(value.type.elem, shape), how)

    def create_expand_dims(self, value: Value, axis: int) -> Result:
        if not 0 <= axis <= len(value.type.shape):
            raise ValueError(f"axis {axis} is outside of {value.type} with one axis more")
        shape = [*value.type.shape[:axis], 1, *value.type.shape[axis:]]
        where = {"axis": attributes.integer(axis)}
        return self.value("tt.expand_dims", (value,), types.tensor(value.type.elem, shape), where)

    def create_trans(self, value: Value, order: Sequence[int]) -> Result:
        if sorted(order) != list(range(len(value.type.shape))):
            raise ValueError(f"{list(order)} is no order of the axes of {value.type}")
        shape = [value.type.shape[int(i)] for i in order]
        how = {"order": attributes.integers(order)}
        return self.value("tt.trans", (value,), types.tensor(value.type.elem, shape), how)

    def create_cat(self, first: Value, second: Value) -> Result:
        if len(first.type.shape) != 1 or len(second.type.shape) != 1:
            raise ValueError("shape not supported by cat. Expecting rank-1 inputs")
        kind = types.tensor(first.type.elem, [first.type.shape[0] + second.type.shape[0]])
        return self.value("tt.cat", (first, second), kind)

    def create_join(self, first: Value, second: Value) -> Result:
        shape = first.type.shape if first.type.kind == "tensor" else ()
        kind = types.tensor(first.type.scalar, [*shape, 2])
        return self.value("tt.join", (first, second), kind)

    def create_split(self, value: Value) -> list[Result]:
        if value.type.shape[-1:] != (2,):
            raise ValueError("last dimension of input tensor must be 2")
        shape = value.type.shape[:-1]
        kind = types.tensor(value.type.elem, shape) if shape else value.type.elem
        return self.add("tt.split", (value,), (kind, kind)).results

    def create_gather(self, value: Value, index: Value, axis: int) -> Result:
        kind = types.like(index.type, value.type.elem)
        return self.value("tt.gather", (value, index), kind, {"axis": attributes.integer(axis)})

    def create_histogram(
        self,
        operand: Value,
        numBins: int,
        mask: Value | None = None,
    ) -> Result:
        operands = (operand,) if mask is None else (operand, mask)
        return self.value("tt.histogram", operands, types.tensor(I32, [numBins]))

    def create_dot(
        self, a: Value, b: Value, c: Value, precision: INPUT_PRECISION, imprecise: int
    ) -> Result:
        how = {
            "inputPrecision": attributes.integer(precision.value),
            "maxNumImpreciseAcc": attributes.integer(imprecise),
        }
        return self.value("tt.dot", (a, b, c), c.type, how)

    def create_dot_scaled(
        self,
        lhs: Value,
        lhs_scale: Value | None,
        lhs_format: ScaleDotElemTypeTY,
        rhs: Value,
        rhs_scale: Value | None,
        rhs_format: ScaleDotElemTypeTY,
        fast_math: bool,
        lhs_k_pack: bool,
        rhs_k_pack: bool,
        c: Value,
    ) -> Result:
        scales = [v for v in (lhs_scale, rhs_scale) if v is not None]
        counts = (1, 1, 1, int(lhs_scale is not None), int(rhs_scale is not None))
        how = {
            "a_elem_type": attributes.integer(lhs_format.value),
            "b_elem_type": attributes.integer(rhs_format.value),
            "fastMath": attributes.boolean(fast_math),
            "lhs_k_pack": attributes.boolean(lhs_k_pack),
            "rhs_k_pack": attributes.boolean(rhs_k_pack),
            "operandSegmentSizes": attributes.integers(counts),
        }
        return self.value("tt.dot_scaled", [lhs, rhs, c, *scales], c.type, how)

    def create_extern_elementwise(
        self,
        library: str,
        path: str,
        symbol: str,
        arguments: Sequence[Value],
        kind: Type,
        pure: bool,
    ) -> Result:
        how = {
            "libname": attributes.string(library),
            "libpath": attributes.string(path),
            "symbol": attributes.string(symbol),
            "pure": attributes.boolean(pure),
        }
        return self.value("tt.extern_elementwise", arguments, kind, how)

    def create_inline_asm(
        self,
        text: str,
        constraints: str,
        values: Sequence[Value],
        kinds: Sequence[Type],
        pure: bool,
        pack: int,
    ) -> Operation:
        how = {
            "asm_string": attributes.string(text),
            "constraints": attributes.string(constraints),
            "pure": attributes.boolean(pure),
            "packed_element": attributes.integer(pack),
        }
        return self.add("tt.elementwise_inline_asm", values, kinds, how)

    def create_print(
        self, prefix: str, hexadecimal: bool, values: Sequence[Value], signed: Sequence[Any]
    ) -> None:
        how = {
            "prefix": attributes.string(prefix),
            "hex": attributes.boolean(hexadecimal),
            "isSigned": attributes.integers(signed),
        }
        self.add("tt.print", values, (), how)

    def create_assert(self, condition: Value, message: str) -> None:
        self.add("tt.assert", (condition,), (), {"message": attributes.string(message)})

    def create_assume(self, condition: Value) -> None:
        none = {"op_bundle_sizes": attributes.integers(())}
        self.add("llvm.intr.assume", (condition,), (), none)

    def create_barrier(self) -> None:
        name = dialect.current().barrier
        spaces = {"addrSpace": attributes.integer(_BARRIER_ALL)} if name == "ttg.barrier" else {}
        self.add(name, (), (), spaces)

    def create_get_program_id(self, axis: int) -> Result:
        _check_grid_axis(axis)
        return self.value("tt.get_program_id", (), I32, {"axis": attributes.integer(axis)})

    def create_get_num_programs(self, axis: int) -> Result:
        _check_grid_axis(axis)
        return self.value("tt.get_num_programs", (), I32, {"axis": attributes.integer(axis)})

    def create_poison(self, kind: Type) -> Result:
        return self.value("ub.poison", (), kind, attributes.POISON)

    def create_grid_dependency_wait(self) -> None:
        self.add("tt.grid_dependency_wait", ())

    def create_grid_dependency_launch_dependents(self) -> None:
        self.add("tt.grid_dependency_launch_dependents", ())

    def compared(self, name: str, left: Value, right: Value, how: dict[str, Any]) -> Result:
        """A comparison: i1 in the shape of the operands."""
        return self.value(name, (left, right), types.like(left.type, I1), how)
