"""The disk cache where everything goes wrong at once: the results are right all the same.

Real launches in processes of their own: two at once from nothing, with damaged libraries, on a full disk,
without a home; and many writers that are killed while the files they share are damaged.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

LAUNCH = """
import sys
import mlx.core as mx
import triton_mlx
from triton_mlx.examples import elementwise
mx.set_default_device(mx.cpu)
with triton_mlx.use(sys.argv[1]):
    print(elementwise.add(mx.arange(5), mx.ones(5, mx.int32)).tolist())
"""
RIGHT = "[1, 2, 3, 4, 5]"


def environment(caches: Path, **more: str) -> dict[str, str]:
    plain = {k: v for k, v in os.environ.items() if not k.startswith("TRITON_")}
    folders = {
        "TRITON_MLX_CACHE_DIR": str(caches / "ours"),
        "TRITON_CACHE_DIR": str(caches / "triton"),
    }
    return plain | folders | more


def start(
    target: str, env: dict[str, str], before: tuple[str, ...] = (), code: str = LAUNCH
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*before, sys.executable, "-c", code, target],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def result(child: subprocess.Popen[str]) -> tuple[str, str]:
    """What it printed, and its errors."""
    out, errors = child.communicate(timeout=300)
    assert child.returncode == 0, errors
    return out.strip(), errors


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Caches that two processes filled at the same time, from nothing, on each target."""
    caches = tmp_path_factory.mktemp("caches")
    for target in ("host", "simulate"):
        both = [start(target, environment(caches)) for _ in range(2)]
        assert [result(child)[0] for child in both] == [RIGHT, RIGHT]
    return caches


def times(caches: Path) -> dict[Path, int]:
    """When each file of our cache was made."""
    files = [p for p in (caches / "ours").rglob("*") if p.is_file() and p.name[0] != "."]
    return {p: p.stat().st_mtime_ns for p in files}


def test_two_processes_from_nothing_leave_whole_entries(warm: Path) -> None:
    kinds = {path.relative_to(warm / "ours").parts[0] for path in times(warm)}
    assert kinds >= {"host", "lowered", "native", "simulator"}
    assert not list((warm / "ours").rglob("*.tmp.*"))


