"""docs/refusals.md has one section for every error code, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("hwinfo", "fusion", "lowering", "runtime")


def codes(root: Path) -> dict[str, str]:
    """code → class, of every class of the packages with `code = "..."` in its body."""
    found: dict[str, str] = {}
    for path in sorted(p for package in PACKAGES for p in (root / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found |= dict.fromkeys(_code(node), node.name)
    return found


def _code(node: ast.ClassDef) -> Iterator[str]:
    for line in node.body:
        if isinstance(line, ast.Assign):
            targets = line.targets
        elif isinstance(line, ast.AnnAssign):
            targets = [line.target]
        else:
            continue
        named = any(isinstance(target, ast.Name) and target.id == "code" for target in targets)
        if named and isinstance(line.value, ast.Constant) and isinstance(line.value.value, str):
            yield line.value.value


def sections() -> dict[str, str]:
    """heading → the text below it."""
    text = (ROOT / "docs" / "refusals.md").read_text(encoding="utf-8")
    parts = re.split(r"^## +(.+?) *$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


CODES = codes(ROOT)


def test_sections_and_codes_are_the_same() -> None:
    assert set(sections()) == set(CODES)


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_section_has_the_class_an_example_and_a_remedy(code: str) -> None:
    text = sections().get(code, "")
    assert f"`{CODES[code]}`" in text
    assert f"[{code}]" in text
    assert "What to do: " in text


def test_codes_are_found(tmp_path: Path) -> None:
    (tmp_path / "fusion" / "passes").mkdir(parents=True)
    (tmp_path / "runtime").mkdir()
    (tmp_path / "fusion" / "passes" / "x.py").write_text('class E(Exception):\n    code = "A"\n')
    (tmp_path / "runtime" / "x.py").write_text('class F(Exception):\n    code: str = "B"\n')
    assert codes(tmp_path) == {"A": "E", "B": "F"}
