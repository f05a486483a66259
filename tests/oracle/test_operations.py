"""Every operation of the table on every target and element type, and docs/operations.md about it."""

from __future__ import annotations

import difflib
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import triton
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from operations import KNOWN, TABLE
from operations_document import ELSEWHERE, NEAR, PATH, TARGETS, VERSION, elsewhere, render
from operations_rows import Row
from operations_run import NO_SUCH, PASSES, Cell, in_triton, measured, wrongs
from operations_types import DTYPES, FLOATS, special

pytest.importorskip("torch")  # holds the values that numpy has no type for
Array = npt.NDArray[Any]
Key = tuple[str, str, str]

FORMS = {row.form.name: row.form for row in TABLE}
GROUPS = [
    (form, dtype)
    for form in FORMS
    for dtype in DTYPES
    if any(row.form.name == form and dtype in row.dtypes for row in TABLE)
]


class Measurements:
    """The cells of every group; processes beside this one measure them, in the order of the tests."""

    def __init__(self, pool: ProcessPoolExecutor):
        self.pool = pool
        self.futures: dict[Key, Future[list[Cell]]] = {}

    def start(self, group: Key) -> Future[list[Cell]]:
        if group not in self.futures:
            self.futures[group] = self.pool.submit(measured, *group)
        return self.futures[group]

    def __call__(self, form: str, dtype: str, target: str) -> list[Cell]:
        return self.start((form, dtype, target)).result()


@pytest.fixture(scope="module")
def measurements(request: pytest.FixtureRequest) -> Iterator[Measurements]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(2, os.cpu_count() or 1), context) as pool:
        found = Measurements(pool)
        for item in request.session.items:
            parameters = getattr(getattr(item, "callspec", None), "params", {})
            if {"form", "dtype", "target"} <= set(parameters):
                found.start(tuple(parameters[k] for k in ("form", "dtype", "target")))
        yield found


def right_or_refused(cell: Cell) -> bool:
    return cell.outcome == PASSES or cell.outcome.startswith("refused ")


def key(cell: Cell) -> Key:
    return cell.row, cell.target, cell.dtype


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.function is test_right_or_refused:
        only = metafunc.config.getoption("--target")
        metafunc.parametrize("target", [only] if only else TARGETS)


@pytest.mark.parametrize("form, dtype", GROUPS)
def test_right_or_refused(measurements: Measurements, form: str, dtype: str, target: str) -> None:
    found = measurements(form, dtype, target)
    bad = [c for c in found if not right_or_refused(c) and key(c) not in KNOWN]
    assert not bad, "\n".join(f"{c.row} on {c.target}, {c.dtype}: {c.outcome}" for c in bad)


def test_nothing_was_wrong_elsewhere() -> None:
    """What was measured on a device that is not here: the page says of each cell what it was."""
    found, _ = elsewhere()
    table = {(row.name, target, d) for row in TABLE for d in row.dtypes for target in ELSEWHERE}
    assert found.keys() <= table, "rows that are gone: measure again"
    fine = {PASSES, NO_SUCH, VERSION}
    bad = {
        c: o for c, o in found.items() if not (o in fine or o.startswith("refused ") or c in NEAR)
    }
    assert bad == {}


@pytest.mark.parametrize("known", KNOWN, ids="-".join)
@pytest.mark.xfail(strict=True, reason="known to be wrong")
def test_known_to_be_wrong(measurements: Measurements, known: Key) -> None:
    name, target, dtype = known
    (row,) = (row for row in TABLE if row.name == name)
    (cell,) = (c for c in measurements(row.form.name, dtype, target) if c.row == name)
    assert right_or_refused(cell), KNOWN[known]


@pytest.mark.parametrize("form", FORMS)
def test_types_that_are_left_out_are_not_in_triton(form: str) -> None:
    left_out = [
        (row, dtype)
        for row in TABLE
        for dtype in DTYPES
        if row.form.name == form and row.typed and dtype not in row.dtypes
    ]
    assert [(row.name, dtype) for row, dtype in left_out if in_triton(row, dtype)] == []


@pytest.mark.skipif(not triton.__version__.startswith("3.9."), reason="the page is of Triton 3.9")
def test_the_page_says_what_was_measured(
    measurements: Measurements, request: pytest.FixtureRequest
) -> None:
    found = {key(c): c.outcome for (f, d) in GROUPS for t in TARGETS for c in measurements(f, d, t)}
    text = render(found)
    if request.config.getoption("--update-operations"):
        PATH.write_text(text)
    page = PATH.read_text() if PATH.exists() else ""
    diff = difflib.unified_diff(page.splitlines(), text.splitlines(), PATH.name, "now", lineterm="")
    assert text == page, "\n".join(["--update-operations rewrites the page", *diff])


def test_names_are_unique() -> None:
    names = [row.name for row in TABLE]
    assert len(set(names)) == len(names)


# The same rows on other shapes, masks and values, on the host.

