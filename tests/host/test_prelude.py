"""Types and math of the host prelude against numpy, for g++ and clang."""

from __future__ import annotations

import ctypes
import math
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

PRELUDE = Path(__file__).resolve().parents[2] / "lowering" / "preludes"
FLAGS = [
    "-std=c++17",
    "-O3",
    "-march=native",
    "-fPIC",
    "-shared",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-exceptions",
    "-Wall",
    "-Wextra",
    "-Werror",
]
COMPILERS = ("g++", "clang++", "clang++-19")

Array = np.ndarray[Any, Any]
Reference = Callable[[Array], Array]

erf: Reference = np.vectorize(math.erf, otypes=[np.float64])


def half_away(x: Array) -> Array:
    """Round to the nearest integer, halves away from zero."""
    whole = np.trunc(x)
    return np.where(np.abs(x - whole) >= 0.5, whole + np.sign(x), whole)


# name: (reference in float64, ranges of x, allowed error in ulp)
UNARY: dict[str, tuple[Reference, list[tuple[float, float]], float]] = {
    "exp": (np.exp, [(-104, 88.7), (-1, 1)], 2),
    "exp2": (np.exp2, [(-150, 128), (-1, 1)], 2),
    "exp10": (lambda x: np.power(10.0, x), [(-45, 38.5), (-1, 1)], 2),
    "log": (np.log, [(0.5, 2), (1e-44, 1e-36), (0, 3e38)], 2),
    "log2": (np.log2, [(0.5, 2), (1e-44, 1e-36), (0, 3e38)], 2),
    "log10": (np.log10, [(0.5, 2), (1e-44, 1e-36), (0, 3e38)], 2),
    "sin": (np.sin, [(-7, 7), (-1e5, 1e5), (-1e-3, 1e-3), (1e6, 1e12), (-3e38, 3e38)], 2),
    "cos": (np.cos, [(-7, 7), (-1e5, 1e5), (-1e-3, 1e-3), (1e6, 1e12), (-3e38, 3e38)], 2),
    "tan": (np.tan, [(-7, 7), (-1e5, 1e5), (-1e-3, 1e-3), (1e6, 1e12), (-3e38, 3e38)], 4),
    "tanh": (np.tanh, [(-1, 1), (-12, 12), (-1e-3, 1e-3)], 2),
    "erf": (erf, [(-1, 1), (-6, 6), (-1e-3, 1e-3)], 2),
    "sqrt": (np.sqrt, [(0, 10), (0, 1e38)], 0.5),
    "rsqrt": (lambda x: 1 / np.sqrt(x), [(1e-3, 10), (1, 1e38)], 2),
    "floor": (np.floor, [(-9, 9), (-1e9, 1e9)], 0),
    "ceil": (np.ceil, [(-9, 9), (-1e9, 1e9)], 0),
    "trunc": (np.trunc, [(-9, 9), (-1e9, 1e9)], 0),
    "rint": (np.rint, [(-9, 9), (-1e9, 1e9)], 0),
    "round": (half_away, [(-9, 9), (-1e9, 1e9)], 0),
    "fabs": (np.abs, [(-9, 9)], 0),
    "abs": (np.abs, [(-9, 9)], 0),
    "sign": (np.sign, [(-9, 9)], 0),
    "sinh": (np.sinh, [(-5, 5)], 2),
    "cosh": (np.cosh, [(-5, 5)], 2),
    "asin": (np.arcsin, [(-1, 1)], 2),
    "acos": (np.arccos, [(-1, 1)], 2),
    "atan": (np.arctan, [(-5, 5)], 2),
}
BINARY: dict[str, Callable[[Array, Array], Array]] = {
    "fmin": np.fmin,
    "fmax": np.fmax,
    "min": np.fmin,
    "max": np.fmax,
    "minimum_nan": np.minimum,
    "maximum_nan": np.maximum,
    "fmod": np.fmod,
    "copysign": np.copysign,
    "atan2": np.arctan2,
    "pow": np.power,
}
# Loops over these must become vector code and call no library. (min and max have the body of fmin
# and fmax, and g++ merges equal functions, so its report would not name them.)
VECTORISED = [
    "exp",
    "exp2",
    "exp10",
    "log",
    "log2",
    "log10",
    "sin",
    "cos",
    "tan",
    "tanh",
    "erf",
    "sqrt",
    "rsqrt",
    "floor",
    "ceil",
    "trunc",
    "rint",
    "round",
    "fabs",
    "sign",
    "fmin",
    "fmax",
    "minimum_nan",
    "maximum_nan",
    "copysign",
]
SMALL = ("half", "bfloat")
OPERATORS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
CASTS = {"int": "i4", "float": "f4", "double": "f8", "bool": "?", "long": "i8", "uchar": "u1"}
INTEGERS = {
    "char": "i1",
    "uchar": "u1",
    "short": "i2",
    "int": "i4",
    "uint": "u4",
    "long": "i8",
    "ulong": "u8",
}


