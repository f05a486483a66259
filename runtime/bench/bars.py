"""Horizontal bars as SVG text, for GitHub and browsers; no library needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_COLOURS = ("#3b6fb6", "#d9822b", "#3f9b5f", "#a5578f", "#7f7f7f")
_LEFT, _WIDTH, _RIGHT, _ROW, _TOP = 200, 440, 80, 20, 66


@dataclass(frozen=True, slots=True)
class Bar:
    """`group` decides the colour; the label of neighbours is written once."""

    label: str
    group: str
    value: float


@dataclass(frozen=True, slots=True)
class Chart:
    """`line`: a value that is marked from top to bottom, and what it means."""

    title: str
    unit: str
    bars: Sequence[Bar]
    line: tuple[float, str]
    log: bool = False

    def svg(self) -> str:
        colours = dict(zip(dict.fromkeys(b.group for b in self.bars), _COLOURS))
        bottom = _TOP + _ROW * len(self.bars)
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" font-size="12" '
            f'viewBox="0 0 {_LEFT + _WIDTH + _RIGHT} {bottom + 26}" role="img">',
            f'<title>{escape(self.title)}</title><rect width="100%" height="100%" fill="white"/>',
            _text(10, 22, self.title, 'font-size="15" font-weight="bold"'),
        ]
        x, mark = 10.0, self._x(self.line[0])
        for group, colour in colours.items():
            parts += [_rect(x, 36, 11, 11, colour), _text(x + 16, 46, group)]
            x += 34 + 7 * len(group)
        for k, bar in enumerate(self.bars):
            y = _TOP + _ROW * k
            new = k == 0 or self.bars[k - 1].label != bar.label
            if new:
                parts.append(_text(_LEFT - 8, y + 13, bar.label, 'text-anchor="end"'))
            end = self._x(bar.value)
            # On a logarithmic axis there is no 0: bars start at the mark.
            start = mark if self.log else _LEFT
            width = abs(end - start)
            parts.append(_rect(min(start, end), y + 2, width, _ROW - 5, colours[bar.group]))
            parts.append(_text(max(start, end) + 5, y + 13, f"{_number(bar.value)}{self.unit}"))
        parts.append(
            f'<line x1="{mark:.1f}" x2="{mark:.1f}" y1="{_TOP - 4}" y2="{bottom + 4}" '
            'stroke="black" stroke-dasharray="4 3"/>'
        )
        parts.append(_text(mark, bottom + 18, self.line[1], 'text-anchor="middle"'))
        return "\n".join([*parts, "</svg>"]) + "\n"

    def _x(self, value: float) -> float:
        values = [*(b.value for b in self.bars), self.line[0]]
        if not self.log:
            return _LEFT + _WIDTH * value / max(values)
        low, high = math.log(min(values) / 1.3), math.log(max(values))
        return _LEFT + _WIDTH * (math.log(value) - low) / (high - low)


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _text(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(text)}</text>'


def _rect(x: float, y: float, width: float, height: float, colour: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'
    )
