"""`tl.extra.libdevice`: the names that CUDA users import, as operations of ours.

Triton resolves these names when it compiles a kernel. What is not here is an AttributeError there, so a kernel
never gets a function that no target has: sums, products, roots and conversions from integers that round to
zero, up or down, rcp64h and rsqrt_rn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from triton.language import core as _core

from . import libdevice_numbers as _numbers
from . import libdevice_special as _special

_FLOATS = ("fp32", "fp64", "fp16", "bf16")

# libdevice name → operation of fusion/ops.py, on floats of one type.
_UNARY = {
    name: name
    for name in (
        *(
            "tanh",
            "exp",
            "exp2",
            "exp10",
            "expm1",
            "log",
            "log2",
            "log10",
            "log1p",
            "sqrt",
            "rsqrt",
        ),
        *("sin", "cos", "tan", "sinh", "cosh", "asin", "acos", "atan", "asinh", "acosh", "atanh"),
        *("erf", "floor", "ceil"),
    )
} | {
    "abs": "abs_f",
    "fabs": "abs_f",
    "trunc": "trunc_f",
    "rint": "rint",
    "nearbyint": "rint",
    "round": "round",
    "fast_expf": "exp",
    "fast_logf": "log",
    "fast_log2f": "log2",
    "fast_log10f": "log10",
    "fast_exp10f": "exp10",
    "fast_sinf": "sin",
    "fast_cosf": "cos",
    "fast_tanf": "tan",
    "fast_tanhf": "tanh",
    "sqrt_rn": "precise_sqrt",
}
_BINARY = {
    "pow": "pow",
    "fast_powf": "pow",
    "atan2": "atan2",
    "copysign": "copysign",
    "fmod": "rem_f",
    "fmax": "maxnum",
    "fmin": "minnum",
    "div_rn": "precise_div",
    "fast_dividef": "div",
}
_TESTS = {"isnan": "isnan", "isinf": "isinf", "finitef": "isfinite", "isfinited": "isfinite"}


def _call(symbol: str, args: list[Any], table: dict[Any, Any], semantic: Any) -> Any:
    return _core.extern_elementwise("", "", args, table, is_pure=True, _semantic=semantic)


def _table(symbol: str, arity: int, result: str = "") -> dict[Any, Any]:
    """Argument types → (symbol, result type) for every float type."""
    return {(_core.dtype(t),) * arity: (symbol, _core.dtype(result or t)) for t in _FLOATS}


def _unary(name: str, symbol: str, result: str = "") -> Callable[..., Any]:
    table = _table(symbol, 1, result)

    def function(arg0: Any, _semantic: Any = None) -> Any:
        return _call(symbol, [arg0], table, _semantic)

    function.__name__ = name
    return _core.extern(function)  # type: ignore[no-any-return]


def _test(name: str, symbol: str) -> Callable[..., Any]:
    """Its result is a bool, as CUDA's is in Triton, so that `~` means "not"."""
    table = _table(symbol, 1, "int32")

    def function(arg0: Any, _semantic: Any = None) -> Any:
        return _semantic.cast(_call(symbol, [arg0], table, _semantic), _core.int1)

    function.__name__ = name
    return _core.extern(function)  # type: ignore[no-any-return]


def _binary(name: str, symbol: str) -> Callable[..., Any]:
    table = _table(symbol, 2)
    if symbol == "pow":  # libdevice has powers with an integer exponent too
        table |= {(_core.dtype(t), _core.dtype("int32")): ("pow", _core.dtype(t)) for t in _FLOATS}

    def function(arg0: Any, arg1: Any, _semantic: Any = None) -> Any:
        return _call(symbol, [arg0, arg1], table, _semantic)

    function.__name__ = name
    return _core.extern(function)  # type: ignore[no-any-return]


globals().update({n: _unary(n, s) for n, s in _UNARY.items()})
globals().update({n: _test(n, s) for n, s in _TESTS.items()})
globals().update({n: _binary(n, s) for n, s in _BINARY.items()})

# Conversions: name → (rounding before it, result).
_ROUNDED = {"rn": "rint", "rz": "trunc_f", "rd": "floor", "ru": "ceil"}
_INTEGERS = {"int": "int32", "uint": "uint32", "ll": "int64", "ull": "uint64"}
_REALS = {"float": "fp32", "double": "fp64"}


def _cast(name: str, result: str, rounding: str = "") -> Callable[..., Any]:
    table = _table(rounding, 1)

    def function(arg0: Any, _semantic: Any = None) -> Any:
        whole = _call(rounding, [arg0], table, _semantic) if rounding else arg0
        return _semantic.cast(whole, _core.dtype(result))

    function.__name__ = name
    return _core.extern(function)  # type: ignore[no-any-return]


for _real, _type in _REALS.items():
    for _integer, _kind in _INTEGERS.items():
        for _suffix, _rounding in _ROUNDED.items():
            _name = f"{_real}2{_integer}_{_suffix}"
            globals()[_name] = _cast(_name, _kind, _rounding)
        globals()[f"{_integer}2{_real}_rn"] = _cast(f"{_integer}2{_real}_rn", _type)
double2float_rn = _cast("double2float_rn", "fp32")
llrint = _cast("llrint", "int64", "rint")
llround = _cast("llround", "int64", "round")

for _module in (_numbers, _special):
    globals().update(
        {n: f for n, f in vars(_module).items() if hasattr(f, "cache_key") and n[0] != "_"}
    )
