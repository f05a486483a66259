"""Operations of the language that are made of others: one function each, the whole meaning in one place.

join, split, cat and histogram are selections and reductions over index tiles; dot_scaled is a product of
operands that are decoded first (OCP Microscaling Formats 1.0); a dot with 16-bit or 8-bit floats accumulates
in fp32 and rounds once.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .compose import Compose
from .errors import UnsupportedOperation
from .graph import Value
from .mlir import Operation
from .types import F8E4M3, F8E5M2, F16, F32, I8, I32, Type

Values = tuple[Value, ...]
Rule = Callable[[Compose, Operation, Values, tuple[Type, ...]], Values]


def _join(c: Compose, op: Operation, inputs: Values, types: tuple[Type, ...]) -> Values:
    return (c.stack(inputs, len(inputs[0].type.shape)),)


def _split(c: Compose, op: Operation, inputs: Values, types: tuple[Type, ...]) -> Values:
    axis = len(inputs[0].type.shape) - 1
    return c.pick(inputs[0], axis, 0), c.pick(inputs[0], axis, 1)


def _cat(c: Compose, op: Operation, inputs: Values, types: tuple[Type, ...]) -> Values:
    return (c.reshape(c.stack(inputs, 0), types[0].shape),)


def _histogram(c: Compose, op: Operation, inputs: Values, types: tuple[Type, ...]) -> Values:
    """Every element is compared with every bin: simple, and without memory, but count x bins steps."""
    source, *mask = inputs
    bins, count, elem = types[0].size, source.type.size, types[0].scalar
    wide = (count, bins)
    value = c.cast("ext_u", source, I32) if source.type.scalar.bits < 32 else source
    number = c.cast("ext_s", c.index(wide, 1), value.type.scalar)
    hit = c.cmp("eq", c.broadcast(c.reshape(value, (count, 1)), wide), number)
    if mask:
        hit = c.same("and", hit, c.broadcast(c.reshape(mask[0], (count, 1)), wide))
    return (c.sum(c.cast("ext_u", hit, elem), 0),)


def _poison(c: Compose, op: Operation, inputs: Values, types: tuple[Type, ...]) -> Values:
    if types[0].is_pointer:
        raise UnsupportedOperation("a pointer without a value", where=op.loc)
    return (c.const(0.0 if types[0].is_float else 0, types[0]),)


def _dot(c: Compose, op: Operation, inputs: Values, types: tuple[Type, ...]) -> Values:
    a, b, accumulator = inputs
    result = types[0].scalar
    if result.is_float:
        a, b = (c.cast("fcast", v, F16) if v.type.scalar.bits == 8 else v for v in (a, b))
        if result.bits < 32:
            accumulator = c.cast("fcast", accumulator, F32)
    made = c.op("dot", (a, b, accumulator), accumulator.type)
    return (c.cast("fcast", made, result),)


# The element types of dot_scaled, as numbered by Triton's TritonAttrDefs.td (ScaleDotElemType).
_E4M3, _E5M2, _E2M1 = 0, 1, 4
_SCALED_FLOATS = {_E4M3: F8E4M3, _E5M2: F8E5M2}


def _dot_scaled(c: Compose, op: Operation, inputs: Values, types: tuple[Type, ...]) -> Values:
    counts = [
        int(n) for n in op.attrs["operandSegmentSizes"].partition(":")[2].rstrip(">").split(",")
    ]
    a, b, accumulator, *scales = inputs
    a_scale = scales.pop(0) if counts[3] else None
    b_scale = scales.pop(0) if counts[4] else None
    last = len(a.type.shape) - 1
    left = _scaled_operand(c, op, a, "a", "lhs", k_axis=last, other=last - 1)
    right = _scaled_operand(c, op, b, "b", "rhs", k_axis=last - 1, other=last)
    if a_scale is not None:
        left = c.same("mul", left, _scale(c, a_scale, left.type.shape[last]))
    if b_scale is not None:
        swapped = (*range(last - 1), last, last - 1)
        factor = _scale(c, b_scale, right.type.shape[last - 1])
        right = c.same("mul", right, c.trans(factor, swapped))
    wide = c.cast("fcast", accumulator, F32)
    return (c.cast("fcast", c.op("dot", (left, right, wide), wide.type), types[0].scalar),)


def _scaled_operand(
    c: Compose, op: Operation, value: Value, name: str, side: str, k_axis: int, other: int
) -> Value:
    """An operand as fp32, unpacked along K or, if it is packed so, along its other dimension."""
    kind = int(op.attrs[f"{name}_elem_type"].split(":")[0])
    if kind == _E2M1:
        packed_k = op.attrs.get(f"{side}_k_pack", "true").startswith("true")
        return _unpack_e2m1(c, value, k_axis if packed_k else other)
    elem = _SCALED_FLOATS.get(kind)
    if elem is not None and value.type.scalar == I8:
        value = c.cast("bitcast", value, elem)
    if not value.type.is_float:
        raise UnsupportedOperation(
            f"tt.dot_scaled with elements of format {kind}",
            where=op.loc,
            why="only e4m3, e5m2, e2m1, bf16 and fp16 are known",
        )
    return c.cast("fcast", value, F32)


def _unpack_e2m1(c: Compose, value: Value, axis: int) -> Value:
    """Two 4-bit floats a byte, the low half first, along `axis`."""
    wide = c.cast("ext_u", value, I32)
    low = c.same("and", wide, c.const(15, wide.type))
    high = c.same("shr_u", wide, c.const(4, wide.type))
    pair = c.stack((_e2m1(c, low), _e2m1(c, high)), axis + 1)
    shape = value.type.shape
    return c.reshape(pair, (*shape[:axis], shape[axis] * 2, *shape[axis + 1 :]))


def _e2m1(c: Compose, code: Value) -> Value:
    """Sign, two bits of exponent (bias 1), one of mantissa, as fp32."""
    t = code.type
    mantissa = c.same("and", code, c.const(1, t))
    exponent = c.same("and", c.same("shr_u", code, c.const(1, t)), c.const(3, t))
    bits = c.same(
        "or",
        c.same("shl", c.same("add", exponent, c.const(126, t)), c.const(23, t)),
        c.same("shl", mantissa, c.const(22, t)),
    )
    normal = c.cast("bitcast", bits, F32)
    small = c.cast("s_to_f", mantissa, F32)
    small = c.same("mul", small, c.const(0.5, small.type))
    size = c.select(c.equals(exponent, 0), small, normal)
    negative = c.cmp("uge", code, c.const(8, t))
    return c.select(negative, c.same("neg", size), size)


def _scale(c: Compose, scale: Value, length: int) -> Value:
    """Scales as fp32, one per block of K, repeated over their blocks."""
    axis = len(scale.type.shape) - 1
    factor = c.cast("fcast", scale, F32) if scale.type.is_float else _e8m0(c, scale)
    return c.repeat(factor, axis, length // scale.type.shape[axis])


def _e8m0(c: Compose, scale: Value) -> Value:
    """2 ** (code - 127); 255 is NaN."""
    code = c.cast("ext_u", scale, I32)
    power = c.cast("bitcast", c.same("shl", code, c.const(23, code.type)), F32)
    power = c.select(c.equals(code, 0), c.const(2.0**-127, power.type), power)
    return c.select(c.equals(code, 255), c.const(float("nan"), power.type), power)


# PTX instructions of one line that real libraries use, and the operation each approximates.
_PTX = {
    "tanh.approx.f32": "tanh",
    "sin.approx.f32": "sin",
    "cos.approx.f32": "cos",
    "ex2.approx.f32": "exp2",
    "ex2.approx.ftz.f32": "exp2",
    "lg2.approx.f32": "log2",
    "lg2.approx.ftz.f32": "log2",
    "sqrt.approx.f32": "sqrt",
    "sqrt.approx.ftz.f32": "sqrt",
    "rsqrt.approx.f32": "rsqrt",
    "rsqrt.approx.ftz.f32": "rsqrt",
}
_ONE_INSTRUCTION = re.compile(r"\s*([\w.]+)\s+\$0\s*,\s*\$1\s*;?\s*")


def _inline_asm(c: Compose, op: Operation, inputs: Values, types: tuple[Type, ...]) -> Values:
    text = op.attrs["asm_string"].strip('"')
    match = _ONE_INSTRUCTION.fullmatch(text)
    name = _PTX.get(match[1]) if match else None
    if name is None or len(inputs) != 1 or inputs[0].type != types[0]:
        raise UnsupportedOperation(
            f"inline assembly {text[:60]!r}",
            where=op.loc,
            why="it is written for NVIDIA's instruction set",
            hint="use tl.math or libdevice functions instead",
        )
    return (c.same(name, inputs[0]),)


def _print(c: Compose, op: Operation, inputs: Values, types: tuple[Type, ...]) -> Values:
    """One node per operand; a node of its own keeps its place among the effects."""
    prefix = _string(op, "prefix")
    hexadecimal = op.attrs["hex"].startswith("true")
    signs = [
        n.strip() == "1" for n in op.attrs["isSigned"].partition(":")[2].rstrip(">").split(",")
    ]
    for k, value in enumerate(inputs):
        if value.type.is_pointer:
            raise UnsupportedOperation(
                "printing a pointer", where=op.loc, why="arrays have no address that could be shown"
            )
        label = f"{prefix}(operand {k}) " if len(inputs) > 1 else prefix
        attrs = {"prefix": label, "hex": hexadecimal, "signed": signs[k]}
        c.builder.add("print", (value,), (), attrs, loc=c.loc)
    if not inputs:
        c.builder.add("print", (), (), {"prefix": prefix, "hex": False, "signed": False}, loc=c.loc)
    return ()


def _assert(c: Compose, op: Operation, inputs: Values, types: tuple[Type, ...]) -> Values:
    c.builder.add("assert", inputs, (), {"message": _string(op, "message")}, loc=c.loc)
    return ()


def _string(op: Operation, name: str) -> str:
    """A quoted attribute; MLIR writes special characters as two hexadecimal digits."""
    text = op.attrs[name].strip()[1:-1]
    return re.sub(
        r"\\([0-9A-Fa-f]{2}|.)", lambda m: chr(int(m[1], 16)) if len(m[1]) == 2 else m[1], text
    )


def _atomic_load(c: Compose, op: Operation, inputs: Values, types: tuple[Type, ...]) -> Values:
    pointer, *mask = inputs
    nothing = c.const(0.0 if types[0].is_float else 0, types[0])
    return (c.op("atomic_rmw", (pointer, nothing, *mask), types[0], kind="load"),)


def _atomic_store(c: Compose, op: Operation, inputs: Values, types: tuple[Type, ...]) -> Values:
    c.op("atomic_rmw", inputs, inputs[1].type, kind="xchg")
    return ()


def _atomic_poll(c: Compose, op: Operation, inputs: Values, types: tuple[Type, ...]) -> Values:
    pointer, expected, *timeout = inputs
    if timeout:
        raise UnsupportedOperation(
            "tl.atomic_poll with a timeout",
            where=op.loc,
            why="a poll that gives up after some time is not lowered yet, on any target",
            hint="poll without a timeout (host), or count the tries: a for loop with tl.atomic_load",
        )
    seen = c.op("atomic_rmw", (pointer, expected), expected.type, kind="poll")
    return (c.cmp("eq", seen, expected),)


EXPANSIONS: dict[str, Rule] = {
    "tt.atomic_load": _atomic_load,
    "tt.atomic_store": _atomic_store,
    "tt.atomic_poll": _atomic_poll,
    "tt.join": _join,
    "tt.split": _split,
    "tt.cat": _cat,
    "tt.histogram": _histogram,
    "tt.dot": _dot,
    "tt.dot_scaled": _dot_scaled,
    "tt.elementwise_inline_asm": _inline_asm,
    "tt.print": _print,
    "tt.assert": _assert,
    "ub.poison": _poison,
}
