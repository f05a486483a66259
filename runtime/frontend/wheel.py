"""The published wheel of Triton, checked, and made into a wheel of its Python files alone.

Nothing of Triton is in this project: the files come from the Python Package Index, or from a wheel that the
user has. Of hundreds of megabytes about one percent is kept.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ...fusion.errors import TritonMlxError

LOCAL = "mlx"  # the local part of the version that pip lists: 3.9.0+mlx


@dataclass(frozen=True, slots=True)
class Release:
    """A version of Triton that the stand-in was compared with, and the wheel that it comes from."""

    version: str
    python: str  # whose wheel it is; the Python files are the same in all
    platforms: tuple[str, ...]
    sha256: str


_PLATFORMS = ("manylinux_2_27_x86_64", "manylinux_2_28_x86_64")
RELEASES: dict[str, Release] = {
    version: Release(version, "3.12", _PLATFORMS, sha256)
    for version, sha256 in {
        "3.6.0": "74caf5e34b66d9f3a429af689c1c7128daba1d8208df60e81106b115c00d6fca",
        "3.7.0": "8f111161d49bf903c0eaedde3962353a3d841c08a836839b7cc1025b8426efcf",
        "3.7.1": "7e40869937a68206ec70d7f25bb7ec6433cb083f9135e1f36dbd318dc449a728",
        "3.8.0": "e91ffa46d095b252248297292dd22bcbacd53a125a0c2eefbbbf74925a320bc3",
        "3.9.0": "5e52ab4e2f1d64f0ac494c9aa723697b793f81a91c4cae4c36608ca0bc4267bf",
    }.items()
}
LATEST = "3.9.0"

# Of the package's Python files all but the parts that need native code of their own.
_LEFT_OUT = ("triton/backends/nvidia/", "triton/backends/amd/", "triton/plugins/")
_METADATA = ("METADATA", "top_level.txt")

_STAND_IN = '''"""In the place of Triton's native module: triton-mlx's front end, which is Python."""

from triton_mlx.runtime.frontend.place import take_place

take_place()
'''
_NO_PROTON = '''"""Triton's profiler is a native module of its own, which is not here."""

raise ModuleNotFoundError(
    "Proton, Triton's profiler, is compiled code and not part of the Python front end of triton-mlx; "
    "it needs an official Triton",
    name="triton._C.libproton",
)
'''
# Triton hashes this file to tell its versions apart; the folder of the same name is what is imported.
_NOT_NATIVE = (
    "This is no native module. Triton was installed by: python -m triton_mlx install-triton\n"
)


class WrongWheel(TritonMlxError):
    """The wheel is not what its publisher made, or not of a version that is known."""

    code = "WRONG_WHEEL"


def release_of(version: str) -> Release:
    """Raises WrongWheel for a version that the stand-in does not speak."""
    if version not in RELEASES:
        raise WrongWheel(
            f"Triton {version} cannot be installed this way",
            why=f"the front end was compared with {', '.join(RELEASES)} only",
            hint=f"--version {LATEST}",
        )
    return RELEASES[version]


def check_hash(path: Path, release: Release) -> None:
    """Raises WrongWheel if the file is not the one that was published."""
    found = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                found.update(chunk)
    except OSError as error:
        raise WrongWheel(f"{path} cannot be read", why=str(error)) from error
    if found.hexdigest() != release.sha256:
        raise WrongWheel(
            f"{path.name} is not the published wheel of Triton {release.version}",
            why=f"its sha256 is {found.hexdigest()}, not {release.sha256}",
            hint="download it again; a wheel of another Python version or platform will not do",
        )


def repack(source: Path, release: Release, folder: Path) -> Path:
    """A wheel in `folder` with the Python files and the metadata of `source`, and the stand-in.

    Raises WrongWheel if a file is not what the wheel's own RECORD says of it.
    """
    version = f"{release.version}+{LOCAL}"
    made = folder / f"triton-{version}-py3-none-any.whl"
    info = f"triton-{version}.dist-info"
    files = dict(_kept(source, release))
    files["triton/_C/libtriton/__init__.py"] = _STAND_IN.encode()
    files["triton/_C/libproton.py"] = _NO_PROTON.encode()
    for suffix in ("so", "pyd"):
        files[f"triton/_C/libtriton.{suffix}"] = _NOT_NATIVE.encode()
    old = f"Version: {release.version}\n".encode()
    files[f"{info}/METADATA"] = files[f"{info}/METADATA"].replace(
        old, f"Version: {version}\n".encode(), 1
    )
    files[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: triton-mlx\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in files.items():
            out.writestr(name, data)
        out.writestr(f"{info}/RECORD", _record(files, info))
    return made


def _kept(source: Path, release: Release) -> Iterator[tuple[str, bytes]]:
    """The files to keep, under their new names, each checked against RECORD."""
    old = f"triton-{release.version}.dist-info"
    new = f"triton-{release.version}+{LOCAL}.dist-info"
    try:
        with zipfile.ZipFile(source) as wheel:
            rows = csv.reader(io.StringIO(wheel.read(f"{old}/RECORD").decode()))
            record = {row[0]: row[1] for row in rows if len(row) == 3}
            for name in wheel.namelist():
                if not _wanted(name, old):
                    continue
                data = wheel.read(name)
                if record.get(name) != f"sha256={_digest(data)}":
                    raise WrongWheel(f"{name} in {source.name} is not what its RECORD says")
                yield name.replace(old, new, 1), data
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise WrongWheel(f"{source.name} is no wheel of Triton", why=str(error)) from error


def _wanted(name: str, info: str) -> bool:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        return False
    if name.startswith(f"{info}/"):
        return path.name in _METADATA or "/licenses/" in name and not name.endswith("/")
    return (
        name.startswith("triton/")
        and path.suffix in (".py", ".pyi", ".typed")
        and not name.startswith((*_LEFT_OUT, "triton/_C/"))
    )


def _digest(data: bytes) -> str:
    """As RECORD writes it."""
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _record(files: dict[str, bytes], info: str) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for name, data in files.items():
        writer.writerow((name, f"sha256={_digest(data)}", len(data)))
    writer.writerow((f"{info}/RECORD", "", ""))
    return text.getvalue()
