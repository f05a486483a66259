"""How long both front ends take from a kernel's source to its graph: walking it, recording, lifting.

    python bench/compile/graph_build.py [--rounds N]

A process for each front end in turn, several times; in each, every kernel of tests/frontend/features.py is
built several times, and the shortest time counts. Both make the text that the disk cache keeps, too.
Where Triton has no native module there is nothing to compare with.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time

ROOT = Path(__file__).resolve().parents[2]
AGAIN = 5


def times() -> dict[str, tuple[float, float]]:
    """Kernel → wall and processor seconds, in this process."""
    sys.path.insert(0, str(ROOT / "tests" / "frontend"))
    import triton_mlx  # noqa: F401  before Triton: it places the front end

    from features import KERNELS  # isort: skip
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource, make_backend

    from triton_mlx.fusion.lift import lift, lift_module
    from triton_mlx.runtime.compiler import _generic_text, _optimise
    from triton_mlx.runtime.frontend.ready import as_operations, is_recorded

    target = GPUTarget("mlx", "host", 32)
    backend = make_backend(target)
    from triton._C.libtriton import ir

    def build(kernel, signature, constants) -> None:  # type: ignore[no-untyped-def]
        context = ir.context()
        ir.load_dialects(context)
        options = backend.parse_options({})
        functions = backend.get_codegen_implementation(options)
        source = ASTSource(kernel, signature, constants)
        module = source.make_ir(target, options, functions, backend.get_module_map(), context)
        module = _optimise(module)
        text = _generic_text(module)
        if is_recorded(module):
            lift_module(as_operations(module))
        else:
            lift(text)

    def least(run: Callable[[], None]) -> tuple[float, float]:
        found = []
        for _ in range(AGAIN):
            wall, used = perf_counter(), process_time()
            run()
            found.append((perf_counter() - wall, process_time() - used))
        return min(w for w, _ in found), min(u for _, u in found)

    kernels = {name: row for name, row in KERNELS.items() if name != "misc"}  # lifted by neither
    return {name: least(lambda row=row: build(*row)) for name, row in kernels.items()}  # type: ignore[misc]


def child(front_end: str) -> dict[str, tuple[float, float]]:
    environment = {**os.environ, "TRITON_MLX_FRONTEND": front_end}
    done = subprocess.run(
        [sys.executable, __file__, "--child"], env=environment, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, tuple[float, float]] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--child", action="store_true")
    given = parser.parse_args()
    if given.child:
        print(json.dumps(times()))
        return
    both = [(child("python"), child("native")) for _ in range(given.rounds)]
    print("kernel         python ms  native ms  ratio  of processor time   (medians)")
    for name in both[0][0]:
        walls, used = (
            [statistics.median(r[side][name][k] for r in both) * 1e3 for side in (0, 1)]
            for k in (0, 1)
        )
        ratios = f"{walls[0] / walls[1]:6.2f}  {used[0] / used[1]:6.2f}"
        print(f"{name:14} {walls[0]:9.1f}  {walls[1]:9.1f} {ratios}")


if __name__ == "__main__":
    main()
