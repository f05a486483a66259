"""The self-tests in the simulator: right ones pass, and each kind of broken one is seen."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest

from triton_mlx.hwinfo import FACTS, Capability, UnknownCapability, find, rows
from triton_mlx.lowering.targets import target_for
from triton_mlx.runtime.selftest import (
    SelfTestFailed,
    fragments,
    tensors,
    trusted,
    trusted_row,
    verdict,
)
from triton_mlx.runtime.selftest.gates import gated
from triton_mlx.runtime.selftest.judge import Result, judge, missing
from triton_mlx.runtime.selftest.row import SelfTest
from triton_mlx.runtime.selftest.table import ROWS
from triton_mlx.runtime.simulator import static_check

SIMULATOR = find("simulator")
BY_NAME = {test.name: test for test in ROWS}
M5 = find("M5")


def row_for(test: SelfTest) -> Capability:
    """The simulator runs tensor operations too, for the chips that have them."""
    return M5 if "neural_accelerators" in test.cells else SIMULATOR


ABLE = [test.name for test in ROWS if not missing(test, row_for(test))]


def only(test: SelfTest) -> Result:
    return judge((test,), "simulate", row_for(test))[0]


def types(row: Capability) -> set[str]:
    """The types of operands that matrix units take."""
    return {t for unit in target_for(row).units for t in unit.types}


def broken(name: str, old: str, new: str) -> SelfTest:
    test = BY_NAME[name]
    assert old in test.source
    return replace(test, source=test.source.replace(old, new))


@pytest.mark.parametrize("name", ABLE)
def test_the_simulator_gives_the_expected_numbers(name: str) -> None:
    result = only(BY_NAME[name])
    assert (result.status, result.detail) == ("passed", "")


@pytest.mark.parametrize("name", ABLE)
def test_the_text_is_metal(name: str) -> None:
    test = BY_NAME[name]
    assert static_check(test.call().text([x.to_mlx() for x in test.inputs]).text) == ()


def test_every_test_is_another_and_vouches_for_cells() -> None:
    assert len(BY_NAME) == len(ROWS)
    for test in ROWS:
        assert test.cells and set(test.cells) <= set(FACTS)
    assert {"atomic_64"} == {c for t in ROWS if t.name not in ABLE for c in t.cells}


def test_the_bases_reach_each_place_once() -> None:
    held = {fragments.place(lane, k) for lane in range(32) for k in range(2)}
    assert held == {(row, column) for row in range(8) for column in range(8)}
    assert [fragments.place(lane, 1) for lane in (0, 1, 2, 4, 8, 16, 31)] == [
        (0, 1), (0, 3), (1, 1), (2, 1), (0, 5), (4, 1), (7, 7),
    ]  # fmt: skip


def test_the_bases_of_tensors_are_those_of_mlx() -> None:
    """Its get_coord, element by element (steel/gemm/nax.h)."""
    held = {}
    for lane in range(32):
        quad = lane >> 2
        row, column = quad & 4 | lane >> 1 & 3, (quad & 2 | lane & 1) * 4
        for k in range(8):
            held[lane, k] = row + (k >> 2) * 8, column + k % 4
    assert held == {at: tensors.place(*at) for at in held}
    assert set(held.values()) == {(row, column) for row in range(16) for column in range(16)}


BUGS = {
    "tensor registers swapped": ("tensor layout half", "b[k] = x1[16 * lane + k]",
                                 "b[k] = x1[16 * lane + (k ^ 8)]"),
    "tensor lanes swapped": ("tensor layout bfloat", "x2[16 * lane + k]",
                             "x2[16 * (lane ^ 8) + k]"),
    "tensor operand turned": ("tensor product half", "16, 32, 16, false", "16, 32, 16, true"),
    "tensor c forgotten": ("tensor product bfloat", "::multiply_accumulate", "::multiply"),
    "tensor sums of 16 bits": ("tensor precision half", "out0[16 * lane + k] = c[k]",
                               "out0[16 * lane + k] = half(c[k])"),
    "registers swapped": ("matrix layout half", "plain.thread_elements()[k]",
                          "plain.thread_elements()[1 - k]"),
    "another lane's elements": ("matrix layout float", "out0[2 * lane + k]",
                                "out0[2 * (lane ^ 8) + k]"),
    "not transposed": ("matrix layout bfloat", "ulong2(0, 0), true", "ulong2(0, 0), false"),
    "stored transposed": ("matrix layout half", "simdgroup_store(numbered, out2, 8)",
                          "simdgroup_store(numbered, out2, 8, ulong2(0, 0), true)"),
    "operands swapped": ("matrix product float", "(d, a, b, c)", "(d, b, a, c)"),
    "c forgotten": ("matrix product half", "(d, a, b, d)", "(d, a, b, c)"),
    "c of the wrong sum": ("matrix product bfloat", "simdgroup_load(c, x2, 8)",
                           "simdgroup_load(c, x2, 8, ulong2(0, 0), true)"),
    "rounded towards zero": ("bfloat rounding", "bfloat(x0[i])",
                             "as_type<bfloat>(ushort(as_type<uint>(x0[i]) >> 16))"),
    "not rounded between": ("bfloat arithmetic", "out3[i] = sum + c",
                            "out3[i] = bfloat(float(a) + float(b) + float(c))"),
    "smaller for greater": ("atomic min max 64", "atomic_max_explicit", "atomic_min_explicit"),
    "unsigned order": ("atomic min max 32", "atomic<int>*)&out0[0], x0[i]",
                       "atomic<uint>*)&out0[0], uint(x0[i])"),
    "one exchange lost": ("atomic exchange 32", "99u", "got"),
    "wrong lane": ("simd shuffles", "ushort(21)", "ushort(20)"),
    "inclusive for exclusive": ("simd reductions", "prefix_exclusive", "prefix_inclusive"),
    "not mirrored": ("threadgroup memory 32 KB", "8191 - k", "k"),
}  # fmt: skip


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_gives_wrong_numbers(bug: str) -> None:
    result = only(broken(*BUGS[bug]))
    assert result.status == "failed"
    assert "numbers are wrong" in result.detail
    name, at, got, expected = result.differences[0]
    assert f"{name}[{at}] is {got}, not {expected}" in result.detail


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("threadgroup memory 32 KB", "threadgroup_barrier", "simdgroup_barrier", "RACE"),
        ("matrix product half", "simdgroup_load(a, x0, 8)", "simdgroup_load(a, x0, 9)", "BOUNDS"),
        ("matrix product float", "simdgroup_load", "simdgroup_lod", "simdgroup_lod"),
        ("matrix layout float", "simdgroup_load(plain, x0", "if (lane < 9) simdgroup_load(plain, x0",
         "DIVERGENCE"),
    ],
)  # fmt: skip
def test_a_kernel_that_is_wrong_or_no_metal_fails(name: str, old: str, new: str, says: str) -> None:
    result = only(broken(name, old, new))
    assert result.status == "failed"
    assert says in result.detail


MATRICES_THROUGH_MEMORY = """
  threadgroup float tile[64];
  uint sg = simdgroup_index_in_threadgroup;
  simdgroup_matrix<float, 8, 8> m;
  if (sg == 0) { simdgroup_load(m, x0, 8); simdgroup_store(m, tile, 8); }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (sg == 1) { simdgroup_load(m, tile, 8); simdgroup_store(m, out0, 8); }