KINDS = ("int8", "uint16", "int32", "float16", "float32")
anywhere = settings(max_examples=8, deadline=None, derandomize=True)


def values(dtype: str, size: int) -> st.SearchStrategy[Array]:
    """Any values of a type, NaN and infinities included; special ones more often."""
    if dtype in FLOATS:
        element = st.floats(width=FLOATS[dtype].bits)
    else:
        element = st.integers(int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))
    often = st.sampled_from(special(dtype).tolist())
    return arrays(np.dtype(dtype), size, elements=element | often)


def rows_of(form: str, dtype: str, section: str = "") -> list[Row]:
    return [
        row
        for row in TABLE
        if row.form.name == form
        and dtype in row.dtypes
        and section in row.section
        and (row.name, "host", dtype) not in KNOWN
    ]


@pytest.mark.parametrize("form, arity", [("unary", 1), ("binary", 2), ("ternary", 3)])
@anywhere
@given(st.data())
def test_elementwise_anywhere(form: str, arity: int, data: st.DataObject) -> None:
    dtype, n = data.draw(st.sampled_from(KINDS)), data.draw(st.integers(2, 48))
    operands = tuple(data.draw(values(dtype, n)) for _ in range(arity))
    shaped = replace(FORMS[form], draw=lambda _: operands, n=n, constants={"BLOCK": 16})
    assert wrongs(shaped, dtype, rows_of(form, dtype), "host") == []


@anywhere
@given(st.data())
def test_shifts_anywhere(data: st.DataObject) -> None:
    shifted = [dtype for dtype in KINDS if rows_of("apart", dtype)]
    dtype, n = data.draw(st.sampled_from(shifted)), data.draw(st.integers(2, 48))
    drawn = [data.draw(arrays(np.dtype(dtype), n, elements=st.integers(0, 6))) for _ in range(2)]
    rows = [replace(row, draw=lambda _: tuple(drawn)) for row in rows_of("apart", dtype)]
    shaped = replace(FORMS["apart"], n=n, constants={"BLOCK": 16})
    assert wrongs(shaped, dtype, rows, "host") == []


def tiles(data: st.DataObject, dtype: str) -> tuple[int, int, int, tuple[Array, Array]]:
    """Rows, columns, elements in use, and two tiles of small numbers with ones after those."""
    n, m = data.draw(st.sampled_from([(1, 16), (16, 2), (4, 8), (64, 4), (8, 32)]))
    used = data.draw(st.integers(2, n * m))
    small = st.integers(0 if dtype.startswith("u") else -5, 5)
    drawn = [data.draw(arrays(np.dtype(dtype), n * m, elements=small)) for _ in range(2)]
    for tile in drawn:
        tile[used:] = 1
    return n, m, used, (drawn[0].reshape(n, m), np.sign(drawn[1]).reshape(n, m))


@pytest.mark.parametrize("section", ["Reductions", "Scans"])
@anywhere
@given(st.data())
def test_reductions_and_scans_anywhere(section: str, data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from(KINDS))
    n, m, used, operands = tiles(data, dtype)
    shaped = replace(FORMS["tile"], draw=lambda _: operands, n=used, constants={"N": n, "M": m})
    assert wrongs(shaped, dtype, rows_of("tile", dtype, section), "host") == []


@anywhere
@given(st.data())
def test_sorting_anywhere(data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from(KINDS))
    n, m, used, operands = tiles(data, dtype)
    if m < 4 or n * m > 64:
        n, m = 4, 4
        used, operands = min(used, 16), tuple(t.reshape(-1)[:16].reshape(4, 4) for t in operands)
        for tile in operands:
            tile.reshape(-1)[used:] = 1
    shaped = replace(FORMS["sorting"], draw=lambda _: operands, n=used, constants={"N": n, "M": m})
    assert wrongs(shaped, dtype, rows_of("sorting", dtype), "host") == []


@pytest.mark.parametrize("form", ["memory", "atomics", "atomics with results"])
@anywhere
@given(st.data())
def test_memory_anywhere(measurements: Measurements, form: str, data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from(["int32", "float32"]))
    small = st.integers(1, 9)
    x, y = (data.draw(arrays(np.dtype(dtype), 64, elements=small)) for _ in range(2))
    order = np.array(data.draw(st.permutations(range(64))), np.int32)
    passing = {c.row for c in measurements(form, dtype, "host") if c.outcome == PASSES}
    rows = [row for row in rows_of(form, dtype) if row.name in passing]
    shaped = replace(FORMS[form], draw=lambda _: (x, y, order))
    assert wrongs(shaped, dtype, rows, "host") == []


@anywhere
@given(st.data())
def test_products_anywhere(data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from(["int8", "float16", "float32"]))
    drawn = arrays(np.dtype(dtype), (32, 32), elements=st.integers(-7, 7))
    operands = data.draw(drawn), data.draw(drawn)
    shaped = replace(FORMS["products"], draw=lambda _: operands)
    assert wrongs(shaped, dtype, rows_of("products", dtype), "host") == []
