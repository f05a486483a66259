"""Many random programs, compiled: joined as planned, the same bits as separate launches, never more kernels.

python tests/host/fuse_seeds.py --seeds 0:100 --programs 50 --target host

A seed is one search of Hypothesis for a difference; a program in which it finds one is made small and printed,
and the exit code is 1.
"""

from __future__ import annotations

import argparse
import collections
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "unit")]


def search(target: str, seed: int, programs: int) -> collections.Counter[str]:
    """How many programs, launches and kernels were looked at. Raises what Hypothesis found."""
    import joint_random
    import test_fuse_random
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded

    import triton_mlx

    seen: collections.Counter[str] = collections.Counter()

    def one(steps: Any, visible: Any, looks: Any) -> None:
        test_fuse_random.check(target, steps, visible, looks)
        report = triton_mlx.fuse_report()
        seen.update(programs=1, launches=len(steps), kernels=len(report.kernels))
        seen.update(d.code for d in report.decisions)

    options = settings(
        max_examples=programs,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    drawn = given(joint_random.programs, joint_random.visible, test_fuse_random.peeks)
    seeded(seed)(options(drawn(one)))()
    return seen


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0:100", help="first:end")
    parser.add_argument("--programs", type=int, default=50, help="of each seed")
    parser.add_argument("--target", default="host", choices=("host", "simulate"))
    given = parser.parse_args()
    first, end = (int(part) for part in given.seeds.split(":"))
    warnings.simplefilter("ignore")
    total: collections.Counter[str] = collections.Counter()
    failed, began = 0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("TRITON_MLX_CACHE_DIR", folder)
        for seed in range(first, end):
            try:
                total += search(given.target, seed, given.programs)
            except BaseException as error:  # noqa: BLE001  whatever it is, it is said with its seed
                if isinstance(error, KeyboardInterrupt):
                    raise
                failed += 1
                notes = getattr(error, "__notes__", ())
                print(f"seed {seed}: {type(error).__name__}: {error}", *notes, sep="\n", flush=True)
            print(seed, dict(total), f"{time.monotonic() - began:.0f} s", flush=True)
    print(f"{total['programs']} programs, {failed} seeds found a difference")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
