"""tl.device_print and tl.device_assert: what a kernel says reaches the user."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
import triton
import triton.language as tl

from triton_mlx.fusion.errors import DeviceAssert

ARRAYS: dict[str, Callable[[Any], Any]] = {"numpy": np.array, "mlx": mx.array}


pytestmark = pytest.mark.usefixtures("target")


@triton.jit
def saying_kernel(x_ptr, out_ptr, N: tl.constexpr):
    o = tl.arange(0, N)
    x = tl.load(x_ptr + o)
    pid = tl.program_id(0)
    tl.device_print("x", x)
    tl.device_print("both", pid - 1, x.to(tl.int8), hex=True)
    tl.device_print("done")
    tl.store(out_ptr + pid * N + o, x)


@pytest.mark.parametrize("kind", ARRAYS)
def test_prints(kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    out = ARRAYS[kind](np.zeros(4, np.float32))
    saying_kernel[(2,)](ARRAYS[kind](np.array([1.5, -2.0], np.float32)), out, N=2)
    said = capfd.readouterr().out.splitlines()
    for pid, high in ((0, "0xffffffff"), (1, "0x00000000")):
        mine = [line for line in said if line.startswith(f"pid ({pid}, 0, 0)")]
        assert sorted(mine) == sorted(
            [
                f"pid ({pid}, 0, 0) idx (0) x: 1.500000",
                f"pid ({pid}, 0, 0) idx (1) x: -2.000000",
                f"pid ({pid}, 0, 0) both: (operand 0) {high}",
                f"pid ({pid}, 0, 0) idx (0) both: (operand 1) 0x01",
                f"pid ({pid}, 0, 0) idx (1) both: (operand 1) 0xfe",
                f"pid ({pid}, 0, 0) done",
            ]
        )
    np.testing.assert_array_equal(np.array(out), [1.5, -2, 1.5, -2])


@triton.jit
def exact_kernel(x_ptr, N: tl.constexpr):
    tl.device_print("x", tl.load(x_ptr + tl.arange(0, N)), hex=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_floats_in_hexadecimal(dtype: type, capfd: pytest.CaptureFixture[str]) -> None:
    x = np.array([1.5, -0.0, 0.0, 1.0, -16.0, np.nan, np.inf, 0.1], dtype)
    exact_kernel[(1,)](x, N=8)
    said = {line.rpartition("x: ")[2] for line in capfd.readouterr().out.splitlines()}
    last = "0x1.99999ap-4" if dtype is np.float32 else "0x1.998p-4"
    assert said == {
        "0x1.8p+0", "-0x0p+0", "0x0p+0", "0x1p+0", "-0x1p+4", "nan", "inf", last
    }  # fmt: skip


@triton.jit(debug=True)
def careful_kernel(x_ptr, out_ptr, LIMIT, N: tl.constexpr):
    o = tl.arange(0, N)
    x = tl.load(x_ptr + o)
    tl.device_assert(x < LIMIT, "x is too large")
    tl.store(out_ptr + o, x)


@pytest.mark.parametrize("kind", ARRAYS)
def test_asserts(kind: str) -> None:
    x = ARRAYS[kind](np.arange(64, dtype=np.int32))
    out = ARRAYS[kind](np.zeros(64, np.int32))
    careful_kernel[(1,)](x, out, 64, N=64)
    np.testing.assert_array_equal(np.array(out), np.arange(64))
    with pytest.raises(
        DeviceAssert, match=r"x is too large(.|\n)*test_messages\.py:\d+, pid \(0, 0, 0\)"
    ):
        careful_kernel[(1,)](x, out, 10, N=64)


@triton.jit
def chatty_kernel(N: tl.constexpr):
    tl.device_print("o", tl.arange(0, N))


def test_more_messages_than_there_is_room_for(capfd: pytest.CaptureFixture[str]) -> None:
    chatty_kernel[(20,)](N=1024)
    said = capfd.readouterr().out.splitlines()
    assert len(said) == 8193
    assert said[-1] == f"... and {20 * 1024 - 8192} more messages of chatty_kernel"