"""


@pytest.mark.parametrize("with_barrier", [True, False])
def test_matrices_in_threadgroup_memory_need_a_barrier(with_barrier: bool) -> None:
    line = "  threadgroup_barrier(mem_flags::mem_threadgroup);\n"
    source = MATRICES_THROUGH_MEMORY.replace(line, line if with_barrier else "")
    through = replace(
        BY_NAME["matrix product float"],
        source=source,
        inputs=BY_NAME["matrix layout float"].inputs,
        expected=BY_NAME["matrix layout float"].inputs,
        threads=64,
    )
    result = only(through)
    assert result.status == ("passed" if with_barrier else "failed")
    assert with_barrier or "RACE" in result.detail


def test_what_a_row_does_not_have_is_skipped_with_its_reason() -> None:
    m1, m3 = find("M1"), find("M3 Max")
    lacking = {t.name: missing(t, m1) for t in ROWS if missing(t, m1)}
    tensor = {t.name for t in tensors.ROWS}
    assert lacking.keys() == {"atomic min max 64", "atomic add 64"} | tensor
    assert lacking["atomic add 64"] == "M1 has no atomic_64 (tables)"
    assert {t.name for t in ROWS if missing(t, m3)} == tensor
    assert [t.name for t in ROWS if missing(t, M5)] == []
    assert "0 bytes" in missing(BY_NAME["threadgroup memory 32 KB"], find("host"))


def test_without_clang_all_are_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_MLX_CLANG", "/nonexistent/clang")
    results = judge(ROWS, "simulate", SIMULATOR)
    assert {r.status for r in results} == {"skipped"}
    assert "clang" in results[0].detail


BROKEN = broken(*BUGS["wrong lane"])
GOOD = BY_NAME["bfloat rounding"]


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[verdict.Device]:
    """A device that counts as guarded, though the simulator runs its tests: GOOD and BROKEN."""
    monkeypatch.setenv("TRITON_MLX_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(verdict, "_known", {})
    monkeypatch.setattr(verdict, "_warned", set())
    monkeypatch.setattr(verdict, "_tests", lambda: (GOOD, BROKEN))
    made = verdict.Device("simulate", find("M3 Max"), "Apple M3 Max", "g15d", "test 1", "0")
    monkeypatch.setattr(verdict, "_guarded", lambda row: made if row is made.row else None)
    yield made


def test_a_failing_path_is_switched_off_with_one_warning(device: verdict.Device) -> None:
    with pytest.warns(SelfTestFailed, match="'simd shuffles' failed on Apple M3 Max") as caught:
        assert not trusted(device.row, "simd_functions")
        assert not trusted(device.row, "simd_functions")
        assert not trusted(device.row, "simd_width")
        assert trusted(device.row, "bfloat")
        assert trusted(device.row, "cores")
    assert len(caught) == 1
    assert "--selftest" in str(caught[0].message)


def test_kernels_are_lowered_without_a_path_that_fails(
    device: verdict.Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    worse = broken(*BUGS["c forgotten"])
    monkeypatch.setattr(verdict, "_tests", lambda: (worse,))
    with pytest.warns(SelfTestFailed):
        row = trusted_row(device.row)
    assert types(device.row) == {"f16", "bf16", "f32"}
    assert types(row) == {"bf16", "f32"}
    assert not row.value("simdgroup_matrix_half") and row.cell("simdgroup_matrix_half").source
    assert trusted_row(find("M1")) is find("M1")


@pytest.fixture
def m5(device: verdict.Device, monkeypatch: pytest.MonkeyPatch) -> verdict.Device:
    """The same, as an M5 under a macOS that has its accelerators."""
    made = replace(device, row=gated(M5, "26.2"), name="Apple M5")
    monkeypatch.setattr(verdict, "_guarded", lambda row: made if row.name == "M5" else None)
    return made


def test_tensor_operations_are_used_once_their_tests_have_passed(
    m5: verdict.Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdict, "_tests", lambda: tensors.ROWS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert trusted(M5, "neural_accelerators")
        row = trusted_row(M5)
    assert row == M5 and [u.name for u in target_for(row).units][0] == "tensor operations"


@pytest.mark.parametrize("tests", ["none", "wrong"])
def test_tensor_operations_without_a_proof_are_not_used(
    m5: verdict.Device, tests: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = (GOOD,) if tests == "none" else (broken(*BUGS["tensor lanes swapped"]),)
    monkeypatch.setattr(verdict, "_tests", lambda: chosen)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert not trusted(M5, "neural_accelerators")
        row = trusted_row(M5)
    assert [w.category for w in caught] == ([] if tests == "none" else [SelfTestFailed])
    target = target_for(row)
    assert [u.name for u in target.units] == ["simdgroup matrices"]
    assert target.denied == ("not on tensor operations: no self-test has passed here",)


@pytest.mark.parametrize(
    ("macos", "has"), [("26.1", False), ("26.2", True), ("26.10", True), ("27", True), ("", False)]
)
def test_an_older_macos_has_no_tensor_operations(macos: str, has: bool) -> None:
    row = gated(M5, macos)
    assert row.value("neural_accelerators") is has
    assert (row is M5) is has
    target = target_for(row)
    assert (target.units[0].name == "tensor operations") is has
    if not has:
        assert target.denied == (
            f"not on tensor operations: macOS {macos or 'unknown'} is older than 26.2",
        )
        assert all(missing(t, row) for t in tensors.ROWS)
    assert gated(SIMULATOR, macos) is SIMULATOR


def test_another_chip_s_tensor_operations_are_not_run_on_this_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`use("metal", chip="M5")` on an M1: the places of elements are not known there."""
    here = verdict.Device("metal", find("M1"), "Apple M1", "g13g", "test 1", "0")
    monkeypatch.setattr(verdict, "here", lambda: here)
    row = trusted_row(M5)
    assert not trusted(M5, "neural_accelerators") and trusted(M5, "bfloat")
    assert [u.name for u in target_for(row).units] == ["simdgroup matrices"]
    assert "another chip" in target_for(row).denied[0]
    assert trusted_row(find("M3")) is find("M3")


