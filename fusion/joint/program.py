"""Two launches over the same grid, one body behind the other, where each program needs only its own results.

Neither kernel has to be elementwise: program p of the joint launch does what program p of the first did, then
what program p of the later did. That is what both launches did if no program touches, in an array that one of
them writes, an element that another program of the other touched. A tile that is read exactly as it was
written is taken over without memory; else the lowering puts a fence between the store and the load.
"""

from __future__ import annotations

from collections.abc import Collection

from ..compose import Compose
from ..graph import Node, Value, copy_node
from .codes import Refusal
from .join import check_plain
from .merge import builder_for, joined, merge
from .owners import meet
from .records import NOT_WRITTEN, Launch
from .walk import Site, few, mask_of, places, reader_of, sites, walk_of


def program(first: Launch, later: Launch) -> Launch:
    """`first`, then `later`, program by program. Raises Refusal."""
    check_plain(first)
    check_plain(later)
    if first.grid != later.grid or first.num_warps != later.num_warps:
        raise Refusal("NOT_ELEMENTWISE", "neither kernel is elementwise, and their grids differ")
    return _Program(first, later).build()


class _Program:
    def __init__(self, first: Launch, later: Launch):
        self.first, self.later = first, later
        self.merged = merge(first, later, guest_is_later=True)
        self.builder = builder_for(first, self.merged)
        self.words = Compose(self.builder, later.function.loc)
        self.taken: dict[int, Node] = {}  # load of the later one → store whose tile it reads
        for g, j in self.merged.slots.items():
            if j < len(first.buffers):
                self._check(j, g)

    def build(self) -> Launch:
        for node in self.first.function.body:
            self.builder.append(node)
        arguments = self.later.function.body.args
        renamed = {v: self.merged.arguments[k] for k, v in enumerate(arguments)}
        for node in self.later.function.body:
            if node.id in self.taken:
                renamed[node.result] = self._value(node, self.taken[node.id], renamed)
            else:
                copy_node(node, self.builder, renamed)
        return joined(self.first, self.later, self.merged, self.builder)

    def _check(self, j: int, g: int) -> None:
        """The common array is touched by one program only, wherever it matters."""
        written = self.first.buffers[j].after != NOT_WRITTEN
        rewritten = self.later.buffers[g].after != NOT_WRITTEN
        if not written and not rewritten:
            return
        mine = [s for s in sites(self.first) if s.slot == j]
        theirs = [s for s in sites(self.later) if s.slot == g]
        if written:
            self._take_over(mine, theirs, rewritten)
        open_ = [s for s in theirs if s.node.id not in self.taken]
        stores = [s for s in theirs if s.node.op == "store"]
        if written and open_:
            self._same_programs(
                [s for s in mine if s.node.op == "store"], open_, j, "OTHER_ELEMENT"
            )
        if rewritten:
            self._same_programs(mine, stores, j, "WAR")

    def _take_over(self, mine: Collection[Site], theirs: Collection[Site], rewritten: bool) -> None:
        """Loads that read a tile, place by place, as the only store wrote it."""
        stores = [s for s in mine if s.node.op == "store"]
        if len(stores) != 1 or not stores[0].outer or rewritten:
            return
        for site in theirs:
            if site.outer and self._same_tile(stores[0], site):
                self.taken[site.node.id] = stores[0].node

    def _same_tile(self, store: Site, load: Site) -> bool:
        pointer, other = store.node.inputs[0], load.node.inputs[0]
        if pointer.type.shape != other.type.shape or pointer.type.elem != other.type.elem:
            return False
        if self._same_walk(store, load):
            return True
        some = few(pointer.type.size)
        return all(self._at_same_places(store.node, load.node, n) for n in (some, None))

    def _at_same_places(self, store: Node, load: Node, programs: int | None) -> bool:
        wrote = places(self.first, [store.inputs[0]], mask_of(store), programs)
        reads = places(self.later, [load.inputs[0]], mask_of(load), programs)
        if wrote is None or reads is None:
            return False
        return all(
            bool((a == b)[inside].all() and written[inside].all())
            for ((a,), written), ((b,), inside) in zip(wrote, reads, strict=True)
        )

    def _same_walk(self, one: Site, other: Site) -> bool:
        """Both touch, place by place, the same elements, and no element twice: seen from their forms."""
        walk = walk_of(self.first, reader_of(self.first), one)
        reader = reader_of(self.later)
        if walk is None or not other.outer:
            return False
        node = other.node
        access = reader.load(node) if node.op == "load" else reader.store(node)
        own = walk.access
        return (
            access is not None
            and access.shape == own.shape
            and access.offset == own.offset
            and set(access.bounds) >= set(own.bounds)
        )

    def _same_programs(
        self, mine: Collection[Site], theirs: Collection[Site], slot: int, code: str
    ) -> None:
        """No program of the later launch has an element that another one of the first had."""
        if all(self._same_walk(a, b) for a in mine for b in theirs):
            return
        elements = self.first.buffers[slot].elements
        if meet(self.first, tuple(mine), self.later, tuple(theirs), elements):
            raise Refusal(code, f"a program of {self.later.name} needs what another one has")

    def _value(self, node: Node, store: Node, renamed: dict[Value, Value]) -> Value:
        value = store.inputs[1]
        if len(node.inputs) < 2:
            return value
        mask = renamed.get(node.inputs[1], node.inputs[1])
        other = (
            renamed.get(node.inputs[2], node.inputs[2])
            if len(node.inputs) > 2
            else self.words.const(0, value.type)
        )
        return self.words.select(mask, value, other)