@pytest.mark.parametrize(
    ("damage", "target"),
    [
        ("truncated", "host"),
        ("flipped", "host"),
        ("garbage", "host"),
        ("sums", "host"),
        ("truncated", "simulate"),
    ],
)
def test_damaged_files_are_made_again(warm: Path, tmp_path: Path, damage: str, target: str) -> None:
    """Every file of ours but the native module's own, which takes long to make and is read alike."""
    shutil.copytree(warm, tmp_path, dirs_exist_ok=True)
    kinds = [p for p in (tmp_path / "ours").iterdir() if p.name != "native"]
    files = [p for kind in kinds for p in kind.rglob("*") if p.is_file() and p.stat().st_size]
    sums = [p for p in files if p.suffix == ".sum"]
    assert sums
    for path in sums if damage == "sums" else [p for p in files if p not in sums]:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 0x55
        whole = {"truncated": data[: len(data) // 2], "garbage": b"garbage"}.get(damage, data)
        path.write_bytes(bytes(whole))
    assert result(start(target, environment(tmp_path)))[0] == RIGHT
    # And what was made again serves the next process.
    made = times(tmp_path)
    assert result(start(target, environment(tmp_path)))[0] == RIGHT
    assert times(tmp_path) == made


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare, of Linux")
def test_a_disk_that_is_full(warm: Path, tmp_path: Path) -> None:
    """A file system of 40 KB for our cache: nothing fits but the smallest files."""
    inside = 'mount -t tmpfs -o size=40k tmpfs $TRITON_MLX_CACHE_DIR || exit 77; exec "$@"'
    before = ("unshare", "-rm", "sh", "-c", inside, "sh")
    (tmp_path / "ours").mkdir()
    child = start("host", environment(tmp_path), before)
    out, errors = child.communicate(timeout=300)
    if child.returncode == 77 or "unshare" in errors:
        pytest.skip(f"no file system can be mounted here: {errors.strip()}")
    assert child.returncode == 0, errors
    assert out.strip() == RIGHT


LIMITED = """
import resource
from triton_mlx.runtime import cache
resource.setrlimit(resource.RLIMIT_FSIZE, (10000, resource.RLIM_INFINITY))
cache.write("k", "1", "large", b"x" * 20000)
assert cache.read("k", "1", "large") is None
cache.write("k", "1", "small", b"x" * 100)
assert cache.read("k", "1", "small") == b"x" * 100
try:
    cache.store("k", "2", "large", lambda path: path.write_bytes(b"x" * 20000) and None)
except OSError as error:
    print(error.strerror, sorted(p.name for p in (cache.root() / "k" / "2").iterdir()))
"""


def test_files_that_may_not_grow(tmp_path: Path) -> None:
    """There is no room in any folder: `store` says so, `write` keeps nothing, no half file is left."""
    out, _ = result(start("", environment(tmp_path), code=LIMITED))
    assert out in ("File too large ['.lock']", "File too large []")


def test_a_home_that_cannot_be_written(warm: Path, tmp_path: Path) -> None:
    """Neither cache folder can be made, Triton's or ours: one warning, and the right result."""
    env = environment(tmp_path, HOME="/dev/null", XDG_CACHE_HOME="/dev/null/cache")
    for name in ("TRITON_MLX_CACHE_DIR", "TRITON_CACHE_DIR"):
        del env[name]
    out, errors = result(start("host", env))
    assert out == RIGHT
    assert errors.count("CacheUnwritable") == 1


WRITERS = """
import hashlib, random, sys
from triton_mlx.runtime import cache
def content(key):
    return hashlib.sha256(key.encode()).digest() * (1 + int(key) * 40)
def produce(path, data):
    with open(path, "wb") as file:  # in two steps, so that it can be killed between
        file.write(data[: len(data) // 2]); file.flush()
        file.write(data[len(data) // 2 :])
print("ready", flush=True)
for turn in range(int(sys.argv[1])):
    key = str(random.randrange(12))
    path = cache.store("stored", key, "a.bin", lambda path: produce(path, content(key)))
    found = path.read_bytes()
    # Another process may damage it between the check and this read: then it is made again.
    if found != content(key):
        path = cache.store("stored", key, "a.bin", lambda path: produce(path, content(key)))
        print("again", flush=True)
    cache.write("written", key, "b", content(key))
    assert cache.read("written", key, "b") in (None, content(key)), "wrong data"
"""


def test_many_writers_that_are_killed_while_files_are_damaged(tmp_path: Path) -> None:
    env = environment(tmp_path)
    children = [start("100000", env, code=WRITERS) for _ in range(3)]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline().strip() == "ready"
    chance, killed = random.Random(0), 0
    end = time.monotonic() + 4
    while time.monotonic() < end:
        time.sleep(0.05)
        files = [p for p in tmp_path.glob("ours/written/*/*") if p.name == "b"]
        if files:
            _damage(chance.choice(files))
        if chance.random() < 0.1:
            victim = chance.randrange(len(children))
            children[victim].send_signal(signal.SIGKILL)
            assert "wrong" not in children[victim].communicate(timeout=60)[1]
            children[victim], killed = start("100000", env, code=WRITERS), killed + 1
    for child in children:
        child.send_signal(signal.SIGKILL)
        out, errors = child.communicate(timeout=60)
        assert "Error" not in errors, errors
        assert "again" not in out  # nobody damaged what was stored: a reader never sees half of it
    assert killed
    last, errors = result(start("300", env, code=WRITERS))
    assert "again" not in last, errors


def _damage(path: Path) -> None:
    try:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        other = path.with_name(f".damage.tmp.{path.name}")
        other.write_bytes(bytes(data))
        other.replace(path)
    except (OSError, IndexError):
        pass  # it was just replaced or removed
