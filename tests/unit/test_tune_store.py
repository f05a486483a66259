"""What tuning found, on disk: kept whole or not at all, and for its key alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from triton_mlx.lowering.record import BufferFacts
from triton_mlx.lowering.schedule import Schedule
from triton_mlx.runtime import cache, cli, settings
from triton_mlx.runtime.native import cxx
from triton_mlx.runtime.target import Choice
from triton_mlx.runtime.tune import store
from triton_mlx.runtime.tune.store import Entry, key_of, load, save, size_class

ENTRY = Entry(
    "0" * 32, "measured", "host", "a CPU", "kernel", "a.py:3", Schedule(vector_bits=128), 1e-3, 2e-3,
    25, "2026-01-01",
)  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRITON_MLX_CACHE_DIR", str(tmp_path))
    return tmp_path


def keep(values: dict[str, Any], key: str = ENTRY.key) -> None:
    """An entry with a right checksum, whatever is in it."""
    cache.write(store.folder("measured"), key, "schedule.json", json.dumps(values).encode())


def as_kept(**changes: Any) -> dict[str, Any]:
    return {"schema": store.SCHEMA, **asdict(ENTRY), **changes}


def test_an_entry_comes_back_as_it_was() -> None:
    save(ENTRY)
    assert load(ENTRY.key, "measured") == ENTRY
    assert load("1" * 32, "measured") is None
    assert ENTRY.gain == 2


def test_modelled_results_are_not_taken_for_measured_ones() -> None:
    save(replace(ENTRY, kind="modelled"))
    assert load(ENTRY.key, "measured") is None
    found = load(ENTRY.key, "modelled")
    assert found is not None and found.kind == "modelled"
    keep(as_kept(kind="modelled"))  # in the folder of the measured ones
    assert load(ENTRY.key, "measured") is None


def test_what_the_other_tests_spoil_is_sound() -> None:
    keep(as_kept())
    assert load(ENTRY.key, "measured") == ENTRY


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": store.SCHEMA + 1},
        {"key": "2" * 32},
        {"schedule": {"vector_bits": 77}},
        {"schedule": {"simdgroups": 3}},
        {"schedule": {"simdgroups": True}},
        {"schedule": {"axis": 3}},
        {"schedule": {"simdgroups": 4, "staging": "magic"}},
        {"schedule": {"simdgroups": 4, "split": 3}},
        {"schedule": {"simdgroups": 4, "unroll": True}},
        {"schedule": {"staging": "direct"}},
        {"schedule": {"colour": 1}},
        {"schedule": None},
        {"cost": 0},
        {"cost": "fast"},
        {"chip": None},
        {"more": 1},
    ],
    ids=str,
)
def test_a_foreign_entry_counts_as_absent(changes: dict[str, Any]) -> None:
    keep(as_kept(**changes))
    assert load(ENTRY.key, "measured") is None


@pytest.mark.parametrize(
    "spoil",
    [lambda data: data[:-3], lambda data: b"", lambda data: data.replace(b"128", b"256")],
    ids=["cut", "empty", "changed"],
)
def test_a_damaged_entry_counts_as_absent(folder: Path, spoil: Callable[[bytes], bytes]) -> None:
    save(ENTRY)
    (path,) = folder.glob("tuned-measured/*/*.json")
    path.write_bytes(spoil(path.read_bytes()))
    assert load(ENTRY.key, "measured") is None
    save(ENTRY)
    assert load(ENTRY.key, "measured") == ENTRY


def test_what_is_no_json_counts_as_absent() -> None:
    for data in (b"\xff", b"[]", b"3", b"{}"):
        cache.write(store.folder("measured"), ENTRY.key, "schedule.json", data)
        assert load(ENTRY.key, "measured") is None


WRITER = """
import dataclasses, sys
from triton_mlx.lowering.schedule import Schedule
from triton_mlx.runtime.tune.store import Entry, load, save
bits = int(sys.argv[1])
mine = Entry("0" * 32, "measured", "host", "a CPU", "kernel" * 1000, "a.py:3", Schedule(vector_bits=bits),
             1e-3, 2e-3, 25, "2026-01-01")
for _ in range(300):
    save(mine)
    found = load(mine.key, "measured")
    assert found is not None and dataclasses.replace(found, schedule=mine.schedule) == mine, found
"""


def test_two_processes_write_one_entry(folder: Path) -> None:
    environment = settings.without("NOTHING", cache_dir=str(folder))
    environment["PYTHONPATH"] = ":".join(filter(None, sys.path))
    commands = [[sys.executable, "-c", WRITER, bits] for bits in ("128", "256")]
    running = [subprocess.Popen(c, env=environment, stderr=subprocess.PIPE) for c in commands]
    for process in running:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors.decode()
    found = load(ENTRY.key, "measured")
    assert found is not None and found.schedule.vector_bits in (128, 256)
    assert len(list(folder.glob("tuned-measured/*/*"))) == 1  # nothing temporary is left


TEXT, FACTS = "the kernel's text", {0: BufferFacts("float", 0)}
SIZE = size_class(bytes(8), (4, 1, 1), (100,))


def test_a_key_is_of_kernel_device_types_and_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    def key(text: str = TEXT, choice: Choice = Choice("host"), warps: int = 4, **facts: Any) -> str:  # noqa: B008
        return key_of(text, choice, warps, {0: replace(FACTS[0], **facts)}, SIZE)

    keys = [
        key(),
        key(text="another"),
        key(choice=Choice("simulate", chip="M1")),
        key(choice=Choice("simulate", chip="M2")),
        key(warps=8),
        key(storage="half"),
        key_of(TEXT, Choice("host"), 4, FACTS, size_class(bytes(8), (9, 1, 1), (100,))),
    ]
    assert key() == keys[0]
    monkeypatch.setattr(cxx, "cpu_fingerprint", lambda: "another CPU")
    keys.append(key())
    monkeypatch.setattr(cache, "sources_digest", lambda: "another version")
    keys.append(key())
    assert len(set(keys)) == len(keys)


def test_sizes_within_a_factor_of_two_are_one_class() -> None:
    def of(n: int, grid: int = 5, size: int = 1000) -> store.Size:
        return size_class(n.to_bytes(8, "little"), (grid, 1, 1), (size,))

    assert of(100) == of(127) != of(128)
    assert of(100, grid=4) == of(100, grid=7) != of(100, grid=8)
    assert of(100, size=1023) == of(100) != of(100, size=1024)


def test_the_cache_commands_show_and_clear_it(capsys: pytest.CaptureFixture[str]) -> None:
    save(ENTRY)
    save(replace(ENTRY, kind="modelled"))
    for action in ("ls", "stats"):
        assert cli.main(["cache", action]) == 0
        shown = capsys.readouterr().out
        assert "tuned-measured" in shown and "tuned-modelled" in shown
    assert cli.main(["cache", "clear"]) == 0
    assert load(ENTRY.key, "measured") is None


def test_doctor_counts_what_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    for key in "56":
        save(replace(ENTRY, key=key * 32))
    save(replace(ENTRY, kind="modelled"))
    cli.main(["doctor"])
    assert "2 measured, 1 ranked by a model" in capsys.readouterr().out
