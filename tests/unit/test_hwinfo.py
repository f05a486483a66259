"""The hardware table: its rules, its lookups, and that unknown stays unknown."""

from __future__ import annotations

from typing import Any

import pytest

import triton_mlx
from triton_mlx import hwinfo
from triton_mlx.hwinfo import table

ROWS = hwinfo.rows()
APPLE = [row for row in ROWS if row.name.startswith("M")]
by_name = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


def test_every_chip_that_exists_has_one_row() -> None:
    kinds = {1: ("", "Pro", "Max", "Ultra"), 4: ("", "Pro", "Max"), 5: ("", "Pro", "Max")}
    chips = [f"M{g} {k}".strip() for g in range(1, 6) for k in kinds.get(g, kinds[1])]
    capabilities = [f"cuda {cc}" for cc in ("8.0", "8.6", "8.9", "9.0", "10.0")]
    assert [row.name for row in ROWS] == [*chips, *capabilities, "host", "simulator"]
    assert hwinfo.rows() is ROWS
    assert triton_mlx.targets() == ROWS


@by_name
def test_cells_have_the_type_of_their_fact_and_a_source(row: hwinfo.Capability) -> None:
    assert set(row.cells) <= set(hwinfo.FACTS)
    for name, cell in row.cells.items():
        assert cell.value is None or type(cell.value) is hwinfo.FACTS[name].kind
        assert hwinfo.sources()[cell.source]


@by_name
def test_every_row_knows_what_lowering_asks_for(row: hwinfo.Capability) -> None:
    for name in (
        "simd_width",
        "threadgroup_memory_bytes",
        "max_threads_per_threadgroup",
        "bfloat",
        "fp64",
        "simdgroup_matrix_half",
    ):
        assert row.value(name) is not None


def test_nothing_of_apple_hardware_counts_as_verified() -> None:
    assert not [(r.name, n) for r in APPLE for n, c in r.cells.items() if c.verified]
    assert hwinfo.find("host").verified
    assert hwinfo.find("simulator").verified


def test_what_all_apple_gpus_share() -> None:
    shared = {
        "threadgroup_memory_bytes": 32768,
        "max_threads_per_threadgroup": 1024,
        "simd_width": 32,
        "max_buffers": 31,
        "fp64": False,
    }
    for row in [*APPLE, hwinfo.find("simulator")]:
        assert {name: row.value(name) for name in shared} == shared


def test_families_and_what_came_with_them() -> None:
    families = {"M1": "apple7", "M2": "apple8", "M3": "apple9", "M4": "apple9", "M5": "apple10"}
    for row in APPLE:
        assert row.value("gpu_family") == families[row.name[:2]]
        assert row.value("neural_accelerators") == (row.name[:2] == "M5")
        assert row.value("atomic_min_max_64") == (row.name[:2] != "M1")
        assert row.value("atomic_64") == (row.name[:2] not in ("M1", "M2"))


@pytest.mark.parametrize("row", APPLE, ids=lambda row: row.name)
def test_peak_is_cores_times_clock(row: hwinfo.Capability) -> None:
    clock = row.get("clock_ghz")
    if clock is None:
        assert row.cell("fp32_tflops").source == "estimate"
        return
    peak = row.value("cores") * clock * 2 * row.value("fma_fp32_per_clock") / 1e3
    assert row.value("fp32_tflops") == pytest.approx(peak, rel=0.03)


def test_unknown_is_an_error_that_says_what_to_do() -> None:
    row = hwinfo.find("M3 Pro")
    with pytest.raises(hwinfo.UnknownCapability) as caught:
        row.value("slc_mb")
    for part in ("slc_mb", "M3 Pro", "hwinfo/data", "get('slc_mb'"):
        assert part in str(caught.value)
    assert row.get("slc_mb") is None
    assert row.get("slc_mb", 8) == 8
    assert row.get("simd_width", 8) == 32


def test_a_false_cell_is_known() -> None:
    assert hwinfo.find("M1").get("fp64", True) is False


@pytest.mark.parametrize("method", ["cell", "value", "get"])
def test_a_wrong_cell_name_is_an_error_everywhere(method: str) -> None:
    with pytest.raises(hwinfo.UnknownCapability, match="simd_width"):
        getattr(hwinfo.find("M1"), method)("simd_widht")


