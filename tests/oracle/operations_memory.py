"""Rows for loads, stores, atomics and products."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import operation_kernels_memory as k
from operations_rows import Form, Operands, Row, same
from operations_types import DTYPES, EIGHT_BITS, FLOATS, WIDE_FLOATS, rounded

Array = npt.NDArray[Any]
N = 64
BLANK = 7  # what outputs hold before


def _values(dtype: str) -> Operands:
    """Two arrays without zeros of which sums are exact, and a permutation."""
    rng = np.random.default_rng(5)
    if dtype == "bool":
        x, y = (rng.integers(0, 2, N).astype(bool) for _ in range(2))
    elif dtype in FLOATS:
        x, y = (rounded(rng.integers(1, 17, N) * rng.choice([-0.25, 0.25], N), dtype) for _ in "xy")
    else:
        info = np.iinfo(dtype)
        x, y = (rng.integers(info.min, info.max, N, dtype=dtype, endpoint=True) for _ in "xy")
    return x, y, rng.permutation(N).astype(np.int32)


def _types(dtype: str) -> tuple[str, ...]:
    return dtype, dtype, "int32"


def _form(name: str, kernel: Any, most: int, apart: bool = False) -> Form:
    return Form(name, kernel, _values, N + 1, {"N": N}, types=_types, most=most, apart=apart)


MEMORY = _form("memory", k.memory, 9)
ATOMICS = _form("atomics", k.memory, 9)
RESULTS = _form("atomics with results", k.memory_apart, 7, apart=True)
USED = N + 1 - 9  # elements under the mask


def _blank(a: Array, count: int = N) -> Array:
    return np.full(count, BLANK).astype(a.dtype)


def _masked(x: Array, y: Array, p: Array) -> Array:
    c = np.arange(N)
    return np.where((c % 3 != 1) & (c < USED), x, _blank(x))


def _scattered(x: Array, y: Array, p: Array) -> Array:
    found = _blank(x)
    found[p] = x
    return found


def _chosen(x: Array, y: Array, p: Array) -> Array:
    return np.where(np.arange(N) < 9, x, x[::-1])


def _described(x: Array, y: Array, p: Array) -> Array:
    found = _blank(x).reshape(4, 16)
    found[:3, :15] = x.reshape(4, 16)[:3, :15]
    found[:3, 15:] = np.zeros(1, x.dtype)
    return found


def _bytes(dtype: str, x: Array, y: Array, p: Array) -> Array:
    """The first N bytes are copied."""
    width = N * 8 // max(8, 8 * _size(dtype))
    return np.where(np.arange(N) < width, x, _blank(x))


def _size(dtype: str) -> int:
    if dtype in FLOATS:
        return FLOATS[dtype].bits // 8
    return np.dtype(dtype).itemsize


def _memory() -> list[Row]:
    def row(
        name: str, op: Any, want: Any, dtypes: Iterable[str] = DTYPES, raw: bool = False
    ) -> Row:
        return Row(name, "Memory", MEMORY, op, tuple(dtypes), want, same, raw=raw)

    def first(x: Array, y: Array, p: Array) -> Array:
        return x

    def second_only(x: Array, y: Array, p: Array) -> Array:
        return np.array([_blank(x)[0], x[5]])

    def other(x: Array, y: Array, p: Array) -> Array:
        return np.where(np.arange(N) < USED, x, np.asarray(3).astype(x.dtype))

    def mixed(x: Array, y: Array, p: Array) -> Array:
        return np.where(np.arange(N) < 9, x, y)

    return [
        row("tl.load, mask and other", k.load_other, other),
        row("tl.store, mask", k.store_mask, _masked),
        row("tl.load and tl.store, scalar", k.scalar, lambda x, y, p: x[USED : USED + 1]),
        row("tl.load and tl.store, masked scalar", k.scalar_masked, second_only),
        row("tl.load, indexed", k.indexed_load, lambda x, y, p: x[p]),
        row("tl.store, indexed", k.indexed_store, _scattered),
        row("volatile, cache_modifier, eviction_policy", k.hinted, mixed),
        row("pointer carried by a loop", k.pointer_in_loop, first),
        row("pointer chosen, one array", k.pointer_chosen, _chosen),
        row("pointer chosen by a scalar, two arrays", k.pointer_of_two, first),
        row("pointer chosen per element, two arrays", k.pointer_per_element, mixed),
        row("pointer cast", k.pointer_to_other_type, _bytes, raw=True),
        row("tl.make_tensor_descriptor", k.descriptor, _described, DTYPES[1:]),
    ]


def _folded(function: Any) -> Callable[..., Array]:
    """Element c of those under the mask goes to place c % 8."""

    def want(x: Array, y: Array, p: Array) -> Array:
        found = _blank(x, 8)
        with np.errstate(all="ignore"):
            for c in range(USED):
                found[c % 8] = function(found[c % 8], x[c])
        return found

    return want


def _folded_bits(function: Any) -> Callable[..., Array]:
    """The same on the operands' bits."""

    def want(dtype: str, x: Array, y: Array, p: Array) -> Array:
        unsigned = f"u{x.dtype.itemsize}"
        found, bits = _blank(x, 8).view(unsigned), x.view(unsigned)
        for c in range(USED):
            found[c % 8] = function(found[c % 8], bits[c])
        return found.view(x.dtype)

    return want


WORDS = ("int32", "uint32", "int64", "uint64")
SUMS = (*WORDS, *WIDE_FLOATS)
ORDERED = (*WORDS, "float32", "float64")
SWAPPED = (*WORDS, "float32", "float64")
POLLED = ("int16", "uint16", *WORDS)
COMPARED = ("int16", "uint16", *WORDS, *WIDE_FLOATS)