def inlined(name: str) -> str:
    """The header with the prelude's own includes pasted in, as the emitter writes it."""
    text = (PRELUDE / name).read_text()
    return re.sub(r'#include "(\w+\.h)"', lambda m: inlined(m.group(1)), text)


def loop(name: str, result: str, arguments: list[str], value: str) -> str:
    """A C function of one line: out[i] = value for arrays p0, p1 ... of the argument types."""
    parameters = "".join(f"const {t}* __restrict p{i}, " for i, t in enumerate(arguments))
    return (
        f'extern "C" void {name}({parameters}{result}* __restrict out, long n)'
        f" {{ for (long i = 0; i < n; ++i) out[i] = {value}; }}\n"
    )


def loops() -> str:
    """Every function under test, one per line."""
    parts = [loop(f"f_{n}", "float", ["float"], f"metal::{n}(p0[i])") for n in UNARY]
    parts += [loop(f"f_{n}", "float", ["float"] * 2, f"metal::{n}(p0[i], p1[i])") for n in BINARY]
    parts += [loop("f_fma", "float", ["float"] * 3, "metal::precise::fma(p0[i], p1[i], p2[i])")]
    parts += [loop("f_clamp", "float", ["float"] * 3, "fast::clamp(p0[i], p1[i], p2[i])")]
    parts += [
        loop(f"is_{n}", "bool", ["float"], f"metal::is{n}(p0[i])") for n in ("nan", "inf", "finite")
    ]
    for t in SMALL:
        for cpp in CASTS:
            parts.append(loop(f"{t}_to_{cpp}", cpp, [t], f"static_cast<{cpp}>(p0[i])"))
            parts.append(loop(f"{cpp}_to_{t}", t, [cpp], f"static_cast<{t}>(p0[i])"))
        parts += [loop(f"{t}_{n}", t, [t, t], f"p0[i] {o} p1[i]") for n, o in OPERATORS.items()]
        parts.append(loop(f"{t}_neg", t, [t], "-p0[i]"))
        parts.append(loop(f"{t}_less", "bool", [t, t], "p0[i] < p1[i]"))
        parts.append(loop(f"{t}_chain", t, [t, t], "p0[i] * p1[i] + p0[i]"))
        parts.append(loop(f"{t}_exp", t, [t], "exp(p0[i])"))
        parts.append(loop(f"{t}_max", t, [t, t], "max(p0[i], p1[i])"))
    parts.append(loop("half_to_bfloat", "bfloat", ["half"], "static_cast<bfloat>(p0[i])"))
    for t in INTEGERS:
        for n in ("popcount", "clz", "ctz", "abs"):
            parts.append(loop(f"{t}_{n}", t, [t], f"metal::{n}(p0[i])"))
        parts.append(loop(f"{t}_min", t, [t, t], "metal::min(p0[i], p1[i])"))
    for t in ("int", "uint", "long", "ulong"):
        parts.append(loop(f"{t}_mulhi", t, [t, t], "metal::mulhi(p0[i], p1[i])"))
    return "".join(parts)


