"""install-triton with real pip: all systems, two at once, after an interruption, an official wheel later."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from test_install import FILES, INFO, SCRIPT, digest, write_wheel

from triton_mlx.runtime.frontend import install, wheel

OFFICIAL = "triton-{}-py3-none-any.whl"
SYSTEMS = {
    # pip's platform, and how extension modules end there
    "macOS arm64": ("macosx_14_0_arm64", ".cpython-312-darwin.so"),
    "macOS x86-64": ("macosx_13_0_x86_64", ".cpython-312-darwin.so"),
    "Windows": ("win_amd64", ".cp312-win_amd64.pyd"),
    "musl Linux": ("musllinux_1_2_x86_64", ".cpython-312-x86_64-linux-musl.so"),
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stands for the published wheel, for the one platform that has one."""
    name = "triton-3.9.0-cp312-abi3-manylinux_2_28_x86_64.whl"
    return write_wheel(tmp_path_factory.mktemp("published") / name, FILES)


@pytest.fixture(scope="module")
def made(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel.repack(source, wheel.RELEASES["3.9.0"], tmp_path_factory.mktemp("made"))


def offered(folder: Path, system: str, to: Path) -> list[str]:
    """The wheels in `folder` that pip takes on another system."""
    arguments = ["download", "--no-index", "--no-deps", "--only-binary=:all:", "--dest", str(to)]
    arguments += ["--platform", SYSTEMS[system][0], "--python-version", "3.12"]
    command = [sys.executable, "-m", "pip", "--isolated", *arguments, "--find-links", str(folder)]
    subprocess.run([*command, "triton"], capture_output=True, text=True, timeout=300)
    return [path.name for path in to.glob("*.whl")]


@pytest.mark.parametrize("system", SYSTEMS)
def test_pip_takes_what_is_made_on_every_system(
    system: str, source: Path, made: Path, tmp_path: Path
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert offered(source.parent, system, tmp_path / "a") == []
    assert offered(made.parent, system, tmp_path / "b") == [made.name]


@pytest.mark.parametrize("system", SYSTEMS)
def test_triton_finds_the_file_that_it_hashes(system: str, made: Path) -> None:
    """It looks for libtriton with the end of extension modules, from the last dot on."""
    end = SYSTEMS[system][1].rpartition(".")[2]
    assert f"triton/_C/libtriton.{end}" in zipfile.ZipFile(made).namelist()


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """The Python of a new environment with pip and without Triton."""
    venv.create(tmp_path / "environment", with_pip=True)
    return tmp_path / "environment" / ("Scripts" if sys.platform == "win32" else "bin") / "python"


def installer(source: Path, root: Path) -> list[str]:
    """`-c CODE` that installs `source` as the known release, and prints the version."""
    root.mkdir(exist_ok=True)
    if not (root / "triton_mlx").exists():
        (root / "triton_mlx").symlink_to(Path(install.__file__).resolve().parents[2])
    locks = Path(__import__("filelock").__file__).parents[1]
    start = SCRIPT.format(paths=[str(root), str(locks)], source=str(source))
    start = start.replace("from triton_mlx.runtime", "import filelock\nfrom triton_mlx.runtime", 1)
    return ["-c", start + "print(install.install('3.9.0', source, io.StringIO()))"]


def packages(environment: Path) -> Path:
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return Path(subprocess.check_output([environment, "-c", code], text=True).strip())


def finished(process: subprocess.Popen[str]) -> str:
    out, error = process.communicate(timeout=300)
    assert process.returncode == 0, error[-2000:]
    return out.strip()


def start(environment: Path, *arguments: str) -> subprocess.Popen[str]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([environment, *arguments], text=True, **pipes)


def test_two_processes_install_at_once(environment: Path, source: Path, tmp_path: Path) -> None:
    command = installer(source, tmp_path / "root")
    both = [start(environment, *command) for _ in range(2)]
    assert [finished(process) for process in both] == ["3.9.0+mlx"] * 2
    found = packages(environment)
    assert len(list(found.glob("triton-*.dist-info"))) == 1
    assert (found / "triton/_C/libtriton/__init__.py").read_text() == wheel._STAND_IN


def test_what_an_interruption_left_is_written_over(
    environment: Path, source: Path, tmp_path: Path
) -> None:
    """Some files without metadata, and the file of a lock that nobody holds."""
    found = packages(environment)
    (found / "triton/language").mkdir(parents=True)
    (found / "triton/language/core.py").write_text("half a fi")
    (found / ".triton-mlx-install.lock").touch()
    assert finished(start(environment, *installer(source, tmp_path / "root"))) == "3.9.0+mlx"
    assert (found / "triton/language/core.py").read_bytes() == FILES["triton/language/core.py"]
    assert "No broken" in finished(start(environment, "-m", "pip", "check"))


def official(folder: Path, version: str) -> Path:
    """A wheel that Triton might publish for this system one day."""
    info = f"triton-{version}.dist-info"
    files = {
        name.replace(INFO, info): data.replace(b"3.9.0", version.encode())
        for name, data in FILES.items()
        if not name.endswith(("WHEEL", "entry_points.txt"))
    }
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    folder.mkdir()
    path = folder / OFFICIAL.format(version)
    rows = [f"{n},sha256={digest(d)},{len(d)}" for n, d in files.items()]
    with zipfile.ZipFile(path, "w") as out:
        for name, data in files.items():
            out.writestr(name, data)
        out.writestr(f"{info}/RECORD", "\n".join([*rows, f"{info}/RECORD,,", ""]))
    return path


@pytest.mark.parametrize(
    ("version", "how"), [("3.9.1", "--upgrade"), ("3.9.0", "--force-reinstall")]
)
def test_an_official_wheel_that_comes_later_wins(
    version: str, how: str, environment: Path, source: Path, tmp_path: Path
) -> None:
    """Nothing of the stand-in is left beside the native module; and then it is not touched again."""
    command = installer(source, tmp_path / "root")
    assert finished(start(environment, *command)) == "3.9.0+mlx"
    later = official(tmp_path / "later", version)
    pip = ["-m", "pip", "--isolated", "install", "--no-index", "--no-deps", how, str(later)]
    finished(start(environment, *pip))
    found = packages(environment)
    assert [path.name for path in found.glob("triton-*.dist-info")] == [
        f"triton-{version}.dist-info"
    ]
    assert not (found / "triton/_C/libtriton/__init__.py").exists()
    assert (found / "triton/_C/libtriton.so").read_bytes() == FILES["triton/_C/libtriton.so"]
    again = start(environment, *command)
    assert "it came from elsewhere" in again.communicate(timeout=300)[1]
    assert again.returncode == 1


def test_a_wrong_wheel_given_by_hand_changes_nothing(
    environment: Path, source: Path, tmp_path: Path
) -> None:
    other = write_wheel(tmp_path / "triton-3.9.0-other.whl", {**FILES, "triton/more.py": b""})
    known = hashlib.sha256(source.read_bytes()).hexdigest()
    code = installer(other, tmp_path / "root")[1]
    code = code.replace("sha = hashlib.sha256(source.read_bytes()).hexdigest()", f"sha = {known!r}")
    process = start(environment, "-c", code)
    assert "is not the published wheel" in process.communicate(timeout=300)[1]
    assert not (packages(environment) / "triton").exists()
