"""An elementwise launch, computed where a later kernel loads its result."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from ..compose import Compose
from ..graph import Graph, GraphBuilder, Node, Value, substitute
from .codes import Refusal
from .cost import UNKNOWN, Chip, check_worth, lanes, operations
from .guest import Instance, changed_in_place, check_elementwise, check_stores
from .join import check_plain, offsets
from .merge import builder_for, joined, merge
from .records import NOT_WRITTEN, Launch
from .walk import Site, Walk, check_size, reader_of, sites, walk_of


def prologue(host: Launch, guest: Launch, needed: Collection[int], chip: Chip = UNKNOWN) -> Launch:
    """`guest`, then `host`, with the guest computed at the host's loads of its results.

    `needed`: versions that others will read; `chip`: whose cost model decides. Raises Refusal.
    """
    check_plain(host)
    check_plain(guest)
    check_elementwise(guest)
    check_size(guest)
    return _Prologue(host, guest, needed, chip).build()


class _Prologue:
    def __init__(self, host: Launch, guest: Launch, needed: Collection[int], chip: Chip):
        self.host, self.guest, self.chip = host, guest, chip
        self.merged = merge(host, guest, guest_is_later=False)
        self.reader = reader_of(guest)
        self.builder = builder_for(host, self.merged)
        self.each = 0  # operations for an element
        made = {
            j: g
            for g, j in self.merged.slots.items()
            if j < len(host.buffers) and guest.buffers[g].after != NOT_WRITTEN
        }
        self.walks = {j: self._walk(g) for j, g in made.items()}
        self.loads = {s.node.id: s for s in sites(host) if s.slot in made and s.node.op == "load"}
        self._check(made)
        after = {b.after for b in guest.buffers if b.after != NOT_WRITTEN}
        self.whole = self._whole_site() if after & set(needed) or len(after) > len(made) else None
        if self.whole is not None and len(self.loads) > 1 and changed_in_place(guest):
            raise Refusal("WAR", f"{guest.name} changes an array that it is computed from again")

    def _walk(self, slot: int) -> Walk:
        stores = [s for s in sites(self.guest) if s.slot == slot and s.node.op == "store"]
        walk = walk_of(self.guest, self.reader, stores[0]) if len(stores) == 1 else None
        if walk is None:
            raise Refusal("NOT_INVERTIBLE", f"{self.guest.name} does not walk its result")
        check_stores(self.guest, self.reader, walk)
        return walk

    def _check(self, made: dict[int, int]) -> None:
        for g, joint in self.merged.slots.items():
            if joint >= len(self.host.buffers):
                continue
            rewritten = self.host.buffers[joint].after != NOT_WRITTEN
            if rewritten:
                raise Refusal("WAR", f"{self.host.name} overwrites an array of {self.guest.name}")
            if joint in made and any(
                s.slot == g and s.node.op == "load" for s in sites(self.guest)
            ):
                raise Refusal("WAR", f"{self.guest.name} changes an array in place")

    def _whole_site(self) -> Site:
        """The load at which the guest's arrays are written too."""
        reader = reader_of(self.host)
        for site in self.loads.values():
            walk = walk_of(self.host, reader, site)
            if walk is not None and walk.elements == self.walks[site.slot].elements:
                return site
        raise Refusal("STILL_VISIBLE")

    def build(self) -> Launch:
        asked = lanes(self.host, self.loads)
        self._fill(self.host.function.body, self.builder, {})
        launch = joined(self.host, self.guest, self.merged, self.builder)
        elements = sum(w.elements for w in self.walks.values())
        kept = 2 if self.whole is None else 1
        saved = sum(
            kept * b.elements * b.itemsize for b in self.guest.buffers if b.after != NOT_WRITTEN
        )
        check_worth(self.host, asked, self.each, elements, saved, self.chip)
        return launch

    def _fill(self, graph: Graph, builder: GraphBuilder, renamed: dict[Value, Value]) -> None:
        """The nodes of `graph` into `builder`, with the guest in place of the loads of its results."""
        words = Compose(builder, self.host.function.loc)
        for node in graph:
            node = substitute(node, renamed)
            if node.id in self.loads:
                before = len(builder.nodes)
                renamed[node.result] = self._computed(node, words, renamed)
                self.each = max(self.each, operations(builder.nodes[before:]))
            elif any(n.id in self.loads for r in node.regions for n in r.walk()):
                regions = tuple(self._region(r, builder, renamed) for r in node.regions)
                builder.append(replace(node, regions=regions))
            else:
                builder.append(node)

    def _region(self, graph: Graph, outer: GraphBuilder, renamed: dict[Value, Value]) -> Graph:
        builder = GraphBuilder(outer.ids, args_node=graph.args_node)
        self._fill(graph, builder, renamed)
        return builder.build(renamed.get(v, v) for v in graph.outputs)

    def _computed(self, node: Node, words: Compose, renamed: dict[Value, Value]) -> Value:
        """The value of a load of the guest's result; all of the guest's stores too at the whole site."""
        site = self.loads[node.id]
        walk = self.walks[site.slot]
        store = walk.node
        if store.inputs[1].type.elem != node.types[0].elem:
            raise Refusal("TYPE_PUN")
        element = offsets(node.inputs[0], self.host, words, renamed)
        mask = node.inputs[1] if len(node.inputs) > 1 else None
        instance = Instance(
            self.guest,
            self.reader,
            walk,
            self.merged.arguments,
            words,
            element,
            mask,
            lambda load, at: None,
        )
        value = instance.value(store.inputs[1], instance.dims)
        if self.whole is not None and site.node.id == self.whole.node.id:
            instance.stores()
        if mask is None:
            return value
        other = node.inputs[2] if len(node.inputs) > 2 else words.const(0, value.type)
        return words.select(mask, value, other)