def _atomics() -> list[Row]:
    def row(name: str, op: Any, dtypes: Iterable[str], want: Any, raw: bool = False) -> Row:
        return Row(name, "Atomics", ATOMICS, op, tuple(dtypes), want, same, raw=raw)

    def result(name: str, op: Any, dtypes: Iterable[str], want: Any = _old) -> Row:
        return Row(name, "Atomics", RESULTS, op, tuple(dtypes), want, same)

    def swapped(x: Array, y: Array, p: Array) -> Array:
        return np.where(np.arange(N) < USED, x, _blank(x))

    def compared(x: Array, y: Array, p: Array) -> Array:
        return np.where(x == BLANK, y, _blank(x))

    return [
        row("tl.atomic_add", k.atomic_add, SUMS, _folded(np.add)),
        row("tl.atomic_max", k.atomic_max, ORDERED, _folded(np.maximum)),
        row("tl.atomic_min", k.atomic_min, ORDERED, _folded(np.minimum)),
        row("tl.atomic_and", k.atomic_and, ORDERED, _folded_bits(np.bitwise_and), raw=True),
        row("tl.atomic_or", k.atomic_or, ORDERED, _folded_bits(np.bitwise_or), raw=True),
        row("tl.atomic_xor", k.atomic_xor, ORDERED, _folded_bits(np.bitwise_xor), raw=True),
        row("tl.atomic_xchg", k.atomic_xchg, SWAPPED, swapped),
        row("tl.atomic_cas", k.cas_result, COMPARED, compared),
        row("tl.atomic_add, scalar", k.atomic_scalar, SUMS, lambda x, y, p: x[:2] + _blank(x)[:2]),
        row("tl.atomic_store", k.atomic_store, DTYPES, swapped),
        row("tl.atomic_load", k.atomic_load, DTYPES, lambda x, y, p: x),
        result("tl.atomic_add, result used", k.old_add, SUMS),
        result("tl.atomic_max, result used", k.old_max, ORDERED),
        result("tl.atomic_min, result used", k.old_min, ORDERED),
        result("tl.atomic_and, result used", k.old_and, ORDERED),
        result("tl.atomic_or, result used", k.old_or, ORDERED),
        result("tl.atomic_xor, result used", k.old_xor, ORDERED),
        result("tl.atomic_xchg, result used", k.old_xchg, SWAPPED),
        result("tl.atomic_cas, result used", k.old_cas, COMPARED, lambda x, y, p: x),
        result("tl.atomic_poll", k.atomic_poll, POLLED, lambda x, y, p: x[:1]),
    ]


def _old(x: Array, y: Array, p: Array) -> Array:
    return y


SIDE = 32


def _factors(dtype: str) -> Operands:
    """Two squares whose products and their sums are exact in 32 bits."""
    rng = np.random.default_rng(6)
    if dtype in FLOATS:
        return tuple(rounded(rng.integers(-8, 9, (SIDE, SIDE)) / 4.0, dtype) for _ in "ab")
    low = 0 if dtype.startswith("u") else -9
    return tuple(rng.integers(low, 10, (SIDE, SIDE)).astype(dtype) for _ in "ab")


PRODUCTS = Form("products", k.products, _factors, 0, {"N": SIDE}, most=8)


def _accumulated(dtype: str) -> str:
    if dtype not in FLOATS:
        return "int32"
    return dtype if dtype == "float64" else "float32"


def _product(a: Array, b: Array) -> Array:
    wide = np.float64 if a.dtype.kind == "f" else np.int64
    return a.astype(wide) @ b.astype(wide)


def _batched(a: Array, b: Array) -> Array:
    return _product(a.reshape(2, SIDE // 2, SIDE), b.reshape(2, SIDE, SIDE // 2))


def _products() -> list[Row]:
    def row(name: str, op: Any, dtypes: Any, want: Any, result: Any = _accumulated) -> Row:
        typed = dtypes is kinds
        return Row(name, "Products", PRODUCTS, op, dtypes, want, result, typed=typed)

    kinds = ("int8", *WIDE_FLOATS, *EIGHT_BITS)
    half = ("float16", "bfloat16", "float32", *EIGHT_BITS)

    def scaled(dtype: str, a: Array, b: Array) -> Array:
        return (_product(a, b) * (4 if dtype in EIGHT_BITS else 1)).astype(np.float32)

    scaled_kinds = ("float16", "bfloat16", *EIGHT_BITS)
    return [
        row("tl.dot", k.dot, kinds, _product),
        row("tl.dot, tl.trans", k.dot_trans, kinds, lambda a, b: _product(a.T, b.T)),
        row("tl.dot, acc", k.dot_acc, kinds, lambda a, b: _product(a, b) + 2 * _product(b, a)),
        row("tl.dot, out_dtype float16", k.dot_half, half, _product, lambda d: "float16"),
        row("tl.dot, tf32", k.dot_tf32, ("float32",), _product),
        row("tl.dot, tf32x3", k.dot_tf32x3, ("float32",), _product),
        row("tl.dot, batched", k.dot_batched, kinds, _batched),
        Row(
            "tl.dot_scaled",
            "Products",
            PRODUCTS,
            k.dot_scaled,
            scaled_kinds,
            scaled,
            _accumulated,
            raw=True,
            typed=False,
        ),
    ]


MEMORY_ROWS = (*_memory(), *_atomics(), *_products())
