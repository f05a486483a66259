"""Launches inside functions that MLX transforms: mx.compile traces them once, what cannot be is refused."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any
from unittest import mock

import mlx.core as mx
import numpy as np
import pytest
import triton
import triton.language as tl

import triton_mlx
from triton_mlx.examples.sequences import SEQUENCES, Sequence
from triton_mlx.fusion.errors import Untransformable
from triton_mlx.runtime import launch, native

N = 200


@triton.jit
def scale(x, out, n, factor, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out + at, tl.load(x + at, mask=at < n) * factor, mask=at < n)


@triton.jit
def step(x, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(x + at, tl.load(x + at, mask=at < n) + 1, mask=at < n)


@triton.jit
def shown(x, out, n, factor, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    value = tl.load(x + at, mask=at < n)
    tl.device_print("value", value)
    tl.store(out + at, value * factor, mask=at < n)


def scaled(x: Any, factor: float = 2.0, kernel: Any = scale) -> Any:
    out = mx.zeros_like(x)
    kernel[(triton.cdiv(x.size, 64),)](x, out, x.size, factor, BLOCK=64)
    return out


def stepped(x: Any) -> Any:
    step[(triton.cdiv(x.size, 64),)](x, x.size, BLOCK=64)
    return x


@pytest.fixture(autouse=True)
def host() -> Any:
    with triton_mlx.use("host"):
        yield


@pytest.fixture
def x() -> Any:
    return mx.arange(N, dtype=mx.float32)


@pytest.fixture
def launches(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What Triton asked us to launch, in order."""
    seen: list[Any] = []
    make = launch.Launcher.make

    def noted(self: Any, *args: Any) -> None:
        seen.append(self)
        make(self, *args)

    monkeypatch.setattr(launch.Launcher, "make", noted)
    return seen


def test_a_compiled_function_launches_while_it_is_traced_only(x: Any, launches: list[Any]) -> None:
    compiled = mx.compile(scaled)
    for array in (x, x + 1, x * 3):
        assert mx.array_equal(compiled(array), array * 2)
    assert len(launches) == 1
    assert mx.array_equal(compiled(x[:50]), x[:50] * 2)  # another shape is another trace
    assert mx.array_equal(compiled(x, 3.0), x * 3)  # and another number
    assert len(launches) == 3


@pytest.mark.parametrize(
    "sequence", [s for s in SEQUENCES if s.name != "feed_forward"], ids=lambda s: s.name
)
def test_fused_sequences_are_traced(sequence: Sequence, launches: list[Any]) -> None:
    arrays = [mx.random.normal((8, 256), key=mx.random.key(k)) for k in (0, 1)]
    arrays.append(mx.random.normal((256,), key=mx.random.key(2)))
    apart = sequence.launches(*arrays)
    compiled = mx.compile(triton_mlx.fuse(sequence.launches))
    compiled(*arrays)
    assert len(triton_mlx.fuse_report().kernels) == 1
    before = len(launches)
    again = compiled(*arrays)
    assert len(launches) == before
    pairs = [(apart, again)] if isinstance(apart, mx.array) else zip(apart, again, strict=True)
    assert all(mx.array_equal(a, b) for a, b in pairs)


def test_arguments_written_in_place_stay_what_they_were(x: Any) -> None:
    compiled = mx.compile(stepped)
    for _ in range(3):
        assert mx.array_equal(compiled(x), mx.arange(N) + 1)
    assert mx.array_equal(x, mx.arange(N))


def test_state_is_carried_on(x: Any) -> None:
    state = {"count": mx.zeros((N,))}

    def counted(x: Any) -> Any:
        stepped(state["count"])
        return x + state["count"]

    compiled = mx.compile(counted, inputs=state, outputs=state)
    for calls in (1, 2, 3):
        assert mx.array_equal(compiled(x), x + calls)
    assert mx.array_equal(state["count"], mx.full((N,), 3.0))


