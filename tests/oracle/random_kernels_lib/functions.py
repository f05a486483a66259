"""Calls of helper functions: inlined or not, with control flow, several results, compile-time arguments."""

from __future__ import annotations

from dataclasses import dataclass

from .builder import Builder, Maker
from .program import DTYPES, Shape, Var


@dataclass(frozen=True, slots=True)
class _Helper:
    """`parameters`: a and b are values of the type asked for, s an int32 scalar, K a small constant."""

    parameters: str
    body: str
    kinds: str
    results: int = 1
    needs: str = ""


_HELPERS = {
    "h_mix": _Helper("a, b", "c = a ^ (b << 1)\nreturn tl.where(a > b, c, a - b)", "iu"),
    "h_pick": _Helper("a, b", "return tl.where(a > b, a, tl.where(b > 2, b, a))", "iuf"),
    "h_pair": _Helper("a, b", "return tl.minimum(a, b), tl.maximum(a, b)", "iuf", 2),
    "h_if": _Helper("a, b, s", "r = a\nif s > 2:\n    r = b\nreturn r", "iuf"),
    "h_else": _Helper(
        "a, b, s", "if s < 1:\n    r = a + b\nelse:\n    r = tl.maximum(a, b)\nreturn r", "iu"
    ),
    "h_static": _Helper(
        "a, K: tl.constexpr", "for i in tl.static_range(K):\n    a = a * 3 + i\nreturn a", "iu"
    ),
    "h_loop": _Helper(
        "a, b, s",
        "for i in range(0, s & 3):\n    a, b = b, tl.maximum(a, b) - 1\nreturn a ^ b",
        "iu",
    ),
    "h_swap": _Helper(
        "a, b, s", "for i in range(0, s & 3):\n    a, b = b, a\nreturn a, b", "iuf", 2
    ),
    "h_early": _Helper("a, b, s", "if s > 1:\n    return a\nreturn b", "iuf"),
    "h_nested": _Helper(
        "a, b", "c = h_mix(a, b)\nreturn h_mix(c, a) + h_mix(b, c)", "iu", 1, "h_mix"
    ),
}


def _text(name: str, row: _Helper, how: str) -> str:
    body = "".join(f"    {line}\n" for line in row.body.split("\n"))
    return f"@triton.jit{how}\ndef {name}({row.parameters}):\n{body}"


def _call(g: Builder, dtype: str, shape: Shape, depth: int) -> Var:
    kind = DTYPES[dtype].kind
    name = g.rng.choice([n for n, row in _HELPERS.items() if kind in row.kinds])
    row = _HELPERS[name]
    if row.needs:
        g.helpers.setdefault(row.needs, _text(row.needs, _HELPERS[row.needs], ""))
    called = name
    # Triton calls, instead of inlining, only with scalars.
    if not shape and "constexpr" not in row.parameters and g.chance(0.4):
        called = f"{name}_called"
        g.helpers.setdefault(called, _text(called, row, "(noinline=True)"))
    else:
        g.helpers.setdefault(name, _text(name, row, ""))
    arguments, bound = [], 1.0
    for parameter in row.parameters.split(", "):
        if parameter in "ab":
            a = g.value(dtype, shape, depth)
            arguments.append(a.name)
            bound = max(bound, a.bound)
        elif parameter == "s":
            arguments.append(g.value("int32", (), 1).name)
        else:
            arguments.append(str(g.rng.randint(0, 3)))
    text = f"{called}({', '.join(arguments)})"
    bound = bound if kind == "f" else float("inf")
    return g.rng.choice(g.let_all(text, [(dtype, shape, bound)] * row.results))


MAKERS = (Maker(_call, 0.5, "iuf"),)