# What must hold while compiling: words without meaning on the host, and result types.
STATIC = """
METAL_FUNC uint sum(device const uint3* p, constant float& c, thread int* t, threadgroup half* g) {
  return p->x + uint(c) + uint(*t) + uint(*g);
}
static_assert(is_same_v<decltype(half() + half()), half>, "");
static_assert(is_same_v<decltype(half() + 1), half>, "");
static_assert(is_same_v<decltype(half() + 1.0f), float>, "");
static_assert(is_same_v<decltype(bfloat() * half()), float>, "");
static_assert(is_same_v<decltype(max(half(), half())), half>, "");
static_assert(as_type<uint>(1.0f) == 0x3F800000u, "");
"""


class Library:
    """The compiled loops; `call` runs one over whole arrays."""

    def __init__(self, path: Path, source: str, notes: str) -> None:
        self.path, self.source, self.notes = path, source, notes
        self.functions = ctypes.CDLL(str(path))

    def call(self, name: str, result: str, *arrays: Array) -> Array:
        out: Array = np.zeros(arrays[0].size, result)
        inputs = [np.ascontiguousarray(a) for a in arrays]
        pointers = [ctypes.c_void_p(a.ctypes.data) for a in [*inputs, out]]
        getattr(self.functions, name)(*pointers, ctypes.c_long(out.size))
        return out


@pytest.fixture(scope="module", params=COMPILERS)
def lib(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Library]:
    compiler: str = request.param
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    folder = tmp_path_factory.mktemp("prelude")
    source = inlined("host.h") + STATIC + loops()
    (folder / "prelude.cpp").write_text(source)
    report = "-Rpass=loop-vectorize" if "clang" in compiler else "-fopt-info-vec-optimized"
    command = [compiler, *FLAGS, report, "prelude.cpp", "-o", "prelude.so"]
    # Warnings are errors, but clang's remarks are not warnings.
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    yield Library(folder / "prelude.so", source, done.stderr)


def ulps(got: Array, exact: Array) -> Array:
    """|got - exact| in units of the last place of the float32 nearest to `exact` (finite there)."""
    nearest = exact.astype(np.float32)
    return np.abs(got.astype(np.float64) - exact) / np.spacing(np.abs(nearest)).astype(np.float64)


def same(got: Array, expected: Array) -> bool:
    return bool(np.array_equal(got, expected, equal_nan=got.dtype.kind == "f"))


@pytest.mark.parametrize("name", UNARY)
def test_accuracy(lib: Library, name: str) -> None:
    reference, ranges, allowed = UNARY[name]
    rng = np.random.default_rng(1)
    for low, high in ranges:
        x = rng.uniform(low, high, 40_000).astype(np.float32)
        if low >= 0:  # all magnitudes, not only the largest
            first, last = np.array([low, high], np.float32).view(np.int32).tolist()
            bits = rng.integers(first + 1, last, 40_000)
            x = bits.astype(np.int32).view(np.float32)
        error = ulps(lib.call(f"f_{name}", "f4", x), reference(x.astype(np.float64)))
        assert error.max() <= allowed, (name, x[error.argmax()], error.max())


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        ("exp", [0, -0.0, np.inf, -np.inf, 1e30, -1e30], [1, 1, np.inf, 0, np.inf, 0]),
        ("exp2", [0, 1, 10, -149, np.inf, -np.inf], [1, 2, 1024, 2.0**-149, np.inf, 0]),
        ("exp10", [0, np.inf, -np.inf, 100], [1, np.inf, 0, np.inf]),
        ("log", [0, -0.0, 1, np.inf, -1, -np.inf], [-np.inf, -np.inf, 0, np.inf, np.nan, np.nan]),
        ("log2", [0, 1, 8, 2.0**-149, np.inf, -1], [-np.inf, 0, 3, -149, np.inf, np.nan]),
        ("log10", [0, 1, np.inf, -1], [-np.inf, 0, np.inf, np.nan]),
        ("sin", [0, np.inf, -np.inf], [0, np.nan, np.nan]),
        ("cos", [0, np.inf, -np.inf], [1, np.nan, np.nan]),
        ("tan", [0, np.inf], [0, np.nan]),
        ("tanh", [0, np.inf, -np.inf, 50, -50], [0, 1, -1, 1, -1]),
        ("erf", [0, np.inf, -np.inf, 50, -50], [0, 1, -1, 1, -1]),
        ("sqrt", [0, np.inf, -1], [0, np.inf, np.nan]),
        ("rsqrt", [0, np.inf, -1], [np.inf, 0, np.nan]),
        ("round", [0.5, -0.5, 2.5, 0.49999997, 8388609, np.inf], [1, -1, 3, 0, 8388609, np.inf]),
        ("sign", [0, np.inf, -np.inf], [0, 1, -1]),
    ],
)
def test_special_values(lib: Library, name: str, x: list[float], expected: list[float]) -> None:
    # Sixteen copies each, so that the vector loop and not only its tail sees them.
    got = lib.call(f"f_{name}", "f4", np.repeat(np.array(x, np.float32), 16))
    assert same(got, np.repeat(np.array(expected, np.float32), 16)), got[::16]


