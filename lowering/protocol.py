"""What a kernel does to each buffer, and so how the buffer comes in and goes out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..fusion.errors import PointerProvenance
from ..fusion.graph import Graph, Node, Value
from ..fusion.ops import READS, WRITES
from .memory import BYTES, GATHERED
from .record import Access, Mode
from .targets import Target
from .values import Values


@dataclass(slots=True)
class Usage:
    """Accesses to one buffer, over all parameters that stand for it."""

    loads: int = 0
    stores: int = 0
    atomics: set[str] = field(default_factory=set)
    reads_back: bool = False  # a load may follow a store

    @property
    def written(self) -> bool:
        return bool(self.stores or self.atomics)


def usages(body: Graph, values: Values, aliases: Mapping[Value, Value]) -> dict[Value, Usage]:
    """Usage of every buffer, keyed by the parameter that stands for it."""
    found: dict[Value, Usage] = {}
    for node, looped in _memory_nodes(body, ()):
        base = values.base(node.inputs[0])
        if base is None:
            raise PointerProvenance(
                f"{node.op} through a pointer of unknown origin",
                where=node.loc,
                why="it cannot be traced to one argument of the kernel",
                hint="choose or carry an integer offset, and add it to the argument at the access",
            )
        usage = found.setdefault(aliases.get(base, base), Usage())
        _note(usage, node, looped)
    return found


def _note(usage: Usage, node: Node, looped: bool) -> None:
    if node.op == "load":
        usage.loads += 1
        usage.reads_back = usage.reads_back or usage.stores > 0 or looped
    elif node.op == "store":
        usage.stores += 1
    else:
        usage.atomics.add(node.attr("kind", "cas"))


def _memory_nodes(graph: Graph, loops: tuple[Node, ...]) -> Iterator[tuple[Node, bool]]:
    """(memory node, True for a load in a loop that also stores), in program order."""
    for node in graph:
        if node.op in READS or node.op in WRITES:
            again = any(n.op in WRITES for loop in loops for r in loop.regions for n in r.walk())
            yield node, again
        inner = (*loops, node) if node.op in ("for", "while") else loops
        for region in node.regions:
            yield from _memory_nodes(region, inner)


def keeps(usage: Usage, visited: bool) -> bool:
    """True if the one store of a buffer, which has each element once, can put back what it keeps."""
    return visited and usage.stores == 1 and not usage.atomics and not usage.reads_back


def mode(usage: Usage, storage: str, target: Target, covered: bool) -> Mode:
    if not usage.written:
        return "read"
    if target.in_place:
        return "inout"
    if usage.atomics:
        pure = not usage.stores and not usage.loads and len(usage.atomics) == 1
        gathered = pure and BYTES[storage] == 4 and usage.atomics <= GATHERED
        return "combined" if gathered else "xored"
    return "fresh" if covered and not usage.reads_back else "merged"


def access(
    name: str, storage: str, usage: Usage, target: Target, covered: bool, visited: bool = False
) -> Access:
    kept = not covered and not target.in_place and keeps(usage, visited)
    found = mode(usage, storage, target, covered or kept)
    combine = next(iter(usage.atomics)) if found == "combined" else ""
    return Access(
        name,
        storage,
        found,
        reads_back=usage.reads_back,
        combine=combine,
        only_stored=not usage.loads and not usage.atomics and not kept,
        keeps=kept,
    )
