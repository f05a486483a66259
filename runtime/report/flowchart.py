"""Which launch reads what which launch wrote, as Graphviz and Mermaid text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...fusion.joint.records import NOT_WRITTEN, Launch
from . import units

if TYPE_CHECKING:
    from .report import FuseReport


@dataclass(frozen=True, slots=True)
class Edge:
    """Launch `second` uses arrays of `bytes` in all as launch `first` left them."""

    first: int
    second: int
    bytes: int


def edges(launches: Sequence[Launch]) -> tuple[Edge, ...]:
    """Between the places of `launches`, in order."""
    writer: dict[int, int] = {}
    found: dict[tuple[int, int], int] = {}
    for at, launch in enumerate(launches):
        for buffer in launch.buffers:
            if buffer.before in writer:
                pair = (writer[buffer.before], at)
                found[pair] = found.get(pair, 0) + buffer.elements * buffer.itemsize
        for buffer in launch.buffers:
            if buffer.after != NOT_WRITTEN:
                writer[buffer.after] = at
    return tuple(Edge(first, second, size) for (first, second), size in sorted(found.items()))


def dot(report: FuseReport) -> str:
    lines = ["digraph fuse {", "  node [shape=box];"]
    for k, kernel in enumerate(report.kernels):
        members = " ".join(f'l{m} [label="{report.label(m)}"];' for m in kernel.members)
        lines.append(f'  subgraph cluster_{k} {{ label="kernel {k}"; {members} }}')
    for edge in edges(report.launches):
        label = _label(report, edge)
        lines.append(f'  l{edge.first} -> l{edge.second} [label="{label}"];')
    for d in report.refusals:
        if d.first != d.second:
            lines.append(
                f'  l{d.first} -> l{d.second} [label="{d.code}", style=dashed, constraint=false];'
            )
    return "\n".join([*lines, "}"])


def mermaid(report: FuseReport) -> str:
    lines = ["flowchart TD"]
    for k, kernel in enumerate(report.kernels):
        lines.append(f'  subgraph kernel_{k}["kernel {k}"]')
        lines += [f'    l{m}["{report.label(m)}"]' for m in kernel.members]
        lines.append("  end")
    for edge in edges(report.launches):
        lines.append(f'  l{edge.first} -->|"{_label(report, edge)}"| l{edge.second}')
    for d in report.refusals:
        if d.first != d.second:
            lines.append(f"  l{d.first} -.->|{d.code}| l{d.second}")
    return "\n".join(lines)


def _label(report: FuseReport, edge: Edge) -> str:
    """The size of the arrays, and the rule by which the launches became one."""
    pair = (edge.first, edge.second)
    code = next((d.code for d in report.decisions if d.fused and (d.first, d.second) == pair), "")
    return f"{units.size(edge.bytes)} {code}".rstrip()
