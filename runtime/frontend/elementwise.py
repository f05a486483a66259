"""The builder's methods that are one line each: name, operation, properties.

The result has the type of the first operand, is a comparison's i1, or has the type that is asked for.
"""

from __future__ import annotations

from typing import Any

from .attributes import FAST_MATH, OVERFLOW, Attribute
from .types import Type
from .values import Result, Value

Properties = dict[str, Attribute] | None

# create_NAME(values...): a result like the first operand.
SAME: dict[str, tuple[str, Properties]] = {
    **{
        name: (f"arith.{operation}", FAST_MATH)
        for name, operation in {
            "fadd": "addf",
            "fsub": "subf",
            "fmul": "mulf",
            "fdiv": "divf",
            "frem": "remf",
            "fneg": "negf",
            "minimumf": "minimumf",
            "minnumf": "minnumf",
            "maximumf": "maximumf",
            "maxnumf": "maxnumf",
        }.items()
    },
    **{
        name: (f"math.{operation}", FAST_MATH)
        for name, operation in {
            **{
                word: word
                for word in (
                    "sqrt",
                    "rsqrt",
                    "ceil",
                    "floor",
                    "exp",
                    "exp2",
                    "log",
                    "log2",
                    "sin",
                    "cos",
                    "erf",
                    "fma",
                )
            },
            "fabs": "absf",
        }.items()
    },
    **{
        name: (f"arith.{operation}", OVERFLOW)
        for name, operation in {"add": "addi", "sub": "subi", "mul": "muli", "shl": "shli"}.items()
    },
    **{
        name: (f"arith.{operation}", None)
        for name, operation in {
            "sdiv": "divsi",
            "udiv": "divui",
            "srem": "remsi",
            "urem": "remui",
            "lshr": "shrui",
            "ashr": "shrsi",
            "minsi": "minsi",
            "minui": "minui",
            "maxsi": "maxsi",
            "maxui": "maxui",
            "and": "andi",
            "or": "ori",
            "xor": "xori",
        }.items()
    },
    "iabs": ("math.absi", None),
    "approx_divf": ("tt.approx_divf", None),
    "precise_divf": ("tt.precise_divf", None),
    "precise_sqrt": ("tt.precise_sqrt", None),
    "umulhi": ("tt.mulhiui", None),
    "addptr": ("tt.addptr", None),
}
# create_NAME(value, type): a result of that type.
CASTS: dict[str, str] = {
    "bitcast": "tt.bitcast",
    "si_to_fp": "arith.sitofp",
    "ui_to_fp": "arith.uitofp",
    "fp_to_si": "arith.fptosi",
    "fp_to_ui": "arith.fptoui",
    "fp_ext": "arith.extf",
    "fp_trunc": "arith.truncf",
    "ptr_to_int": "tt.ptr_to_int",
    "int_to_ptr": "tt.int_to_ptr",
}
# Predicates of arith.cmpi and arith.cmpf by their numbers.
INTEGER_PREDICATES = ("EQ", "NE", "SLT", "SLE", "SGT", "SGE", "ULT", "ULE", "UGT", "UGE")
FLOAT_PREDICATES = {
    name: number + 1
    for number, name in enumerate(
        ("OEQ", "OGT", "OGE", "OLT", "OLE", "ONE", "ORD", "UEQ", "UGT", "UGE", "ULT", "ULE", "UNE")
    )
    if name != "ORD"
}


def add_methods(builder: type) -> None:
    """Give the builder a method for each row of the tables."""
    for name, (operation, properties) in SAME.items():
        setattr(builder, f"create_{name}", _same(operation, properties))
    for name, operation in CASTS.items():
        setattr(builder, f"create_{name}", _cast(operation))
    for number, name in enumerate(INTEGER_PREDICATES):
        setattr(builder, f"create_icmp{name}", _compare("arith.cmpi", number, None))
    for name, number in FLOAT_PREDICATES.items():
        setattr(builder, f"create_fcmp{name}", _compare("arith.cmpf", number, FAST_MATH))


def _same(operation: str, properties: Properties) -> Any:
    def method(self: Any, *values: Value) -> Result:
        made: Result = self.value(operation, values, values[0].type, properties)
        return made

    return method


def _cast(operation: str) -> Any:
    def method(self: Any, value: Value, kind: Type) -> Result:
        made: Result = self.value(operation, (value,), kind)
        return made

    return method


def _compare(operation: str, number: int, properties: Properties) -> Any:
    how = {**(properties or {}), "predicate": Attribute(number, f"{number} : i64")}

    def method(self: Any, left: Value, right: Value) -> Result:
        made: Result = self.compared(operation, left, right, how)
        return made

    return method
