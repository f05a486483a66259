"""Every barrier of an emitted kernel is needed: without it, the simulator's checked mode finds a race.

This tests both sides: a barrier too many in the emitter, and a race that the checker does not see.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
import triton
import triton.language as tl

import triton_mlx
from triton_mlx.examples import attention, dropout, elementwise, layernorm, matmul, softmax
from triton_mlx.runtime import metal
from triton_mlx.runtime.simulator import simulate


@triton.jit
def gather_kernel(x_ptr, out_ptr, N: tl.constexpr):
    at = tl.arange(0, N)
    x = tl.gather(tl.load(x_ptr + at), (at + 1) % N, axis=0)
    tl.store(out_ptr + at, tl.gather(x, (at * 3 + 7) % N, axis=0))


@triton.jit
def running_sum_kernel(x_ptr, out_ptr, N: tl.constexpr):
    at = tl.arange(0, N)
    tl.store(out_ptr + at, tl.cumsum(tl.load(x_ptr + at), axis=0))


@triton.jit
def sort_kernel(x_ptr, out_ptr, N: tl.constexpr):
    at = tl.arange(0, N)
    tl.store(out_ptr + at, tl.sort(tl.load(x_ptr + at)))


@triton.jit
def histogram_kernel(x_ptr, out_ptr, N: tl.constexpr):
    at = tl.arange(0, N)
    tl.store(out_ptr + tl.arange(0, 16), tl.histogram(tl.load(x_ptr + at), 16))


@triton.jit
def transpose_kernel(x_ptr, out_ptr, M: tl.constexpr, N: tl.constexpr):
    rows, cols = tl.arange(0, M), tl.arange(0, N)
    x = tl.load(x_ptr + rows[:, None] * N + cols[None, :])
    tl.store(out_ptr + cols[:, None] * M + rows[None, :], tl.trans(x))


@triton.jit
def column_best_kernel(x_ptr, value_ptr, index_ptr, M: tl.constexpr, N: tl.constexpr):
    rows, cols = tl.arange(0, M), tl.arange(0, N)
    x = tl.load(x_ptr + rows[:, None] * N + cols[None, :])
    value, index = tl.max(x, axis=0, return_indices=True)
    tl.store(value_ptr + cols, value)
    tl.store(index_ptr + cols, index)


@triton.jit
def two_products_kernel(x_ptr, out_ptr, M: tl.constexpr):
    at = tl.arange(0, M)[:, None] * M + tl.arange(0, M)[None, :]
    x = tl.load(x_ptr + at)
    y = tl.dot(x, x, input_precision="ieee")
    tl.store(out_ptr + at, tl.dot(y, tl.trans(y), input_precision="ieee"))


@triton.jit
def branches_kernel(x_ptr, out_ptr, N: tl.constexpr):
    at = tl.arange(0, N)
    x = tl.load(x_ptr + at)
    total = tl.sum(x, axis=0)
    if total > 0:
        x = tl.gather(x, (at + 1) % N, axis=0)
    else:
        x = x + tl.max(x, axis=0)
    tl.store(out_ptr + at, tl.gather(x, N - 1 - at, axis=0) + total)


@triton.jit
def ticket_kernel(ticket_ptr, out_ptr, N: tl.constexpr):
    ticket = tl.atomic_add(ticket_ptr, 1)
    tl.store(out_ptr + ticket * N + tl.arange(0, N), ticket)


@triton.jit
def rows_in_place_kernel(x_ptr, rows, N: tl.constexpr):
    at = tl.arange(0, N)
    for row in range(1, rows):
        above = tl.load(x_ptr + (row - 1) * N + (at + 1) % N)
        tl.store(x_ptr + row * N + at, tl.load(x_ptr + row * N + at) + above)


@triton.jit
def through_memory_kernel(x_ptr, out_ptr, N: tl.constexpr):
    at = tl.arange(0, N)
    tl.store(out_ptr + at, tl.load(x_ptr + at))
    tl.debug_barrier()
    y = tl.load(out_ptr + (at + 33) % N)
    tl.debug_barrier()
    tl.store(out_ptr + at, y)


@triton.jit(do_not_specialize=["n"])
def two_stores_kernel(x_ptr, out_ptr, n, A: tl.constexpr, B: tl.constexpr, HOW: tl.constexpr):
    at = tl.arange(0, 64)
    one, two = at + A, at + B
    if HOW == "remainder":
        one, two = (at * 3) % 64 + A, (at * 5) % 64 + B
    if HOW == "mask":
        one, two = (at ^ 5) & 63, B + ((at + n) & 63)
    if HOW == "rows":
        one, two = (n - 1) * 64 + at, n * 64 + A + 63 - at
    if HOW == "stride":
        one, two = at * 2, 126 - at * 2 + B
    if HOW == "heads":
        heads = n * 64 + tl.arange(0, 4)[:, None] * 16 + tl.arange(0, 8)[None, :]
        x = tl.load(x_ptr + tl.arange(0, 4)[:, None] * 8 + tl.arange(0, 8)[None, :])
        tl.store(out_ptr + heads, x)
        tl.store(out_ptr + heads + A, x + 1)
        return
    if HOW == "pairs":
        one, two = at * 2, at * 2 + A
    if HOW == "unknown":
        one, two = n * 64 + at, n * n * 64 + (at ^ 1)
    x = tl.load(x_ptr + at)
    tl.store(out_ptr + one, x)
    tl.store(out_ptr + two, x + 1)


@triton.jit
def backwards_kernel(x_ptr, N: tl.constexpr):
    at = tl.arange(0, N)
    tl.store(x_ptr + at, tl.load(x_ptr + N - 1 - at))


def normal(*shape: int, dtype: Any = mx.float32) -> mx.array:
    return mx.random.normal(shape).astype(dtype)


def ints(*shape: int) -> mx.array:
    return mx.zeros(shape, mx.int32)


@dataclass(frozen=True, slots=True)
class Case:
    """Launches of one kernel that together take every branch."""

    launches: tuple[Callable[[], Any], ...]


def case(*launches: Callable[[], Any]) -> Case:
    return Case(launches)


HALF = mx.float16
CASES = {
    "chain": case(lambda: elementwise.chain(normal(300), normal(300), 2.0)),
    "dropout": case(lambda: dropout.dropout(normal(300), 0.5, 3)),
    "softmax": case(lambda: softmax.softmax(normal(2, 300))),
    "softmax of 4096": case(lambda: softmax.softmax(normal(1, 4096))),
    "softmax_long": case(lambda: softmax.softmax_long(normal(2, 1500), 512)),
    "layer_norm": case(lambda: layernorm.layer_norm(normal(2, 300), normal(300), normal(300))),
    "matmul": case(lambda: matmul.matmul(normal(64, 70), normal(70, 64))),
    "matmul of halves": case(
        lambda: matmul.matmul(normal(64, 70, dtype=HALF), normal(70, 64, dtype=HALF))
    ),
    "matmul in blocks of 32": case(lambda: matmul.matmul(normal(32, 70), normal(70, 32), 32)),
    "linear in blocks of 16": case(
        lambda: matmul.linear(normal(16, 70), normal(70, 16), normal(16), 0.1, 16)
    ),
    "attention": case(lambda: attention.attention(*(normal(1, 1, 70, 64) for _ in range(3)))),
    "causal attention of halves": case(
        lambda: attention.attention(*(normal(1, 1, 70, 64, dtype=HALF) for _ in range(3)), True)
    ),
    "attention with 16 dimensions": case(
        lambda: attention.attention(*(normal(1, 1, 50, 16) for _ in range(3)), True, 16, 16)
    ),
    "gather": case(lambda: gather_kernel[(1,)](normal(256), normal(256), 256)),
    "running sum": case(lambda: running_sum_kernel[(1,)](normal(256), normal(256), 256)),
    "sort": case(lambda: sort_kernel[(1,)](normal(256), normal(256), 256)),
    "histogram": case(lambda: histogram_kernel[(1,)](ints(256), ints(16), 256)),
    "transpose": case(lambda: transpose_kernel[(1,)](normal(32, 64), normal(64, 32), 32, 64)),
    "best of columns": case(
        lambda: column_best_kernel[(1,)](normal(64, 32), normal(32), ints(32), 64, 32)
    ),
    "two products": case(lambda: two_products_kernel[(1,)](normal(32, 32), normal(32, 32), 32)),
    "branches": case(
        lambda: branches_kernel[(1,)](mx.ones(256), normal(256), 256),
        lambda: branches_kernel[(1,)](-mx.ones(256), normal(256), 256),
    ),
    "ticket": case(lambda: ticket_kernel[(4,)](ints(1), ints(4, 128), 128)),
    "rows in place": case(
        lambda: rows_in_place_kernel[(1,)](normal(4, 256), 4, 256),
    ),
    "through memory": case(lambda: through_memory_kernel[(1,)](normal(256), normal(256), 256)),
}


@pytest.mark.parametrize("name", CASES)
def test_without_a_barrier_there_is_a_finding(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, Any]] = []
    run = metal._run

    def kept(launcher: Any, call: Any, inputs: Any) -> Any:
        calls.append((call, [mx.array(x) for x in inputs]))  # launches rebind the arrays they write
        return run(launcher, call, inputs)

    monkeypatch.setattr(metal, "_run", kept)
    with triton_mlx.use("simulate", checked=True):
        for launch in CASES[name].launches:
            launch()
    (source,) = {call.source for call, _ in calls}
    assert not any("_barrier(" in call.header for call, _ in calls)
    assert not any(simulate(call, inputs, checked=True).findings for call, inputs in calls)
    lines = source.split("\n")
    needless: list[str] = []
    for number, line in enumerate(lines):
        if "_barrier(" not in line:
            continue
        without = "\n".join(("" if k == number else text) for k, text in enumerate(lines))
        changed = ((replace(call, source=without), inputs) for call, inputs in calls)
        if not any(simulate(call, inputs, checked=True).findings for call, inputs in changed):
            needless.append("\n".join(lines[max(0, number - 4) : number + 5]))
    told = "\n\n".join(needless)
    assert not needless, f"no launch needs these barriers:\n{told}"


@pytest.mark.parametrize(
    ("a", "b", "how", "barriers"),
    [
        (0, 64, "sum", 0),
        (0, 63, "sum", 1),
        (64, 0, "sum", 0),
        (0, 64, "remainder", 0),
        (0, 48, "remainder", 1),
        (0, 64, "mask", 0),
        (0, 50, "mask", 1),
        (0, 0, "rows", 0),
        (-33, 0, "rows", 1),
        (0, 127, "stride", 0),
        (0, 0, "stride", 1),
        (1, 0, "pairs", 0),
        (2, 0, "pairs", 1),
        (8, 0, "heads", 0),
        (7, 0, "heads", 1),
        (24, 0, "heads", 0),
        (32, 0, "heads", 1),
        (0, 0, "unknown", 1),
    ],
)
def test_accesses_that_never_meet_need_no_barrier(a: int, b: int, how: str, barriers: int) -> None:
    x, out = mx.arange(64).astype(mx.float32), mx.zeros((512,))
    with triton_mlx.use("simulate"), triton_mlx.counted() as counts:
        two_stores_kernel[(1,)](x, out, 2, a, b, how)
    with triton_mlx.use("simulate", checked=True):
        two_stores_kernel[(1,)](x, out, 2, a, b, how)
        if how == "unknown":  # the same kernel, where the tiles do meet
            two_stores_kernel[(1,)](x, out, 0, a, b, how)
            assert out[:64].tolist() == [1 + (k ^ 1) for k in range(64)]
    assert counts[0].threadgroup_barriers == barriers


@triton.jit
def again_kernel(x_ptr, y_ptr, n, s, STEP: tl.constexpr, HOW: tl.constexpr):
    at = tl.arange(0, 64)
    for k in range(0, n, STEP):
        if HOW == "apart":
            x = tl.load(x_ptr + k + at)
            tl.store(x_ptr + k + at, x + k)
        if HOW == "own":
            x = tl.load(x_ptr + at)
            tl.store(x_ptr + at, x + k)
        if HOW == "turned":
            tl.store(x_ptr + at, at + k)
            tl.store(x_ptr + 63 - at, at * 2 + k)
        if HOW == "rows":
            tl.store(x_ptr + k * s + at, at + k)
        if HOW == "behind":
            x = tl.load(x_ptr + k + at)
            tl.store(x_ptr + 64 + k + at, x + k)
        if HOW == "scalar" or HOW == "total":
            place = x_ptr + (k if HOW == "scalar" else 0)
            one = tl.load(place)
            tl.store(y_ptr + k * 64 + at, at + one)
            tl.store(place, one + 1)
        if HOW == "scalars":
            tl.store(x_ptr + k * s, k)
            tl.store(x_ptr + 1, k + 5)


def again(x: np.ndarray, y: np.ndarray, n: int, s: int, step: int, how: str) -> None:
    """What the kernel does, one access after the other."""
    at = np.arange(64)
    for k in range(0, n, step):
        if how in ("apart", "own"):
            x[at + (k if how == "apart" else 0)] += k
        elif how == "turned":
            x[at] = at + k
            x[63 - at] = at * 2 + k
        elif how == "rows":
            x[k * s + at] = at + k
        elif how == "behind":
            x[64 + k + at] = x[k + at] + k
        elif how == "scalars":
            x[k * s] = k
            x[1] = k + 5
        else:
            place = k if how == "scalar" else 0
            y[k * 64 + at] = at + x[place]
            x[place] += 1


@pytest.mark.parametrize(
    ("how", "step", "s", "barriers"),
    [
        ("apart", 64, 0, 0),
        ("apart", 32, 0, 1),
        ("apart", 128, 0, 0),
        ("own", 1, 0, 0),
        ("turned", 1, 0, 2),
        ("rows", 1, 64, 1),  # the stride may be less than a row
        ("rows", 1, 40, 1),
        ("behind", 1, 0, 1),
        ("behind", 32, 0, 1),
        ("behind", 128, 0, 0),
        ("scalar", 1, 0, 1),  # all threads load before one stores
        ("total", 1, 0, 2),
        ("scalars", 1, 1, 0),  # one thread stores them
    ],
)
def test_iterations_wait_where_they_meet(how: str, step: int, s: int, barriers: int) -> None:
    x, y = np.arange(1024, dtype=np.int32), np.zeros(320, dtype=np.int32)
    given, out = mx.array(x), mx.array(y)
    with triton_mlx.use("simulate", checked=True), triton_mlx.counted() as counts:
        again_kernel[(1,)](given, out, 5 * step, s, step, how)
    again(x, y, 5 * step, s, step, how)
    np.testing.assert_array_equal(np.array(given), x)
    np.testing.assert_array_equal(np.array(out), y)
    assert counts[0].threadgroup_barriers == barriers * 5


@triton.jit(do_not_specialize=["n"])
def behind_kernel(out_ptr, n, FIRST: tl.constexpr, START: tl.constexpr, MORE: tl.constexpr):
    at = tl.arange(0, 64)
    tl.store(out_ptr + at, at)
    p = out_ptr + FIRST
    for k in range(START, n):
        tl.store(p, k)
        p += k + MORE


@pytest.mark.parametrize(
    ("first", "start", "end", "more", "barriers"),
    [
        (64, 0, 5, 1, 0),
        (64, 0, 5, 0, 0),
        (63, 0, 5, 1, 1),  # starts in the tile
        (66, 0, 4, -4, 1),  # steps back into it
        (64, -3, 0, 0, 1),
    ],
)
def test_a_loop_that_only_moves_away_from_a_tile_needs_no_barrier(
    first: int, start: int, end: int, more: int, barriers: int
) -> None:
    out = mx.zeros((128,), dtype=mx.int32)
    with triton_mlx.use("simulate", checked=True), triton_mlx.counted() as counts:
        behind_kernel[(1,)](out, end, first, start, more)
    assert counts[0].threadgroup_barriers == barriers
    expected = [*range(64), *[0] * 64]
    for k in range(start, end):
        expected[first] = k
        first += k + more
    assert out.tolist() == expected


def test_old_contents_can_be_loaded_while_new_ones_are_stored() -> None:
    x = mx.arange(256).astype(mx.float32)
    with triton_mlx.use("simulate", checked=True), triton_mlx.counted() as counts:
        backwards_kernel[(1,)](x, 256)
    assert x.tolist() == list(range(255, -1, -1))
    assert counts[0].threadgroup_barriers == 0
