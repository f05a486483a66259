"""The rows of the table, read from data/*.toml.

A file has `[sources]` (short name -> where it can be looked up), `[groups.NAME]` and `[[rows]]`. A
row or group takes the cells of the group that it `inherits` and adds or replaces its own. A cell is
`{ value = ..., source = "..." }`; one that this project has checked also has `verified = true`.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType
from typing import Any

from .capability import Capability, Cell
from .facts import FACTS

_FILES = ("apple.toml", "cuda.toml", "host.toml")
_NOT_CELLS = frozenset({"name", "inherits", "backend"})


class BadTable(ValueError):
    """A data file breaks the rules of the table: a defect of the file."""


@functools.cache
def rows() -> tuple[Capability, ...]:
    """All rows, in the order of the files: Apple, CUDA, host and simulator. Raises BadTable."""
    return tuple(row for name in _FILES for row in parse(_text(name), name))


@functools.cache
def sources() -> Mapping[str, str]:
    """What the short names in Cell.source stand for."""
    found: dict[str, str] = {}
    for name in _FILES:
        found |= _loads(_text(name)).get("sources", {})
    return MappingProxyType(found)


@functools.cache
def group(name: str) -> Mapping[str, Cell]:
    """The cells of one group of apple.toml, such as "apple": what all known Apple GPUs share."""
    data = _loads(_text("apple.toml"))
    return MappingProxyType(_inherited(data, name, "apple.toml"))


def parse(text: str, file: str) -> tuple[Capability, ...]:
    """The rows of one data file's text. Raises BadTable, with `file` in its message."""
    data = _loads(text)
    found: list[Capability] = []
    for row in data["rows"]:
        cells = _inherited(data, row.get("inherits", ""), file)
        cells |= _own(data, row, f"{file}, row {row['name']}")
        backend = row.get("backend", data.get("backend"))
        if backend not in ("metal", "host", "cuda"):
            raise BadTable(f"{file}, row {row['name']}: no backend {backend!r}")
        known = {name: cells[name] for name in FACTS if name in cells}
        found.append(Capability(row["name"], backend, MappingProxyType(known)))
    return tuple(found)


def _inherited(data: Mapping[str, Any], name: str, file: str) -> dict[str, Cell]:
    if not name:
        return {}
    if name not in data.get("groups", {}):
        raise BadTable(f"{file}: no group {name!r}")
    entry = data["groups"][name]
    cells = _inherited(data, entry.get("inherits", ""), file)
    return cells | _own(data, entry, f"{file}, group {name}")


def _own(data: Mapping[str, Any], entry: Mapping[str, Any], where: str) -> dict[str, Cell]:
    names = [name for name in entry if name not in _NOT_CELLS]
    return {name: _cell(data, name, entry[name], f"{where}: {name}") for name in names}


def _cell(data: Mapping[str, Any], name: str, entry: Mapping[str, Any], where: str) -> Cell:
    if name not in FACTS:
        raise BadTable(f"{where} is not a cell of hwinfo/facts.py")
    if not set(entry) <= {"value", "source", "verified"}:
        raise BadTable(f"{where}: only value, source and verified are allowed")
    cell = Cell(**entry)
    if cell.value is not None and type(cell.value) is not FACTS[name].kind:
        raise BadTable(f"{where}: {cell.value!r} is no {FACTS[name].kind.__name__}")
    if cell.source not in data.get("sources", {}):
        raise BadTable(f"{where}: {cell.source!r} is not in [sources]")
    return cell


def _loads(text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    data: dict[str, Any] = tomllib.loads(text)
    return data


def _text(name: str) -> str:
    file = resources.files(__package__) / "data" / name
    return file.read_text(encoding="utf-8")
