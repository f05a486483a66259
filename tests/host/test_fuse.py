"""The fuse scope on real launches: same bits as separate launches, fewer kernels, no stale read."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
import triton

import triton_mlx
from triton_mlx.fusion.errors import TileTooLarge
from triton_mlx.runtime import capture
from triton_mlx.runtime.target import current

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))
import corpus
import joint_kernels as k

N, ROWS, COLS = 1000, 20, 50
pytestmark = pytest.mark.usefixtures("target")


def cdiv(n: int, block: int) -> tuple[int]:
    return (-(-n // block),)


def values(*shape: int, seed: int = 0) -> mx.array:
    return mx.random.normal(shape, key=mx.random.key(seed))


def chain(x: mx.array, y: mx.array) -> mx.array:
    t, u, o = mx.zeros((N,)), mx.zeros((N,)), mx.zeros((N,))
    k.add[cdiv(N, 128)](x, y, t, N, BLOCK=128)
    k.mul[cdiv(N, 64)](t, y, u, N, BLOCK=64)
    k.scale_2d[(3, 4)](u, o, ROWS, COLS, 3.0, BM=8, BN=16)
    return o


def norm(x: mx.array, y: mx.array) -> tuple[mx.array, mx.array]:
    h, z, o = (mx.zeros((N,)) for _ in range(3))
    k.add[cdiv(N, 128)](x, y, h, N, BLOCK=128)
    k.rms[(ROWS,)](h, y, z, COLS, BLOCK=64)
    k.scale[cdiv(N, 256)](z, o, N, 2.0, BLOCK=256)
    return h, o


def statistics(x: mx.array, y: mx.array) -> mx.array:
    s, o = mx.zeros((ROWS,)), mx.zeros((N,))
    k.mean_square[(ROWS,)](x, s, COLS, BLOCK=64)
    k.divide_rows[cdiv(N, 128)](x, s, o, N, COLS, BLOCK=128)
    return o


def product(x: mx.array, y: mx.array) -> mx.array:
    c, t, o = (mx.zeros((ROWS, COLS)) for _ in range(3))
    a, b = x[:640].reshape(ROWS, 32), mx.random.normal((32, COLS), key=mx.random.key(5))
    blocks = {"BM": 16, "BN": 16, "BK": 16, "GROUP": 2}
    corpus.k_matmul[(2 * 4,)](a, b, c, ROWS, COLS, 32, **blocks)
    k.bias_2d[(3, 2)](c, y, t, ROWS, COLS, BM=8, BN=32)
    k.exp[cdiv(N, 128)](t, o, N, BLOCK=128)
    return o


def in_place(x: mx.array, y: mx.array) -> mx.array:
    z = x + 0
    k.add_in_place[cdiv(N, 128)](z, y, N, BLOCK=128)
    k.add_in_place[cdiv(N, 64)](z, y, N, BLOCK=64)
    return z


def contracted(x: mx.array, y: mx.array) -> tuple[mx.array, mx.array]:
    """A product that is stored, that is added to elsewhere, and that is part of a sum in its own kernel."""
    t, u, o, p = (mx.zeros((N,)) for _ in range(4))
    k.mul[cdiv(N, 128)](x, y, t, N, BLOCK=128)
    k.mul_add[cdiv(N, 64)](x, y, t, u, N, BLOCK=64)
    k.add[cdiv(N, 256)](t, u, o, N, BLOCK=256)
    k.mul_add[cdiv(N, 64)](x, y, o, p, N, BLOCK=64)
    return t, p


def bits(result: Any) -> list[bytes]:
    found = result if isinstance(result, tuple) else (result,)
    return [np.asarray(a).tobytes() for a in found]


@pytest.mark.parametrize(
    "function, launches",
    [(chain, 3), (norm, 3), (statistics, 2), (product, 3), (in_place, 2), (contracted, 4)],
    ids=lambda v: getattr(v, "__name__", str(v)),
)
def test_one_kernel_and_the_same_bits(function: Callable[..., Any], launches: int) -> None:
    fused = triton_mlx.fuse(function)
    for seed in (0, 1):  # the second call finds its plan
        x, y = values(N, seed=seed), values(N, seed=seed + 7)
        assert bits(fused(x, y)) == bits(function(x, y))
    report = triton_mlx.fuse_report(fused).to_json()
    assert len(report["launches"]) == launches and report["kernels"] == 1, str(fused.last.report)
    assert report["bytes_after"] < report["bytes_before"]


def test_reads_in_between_are_never_stale() -> None:
    x, y = values(N), values(N, seed=1)
    o = mx.zeros((N,))
    with triton_mlx.fuse():
        t = mx.zeros((N,))
        k.add[cdiv(N, 128)](x, y, t, N, BLOCK=128)
        seen = np.array(t)
        middle = t * 2
        k.exp[cdiv(N, 64)](t, o, N, BLOCK=64)
        k.add_in_place[cdiv(N, 64)](t, y, N, BLOCK=64)
    np.testing.assert_array_equal(seen, np.array(x + y))
    np.testing.assert_array_equal(np.array(middle), np.array((x + y) * 2))
    np.testing.assert_array_equal(np.array(t), np.array((x + y) + y))
    want = mx.zeros((N,))
    k.exp[cdiv(N, 64)](x + y, want, N, BLOCK=64)
    np.testing.assert_array_equal(np.array(o), np.array(want))


def test_an_array_assigned_by_hand_keeps_that_value() -> None:
    x, y, t, o = values(N), values(N, seed=1), mx.zeros((N,)), mx.zeros((N,))
    with triton_mlx.fuse():
        k.add[cdiv(N, 128)](x, y, t, N, BLOCK=128)
        k.scale[cdiv(N, 128)](t, o, N, 2.0, BLOCK=128)
        t[:] = 5.0
    np.testing.assert_array_equal(np.array(t), np.full(N, 5.0, np.float32))
    np.testing.assert_array_equal(np.array(o), np.array((x + y) * 2))


def test_an_exception_leaves_what_was_done() -> None:
    x, y, t, o = values(N), values(N, seed=1), mx.zeros((N,)), mx.zeros((N,))
    with pytest.raises(ZeroDivisionError), triton_mlx.fuse():
        k.add[cdiv(N, 128)](x, y, t, N, BLOCK=128)
        1 / 0  # noqa: B018
    k.scale[cdiv(N, 128)](t, o, N, 2.0, BLOCK=128)
    np.testing.assert_array_equal(np.array(o), np.array((x + y) * 2))


def test_numpy_arrays_happen_at_once_and_say_so() -> None:
    x, t, o = np.ones(N, np.float32), np.zeros(N, np.float32), np.zeros(N, np.float32)
    with triton_mlx.fuse() as scope:
        k.scale[cdiv(N, 128)](x, t, N, 2.0, BLOCK=128)
        assert (t == 2).all()
        k.scale[cdiv(N, 128)](t, o, N, 2.0, BLOCK=128)
    assert (o == 4).all()
    assert [d.code for d in scope.report.refusals] == ["EAGER", "EAGER"]


@pytest.mark.parametrize(
    "view, kernels",
    [
        (lambda t: t.reshape(ROWS, COLS), 1),
        (lambda t: mx.expand_dims(t.reshape(1, ROWS, COLS), 0).flatten(), 1),
        (lambda t: t.reshape(ROWS, COLS).T, 2),
        (lambda t: t[::-1], 2),
        (lambda t: mx.broadcast_to(t.reshape(ROWS, COLS)[:1], (ROWS, COLS)), 2),
        (lambda t: t * 2, 2),
    ],
    ids=["reshape", "dimensions", "transpose", "slice", "broadcast", "product"],
)
def test_views_of_mlx_between_launches(view: Callable[[mx.array], mx.array], kernels: int) -> None:
    """A reshape has the same elements in the same order; all else is an operation between."""

    def program(x: mx.array, y: mx.array) -> tuple[mx.array, mx.array]:
        t, o, p = (mx.zeros((N,)) for _ in range(3))
        k.add[cdiv(N, 128)](x, y, t, N, BLOCK=128)
        seen = view(t)
        k.scale[cdiv(N, 64)](seen, o, N, 2.0, BLOCK=64)
        k.mul[cdiv(N, 64)](o.reshape(COLS, ROWS), x, p, N, BLOCK=64)
        return p, seen

    fused = triton_mlx.fuse(program)
    x, y = values(N), values(N, seed=1)
    assert bits(fused(x, y)) == bits(program(x, y))
    report = fused.last.report
    assert len(report.groups) == kernels, str(report)
    assert [(d.first, d.second, d.code) for d in report.refusals] == [(0, 1, "VIEW")] * (
        kernels - 1
    )


def test_a_reshape_that_is_written_leaves_the_array_as_it_was() -> None:
    """Arrays of MLX are values: the second launch changes `seen` and not `t`."""

    def program(x: mx.array, y: mx.array) -> tuple[mx.array, ...]:
        t, o = mx.zeros((N,)), mx.zeros((N,))
        k.add[cdiv(N, 128)](x, y, t, N, BLOCK=128)
        seen = t.reshape(ROWS, COLS)
        k.add_in_place[cdiv(N, 64)](seen, y, N, BLOCK=64)
        k.mul[cdiv(N, 64)](t, seen, o, N, BLOCK=64)
        return o, t, seen

    x, y = values(N), values(N, seed=1)
    fused = triton_mlx.fuse(program)
    assert bits(fused(x, y)) == bits(program(x, y))
    t = np.asarray(x) + np.asarray(y)
    np.testing.assert_array_equal(np.asarray(fused(x, y)[1]), t)
    np.testing.assert_array_equal(np.asarray(fused(x, y)[2]).reshape(-1), t + np.asarray(y))


def test_views_of_numpy_arrays_are_the_memory_itself() -> None:
    def program(x: Any) -> Any:
        t, o = np.zeros((ROWS, COLS), np.float32), np.zeros((COLS, ROWS), np.float32)
        k.scale[cdiv(N, 128)](x, t, N, 2.0, BLOCK=128)
        k.add_in_place[cdiv(N // 2, 64)](t[ROWS // 2 :], t, N // 2, BLOCK=64)
        k.transpose[(3, 4)](t.T, o, ROWS, COLS, BM=8, BN=16)
        k.scale[cdiv(COLS, 64)](np.broadcast_to(t[3], (ROWS, COLS)), o, COLS, 3.0, BLOCK=64)
        return t, o

    x = np.asarray(values(N))
    with triton_mlx.use("host"), triton_mlx.fuse() as scope:
        t, o = program(x)
    want = (x * 2).reshape(ROWS, COLS)
    want[ROWS // 2 :] += want[: ROWS // 2]
    np.testing.assert_array_equal(t, want)
    turned = want.T.copy()
    turned.reshape(-1)[:COLS] = want[3] * 3
    np.testing.assert_array_equal(o, turned)
    assert {d.code for d in scope.report.refusals} == {"EAGER"} and len(scope.report.groups) == 4


def test_two_names_of_one_array() -> None:
    """Read under two names it is one array; written under one of them it is not."""

    def squared(x: mx.array) -> mx.array:
        t, o = mx.zeros((N,)), mx.zeros((N,))
        k.scale[cdiv(N, 128)](x, t, N, 2.0, BLOCK=128)
        k.mul[cdiv(N, 64)](t, t.reshape(N), o, N, BLOCK=64)
        return o

    def doubled(x: mx.array) -> tuple[mx.array, mx.array]:
        t = mx.zeros((N,))
        k.scale[cdiv(N, 128)](x, t, N, 2.0, BLOCK=128)
        other = t.reshape(N)
        k.add_in_place[cdiv(N, 64)](t, other, N, BLOCK=64)
        return t, other

    x = values(N)
    for function, code in ((squared, "EPILOGUE"), (doubled, "ALIAS")):
        fused = triton_mlx.fuse(function)
        assert bits(fused(x)) == bits(function(x))
        assert [d.code for d in fused.last.report.decisions] == [code]


def test_other_scalars_use_the_same_plan() -> None:
    def scaled(x: mx.array, factor: float) -> mx.array:
        t, o = mx.zeros((N,)), mx.zeros((N,))
        k.scale[cdiv(N, 128)](x, t, N, factor, BLOCK=128)
        k.scale[cdiv(N, 128)](t, o, N, factor + 1, BLOCK=128)
        return o

    fused, x = triton_mlx.fuse(scaled), values(N)
    for factor in (2.0, 3.5, -1.25):
        assert bits(fused(x, factor)) == bits(scaled(x, factor))


def test_autotuned_kernels_and_mx_compile() -> None:
    configs = [triton.Config({"BLOCK": 64}), triton.Config({"BLOCK": 256})]
    tuned = triton.autotune(configs=configs, key=["n"], warmup=1, rep=1)(k.scale)

    def scaled(x: mx.array) -> mx.array:
        t, o = mx.zeros((N,)), mx.zeros((N,))
        tuned[lambda meta: cdiv(N, meta["BLOCK"])](x, t, N, 2.0)
        k.scale[cdiv(N, 128)](t, o, N, 0.75, BLOCK=128)
        return o

    x = values(N)
    assert bits(triton_mlx.fuse(scaled)(x)) == bits(scaled(x))
    if current().name == "host":  # the simulator runs at once
        assert bits(mx.compile(triton_mlx.fuse(scaled))(x)) == bits(scaled(x))


def test_scopes_may_be_nested() -> None:
    x, y = values(N), values(N, seed=1)
    outer = mx.zeros((N,))
    with triton_mlx.fuse() as scope:
        inner = triton_mlx.fuse(chain)(x, y)
        k.scale[cdiv(N, 128)](inner, outer, N, 2.0, BLOCK=128)
    assert bits(outer) == bits(chain(x, y) * 2)
    assert len(scope.report.names) == 1


@pytest.mark.parametrize("refused", [(0, 1), (3, 4)])
def test_a_kernel_that_the_target_refuses_goes_back_to_its_launches(
    refused: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other group stays one kernel, whichever of the two feeds the other."""

    def program(x: mx.array, y: mx.array) -> mx.array:
        t, u, v, w, o = (mx.zeros((N,)) for _ in range(5))
        k.add[cdiv(N, 128)](x, y, t, N, BLOCK=128)
        k.scale[cdiv(N, 64)](t, u, N, 3.0, BLOCK=64)
        k.count[cdiv(N, 128)](u, v, N, BLOCK=128)
        k.exp[cdiv(N, 64)](v, w, N, BLOCK=64)
        k.mul[cdiv(N, 128)](w, x, o, N, BLOCK=128)
        return o

    ready = capture._ready

    def refusing(launch: Any, *rest: Any) -> Any:
        if launch.members == refused:
            raise TileTooLarge("a kernel", hint="a smaller one")
        return ready(launch, *rest)

    monkeypatch.setattr(capture, "_ready", refusing)
    monkeypatch.setattr(capture, "_plans", {})
    x, y = values(N), values(N, seed=1)
    fused = triton_mlx.fuse(program)
    assert bits(fused(x, y)) == bits(program(x, y))
    report = fused.last.report
    kept = {(0, 1), (3, 4)} - {refused}
    assert set(report.groups) == {*kept, (2,), *((m,) for m in refused)}
    edges = {(d.first, d.second): d.code for d in report.decisions}
    assert edges[refused] == "RESOURCES" and edges[next(iter(kept))] == "EPILOGUE"
    assert report.bytes_before > report.bytes_after > 0


