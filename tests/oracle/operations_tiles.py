"""Rows for whole tiles: reductions, scans, shapes, sorting, control flow, random numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import operation_kernels_control as c
import operation_kernels_tiles as k
from operations_rows import Form, Operands, Row, always, same
from operations_types import DTYPES, EIGHT_BITS, FLOATS, INTEGERS, NUMBERS, rounded

Array = npt.NDArray[Any]
BITS = ("bool", *INTEGERS)
NUMBERS_AND_BOOL = ("bool", *NUMBERS)
REALS = (*NUMBERS, *EIGHT_BITS)
N, M, USED = 16, 32, 509


def _pair(dtype: str, n: int, m: int, used: int) -> Operands:
    """Two tiles whose sums are exact: quarters, and powers of two. Ones from element `used` on."""
    rng = np.random.default_rng(n)
    shape = (n, m)
    if dtype == "bool":
        tiles = [rng.integers(0, 2, shape).astype(bool) for _ in range(2)]
    elif dtype in EIGHT_BITS:  # so few that all sums are exact
        few = np.zeros(n * m)
        few[rng.choice(used, 10, replace=False)] = [1, -1] * 5
        tiles = [rounded(few.reshape(shape), dtype), rounded(rng.choice([1.0, -1.0], shape), dtype)]
    elif dtype in FLOATS:
        quarters = rng.integers(-16, 17, shape) / 4.0
        powers = rng.choice([1.0, -1.0, 2.0, -2.0, 0.5, -0.5], shape)
        tiles = [rounded(quarters, dtype), rounded(powers, dtype)]
    else:
        info = np.iinfo(dtype)
        tiles = [
            rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True),
            rng.integers(1, 4, shape).astype(dtype),
        ]
        tiles[0].reshape(-1)[:4] = [info.max, info.min, 0, info.max]
    for tile in tiles:
        tile.reshape(-1)[used:] = 1
    return tuple(tiles)


def _form(name: str, n: int, m: int, used: int, **more: int) -> Form:
    constants = {"N": n, "M": m, **more}
    return Form(name, k.tile, lambda d: _pair(d, n, m, used), used, constants, most=24)


TILE = _form("tile", N, M, USED)
CONTROL = _form("control", 4, 8, 31)
SORTING = _form("sorting", 4, 8, 31)
ASSERTS = _form("asserts", 4, 8, 31, debug=True)


def _summed(dtype: str) -> str:
    """Triton's tl.sum: narrow integers become 32 bits wide."""
    if dtype in FLOATS or dtype.endswith("64"):
        return dtype
    return "uint32" if dtype.startswith("u") or dtype == "bool" else "int32"


def _largest(dtype: str) -> str:
    """Triton's tl.max and tl.min: narrow types become 32 bits wide."""
    if dtype in FLOATS:
        return "float64" if dtype == "float64" else "float32"
    return dtype if dtype.endswith(("32", "64")) else "int32"


def _wide(a: Array) -> Array:
    return a.astype(np.int64) if a.dtype == bool else a


def _last_smallest(x: Array) -> Array:
    return x.shape[1] - 1 - np.argmin(x[:, ::-1], axis=1)


def _running_last_smallest(x: Array) -> Array:
    parts = [_last_smallest(x[:, : j + 1]) for j in range(x.shape[1])]
    return np.stack(parts, 1)


def _sums(function: Callable[..., Any]) -> Callable[..., Array]:
    """Of integers modulo 2^64, narrowed by the row's result type."""

    def want(x: Array, y: Array) -> Array:
        return np.asarray(function(_wide(x)))

    return want


