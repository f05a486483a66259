"""Compares the stand-in with the native modules of several versions of Triton, and prints what differs.

    python tests/frontend/versions.py [VERSION ...]

Run it for a new release: pip installs each version into a folder of its own, and kernels of every feature,
random kernels and every operation are recorded by both. A version that dialect.py has no row for is recorded
as the newest one is, so that what is printed is what the release changed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
PASSED = (0, 5)  # pytest: all passed, or all skipped
_PLAIN = ("-p", "no:cacheprovider", "-o", "addopts=")  # its last line counts the tests
KNOWN = ("3.6.0", "3.7.0", "3.7.1", "3.8.0", "3.9.0")
COMMANDS = (
    ("-m", "pytest", *_PLAIN, str(HERE / "test_features.py")),
    ("-m", "pytest", *_PLAIN, str(HERE / "test_blocks.py")),
    (str(HERE / "random_records.py"), "--seeds", "0:150"),
    (str(HERE / "operation_records.py"),),
)


def compare(version: str, folder: Path) -> bool:
    """True if nothing differs."""
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(folder)]
    subprocess.run([*pip, f"triton=={version}"], check=True)
    paths = [str(folder), os.environ.get("PYTHONPATH", "")]
    caches = {name: str(folder / name) for name in ("TRITON_CACHE_DIR", "TRITON_MLX_CACHE_DIR")}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **caches}
    same = True
    for command in COMMANDS:
        done = subprocess.run(
            [sys.executable, *command], env=environment, capture_output=True, text=True
        )
        same &= done.returncode in PASSED
        lines = done.stdout.splitlines()
        good = done.returncode in PASSED
        found = [x for x in lines if x.startswith("recorded")] or lines[-1:] if good else lines
        print("\n".join(f"  {line}" for line in found[-40:]), flush=True)
    return same


def main(versions: Sequence[str]) -> int:
    verdicts = {}
    for version in versions or KNOWN:
        print(f"Triton {version}", flush=True)
        with tempfile.TemporaryDirectory() as name:
            verdicts[version] = "the same" if compare(version, Path(name)) else "DIFFERENT"
    for version, verdict in verdicts.items():
        print(f"Triton {version}: {verdict}")
    return 0 if set(verdicts.values()) == {"the same"} else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
