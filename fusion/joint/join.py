"""The two ways to make one launch of two: an epilogue at the end of a kernel, a prologue at its loads.

In both, one kernel stays as it is (the host) and the other (the guest) is elementwise and is computed again at
elements of the host's tiles. Nothing is known of particular kernels: only their accesses decide.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..access import AccessReader
from ..compose import Compose
from ..cover import Array
from ..graph import Node, Value, substitute
from ..types import I32, Type
from .codes import Refusal
from .guest import Instance, check_elementwise, check_stores
from .merge import Merged, builder_for, joined, merge
from .numbered import is_permutation, same_places
from .records import NOT_WRITTEN, Launch
from .walk import Site, Walk, check_size, few, places, reader_of, sites, walk_of


@dataclass(frozen=True, slots=True)
class _Tile:
    """A tile of the host that walks `elements` elements, each once.

    `walk` is None where only evaluation proved it.
    """

    site: Site
    elements: int
    walk: Walk | None


def check_plain(launch: Launch) -> None:
    """Raises Refusal for kernels that no rule takes, as host or guest."""
    if (found := _unfit(launch)) is not None:
        raise Refusal(*found)


@functools.lru_cache(maxsize=256)
def _unfit(launch: Launch) -> tuple[str, str] | None:
    for node in launch.function.body.walk():
        if node.op == "address":
            return "ADDRESSES", f"{launch.name} takes the address of an array"
        if node.op.startswith("atomic"):
            return "ATOMICS", f"{launch.name} uses atomics"
        if node.op in ("print", "assert", "barrier") or node.attr("volatile"):
            return "EFFECT", f"{launch.name} has a {node.op}"
    return None


def epilogue(host: Launch, guest: Launch) -> Launch:
    """`host`, then `guest` at one of the host's tiles. Raises Refusal."""
    check_plain(host)
    check_plain(guest)
    check_elementwise(guest)
    check_size(guest)
    merged = merge(host, guest, guest_is_later=True)
    reader = reader_of(guest)
    walk = _guest_walk(guest, reader, sites(guest))
    check_stores(guest, reader, walk)
    tile = _host_tile(host, walk, merged)
    _check_hazards(host, guest, merged, walk, tile)
    return _Epilogue(host, guest, merged, reader, walk, tile).build()


def _guest_walk(guest: Launch, reader: AccessReader, found: tuple[Site, ...]) -> Walk:
    walks = [w for s in found if s.node.op == "store" if (w := walk_of(guest, reader, s))]
    if not walks:
        raise Refusal("NOT_INVERTIBLE", f"{guest.name} has no store that walks its array")
    return walks[0]


def _host_tile(host: Launch, walk: Walk, merged: Merged) -> _Tile:
    """A tile of the host over as many elements as the guest's walk; stores before loads."""
    reader = reader_of(host)
    shared = set(merged.slots.values())
    found = [s for s in sites(host) if s.outer and host.buffers[s.slot].elements == walk.elements]
    found.sort(key=lambda s: (s.node.op != "store", s.slot not in shared, s.order))
    for site in found:
        own = walk_of(host, reader, site)
        if own is not None or (site.node.op == "store" and is_permutation(host, site)):
            return _Tile(site, walk.elements, own)
    raise Refusal("NO_COMMON_TILE", f"no tile of {host.name} walks {walk.elements} elements")


