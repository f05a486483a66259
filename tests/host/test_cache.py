"""The disk cache: two processes, damage, unwritable folders, killed writers, full disks."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from triton_mlx.runtime import cache


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    chosen = tmp_path / "cache"
    monkeypatch.setenv("TRITON_MLX_CACHE_DIR", str(chosen))
    return chosen


def never(path: Path) -> None:
    raise AssertionError("produced although it was there")


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True
    )


def test_root_is_the_folder_asked_for(folder: Path) -> None:
    assert cache.root() == folder
    assert folder.is_dir()


def test_digest_tells_part_borders_and_types_apart() -> None:
    digests = {
        cache.digest("ab", "c"),
        cache.digest("a", "bc"),
        cache.digest("abc"),
        cache.digest("abc", ""),
        cache.digest(b"abc"),
        cache.digest("s3:abc"),
    }
    assert len(digests) == 6
    assert all(len(d) == 32 and int(d, 16) >= 0 for d in digests)
    assert cache.digest("ab", "c") == cache.digest("ab", "c")


def test_store_then_lookup() -> None:
    assert cache.lookup("k", "1", "a.txt") is None
    path = cache.store("k", "1", "a.txt", lambda p: p.write_text("hello") and None)
    assert path.read_text() == "hello"
    assert cache.lookup("k", "1", "a.txt") == path
    assert cache.store("k", "1", "a.txt", never) == path


def test_temporary_path_keeps_folder_and_suffix(folder: Path) -> None:
    seen: list[Path] = []

    def produce(path: Path) -> None:
        seen.append(path)
        path.write_text("x")

    path = cache.store("k", "1", "a.so", produce)
    assert seen[0].parent == path.parent
    assert seen[0].suffix == ".so"
    assert not seen[0].exists()


def test_error_of_produce_is_passed_on_and_nothing_is_kept(folder: Path) -> None:
    def produce(path: Path) -> None:
        path.write_text("half")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        cache.store("k", "1", "a", produce)
    assert cache.lookup("k", "1", "a") is None
    assert [p.name for p in (folder / "k" / "1").iterdir()] in ([], [".lock"])


def test_empty_file_is_a_miss(folder: Path) -> None:
    path = cache.store("k", "1", "a", lambda p: p.write_text("x") and None)
    path.write_bytes(b"")
    assert cache.lookup("k", "1", "a") is None
    assert cache.store("k", "1", "a", lambda p: p.write_text("y") and None).read_text() == "y"


PRODUCER = """
import sys, time
from pathlib import Path
from triton_mlx.runtime import cache
def produce(path):
    with open(sys.argv[1], "a") as log:
        log.write("made\\n")
    time.sleep(0.4)
    path.write_text("x" * 100000)
print(len(cache.store("k", "1", "a", produce).read_text()))
"""


def test_two_processes_produce_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    both = [start(PRODUCER, str(log)) for _ in range(2)]
    assert [p.communicate(timeout=60)[0].strip() for p in both] == ["100000", "100000"]
    assert log.read_text() == "made\n"


def test_killed_in_the_middle(folder: Path) -> None:
    child = start(
        "import time\nfrom triton_mlx.runtime import cache\n"
        "def produce(path):\n"
        "    path.write_text('half'); print('there', flush=True); time.sleep(60)\n"
        "cache.store('k', '1', 'a', produce)\n"
    )
    assert child.stdout is not None
    assert child.stdout.readline().strip() == "there"
    child.send_signal(signal.SIGKILL)
    child.communicate(timeout=60)
    assert cache.lookup("k", "1", "a") is None
    path = cache.store("k", "1", "a", lambda p: p.write_text("whole") and None)
    assert path.read_text() == "whole"
    assert {p.name for p in path.parent.iterdir()} <= {"a", ".a.sum", ".lock"}


def test_write_then_read_and_replace() -> None:
    assert cache.read("k", "1", "a") is None
    cache.write("k", "1", "a", b"one")
    assert cache.read("k", "1", "a") == b"one"
    cache.write("k", "1", "a", b"")
    assert cache.read("k", "1", "a") == b""


@pytest.mark.parametrize("damage", ["truncate", "flip", "garbage", "short"])
def test_damaged_entry_is_a_miss_and_removed(damage: str) -> None:
    cache.write("k", "1", "a", bytes(range(200)))
    path = cache.root() / "k" / "1" / "a"
    whole = bytearray(path.read_bytes())
    if damage == "flip":
        whole[-3] ^= 4
    changed = {"truncate": whole[:-1], "flip": whole, "garbage": b"?" * 300, "short": b"tm"}[damage]
    path.write_bytes(bytes(changed))
    assert cache.read("k", "1", "a") is None
    assert not path.exists()


def test_full_disk_while_producing_keeps_nothing_but_gives_the_file(folder: Path) -> None:
    def produce(path: Path) -> None:
        if folder in path.parents:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        path.write_text("result")

    path = cache.store("full", "1", "a", produce)
    assert path.read_text() == "result"
    assert folder not in path.parents
    assert cache.store("full", "1", "a", never) == path


def test_full_disk_everywhere_raises() -> None:
    def produce(path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space"):
        cache.store("full", "2", "a", produce)


def test_full_disk_while_writing_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    cache.write("k", "1", "a", b"old")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        cache.write("k", "1", "b", b"new")
    assert cache.read("k", "1", "b") is None
    assert cache.read("k", "1", "a") == b"old"


def test_unwritable_folder_warns_once_and_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("TRITON_MLX_CACHE_DIR", str(blocked / "cache"))
    with pytest.warns(cache.CacheUnwritable, match="TRITON_MLX_CACHE_DIR") as caught:
        first = cache.root()
    assert str(blocked / "cache") in str(caught[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cache.root() == first
        path = cache.store("k", "1", "a", lambda p: p.write_text("x") and None)
        cache.write("k", "1", "b", b"data")
    assert path.read_text() == "x"
    assert cache.read("k", "1", "b") == b"data"


def test_temporary_folder_goes_away_at_exit(tmp_path: Path) -> None:
    code = (
        "import os, warnings\nwarnings.simplefilter('ignore')\n"
        "os.environ['TRITON_MLX_CACHE_DIR'] = '/dev/null/cache'\n"
        "from triton_mlx.runtime import cache\n"
        "cache.store('k', '1', 'a', lambda p: p.write_text('x') and None)\n"
        "if os.fork() == 0: raise SystemExit\n"
        "os.wait()\nassert cache.lookup('k', '1', 'a')\nprint(cache.root())\n"
    )
    child = start(code)
    out = child.communicate(timeout=60)[0].strip()
    assert child.returncode == 0
    assert out
    assert not Path(out).exists()


def test_entries_and_clear() -> None:
    before = time.time()
    cache.write("b", "2", "x", b"12345")
    cache.store("a", "1", "y", lambda p: p.write_text("123") and None)
    rows = cache.entries()
    assert [(r.kind, r.key) for r in rows] == [("a", "1"), ("b", "2")]
    assert 3 < rows[0].bytes < 30  # with its checksum
    assert rows[1].bytes > 5
    assert all(abs(r.mtime - before) < 60 for r in rows)
    assert cache.clear() == 2
    assert cache.entries() == []
    assert cache.read("b", "2", "x") is None


def test_sources_digest_is_that_of_another_process() -> None:
    child = start("from triton_mlx.runtime import cache; print(cache.sources_digest())")
    assert child.communicate(timeout=60)[0].strip() == cache.sources_digest()
