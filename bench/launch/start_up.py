"""Wall and processor time of new processes: imports, and the first launch of a small kernel.

    python bench/launch/start_up.py [--rounds N]

Whole processes, from start to exit, of every kind in turn; medians of N rounds after a first one that fills
the disk caches and the byte code. Both front ends, where Triton has its native module here.
No assertion: what is measured depends on the machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

LAUNCH = """
import numpy as np, triton_mlx, triton, triton.language as tl

@triton.jit
def kernel(x, o, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(o + at, tl.load(x + at, mask=at < n) * 2, mask=at < n)

x, out = np.arange(100, dtype=np.float32), np.zeros(100, np.float32)
triton_mlx.use("host")
kernel[(1,)](x, out, 100, BLOCK=128)
assert (out == x * 2).all()
"""
PROCESSES = {
    "python -c pass": "pass",
    "import numpy": "import numpy",
    "import triton": "import triton_mlx, triton",
    "first launch": LAUNCH,
}


def front_ends() -> tuple[str, ...]:
    code = "from triton_mlx.runtime.frontend import place; print(place.is_python())"
    done = subprocess.run([sys.executable, "-c", "import triton; " + code], capture_output=True)
    return ("python",) if done.stdout.strip() == b"True" else ("python", "native")


def taken(script: Path, environment: dict[str, str]) -> tuple[float, float]:
    """Wall and processor time of a process, in seconds."""
    before, start = os.times(), time.perf_counter()
    subprocess.run([sys.executable, str(script)], env=environment, check=True)
    wall, after = time.perf_counter() - start, os.times()
    used = after.children_user + after.children_system
    return wall, used - before.children_user - before.children_system


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        times: dict[tuple[str, str], tuple[Path, dict[str, str], list[Any]]] = {}
        for front_end in front_ends():
            environment = {
                **os.environ,
                "TRITON_MLX_FRONTEND": front_end,
                "TRITON_CACHE_DIR": str(folder / front_end),
                "TRITON_MLX_CACHE_DIR": str(folder / f"{front_end}-mlx"),
                "PYTHONPYCACHEPREFIX": str(folder / "byte-code"),
            }
            environment.pop("PYTHONDONTWRITEBYTECODE", None)
            for kind, code in PROCESSES.items():
                script = folder / f"{front_end}-{len(times)}.py"
                script.write_text(code)
                taken(script, environment)
                times[front_end, kind] = (script, environment, [])
        for _ in range(rounds):
            for script, environment, found in times.values():
                found.append(taken(script, environment))
    print("ms                         median   least   processor, median")
    for (front_end, kind), (_, _, found) in times.items():
        walls, used = ([t[k] * 1e3 for t in found] for k in (0, 1))
        middle, processor = statistics.median(walls), statistics.median(used)
        print(f"{front_end:8} {kind:16} {middle:7.0f} {min(walls):7.0f} {processor:7.0f}")


if __name__ == "__main__":
    main()
