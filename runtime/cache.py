"""The disk cache: finished files by (kind, key, name), written once and never changed afterwards.

An entry lies at root()/kind/key/name. Readers take no lock: an entry appears by a rename of a
finished file. Every file has a checksum, in front of its data or, for files that others open by
name, beside it; a file that does not match (a machine lost power, a disk was full) counts as absent.
Writers of one key hold a lock of the operating system, which ends with its process; a process killed
in the middle leaves only a temporary file, which the next writer of that key removes.
"""

from __future__ import annotations

import atexit
import errno
import functools
import hashlib
import os
import shutil
import tempfile
import threading
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from .settings import Settings

_MAGIC = b"tmlx\x01"
_SUM_BYTES = 16
_LOCK_SECONDS = 300.0
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What compilers and linkers say when they run out of disk; a linker that maps its output is killed.
_FULL_MESSAGES = ("No space left on device", "File too large", "Disk quota exceeded", "Bus error")
_SOURCE_SUFFIXES = frozenset({".py", ".cpp", ".h", ".toml", ""})
_NOT_SOURCES = frozenset({"tests", "bench", "docs", "examples", "__pycache__", "build", "dist"})

_state = threading.RLock()
_roots: dict[str, Path] = {}
_process_folders: dict[int, Path] = {}
_checked: dict[Path, tuple[int, int, int]] = {}  # inode, size and time of files whose sum was right


class CacheUnwritable(UserWarning):
    """The cache folder cannot be used, so nothing is kept after this process."""


class Entry(NamedTuple):
    """One cached key: all its files together. `mtime` is in seconds since 1970."""

    kind: str
    key: str
    bytes: int
    mtime: float


def root() -> Path:
    """The cache folder, which exists and can be written.

    It is TRITON_MLX_CACHE_DIR, else the system's user cache folder. If that cannot be written, a
    temporary folder that is removed when the process exits; `CacheUnwritable` is then warned once.
    """
    wanted = Settings.from_env().cache_dir
    found = _roots.get(wanted)
    if found is not None:
        return found
    with _state:
        if wanted not in _roots:
            _roots[wanted] = _usable(wanted)
        return _roots[wanted]


def digest(*parts: str | bytes) -> str:
    """32 hex digits for a sequence of parts. ("ab", "c") and ("a", "bc") differ."""
    total = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(b"%c%d:" % (b"s" if isinstance(part, str) else b"b", len(data)))
        total.update(data)
    return total.hexdigest()


def lookup(kind: str, key: str, name: str) -> Path | None:
    """The finished file that `store` made, or None. A damaged file counts as absent."""
    return next((path for path in _places(kind, key, name) if _whole(path)), None)


def _places(kind: str, key: str, name: str) -> Iterator[Path]:
    for base in (root(), _process_folders.get(os.getpid())):
        if base is not None:
            yield base / kind / key / name


def store(kind: str, key: str, name: str, produce: Callable[[Path], None]) -> Path:
    """The finished file, made by `produce(temporary path)` if it is not there yet.

    Of several processes and threads that ask at once, one produces and the others wait. What
    `produce` raises is passed on and nothing is kept, except for a full disk: then the file is
    produced once more, in a temporary folder of this process.
    """
    found = lookup(kind, key, name)
    if found is not None:
        return found
    try:
        return _store_in(root() / kind / key, name, produce)
    except _NotKept:
        return _produce(_process_folder() / kind / key, name, produce)


def read(kind: str, key: str, name: str) -> bytes | None:
    """The data that `write` kept, or None. A damaged entry is removed and counts as absent."""
    for path in _places(kind, key, name):
        try:
            whole = path.read_bytes()
        except OSError:
            continue
        data = whole[len(_MAGIC) + _SUM_BYTES :]
        if whole == _sealed(data):
            return data
        with suppress(OSError):
            path.unlink()
    return None


