"""The report: every form of it, everything it can be asked about, and what it must not hold or change."""

from __future__ import annotations

import gc
import io
import json
import re
import sys
import weakref
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
import triton
import triton.language as tl

import triton_mlx
from triton_mlx import Shaped
from triton_mlx.fusion.errors import BadArgument
from triton_mlx.fusion.joint.codes import CODES
from triton_mlx.hwinfo import UnknownChip
from triton_mlx.runtime import lowered
from triton_mlx.runtime.model import Work, estimate
from triton_mlx.runtime.report import details, flowchart, history, svg
from triton_mlx.runtime.report.report import FuseReport

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))
import corpus
import joint_kernels as k

N, ROWS, COLS = 1000, 20, 50
DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(autouse=True)
def on_host() -> Any:
    with triton_mlx.use("host"):
        yield


def cdiv(n: int, block: int) -> tuple[int]:
    return (-(-n // block),)


def chain(x: mx.array, y: mx.array) -> mx.array:
    t, o = mx.zeros((N,)), mx.zeros((N,))
    k.add[cdiv(N, 128)](x, y, t, N, BLOCK=128)
    k.scale[cdiv(N, 64)](t, o, N, 3.0, BLOCK=64)
    return o


def apart(x: mx.array, y: mx.array) -> mx.array:
    """A product with an epilogue, and a row reduction that cannot be part of it."""
    c, t, o = (mx.zeros((ROWS, COLS)) for _ in range(3))
    a, b = x[:640].reshape(ROWS, 32), mx.random.normal((32, COLS))
    blocks = {"BM": 16, "BN": 16, "BK": 16, "GROUP": 2}
    corpus.k_matmul[(2 * 4,)](a, b, c, ROWS, COLS, 32, **blocks)
    k.exp[cdiv(N, 128)](c, t, N, BLOCK=128)
    k.rms[(ROWS,)](t, y, o, COLS, BLOCK=64)
    return o


def report_of(function: Any) -> FuseReport:
    x, y = mx.ones((N,)), mx.ones((N,))
    fused = triton_mlx.fuse(function)
    fused(x, y)
    found: FuseReport = triton_mlx.fuse_report(fused)
    return found


# --- what it says


def test_a_kernel_is_told_with_lines_anchor_cost_and_schedule() -> None:
    text = str(report_of(apart))
    first, *rest = text.split("\n")
    assert first.startswith("3 launches -> 2 kernels, ") and first.endswith("1 refusal")
    line = k.exp.fn.__code__.co_firstlineno + 1
    assert any(re.search(rf"exp#1 .*joint_kernels\.py:{line}  grid 8, 4 warps$", x) for x in rest)
    assert any(re.search(r"k_matmul#0 .*corpus\.py:\d+  grid 8, 4 warps  anchor$", x) for x in rest)
    assert "1 matrix product" in text and "threadgroup memory, about" in text
    assert "simdgroups, as asked for" in text
    assert "modelled, not measured: " in text and "and the cost of 1 launch more" in text
    assert "apart: exp#1 | rms#2  [NOT_ELEMENTWISE]" in text
    assert "see: docs/fusion-codes.md#not_elementwise" in text


def test_json_is_plain_and_whole() -> None:
    report = report_of(apart)
    data = json.loads(json.dumps(report.to_json()))
    assert list(data) == [
        "schema", "launches", "kernels", "bytes_before", "bytes_after", "groups", "refusals"
    ]  # fmt: skip
    assert [x["name"] for x in data["launches"]] == ["k_matmul", "exp", "rms"]
    assert data["kernels"] == len(data["groups"]) == 2
    product, rms = data["groups"]
    assert (product["members"], product["rules"], product["anchor"]) == ([0, 1], ["EPILOGUE"], 0)
    assert product["flops"] >= 2 * ROWS * COLS * 32 and product["flops_exact"]
    assert product["threads"] == 128 and product["threadgroup_bytes"] > 0 and product["registers"]
    assert product["choice"]["simdgroups"] == 4 and product["choice"]["staging"] == "padded"
    assert product["modelled"]["seconds"] < product["modelled"]["seconds_apart"]
    assert product["measured"] is None and product["refused"] == ""
    assert sum(g["bytes"] for g in data["groups"]) == data["bytes_after"]
    assert sum(x["bytes"] for x in data["launches"]) == data["bytes_before"]
    assert rms["inside"]["reduction or scan"] == 1
    (refusal,) = data["refusals"]
    assert refusal["code"] == "NOT_ELEMENTWISE" and refusal["page"].endswith("#not_elementwise")


def test_the_same_for_another_chip() -> None:
    report = report_of(chain)
    small, large = (report.on(c).modelled(0) for c in ("M1", "M3 Ultra"))
    assert small and large and small.seconds > large.seconds
    assert "on M1: " in str(report.on("M1"))
    with pytest.raises(UnknownChip):
        report.on("M99")


def test_what_the_chip_refuses_is_said() -> None:
    @triton.jit
    def doubles(x, o, BLOCK: tl.constexpr):
        at = tl.arange(0, BLOCK)
        tl.store(o + at, tl.load(x + at) * 2)

    with mx.stream(mx.cpu):
        x = mx.ones((64,), mx.float64)
        report = triton_mlx.fuse_report(doubles[(1,)], x, x + 1, BLOCK=64)
    assert report.made(0).kernel is None and "on M2 Pro: [UNSUPPORTED_TYPE]" in str(report)
    assert report.to_json()["groups"][0]["refused"].startswith("[UNSUPPORTED_TYPE]")


def test_no_programs_take_no_time() -> None:
    row = details.row_of("M2 Pro")
    found = estimate(row, Work(0, 0, 0, 0, 0))
    assert found is not None and found.seconds == 0


# --- forms


def test_graphs_name_what_is_read_and_what_stayed_apart() -> None:
    report = report_of(apart)
    dot, mermaid = report.to_dot(), report.to_mermaid()
    assert 'l0 -> l1 [label="4 KB EPILOGUE"]' in dot and "style=dashed" in dot
    assert 'l0 -->|"4 KB EPILOGUE"| l1' in mermaid and "l1 -.->|NOT_ELEMENTWISE| l2" in mermaid
    assert flowchart.edges(report.kernels) == (flowchart.Edge(0, 1, 4 * N),)


def test_the_page_needs_no_other_file(tmp_path: Path) -> None:
    report = report_of(apart)
    path = report.save_html(tmp_path / "report.html")
    text = path.read_text(encoding="utf-8")
    for word in ("<script", "<link", "<img", "src=", "@import", "url(http"):
        assert word not in text
    pictures = [ElementTree.fromstring(x) for x in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]
    titles = [p[0].text for p in pictures]
    assert titles == ["the launches", "the kernels", "roofline of M2 Pro"]
    boxes = [len(p.findall("{http://www.w3.org/2000/svg}rect")) for p in pictures]
    assert boxes == [3, 2, 0]
    points = pictures[2].findall("{http://www.w3.org/2000/svg}circle")
    assert [p.get("class") for p in points] == ["before", "before", "after", "after"]
    assert text.count("threadgroup_position_in_grid") >= 2  # the source of both kernels
    assert "Modelled, not measured" in text


def test_names_are_escaped() -> None:
    picture = svg.graph("a < b", [svg.Box(('x"<y>&',))], ())
    assert ElementTree.fromstring(picture)[0].text == "a < b"


def test_boxes_do_not_overlap_and_are_below_what_they_read() -> None:
    boxes = [svg.Box((name,)) for name in ("first", "second", "third", "fourth")]
    edges = [flowchart.Edge(0, 2, 1), flowchart.Edge(1, 2, 1), flowchart.Edge(2, 3, 1)]
    places, width, height = svg._placed(boxes, edges)
    assert places[0][1] == places[1][1] < places[2][1] < places[3][1]
    assert places[0][0] + boxes[0].width / 2 < places[1][0] - boxes[1].width / 2
    for (x, y), box in zip(places, boxes):
        assert box.width / 2 <= x <= width - box.width / 2 and y + box.height <= height


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_tables_and_a_file_gets_text(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    monkeypatch.setenv("COLUMNS", "160")
    report, terminal, file = report_of(apart), Terminal(), io.StringIO()
    report.show(terminal)
    report.show(file)
    assert file.getvalue() == f"{report}\n"
    shown = terminal.getvalue()
    assert "━┳━" in shown and "[EPILOGUE]" in shown and "NOT_ELEMENTWISE" in shown


# --- what it can be asked about


def test_one_plain_launch() -> None:
    x, o = mx.ones((N,)), mx.zeros((N,))
    k.scale[cdiv(N, 128)](x, o, N, 2.0, BLOCK=128)
    last = triton_mlx.fuse_report(k.scale)
    made = triton_mlx.fuse_report(k.scale[cdiv(N, 128)], x, o, N, 2.0, BLOCK=128)
    for report in (last, made):
        assert report.verdict == "1 launch -> 1 kernel, 8 KB -> 8 KB moved, 0 refusals"
        assert "limited by memory" in str(report) and "1 load, 1 store" in str(report)
    assert np.array(o).tolist() == [2.0] * N


def test_a_call_is_made_in_a_scope() -> None:
    x, y = mx.ones((N,)), mx.ones((N,))
    for function in (chain, triton_mlx.fuse(chain)):
        report = triton_mlx.fuse_report(function, x, y)
        assert len(report.launches) == 2 and len(report.kernels) == 1


def test_nothing_to_report_on() -> None:
    with pytest.raises(LookupError):
        triton_mlx.fuse_report(triton_mlx.fuse(chain))
    with pytest.raises(BadArgument):
        triton_mlx.fuse_report(since="yesterday")
    with pytest.raises(BadArgument):
        triton_mlx.fuse_report(chain, since="start")
    with pytest.raises(BadArgument):
        triton_mlx.fuse_report(3)


def test_shapes_alone_compute_nothing_and_change_nothing() -> None:
    n = 1 << 29  # 2 GB each
    weight = mx.ones((N,))

    def large(x: mx.array, y: mx.array) -> mx.array:
        t, o = mx.zeros((n,)), mx.zeros((n,))
        k.add[(n // 1024,)](x, y, t, n, BLOCK=1024)
        k.scale[(n // 512,)](t, o, n, 3.0, BLOCK=512)
        k.add_in_place[cdiv(N, 128)](weight, weight * 1, N, BLOCK=128)
        return o

    before, count = mx.get_peak_memory(), len(history.scopes())
    report = triton_mlx.fuse_report(large, Shaped(n), Shaped((n,), mx.float32), chip="M3 Max")
    assert mx.get_peak_memory() - before < 1 << 20
    assert report.groups == ((0, 1), (2,)) and report.modelled_chip == "M3 Max"
    assert report.bytes_after == 3 * 4 * n + 3 * 4 * N
    assert weight.tolist() == [1.0] * N
    assert len(history.scopes()) == count


def test_shapes_alone_say_the_same_as_arrays() -> None:
    real = triton_mlx.fuse_report(apart, mx.ones((N,)), mx.ones((N,)))
    ahead = triton_mlx.fuse_report(apart, Shaped(N), Shaped(N, np.float32))
    assert str(ahead) == str(real)


def test_shapes_alone_know_what_the_chip_refuses() -> None:
    with pytest.raises(BadArgument):
        Shaped(3, "float3").array()
    with pytest.raises(BadArgument, match="Shaped"):
        triton_mlx.fuse_report(chain, Shaped(N), np.ones(N, np.float32))


def test_an_exception_in_a_scope_is_told() -> None:
    with pytest.raises(ZeroDivisionError), triton_mlx.fuse() as scope:
        chain(mx.ones((N,)), mx.ones((N,)))
        1 / 0  # noqa: B018
    assert scope.report.groups == ((0,), (1,))
    assert "ZeroDivisionError ended the scope" in str(scope.report)


# --- everything since the start


def test_everything_since_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "_scopes", {})
    monkeypatch.setattr(history, "_launchers", weakref.WeakSet())
    fresh = triton.jit(k.mul.fn)
    x, y, o = mx.ones((N,)), mx.ones((N,)), mx.zeros((N,))
    fused = triton_mlx.fuse(chain)
    for _ in range(3):
        fused(x, y)
    triton_mlx.fuse(apart)(x, y)
    for _ in range(2):
        fresh[cdiv(N, 32)](x, y, o, N, BLOCK=32)
    report = triton_mlx.fuse_report(since="start")
    assert report.names == ("add", "scale", "k_matmul", "exp", "rms", "mul")
    assert report.times == (3, 1, 1, 2) and report.groups == ((0, 1), (2, 3), (4,), (5,))
    assert report.verdict.startswith("11 launches -> 7 kernels, ")
    own = triton_mlx.fuse_report(fused)
    assert report.bytes_after == 3 * own.bytes_after + report_of(apart).bytes_after + 2 * 12 * N
    assert [(d.first, d.second) for d in report.refusals] == [(3, 4)]
    writers = [(e.first, e.second) for e in flowchart.edges(report.launches)]
    assert writers == [(0, 1), (2, 3), (3, 4)]  # no edge between scopes
    assert "add#0 + scale#1 x 3" in str(report)


def test_the_past_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "_scopes", {})
    monkeypatch.setattr(history, "_launchers", weakref.WeakSet())  # those of other tests
    monkeypatch.setattr(history, "_forgotten", 0)
    monkeypatch.setattr(history, "MOST_SCOPES", 2)
    for n in (100, 200, 300):
        x = mx.ones((n,))
        with triton_mlx.fuse():
            k.add_in_place[cdiv(n, 32)](x, x * 1, n, BLOCK=32)
    assert len(history.scopes()) == 2
    assert "1 scopes that ended earlier are not kept" in str(triton_mlx.fuse_report(since="start"))


def test_a_report_holds_no_array() -> None:
    x = mx.ones((N,))
    with triton_mlx.fuse() as scope:
        o = mx.zeros((N,))
        k.scale[cdiv(N, 128)](x, o, N, 2.0, BLOCK=128)
    references = weakref.ref(x), weakref.ref(o)
    report = scope.report
    del x, o
    gc.collect()
    assert report.launches and all(r() is None for r in references)


def test_joint_kernels_are_not_kept_for_ever() -> None:
    report = report_of(chain)
    function = report.kernels[0].function
    text = lowered.text_for(function)
    assert text == lowered.text_for(function)
    assert lowered.function_of(text).body == function.body
    assert not any(isinstance(v, dict) and text in v for v in vars(lowered).values())


# --- measured


def test_measured_times_are_of_the_host() -> None:
    report = report_of(apart)
    found = report.measure(3)
    assert "measured on host: " in str(found) and "measured on host" not in str(report)
    data = found.to_json()
    assert all(g["measured"]["seconds"] > 0 for g in data["groups"])
    assert [x["measured"]["runs"] for x in data["launches"]] == [3, 3, 3]


def test_the_simulator_has_no_times() -> None:
    with triton_mlx.use("simulate"):
        report = report_of(chain)
    with pytest.raises(BadArgument, match="simulate"):
        report.measure()


# --- documentation


def test_every_code_has_a_section() -> None:
    text = (DOCS / "fusion-codes.md").read_text(encoding="utf-8")
    sections = re.split(r"^## +(\w+) *$", text, flags=re.MULTILINE)
    found = dict(zip(sections[1::2], sections[2::2]))
    assert set(CODES) <= set(found)
    for code in CODES:
        assert "What was found: " in found[code], code
        assert "What to do: " in found[code], code
