"""`python -m triton_mlx install-triton`: Triton where no wheel of it exists.

pip downloads the wheel that is published for another platform and installs what wheel.py makes of it, so that
pip lists it and pip can remove it. A Triton that came from elsewhere is never touched.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from ...fusion.errors import TritonMlxError
from . import wheel
from .wheel import LOCAL, Release

_NO_NETWORK = (
    "NewConnectionError",
    "Temporary failure",
    "ConnectionError",
    "Max retries",
    "timed out",
)
_PATIENCE = 600.0  # seconds to wait for another installation


class NotInstalled(TritonMlxError):
    """The installation did not happen; the environment is as it was."""

    code = "NOT_INSTALLED"


def installed() -> str:
    """The version of Triton that is installed here; empty if there is none."""
    try:
        return importlib.metadata.version("triton")
    except importlib.metadata.PackageNotFoundError:
        return ""


def is_ours(version: str) -> bool:
    return version.endswith(f"+{LOCAL}")


def is_whole() -> bool:
    """False if an installation was broken off: pip notes at the end that it installed, and what."""
    try:
        found = importlib.metadata.distribution("triton")
    except importlib.metadata.PackageNotFoundError:
        return False
    noted = found.read_text("INSTALLER") is not None and found.files is not None
    return noted and all(Path(str(path.locate())).exists() for path in found.files or ())


def _packages() -> Path:
    return Path(sysconfig.get_path("purelib"))


def install(version: str, source: Path | None, say: TextIO) -> str:
    """Install Triton's Python files with the stand-in; the version that pip now lists.

    `source`: a wheel that is there already, instead of a download; it is checked even if that version is
    installed. Raises NotInstalled or WrongWheel.
    """
    release = wheel.release_of(version)
    if source is not None:
        wheel.check_hash(source, release)
    have, want = installed(), f"{version}+{LOCAL}"
    if have == want and is_whole():
        return have
    if have and not is_ours(have):
        raise NotInstalled(
            f"Triton {have} is installed here",
            why="it came from elsewhere, and is left as it is",
            hint="TRITON_MLX_FRONTEND=python uses the Python front end with it",
        )
    _check_environment()
    with _alone(), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = source if source is not None else _download(release, folder, say)
        print(f"checking {path.name}", file=say)
        wheel.check_hash(path, release)
        made = wheel.repack(path, release, folder)
        print(f"installing {made.name}", file=say)
        if have and not is_whole():
            shutil.rmtree(_packages() / f"triton-{have}.dist-info", ignore_errors=True)
        _pip(["install", "--no-deps", "--no-index", str(made)])
    return want


def uninstall() -> str:
    """Remove what `install` installed; the version that it was. Raises NotInstalled if it was not."""
    have = installed()
    if not is_ours(have):
        found = f"Triton {have} came from elsewhere" if have else "no Triton is installed"
        raise NotInstalled("nothing to uninstall", why=found)
    _check_environment()
    with _alone():
        _pip(["uninstall", "--yes", "triton"])
    return have


def _check_environment() -> None:
    """Before anything is downloaded or removed: pip is there, and may write."""
    folder = _packages()
    if not os.access(folder, os.W_OK):
        raise _not_writable(folder)
    _pip(["--version"])


def _not_writable(folder: Path) -> NotInstalled:
    return NotInstalled(
        f"{folder} cannot be written",
        why="Python's packages are there",
        hint="use a virtual environment: python -m venv .venv",
    )


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One installation at a time into this environment."""
    import filelock

    path = _packages() / ".triton-mlx-install.lock"
    lock = filelock.FileLock(path)
    try:
        lock.acquire(timeout=_PATIENCE)
    except filelock.Timeout as error:
        raise NotInstalled("another installation is at work", why=f"it holds {path}") from error
    except OSError as error:  # what os.access does not know of
        raise _not_writable(path.parent) from error
    try:
        yield
    finally:
        lock.release()
        with contextlib.suppress(OSError):
            path.unlink()


def _download(release: Release, folder: Path, say: TextIO) -> Path:
    print(f"downloading Triton {release.version} (hundreds of MB, of which a few stay)", file=say)
    platforms = [word for name in release.platforms for word in ("--platform", name)]
    arguments = ["download", "--no-deps", "--only-binary=:all:", *platforms]
    arguments += ["--python-version", release.python, "--implementation", "cp"]
    _pip([*arguments, "--dest", str(folder), f"triton=={release.version}"])
    found = sorted(folder.glob("triton-*.whl"))
    if len(found) != 1:
        raise NotInstalled("pip downloaded no wheel of Triton")
    return found[0]


def _pip(arguments: Sequence[str]) -> str:
    """What pip printed. Raises NotInstalled with pip's own words."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 0:
        return done.stdout
    said = [line for line in done.stderr.splitlines() if line.strip()]
    why, hint = (said or ["pip said nothing"])[-1], "run it again; --wheel FILE needs no network"
    if "No module named pip" in done.stderr:
        why, hint = "this environment has no pip", f"{sys.executable} -m ensurepip"
    elif any(word in done.stderr for word in _NO_NETWORK):
        why = "the package index cannot be reached"
    raise NotInstalled(f"pip {arguments[0]} failed", why=why, hint=hint)
