"""Loops and branches: regions become blocks of statements, and what they carry is assigned at their edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..fusion.graph import Node, Value
from . import exchange, pipeline
from .text import c_type

if TYPE_CHECKING:
    from .emit import Emitter


def _for(emitter: Emitter, node: Node) -> None:
    body = node.regions[0]
    lower, upper, step, *inits = node.inputs
    storages = [emitter.carried(node, a) for a in body.args[1:]]
    emitter.assign_all(list(zip(body.args[1:], inits)))
    bounds = [emitter.scalar_text(v) for v in (lower, upper, step)]
    iv = emitter.names.named(emitter.word(body.args[0], node), node.id)
    word = c_type(lower.type.scalar)
    emitter.scalars[body.args[0]] = iv
    targets = {o: (s, a) for o, s, a in zip(body.outputs, storages, body.args[1:]) if s is not None}
    plan = emitter.plan(body, targets)
    turns = pipeline.start(emitter, node, plan, pipeline.Loop(word, iv, *bounds))
    dirty = emitter.arena.enter_loop()
    with emitter.out.block(
        f"for ({word} {iv} = {bounds[0]}; {iv} < {bounds[1]}; {iv} += {bounds[2]})"
    ):
        emitter.steps(plan, targets)
        emitter.assign_all(list(zip(body.args[1:], body.outputs)))
        exchange.fence_iterations(emitter, node)
        pipeline.turn(emitter, turns)
    emitter.arena.leave_loop(dirty)
    _pass_on(emitter, node, body.args[1:])


def _pass_on(emitter: Emitter, node: Node, args: Sequence[Value]) -> None:
    """The results of a loop are its arguments' storage."""
    for result, arg in zip(node.outputs, args, strict=True):
        if not result.type.shape:
            emitter.scalars[result] = emitter.scalars[arg]
        else:
            emitter.declare(result, node, emitter.homes[result], emitter.home_storage(arg))


def _while(emitter: Emitter, node: Node) -> None:
    before, after = node.regions
    for arg in (*before.args, *after.args):
        emitter.carried(node, arg)
    emitter.assign_all(list(zip(before.args, node.inputs)))
    dirty = emitter.arena.enter_loop()
    with emitter.out.block("while (true)"):
        storages = {
            o: (emitter.home_storage(a), None)
            for o, a in zip(before.outputs[1:], after.args)
            if a.type.shape
        }
        emitter.block(before, storages)
        emitter.assign_all(list(zip(after.args, before.outputs[1:])))
        emitter.out.line(f"if (!{emitter.scalar_text(before.outputs[0])}) break;")
        emitter.block(
            after,
            {
                o: (emitter.home_storage(a), None)
                for o, a in zip(after.outputs, before.args)
                if a.type.shape
            },
        )
        emitter.assign_all(list(zip(before.args, after.outputs)))
        exchange.fence_iterations(emitter, node)
    emitter.arena.leave_loop(dirty)
    _pass_on(emitter, node, after.args)


def _heads(node: Node, condition: str) -> tuple[str, str]:
    """What opens each branch of an if; "" for one that does nothing."""
    empty = [not len(r) and not r.outputs for r in node.regions]
    if empty[0]:
        return "", "" if empty[1] else f"if (!({condition}))"
    return f"if ({condition})", "" if empty[1] else "else"


def _if(emitter: Emitter, node: Node) -> None:
    storages = [emitter.carried(node, v) for v in node.outputs]
    condition = emitter.scalar_text(node.inputs[0])
    dirty, own = emitter.arena.dirty, emitter.arena.own
    after: list[bool] = []
    heads = _heads(node, condition)
    for head, region in zip(heads, node.regions):
        if not head:
            continue
        emitter.arena.dirty, emitter.arena.own = dirty, own
        with emitter.out.block(head):
            emitter.block(
                region,
                {o: (s, None) for o, s in zip(region.outputs, storages) if s is not None},
            )
            emitter.assign_all(list(zip(node.outputs, region.outputs)))
        after.append(emitter.arena.dirty)
    emitter.arena.dirty, emitter.arena.own = dirty or any(after), None


EMIT = {"for": _for, "while": _while, "if": _if}
