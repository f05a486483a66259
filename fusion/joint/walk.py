"""A launch's accesses: where they are, which elements they walk, and how to get back from an element.

A walk is an access that touches elements 0 .. n - 1 of its array, each exactly once in the whole launch.
Its inverse names the program and the place in the tile of an element by divisions and remainders.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

from .. import cover
from ..access import AccessMap, AccessReader, covers
from ..graph import Node, Value
from ..linear import Linear, Symbol
from .budget import spend
from .codes import Refusal
from .records import Launch

MOST_ELEMENTS = 1 << 30
_FEW = 1 << 11  # addresses that are looked at before all
_KEPT = 256  # launches whose accesses are remembered


@dataclass(frozen=True, slots=True)
class Digit:
    """A number found in the element index e: (e // place) % extent; extent 0 is no remainder."""

    place: int
    extent: int


@dataclass(frozen=True, slots=True)
class Walk:
    """An access of every element once. `inverse`: a symbol is digit two of digit one of the element.

    `forms`: linear forms that are simply a digit of the element.
    """

    node: Node
    slot: int
    access: AccessMap
    elements: int
    inverse: tuple[tuple[Symbol, Digit, Digit], ...]
    forms: tuple[tuple[Linear, Digit], ...]


@dataclass(frozen=True, slots=True)
class Site:
    """A load or store. `outer`: it is in the function's own block; `slot`: None if it is not known."""

    node: Node
    outer: bool
    slot: int
    order: int


@functools.lru_cache(maxsize=_KEPT)
def sites(launch: Launch) -> tuple[Site, ...]:
    """Every load and store of a launch, in program order. Raises Refusal for pointers of unknown origin."""
    nodes = {n.id: n for n in launch.function.body.walk()}
    bases = {v: k for k, v in enumerate(launch.function.body.args)}
    outer = {n.id for n in launch.function.body}
    found: list[Site] = []
    for order, node in enumerate(launch.function.body.walk()):
        if node.op in ("load", "store"):
            parameter = _base(node.inputs[0], nodes, bases)
            found.append(Site(node, node.id in outer, launch.slots[parameter], order))
    return tuple(found)


def _base(pointer: Value, nodes: dict[int, Node], bases: dict[Value, int]) -> int:
    while pointer not in bases:
        node = nodes.get(pointer.node)
        if node is None or not node.inputs or node.op in ("select", "for", "if", "while"):
            raise Refusal("OTHER_ELEMENT", "a pointer is chosen or carried at run time")
        if node.op == "bitcast" and node.types[0].scalar != node.inputs[0].type.scalar:
            raise Refusal("TYPE_PUN", "a pointer is cast to another type")
        pointer = node.inputs[0]
    return bases[pointer]


@functools.lru_cache(maxsize=_KEPT)
def reader_of(launch: Launch) -> AccessReader:
    return AccessReader(launch.function, launch.scalars, launch.grid)


def check_size(launch: Launch) -> None:
    """Raises Refusal for an array whose elements cannot be counted in the 32 bits of an element's number."""
    most = max((b.elements for b in launch.buffers), default=0)
    if most >= MOST_ELEMENTS:
        raise Refusal("TOO_LARGE", f"an array of {launch.name} has {most} elements")


def walk_of(launch: Launch, reader: AccessReader, site: Site) -> Walk | None:
    """`site` as a walk of its whole array, if its linear form proves that it is one."""
    if not site.outer:
        return None
    access = reader.load(site.node) if site.node.op == "load" else reader.store(site.node)
    elements = launch.buffers[site.slot].elements
    if access is None or not 0 < elements < MOST_ELEMENTS:
        return None
    if not covers(access, launch.grid, elements):
        return None
    extents = access.extents(launch.grid)
    used = {s for s, _ in access.offset.terms}
    if any(n > 1 and s not in used for s, n in extents.items()):
        return None  # some elements would be touched more than once
    return _inverted(site, access, extents, elements)


def _inverted(
    site: Site, access: AccessMap, extents: dict[Symbol, int], elements: int
) -> Walk | None:
    terms = dict(access.offset.terms)
    inverse: list[tuple[Symbol, Digit, Digit]] = []
    forms: list[tuple[Linear, Digit]] = [(access.offset, Digit(1, 0))]
    whole = Digit(1, 0)
    for form, bound in access.bounds:
        if form == access.offset:
            continue
        factor = {terms[s] // c for s, c in form.terms if s in terms}
        if len(factor) != 1:
            return None  # a symbol in two bounds: rare, and not worth a proof
        span = 1 + sum(c * (extents[s] - 1) for s, c in form.terms)
        digit = Digit(factor.pop(), min(bound, span))
        forms.append((form, digit))
        for symbol, coefficient in form.terms:
            del terms[symbol]
            inverse.append((symbol, digit, Digit(coefficient, extents[symbol])))
    for symbol, coefficient in terms.items():
        inverse.append((symbol, whole, Digit(coefficient, extents[symbol])))
        forms.append((Linear(0, ((symbol, 1),)), Digit(coefficient, extents[symbol])))
    top = [(e, k) for k, (_, d, e) in enumerate(inverse) if d == whole]
    if top and len(terms) == len(inverse):  # nothing is above the largest place
        digit, at = max(top, key=lambda t: t[0].place)
        symbol = inverse[at][0]
        inverse[at] = (symbol, whole, Digit(digit.place, 0))
        forms = [(f, Digit(d.place, 0) if d == digit else d) for f, d in forms]
    return Walk(site.node, site.slot, access, elements, tuple(inverse), tuple(forms))


def mask_of(node: Node) -> Value | None:
    """The mask of a load or store."""
    at = 1 if node.op == "load" else 2
    return node.inputs[at] if len(node.inputs) > at else None


def few(tile: int) -> int:
    """How many programs are looked at before all are, because most that is refused shows in the first."""
    return max(2, _FEW // max(1, tile))


def places(
    launch: Launch, pointers: list[Value], mask: Value | None, programs: int | None = None
) -> list[tuple[list[cover.Array], cover.Array]] | None:
    """Offsets of pointers and the mask's values over the whole grid, in chunks; None if they depend on data.

    `programs`: only of the first so many. Raises Refusal where there are too many.
    """
    size = max(p.type.size for p in pointers)
    if programs is None:
        spend(launch.name, math.prod(launch.grid) * size)
    return cover.evaluated(
        launch.function, launch.slots, launch.scalars, launch.grid, pointers, mask, size, programs
    )
