"""The rules of the source tree: imports go one way, files stay short, one place per concern.

Each rule is a function of source text, tried here on planted violations before it judges the tree.
"""

from __future__ import annotations

import ast
import configparser
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from triton_mlx.runtime.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("hwinfo", "fusion", "lowering", "runtime")
MAY_IMPORT = {
    "hwinfo": {"hwinfo"},
    "fusion": {"hwinfo", "fusion"},
    "lowering": {"hwinfo", "fusion", "lowering"},
    "runtime": {"hwinfo", "fusion", "lowering", "runtime", "examples", ""},
}
# Everything below runtime knows neither Triton objects nor arrays of MLX.
RUNTIME_ONLY = {"mlx", "triton", "torch"}
MOST_LINES = 800
MOST_VARIABLES = 8
ENVIRONMENT = Path("runtime/settings.py")
NETWORKX = Path("fusion/graph.py")
SKIPPED = {"build", "dist", "__pycache__", "venv", "node_modules"}


def tree_of(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), str(path))


def files(suffixes: set[str], folder: Path = ROOT) -> Iterator[Path]:
    """Files of the project, relative to its root; hidden folders and what is built are left out."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in SKIPPED or path.name.endswith(".egg-info"):
            continue
        if path.is_dir() and not path.is_symlink():
            if not (path / "pyvenv.cfg").exists():
                yield from files(suffixes, path)
        elif path.suffix in suffixes:
            yield path.relative_to(ROOT)


SOURCES = [path for package in PACKAGES for path in files({".py"}, ROOT / package)]


def imported(tree: ast.AST, path: Path) -> set[str]:
    """Full names of all that a file imports, at any depth, for types only or not."""
    package = ("triton_mlx", *path.parent.parts)
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            stem = ".".join((*base, *filter(None, [node.module])))
            found |= {f"{stem}.{alias.name}" for alias in node.names}
    return found


def own_packages(names: set[str]) -> set[str]:
    """Which of our packages these names are in; empty text for triton_mlx itself."""
    known = {*PACKAGES, "examples"}
    parts = [name.split(".") for name in names]
    seconds = {(p + [""])[1] for p in parts if p[0] == "triton_mlx"}
    return {second if second in known else "" for second in seconds}


def wrong_imports(tree: ast.AST, path: Path) -> set[str]:
    package = path.parts[0]
    names = imported(tree, path)
    wrong = own_packages(names) - MAY_IMPORT[package]
    if package != "runtime":
        wrong |= {name.partition(".")[0] for name in names} & RUNTIME_ONLY
    return wrong


def environment_uses(tree: ast.AST) -> list[int]:
    """Lines that use the environment, other than to hand all of it on to a child process."""
    handed_on = {
        id(value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if key is None
    }
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
        and node.attr in ("environ", "environb", "getenv", "putenv", "unsetenv")
        and id(node) not in handed_on
    ] + [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and node.module == "os"
        and {alias.name for alias in node.names} & {"environ", "getenv"}
    ]


@pytest.mark.parametrize(
    ("file", "text", "wrong"),
    [
        ("hwinfo/a.py", "from ..fusion import graph", {"fusion"}),
        ("hwinfo/a.py", "from .. import fusion", {"fusion"}),
        ("hwinfo/a.py", "import triton_mlx.fusion.graph", {"fusion"}),
        ("hwinfo/a.py", "from .. import __version__", {""}),
        ("hwinfo/a.py", "from .table import rows\nimport tomllib", set()),
        ("fusion/a.py", "from ..hwinfo import find\nfrom . import graph", set()),
        ("fusion/passes/a.py", "from ..graph import Graph\nfrom . import b", set()),
        ("fusion/passes/a.py", "from ...lowering import emit", {"lowering"}),
        ("fusion/a.py", "def f():\n    import mlx.core as mx", {"mlx"}),
        ("fusion/a.py", "if TYPE_CHECKING:\n    from ..lowering.emit import E", {"lowering"}),
        ("lowering/a.py", "from ..runtime.settings import Settings", {"runtime"}),
        ("lowering/a.py", "from triton_mlx.examples import matmul", {"examples"}),
        ("lowering/a.py", "from triton.language import core", {"triton"}),
        ("runtime/native/a.py", "from ...lowering import emit\nimport mlx", set()),
    ],
)
def test_the_rule_of_imports_sees(file: str, text: str, wrong: set[str]) -> None:
    assert wrong_imports(ast.parse(text), Path(file)) == wrong


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("import os\nx = os.environ['A']", [2]),
        ("import os\nx = os.getenv('A')", [2]),
        ("from os import environ", [1]),
        ("import os\nos.environ['A'] = '1'", [2]),
        ("import os\nchild = {**os.environ, 'A': '1'}", []),
        ("import os\nx = {'A': os.environ}", [2]),
    ],
)
def test_the_rule_of_the_environment_sees(text: str, lines: list[int]) -> None:
    assert environment_uses(ast.parse(text)) == lines


def test_the_tree_was_found() -> None:
    """A rule that looks at no file would always hold."""
    assert {path.parts[0] for path in SOURCES} == set(PACKAGES)
    assert {NETWORKX, ENVIRONMENT} <= set(SOURCES)
    assert "networkx" in imported(tree_of(NETWORKX), NETWORKX)
    assert environment_uses(tree_of(ENVIRONMENT))


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_imports_go_one_way(path: Path) -> None:
    assert wrong_imports(tree_of(path), path) == set()


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_each_concern_has_one_place(path: Path) -> None:
    tree = tree_of(path)
    if path != ENVIRONMENT:
        assert environment_uses(tree) == [], "read settings through runtime/settings.py"
    if path != NETWORKX:
        tops = {name.partition(".")[0] for name in imported(tree, path)}
        assert "networkx" not in tops, "use the wrapper, fusion.graph.Graph"


def test_every_package_is_installed() -> None:
    """setup.cfg lists the packages one by one."""
    read = configparser.ConfigParser()
    read.read(ROOT / "setup.cfg", encoding="utf-8")
    listed = read["options"]["packages"].split()
    folders = {path.parent for path in SOURCES if path.name == "__init__.py"}
    own = {".".join(("triton_mlx", *folder.parts)) for folder in folders}
    assert own | {"triton_mlx", "triton_mlx.examples"} == set(listed)


def test_files_are_short() -> None:
    lengths = {
        str(path): len((ROOT / path).read_text(encoding="utf-8").splitlines())
        for path in files({".py", ".h", ".cpp"})
    }
    assert len(lengths) > 50
    assert {path: n for path, n in lengths.items() if n > MOST_LINES} == {}


def test_settings_are_few() -> None:
    assert len(dataclasses.fields(Settings)) <= MOST_VARIABLES