def test_report_has_every_form() -> None:
    x, y = values(N), values(N, seed=1)
    triton_mlx.fuse(chain)(x, y)
    report = triton_mlx.fuse_report()
    assert str(report).startswith("3 launches -> 1 kernel, 32 KB -> 12 KB moved, 0 refusals")
    assert "add#0" in report.to_dot() and "add#0" in report.to_mermaid()
    assert report._repr_html_().startswith("<b>3 launches")
    keys = {"schema", "launches", "kernels", "bytes_before", "bytes_after", "groups", "refusals"}
    assert set(report.to_json()) == keys


def test_no_collection_while_a_scope_is_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Collections of a large program took longer than the plan; they are as before after it."""
    seen = []
    plan = capture._prepared

    def watched(*args: Any) -> Any:
        seen.append(gc.isenabled())
        return plan(*args)

    monkeypatch.setattr(capture, "_prepared", watched)
    x = mx.ones((77,))
    with triton_mlx.fuse():
        k.add_in_place[cdiv(77, 32)](x, x * 3, 77, BLOCK=32)
    assert seen == [False] and gc.isenabled()
    monkeypatch.setattr(capture, "_prepared", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError), triton_mlx.fuse():
        k.add_in_place[cdiv(77, 64)](x, x * 3, 77, BLOCK=64)
    assert gc.isenabled()
