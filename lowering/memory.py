"""How loads, stores and atomics reach each buffer: the output protocol, as text.

MLX kernels cannot write their inputs, so on Metal a stored buffer comes in as its old contents and goes out
as a fresh array. On the host one pointer serves both. `Access` says which of these a buffer has; the launch
code follows the same record.
"""

from __future__ import annotations

from ..fusion.errors import UnsupportedType
from ..fusion.graph import Node
from ..fusion.types import Scalar
from .record import Access
from .text import UNSIGNED, c_type


def load_text(access: Access, index: str, scalar: Scalar) -> str:
    """The value of element `index` as `scalar`."""
    if access.mode == "merged" and access.reads_back:
        set_, new = f"{access.flag}[{index}]", f"{access.new}[{index}]"
        old = f"{access.old}[{index}]"
        return f"({set_} ? {read_text(access, new, scalar)} : {read_text(access, old, scalar)})"
    if is_recast(access, scalar):
        return _recast(access, index, scalar)
    old = read_text(access, f"{access.old}[{index}]", scalar)
    if access.mode == "xored":
        return _update("load", access, index, c_type(scalar), old, old)
    return old


BYTES = {
    **dict.fromkeys(("bool", "char", "uchar"), 1),
    **dict.fromkeys(("short", "ushort", "half", "bfloat"), 2),
    **dict.fromkeys(("int", "uint", "float"), 4),
    **dict.fromkeys(("long", "ulong", "double"), 8),
}


def is_recast(access: Access, scalar: Scalar) -> bool:
    """True if the pointer was cast to elements of another size (only where kernels work in place)."""
    return BYTES[access.storage] != scalar.bytes


def _recast(access: Access, index: str, scalar: Scalar) -> str:
    constant = "const " if access.mode == "read" else ""
    return f"(({constant}{c_type(scalar)}*){access.name})[{index}]"


def _place(access: Access, index: str, scalar: Scalar) -> str:
    """The address of an element that is updated."""
    recast = is_recast(access, scalar)
    return f"&{_recast(access, index, scalar) if recast else f'{access.new}[{index}]'}"


def read_text(access: Access, element: str, scalar: Scalar) -> str:
    """An element in memory as `scalar`."""
    wanted = c_type(scalar)
    if access.storage == wanted:
        return element
    if scalar.name == "i1" or access.storage == "bool" or _is_integer(access.storage, wanted):
        return f"static_cast<{wanted}>({element})"
    return f"as_type<{wanted}>({element})"


def store_lines(access: Access, index: str, value: str, scalar: Scalar) -> list[str]:
    """Statements that put `value` at element `index`."""
    if is_recast(access, scalar):
        return [f"{_recast(access, index, scalar)} = {value};"]
    if access.mode == "xored":
        old = read_text(access, f"{access.old}[{index}]", scalar)
        return [f"{_update('xchg', access, index, c_type(scalar), old, value)};"]
    places = [(access.new, stored_text(access, value, scalar))]
    if access.mode == "merged":
        places.append((access.flag, "1"))
    return [f"{n}[{index}] = {v};" for n, v in places]


def _update(
    kind: str, access: Access, index: str, word: str, old: str, value: str, expected: str = ""
) -> str:
    """Element `index` before the update, where updates are of the bits that differ from the old contents."""
    given = f"({word})({old}), ({word})({value}), ({word})({expected or value})"
    return f"tile_update_{kind}<{word}>({access.new}, {index}, {given})"


def _check_width(node: Node, kind: str, scalar: Scalar) -> None:
    if scalar.bits not in (16, 32):
        raise UnsupportedType(
            f"atomic {kind} on {scalar}",
            where=node.loc,
            why="atomics are 32 bits wide here, and 16-bit ones are made of them",
            hint="use 32-bit elements, or triton_mlx.use('host')",
        )


