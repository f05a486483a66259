"""What `import triton` and the first launch of a new process load, with everything in the disk cache.

What is not imported takes no time; how long the rest takes is for benchmarks to say.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from test_record import child

from triton_mlx.runtime.frontend import place

LAUNCH = """
import sys
import triton_mlx, triton, triton.language as tl
imported = set(sys.modules)
import numpy as np

@triton.jit
def kernel(x, o, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(o + at, tl.load(x + at, mask=at < n) * 2, mask=at < n)

x, out = np.arange(100, dtype=np.float32), np.zeros(100, np.float32)
with triton_mlx.use("host"):
    kernel[(1,)](x, out, 100, BLOCK=128)
assert (out == x * 2).all()
print(*sorted(imported))
print(*sorted(sys.modules))
"""
FRONT_ENDS = ["python"] if place.is_python() else ["python", "native"]


def loaded(folder: Path, front_end: str) -> tuple[set[str], set[str]]:
    """The modules after the imports, and after the launch."""
    script = folder / "launch.py"
    script.write_text(LAUNCH)
    done = child(str(script), folder=folder, TRITON_MLX_FRONTEND=front_end)
    assert done.returncode == 0, done.stderr[-2000:]
    before, after = done.stdout.splitlines()
    return set(before.split()), set(after.split())


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_imports_leave_arrays_and_graphs_alone(front_end: str, tmp_path: Path) -> None:
    imported, _ = loaded(tmp_path, front_end)
    assert not imported & {"numpy", "mlx.core", "torch", "networkx", "rich", "filelock"}


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_a_kernel_of_the_cache_is_neither_lifted_nor_lowered(
    front_end: str, tmp_path: Path
) -> None:
    _, first = loaded(tmp_path, front_end)
    assert {"triton_mlx.fusion.lift", "networkx"} <= first
    _, second = loaded(tmp_path, front_end)
    assert not second & {"triton_mlx.fusion.lift", "triton_mlx.fusion.graph", "networkx", "torch"}
    assert "triton_mlx.runtime.frontend.verifier" not in second
