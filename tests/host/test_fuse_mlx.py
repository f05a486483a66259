"""MLX operations on results of launches inside a fuse scope: right, and made of the joint launches."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest

import triton_mlx

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))
import joint_kernels as k

N, ROWS, COLS = 1000, 20, 50


@pytest.fixture(autouse=True)
def host() -> Any:
    with triton_mlx.use("host"):
        yield


def cdiv(n: int, block: int) -> tuple[int]:
    return (-(-n // block),)


def pair(x: mx.array) -> tuple[mx.array, mx.array]:
    t, o = mx.zeros((N,)), mx.zeros((N,))
    k.add[cdiv(N, 128)](x, x, t, N, BLOCK=128)
    k.scale[cdiv(N, 64)](t, o, N, 3.0, BLOCK=64)
    return t, o


def reshaped(x: mx.array) -> Any:
    return pair(x)[1].reshape(ROWS, COLS)


def summed(x: mx.array) -> Any:
    t, o = pair(x)
    return mx.sum(o) + t[3], o.reshape(COLS, ROWS).T


def in_the_middle(x: mx.array) -> Any:
    """The third launch reads a sum of the first one's result, so it stays behind; the fourth joins it."""
    t, o = pair(x)
    middle = t + 1
    u, v = mx.zeros((N,)), mx.zeros((N,))
    k.mul[cdiv(N, 64)](middle, x, u, N, BLOCK=64)
    k.exp[cdiv(N, 128)](u, v, N, BLOCK=128)
    return v, o * 2


def two_results(x: mx.array) -> Any:
    a, b, o = (mx.zeros((N,)) for _ in range(3))
    k.two_results[cdiv(N, 128)](x, a, b, N, BLOCK=128)
    k.add[cdiv(N, 64)](a, b, o, N, BLOCK=64)
    return a[::2], mx.concatenate([b, o])


def one_of_two_results(x: mx.array) -> Any:
    """b is needed by nobody else; its launch runs again for the slice of a."""
    a, b, o = (mx.zeros((N,)) for _ in range(3))
    k.two_results[cdiv(N, 128)](x, a, b, N, BLOCK=128)
    k.add[cdiv(N, 64)](a, b, o, N, BLOCK=64)
    return a[::2], o


def versions(x: mx.array) -> Any:
    """Slices of every version of one array that launches change in place."""
    z = x + 0
    found = []
    for _ in range(3):
        k.add_in_place[cdiv(N, 128)](z, x, N, BLOCK=128)
        found.append(z[5:9])
    return (*found, z)


def arrays(result: Any) -> tuple[mx.array, ...]:
    return result if isinstance(result, tuple) else (result,)


def kernels(result: Any) -> int:
    """Launches that reading the results will run."""
    text = io.StringIO()
    mx.export_to_dot(text, *arrays(result))
    return text.getvalue().count('label ="TritonHostKernel"')


# (program, launches that run)
PROGRAMS: list[tuple[Callable[[mx.array], Any], int]] = [
    (reshaped, 1),
    (summed, 1),
    (in_the_middle, 2),
    (two_results, 1),
    (one_of_two_results, 2),
    (versions, 3),
]


@pytest.mark.parametrize("function, runs", PROGRAMS, ids=[p[0].__name__ for p in PROGRAMS])
def test_operations_are_made_of_the_joint_launches(
    function: Callable[[mx.array], Any], runs: int
) -> None:
    x = mx.random.normal((N,), key=mx.random.key(3))
    mx.eval(x)
    want = [np.asarray(a).tobytes() for a in arrays(function(x))]
    for _ in range(2):  # the second time the plan is known
        made = triton_mlx.fuse(function)(x)
        assert kernels(made) == runs
        assert [np.asarray(a).tobytes() for a in arrays(made)] == want
    mx.eval(made := triton_mlx.fuse(function)(x))
    assert [np.asarray(a).tobytes() for a in arrays(made)] == want


def test_what_was_read_already_stays() -> None:
    x = mx.random.normal((N,), key=mx.random.key(3))
    with triton_mlx.fuse():
        t, o = pair(x)
        seen, twice = t[1:], o * 2
        mx.eval(seen)
    np.testing.assert_array_equal(np.asarray(seen), np.asarray(x + x)[1:])
    np.testing.assert_array_equal(np.asarray(twice), np.asarray((x + x) * 3 * 2))
    np.testing.assert_array_equal(np.asarray(o), np.asarray((x + x) * 3))


def test_operations_inside_mx_compile() -> None:
    x = mx.random.normal((N,), key=mx.random.key(3))
    for function in (summed, in_the_middle):
        want = [np.asarray(a) for a in function(x)]
        for a, b in zip(mx.compile(triton_mlx.fuse(function))(x), want, strict=True):
            np.testing.assert_allclose(np.asarray(a), b, rtol=1e-6)


def test_an_exception_changes_nothing() -> None:
    x = mx.random.normal((N,), key=mx.random.key(3))
    with pytest.raises(ZeroDivisionError), triton_mlx.fuse():
        t, o = pair(x)
        seen = o[::3]
        1 / 0  # noqa: B018
    np.testing.assert_array_equal(np.asarray(seen), np.asarray((x + x) * 3)[::3])
    assert kernels(t) == 0
