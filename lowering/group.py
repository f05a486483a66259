"""One group of nodes as one loop nest: elementwise values, loads, stores, atomics and reductions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..fusion.graph import Node, Value
from ..fusion.masks import address_conditions
from ..fusion.ops import OPS
from . import expr, fulltile, reduce, vectors
from .coarse import coarse
from .exchange import owner_condition
from .layout import Layout
from .memory import atomic_text, cas_text, load_text, read_text, store_lines, stored_text
from .nest import Expr, Nest
from .record import MESSAGE_WORDS, MOST_MESSAGES, Site
from .scope import Scope, Storage
from .sites import assert_site, print_site
from .steps import Plan, Step
from .text import c_type, literal

if TYPE_CHECKING:
    from .emit import Emitter


def emit(emitter: Emitter, step: Step, plan: Plan, reuse: Mapping[Value, Storage]) -> None:
    """Write the nest of `step`; results that other steps read are declared before it."""
    assert step.nest is not None
    if not step.nest.shape:
        _emit_scalars(emitter, step)
        return
    work = _loops(emitter, step)
    pending = [
        reduce.declare(emitter, node, step.nest, work)
        for node in step.nodes
        if OPS[node.op].kind == "combine"
    ]
    for node in step.nodes:
        if node.types and node.result in plan.stored and OPS[node.op].kind != "combine":
            emitter.declare(node.result, node, step.nest, reuse.get(node.result))
    wanted = fulltile.masks(emitter, step) if emitter.target.splits_full_tiles else []
    if wanted:
        _emit_split(emitter, step, work, plan, pending, wanted)
    else:
        emitter.write_nest(_nest(emitter, step, work, plan, pending, ()))
    for part in pending:
        reduce.finish(emitter, part)


def _loops(emitter: Emitter, step: Step) -> Layout:
    """The layout over which the loops of `step` run."""
    assert step.nest is not None
    reads = [v for n in step.nodes for v in n.inputs]
    axes = [n.attr("axis") for n in step.nodes if OPS[n.op].kind == "combine"]
    return coarse(step.nest, emitter.values, reads, axes)


def _emit_split(
    emitter: Emitter,
    step: Step,
    work: Layout,
    plan: Plan,
    pending: list[reduce.Pending],
    wanted: list[Value],
) -> None:
    with emitter.out.block():
        lines, full = fulltile.condition(emitter, emitter.nest(work), wanted)
        for line in lines:
            emitter.out.line(line)
        with emitter.out.block(f"if ({full})"):
            emitter.write_nest(_nest(emitter, step, work, plan, pending, wanted))
        with emitter.out.block("else"):
            emitter.write_nest(_nest(emitter, step, work, plan, pending, ()))


def _nest(
    emitter: Emitter,
    step: Step,
    work: Layout,
    plan: Plan,
    pending: Sequence[reduce.Pending],
    true_masks: Sequence[Value],
) -> Nest:
    """The filled nest of `step`, with `true_masks` known to hold."""
    assert step.nest is not None
    wide = vectors.plan(emitter, step.nodes, step.nest, work)
    nest = emitter.nest(work, max((p.chunk for p in pending), default=0))
    if wide is not None:
        nest = vectors.VectorNest(work, list(nest.thread), wide)
    scope = Scope(emitter, nest)
    for mask in true_masks:
        scope.memo[mask, scope.identity] = Expr("true")
    parts = iter(pending)
    for node in step.nodes:
        if OPS[node.op].kind == "combine":
            reduce.accumulate(scope, next(parts))
            continue
        value = _node(emitter, scope, node)
        if value is None:
            continue
        scope.memo[node.result, scope.identity] = value
        if node.result in plan.stored:
            place = emitter.storage_in(node.result, step.nest).at(nest, scope.identity)
            scope.line(nest.depth, f"{place.text} = {value.text};")
    return nest


def _emit_scalars(emitter: Emitter, step: Step) -> None:
    """Scalars are the same in every thread; they are plain variables of the surrounding block."""
    assert step.nest is not None
    nest = emitter.nest(step.nest)
    scope = Scope(emitter, nest)
    for node in step.nodes:
        value = _node(emitter, scope, node)
        if value is not None:
            scope.memo[node.result, ()] = value
            emitter.scalars[node.result] = value.text
    for line in nest.lines[0]:
        emitter.out.line(line)


def _node(emitter: Emitter, scope: Scope, node: Node) -> Expr | None:
    rule = _RULES.get(node.op)
    return rule(emitter, scope, node) if rule else scope.elementwise(node)


def _load_vector(emitter: Emitter, scope: Scope, node: Node, nest: vectors.VectorNest) -> Expr:
    """The vector is loaded at its first element's coordinates, and then read element by element."""
    first, width = scope.beside(nest.first), nest.vectors.width
    base, index = first.place(node.inputs[0], scope.identity)
    access = emitter.accesses[base]
    storage, scalar = access.storage, node.types[0].scalar
    word = vectors.word_for(emitter, "load", node, nest.vectors)
    text = vectors.load_text(access.old, index.text, storage, width, word)
    if len(node.inputs) > 1:
        mask = first.here(node.inputs[1])
        other = literal(0, scalar) if len(node.inputs) < 3 else first.here(node.inputs[2]).text
        if mask.text != "true":
            text = f"{mask.text} ? {text} : {vectors.filled(node.result, other, storage, width)}"
    name = scope.name(node.result, node)
    first.line(nest.whole, f"const {vectors.vector_type(storage, width)} {name} = {text};")
    element = read_text(access, f"{name}[{nest.element}]", scalar)
    return Expr(element, nest.depth)