def test_nan_in_gives_nan_out(lib: Library) -> None:
    nan = np.full(33, np.nan, np.float32)
    for name in UNARY:
        got = lib.call(f"f_{name}", "f4", nan)
        assert np.all(got == 0 if name == "sign" else np.isnan(got)), name  # Metal: sign(NaN) is 0


@pytest.mark.parametrize("name", BINARY)
def test_binary(lib: Library, name: str) -> None:
    rng = np.random.default_rng(2)
    x, y = rng.uniform(0.1, 9, (2, 10_000)).astype(np.float32)
    if name in ("fmin", "fmax", "min", "max", "minimum_nan", "maximum_nan", "copysign"):
        special = np.array([np.nan, np.inf, -np.inf, -1.0, 2.0], np.float32)
        x, y = np.append(x, np.repeat(special, 5)), np.append(y, np.tile(special, 5))
    exact = BINARY[name](x.astype(np.float64), y.astype(np.float64))
    got = lib.call(f"f_{name}", "f4", x, y)
    finite = np.isfinite(exact)
    assert same(got[~finite], exact[~finite].astype(np.float32))
    limit = 2 if name in ("atan2", "pow") else 0.5
    assert ulps(got[finite], exact[finite]).max() <= limit


def test_fma_clamp_and_predicates(lib: Library) -> None:
    rng = np.random.default_rng(3)
    x, y, z = rng.standard_normal((3, 10_000)).astype(np.float32)
    # The product of two floats is exact in double; these sums then round once more at most.
    exact = x.astype(np.float64) * y + z
    assert ulps(lib.call("f_fma", "f4", x, y, z), exact).max() <= 0.5001
    low, high = np.minimum(y, z), np.maximum(y, z)
    assert same(lib.call("f_clamp", "f4", x, low, high), np.clip(x, low, high))
    odd = np.array([np.nan, np.inf, -np.inf, 0, -3, 1e-45] * 6, np.float32)
    for name, reference in (("nan", np.isnan), ("inf", np.isinf), ("finite", np.isfinite)):
        assert same(lib.call(f"is_{name}", "?", odd), reference(odd))


def bfloat_decode(bits: Array) -> Array:
    return (bits.astype(np.uint32) << 16).view(np.float32)


def bfloat_encode(x: Array) -> Array:
    """Nearest even from float32 by comparing both neighbours in float64; NaN is 0x7FC0."""
    down = (x.view(np.uint32) >> 16).astype(np.uint16)
    up = (down + np.uint16(1)).astype(np.uint16)
    with np.errstate(invalid="ignore"):
        exact, a, b = (v.astype(np.float64) for v in (x, bfloat_decode(down), bfloat_decode(up)))
        b = np.where(np.isinf(b), np.copysign(2.0**128, b), b)  # where infinity would be
        nearer = np.abs(b - exact) < np.abs(exact - a)
        tie = (np.abs(b - exact) == np.abs(exact - a)) & (down % 2 == 1)
    rounded = np.where((nearer | tie) & np.isfinite(x), up, down)
    return np.where(np.isnan(x), np.uint16(0x7FC0), rounded).astype(np.uint16)


def decode(kind: str, bits: Array) -> Array:
    return bits.view(np.float16).astype(np.float32) if kind == "half" else bfloat_decode(bits)