def write(kind: str, key: str, name: str, data: bytes) -> None:
    """Keep `data` with a checksum, in place of an older entry. A full disk keeps nothing."""
    folder = root() / kind / key
    temporary = folder / _temporary_name(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(_sealed(data))
        os.replace(temporary, folder / name)
    except OSError:
        with suppress(OSError):
            temporary.unlink()


def entries() -> list[Entry]:
    """All cached keys, sorted by kind and key."""
    rows: list[Entry] = []
    for folder in sorted(root().glob("*/*")):
        found = [(path.name, _stat(path)) for path in folder.glob("*")]
        files = [s for _, s in found if s is not None]
        # A lock, or what a killed writer left, is no entry.
        if any(s is not None and not name.startswith(".") for name, s in found):
            size, mtime = sum(s.st_size for s in files), max(s.st_mtime for s in files)
            rows.append(Entry(folder.parent.name, folder.name, size, mtime))
    return rows


def clear() -> int:
    """Remove all entries; returns how many there were. A library in use stays usable."""
    count = len(entries())
    for folder in root().iterdir():
        if folder.is_dir():
            shutil.rmtree(folder, ignore_errors=True)
    return count


@functools.cache
def sources_digest() -> str:
    """Digest of this package's own .py, .cpp, .h and .toml files and headers without a suffix."""
    package = Path(__file__).resolve().parents[1]
    parts: list[str | bytes] = []
    for path in sorted(_sources(package)):
        parts += [path.relative_to(package).as_posix(), path.read_bytes()]
    return digest(*parts)


def raise_if_full(message: str, path: Path) -> None:
    """OSError if a compiler that failed to write `path` said that the disk is full."""
    if any(words in message for words in _FULL_MESSAGES):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


class _NotKept(Exception):
    """The file was not kept because of the cache folder or the disk, not because of `produce`."""


def _store_in(folder: Path, name: str, produce: Callable[[Path], None]) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _NotKept from error
    with _locked(folder) as alone:
        path = folder / name
        if _whole(path):
            return path
        if alone:
            _remove_leftovers(folder)
        return _produce(folder, name, produce)


def _produce(folder: Path, name: str, produce: Callable[[Path], None]) -> Path:
    """Raises _NotKept where the disk or folder is to blame and `folder` is not the last resort."""
    last_resort = _process_folders.get(os.getpid()) in folder.parents
    folder.mkdir(parents=True, exist_ok=True)
    path, temporary = folder / name, folder / _temporary_name(name)
    _probe(temporary, last_resort)
    try:
        produce(temporary)
    except OSError as error:
        if error.errno in _FULL and not last_resort:
            raise _NotKept from error
        raise
    else:
        try:
            _keep(temporary, path)
        except OSError as error:
            if not last_resort and (not folder.is_dir() or error.errno in _FULL):
                raise _NotKept from error
            raise
        return path
    finally:
        with suppress(OSError):
            temporary.unlink()


def _probe(temporary: Path, last_resort: bool) -> None:
    # A compiler would say in its own words that it cannot write here.
    try:
        temporary.touch()
    except OSError as error:
        if last_resort:
            raise
        raise _NotKept from error


def _keep(temporary: Path, path: Path) -> None:
    """First the checksum, then the file: killed in between, a reader finds no file."""
    note = path.with_name(_temporary_name(path.name))
    try:
        note.write_bytes(_sum_of(temporary))
        os.replace(note, _note_of(path))
        os.replace(temporary, path)
    finally:
        with suppress(OSError):
            note.unlink()


def _whole(path: Path) -> bool:
    """The file is there and is what `_keep` kept. Read once per process, as long as it does not change."""
    try:
        status = path.stat()
        seen = (status.st_ino, status.st_size, status.st_mtime_ns)
        if _checked.get(path) == seen:
            return True
        if not status.st_size or _note_of(path).read_bytes() != _sum_of(path):
            return False
    except OSError:
        return False
    _checked[path] = seen
    return True


def _note_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.sum")


def _sum_of(path: Path) -> bytes:
    return hashlib.blake2b(path.read_bytes(), digest_size=_SUM_BYTES).digest()


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Holds the lock of one key. Gives False where none is to be had: files stay whole anyway."""
    import filelock

    lock = filelock.FileLock(str(folder / ".lock"), timeout=_LOCK_SECONDS)
    try:
        lock.acquire()
    except (filelock.Timeout, OSError, NotImplementedError):
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _remove_leftovers(folder: Path) -> None:
    for path in folder.glob(".*.tmp.*"):
        with suppress(OSError):
            path.unlink()


def _temporary_name(name: str) -> str:
    # The name's suffix stays at the end: compilers look at it.
    return f".{uuid.uuid4().hex}.tmp.{name}"


def _sealed(data: bytes) -> bytes:
    return _MAGIC + hashlib.blake2b(data, digest_size=_SUM_BYTES).digest() + data


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _sources(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.startswith(".") or path.name in _NOT_SOURCES:
            continue
        if path.is_dir():
            yield from _sources(path)
        elif path.suffix in _SOURCE_SUFFIXES:
            yield path


def _usable(wanted: str) -> Path:
    import platformdirs

    usual = platformdirs.user_cache_path("triton-mlx")
    folder = Path(wanted).expanduser().absolute() if wanted else usual
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        text = (
            f"the cache folder {folder} cannot be written ({error.strerror or error}), so compiled "
            "kernels are kept only until this process ends; set TRITON_MLX_CACHE_DIR to a folder "
            "that can be written"
        )
    warnings.warn(text, CacheUnwritable, stacklevel=4)
    return _process_folder()


def _process_folder() -> Path:
    pid = os.getpid()
    with _state:
        if pid not in _process_folders:
            folder = Path(tempfile.mkdtemp(prefix="triton-mlx-"))
            _process_folders[pid] = folder
            atexit.register(_remove_if_mine, pid, folder)
        return _process_folders[pid]


def _remove_if_mine(pid: int, folder: Path) -> None:
    # A forked child inherits this handler; the folder is its parent's.
    if os.getpid() == pid:
        shutil.rmtree(folder, ignore_errors=True)
