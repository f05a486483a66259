"""install-triton, with a small wheel in the place of Triton's: what is kept, checked, listed and left alone."""

from __future__ import annotations

import base64
import hashlib
import io
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from triton_mlx.runtime.frontend import install, wheel
from triton_mlx.runtime.frontend.install import NotInstalled
from triton_mlx.runtime.frontend.wheel import WrongWheel

INFO = "triton-3.9.0.dist-info"
FILES = {
    "triton/__init__.py": b"__version__ = '3.9.0'\n",
    "triton/language/core.py": b"tensor = 1\n",
    "triton/_C/libtriton.so": b"\x7fELF",
    "triton/_C/libtriton/linear_layout.pyi": b"",
    "triton/backends/__init__.py": b"",
    "triton/backends/nvidia/compiler.py": b"import ptxas\n",
    "triton/include/triton/x.h": b"",
    f"{INFO}/METADATA": b"Metadata-Version: 2.4\nName: triton\nVersion: 3.9.0\n",
    f"{INFO}/WHEEL": b"Tag: cp312-abi3-manylinux_2_28_x86_64\n",
    f"{INFO}/entry_points.txt": b"[triton.backends]\nnvidia = triton.backends.nvidia\n",
    f"{INFO}/licenses/LICENSE": b"MIT\n",
}


def digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def write_wheel(path: Path, files: dict[str, bytes], lie: str = "") -> Path:
    """A wheel with a RECORD that is right, but for the file `lie`."""
    rows = [f"{n},sha256={digest(d + b'!' * (n == lie))},{len(d)}" for n, d in files.items()]
    with zipfile.ZipFile(path, "w") as out:
        for name, data in files.items():
            out.writestr(name, data)
        out.writestr(f"{INFO}/RECORD", "\n".join([*rows, f"{INFO}/RECORD,,", ""]))
    return path


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel that the table of releases knows by its hash."""
    path = write_wheel(tmp_path / "triton-3.9.0-cp312-abi3-linux.whl", FILES)
    known = replace(wheel.RELEASES["3.9.0"], sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setitem(wheel.RELEASES, "3.9.0", known)
    return path


def names(path: Path) -> set[str]:
    return set(zipfile.ZipFile(path).namelist())


def test_python_files_metadata_and_the_stand_in_are_kept(published: Path, tmp_path: Path) -> None:
    made = wheel.repack(published, wheel.RELEASES["3.9.0"], tmp_path)
    info = "triton-3.9.0+mlx.dist-info"
    assert made.name == "triton-3.9.0+mlx-py3-none-any.whl"
    assert names(made) == {
        "triton/__init__.py",
        "triton/language/core.py",
        "triton/backends/__init__.py",
        "triton/_C/libtriton/__init__.py",
        "triton/_C/libtriton.so",
        "triton/_C/libtriton.pyd",
        "triton/_C/libproton.py",
        *(f"{info}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "licenses/LICENSE")),
    }
    with zipfile.ZipFile(made) as inside:
        assert b"Version: 3.9.0+mlx\n" in inside.read(f"{info}/METADATA")
        assert b"take_place()" in inside.read("triton/_C/libtriton/__init__.py")
        for row in inside.read(f"{info}/RECORD").decode().splitlines()[:-1]:
            name, found, size = row.split(",")
            data = inside.read(name)
            assert (found, int(size)) == (f"sha256={digest(data)}", len(data))


def test_a_file_that_is_not_what_record_says_is_refused(tmp_path: Path) -> None:
    path = write_wheel(tmp_path / "t.whl", FILES, lie="triton/language/core.py")
    with pytest.raises(WrongWheel, match="core.py in t.whl is not what its RECORD says"):
        wheel.repack(path, wheel.RELEASES["3.9.0"], tmp_path)


def test_another_file_than_the_published_one_is_refused(published: Path, tmp_path: Path) -> None:
    wheel.check_hash(published, wheel.RELEASES["3.9.0"])
    other = write_wheel(tmp_path / "other.whl", {**FILES, "triton/more.py": b""})
    with pytest.raises(WrongWheel, match="is not the published wheel"):
        wheel.check_hash(other, wheel.RELEASES["3.9.0"])


@pytest.mark.parametrize("content", [b"", b"no zip", None])
def test_what_is_no_wheel_is_refused(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "triton.whl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WrongWheel):
        wheel.check_hash(path, wheel.RELEASES["3.9.0"])
    with pytest.raises(WrongWheel, match="is no wheel of Triton"):
        wheel.repack(path, wheel.RELEASES["3.9.0"], tmp_path)


def test_names_that_lead_out_of_the_folder_are_left_out(tmp_path: Path) -> None:
    path = write_wheel(
        tmp_path / "t.whl", {**FILES, "triton/../../evil.py": b"", "/triton/x.py": b""}
    )
    made = wheel.repack(path, wheel.RELEASES["3.9.0"], tmp_path)
    assert not [name for name in names(made) if ".." in name or name.startswith("/")]


def test_a_version_that_is_not_known_is_refused() -> None:
    with pytest.raises(
        WrongWheel,
        match=r"Triton 2.0.0 cannot be installed(.|\n)*3.6.0, 3.7.0, 3.7.1, 3.8.0, 3.9.0",
    ):
        install.install("2.0.0", None, io.StringIO())


def test_a_triton_from_elsewhere_is_left_alone(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "installed", lambda: "3.8.0")
    monkeypatch.setattr(install, "_pip", _never)
    with pytest.raises(NotInstalled, match="it came from elsewhere"):
        install.install("3.9.0", published, io.StringIO())
    with pytest.raises(NotInstalled, match="nothing to uninstall"):
        install.uninstall()


def test_what_is_there_already_is_not_installed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "installed", lambda: "3.9.0+mlx")
    monkeypatch.setattr(install, "is_whole", lambda: True)
    monkeypatch.setattr(install, "_pip", _never)
    assert install.install("3.9.0", None, io.StringIO()) == "3.9.0+mlx"


def _never(arguments: Any) -> str:
    raise AssertionError(f"pip was called: {arguments}")


def test_a_file_that_is_named_is_checked_if_that_version_is_there_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(install, "installed", lambda: f"{wheel.LATEST}+{wheel.LOCAL}")
    monkeypatch.setattr(install, "is_whole", lambda: True)
    other = tmp_path / "triton.whl"
    other.write_bytes(b"another file")
    with pytest.raises(WrongWheel):
        install.install(wheel.LATEST, other, io.StringIO())
    with pytest.raises(WrongWheel):
        install.install(wheel.LATEST, tmp_path / "none.whl", io.StringIO())


def test_an_environment_that_cannot_be_written_is_refused_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(install, "installed", lambda: "")
    monkeypatch.setattr(install.os, "access", lambda path, mode: False)
    monkeypatch.setattr(install, "_pip", _never)
    with pytest.raises(NotInstalled, match="cannot be written(.|\n)*venv"):
        install.install("3.9.0", None, io.StringIO())


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("/usr/bin/python: No module named pip", "ensurepip"),
        ("NewConnectionError: ...\nERROR: No matching distribution", "cannot be reached"),
        ("ERROR: No space left on device", "No space left on device"),
        ("", "pip said nothing"),
    ],
)
def test_what_pip_says_is_said(said: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", said)

    monkeypatch.setattr(install.subprocess, "run", run)
    with pytest.raises(NotInstalled, match=told):
        install._pip(["install", "x"])


def test_a_download_is_of_the_platform_and_python_of_the_table(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same on every machine: that pip has no wheel for this one is why it is done."""
    asked: list[list[str]] = []

    def pip(arguments: list[str]) -> str:
        asked.append(arguments)
        folder = Path(arguments[arguments.index("--dest") + 1])
        (folder / published.name).write_bytes(published.read_bytes())
        return ""

    monkeypatch.setattr(install, "_pip", pip)
    folder = tmp_path / "download"
    folder.mkdir()
    found = install._download(wheel.RELEASES["3.9.0"], folder, io.StringIO())
    assert found.read_bytes() == published.read_bytes()
    (command,) = asked
    assert command[-1] == "triton==3.9.0"
    assert {"--no-deps", "--only-binary=:all:", "manylinux_2_28_x86_64", "3.12"} <= set(command)