def encode(kind: str, x: Array) -> Array:
    with np.errstate(over="ignore"):
        return x.astype(np.float16).view(np.uint16) if kind == "half" else bfloat_encode(x)


def same_small(kind: str, got: Array, expected: Array) -> bool:
    """Equal bits, except that every NaN equals every NaN."""
    a, b = decode(kind, got), decode(kind, expected)
    return bool(np.all((got == expected) | (np.isnan(a) & np.isnan(b))))


ALL_BITS = np.arange(65536, dtype=np.uint16)


@pytest.mark.parametrize("kind", SMALL)
def test_every_bit_pattern_decodes_and_comes_back(lib: Library, kind: str) -> None:
    decoded = lib.call(f"{kind}_to_float", "f4", ALL_BITS)
    assert same(decoded, decode(kind, ALL_BITS))
    assert np.array_equal(np.signbit(decoded), ALL_BITS >= 0x8000)
    assert same_small(kind, lib.call(f"float_to_{kind}", "u2", decoded), ALL_BITS)
    assert np.array_equal(lib.call(f"{kind}_neg", "u2", ALL_BITS), ALL_BITS ^ np.uint16(0x8000))


@pytest.mark.parametrize("kind", SMALL)
def test_rounding_of_floats(lib: Library, kind: str) -> None:
    rng = np.random.default_rng(4)
    bits = rng.integers(0, 2**32, 500_000, dtype=np.uint32)
    normal = (rng.standard_normal(250_000) * 2.0 ** rng.integers(-30, 20, 250_000)).astype(
        np.float32
    )
    # Half-way points between neighbours, and one step to each side of them.
    patterns = rng.integers(0, 0x7C00 if kind == "half" else 0x7F80, 83_334).astype(np.uint16)
    a, b = decode(kind, patterns), decode(kind, patterns + np.uint16(1))
    with np.errstate(over="ignore", invalid="ignore"):
        middle = ((a.astype(np.float64) + b) / 2).astype(np.float32)
    around = np.concatenate([middle, np.nextafter(middle, np.float32(0)), np.nextafter(middle, b)])
    x = np.concatenate([bits.view(np.float32), normal, around])
    assert same_small(kind, lib.call(f"float_to_{kind}", "u2", x), encode(kind, x))


@pytest.mark.parametrize("kind", SMALL)
def test_casts(lib: Library, kind: str) -> None:
    values = ALL_BITS[np.isfinite(decode(kind, ALL_BITS))]
    values = values[np.abs(decode(kind, values)) < 2.0**31]
    floats = decode(kind, values)
    for cpp in ("int", "long", "double", "bool"):
        assert same(lib.call(f"{kind}_to_{cpp}", CASTS[cpp], values), floats.astype(CASTS[cpp])), (
            cpp
        )
    bytes_only = values[(floats >= 0) & (floats < 256)]
    expected = decode(kind, bytes_only).astype(np.uint8)
    assert same(lib.call(f"{kind}_to_uchar", "u1", bytes_only), expected)
    integers = np.arange(-70000, 70000, dtype=np.int32)
    for cpp in ("int", "long", "uchar", "bool"):
        typed = integers.astype(CASTS[cpp])
        expected = encode(kind, typed.astype(np.float32))
        assert same_small(kind, lib.call(f"{cpp}_to_{kind}", "u2", typed), expected), cpp


def test_double_to_half_rounds_once(lib: Library) -> None:
    rng = np.random.default_rng(5)
    # Just above a half-way point: rounding through float first would land on the tie.
    base = rng.integers(0, 0x7BFF, 20_000).astype(np.uint16)
    a, b = (decode("half", v).astype(np.float64) for v in (base, base + np.uint16(1)))
    x = np.concatenate(
        [(a + b) / 2 * (1 + 1e-12), (a + b) / 2 * (1 - 1e-12), [1e300, np.nan, -np.inf]]
    )
    with np.errstate(over="ignore"):
        expected = x.astype(np.float16).view(np.uint16)
    assert same_small("half", lib.call("double_to_half", "u2", x), expected)