def _check_hazards(host: Launch, guest: Launch, merged: Merged, walk: Walk, tile: _Tile) -> None:
    """What one launch writes, the other may touch only at the tile's own element."""
    reader, host_reader = reader_of(guest), reader_of(host)
    for slot, joint in merged.slots.items():
        if joint >= len(host.buffers):
            continue
        written = host.buffers[joint].after != NOT_WRITTEN
        rewritten = guest.buffers[slot].after != NOT_WRITTEN
        mine = [s for s in sites(host) if s.slot == joint]
        if rewritten:
            if any(not _at_tile(host_reader, s, tile) for s in mine):
                code = "WAW" if any(s.node.op == "store" for s in mine) else "WAR"
                raise Refusal(code, f"{guest.name} overwrites what {host.name} touches elsewhere")
            for s in sites(guest):
                access = reader.store(s.node) if s.node.op == "store" else reader.load(s.node)
                if s.slot == slot and (access is None or access.offset != walk.access.offset):
                    raise Refusal("WAR", f"{guest.name} rewrites an array in another order")
        if written and sum(s.node.op == "store" for s in mine) != 1:
            raise Refusal("STORE_IN_LOOP", f"{host.name} stores the common array more than once")
        stored = [s.order for s in mine if s.node.op == "store"]
        if rewritten and any(
            s.node.op == "load" and s.order > min(stored, default=s.order) for s in mine
        ):
            raise Refusal("VERSION", f"{host.name} loads an array after storing to it")
        if written and not next(s for s in mine if s.node.op == "store").outer:
            raise Refusal(
                "STORE_IN_LOOP", f"{host.name} stores the common array in a loop or branch"
            )


def _at_tile(reader: AccessReader, site: Site, tile: _Tile) -> bool:
    """True if the host's access is at the tile's own elements, place by place."""
    if site.node.id == tile.site.node.id:
        return True
    if not site.outer or tile.walk is None:
        return False
    access = reader.load(site.node) if site.node.op == "load" else reader.store(site.node)
    own = tile.walk.access
    return access is not None and access.shape == own.shape and access.offset == own.offset


class _Epilogue:
    def __init__(
        self,
        host: Launch,
        guest: Launch,
        merged: Merged,
        reader: AccessReader,
        walk: Walk,
        tile: _Tile,
    ):
        self.host, self.guest, self.merged = host, guest, merged
        self.reader, self.walk, self.tile = reader, walk, tile
        self.builder = builder_for(host, merged)
        self.words = Compose(self.builder, host.function.loc)
        self.stores = {s.slot: s.node for s in sites(host) if s.node.op == "store"}
        self.checks: list[tuple[Value, Value | None, Node]] = []
        self.loaded: dict[int, Value] = {}
        self.guest_sites = {s.node.id: s for s in sites(guest)}

    def build(self) -> Launch:
        rewritten = {
            j
            for g, j in self.merged.slots.items()
            if self.guest.buffers[g].after != NOT_WRITTEN and j in self.stores
        }
        for node in self.host.function.body:
            if not (node.op == "store" and any(self.stores[j].id == node.id for j in rewritten)):
                self.builder.append(node)
        node = self.tile.site.node
        element = offsets(node.inputs[0], self.host, self.words)
        at = 1 if node.op == "load" else 2
        mask = node.inputs[at] if len(node.inputs) > at else None
        instance = Instance(
            self.guest,
            self.reader,
            self.walk,
            self.merged.arguments,
            self.words,
            element,
            mask,
            self.source,
        )
        instance.stores()
        launch = joined(self.host, self.guest, self.merged, self.builder)
        self.prove(launch)
        return launch

    def source(self, node: Node, instance: Instance) -> Value | None:
        """What the host stored, for a guest's load of an array that the host wrote."""
        joint = self.merged.slots[self.guest_sites[node.id].slot]
        if joint >= len(self.host.buffers):
            return None
        store = self.stores.get(joint)
        if store is None:
            return self._loaded(node, joint, instance)
        value = store.inputs[1]
        if value.type.elem != node.types[0].elem:
            raise Refusal("TYPE_PUN")
        if not self._same_place(node, store):
            dims = tuple(range(len(node.types[0].shape)))
            outer = instance.dims if len(dims) == len(instance.dims) else self._dims_of(node)
            pointer = instance.value(node.inputs[0], outer)
            own = instance.condition(node, 1, outer)
            self.checks.append((pointer, instance.both(own, instance.mask), store))
        return self._shaped(value, instance.shape)

    def _loaded(self, node: Node, joint: int, instance: Instance) -> Value | None:
        """What the host loaded already at the same elements under the same mask."""
        site = self.tile.site
        if site.node.op != "load" or site.slot != joint or not self._walks(node):
            return None
        if site.node.types[0].elem != node.types[0].elem:
            return None
        return site.node.result

    def _walks(self, node: Node) -> bool:
        """True if the guest's load touches, for every element of its walk, that element."""
        access = self.reader.load(node)
        own = self.walk.access
        return (
            access is not None
            and access.shape == own.shape
            and access.offset == own.offset
            and set(access.bounds) <= set(own.bounds)
        )

    def _same_place(self, node: Node, store: Node) -> bool:
        return store.id == self.tile.site.node.id and self._walks(node)

    def _dims_of(self, node: Node) -> tuple[int, ...]:
        if node.types[0].shape:
            raise Refusal("OTHER_ELEMENT", "the common array is read by a tile of another rank")
        return ()

    def _shaped(self, value: Value, shape: tuple[int, ...]) -> Value:
        if value.type.shape in ((), shape):
            return self.words.broadcast(value, shape)
        for axis in range(len(shape)):
            if value.type.shape == shape[:axis] + shape[axis + 1 :]:
                thin = (*shape[:axis], 1, *shape[axis + 1 :])
                return self.words.broadcast(self.words.reshape(value, thin), shape)
        raise Refusal("OTHER_ELEMENT", "the common array is read at another tile's shape")

    def prove(self, launch: Launch) -> None:
        """Each value taken from the host is the element that the guest would have loaded."""
        for pointer, mask, store in self.checks:
            if same_places(launch, pointer, mask, store):
                continue
            for programs in (few(pointer.type.size), None):
                self._evaluate(launch, pointer, mask, store, programs)

    def _evaluate(
        self, launch: Launch, pointer: Value, mask: Value | None, store: Node, programs: int | None
    ) -> None:
        wanted = places(launch, [pointer], mask, programs)
        mask_of_store = store.inputs[2] if len(store.inputs) > 2 else None
        stored = places(self.host, [store.inputs[0]], mask_of_store, programs)
        if wanted is None or stored is None:
            raise Refusal("OTHER_ELEMENT", "the common array's addresses cannot be computed")
        shape = store.inputs[0].type.shape
        at, active = _whole(wanted)
        made, written = (
            a.reshape(len(a), *_thin(shape, pointer.type.shape)) for a in _whole(stored)
        )
        if bool((active & (at != made)).any()):
            raise Refusal("OTHER_ELEMENT")
        if bool((active & ~written).any()):
            raise Refusal("NOT_COVERED", "an element is read that the program did not write")


