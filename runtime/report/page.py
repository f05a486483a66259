"""A report as HTML: a fragment for notebooks, and one page that needs no other file."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import details, svg, text, units
from .flowchart import edges
from .table import HEADINGS, caption, rows

if TYPE_CHECKING:
    from ...fusion.joint.records import Launch
    from .report import FuseReport

_STYLE = """
:root { color-scheme: light dark;
  --ink: #1b2430; --paper: #fff; --line: #c6ced8; --soft: #f2f5f8; --mark: #0a6ebd }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e9ef; --paper: #14181d; --line: #46505c; --soft: #1e242b; --mark: #5cb3f5 } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.3rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse; display: block; overflow-x: auto }
th, td { border: 1px solid var(--line); padding: .25rem .6rem; text-align: left; vertical-align: top }
pre { background: var(--soft); padding: .8rem; overflow-x: auto; font-size: 13px }
.pictures { display: flex; flex-wrap: wrap; gap: 2rem } .pictures > div { overflow-x: auto }
svg text { font: 12px ui-monospace, monospace; fill: var(--ink); text-anchor: middle }
svg .name { font-weight: 600 } svg .edge, svg .point { text-anchor: start; font-size: 11px }
svg .y { text-anchor: end } svg rect { fill: var(--soft); stroke: var(--line) }
svg .arrow, svg .roof { fill: none; stroke: var(--ink); stroke-width: 1.5 } svg marker path { fill: var(--ink) }
svg .grid { stroke: var(--line); stroke-width: .5 } svg .roof { stroke-width: 2 }
svg .before { fill: none; stroke: var(--mark); stroke-width: 2 } svg .after { fill: var(--mark) }
"""


def page(report: FuseReport) -> str:
    """The whole page."""
    sources = [_source(report, k) for k in range(len(report.kernels))]
    body = [
        f"<h1>{html.escape(report.verdict)}</h1>",
        f"<p>{html.escape(report.note)}</p>" if report.note else "",
        _kernels(report),
        f"<p>{html.escape(caption(report))}.</p>",
        _refusals(report),
        "<h2>Launches and kernels</h2>",
        f'<div class="pictures"><div><h3>before</h3>{_before(report)}</div>'
        f"<div><h3>after</h3>{_after(report)}</div></div>",
        f"<h2>Roofline of {html.escape(report.modelled_chip)}</h2>",
        _roofline(report),
        "<h2>Source of each kernel</h2>",
        *sources,
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(report.verdict)}</title><style>{_STYLE}</style></head>\n"
        f"<body>{chr(10).join(filter(None, body))}</body></html>\n"
    )


def fragment(report: FuseReport) -> str:
    """For a notebook's cell: the verdict and the tables."""
    parts = [f"<b>{html.escape(report.verdict)}</b>", _kernels(report), _refusals(report)]
    return f"{''.join(parts)}<p>{html.escape(caption(report))}.</p>"


def _table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{html.escape(h)}</th>" for h in headings)
    body = "".join(
        f"<tr>{''.join(f'<td>{html.escape(c)}</td>' for c in line)}</tr>" for line in lines
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _kernels(report: FuseReport) -> str:
    return _table(HEADINGS, rows(report))


def _refusals(report: FuseReport) -> str:
    lines = [
        (report.edge(d), d.code, text.in_a_line(d), text.hint_of(d), text.page_of(d.code))
        for d in report.refusals
    ]
    headings = ("apart", "code", "what was found", "what to change", "more")
    return f"<h2>What stayed apart</h2>{_table(headings, lines)}" if lines else ""


def _before(report: FuseReport) -> str:
    boxes = [svg.Box((report.label(k), _size(x))) for k, x in enumerate(report.launches)]
    return svg.graph("the launches", boxes, edges(report.launches))


def _after(report: FuseReport) -> str:
    boxes = [
        svg.Box((f"kernel {k}", *(report.label(m) for m in x.members), _size(x)))
        for k, x in enumerate(report.kernels)
    ]
    return svg.graph("the kernels", boxes, edges(report.kernels))


def _size(launch: Launch) -> str:
    return f"{units.size(details.counted(launch).bytes)} moved"


def _roofline(report: FuseReport) -> str:
    chip = report.modelled_chip
    row = details.row_of(chip)
    tflops, bandwidth = row.get("fp32_tflops"), row.get("bandwidth_gbs")
    if not tflops or not bandwidth:
        return f"<p>The hardware table lacks the peak or the bandwidth of {html.escape(chip)}.</p>"
    fused = [(f"kernel {k}", x, True) for k, x in enumerate(report.kernels)]
    apart = [
        (report.label(m), report.launches[m], False)
        for x in report.kernels
        if len(x.members) > 1
        for m in x.members
    ]
    points = []
    for label, launch, joint in (*apart, *fused):
        found, estimate = details.counted(launch), details.modelled(launch, chip)
        if estimate is not None:
            flops, size = found.computed.flops, found.bytes
            points.append(svg.Point(label, flops, size, estimate.seconds, joint))
    picture = svg.roofline(f"roofline of {chip}", tflops * 1e12, bandwidth * 1e9, points)
    hidden = sum(not p.flops for p in points)
    more = f" Not shown: {hidden} without operations on floats." if hidden else ""
    return (
        f"{picture}<p>Hollow: launches apart; filled: kernels. <b>Modelled, not measured</b>: bytes and "
        f"operations are counted, the chip's rates come from the hardware table.{more}</p>"
    )


def _source(report: FuseReport, k: int) -> str:
    made = report.made(k)
    lines = [text.contents(report.kernels[k]), text.cost(report, k)]
    lines += [text.resources(report, k), text.time(report, k)]
    if report.joint:
        lines.append(text.measured(report, k))
    members = "".join(
        f"<li>{html.escape(f'{report.label(m)}  {text.where(report, m)}')}</li>"
        for m in report.kernels[k].members
    )
    source = made.kernel.body if made.kernel else made.refused
    told = "<br>".join(map(html.escape, lines))
    return (
        f"<h3>kernel {k}: {html.escape(text.chain(report, k))}</h3><ul>{members}</ul><p>{told}</p>"
        f"<details open><summary>source</summary><pre>{html.escape(source)}</pre></details>"
    )