@pytest.mark.parametrize("kind", SMALL)
def test_arithmetic_rounds_after_every_operation(lib: Library, kind: str) -> None:
    rng = np.random.default_rng(6)
    x, y = encode(kind, rng.standard_normal((2, 20_000)).astype(np.float32).ravel()).reshape(2, -1)
    a, b = decode(kind, x), decode(kind, y)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = {"add": a + b, "sub": a - b, "mul": a * b, "div": a / b}
    for name, value in expected.items():
        assert same_small(kind, lib.call(f"{kind}_{name}", "u2", x, y), encode(kind, value)), name
    chain = decode(kind, encode(kind, a * b)) + a
    assert same_small(kind, lib.call(f"{kind}_chain", "u2", x, y), encode(kind, chain))
    assert same(lib.call(f"{kind}_less", "?", x, y), a < b)
    assert same_small(kind, lib.call(f"{kind}_max", "u2", x, y), encode(kind, np.maximum(a, b)))
    exps = lib.call("f_exp", "f4", a)
    assert same_small(kind, lib.call(f"{kind}_exp", "u2", x), encode(kind, exps))


def test_half_to_bfloat(lib: Library) -> None:
    expected = bfloat_encode(decode("half", ALL_BITS))
    assert same_small("bfloat", lib.call("half_to_bfloat", "u2", ALL_BITS), expected)


@pytest.mark.parametrize("cpp", INTEGERS)
def test_integers(lib: Library, cpp: str) -> None:
    kind = np.dtype(INTEGERS[cpp])
    limits, rng, bits = np.iinfo(kind), np.random.default_rng(7), kind.itemsize * 8
    x, y = rng.integers(limits.min, limits.max, (2, 500), dtype=kind, endpoint=True)
    x = np.append(x >> rng.integers(0, bits - 1, 500).astype(kind), [0, 1]).astype(kind)
    y = np.append(y, [3, 4]).astype(kind)
    words = [format(int(v) % 2**bits, f"0{bits}b") for v in x]
    expected = {
        "popcount": [w.count("1") for w in words],
        "clz": [len(w) - len(w.lstrip("0")) for w in words],
        "ctz": [len(w) - len(w.rstrip("0")) for w in words],
        "abs": np.abs(x).tolist(),  # the smallest value has no positive twin and stays
    }
    for name, values in expected.items():
        assert lib.call(f"{cpp}_{name}", INTEGERS[cpp], x).tolist() == values, name
    assert same(lib.call(f"{cpp}_min", INTEGERS[cpp], x, y), np.minimum(x, y))
    if bits >= 32:
        high = [(int(a) * int(b)) >> bits for a, b in zip(x, y, strict=True)]
        assert lib.call(f"{cpp}_mulhi", INTEGERS[cpp], x, y).tolist() == high


def test_loops_are_vector_code(lib: Library) -> None:
    """The compiler's own report names the line of every loop that it vectorised."""
    lines = {int(n) for n in re.findall(r"prelude\.cpp:(\d+):\d+: .*vectorized", lib.notes)}
    names = [f"f_{n}" for n in VECTORISED] + [f"{t}_{o}" for t in SMALL for o in OPERATORS]
    names += ["f_fma", "f_clamp"] + [f"{t}_{n}" for t in SMALL for n in ("chain", "exp")]
    names += [f"{t}_to_float" for t in SMALL] + [f"float_to_{t}" for t in SMALL]
    text = lib.source.splitlines()
    line_of = {
        m.group(1): i for i, s in enumerate(text, 1) if (m := re.match(r'extern "C" void (\w+)', s))
    }
    assert [n for n in names if line_of[n] not in lines] == []


def test_common_functions_call_no_library(lib: Library) -> None:
    tool = shutil.which("nm")
    if tool is None:
        pytest.skip("binutils are not installed")
    listing = subprocess.run(
        [tool, "-u", str(lib.path)], capture_output=True, text=True, check=True
    )
    called = set(re.findall(r"\bU (\w+)", listing.stdout))
    assert "powf" in called  # so an empty listing cannot pass
    assert called.isdisjoint({f"{name}f" for name in VECTORISED})