@pytest.mark.parametrize("name", ["M3 Max", "m3max", " M3  MAX", "Apple M3 Max"])
def test_find_ignores_case_and_spaces(name: str) -> None:
    assert hwinfo.find(name).name == "M3 Max"


def test_find_lists_close_names() -> None:
    with pytest.raises(hwinfo.UnknownChip, match="M4 Max"):
        hwinfo.find("M4 Ultra Max")
    with pytest.raises(hwinfo.UnknownChip, match="simulator"):
        hwinfo.find("")


DEVICES: list[tuple[dict[str, Any] | None, str]] = [
    ({"device_name": "Apple M4 Pro", "architecture": "applegpu_g16s"}, "M4 Pro"),
    ({"device_name": "Apple M1", "architecture": "applegpu_g13g"}, "M1"),
    ({"device_name": "Apple M2 Ultra"}, "M2 Ultra"),
    ({"device_name": "", "architecture": "applegpu_g15d"}, "M3 Ultra"),
    ({"device_name": "Apple M4 Pro", "architecture": "arm64"}, "host"),
    ({"device_name": "AMD EPYC", "architecture": "x86_64"}, "host"),
    ({}, "host"),
    (None, "host"),
    ({"compute_capability_major": 9, "compute_capability_minor": 0}, "cuda 9.0"),
    ({"device_name": "NVIDIA H100", "architecture": "sm_90a"}, "cuda 9.0"),
    ({"device_name": "NVIDIA B200", "architecture": "sm_100"}, "cuda 10.0"),
]


@pytest.mark.parametrize(("info", "name"), DEVICES)
def test_detect(info: dict[str, Any] | None, name: str) -> None:
    assert hwinfo.detect(info) is hwinfo.find(name)


def test_a_newer_apple_chip_has_only_what_all_share() -> None:
    row = hwinfo.detect({"device_name": "Apple M9 Max", "architecture": "applegpu_g25s"})
    assert (row.name, row.value("simd_width"), row.get("cores")) == ("M9 Max", 32, None)
    assert row.get("neural_accelerators") is None
    assert not row.verified


@pytest.mark.parametrize(
    "info",
    [
        {"device_name": "Apple A18 Pro", "architecture": "applegpu_g17p"},
        {"device_name": "Apple Paravirtual device", "architecture": "applegpu_g13s"},
        {"compute_capability_major": 7, "compute_capability_minor": 5},
    ],
)
def test_detect_refuses_rather_than_guesses(info: dict[str, Any]) -> None:
    with pytest.raises(hwinfo.UnknownChip, match="try:"):
        hwinfo.detect(info)


ROW = 'backend = "metal"\n[sources]\ns = "here"\n[[rows]]\nname = "X"\n'


def test_parse_inherits_and_overrides() -> None:
    groups = (
        'backend = "cuda"\n[sources]\ns = "here"\n'
        "[groups.a]\nsimd_width = { value = 32, source = 's' }\nfp64 = { value = true, source = 's' }\n"
        "[groups.b]\ninherits = 'a'\nfp64 = { value = false, source = 's' }\n"
    )
    text = groups + "[[rows]]\nname = 'X'\ninherits = 'b'\nsimd_width = { source = 's' }\n"
    (row,) = table.parse(text, "x.toml")
    assert (row.backend, row.value("fp64"), row.get("simd_width")) == ("cuda", False, None)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('simd_widht = { value = 32, source = "s" }', "simd_widht is not a cell"),
        ('simd_width = { value = "32", source = "s" }', "'32' is no int"),
        ('simd_width = { value = true, source = "s" }', "True is no int"),
        ('simd_width = { value = 32, source = "t" }', r"'t' is not in \[sources\]"),
        ("simd_width = { value = 32 }", r"'' is not in \[sources\]"),
        ('simd_width = { value = 32, from = "s" }', "only value, source and verified"),
        ('inherits = "y"', "no group 'y'"),
        ('backend = "vulkan"', "no backend 'vulkan'"),
    ],
)
def test_parse_refuses_a_wrong_table(line: str, message: str) -> None:
    with pytest.raises(hwinfo.BadTable, match=message):
        table.parse(ROW + line, "x.toml")