def _store_vector(emitter: Emitter, scope: Scope, node: Node, nest: vectors.VectorNest) -> None:
    pointer, value, *mask = node.inputs
    first, width = scope.beside(nest.first), nest.vectors.width
    base, index = first.place(pointer, scope.identity)
    access = emitter.accesses[base]
    conditions = owner_condition(emitter, nest.layout)
    name = whole = scope.name(value, emitter.values.node(value))
    if mask and access.keeps:
        known = address_conditions(mask[0], emitter.values.made)
        conditions += [first.here(v).text for v in known]
        load = vectors.word_for(emitter, "load", node, nest.vectors)
        old = vectors.load_text(access.old, index.text, access.storage, width, load)
        whole = f"{first.here(mask[0]).text} ? {name} : {old}"
    elif mask:
        conditions.append(first.here(mask[0]).text)
    first.line(nest.whole, f"{vectors.vector_type(access.storage, width)} {name};")
    element = stored_text(access, scope.here(value).text, value.type.scalar)
    scope.line(nest.depth, f"{name}[{nest.element}] = {element};")
    word = vectors.word_for(emitter, "store", node, nest.vectors)
    lines = [vectors.store_text(access.new, index.text, access.storage, width, whole, word)]
    if access.mode == "merged":
        ones = f"{vectors.vector_type('uchar', width)}(1)"
        lines.append(vectors.store_text(access.flag, index.text, "uchar", width, ones, word))
    nest.after.extend(_conditional(conditions, lines))


def _wide(scope: Scope, node: Node) -> vectors.VectorNest | None:
    """The nest, if it accesses whole vectors at `node`."""
    nest = scope.nest
    wide = isinstance(nest, vectors.VectorNest) and node.id in nest.vectors.nodes
    return nest if wide else None  # type: ignore[return-value]


def _load(emitter: Emitter, scope: Scope, node: Node) -> Expr:
    if (nest := _wide(scope, node)) is not None:
        return _load_vector(emitter, scope, node, nest)
    bits = scope.identity if node.result.type.shape else ()
    base, index = scope.place(node.inputs[0], bits)
    text = load_text(emitter.accesses[base], index.text, node.types[0].scalar)
    level = index.level
    if len(node.inputs) > 1:
        mask = scope.here(node.inputs[1])
        other = (
            scope.here(node.inputs[2])
            if len(node.inputs) > 2
            else Expr(literal(0, node.types[0].scalar))
        )
        if mask.text != "true":
            text = f"{mask.text} ? {text} : {other.text}"
            scope.nest.masked = True
        level = max(level, mask.level, other.level)
    return scope.bind(node.result, node, text, level)


def _store(emitter: Emitter, scope: Scope, node: Node) -> None:
    if (nest := _wide(scope, node)) is not None:
        _store_vector(emitter, scope, node, nest)
        return
    pointer, value, *mask = node.inputs
    bits = scope.identity if pointer.type.shape else ()
    base, index = scope.place(pointer, bits)
    access, text = emitter.accesses[base], scope.here(value).text
    conditions = owner_condition(emitter, scope.nest.layout)
    if mask and access.keeps:
        known = address_conditions(mask[0], emitter.values.made)
        conditions += [scope.here(v).text for v in known]
        old = read_text(access, f"{access.old}[{index.text}]", value.type.scalar)
        text = f"({scope.here(mask[0]).text} ? {text} : {old})"
    elif mask:
        conditions.append(scope.here(mask[0]).text)
    _guarded(scope, conditions, store_lines(access, index.text, text, value.type.scalar))


