"""A plan proves of each kind of pair once what can be joined; what differs in anything is proved anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import joint_kernels as k
import numpy as np
import pytest
from joint_program import Program

from triton_mlx.fusion.joint import plan as planning
from triton_mlx.fusion.joint.plan import plan

N, LENGTH = 1024, 50


def array(p: Program, seed: int | None = None) -> Any:
    if seed is None:
        return p.array(np.zeros(N, np.float32))
    return p.array(np.random.default_rng(seed).integers(-8, 8, N).astype(np.float32))


def elementwise(p: Program, x: Any, o: Any, at: int) -> None:
    block = (64, 128, 256)[at % 3]
    p.run(k.scale, (x, o, N, 0.5), (N // block,), BLOCK=block)


def reversed_(p: Program, x: Any, o: Any, at: int) -> None:
    p.run(k.reverse, (x, o, N), (8,), BLOCK=128)


def mixed(p: Program, x: Any, o: Any, at: int) -> None:
    (reversed_ if at % 2 else elementwise)(p, x, o, at)


def rows(p: Program, x: Any, o: Any, at: int) -> None:
    if at % 2:
        p.run(k.softmax, (x, o, 32), (32,), BLOCK=32)
    else:
        p.run(k.rms, (x, x, o, 32), (32,), BLOCK=32)


def chain(kind: Any, length: int) -> tuple[Program, list[Any]]:
    p = Program()
    arrays = [array(p, seed=0)]
    for at in range(length):
        arrays.append(array(p))
        kind(p, arrays[-2], arrays[-1], at)
    return p, arrays


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The pairs that rules are tried on."""
    pairs: list[tuple[str, str]] = []
    join = planning._join

    def told(earlier: Any, later: Any, *rest: Any) -> Any:
        pairs.append((earlier.name, later.name))
        return join(earlier, later, *rest)

    monkeypatch.setattr(planning, "_join", told)
    return pairs


@pytest.mark.parametrize("kind", [reversed_, mixed, rows])
def test_pairs_that_come_again_are_not_proved_again(
    kind: Any, asked: list[tuple[str, str]]
) -> None:
    p, arrays = chain(kind, LENGTH)
    p.check(*arrays[1:])  # everything is visible, and right
    assert 0 < len(asked) < LENGTH // 3  # each anew: 49 or more


@pytest.mark.parametrize("kind", [elementwise, reversed_, mixed, rows])
@pytest.mark.parametrize("all_visible", [False, True])
def test_what_is_known_changes_no_plan(
    kind: Any, all_visible: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    p, arrays = chain(kind, 12)
    visible = [p.newest[id(a)] for a in (arrays[1:] if all_visible else arrays[-1:])]
    known = plan(p.launches, visible)
    monkeypatch.setattr(planning.Known, "join", lambda self, a, b, n, linked, rule: rule())
    anew = plan([replace(x) for x in p.launches], visible)
    assert known.decisions == anew.decisions
    for one, other in zip(known.launches, anew.launches, strict=True):
        assert one.function == other.function
        assert (one.buffers, one.members, one.grid) == (other.buffers, other.members, other.grid)
        assert (one.slots, one.scalars, one.origins) == (other.slots, other.scalars, other.origins)


@pytest.mark.parametrize("turned, pairs", [(False, 1), (True, 2)])
def test_the_same_kernels_with_another_array_in_common_are_another_pair(
    turned: bool, pairs: int, asked: list[tuple[str, str]]
) -> None:
    p = Program()
    o = [array(p) for _ in range(4)]
    for x, y, turn in ((o[0], o[1], False), (o[2], o[3], turned)):
        a, b, c = (array(p, seed=s) for s in range(3))
        p.run(k.mul, (a, b, x, N), (8,), BLOCK=128)
        p.run(k.add, (c, x, y, N) if turn else (x, c, y, N), (8,), BLOCK=128)
    p.check(*o)
    assert asked.count(("mul", "add")) == pairs


@pytest.mark.parametrize("second, pairs", [(0.0, 1), (-0.0, 2), (1.0, 2)])
def test_scalars_that_are_equal_but_differ_are_another_pair(
    second: float, pairs: int, asked: list[tuple[str, str]]
) -> None:
    p = Program()
    o = [array(p) for _ in range(4)]
    for x, y, factor in ((o[0], o[1], 0.0), (o[2], o[3], second)):
        p.run(k.reverse, (array(p, seed=1), x, N), (8,), BLOCK=128)
        p.run(k.scale, (x, y, N, factor), (8,), BLOCK=128)
    p.check(*o)
    assert asked.count(("reverse", "scale")) == pairs


def test_a_pair_whose_result_others_need_is_another_pair(asked: list[tuple[str, str]]) -> None:
    """The earlier kernel is computed where the later one loads: whether it is stored too is part of that."""
    p = Program()
    x, o = [array(p) for _ in range(2)], [array(p) for _ in range(2)]
    for mid, out in zip(x, o):
        p.run(k.scale, (array(p, seed=1), mid, N, 0.5), (8,), BLOCK=128)
        p.run(k.softmax, (mid, out, 32), (32,), BLOCK=32)
    p.check(o[0], x[1], o[1])  # x[0] is not needed
    assert asked.count(("scale", "softmax")) == 2
