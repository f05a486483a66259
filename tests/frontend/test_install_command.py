"""`install-triton` as a command in a new environment: offline, read-only folders, and killed half-way."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_install import FILES, INFO, SCRIPT, write_wheel
from test_install_pip import environment, packages, source

from triton_mlx.runtime.frontend import install, wheel

__all__ = ["environment", "source"]  # fixtures

# As `python -m triton_mlx`, but the small wheel is the known one.
COMMAND = "from triton_mlx.runtime.cli import main\nsys.exit(main(sys.argv[1:]))"
NOT_HERE = 77
READ_ONLY = f"""
mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" || exit {NOT_HERE}
shift; exec "$@"
"""


class Command:
    """`install-triton` in an environment, for a wheel that stands for the published one."""

    def __init__(self, python: Path, source: Path, root: Path) -> None:
        root.mkdir()
        (root / "triton_mlx").symlink_to(Path(install.__file__).resolve().parents[2])
        locks = Path(__import__("filelock").__file__).parents[1]
        start = SCRIPT.format(paths=[str(root), str(locks)], source=str(source))
        imported = "import filelock\nfrom triton_mlx.runtime"
        self.code = start.replace("from triton_mlx.runtime", imported, 1) + COMMAND
        self.python, self.packages = python, packages(python)

    def __call__(self, *words: str, before: tuple[str, ...] = ()) -> tuple[int, str, str]:
        """Exit code, output, errors; `before`: the command that starts it."""
        line = [*before, str(self.python), "-c", self.code, "install-triton", *words]
        done = subprocess.run(line, capture_output=True, text=True, timeout=300)
        return done.returncode, done.stdout, done.stderr

    def python_says(self, code: str) -> str:
        done = subprocess.run([self.python, "-c", code], capture_output=True, text=True)
        return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


@pytest.fixture
def command(environment: Path, source: Path, tmp_path: Path) -> Command:
    return Command(environment, source, tmp_path / "root")


def test_it_installs_a_file_without_a_network(command: Command, source: Path) -> None:
    alone = ("unshare", "-rn") if shutil.which("unshare") else ()
    if alone and subprocess.run([*alone, "true"], capture_output=True).returncode:
        alone = ()
    code, out, errors = command("--wheel", str(source), before=alone)
    assert (code, out) == (0, "triton 3.9.0+mlx is installed\n"), errors
    assert command.python_says("import triton; print(triton.__version__)") == "3.9.0"
    assert "Proton" in command.python_says("import triton._C.libproton")
    code, out, errors = command("--uninstall", "--json")
    assert (code, '"uninstalled"' in out) == (0, True), errors
    assert "No module named" in command.python_says("import triton")
    code, _, errors = command("--uninstall")
    assert (code, "nothing to uninstall" in errors) == (1, True)


@pytest.fixture
def read_only(command: Command) -> Iterator[tuple[str, ...]]:
    """What starts a command for which the folder of packages cannot be written."""
    folder = command.packages
    if hasattr(os, "geteuid") and os.geteuid():
        folder.chmod(0o555)
        yield ()
        folder.chmod(0o755)
        return
    before = ("unshare", "-m", "sh", "-c", READ_ONLY, "sh", str(folder))
    if shutil.which("unshare") is None or subprocess.run([*before, "true"]).returncode:
        pytest.skip("nothing is read-only for the user of this process")
    yield before


def test_a_read_only_folder_is_named(
    command: Command, source: Path, read_only: tuple[str, ...]
) -> None:
    code, out, errors = command("--wheel", str(source), before=read_only)
    assert (code, out) == (1, "")
    assert f"{command.packages} cannot be written" in errors
    assert "Traceback" not in errors and "checking" not in errors


def test_nothing_is_removed_from_a_read_only_folder(command: Command, source: Path) -> None:
    folder = command.packages
    assert command("--wheel", str(source))[0] == 0
    before: tuple[str, ...] = ()
    if os.geteuid():
        folder.chmod(0o555)
    else:
        before = ("unshare", "-m", "sh", "-c", READ_ONLY, "sh", str(folder))
    code, _, errors = command("--uninstall", before=before)
    folder.chmod(0o755)
    if code == NOT_HERE or "unshare" in errors:
        pytest.skip("nothing is read-only for the user of this process")
    assert code == 1 and f"{folder} cannot be written" in errors and "Traceback" not in errors
    assert command.python_says("import triton; print(triton.__version__)") == "3.9.0"


def test_metadata_without_files_is_no_installation(command: Command, source: Path) -> None:
    """What is left if pip is stopped after it wrote the version, and before the stand-in."""
    info = command.packages / "triton-3.9.0+mlx.dist-info"
    info.mkdir()
    info.joinpath("METADATA").write_bytes(FILES[f"{INFO}/METADATA"].replace(b"9.0", b"9.0+mlx"))
    code, out, errors = command("--wheel", str(source))
    assert (code, out) == (0, "triton 3.9.0+mlx is installed\n"), errors
    stand_in = command.packages / "triton/_C/libtriton/__init__.py"
    assert stand_in.read_text() == wheel._STAND_IN
    assert command("--uninstall")[0] == 0
    assert not stand_in.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="processes have no groups there")
def test_killed_while_pip_writes(environment: Path, tmp_path: Path) -> None:
    files = {**FILES, **{f"triton/part{k}.py": b"x = 1\n" * 50 for k in range(3000)}}
    large = write_wheel(tmp_path / "triton-3.9.0-cp312-abi3-manylinux_2_28_x86_64.whl", files)
    command = Command(environment, large, tmp_path / "root")
    line = [environment, "-c", command.code, "install-triton", "--wheel", str(large)]
    child = subprocess.Popen(line, start_new_session=True, stderr=subprocess.DEVNULL)
    while child.poll() is None and not (command.packages / "triton/part0.py").exists():
        time.sleep(0.002)
    os.killpg(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    assert not (command.packages / "triton/_C/libtriton/__init__.py").exists()
    code, out, errors = command("--wheel", str(large))
    assert (code, out) == (0, "triton 3.9.0+mlx is installed\n"), errors
    assert (command.packages / "triton/part2999.py").read_bytes() == files["triton/part2999.py"]
    assert command.python_says("import triton; print(triton.__version__)") == "3.9.0"
    assert command("--uninstall")[0] == 0
    assert not (command.packages / "triton").exists()
