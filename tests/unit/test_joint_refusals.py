"""Launches that must stay apart, each for the right reason, and evaluated to the same bits all the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import corpus
import joint_kernels as k
import numpy as np
import pytest
from joint_program import Program

from triton_mlx.fusion.joint.codes import CODES, RULES
from triton_mlx.fusion.joint.plan import plan

N, ROWS, COLS = 960, 24, 40
G = (-(-N // 128),)
B = {"BLOCK": 128}
Case = Callable[[Program, Any, Any, Any], None]


def apart(first: tuple[Any, ...], second: tuple[Any, ...]) -> Case:
    """Two launches: (kernel, arguments with x, t, o by name, grid, constants)."""

    def build(p: Program, x: Any, t: Any, o: Any) -> None:
        names = {"x": x, "t": t, "o": o}
        for kernel, args, grid, constants in (first, second):
            p.run(
                kernel,
                [names.get(a, a) if isinstance(a, str) else a for a in args],
                grid,
                **constants,
            )

    return build


def flat(kernel: Any, *args: Any) -> tuple[Any, ...]:
    return kernel, args, G, B


def flat_64(kernel: Any, *args: Any) -> tuple[Any, ...]:
    """On another grid than `flat`."""
    return kernel, args, (-(-N // 64),), {"BLOCK": 64}


def tile(kernel: Any, *args: Any) -> tuple[Any, ...]:
    return kernel, args, (3, 3), {"BM": 8, "BN": 16}


SCALE_XT, SCALE_TO = flat(k.scale, "x", "t", N, 2.0), flat(k.scale, "t", "o", N, 2.0)
SCALE_TX = flat(k.scale, "t", "x", N, 2.0)
SCALE_TO_64 = flat_64(k.scale, "t", "o", N, 2.0)
SOFTMAX_TO = (k.softmax, ("t", "o", COLS), (ROWS,), {"BLOCK": 64})
LONG_SOFTMAX_TO = (k.softmax, ("t", "o", 2 * COLS), (ROWS // 2,), {"BLOCK": 128})
LONG_SOFTMAX_XO = (k.softmax, ("x", "o", 2 * COLS), (ROWS // 2,), {"BLOCK": 128})
SOFTMAX_XT = (k.softmax, ("x", "t", COLS), (ROWS,), {"BLOCK": 64})
LOOP_TO = (k.rows_loop, ("t", "o", ROWS, COLS), (1,), {"BLOCK": 64})
# All arrays are visible here, so nothing may be left out.
CASES: dict[str, tuple[Case, str]] = {
    "reads the next element": (apart(SCALE_XT, flat(k.shifted, "t", "o", N, 1)), "STILL_VISIBLE"),
    "reads far elements": (apart(SCALE_XT, flat(k.shifted, "t", "o", N, 500)), "STILL_VISIBLE"),
    "next element of a softmax": (
        apart(SOFTMAX_XT, flat(k.shifted, "t", "o", N, 1)),
        "OTHER_ELEMENT",
    ),
    "reversed softmax": (apart(SOFTMAX_XT, flat(k.reverse, "t", "o", N)), "OTHER_ELEMENT"),
    "transposed softmax": (
        apart(SOFTMAX_XT, tile(k.transpose, "t", "o", ROWS, COLS)),
        "OTHER_ELEMENT",
    ),
    "softmax of a softmax's transpose": (
        apart(
            tile(k.transpose, "x", "t", COLS, ROWS),
            (k.softmax, ("t", "t", COLS), (ROWS,), {"BLOCK": 64}),
        ),
        "NOT_INVERTIBLE",
    ),
    "softmax of a softmax": (apart(SOFTMAX_XT, LONG_SOFTMAX_TO), "NOT_ELEMENTWISE"),
    "half is written": (apart(flat(k.half_of, "x", "t", N), SCALE_TO_64), "NOT_INVERTIBLE"),
    "every second is written": (
        apart(flat(k.every_second, "x", "t", N), SCALE_TO),
        "NOT_INVERTIBLE",
    ),
    "half is written, then rows": (
        apart(flat(k.half_of, "x", "t", N), SOFTMAX_TO),
        "NOT_INVERTIBLE",
    ),
    "only half is rewritten": (
        apart(SCALE_XT, flat_64(k.half_of, "t", "o", N)),
        "STILL_VISIBLE",
    ),
    "atomics read": (apart(SCALE_XT, flat(k.count, "t", "o", N)), "ATOMICS"),
    "atomics write": (apart(flat(k.count, "x", "t", N), SCALE_TO), "ATOMICS"),
    "atomics feed rows": (apart(flat(k.count, "x", "t", N), SOFTMAX_TO), "ATOMICS"),
    "a print first": (apart(flat(k.said, "x", "t", N), SCALE_TO), "EFFECT"),
    "a print after": (apart(SCALE_XT, flat(k.said, "t", "o", N)), "EFFECT"),
    "a volatile load": (apart(SCALE_XT, flat(k.volatile, "t", "o", N)), "EFFECT"),
    "a volatile load first": (apart(flat(k.volatile, "x", "t", N), SCALE_TO), "EFFECT"),
    "rows are written in part": (
        apart(
            (k.softmax_part, ("x", "t", COLS, 30), (ROWS,), {"BLOCK": 64}),
            flat(k.add, "t", "x", "o", N),
        ),
        "NOT_COVERED",
    ),
    "overwritten while shifted": (
        apart(flat(k.shifted, "x", "t", N, 1), flat(k.scale, "t", "x", N, 2.0)),
        "WAR",
    ),
    "overwritten while reversed": (
        apart(flat(k.reverse, "x", "t", N), flat(k.scale, "t", "x", N, 2.0)),
        "WAR",
    ),
    "rewritten in reverse": (apart(SCALE_XT, flat(k.reverse, "t", "x", N)), "WAR"),
    "rows overwrite the source": (
        apart(SCALE_XT, (k.softmax, ("t", "x", COLS), (ROWS,), {"BLOCK": 64})),
        "WAR",
    ),
    "a loop reads": (apart(SCALE_XT, LOOP_TO), "STILL_VISIBLE"),
    "a loop writes": (apart((k.strided, ("x", "t", N), (3,), B), SCALE_TO), "NO_COMMON_TILE"),
    "written twice": (apart(flat(k.twice, "x", "t", N), SCALE_TO_64), "NOT_INVERTIBLE"),
    "loads back what it stored": (
        apart(SCALE_XT, flat_64(k.load_after_store, "t", "o", N)),
        "WAR",
    ),
    "other masks": (apart(SOFTMAX_XT, flat(k.odd_masks, "t", "o", "x", N)), "MASK_MISMATCH"),
    "siblings of other sizes": (
        apart(
            (k.mean_square, ("x", "t", COLS), (ROWS,), {"BLOCK": 64}), flat(k.half_of, "x", "o", N)
        ),
        "NOT_INVERTIBLE",
    ),
    "two row kernels on one array": (
        apart(SOFTMAX_XT, LONG_SOFTMAX_XO),
        "NOT_ELEMENTWISE",
    ),
    "turned round in place by one program": (
        apart(SOFTMAX_XT, (k.add_turned, ("t", "o", N), (1,), {"BLOCK": 1024})),
        "WAR",
    ),
    "written forwards, then backwards": (
        apart(SOFTMAX_XT, (k.overwritten, ("t", "o", N), (1,), {"BLOCK": 1024})),
        "WAR",
    ),
    "a transpose overwrites": (apart(SCALE_XT, tile(k.transpose, "t", "x", ROWS, COLS)), "WAR"),
}


@pytest.mark.parametrize("name", CASES)
def test_stays_apart(name: str) -> None:
    build, code = CASES[name]
    p, rng = Program(), np.random.default_rng(0)
    x, t, o = (p.array(rng.standard_normal(N).astype(np.float32)) for _ in range(3))
    build(p, x, t, o)
    made = p.check(*p.arrays)
    assert [d.code for d in made.decisions if not d.fused] == [code]
    assert len(made.launches) == 2


def test_there_are_thirty() -> None:
    assert len(CASES) >= 30


def test_a_gather_of_what_a_matmul_made() -> None:
    p, rng = Program(), np.random.default_rng(0)
    a, b = p.array(rng.random((16, 16), np.float32)), p.array(rng.random((16, 16), np.float32))
    c, o = p.array(np.zeros((16, 16), np.float32)), p.array(np.zeros(256, np.float32))
    index = p.array(rng.permutation(256).astype(np.int32))
    p.run(corpus.k_matmul, (a, b, c, 16, 16, 16), (1,), BM=16, BN=16, BK=16, GROUP=1)
    p.run(k.pick, (c, index, o, 256), (2,), BLOCK=128)
    made = p.check(o)
    assert [d.code for d in made.decisions] == ["OTHER_ELEMENT"]


def test_a_launch_between_that_needs_the_first_and_feeds_the_second() -> None:
    p, rng = Program(), np.random.default_rng(0)
    x, t, u, o = (p.array(rng.standard_normal(N).astype(np.float32)) for _ in range(4))
    p.run(k.scale, (x, t, N, 2.0), G, **B)
    p.run(k.count, (t, u, N), G, **B)
    p.run(k.add, (t, u, o, N), G, **B)
    made = p.check(t, u, o)
    assert [d.code for d in made.decisions] == ["ATOMICS", "ATOMICS", "BETWEEN"]


def test_a_pair_that_changes_an_array_is_not_computed_at_two_places() -> None:
    """`rms` reads both results: one at its row, one at its columns, where other programs wrote already."""
    p, rng = Program(), np.random.default_rng(0)
    a, b, w, x, o = (p.array(rng.standard_normal(60).astype(np.float32)) for _ in range(5))
    p.run(k.scale, (a, w, 60, 2.0), (8,), BLOCK=8)
    p.run(k.shifted, (b, x, 60, 0), (8,), BLOCK=8)
    p.run(k.add, (b, x, a, 60), (8,), BLOCK=8)
    p.run(k.rms, (x, w, o, 10), (6,), BLOCK=16)
    made = p.check(b, o)
    assert [d.code for d in made.decisions if not d.fused] == ["WAR"]


def test_every_code_is_documented() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "fusion.md").read_text()
    assert [c for c in CODES if f"| `{c}` |" not in text] == []


def test_every_refusal_says_what_to_change() -> None:
    assert [c.name for c in CODES.values() if not c.hint] == sorted(RULES, key=list(CODES).index)


def test_every_code_is_used() -> None:
    package = Path(__file__).resolve().parents[2]
    files = [f for part in ("fusion", "runtime") for f in (package / part).rglob("*.py")]
    text = "".join(f.read_text(encoding="utf-8") for f in files if f.name != "codes.py")
    assert [c for c in CODES if f'"{c}"' not in text] == []


@pytest.mark.parametrize("elements, code", [((1 << 30) - 1, "EPILOGUE"), (1 << 30, "TOO_LARGE")])
def test_an_element_has_a_number_of_32_bits(elements: int, code: str) -> None:
    p = Program()
    x, t, o = (p.array(np.zeros(N, np.float32)) for _ in range(3))
    p.run(k.scale, (x, t, N, 2.0), G, **B)
    p.run(k.scale, (t, o, N, 2.0), G, **B)
    large = [
        replace(
            launch,
            buffers=tuple(replace(b, elements=elements) for b in launch.buffers),
            scalars={2: elements, 3: 2.0},
            grid=(-(-elements // 128), 1, 1),
        )
        for launch in p.launches
    ]
    made = plan(large, {p.newest[id(o)]})
    assert [d.code for d in made.decisions] == [code]
    assert code != "TOO_LARGE" or "1073741824" in made.decisions[0].what