def test_a_download_of_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "_pip", lambda arguments: "")
    with pytest.raises(NotInstalled, match="no wheel of Triton"):
        install._download(wheel.RELEASES["3.9.0"], tmp_path, io.StringIO())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for the folder of an environment's packages, with nothing in it."""
    packages = tmp_path / "site-packages"
    packages.mkdir()
    monkeypatch.setattr(install.sysconfig, "get_path", lambda name: str(packages))
    monkeypatch.setattr(install, "installed", lambda: "")
    return packages


def test_two_installations_do_not_meet(
    published: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second waits; when it has waited long enough it says so, and touches nothing."""
    inside: list[str] = []

    def pip(arguments: list[str]) -> str:
        if arguments[0] == "install" and not inside:
            inside.append("first")
            monkeypatch.setattr(install, "_PATIENCE", 0.01)
            with pytest.raises(NotInstalled, match="another installation is at work"):
                install.install("3.9.0", published, io.StringIO())
        return ""

    monkeypatch.setattr(install, "_pip", pip)
    assert install.install("3.9.0", published, io.StringIO()) == "3.9.0+mlx"
    assert inside == ["first"]
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("kind", [KeyboardInterrupt, NotInstalled])
def test_an_installation_that_breaks_off_leaves_nothing(
    kind: type[BaseException], published: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[Path] = []

    def pip(arguments: list[str]) -> str:
        if arguments[0] != "install":
            return ""
        used.append(Path(arguments[-1]))
        assert used[0].exists()
        raise kind("broken off")

    monkeypatch.setattr(install, "_pip", pip)
    with pytest.raises(kind):
        install.install("3.9.0", published, io.StringIO())
    assert not used[0].parent.exists()
    assert list(folder.iterdir()) == []
    monkeypatch.setattr(install, "_pip", lambda arguments: "")
    assert install.install("3.9.0", published, io.StringIO()) == "3.9.0+mlx"


@pytest.mark.parametrize("system", ["darwin", "win32", "linux"])
def test_no_step_asks_for_the_system(
    system: str, published: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wheel is that of another platform everywhere, and what is made of it is of none."""
    made: list[str] = []
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(install, "_pip", lambda arguments: made.append(arguments[-1]) or "")
    assert install.install("3.9.0", published, io.StringIO()) == "3.9.0+mlx"
    assert Path(made[-1]).name == "triton-3.9.0+mlx-py3-none-any.whl"


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Path]:
    """The Python of a new environment with pip and without Triton; it sees this one's packages last."""
    folder = tmp_path / "environment"
    venv.create(folder, with_pip=True)
    yield folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


SCRIPT = """
import hashlib, io, sys
from dataclasses import replace
from pathlib import Path
sys.path[1:1] = {paths!r}
from triton_mlx.runtime.frontend import install, wheel
sys.path[:] = [p for p in sys.path if p not in {paths!r}]
install.installed.__globals__["importlib"].invalidate_caches()
source = Path({source!r})
sha = hashlib.sha256(source.read_bytes()).hexdigest()
wheel.RELEASES["3.9.0"] = replace(wheel.RELEASES["3.9.0"], sha256=sha)
"""


def test_pip_lists_it_and_removes_it(published: Path, environment: Path) -> None:
    """In a real environment, by real pip: install, list, use, install again, uninstall."""
    root = environment.parents[2] / "root"  # a clone's folder may have another name
    root.mkdir()
    (root / "triton_mlx").symlink_to(Path(install.__file__).resolve().parents[2])
    filelock = Path(__import__("filelock").__file__).parents[1]
    start = SCRIPT.format(paths=[str(root), str(filelock)], source=str(published))

    def python(code: str) -> str:
        done = subprocess.run(
            [environment, "-c", code], capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout.strip()

    imported = "import filelock\n"
    install_it = "print(install.install('3.9.0', source, io.StringIO()))"
    start = start.replace("from triton_mlx.runtime", imported + "from triton_mlx.runtime", 1)
    assert python(start + install_it) == "3.9.0+mlx"
    listed = subprocess.run(
        [environment, "-m", "pip", "list", "--format=freeze"], capture_output=True, text=True
    )
    assert "triton==3.9.0+mlx" in listed.stdout
    assert python("import triton; print(triton.__version__)") == "3.9.0"
    assert python(start + install_it) == "3.9.0+mlx"
    assert python(start + "print(install.uninstall())") == "3.9.0+mlx"
    assert python("import importlib.util as u; print(u.find_spec('triton'))") == "None"