def _softmax(x: Array, y: Array) -> Array:
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def _reductions() -> list[Row]:
    def row(
        name: str, op: Any, dtypes: Iterable[str], want: Any, result: Any = same, **more: Any
    ) -> Row:
        return Row(name, "Reductions", TILE, op, tuple(dtypes), want, result, **more)

    index = always("int32")
    smallest, largest = (lambda x, y: _wide(x).min(0)), (lambda x, y: _wide(x).max(1))
    return [
        row("tl.sum, axis 1", k.sum_rows, DTYPES, _sums(lambda x: x.sum(1)), _summed),
        row("tl.sum, axis 0", k.sum_columns, DTYPES, _sums(lambda x: x.sum(0)), _summed),
        row("tl.sum, all", k.sum_all, DTYPES, _sums(lambda x: x.sum()), _summed),
        row("tl.sum, keep_dims", k.sum_kept, DTYPES, _sums(lambda x: x.sum(0)[None]), _summed),
        row("tl.sum, dtype", k.sum_wide, NUMBERS_AND_BOOL, _sums(_sum64), always("int64")),
        row("tl.max", k.max_rows, DTYPES, largest, _largest),
        row("tl.min", k.min_columns, DTYPES, smallest, _largest),
        row("tl.max, return_indices", k.max_of_indexed, DTYPES, largest, _indexed),
        row("tl.min, return_indices", k.index_of_min, DTYPES, lambda x, y: x.argmin(0), index),
        row("tl.argmax", k.argmax, DTYPES, lambda x, y: x.argmax(0), index),
        row("tl.argmin", k.argmin, DTYPES, lambda x, y: x.argmin(1), index),
        row("tl.xor_sum", k.xor_sum, BITS, lambda x, y: np.bitwise_xor.reduce(x, 1)),
        row("tl.reduce_or", k.reduce_or, BITS, lambda x, y: np.bitwise_or.reduce(x, 0)),
        row("tl.reduce", k.reduce_custom, DTYPES, lambda x, y: x.min(1)),
        row("tl.reduce, pair", k.reduce_pair, DTYPES, lambda x, y: _last_smallest(x), index),
        row("tl.softmax", k.softmax, tuple(FLOATS), _softmax, _largest, ulps=8),
    ]


def _sum64(x: Array) -> Array:
    return x.astype(np.int64).sum(1)


def _indexed(dtype: str) -> str:
    """_reduce_with_indices of Triton: only bfloat16 and narrow integers change."""
    return _largest(dtype)


def _scans() -> list[Row]:
    def row(name: str, op: Any, dtypes: Iterable[str], want: Any, result: Any = same) -> Row:
        return Row(name, "Scans", TILE, op, tuple(dtypes), want, result)

    least = np.minimum.accumulate
    running = _running_last_smallest
    return [
        row("tl.cumsum, axis 1", k.cumsum_rows, DTYPES, _sums(lambda x: x.cumsum(1)), _summed),
        row("tl.cumsum, axis 0", k.cumsum_columns, DTYPES, _sums(lambda x: x.cumsum(0)), _summed),
        row(
            "tl.cumsum, reverse",
            k.cumsum_reverse,
            DTYPES,
            _sums(lambda x: x[:, ::-1].cumsum(1)[:, ::-1]),
            _summed,
        ),
        row("tl.cumprod", k.cumprod, DTYPES, lambda x, y: _wide(y).cumprod(1), _summed),
        row("tl.associative_scan", k.scan_custom, DTYPES, lambda x, y: least(x, 1)),
        row(
            "tl.associative_scan, reverse",
            k.scan_reverse,
            DTYPES,
            lambda x, y: least(x[::-1], 0)[::-1],
        ),
        row(
            "tl.associative_scan, pair",
            k.scan_pair,
            DTYPES,
            lambda x, y: running(x),
            always("int32"),
        ),
    ]


def _where_upper(x: Array, y: Array) -> Array:
    flat = x.reshape(4, -1).copy()
    flat[2:] = 0
    return flat


def _gathered(x: Array, y: Array) -> Array:
    n, m = x.shape
    return np.take_along_axis(x, (np.arange(m)[None] * 5 + np.arange(n)[:, None]) % m, 1)


