"""The demo's output and exit code, on cases small enough for a test."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import mlx.core as mx
import numpy as np
import pytest

import triton_mlx
from triton_mlx.examples import elementwise, matmul
from triton_mlx.runtime import demo
from triton_mlx.runtime.demo_cases import Case
from triton_mlx.runtime.demo_model import MissingDataError, classifier


def small_case(**changes: Any) -> Case:
    x = mx.arange(100, dtype=mx.float32)
    fields: dict[str, Any] = {
        "kernel": "small add",
        "shape": "100 fp32",
        "function": elementwise.add,
        "args": (x, x),
        "kernels": (elementwise.add_kernel,),
        "mlx": lambda: x + x,
        "formula": lambda: 2 * np.arange(100.0),
    }
    return Case(**(fields | changes))


def no_model() -> Case:
    raise MissingDataError("scikit-learn is missing")


def run(monkeypatch: pytest.MonkeyPatch, cases: list[Case], *, as_json: bool) -> tuple[int, str]:
    monkeypatch.setattr(demo, "cases", lambda: cases)
    monkeypatch.setattr(demo, "classifier", no_model)
    out = io.StringIO()
    with triton_mlx.use("host"):
        return demo.run(as_json, out), out.getvalue()


def test_json_holds_the_figures_of_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    code, text = run(monkeypatch, [small_case()], as_json=True)
    report = json.loads(text)
    (row,) = report["rows"]
    assert (code, report["schema"], report["ok"]) == (0, 1, True)
    assert row["kernel"] == "small add" and row["max_error"] == 0
    assert row["metal_lines"] > 3
    assert min(row["ours_s"], row["mlx_s"], row["interpreter_s"]) > 0
    assert report["notes"] == ["scikit-learn is missing"]


def test_a_wrong_result_is_shown_and_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = small_case(formula=lambda: 2 * np.arange(100.0) + 0.5)
    code, text = run(monkeypatch, [wrong], as_json=True)
    report = json.loads(text)
    assert report["rows"][0]["max_error"] == 0.5
    assert (code, report["ok"]) == (1, False)
    assert "small add: the error is 0.5" in report["notes"][0]


def test_without_a_formula_the_interpreter_is_the_reference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, text = run(monkeypatch, [small_case(formula=None)], as_json=False)
    assert "0.0e+00 (interpreter)" in text


def test_a_failing_kernel_leaves_the_other_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = small_case(kernel="bad", function=matmul.matmul, args=(mx.ones((2, 3)),) * 2)
    code, text = run(monkeypatch, [bad, small_case()], as_json=False)
    assert code == 1
    assert "bad: ValueError: matmul: a is (2, 3)" in text
    assert "small add" in text and "Traceback" not in text


def test_plain_text_where_rich_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)
    _, text = run(monkeypatch, [small_case()], as_json=False)
    heading, row = text.splitlines()[:2]
    assert heading.startswith("kernel     shape") and heading.endswith("lines of Metal")
    assert row.startswith("small add  100 fp32") and len(row) == len(heading)


def test_missing_data_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(MissingDataError, match="pip install"):
        classifier()


def test_model_predicts_what_mlx_predicts() -> None:
    pytest.importorskip("sklearn")
    case = classifier()
    assert case.mlx is not None and case.verdict is not None
    with triton_mlx.use("host"):
        got = case.function(*case.args)
        verdict = case.verdict()
    assert np.abs(np.asarray(got) - np.asarray(case.mlx())).max() < 1e-5
    assert verdict.ok, verdict.text
