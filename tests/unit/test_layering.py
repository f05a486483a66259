"""Rules of the house that no type checker sees: who imports whom, file sizes, names in documents."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Each may import itself and what is left of it.
LAYERS = ("hwinfo", "fusion", "lowering", "runtime")
MOST_LINES = 800
GRAPH_FILE = "fusion/graph.py"
ENVIRONMENT_FILES = {
    "runtime/settings.py": "reads the variables of this project",
    "runtime/native/__init__.py": "builds the environment of a child process that tries the module",
}
HARDWARE_MAY_IMPORT = {"tomli"}
REFUSALS = ROOT / "docs" / "refusals.md"


def files(root: Path, *suffixes: str) -> Iterator[Path]:
    """Files of the project below `root`; hidden folders and build folders are not the project's."""
    for path in sorted(root.iterdir()):
        if path.name.startswith(".") or path.name in ("build", "dist", "__pycache__"):
            continue
        if path.is_dir():
            if not (path / "pyvenv.cfg").exists():
                yield from files(path, *suffixes)
        elif path.suffix in suffixes:
            yield path


def package_files(root: Path) -> Iterator[Path]:
    for layer in LAYERS:
        if (root / layer).is_dir():
            yield from files(root / layer, ".py")


def imported(path: Path, root: Path) -> set[str]:
    """Full names of what a file of the package imports, relative imports resolved.

    `from a import b` counts as a.b. Imports in functions and under TYPE_CHECKING count too.
    """
    package = ("triton_mlx", *path.relative_to(root).parent.parts)
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            start = ".".join((*base, *([node.module] if node.module else [])))
            names |= {f"{start}.{alias.name}" for alias in node.names}
    return names


def wrong_imports(root: Path) -> list[str]:
    """Imports of a layer to the right of the importing file's, and of the package's own root."""
    found = []
    for path in package_files(root):
        layer = path.relative_to(root).parts[0]
        for name in sorted(imported(path, root)):
            parts = name.split(".")
            if parts[0] != "triton_mlx":
                continue
            other = parts[1] if len(parts) > 1 else ""
            allowed = LAYERS[: LAYERS.index(layer) + 1]
            # The command line and the demo are users of everything.
            if layer == "runtime" and other not in LAYERS:
                continue
            if other not in allowed:
                found.append(f"{path.relative_to(root)} imports {name}")
    return found


def long_files(root: Path) -> list[str]:
    counts = ((p, p.read_text(encoding="utf-8").count("\n")) for p in files(root, *SOURCES))
    return [f"{p.relative_to(root)}: {lines} lines" for p, lines in counts if lines > MOST_LINES]


SOURCES = (".py", ".h", ".cpp")


def networkx_users(root: Path) -> list[str]:
    users = [
        path.relative_to(root).as_posix()
        for path in package_files(root)
        if any(name.split(".")[0] == "networkx" for name in imported(path, root))
    ]
    return [user for user in users if user != GRAPH_FILE]


def environment_users(root: Path) -> set[str]:
    """Files that name os.environ, os.getenv or os.putenv, or import them from os."""
    words = {"environ", "environb", "getenv", "putenv"}
    found = set()
    for path in package_files(root):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "os"
        }
        if words & named or {f"os.{word}" for word in words} & imported(path, root):
            found.add(path.relative_to(root).as_posix())
    return found


def codes(root: Path) -> dict[str, str]:
    """code -> class, of every class of the packages that has a `code`."""
    found = {}
    for path in package_files(root):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found |= dict.fromkeys(_code(node), node.name)
    return found


def _code(node: ast.ClassDef) -> Iterator[str]:
    for line in node.body:
        targets = (
            line.targets
            if isinstance(line, ast.Assign)
            else [line.target]
            if isinstance(line, ast.AnnAssign)
            else []
        )
        named = any(isinstance(target, ast.Name) and target.id == "code" for target in targets)
        value = getattr(line, "value", None)
        if named and isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield value.value


