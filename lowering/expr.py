"""Text of elementwise operations: one row each. The words are Metal's; preludes give them elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..fusion.errors import UnsupportedOperation
from ..fusion.float8 import FORMATS
from ..fusion.graph import Node, Value
from ..fusion.types import F32, Scalar, Type
from .text import UNSIGNED, c_type

Rule = Callable[[Node, Sequence[str]], str]


def _unsigned(text: str, scalar: Scalar) -> str:
    return f"({UNSIGNED[scalar.name]}){text}"


def _unsigned_operand(text: str, scalar: Scalar) -> str:
    """For + - * <<: C promotes small types to int, whose overflow is undefined."""
    return f"(uint){_unsigned(text, scalar)}" if scalar.bits in (8, 16) else _unsigned(text, scalar)


def _infix(symbol: str) -> Rule:
    return lambda node, a: f"({a[0]} {symbol} {a[1]})"


def _unsigned_infix(symbol: str) -> Rule:
    def rule(node: Node, a: Sequence[str]) -> str:
        scalar = node.types[0].scalar
        left, right = (_unsigned_operand(x, scalar) for x in a)
        return f"({c_type(scalar)})({left} {symbol} {right})"

    return rule


def _function(name: str) -> Rule:
    """A function of Metal's library; 16-bit floats go through float, as Triton's libraries do."""

    def rule(node: Node, a: Sequence[str]) -> str:
        scalar = node.types[0].scalar
        if scalar.name in ("f32", "f64") or not scalar.is_float:
            return f"{name}({', '.join(a)})"
        return f"{c_type(scalar)}({name}({', '.join(f'float({x})' for x in a)}))"

    return rule


_INT_CMP = {
    "eq": "==",
    "ne": "!=",
    "slt": "<",
    "sle": "<=",
    "sgt": ">",
    "sge": ">=",
    "ult": "<",
    "ule": "<=",
    "ugt": ">",
    "uge": ">=",
}
_FLOAT_CMP = {
    "oeq": "{0} == {1}",
    "ogt": "{0} > {1}",
    "oge": "{0} >= {1}",
    "olt": "{0} < {1}",
    "ole": "{0} <= {1}",
    "one": "({0} < {1} || {0} > {1})",
    "ord": "({0} == {0} && {1} == {1})",
    "ueq": "!({0} < {1} || {0} > {1})",
    "ugt": "!({0} <= {1})",
    "uge": "!({0} < {1})",
    "ult": "!({0} >= {1})",
    "ule": "!({0} > {1})",
    "une": "{0} != {1}",
    "uno": "({0} != {0} || {1} != {1})",
    "true": "true",
    "false": "false",
}


def _cmp(node: Node, a: Sequence[str]) -> str:
    predicate = node.attr("predicate")
    scalar = node.inputs[0].type.scalar
    if scalar.is_float:
        return f"({_FLOAT_CMP[predicate].format(*a)})"
    if predicate[0] == "u":
        a = [_unsigned(x, scalar) for x in a]
    return f"({a[0]} {_INT_CMP[predicate]} {a[1]})"


def _cast(node: Node, a: Sequence[str]) -> str:
    return f"static_cast<{c_type(node.types[0].scalar)}>({a[0]})"


def _to_zero(target: Scalar, source: Scalar, text: str) -> str:
    """Cut twice is cut once: fp64 goes through fp32."""
    text = f"to_zero_float({text})" if source.name == "f64" else f"float({text})"
    return text if target.name == "f32" else f"to_zero_{c_type(target)}({text})"


def _fcast(node: Node, a: Sequence[str]) -> str:
    if node.attr("rounding") == "rtz":
        return _to_zero(node.types[0].scalar, node.inputs[0].type.scalar, a[0])
    if node.types[0].scalar.bits == node.inputs[0].type.scalar.bits == 16:
        return _cast(node, [f"float({a[0]})"])  # Metal has no conversion between half and bfloat
    return _cast(node, a)


def _cast_signed(node: Node, a: Sequence[str]) -> str:
    target = c_type(node.types[0].scalar)
    if node.inputs[0].type.scalar.name == "i1":
        return f"static_cast<{target}>({a[0]} ? -1 : 0)"
    return f"static_cast<{target}>({a[0]})"


def _cast_unsigned(node: Node, a: Sequence[str]) -> str:
    source = node.inputs[0].type.scalar
    return f"static_cast<{c_type(node.types[0].scalar)}>({_unsigned(a[0], source)})"


def _to_integer(node: Node, a: Sequence[str]) -> str:
    """Towards zero; C leaves open what becomes of floats that do not fit (words.h: tile_integer)."""
    scalar, source = node.types[0].scalar, node.inputs[0].type.scalar
    word = c_type(scalar)
    given = a[0] if source.name in ("f32", "f64") else f"float({a[0]})"
    if scalar.name == "i1" or node.op == "f_to_s":
        return f"tile_integer<{word}>({given})"
    return f"({word})tile_integer<{UNSIGNED[scalar.name]}>({given})"


def _trunc(node: Node, a: Sequence[str]) -> str:
    if node.types[0].scalar.name == "i1":
        return f"(({a[0]} & 1) != 0)"
    return _cast(node, a)


def _bitcast(node: Node, a: Sequence[str]) -> str:
    if node.types[0].elem == node.inputs[0].type.elem:
        return a[0]
    if "i1" in (node.types[0].scalar.name, node.inputs[0].type.scalar.name):
        return _trunc(node, a)
    return f"as_type<{c_type(node.types[0].scalar)}>({a[0]})"


def _mulhi(node: Node, a: Sequence[str]) -> str:
    scalar = node.types[0].scalar
    parts = ", ".join(_unsigned(x, scalar) for x in a)
    return f"({c_type(scalar)})mulhi({parts})"


def _shift_left(node: Node, a: Sequence[str]) -> str:
    scalar = node.types[0].scalar
    return f"({c_type(scalar)})({_unsigned_operand(a[0], scalar)} << {_count(a[1], scalar)})"


def _count(text: str, scalar: Scalar) -> str:
    """A shift by more than the width is undefined in C++: compilers conclude that it does not happen."""
    if text.rstrip("L").isdigit() and int(text.rstrip("L")) < scalar.bits:
        return text
    return f"({text} & {scalar.bits - 1})"


def _shift_right(node: Node, a: Sequence[str]) -> str:
    scalar = node.types[0].scalar
    value = _unsigned(a[0], scalar) if node.op == "shr_u" else a[0]
    return f"({c_type(scalar)})({value} >> {_count(a[1], scalar)})"


def _divide(name: str) -> Rule:
    """Integer division: a constant divisor is plain, another goes through a function that cannot trap."""
    symbol = "/" if "div" in name else "%"

    def rule(node: Node, a: Sequence[str]) -> str:
        if node.op.endswith("_s") and a[1].rstrip("L").isdigit() and int(a[1].rstrip("L")) > 0:
            return f"({a[0]} {symbol} {a[1]})"
        scalar = node.types[0].scalar
        if node.op.endswith("_s"):
            return f"{name}({a[0]}, {a[1]})"
        return f"({c_type(scalar)}){name}({_unsigned(a[0], scalar)}, {_unsigned(a[1], scalar)})"

    return rule


def _clamp(node: Node, a: Sequence[str]) -> str:
    name = "clamp_nan" if node.attr("propagate_nan") else "clamp_num"
    return _function(name)(node, a)


def _pow(node: Node, a: Sequence[str]) -> str:
    """The exponent may be an integer."""
    word = "float" if node.types[0].scalar.name != "f64" else "double"
    text = f"precise::pow({word}({a[0]}), {word}({a[1]}))"
    return (
        text
        if node.types[0].scalar.name in ("f32", "f64")
        else f"{c_type(node.types[0].scalar)}({text})"
    )


def _test(name: str) -> Rule:
    """A question about a float, answered as an integer."""
    return lambda node, a: f"static_cast<{c_type(node.types[0].scalar)}>({name}(float({a[0]})))"


def _logic(symbol: str) -> Rule:
    def rule(node: Node, a: Sequence[str]) -> str:
        if node.types[0].scalar.name == "i1":
            return f"({a[0]} {'!=' if symbol == '^' else symbol * 2} {a[1]})"
        return f"({a[0]} {symbol} {a[1]})"

    return rule


_FLOAT_RULES: dict[str, Rule] = {
    "add": _infix("+"),
    "sub": _infix("-"),
    "mul": _infix("*"),
    "div": _infix("/"),
    "precise_div": _infix("/"),
    "rem_f": _function("fmod"),
    "maxnum": _function("fmax"),
    "minnum": _function("fmin"),
    "maximum": _function("maximum_nan"),
    "minimum": _function("minimum_nan"),
    "abs_f": _function("fabs"),
    "fma": _function("fma"),
    "clamp": _clamp,
    "sqrt": _function("precise::sqrt"),
    "precise_sqrt": _function("precise::sqrt"),
    **{
        n: _function(f"precise::{n}")
        for n in ("rsqrt", "exp", "exp2", "log", "log2", "sin", "cos", "tanh")
    },
    "floor": _function("floor"),
    "ceil": _function("ceil"),
    "erf": _function("erf_f"),
    **{
        n: _function(f"precise::{n}")
        for n in (
            "exp10",
            "log10",
            "tan",
            "sinh",
            "cosh",
            "asin",
            "acos",
            "atan",
            "asinh",
            "acosh",
            "atanh",
            "atan2",
        )
    },
    "expm1": _function("expm1_f"),
    "log1p": _function("log1p_f"),
    "trunc_f": _function("trunc"),
    "rint": _function("rint"),
    "round": _function("round"),
    "copysign": _function("copysign"),
    "pow": lambda node, a: _pow(node, a),
    **{n: _test(n) for n in ("isnan", "isinf", "isfinite")},
}
_RULES: dict[str, Rule] = {
    **_FLOAT_RULES,
    "div_s": _divide("div_int"),
    "div_u": _divide("div_uint"),
    "rem_s": _divide("rem_int"),
    "rem_u": _divide("rem_uint"),
    "and": _logic("&"),
    "or": _logic("|"),
    "xor": _logic("^"),
    "shl": _shift_left,
    "shr_s": _shift_right,
    "shr_u": _shift_right,
    "max_s": _function("max"),
    "min_s": _function("min"),
    "max_u": lambda node, a: _minmax_unsigned("max", node, a),
    "min_u": lambda node, a: _minmax_unsigned("min", node, a),
    "neg": lambda node, a: f"(-({a[0]}))" if a[0].startswith("-") else f"(-{a[0]})",
    "abs_i": _function("abs"),
    "cmp": _cmp,
    "select": lambda node, a: f"({a[0]} ? {a[1]} : {a[2]})",
    "fcast": _fcast,
    "ext_s": _cast_signed,
    "s_to_f": _cast_signed,
    "ext_u": _cast_unsigned,
    "u_to_f": _cast_unsigned,
    "f_to_s": _to_integer,
    "f_to_u": _to_integer,
    "trunc": _trunc,
    "bitcast": _bitcast,
    "mulhi_u": _mulhi,
}
_WRAPPING: dict[str, Rule] = {
    n: _unsigned_infix(s) for n, s in (("add", "+"), ("sub", "-"), ("mul", "*"))
}


def _minmax_unsigned(name: str, node: Node, a: Sequence[str]) -> str:
    scalar = node.types[0].scalar
    parts = ", ".join(_unsigned(x, scalar) for x in a)
    return f"({c_type(scalar)}){name}({parts})"


def _decoded(text: str, scalar: Scalar) -> str:
    form = FORMATS.get(scalar.name)
    if form is None:
        return text
    return f"float8_decode<{form.mantissa}, {form.bias}, {form.largest}>({text})"


def _encoded(text: str, scalar: Scalar, to_zero: bool = False) -> str:
    form = FORMATS.get(scalar.name)
    if form is None:
        return text
    numbers = f"{form.mantissa}, {form.bias}, {form.largest}, {form.nan}"
    return f"float8_encode<{numbers}, {'true' if to_zero else 'false'}>(float({text}))"


def _on_codes(node: Node, args: Sequence[str]) -> str:
    """An operation on 8-bit floats: in fp32 between codes; bits pass as they are."""
    if node.op in ("bitcast", "select"):
        return _RULES[node.op](node, args)
    source = node.inputs[0].type.scalar
    target = node.types[0].scalar
    values = [_decoded(a, v.type.scalar) for a, v in zip(args, node.inputs)]
    if node.op == "fcast":
        to_zero = node.attr("rounding") == "rtz"
        if to_zero and source.name == "f64":
            values[0] = f"to_zero_float({values[0]})"
        if target.name in FORMATS:
            return _encoded(values[0], target, to_zero)
        return f"static_cast<{c_type(target)}>({values[0]})"
    wide = [Value(v.node, v.index, _in_fp32(v.type)) for v in node.inputs]
    plain = replace(node, inputs=tuple(wide), types=tuple(map(_in_fp32, node.types)))
    if node.op in ("s_to_f", "u_to_f") or source.name in FORMATS:
        return _encoded(text(plain, values, wraps=False), target)
    raise UnsupportedOperation(f"{node.op} of {source} to {target}", where=node.loc)


def words_of(text: str, value: Value) -> str:
    """The bits of a value as two 32-bit words "low, high"; 8-bit and 16-bit floats as fp32."""
    scalar = value.type.scalar
    if scalar.is_float and scalar.bits < 32:
        text = f"float({_decoded(text, scalar)})"
    if scalar.is_float and scalar.bits <= 32:
        return f"as_type<uint>({text}), 0u"
    wide = f"as_type<ulong>({text})" if scalar.is_float else f"(ulong)(long)({text})"
    return f"(uint)({wide}), (uint)({wide} >> 32)"


def _in_fp32(t: Type) -> Type:
    return t.with_elem(F32) if t.scalar.name in FORMATS else t


def text(node: Node, args: Sequence[str], *, wraps: bool, product: str = "") -> str:
    """`node` applied to the texts `args`.

    `wraps`: integer sums and products may overflow and must wrap, as they do in Triton. Address
    arithmetic does not overflow where it is used, and plain signed arithmetic lets the compiler see that.
    `product`: the function that multiplies floats ("": a sign).
    """
    if any(t.scalar.name in FORMATS for t in (*node.types, *(v.type for v in node.inputs))):
        return _on_codes(node, args)
    integer = not node.types[0].scalar.is_float
    if wraps and integer and node.op in _WRAPPING:
        if node.types[0].scalar.name == "i1":
            return f"({args[0]} != {args[1]})" if node.op != "mul" else f"({args[0]} && {args[1]})"
        return _WRAPPING[node.op](node, args)
    if product and node.op == "mul" and not integer:
        return f"{product}({', '.join(args)})"
    rule = _RULES.get(node.op)
    if rule is None:
        raise UnsupportedOperation(
            node.op,
            where=node.loc,
            why="no target has a word for it yet",
            hint="docs/refusals.md lists what is supported",
        )
    return rule(node, args)