def _shapes() -> list[Row]:
    def row(name: str, op: Any, want: Any, dtypes: Iterable[str] = DTYPES) -> Row:
        return Row(name, "Shapes", TILE, op, tuple(dtypes), want, same)

    def moved(x: Array) -> Array:
        return x.reshape(4, N // 4, M).transpose(2, 0, 1)

    return [
        row("tl.trans", k.trans, lambda x, y: x.T),
        row("tl.permute", k.permute, lambda x, y: moved(x)),
        row("tl.reshape", k.reshape, lambda x, y: x.reshape(M, N)),
        row("tl.ravel", k.ravel, lambda x, y: x.reshape(-1)),
        row("tl.view", k.view, lambda x, y: x.reshape(N // 2, 2 * M)),
        row("tl.expand_dims", k.expand_dims, lambda x, y: x[:, None]),
        row("tl.squeeze, tl.unsqueeze", k.unsqueeze, lambda x, y: x),
        row("tl.broadcast", k.broadcast, _where_upper),
        row("tl.broadcast_to", k.broadcast_to, lambda x, y: np.stack([x, x])),
        row("tl.join", k.join, lambda x, y: np.stack([x, y], -1)),
        row("tl.split", k.split, lambda x, y: np.maximum(x[:, ::2], x[:, 1::2])),
        row("tl.cat", k.cat, lambda x, y: np.concatenate([x.reshape(-1), y.reshape(-1)])),
        row("tl.interleave", k.interleave, lambda x, y: np.stack([x, y], -1).reshape(N, -1)),
        row("tl.flip", k.flip, lambda x, y: x[:, ::-1]),
        row("tl.gather", k.gather, _gathered),
        row("tl.full", k.full, lambda x, y: np.full((8, 4), 3).astype(x.dtype)),
        row("tl.zeros", k.zeros, lambda x, y: np.zeros(16, x.dtype)),
    ]


def _counted(x: Array, y: Array, least: int = 0) -> Array:
    flat = x.reshape(-1)
    hits = [np.count_nonzero((flat == b) & (flat >= least)) for b in range(16)]
    return np.array(hits, np.int32)


def _sorting() -> list[Row]:
    def row(name: str, op: Any, want: Any, dtypes: Iterable[str], result: Any = same) -> Row:
        return Row(name, "Sorting and counting", SORTING, op, tuple(dtypes), want, result)

    def falling(x: Array) -> Array:
        return np.sort(x, 1)[:, ::-1]

    def merged(x: Array, y: Array) -> Array:
        return np.sort(np.concatenate([x, x], 1), 1)

    count = always("int32")
    return [
        row("tl.sort", k.sort, lambda x, y: np.sort(x, 1), DTYPES),
        row("tl.sort, descending", k.sort_descending, lambda x, y: falling(x), DTYPES),
        row("tl.topk", k.topk, lambda x, y: falling(x)[:, :4], DTYPES, _topk),
        row("tl.bitonic_merge", k.bitonic_merge, merged, DTYPES),
        row("tl.histogram", k.histogram, _counted, ("int32", "uint32"), count),
        row(
            "tl.histogram, mask",
            k.histogram_masked,
            lambda x, y: _counted(x, y, 4),
            ("int32", "uint32"),
            count,
        ),
    ]


def _topk(dtype: str) -> str:
    return _largest(dtype)


def _choose(condition: bool) -> Callable[[Array, Array], Array]:
    return lambda x, y: x if condition else y


def _stepwise(x: Array, y: Array) -> Array:
    for i in range(3):
        x = np.where(y > i, x, y)
    return x


def _control() -> list[Row]:
    n = CONTROL.n  # 31

    def row(
        name: str,
        op: Any,
        want: Any = _choose(True),
        dtypes: Iterable[str] = DTYPES,
        result: Any = same,
        form: Form = CONTROL,
        **more: Any,
    ) -> Row:
        return Row(name, "Control flow and hints", form, op, tuple(dtypes), want, result, **more)

    whole = always("int32")
    fixed = {"dtypes": ("int32",), "result": whole, "typed": False}
    return [
        row("tl.static_range", c.static_range, _stepwise),
        row("for", c.for_, _choose(n % 5 % 2 == 0)),
        row("for over tl.range, downwards", c.for_down, _choose(sum(range(n, 0, -7)) > 100)),
        row("while", c.while_, _choose(False)),
        row("if", c.if_, _choose(True)),
        row("if, elif, else", c.elif_, lambda x, y: x),
        row("a if n else b", c.conditional, _choose(False)),
        row("return in if", c.early, _choose(False)),
        row("if in for", c.if_in_for, _choose(sum(i * n > 100 for i in range(6)) % 2 == 0)),
        row("tl.assume", c.assume),
        row("tl.static_assert", c.static_assert),
        row("tl.debug_barrier", c.barrier),
        row("tl.device_print", c.said),
        row("tl.device_assert", c.asserted, form=ASSERTS),
        row("call with noinline", c.noinline),
        row("tl.map_elementwise", c.map_elementwise, lambda x, y: np.minimum(x, y)),
        row("tuples", c.tuples, lambda x, y: np.maximum(x, y)),
        row("tl.inline_asm_elementwise", c.inline_asm),
        row(
            "tl.multiple_of, max_contiguous, max_constancy",
            c.hints,
            lambda x, y: np.arange(32),
            **fixed,
        ),
        row("tl.program_id, tl.num_programs", c.programs, lambda x, y: np.array(3000), **fixed),
        row("tl.swizzle2d", c.swizzle2d, lambda x, y: _swizzled(8, 4, 2), **fixed),
    ]


def _swizzled(rows: int, columns: int, group: int) -> Array:
    """Places of an (8, 4) tile walked column by column within groups of rows."""
    number = np.arange(rows * columns).reshape(rows, columns)
    first = number // (group * columns) * group
    inside = number % (group * columns)
    return (first + inside % group) * columns + inside // group


def _product(a: Array, b: int, width: int) -> tuple[Array, Array]:
    """(upper half, lower half) of a * b."""
    whole = a.astype(object) * b
    mask = (1 << width) - 1
    return whole >> width, whole & mask


def _philox(seed: int, counter: list[Array], width: int = 32) -> list[Array]:
    """Philox 4x32-10 or 4x64-10 (Salmon et al., Parallel random numbers: as easy as 1, 2, 3)."""
    keys = {32: (0x9E3779B9, 0xBB67AE85), 64: (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)}[width]
    factors = {32: (0xD2511F53, 0xCD9E8D57), 64: (0xD2E7470EE14C6C93, 0xCA5A826395121157)}[width]
    mask = (1 << width) - 1
    k0, k1 = seed & mask, seed >> width
    c0, c1, c2, c3 = (a.astype(object) & mask for a in counter)
    for _ in range(10):
        high0, low0 = _product(c0, factors[0], width)
        high2, low2 = _product(c2, factors[1], width)
        c0, c1, c2, c3 = high2 ^ c1 ^ k0, low2, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + keys[0]) & mask, (k1 + keys[1]) & mask
    return [a.astype(f"uint{width}") for a in (c0, c1, c2, c3)]


def _randint4x(x: Array) -> list[Array]:
    zero = np.zeros_like(x)
    wide = x.astype(np.int64)
    high = zero if x.dtype.itemsize == 4 else wide >> 32
    return _philox(CONTROL.n, [wide & 0xFFFFFFFF, high, zero, zero])


def _four(parts: list[Array]) -> Array:
    """As join(join(a, b), join(c, d)) puts them."""
    a, b, c, d = parts
    return np.stack([np.stack([a, b], -1), np.stack([c, d], -1)], -1)


def _uniform(bits: Array) -> Array:
    signed = bits.view(np.int32).astype(np.int64)
    positive = np.where(signed < 0, ~signed, signed).astype(np.float32)
    return positive.astype(float) * float(np.float32(4.6566127342e-10))


def _normal(x: Array) -> Array:
    first, second = (_uniform(b).astype(np.float32).astype(float) for b in _randint4x(x)[:2])
    radius = np.sqrt(-2.0 * np.log(np.maximum(1e-7, first)))
    return radius * np.cos(6.283185307179586 * second)


def _random() -> list[Row]:
    def row(name: str, op: Any, want: Any, result: Any, dtypes: Any = None, **more: Any) -> Row:
        used = dtypes or ("int32", "uint32", "int64")
        return Row(name, "Random numbers", CONTROL, op, used, want, result, typed=False, **more)

    whole, real = always("uint32"), always("float32")

    def philox(x: Array, y: Array) -> Array:
        width = 8 * x.dtype.itemsize
        return _four(_philox(CONTROL.n, [x, x, x + x.dtype.type(1), y], width))

    unsigned = ("uint32", "uint64")
    return [
        row("tl.randint", c.randint, lambda x, y: _randint4x(x)[0], whole),
        row("tl.randint4x", c.randint4x, lambda x, y: _four(_randint4x(x)), whole),
        row("tl.rand", c.rand, lambda x, y: _uniform(_randint4x(x)[0]), real, ulps=1),
        row(
            "tl.rand4x",
            c.rand4x,
            lambda x, y: _uniform(_four(_randint4x(x))),
            real,
            ulps=1,
        ),
        row("tl.randn", c.randn, lambda x, y: _normal(x), real, atol=2e-6),
        row("tl.philox", c.philox, philox, same, unsigned),
    ]


TILE_ROWS = (*_reductions(), *_scans(), *_shapes(), *_sorting(), *_control(), *_random())
