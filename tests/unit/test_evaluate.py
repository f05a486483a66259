"""The meaning of operations, against Python's unbounded integers and IEEE rules; whole kernels in numpy."""

from __future__ import annotations

import itertools
import math
from typing import Any

import corpus
import mlx.core as mx
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triton_mlx.fusion import semantics
from triton_mlx.fusion.errors import BadArgument
from triton_mlx.fusion.evaluate import evaluate
from triton_mlx.fusion.graph import Function, GraphBuilder, Node, Parameter, Value
from triton_mlx.fusion.types import (
    BF16,
    F16,
    F32,
    F64,
    I1,
    I8,
    I16,
    I32,
    I64,
    Pointer,
    Scalar,
    Type,
)

Array = npt.NDArray[Any]
INTS = (I8, I16, I32, I64)


def node(op: str, inputs: tuple[Scalar, ...], result: Scalar, **attrs: Any) -> Node:
    values = tuple(Value(k, 0, Type(s)) for k, s in enumerate(inputs))
    return Node(len(inputs), op, values, (Type(result),), tuple(sorted(attrs.items())))


def apply(op: str, scalar: Scalar, *args: Any, **attrs: Any) -> Any:
    """`op` on numbers of one type, as a Python number."""
    arrays = [semantics.as_type(np.array([a]), scalar) for a in args]
    result = I1 if op == "cmp" else scalar
    return semantics.apply(node(op, (scalar,) * len(args), result, **attrs), *arrays)[0].item()