def _guarded(scope: Scope, conditions: list[str], lines: list[str]) -> None:
    guarded = _conditional(conditions, lines)
    scope.nest.masked = scope.nest.masked or guarded != lines
    for text in guarded:
        scope.line(scope.nest.depth, text)


def _conditional(conditions: list[str], lines: list[str]) -> list[str]:
    conditions = [c for c in conditions if c != "true"]
    if conditions and len(lines) > 1:
        lines = ["{ " + " ".join(lines) + " }"]
    head = f"if ({' && '.join(conditions)}) " if conditions else ""
    return [head + text for text in lines]


def _cas(emitter: Emitter, scope: Scope, node: Node) -> Expr | None:
    pointer, expected, value = node.inputs
    base, index = scope.place(pointer, scope.identity if pointer.type.shape else ())
    texts = [scope.here(v).text for v in (expected, value)]
    text = cas_text(node, emitter.accesses[base], index.text, *texts)
    return _updated(emitter, scope, node, text, [])


def _atomic(emitter: Emitter, scope: Scope, node: Node) -> Expr | None:
    pointer, value, *mask = node.inputs
    bits = scope.identity if pointer.type.shape else ()
    base, index = scope.place(pointer, bits)
    scalar = value.type.scalar
    used = emitter.values.users(node.result) != []
    text = atomic_text(
        node, emitter.accesses[base], index.text, scope.here(value).text, scalar, used
    )
    return _updated(emitter, scope, node, text, [scope.here(m).text for m in mask])


def _updated(
    emitter: Emitter, scope: Scope, node: Node, text: str, masks: list[str]
) -> Expr | None:
    """The atomic `text`, once for each element, and its value for each thread that has the element."""
    scalar = node.types[0].scalar
    owner = owner_condition(emitter, scope.nest.layout)
    if emitter.values.users(node.result) == []:
        _guarded(scope, owner + masks, [f"{text};"])
        return None
    guard = f"{masks[0]} ? {text} : {literal(0, scalar)}" if masks and masks[0] != "true" else text
    if owner and scope.nest.layout.shape == () and _only_stored(emitter, node.result):
        name = scope.name(node.result, node)
        scope.line(0, f"{c_type(scalar)} {name} = {literal(0, scalar)};")
        scope.line(0, f"if ({' && '.join(owner)}) {name} = {guard};")
        return Expr(name)
    if owner:
        return emitter.arena.from_owner(scope, node, owner, guard)
    name = scope.name(node.result, node)
    scope.line(scope.nest.depth, f"const {c_type(scalar)} {name} = {guard};")
    return Expr(name, scope.nest.depth)


def _only_stored(emitter: Emitter, value: Value) -> bool:
    """True if a scalar is for nothing but stores of scalars, which are the work of one thread."""
    users = emitter.values.users(value)
    if users is None:
        return False
    for user in users:
        if user.op == "store" and not user.inputs[0].type.shape:
            continue
        plain = OPS[user.op].kind == "elementwise" and OPS[user.op].cost == 1
        if not plain or user.result.type.shape or not _only_stored(emitter, user.result):
            return False
    return True


def _print(emitter: Emitter, scope: Scope, node: Node) -> None:
    value = "0u, 0u"
    if node.inputs:
        value = expr.words_of(scope.here(node.inputs[0]).text, node.inputs[0])
    line = _report(emitter, scope, print_site(node), value)
    _guarded(scope, owner_condition(emitter, scope.nest.layout), [line])


def _assert(emitter: Emitter, scope: Scope, node: Node) -> None:
    condition = scope.here(node.inputs[0]).text
    lines = [_report(emitter, scope, assert_site(node), "0u, 0u")]
    if emitter.target.lanes == 1:
        lines.append("return;")  # what follows relies on the condition
    owner = owner_condition(emitter, scope.nest.layout)
    _guarded(scope, [*owner, f"!({condition})"], lines)


def _report(emitter: Emitter, scope: Scope, site: Site, value: str) -> str:
    emitter.sites.append(site)
    element = scope.nest.number(scope.identity).text
    number = len(emitter.sites) - 1
    form = f"tile_report<{MESSAGE_WORDS}, {MOST_MESSAGES}>"
    place = f"tile_slot(report), {number}u, threadgroup_position_in_grid, {element}"
    return f"{form}(report, {place}, {value});"


_RULES = {
    "print": _print,
    "assert": _assert,
    "load": _load,
    "store": _store,
    "atomic_rmw": _atomic,
    "atomic_cas": _cas,
}
