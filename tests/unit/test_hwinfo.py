"""The hardware table: its rows, its cells, and which row a device is."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from triton_mlx import hwinfo
from triton_mlx.hwinfo import (
    FACTS,
    BadTable,
    Capability,
    Cell,
    UnknownCapability,
    UnknownChip,
    detect,
    find,
    rows,
    sources,
)
from triton_mlx.hwinfo.table import parse

APPLE = [row for row in rows() if re.match(r"M\d", row.name)]
SIZES = {
    1: ("", " Pro", " Max", " Ultra"),
    2: ("", " Pro", " Max", " Ultra"),
    3: ("", " Pro", " Max", " Ultra"),
    4: ("", " Pro", " Max"),
    5: ("", " Pro", " Max"),
}


def test_the_rows_are_the_chips_that_exist() -> None:
    apple = [f"M{generation}{size}" for generation, sizes in SIZES.items() for size in sizes]
    cuda = [f"cuda {version}" for version in ("8.0", "8.6", "8.9", "9.0", "10.0")]
    assert [row.name for row in rows()] == [*apple, *cuda, "host", "simulator"]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)
def test_every_known_cell_has_the_type_of_its_fact_and_a_source(row: Capability) -> None:
    assert set(row.cells) <= set(FACTS)
    for name, cell in row.cells.items():
        assert cell.source in sources()
        if cell.value is not None:
            assert type(cell.value) is FACTS[name].kind
            assert isinstance(cell.value, str) or cell.value >= 0


@pytest.mark.parametrize("row", APPLE, ids=lambda row: row.name)
def test_limits_that_all_apple_gpus_share_and_none_is_verified(row: Capability) -> None:
    assert row.backend == "metal"
    assert row.value("threadgroup_memory_bytes") == 32768
    assert row.value("max_threads_per_threadgroup") == 1024
    assert (row.value("simd_width"), row.value("max_buffers")) == (32, 31)
    assert row.value("fp64") is False
    assert not any(cell.verified for cell in row.cells.values())
    assert not row.verified


@pytest.mark.parametrize("row", APPLE, ids=lambda row: row.name)
def test_the_peak_fits_cores_and_clock(row: Capability) -> None:
    clock = row.get("clock_ghz")
    if clock is None:
        assert row.value("gpu_family") == "apple9"
        return
    computed = row.value("cores") * 2 * row.value("fma_fp32_per_clock") * clock / 1e3
    assert row.value("fp32_tflops") == pytest.approx(computed, rel=0.03)


def test_what_differs_between_generations() -> None:
    def yes(cell: str) -> list[int]:
        return [g for g in SIZES if find(f"M{g}").get(cell) is True]

    assert yes("neural_accelerators") == [5]
    assert yes("atomic_min_max_64") == [2, 3, 4, 5]
    assert yes("atomic_64") == [3, 4, 5]
    assert find("M5").value("neural_accelerators_macos") == "26.2"
    assert find("M1 Max").value("bandwidth_gbs") > 2 * find("M1").value("bandwidth_gbs")


def test_bigger_chips_of_a_generation_are_bigger() -> None:
    for generation, sizes in SIZES.items():
        chips = [find(f"M{generation}{size}") for size in sizes]
        for cell in ("cores", "fp32_tflops", "bandwidth_gbs"):
            values = [chip.value(cell) for chip in chips]
            assert values == sorted(set(values)), (generation, cell)


def test_unknown_is_not_guessed() -> None:
    chip = find("M3 Pro")
    assert chip.cell("slc_mb") == Cell()
    assert chip.get("slc_mb") is None
    assert chip.get("slc_mb", 12) == 12
    with pytest.raises(UnknownCapability) as caught:
        chip.value("slc_mb")
    for part in ("slc_mb", "M3 Pro", "get('slc_mb', default)"):
        assert part in str(caught.value)


def test_false_and_zero_are_known() -> None:
    assert find("M1").get("fp64", True) is False
    assert find("host").get("threadgroup_memory_bytes", 7) == 0


@pytest.mark.parametrize("ask", ["cell", "get", "value"])
def test_a_misspelt_cell_is_an_error_however_it_is_asked_for(ask: str) -> None:
    with pytest.raises(UnknownCapability, match="simd_width"):
        getattr(find("M1"), ask)("simd_widht")


def test_rows_cannot_be_changed() -> None:
    row: Any = find("M1")
    with pytest.raises(dataclasses.FrozenInstanceError):
        row.name = "M9"
    with pytest.raises(TypeError):
        row.cells["cores"] = Cell(9)
    assert not hasattr(row, "__dict__")


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)
def test_find_ignores_case_and_spaces(row: Capability) -> None:
    for name in (row.name, row.name.upper(), row.name.replace(" ", ""), f"  {row.name.lower()} "):
        assert find(name) is row


def test_find_lists_close_names() -> None:
    with pytest.raises(UnknownChip, match="M3 Max"):
        find("M3 Maxx")
    with pytest.raises(UnknownChip, match="simulator"):
        find("?")


@pytest.mark.parametrize("row", APPLE, ids=lambda row: row.name)
def test_detect_knows_each_chip_by_its_name(row: Capability) -> None:
    architecture = row.get("architecture", "g15s")
    info = {"device_name": f"Apple {row.name}", "architecture": f"applegpu_{architecture}"}
    assert detect(info) is row
    assert detect({"device_name": f"Apple {row.name}"}) is row


def test_detect_by_architecture_only_where_one_row_has_it() -> None:
    shared = Counter(row.get("architecture") for row in APPLE)
    assert shared["g15d"] == 1 and shared["g13s"] == 2
    assert detect({"device_name": "?", "architecture": "applegpu_g15d"}).name == "M3 Ultra"
    with pytest.raises(UnknownChip, match="M1 Pro, M1 Max"):
        detect({"device_name": "?", "architecture": "applegpu_g13s"})
    # The A18 Pro: a phone's GPU, and not a slower M5.
    with pytest.raises(UnknownChip, match="TRITON_MLX_CHIP"):
        detect({"device_name": "Apple A18 Pro GPU", "architecture": "applegpu_g17p"})


def test_a_newer_chip_has_only_what_all_share() -> None:
    chip = detect({"device_name": "Apple M9 Max", "architecture": "applegpu_g21s"})
    assert (chip.name, chip.backend) == ("M9 Max", "metal")
    assert chip.value("threadgroup_memory_bytes") == 32768
    for cell in ("cores", "fp32_tflops", "bandwidth_gbs", "neural_accelerators", "gpu_family"):
        assert chip.get(cell) is None
    assert all(find("M1").cell(n).value == cell.value for n, cell in chip.cells.items())


@pytest.mark.parametrize(
    "info",
    [None, {}, {"device_name": "AMD EPYC", "architecture": "x86_64"}, {"architecture": "arm64"}],
)
def test_no_gpu_is_the_host(info: dict[str, Any] | None) -> None:
    assert detect(info).name == "host"


def test_detect_cuda() -> None:
    by_number = {"compute_capability_major": 8, "compute_capability_minor": 9}
    assert detect(by_number).name == "cuda 8.9"
    assert detect({"architecture": "sm_90a"}).name == "cuda 9.0"
    assert detect({"architecture": "sm_100"}).name == "cuda 10.0"
    with pytest.raises(UnknownChip, match=r"cuda 7\.5"):
        detect({"compute_capability_major": 7, "compute_capability_minor": 5})


HEAD = 'backend = "metal"\n[sources]\nS = "somewhere"\n'


def test_rows_inherit_cells_and_replace_them() -> None:
    text = (
        HEAD
        + '[groups.a]\ncores = { value = 1, source = "S" }\nslc_mb = { value = 2, source = "S" }\n'
        + '[groups.b]\ninherits = "a"\nslc_mb = { value = 3, source = "S" }\n'
        + '[[rows]]\nname = "X"\ninherits = "b"\n'
        + '[[rows]]\nname = "Y"\ninherits = "b"\ncores = { source = "S" }\n'
    )
    x, y = parse(text, "t.toml")
    assert (x.value("cores"), x.value("slc_mb")) == (1, 3)
    assert (y.get("cores"), y.value("slc_mb")) == (None, 3)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('cores = { value = 1, source = "T" }', "not in .sources."),
        ("cores = { value = 1 }", "not in .sources."),
        ('cores = { value = true, source = "S" }', "True is no int"),
        ('fp32_tflops = { value = 3, source = "S" }', "3 is no float"),
        ('coers = { value = 1, source = "S" }', "not a cell"),
        ('cores = { value = 1, source = "S", sure = true }', "only value, source and verified"),
        ('inherits = "nobody"', "no group 'nobody'"),
        ('backend = "vulkan"', "no backend 'vulkan'"),
    ],
)
def test_a_bad_data_file_is_refused_with_the_place(row: str, message: str) -> None:
    with pytest.raises(BadTable, match=message) as caught:
        parse(f'{HEAD}[[rows]]\nname = "X"\n{row}\n', "t.toml")
    assert "t.toml" in str(caught.value)


def test_hwinfo_loads_neither_mlx_nor_triton() -> None:
    code = (
        "import sys, types, importlib.util as u\n"
        "spec = u.find_spec('triton_mlx')\n"
        "package = types.ModuleType('triton_mlx')\n"
        "package.__path__ = list(spec.submodule_search_locations)\n"
        "sys.modules['triton_mlx'] = package\n"
        "import triton_mlx.hwinfo as h; h.find('M3 Max')\n"
        "print(sorted({m.partition('.')[0] for m in sys.modules} & {'mlx', 'triton', 'numpy'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_exports_exist() -> None:
    for name in hwinfo.__all__:
        assert hasattr(hwinfo, name)


# Start of a line of the table in docs/targets.md → the cell it is about.
DOCUMENTED = {
    "Metal GPU family": "gpu_family",
    "threads of a simdgroup": "simd_width",
    "threads of a threadgroup": "max_threads_per_threadgroup",
    "threadgroup memory": "threadgroup_memory_bytes",
    "buffers of a kernel": "max_buffers",
    "`bfloat`": "bfloat",
    "native `bfloat`": "bfloat_native",
    "8x8": "simdgroup_matrix_half",
    "Metal 4 tensor": "tensor_ops",
    "neural accelerators": "neural_accelerators",
    "shuffles and reductions": "simd_functions",
    "atomics of 32-bit": "atomic_32",
    "atomic add": "atomic_float_add",
    "64-bit atomic min": "atomic_min_max_64",
    "all 64-bit": "atomic_64",
    "double": "fp64",
}
# The page's words for values; other values are written as they are.
WORDS = {"": None, "yes": True, "on ALUs": True, "fast": True, "no": False, "none": 0}


def test_the_documented_table_is_the_table() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "targets.md"
    lines = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in page.read_text(encoding="utf-8").splitlines()
        if line.startswith("|")
    ]
    (head,) = [line for line in lines if line[0] == "fact"]
    seen = set()
    for line in lines[lines.index(head) + 2 :]:
        (cell,) = [name for start, name in DOCUMENTED.items() if line[0].startswith(start)]
        seen.add(cell)
        for title, text in zip(head[1:], line[1:], strict=True):
            for chip in title.split(", "):
                value = find(chip).get(cell)
                assert repr(value) == repr(WORDS[text]) if text in WORDS else str(value) == text
    assert seen == set(DOCUMENTED.values())