def stored_text(access: Access, value: str, scalar: Scalar) -> str:
    """`value` as an element in memory."""
    given = c_type(scalar)
    if access.storage == given:
        return value
    plain = access.storage == "bool" or _is_integer(access.storage, given)
    cast = "static_cast" if plain else "as_type"
    return f"{cast}<{access.storage}>({value})"


def _is_integer(storage: str, wanted: str) -> bool:
    words = {*UNSIGNED.values(), "char", "short", "int", "long"}
    return storage in words and wanted in words


_FETCH = {
    "add": "add",
    "fadd": "add",
    "and": "and",
    "or": "or",
    "xor": "xor",
    "max": "max",
    "min": "min",
    "umax": "max",
    "umin": "min",
    "fmax": "fmax",
    "fmin": "fmin",
    "xchg": "exchange",
    "load": "load",
    "poll": "poll",
}
_WHOLE = frozenset({"xchg", "load", "poll"})
_RETURNED = {
    "add": "({0} + {1})",
    "fadd": "({0} + {1})",
    "and": "({0} & {1})",
    "or": "({0} | {1})",
    "xor": "({0} ^ {1})",
}
# Kinds that a fresh output can gather, from zero (and: from all ones).
KEYED = frozenset({"max", "min", "umax", "umin", "fmax", "fmin"})
GATHERED = KEYED | {"add", "fadd", "or", "xor", "and"}


def _keyed(kind: str, access: Access, index: str, value: str, scalar: Scalar, used: bool) -> str:
    """A minimum or maximum as the maximum of unsigned keys (runtime/atomic_keys.py)."""
    word = UNSIGNED[scalar.name] if kind in ("umax", "umin") else c_type(scalar)
    place = f"(device atomic<uint>*)&{access.new}[{index}]"
    key = f"key_{kind}(({word})({value}))"
    text = f"atomic_fetch_max_explicit({place}, {key}, memory_order_relaxed)"
    if not used:
        return text
    old = read_text(access, f"{access.old}[{index}]", scalar)
    return f"({c_type(scalar)})unkey_{kind}(max({text}, key_{kind}(({word})({old}))))"


def cas_text(node: Node, access: Access, index: str, expected: str, value: str) -> str:
    """Compare and swap as an expression: the element before it."""
    scalar = node.types[0].scalar
    if access.mode != "inout":
        _check_width(node, "cas", scalar)
        old = read_text(access, f"{access.old}[{index}]", scalar)
        return _update("cas", access, index, c_type(scalar), old, value, expected)
    place = _place(access, index, scalar)
    return f"host_atomic_cas<{c_type(scalar)}>({place}, {expected}, {value})"


def atomic_text(
    node: Node, access: Access, index: str, value: str, scalar: Scalar, used: bool
) -> str:
    """The atomic as an expression; if `used`, its value is the element before it."""
    kind = node.attr("kind")
    unsigned = kind in ("umax", "umin")
    word = UNSIGNED[scalar.name] if unsigned else c_type(scalar)
    pointer = _place(access, index, scalar)
    if access.mode == "inout":
        name = _FETCH[kind] if kind in _WHOLE else f"fetch_{_FETCH[kind]}"
        text = f"host_atomic_{name}<{word}>({pointer}, ({word})({value}))"
        return f"({c_type(scalar)})({text})" if unsigned else text
    _check_width(node, kind, scalar)
    if access.mode == "xored":
        old = read_text(access, f"{access.old}[{index}]", scalar)
        text = _update(kind, access, index, word, old, value)
        return f"({c_type(scalar)})({text})" if unsigned else text
    if kind in KEYED:
        return _keyed(kind, access, index, value, scalar, used)
    # The array is of plain elements; an atomic of 32 bits has their size and alignment.
    place = f"(device atomic<{access.storage}>*){pointer}"
    text = f"atomic_fetch_{_FETCH[kind]}_explicit({place}, {value}, memory_order_relaxed)"
    if not used:
        return text
    return _RETURNED[kind].format(text, read_text(access, f"{access.old}[{index}]", scalar))