def wrapped(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def truncated(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1) if b else 0


INTEGER_TRUTH: dict[str, Any] = {
    "add": lambda a, b, n: a + b,
    "sub": lambda a, b, n: a - b,
    "mul": lambda a, b, n: a * b,
    "and": lambda a, b, n: a & b,
    "or": lambda a, b, n: a | b,
    "xor": lambda a, b, n: a ^ b,
    "max_s": lambda a, b, n: max(a, b),
    "min_s": lambda a, b, n: min(a, b),
    "max_u": lambda a, b, n: max(a % 2**n, b % 2**n),
    "min_u": lambda a, b, n: min(a % 2**n, b % 2**n),
    "div_s": lambda a, b, n: truncated(a, b),
    "rem_s": lambda a, b, n: a - truncated(a, b) * b if b else 0,
    "div_u": lambda a, b, n: a % 2**n // (b % 2**n) if b else 0,
    "rem_u": lambda a, b, n: a % 2**n % (b % 2**n) if b else 0,
    "mulhi_u": lambda a, b, n: (a % 2**n) * (b % 2**n) >> n,
    "shl": lambda a, b, n: a << b % n,
    "shr_s": lambda a, b, n: a >> b % n,
    "shr_u": lambda a, b, n: a % 2**n >> b % n,
}


@st.composite
def integer_pairs(draw: st.DrawFn) -> tuple[Scalar, int, int]:
    scalar = draw(st.sampled_from(INTS))
    low, high = -(1 << (scalar.bits - 1)), (1 << (scalar.bits - 1)) - 1
    number = st.one_of(st.integers(low, high), st.sampled_from([low, -1, 0, 1, high]))
    return scalar, draw(number), draw(number)


@pytest.mark.parametrize("op", INTEGER_TRUTH)
@settings(max_examples=60, deadline=None)
@given(case=integer_pairs())
def test_integers_wrap(op: str, case: tuple[Scalar, int, int]) -> None:
    scalar, a, b = case
    shift = op.startswith("sh")
    got = apply(op, scalar, a, b % scalar.bits if shift else b)
    assert got == wrapped(INTEGER_TRUTH[op](a, b, scalar.bits), scalar.bits)


@pytest.mark.parametrize("scalar", INTS, ids=str)
def test_unary_integers_wrap_at_the_lowest_number(scalar: Scalar) -> None:
    lowest = -(1 << (scalar.bits - 1))
    assert apply("neg", scalar, lowest) == lowest
    assert apply("abs_i", scalar, lowest) == lowest
    assert apply("abs_i", scalar, -5) == 5


@pytest.mark.parametrize("predicate", ["slt", "sle", "sgt", "sge", "ult", "ule", "ugt", "uge"])
@settings(max_examples=40, deadline=None)
@given(case=integer_pairs())
def test_integer_comparisons(predicate: str, case: tuple[Scalar, int, int]) -> None:
    scalar, a, b = case
    got = apply("cmp", scalar, a, b, predicate=predicate)
    if predicate[0] == "u":
        a, b = a % 2**scalar.bits, b % 2**scalar.bits
    want = {"lt": a < b, "le": a <= b, "gt": a > b, "ge": a >= b}[predicate[1:]]
    assert got is want


SPECIAL = [0.0, -0.0, 1.0, -2.5, math.inf, -math.inf, math.nan]


@pytest.mark.parametrize("scalar", [F16, BF16, F32, F64], ids=str)
@pytest.mark.parametrize("name", ["eq", "ne", "lt", "le", "gt", "ge"])
def test_float_comparisons_ordered_and_unordered(scalar: Scalar, name: str) -> None:
    for a, b in itertools.product(SPECIAL, SPECIAL):
        unordered = math.isnan(a) or math.isnan(b)
        plain = {"eq": a == b, "ne": a != b, "lt": a < b, "le": a <= b, "gt": a > b, "ge": a >= b}
        assert apply("cmp", scalar, a, b, predicate="o" + name) is (plain[name] and not unordered)
        assert apply("cmp", scalar, a, b, predicate="u" + name) is (plain[name] or unordered)
        assert apply("cmp", scalar, a, b, predicate="ord") is not unordered
        assert apply("cmp", scalar, a, b, predicate="uno") is unordered
        assert apply("cmp", scalar, a, b, predicate="true") is True
        assert apply("cmp", scalar, a, b, predicate="false") is False


@pytest.mark.parametrize("scalar", [F16, BF16, F32, F64], ids=str)
def test_maximum_keeps_nan_and_maxnum_drops_it(scalar: Scalar) -> None:
    for a, b in ((math.nan, 3.0), (3.0, math.nan)):
        assert apply("maxnum", scalar, a, b) == apply("minnum", scalar, a, b) == 3.0
        assert math.isnan(apply("maximum", scalar, a, b))
        assert math.isnan(apply("minimum", scalar, a, b))
    assert apply("clamp", scalar, math.nan, 1.0, 2.0, propagate_nan=False) == 1.0
    assert math.isnan(apply("clamp", scalar, math.nan, 1.0, 2.0, propagate_nan=True))
    assert apply("clamp", scalar, 5.0, 1.0, 2.0, propagate_nan=True) == 2.0


@settings(max_examples=300, deadline=None)
@given(bits=st.integers(0, 2**32 - 1))
def test_bfloat16_rounds_as_mlx_does(bits: int) -> None:
    value = np.array([bits], np.uint32).view(np.float32)
    want = np.array(mx.array(value).astype(mx.bfloat16).astype(mx.float32))
    np.testing.assert_array_equal(semantics.as_type(value, BF16), want)


def test_bfloat16_results_are_rounded_after_every_operation() -> None:
    assert apply("add", BF16, 256.0, 1.0) == 256.0
    assert apply("mul", BF16, 1.0078125, 1.0078125) == 1.015625


def test_a_rounded_scalar_is_still_a_scalar() -> None:
    for scalar in (BF16, F16, F32, I32):
        assert semantics.as_type(np.asarray(1.0), scalar).shape == ()


CONVERSIONS = [
    ("ext_s", I1, I32, True, -1),
    ("ext_u", I1, I32, True, 1),
    ("ext_s", I8, I32, -3, -3),
    ("ext_u", I8, I32, -3, 253),
    ("ext_u", I32, I64, -1, 2**32 - 1),
    ("trunc", I32, I8, 300, 44),
    ("trunc", I32, I1, 2, False),
    ("trunc", I32, I1, 3, True),
    ("s_to_f", I1, F32, True, -1.0),
    ("u_to_f", I1, F32, True, 1.0),
    ("s_to_f", I8, F32, -3, -3.0),
    ("u_to_f", I8, F32, -3, 253.0),
    ("u_to_f", I64, F64, -1, 2.0**64),
    ("f_to_s", F32, I32, -2.9, -2),
    ("f_to_s", F32, I32, 2.9, 2),
    ("f_to_u", F32, I32, 4e9, 4000000000 - 2**32),
    ("f_to_u", F64, I64, 2.0**63, -(2**63)),
    ("fcast", F32, F16, 1e9, math.inf),
    ("fcast", F32, BF16, 1.00390625, 1.0),
    ("bitcast", F32, I32, 1.0, 0x3F800000),
    ("bitcast", I32, F32, 0x3F800000, 1.0),
    ("bitcast", BF16, I16, -1.0, 0xBF80 - 2**16),
    ("bitcast", I16, BF16, 0x3F80, 1.0),
    ("bitcast", F16, I16, 1.0, 0x3C00),
]


@pytest.mark.parametrize(("op", "source", "target", "value", "want"), CONVERSIONS)
def test_conversions(op: str, source: Scalar, target: Scalar, value: Any, want: Any) -> None:
    array = semantics.as_type(np.array([value]), source)
    got = semantics.apply(node(op, (source,), target), array)
    assert got.dtype == semantics.NUMPY[target.name]
    assert got[0].item() == want


# --- graphs built by hand


def copy_graph(elem: Scalar, size: int) -> Function:
    """out[i] = -x[i] for i < n, with 5 in place of what is masked."""
    ids = itertools.count()
    pointer, tile = Type(Pointer(elem)), Type(elem, (size,))
    b = GraphBuilder(ids, (pointer, pointer, Type(I32)))
    x, o, n = b.args
    at = b.add("range", (), (Type(I32, (size,)),), {"start": 0, "end": size}).result

    def places(p: Value) -> Value:
        wide = b.add("splat", (p,), (pointer.with_shape((size,)),)).result
        return b.add("addptr", (wide, at), (wide.type,)).result

    limit = b.add("splat", (n,), (at.type,)).result
    mask = b.add("cmp", (at, limit), (Type(I1, (size,)),), {"predicate": "slt"}).result
    other = b.add("const", (), (tile,), {"value": 5.0}).result
    loaded = b.add("load", (places(x), mask, other), (tile,)).result
    made = b.add("neg", (loaded,), (tile,)).result
    b.add("store", (places(o), made), ())
    names = ("x", "o", "n")
    return Function("copy", tuple(map(Parameter, names, (a.type for a in b.args))), b.build())


def test_masked_load_takes_the_other_value() -> None:
    x, out = np.arange(5, dtype=np.float32), np.zeros(8, np.float32)
    evaluate(copy_graph(F32, 8), {0: x, 1: out}, {2: 5}, (1, 1, 1))
    np.testing.assert_array_equal(out, -np.array([0, 1, 2, 3, 4, 5, 5, 5], np.float32))


def test_bfloat16_memory_is_its_bits() -> None:
    x = np.array(mx.arange(8).astype(mx.bfloat16).view(mx.uint16))
    out = np.zeros(8, np.uint16)
    evaluate(copy_graph(BF16, 8), {0: x, 1: out}, {2: 8}, (1, 1, 1))
    got = mx.array(out).view(mx.bfloat16).astype(mx.float32)
    np.testing.assert_array_equal(np.array(got), -np.arange(8, dtype=np.float32))


@pytest.mark.parametrize("short", ["x", "o"])
def test_out_of_bounds_is_an_error_with_its_place(short: str) -> None:
    function = corpus.lifted(corpus.k_add)
    sizes = {"x": (50, 64), "o": (64, 50)}[short]
    x, out = (np.zeros(n, np.float32) for n in sizes)
    with pytest.raises(BadArgument, match=r"corpus\.py:\d+"):
        corpus.call(function, x, np.zeros(64, np.float32), out, 64)


# --- kernels

FORM = pytest.mark.parametrize("form", ["lifted", "fused"])


def prepared(kernel: Any, form: str) -> Function:
    function = corpus.lifted(kernel)
    return corpus.fused(function) if form == "fused" else function


def floats(*shape: int) -> Array:
    return np.random.default_rng(7).standard_normal(shape).astype(np.float32)


@FORM
def test_softmax(form: str) -> None:
    x, out = floats(5, 50), np.zeros((5, 50), np.float32)
    corpus.call(prepared(corpus.k_softmax, form), x, out, 50, 50, grid=(5,))
    e = np.exp(x - x.max(1, keepdims=True))
    np.testing.assert_allclose(out, e / e.sum(1, keepdims=True), rtol=1e-5)


@FORM
def test_matmul(form: str) -> None:
    a, b, out = floats(40, 24), floats(24, 33), np.zeros((40, 33), np.float32)
    corpus.call(prepared(corpus.k_matmul, form), a, b, out, 40, 33, 24, grid=(9,))
    np.testing.assert_allclose(out, a @ b, rtol=1e-4, atol=1e-5)


@FORM
def test_while_and_if(form: str) -> None:
    x, out = np.array([1, 6, 7, 27], np.int32), np.zeros(4, np.int32)
    corpus.call(prepared(corpus.k_collatz, form), x, out, grid=(4,))
    np.testing.assert_array_equal(out, [0, 8, 16, 111])


@FORM
def test_reduction_of_two_operands_takes_the_first_of_equals(form: str) -> None:
    x = np.round(floats(8, 16) * 2)
    value, index = np.zeros(8, np.float32), np.zeros(8, np.int32)
    corpus.call(prepared(corpus.k_argmax, form), x, value, index)
    np.testing.assert_array_equal(value, x.max(1))
    np.testing.assert_array_equal(index, x.argmax(1))


@FORM
def test_views(form: str) -> None:
    x, out = floats(8, 16), np.zeros((16, 8), np.float32)
    corpus.call(prepared(corpus.k_transpose, form), x, out)
    np.testing.assert_array_equal(out, x.T + x.reshape(16, 8))


@FORM
def test_atomics_count_duplicates_and_return_what_was_there(form: str) -> None:
    x = np.random.default_rng(1).integers(0, 10, 150).astype(np.int32)
    out = np.ones(10, np.int32)
    corpus.call(prepared(corpus.k_histogram, form), x, out, 150, grid=(3,))
    np.testing.assert_array_equal(out, np.bincount(x, minlength=10) + 1)
    ticket, places = np.array([2], np.int32), np.full(6, -1, np.int32)
    corpus.call(prepared(corpus.k_ticket, form), ticket, places, grid=(4,))
    np.testing.assert_array_equal(places, [-1, -1, 0, 1, 2, 3])
    assert ticket[0] == 6


@FORM
def test_boolean_memory(form: str) -> None:
    x, out = floats(16), np.zeros(16, np.bool_)
    corpus.call(corpus.lifted(corpus.k_positive), x, out)
    np.testing.assert_array_equal(out, x > 0)


def test_one_array_for_two_parameters() -> None:
    x, y = floats(64), floats(64)
    want = x + y
    corpus.call(corpus.lifted(corpus.k_add), x, y, x, 64)
    np.testing.assert_array_equal(x, want)


def test_bfloat16_scalars_and_tiles() -> None:
    kinds = ("*bf16", "*bf16", "*bf16", "i32")
    function = corpus.lifted(corpus.k_add, kinds)
    x = mx.array(floats(64)).astype(mx.bfloat16)
    bits, out = np.array(x.view(mx.uint16)), np.zeros(64, np.uint16)
    corpus.call(function, bits, bits, out, 64)
    np.testing.assert_array_equal(out, np.array((x + x).view(mx.uint16)))
