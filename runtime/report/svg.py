"""Pictures of a report as SVG text: who reads what whom wrote, and the roofline."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

from . import units
from .flowchart import Edge

_LINE, _CHARACTER, _GAP, _STEP = 16, 7.3, 28, 54  # pixels


@dataclass(frozen=True, slots=True)
class Box:
    """Lines of text; the first is bold."""

    lines: tuple[str, ...]

    @property
    def width(self) -> float:
        return max(map(len, self.lines)) * _CHARACTER + 20

    @property
    def height(self) -> float:
        return len(self.lines) * _LINE + 12


def graph(title: str, boxes: Sequence[Box], edges: Sequence[Edge]) -> str:
    """Boxes in layers from top to bottom, and arrows between them labelled with bytes."""
    places, width, height = _placed(boxes, edges)
    parts = [_arrow(places[e.first], places[e.second], boxes, e) for e in edges]
    for box, (x, y) in zip(boxes, places, strict=True):
        parts.append(_box(box, x, y))
    return _svg(title, width, height, parts)


def _placed(
    boxes: Sequence[Box], edges: Sequence[Edge]
) -> tuple[list[tuple[float, float]], float, float]:
    """(middle of the upper side of each box, width, height): a box is below all that it reads from."""
    depth = [0] * len(boxes)
    for edge in edges:  # first < second, sorted: every edge into a box comes before those out of it
        depth[edge.second] = max(depth[edge.second], depth[edge.first] + 1)
    for _ in boxes:  # until nothing moves, whatever the order of the edges
        for edge in edges:
            depth[edge.second] = max(depth[edge.second], depth[edge.first] + 1)
    layers = [
        [k for k, d in enumerate(depth) if d == row] for row in range(max(depth, default=0) + 1)
    ]
    widths = [sum(boxes[k].width for k in row) + _GAP * (len(row) + 1) for row in layers]
    width, top = max(widths, default=0.0), 10.0
    places = [(0.0, 0.0)] * len(boxes)
    for row, total in zip(layers, widths):
        left = (width - total) / 2 + _GAP
        for k in row:
            places[k] = (left + boxes[k].width / 2, top)
            left += boxes[k].width + _GAP
        top += max((boxes[k].height for k in row), default=0) + _STEP
    return places, width, top - _STEP + 10


def _box(box: Box, x: float, y: float) -> str:
    left = x - box.width / 2
    texts = [
        f'<text x="{x:.0f}" y="{y + 18 + _LINE * n:.0f}" class="{"name" if n == 0 else "more"}">'
        f"{html.escape(line)}</text>"
        for n, line in enumerate(box.lines)
    ]
    frame = f'<rect x="{left:.0f}" y="{y:.0f}" width="{box.width:.0f}" height="{box.height:.0f}" rx="6"/>'
    return frame + "".join(texts)


def _arrow(
    start: tuple[float, float], end: tuple[float, float], boxes: Sequence[Box], edge: Edge
) -> str:
    x1, y1 = start[0], start[1] + boxes[edge.first].height
    x2, y2 = end
    middle = (y1 + y2) / 2
    path = f"M{x1:.0f},{y1:.0f} C{x1:.0f},{middle:.0f} {x2:.0f},{middle:.0f} {x2:.0f},{y2:.0f}"
    x, y = (x1 + x2) / 2 + 4, middle + 4
    label = f'<text x="{x:.0f}" y="{y:.0f}" class="edge">{units.size(edge.bytes)}</text>'
    return f'<path d="{path}" class="arrow" marker-end="url(#tip)"/>{label}'


@dataclass(frozen=True, slots=True)
class Point:
    """A kernel on the roofline: operations, bytes and (modelled or measured) seconds of one launch."""

    label: str
    flops: int
    bytes: int
    seconds: float
    fused: bool


def roofline(title: str, peak: float, bandwidth: float, points: Sequence[Point]) -> str:
    """`peak`: operations a second; `bandwidth`: bytes a second. Points without operations are left out."""
    shown = [p for p in points if p.flops and p.bytes and p.seconds]
    ridge = peak / bandwidth
    xs = [ridge, *(p.flops / p.bytes for p in shown)]
    ys = [peak, *(p.flops / p.seconds for p in shown)]
    axes = _Axes(_decades(xs), _decades(ys))
    low, high = 10.0 ** axes.x[0], 10.0 ** axes.x[1]
    corner = axes.at(ridge, peak)
    start = max(low, 10.0 ** axes.y[0] / bandwidth)
    first, last = axes.at(start, start * bandwidth), axes.at(high, peak)
    roof = " ".join(f"{x:.1f},{y:.1f}" for x, y in (first, corner, last))
    parts = [*axes.lines(), f'<polyline points="{roof}" class="roof"/>']
    for p in shown:
        x, y = axes.at(p.flops / p.bytes, p.flops / p.seconds)
        rate = units.scaled(p.flops / p.seconds, "flop/s")
        told = html.escape(f"{p.label}: {p.flops / p.bytes:.3g} flop/byte, {rate}")
        kind = "after" if p.fused else "before"
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" class="{kind}"><title>{told}</title></circle>'
        )
        if p.fused:  # of the many others, the name is shown where the mouse is
            name = html.escape(p.label)
            parts.append(f'<text x="{x + 8:.1f}" y="{y + 14:.1f}" class="point">{name}</text>')
    return _svg(title, _Axes.width + 40, _Axes.height + 60, parts)


def _decades(values: Sequence[float]) -> tuple[int, int]:
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


@dataclass(frozen=True, slots=True)
class _Axes:
    """Both logarithmic; ranges in decades."""

    x: tuple[int, int]
    y: tuple[int, int]
    width, height, left, top = 560, 320, 70, 14

    def at(self, x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - self.x[0]) / (self.x[1] - self.x[0])
        up = (math.log10(y) - self.y[0]) / (self.y[1] - self.y[0])
        plot = self.width - self.left
        return self.left + across * plot, self.top + (1 - up) * self.height

    def lines(self) -> list[str]:
        right, bottom = self.width, self.top + self.height
        parts = []
        for decade in range(self.x[0], self.x[1] + 1):
            x, _ = self.at(10.0**decade, 10.0 ** self.y[0])
            parts.append(f'<path d="M{x:.1f},{self.top}V{bottom}" class="grid"/>')
            parts.append(
                f'<text x="{x:.1f}" y="{bottom + 16}" class="tick">{10.0**decade:g}</text>'
            )
        for decade in range(self.y[0], self.y[1] + 1):
            _, y = self.at(10.0 ** self.x[0], 10.0**decade)
            parts.append(f'<path d="M{self.left},{y:.1f}H{right}" class="grid"/>')
            word = units.scaled(10.0**decade, "flop/s")
            parts.append(f'<text x="{self.left - 6}" y="{y + 4:.1f}" class="tick y">{word}</text>')
        middle = (self.left + right) / 2
        parts.append(f'<text x="{middle}" y="{bottom + 34}" class="tick">flop / byte</text>')
        return parts


def _svg(title: str, width: float, height: float, parts: Sequence[str]) -> str:
    tip = (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0,0L8,4L0,8z"/></marker></defs>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img"><title>{html.escape(title)}</title>'
        f"{tip}{''.join(parts)}</svg>"
    )