def test_results_share_no_memory(x: Any) -> None:
    compiled = mx.compile(stepped)
    first = compiled(x)
    second = compiled(first)
    third = stepped(mx.array(first))
    mx.eval(second, third)
    assert first.tolist() == [k + 1 for k in range(N)]
    assert second.tolist() == third.tolist() == [k + 2 for k in range(N)]


@pytest.mark.filterwarnings("ignore:warmup, rep")
def test_an_autotuned_kernel_is_tuned_while_it_is_traced(x: Any) -> None:
    configs = [triton.Config({"BLOCK": 64}), triton.Config({"BLOCK": 128})]
    tuned = triton.autotune(configs=configs, key=["n"], warmup=1, rep=2)(step)

    def twice(x: Any) -> Any:
        for _ in range(2):
            tuned[lambda meta: (triton.cdiv(N, meta["BLOCK"]),)](x, N)
        return x

    assert mx.array_equal(mx.compile(twice)(x), mx.arange(N) + 2)
    assert tuned.best_config in configs


def test_a_derivative_of_ones_own(x: Any) -> None:
    @mx.custom_function
    def function(x: Any) -> Any:
        return scaled(x)

    @function.vjp
    def of(primals: Any, cotangent: Any, output: Any) -> Any:
        return scaled(cotangent)

    gradient = mx.grad(lambda x: function(x).sum())
    assert mx.array_equal(gradient(x), mx.full((N,), 2.0))
    assert mx.array_equal(mx.compile(gradient)(x), mx.full((N,), 2.0))


def square(x: Any) -> Any:
    return (scaled(x) ** 2).sum()


TRANSFORMED: dict[str, Callable[[Any], Any]] = {
    "no derivative": lambda x: mx.grad(square)(x),
    "no derivative forward": lambda x: mx.jvp(scaled, [x], [x]),
    "no derivative, compiled": lambda x: mx.compile(mx.grad(square))(x),
    "another axis": lambda x: mx.vmap(scaled)(x.reshape(4, -1)),
    "any shape": lambda x: mx.compile(scaled, shapeless=True)(x),
}


@pytest.mark.parametrize("case", TRANSFORMED)
def test_what_launches_cannot_do_is_refused(case: str, x: Any) -> None:
    with pytest.raises(ValueError, match=r"\[UNTRANSFORMABLE\] the launch of scale"):
        mx.eval(TRANSFORMED[case](x))


def without_module() -> Any:
    """As where there is no compiler: nobody can ask MLX's arrays whether they are traced."""
    return mock.patch.multiple(native, _module=None, _tried=True)


AT_ONCE: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "simulator": (lambda: triton_mlx.use("simulate"), scaled),
    "eager": (native.use_eager, scaled),
    "no native module": (without_module, scaled),
    "prints": (contextlib.nullcontext, lambda x: scaled(x, kernel=shown)),
    "numpy": (
        contextlib.nullcontext,
        lambda x: scale[(1,)](x, np.zeros(N, np.float32), N, 2.0, BLOCK=256),
    ),
}


@pytest.mark.parametrize("transform", [mx.compile, mx.vmap])
@pytest.mark.parametrize("case", AT_ONCE)
def test_launches_that_run_at_once_are_not_traced(case: str, transform: Any, x: Any) -> None:
    way, function = AT_ONCE[case]
    batch = x.reshape(1, -1) if transform is mx.vmap else x
    with way(), pytest.raises(Untransformable, match="runs at once") as caught:
        transform(function)(batch)
    assert caught.value.where is not None
    assert caught.value.where.file == __file__


@pytest.mark.parametrize("case", ["simulator", "eager", "no native module"])
def test_a_derivative_of_what_ran_at_once_is_no_zero(case: str, x: Any) -> None:
    way, function = AT_ONCE[case]
    with way():
        with pytest.raises(Untransformable, match="a derivative of a launch that ran at once"):
            mx.grad(square)(x)
        with pytest.raises(Untransformable, match="a derivative of a launch that ran at once"):
            mx.jvp(function, [x], [x])
        assert mx.array_equal(function(x), x * 2)  # and alone it is as ever
