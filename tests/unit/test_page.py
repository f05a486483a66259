"""docs/benchmarks.md and its pictures say what the results say, and nothing else."""

from __future__ import annotations

import copy
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from triton_mlx.runtime.bench.bars import Bar, Chart
from triton_mlx.runtime.bench.command import Wanted, run
from triton_mlx.runtime.bench.device import RECORDED, recorded
from triton_mlx.runtime.bench.page import DOCS, work, write_page
from triton_mlx.runtime.commands import WrongUsage


def committed() -> dict[str, Any]:
    data: dict[str, Any] = json.loads((DOCS / "benchmarks" / "results.json").read_text())
    return data


def test_the_committed_page_is_made_from_the_committed_results(tmp_path: Path) -> None:
    for made in write_page(committed(), tmp_path, recorded()):
        there = DOCS / made.relative_to(tmp_path)
        assert there.read_text() == made.read_text(), f"{there}: run bench --page again"


def test_another_result_gives_another_page(tmp_path: Path) -> None:
    data = copy.deepcopy(committed())
    (row,) = (b for b in data["benchmarks"] if b["name"].endswith("test_softmax_against_mlx"))
    row["extra_info"] |= {"ratio": 123.0, "ours_s": 0.456, "theirs_s": 56.1}
    write_page(data, tmp_path)
    line = "| softmax | 1024x1024 float32 | MLX | 456 ms | 56.1 s | 123.00 | 1 | 8.4 MB |"
    assert line in (tmp_path / "benchmarks.md").read_text()
    assert ">123×<" in (tmp_path / "benchmarks" / "kernels.svg").read_text()


def test_another_result_of_a_gpu_gives_another_page(tmp_path: Path) -> None:
    lines = RECORDED.read_text().splitlines()
    case = next(json.loads(x) for x in lines if '"softmax 8192^2 float32"' in x)
    case["microseconds"] |= {"ours": 2000.0, "triton": 6000.0}
    case["times faster than"] = {"triton": 3.0, "mlx": 0.5}
    case["GB/s"], case["right"] = 335, False
    failed = json.dumps({"failed": "OutOfMemory"})
    file = tmp_path / "results.jsonl"
    file.write_text("\n".join([lines[0], json.dumps(case), failed]) + "\n")
    write_page(committed(), tmp_path, recorded(file))
    page = (tmp_path / "benchmarks.md").read_text()
    line = "| softmax 8192^2 float32 | 2000 | triton 6000; mlx 187 | triton 3.00; mlx 0.50 |"
    assert line in page and "allows: softmax 8192^2 float32." in page and "gelu" not in page
    roof = (tmp_path / "benchmarks" / "roof.svg").read_text()
    # Ours 335 of 3350 GB/s; Triton took three times as long, MLX half.
    assert ">10.0 %<" in roof and ">3.33 %<" in roof and ">20.0 %<" in roof


def test_traced_launches_are_held_against_the_same_rivals(tmp_path: Path) -> None:
    case = {
        "case": "sequence two_steps",
        "microseconds": {
            "ours": 400.0,
            "ours, traced": 100.0,
            "ours, apart": 500.0,
            "triton": 300.0,
        },
        "times faster than": {"ours, traced": 0.25, "ours, apart": 1.25, "triton": 0.75},
        "GB/s": None,
        "TFLOP/s": None,
        "right": True,
    }
    file = tmp_path / "results.jsonl"
    file.write_text(RECORDED.read_text().splitlines()[0] + "\n" + json.dumps(case) + "\n")
    write_page(committed(), tmp_path, recorded(file))
    page = (tmp_path / "benchmarks.md").read_text()
    assert (
        "| two steps, fused | 400 | ours, apart 500; triton 300 | ours, apart 1.25; triton 0.75 |"
        in page
    )
    assert "| two steps, fused, traced | 100 | triton 300 | triton 3.00 |" in page


def test_without_a_gpu_there_is_no_such_section(tmp_path: Path) -> None:
    write_page(committed(), tmp_path, recorded(tmp_path / "none"))
    assert "GPU\n" not in (tmp_path / "benchmarks.md").read_text()
    assert not (tmp_path / "benchmarks" / "roof.svg").exists()


def test_a_device_of_unknown_roof_has_times_alone(tmp_path: Path) -> None:
    known = recorded()
    assert known is not None
    unknown = replace(known, machine={**known.machine, "device": "another"})
    for made, has in ((known, True), (unknown, False)):
        write_page(committed(), tmp_path / str(has), made)
        text = (tmp_path / str(has) / "benchmarks.md").read_text()
        assert ("roof" in text, "device.svg" in text) == (has, True)
        assert (tmp_path / str(has) / "benchmarks" / "roof.svg").exists() == has


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("host/bench_kernels.py::test_softmax_against_mlx", "softmax"),
        ("host/bench_kernels.py::test_attention_against_mlx[causal]", "attention causal"),
        ("host/bench_kernels.py::test_chain_against[mx.compile]", "chain"),
        ("host/bench_fuse.py::test_fused_against_apart[layer_norm]", "layer_norm"),
        ("compile/bench_compile.py::test_lift_fuse_lower[add-host]", "lift fuse lower add-host"),
    ],
)
def test_what_a_benchmark_measures(name: str, what: str) -> None:
    assert work(name) == what


def rectangles(chart: Chart) -> list[tuple[float, float]]:
    """(left, right) of every bar."""
    tree = ElementTree.fromstring(chart.svg())
    found = [e for e in tree.iter() if e.tag.endswith("rect") and e.get("height") == "15.0"]
    return [(float(e.get("x", 0)), float(e.get("x", 0)) + float(e.get("width", 0))) for e in found]


def test_bars_are_as_long_as_their_values() -> None:
    bars = [Bar("a", "x", 1.0), Bar("<b>", "x", 2.0), Bar("c", "y", 4.0)]
    (zero, one), (_, two), (_, four) = rectangles(Chart("t", "", bars, (3.0, "line")))
    assert two - zero == pytest.approx(2 * (one - zero), abs=0.2)
    assert four - zero == pytest.approx(4 * (one - zero), abs=0.2)


def test_bars_of_ratios_start_at_the_mark_and_show_slower_to_the_left() -> None:
    bars = [Bar("a", "x", 4.0), Bar("b", "x", 0.25), Bar("c", "x", 16.0)]
    faster, slower, most = rectangles(Chart("t", "×", bars, (1.0, "even"), log=True))
    assert faster[0] == pytest.approx(slower[1], abs=0.2)
    assert slower[1] - slower[0] == pytest.approx(faster[1] - faster[0], abs=0.2)
    assert most[1] - most[0] == pytest.approx(2 * (faster[1] - faster[0]), abs=0.2)


def test_recorded_goes_with_page_alone() -> None:
    for more in ({}, {"page": True, "gate": True}, {"page": True, "update": "why"}):
        with pytest.raises(WrongUsage, match="--recorded"):
            run(Wanted(recorded=True, **more), io.StringIO())
