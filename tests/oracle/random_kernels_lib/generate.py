"""The program of a seed."""

from __future__ import annotations

import random

from . import combines, elementwise, functions, tiles
from .builder import Builder
from .program import INPUT, TILE, Line, Program
from .statements import loop, statements, store

MAKERS = (*elementwise.MAKERS, *tiles.MAKERS, *combines.MAKERS, *functions.MAKERS)
_LOCAL = ("int32", "float32", "float16", "int64", "int8", "uint32", "uint8", "bfloat16")


def generate(seed: int) -> Program:
    """The program of `seed`: the same one each time."""
    rng = random.Random(seed)
    dims = rng.sample((1, 2, 4, 8, 16, 32, 64, 128), 3)
    if rng.random() < 0.3:
        dims = rng.choice(([16, 32], [16, 32, 64], [16]))
    programs = (rng.choice((1, 2, 3)), rng.choice((1, 1, 2)))
    made = Builder(rng, dims, programs, MAKERS, elementwise.leaf)
    for k in range(rng.randint(1, 3)):
        made.inputs[f"a{k}"] = rng.choice((made.any_dtype(), ("float32", "int32", "int8")[k]))
    if rng.random() < 0.35:
        made.local, made.twin = rng.choice(_LOCAL), rng.random() < 0.3
    made.line("q = tl.program_id(0)")
    made.line("pid = tl.program_id(0) + tl.program_id(1) * tl.num_programs(0)")
    statements(made, rng.randint(1, 4), 2)
    if rng.random() < 0.6:
        loop(made, 2)
    statements(made, 1, 1)
    store(made)
    return _program(seed, made, rng)


def _program(seed: int, made: Builder, rng: random.Random) -> Program:
    total = made.programs[0] * made.programs[1]
    arrays = [(name, dtype, INPUT) for name, dtype in made.inputs.items()]
    if made.local:
        arrays.append(("x", made.local, total * 2 * TILE))
    for array, span in made.spans.items():
        dtype = "float32" if array == "o_exp" else array[2:]
        arrays.append((array, dtype, total * span))
    arrays.append(("counts", "int32", 48))
    scalars = {"n": rng.choice((0, 7, 16, 100, 777, INPUT)), "m": rng.choice((0, 1, 2, 3, 5))}
    lines = [_with_spans(line, made.spans) for line in made.lines]
    same = {"y": "x"} if made.twin else {}
    return Program(seed, lines, arrays, same, scalars, made.programs, made.helpers)


def _with_spans(line: Line, spans: dict[str, int]) -> Line:
    text = line.text
    for array, span in spans.items():
        text = text.replace(f"S[{array}]", str(span))
    return Line(line.indent, text, line.neutral, line.fixed)
