"""Types, attributes and numbers: the builder's get_... methods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import attributes, dialect, types
from .attributes import Attribute
from .insertion import Insertion
from .types import Type
from .values import Result, Value

# get_NAME_ty() of the builder.
NAMED_TYPES = {
    "int1": types.I1,
    "int8": types.I8,
    "int16": types.I16,
    "int32": types.I32,
    "int64": types.I64,
    "int128": types.I128,
    "half": types.F16,
    "bf16": types.BF16,
    "float": types.F32,
    "double": types.F64,
    "fp8e4b15": types.I8,
    "fp8e4nv": types.F8E4M3,
    "fp8e5": types.F8E5M2,
    "fp8e4b8": types.F8E4M3_FNUZ,
    "fp8e5b16": types.F8E5M2_FNUZ,
    "void": types.NONE,
}
# get_NAME(value) of the builder.
_FLOATS = {"fp16": types.F16, "bf16": types.BF16, "fp32": types.F32, "fp64": types.F64}
_INTEGERS = {8: types.I8, 16: types.I16, 32: types.I32, 64: types.I64}


class Constants(Insertion):
    """What the builder makes of plain Python values."""

    def constant(self, number: int | float | bool, kind: Type) -> Result:
        """arith.constant: a scalar, or a tile whose elements are all `number`."""
        value = attributes.number(number, kind)
        return self.value("arith.constant", (), kind, {"value": value})

    def integer(self, number: Any, width: int) -> Result:
        """The low `width` bits of `number`, read as signed."""
        low = int(number) & ((1 << width) - 1)
        signed = low - (1 << width) if low >> (width - 1) else low
        return self.constant(signed, _INTEGERS[width])

    @staticmethod
    def known(value: Value) -> int | float | bool | None:
        """The number of a constant, None for any other value."""
        owner = value.owner if isinstance(value, Result) else None
        return None if owner is None else owner.get_constant_value()

    # From here on: the names of Triton's native module.
    def get_int1(self, number: Any) -> Result:
        return self.constant(bool(number), types.I1)

    def get_null_value(self, kind: Type) -> Result:
        if kind.kind not in ("int", "float"):
            raise RuntimeError("Not implemented")
        zero = False if kind.width == 1 else 0
        return self.constant(zero if kind.kind == "int" else 0.0, kind)

    def get_all_ones_value(self, kind: Type) -> Result:
        if kind.kind != "int":
            raise RuntimeError("Not implemented")
        return self.constant(-1 if kind.width > 1 else True, kind)

    def get_block_ty(self, elem: Type, shape: Sequence[int]) -> Type:
        return types.tensor(elem, shape)

    def get_ptr_ty(self, elem: Type, space: str | int = "global") -> Type:
        """The space is a word, or in earlier versions of Triton a number."""
        return types.pointer(elem, space if isinstance(space, str) else "global")

    def get_function_ty(self, inputs: Sequence[Type], outputs: Sequence[Type]) -> Type:
        return types.function(inputs, outputs)

    def create_tensor_descriptor_type(self, block: Type, signed: bool) -> Type:
        return types.descriptor(block, signed, dialect.current().wraps)

    def get_bool_attr(self, value: Any) -> Attribute:
        return attributes.boolean(value)

    def get_int32_attr(self, value: Any) -> Attribute:
        return attributes.integer(value)

    def get_string_attr(self, value: str) -> Attribute:
        return attributes.string(value)

    def get_unit_attr(self) -> Attribute:
        return attributes.UNIT

    def get_disable_loop_licm_attr(self) -> Attribute:
        return attributes.DISABLE_LICM

    def get_cache_policy(self, modifier: str, eviction: str) -> Attribute | None:
        """None for the default."""
        if (modifier, eviction) == ("none", "evict_normal"):
            return None
        inner = f"cache_modifier = {modifier}, eviction_policy = {eviction}"
        return Attribute((modifier, eviction), f"#tt.cache_policy<{inner}>")


def _type_getter(kind: Type) -> Any:
    return lambda self: kind


def _float_getter(kind: Type) -> Any:
    return lambda self, number: self.constant(float(number), kind)


def _integer_getter(width: int) -> Any:
    return lambda self, number: self.integer(number, width)


for _name, _kind in NAMED_TYPES.items():
    setattr(Constants, f"get_{_name}_ty", _type_getter(_kind))
for _name, _kind in _FLOATS.items():
    setattr(Constants, f"get_{_name}", _float_getter(_kind))
for _width in _INTEGERS:
    setattr(Constants, f"get_int{_width}", _integer_getter(_width))
    setattr(Constants, f"get_uint{_width}", _integer_getter(_width))