def _whole(chunks: list[tuple[list[Array], Array]]) -> tuple[Array, Array]:
    """Offsets and masks of all programs."""
    return np.concatenate([o[0] for o, _ in chunks]), np.concatenate([m for _, m in chunks])


def _thin(shape: tuple[int, ...], wide: tuple[int, ...]) -> tuple[int, ...]:
    if shape in ((), wide):
        return (1,) * len(wide) if shape == () else shape
    axis = next(a for a in range(len(wide)) if shape == wide[:a] + wide[a + 1 :])
    return (*wide[:axis], 1, *wide[axis + 1 :])


def offsets(
    pointer: Value, launch: Launch, words: Compose, renamed: Mapping[Value, Value] | None = None
) -> Value:
    """The offsets, in elements, of a tile of pointers, as a tile of integers.

    `renamed`: values of the launch that others stand for where `words` builds.
    """
    nodes = {n.id: substitute(n, renamed or {}) for n in launch.function.body.walk()}
    found = _offsets(pointer, nodes, words)
    return found if found is not None else words.const(0, Type(I32, pointer.type.shape))


def _offsets(pointer: Value, nodes: dict[int, Node], words: Compose) -> Value | None:
    node = nodes.get(pointer.node)
    if node is None:
        return None
    base = _offsets(node.inputs[0], nodes, words)
    if node.op == "addptr":
        if base is None:
            return node.inputs[1]
        wide, thin = sorted((base, node.inputs[1]), key=lambda v: -v.type.scalar.bits)
        return words.same("add", wide, words.cast("ext_s", thin, wide.type.scalar))
    if base is None:
        return None
    if node.op in ("splat", "broadcast", "expand_dims", "trans", "reshape"):
        return words.builder.add(
            node.op, (base,), (base.type.with_shape(pointer.type.shape),), dict(node.attrs)
        ).result
    raise Refusal("TYPE_PUN", f"a pointer goes through {node.op}")