def test_the_record_is_read_by_the_next_process(
    device: verdict.Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.warns(SelfTestFailed):
        trusted(device.row, "bfloat")

    def not_again() -> tuple[SelfTest, ...]:
        raise AssertionError("the tests ran again")

    monkeypatch.setattr(verdict, "_tests", not_again)
    verdict._known.clear()
    verdict._warned.clear()
    with pytest.warns(SelfTestFailed) as caught:
        assert not trusted(device.row, "simd_functions")
    assert len(caught) == 1
    for other in (replace(device, system="test 2"), replace(device, mlx="1")):
        assert other.key != device.key
    verdict._known.clear()
    monkeypatch.setattr(verdict, "_guarded", lambda row: replace(device, mlx="1"))
    with pytest.raises(AssertionError, match="ran again"):
        trusted(device.row, "bfloat")


def test_a_new_record_replaces_the_old_one(device: verdict.Device) -> None:
    with pytest.warns(SelfTestFailed):
        assert not trusted(device.row, "simd_functions")
    verdict.record(device, judge((GOOD, BY_NAME["simd shuffles"]), "simulate", SIMULATOR))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert trusted(device.row, "simd_functions")


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"results": [{"name": "x"}]}'])
def test_a_strange_record_is_made_anew(device: verdict.Device, data: bytes) -> None:
    verdict.cache.write(verdict.KIND, device.key, verdict.FILE, data)
    with pytest.warns(SelfTestFailed):
        assert not trusted(device.row, "simd_functions")


def test_other_rows_are_not_affected(device: verdict.Device) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for row in rows():
            if row is not device.row:
                assert trusted(row, "simd_functions")


@pytest.mark.skipif(mx.metal.is_available(), reason="there the row of this machine is guarded")
def test_without_metal_all_is_trusted_and_nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def never() -> tuple[SelfTest, ...]:
        raise AssertionError("a self-test ran")

    monkeypatch.setattr(verdict, "_tests", never)
    assert all(trusted(row, "simdgroup_matrix_half") for row in rows())
    with pytest.raises(UnknownCapability):
        trusted(SIMULATOR, "no_such_cell")


def test_a_wrong_nan_or_sign_of_zero_is_seen() -> None:
    def with_first(value: float) -> SelfTest:
        data = GOOD.expected[0].data.copy()
        data[12] = value
        return replace(GOOD, expected=(replace(GOOD.expected[0], data=data),))

    assert GOOD.expected[0].data[12] == 0 and not np.signbit(GOOD.expected[0].data[12])
    assert only(with_first(0.0)).status == "passed"
    assert only(with_first(-0.0)).status == only(with_first(np.nan)).status == "failed"