def sections(text: str) -> dict[str, str]:
    """heading -> text below it, of a document's second-level headings."""
    parts = re.split(r"^## +(.+?) *$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def test_imports_go_one_way() -> None:
    assert wrong_imports(ROOT) == []


def test_hardware_table_needs_nothing_but_python() -> None:
    import sys

    outside = {
        name.split(".")[0]
        for path in files(ROOT / "hwinfo", ".py")
        for name in imported(path, ROOT)
        if not name.startswith("triton_mlx.hwinfo")
    }
    assert outside - set(sys.stdlib_module_names) - {"tomllib"} <= HARDWARE_MAY_IMPORT


def test_no_file_is_too_long() -> None:
    assert long_files(ROOT) == []


def test_networkx_stays_behind_its_wrapper() -> None:
    assert networkx_users(ROOT) == []


def test_the_environment_is_read_in_one_place() -> None:
    assert environment_users(ROOT) == set(ENVIRONMENT_FILES)


def test_every_error_code_has_an_entry_in_the_documents() -> None:
    documented = sections(REFUSALS.read_text(encoding="utf-8"))
    assert set(documented) == set(codes(ROOT))


@pytest.mark.parametrize("code", sorted(codes(ROOT)))
def test_an_entry_names_its_class_an_example_and_a_remedy(code: str) -> None:
    text = sections(REFUSALS.read_text(encoding="utf-8")).get(code, "")
    assert codes(ROOT)[code] in text
    assert f"[{code}]" in text
    assert "What to do" in text


# The checks themselves: each finds what it is for.


def plant(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("hwinfo/x.py", "from ..fusion import graph"),
        ("hwinfo/x.py", "from .. import fusion"),
        ("hwinfo/x.py", "import triton_mlx"),
        ("fusion/passes/x.py", "from ...lowering.emit import f"),
        ("fusion/x.py", "def f():\n    import triton_mlx.runtime.cache"),
        ("lowering/x.py", "if TYPE_CHECKING:\n    from ..runtime.target import Choice"),
    ],
)
def test_finds_an_import_the_wrong_way(name: str, text: str, tmp_path: Path) -> None:
    plant(tmp_path, name, text)
    assert len(wrong_imports(tmp_path)) == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("fusion/passes/x.py", "from ..graph import Graph\nfrom ... import hwinfo"),
        ("lowering/x.py", "from ..fusion import graph\nfrom . import dot\nimport math"),
        ("runtime/native/x.py", "from .. import cache\nfrom ...lowering import emit"),
    ],
)
def test_allows_an_import_the_right_way(name: str, text: str, tmp_path: Path) -> None:
    plant(tmp_path, name, text)
    assert wrong_imports(tmp_path) == []


def test_finds_a_long_file(tmp_path: Path) -> None:
    plant(tmp_path, "runtime/x.cpp", "\n" * (MOST_LINES + 1))
    plant(tmp_path, "runtime/y.h", "\n" * MOST_LINES)
    assert long_files(tmp_path) == [f"runtime/x.cpp: {MOST_LINES + 1} lines"]


@pytest.mark.parametrize("text", ["import networkx as nx", "from networkx.algorithms import dag"])
def test_finds_networkx(text: str, tmp_path: Path) -> None:
    plant(tmp_path, "fusion/x.py", text)
    assert networkx_users(tmp_path) == ["fusion/x.py"]


@pytest.mark.parametrize(
    "text", ["import os\nos.environ['X']", "import os\nos.getenv('X')", "from os import environ"]
)
def test_finds_the_environment(text: str, tmp_path: Path) -> None:
    plant(tmp_path, "lowering/x.py", text)
    assert environment_users(tmp_path) == {"lowering/x.py"}


def test_finds_codes(tmp_path: Path) -> None:
    plant(tmp_path, "fusion/x.py", 'class E(Exception):\n    code = "A"\n')
    plant(tmp_path, "runtime/x.py", 'class F(Exception):\n    code: str = "B"\n')
    assert codes(tmp_path) == {"A": "E", "B": "F"}
