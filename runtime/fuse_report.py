"""What a `fuse` scope did: which launches became which kernels, the bytes of both, and why not more."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

from ..fusion.joint.codes import CODES
from ..fusion.joint.records import Decision

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class FuseReport:
    """`names`: of the launches; `groups`: the launches of each kernel, by number.

    Bytes are counted, not measured: each launch reads an array it loads from once, and writes one it stores
    to once.
    """

    names: tuple[str, ...]
    groups: tuple[tuple[int, ...], ...]
    bytes_before: int
    bytes_after: int
    decisions: tuple[Decision, ...]

    @property
    def refusals(self) -> tuple[Decision, ...]:
        return tuple(d for d in self.decisions if not d.fused)

    @property
    def verdict(self) -> str:
        """One line."""
        moved = f"{_size(self.bytes_before)} -> {_size(self.bytes_after)} moved"
        counts = (_count(len(self.names), "launch"), _count(len(self.groups), "kernel"))
        return f"{' -> '.join(counts)}, {moved}, {_count(len(self.refusals), 'refusal')}"

    def __str__(self) -> str:
        lines = [self.verdict]
        for k, group in enumerate(self.groups):
            rules = ", ".join(dict.fromkeys(self._rules(group)))
            lines.append(f"  kernel {k}: {self._chain(group)}{f'  [{rules}]' if rules else ''}")
        for d in self.refusals:
            lines.append(f"  apart: {self._edge(d)}  [{d.code}] {d.what}")
            if d.hint:
                lines.append(f"    try: {d.hint}")
        return "\n".join(lines)

    def _chain(self, group: tuple[int, ...]) -> str:
        return " + ".join(self._label(k) for k in group)

    def _label(self, k: int) -> str:
        return f"{self.names[k]}#{k}"

    def _edge(self, d: Decision) -> str:
        same = d.first == d.second
        return self._label(d.first) if same else f"{self._label(d.first)} | {self._label(d.second)}"

    def _rules(self, group: tuple[int, ...]) -> list[str]:
        return [d.code for d in self.decisions if d.fused and d.second in group]

    def to_json(self) -> dict[str, Any]:
        """A dict of plain values; `schema` changes when its form does."""
        return {
            "schema": SCHEMA,
            "launches": list(self.names),
            "kernels": len(self.groups),
            "bytes_before": self.bytes_before,
            "bytes_after": self.bytes_after,
            "groups": [{"members": list(g), "rules": self._rules(g)} for g in self.groups],
            "refusals": [
                {
                    "first": d.first,
                    "second": d.second,
                    "code": d.code,
                    "meaning": CODES[d.code].meaning,
                    "found": d.what,
                    "hint": d.hint,
                }
                for d in self.refusals
            ],
        }

    def to_dot(self) -> str:
        """Graphviz text: a box per kernel, an edge per decision."""
        lines = ["digraph fuse {"]
        for k, group in enumerate(self.groups):
            members = " ".join(f'l{i} [label="{self._label(i)}"];' for i in group)
            lines.append(f'  subgraph cluster_{k} {{ label="kernel {k}"; {members} }}')
        for d in self.decisions:
            style = "solid" if d.fused else "dashed"
            lines.append(f'  l{d.first} -> l{d.second} [label="{d.code}", style={style}];')
        return "\n".join([*lines, "}"])

    def to_mermaid(self) -> str:
        """Mermaid text, which GitHub shows as a picture."""
        lines = ["flowchart TD"]
        for k, group in enumerate(self.groups):
            lines.append(f"  subgraph kernel_{k}")
            lines += [f'    l{i}["{self._label(i)}"]' for i in group]
            lines.append("  end")
        for d in self.decisions:
            arrow = "-->" if d.fused else "-.->"
            lines.append(f"  l{d.first} {arrow}|{d.code}| l{d.second}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        first, *rest = str(self).split("\n")
        return f"<b>{html.escape(first)}</b><pre>{html.escape(chr(10).join(rest))}</pre>"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 'es' if word.endswith('ch') else 's'}"


def _size(count: int) -> str:
    value, unit = float(count), "B"
    for larger in ("KB", "MB", "GB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.3g} {unit}"
