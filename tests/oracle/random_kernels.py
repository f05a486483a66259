"""Random well-formed Triton kernels, and what must hold for each: all targets and oracles agree.

A seed gives a kernel as Python source. Floats hold small integers, so that sums do not depend on
their order and results are compared bit for bit; only what goes through `exp` has a tolerance.
Programs write disjoint elements and read nothing that another program writes.

    python tests/oracle/random_kernels.py --seeds 0:500
    python tests/oracle/random_kernels.py --seeds 17 --shrink
    python tests/oracle/random_kernels.py --seeds 0:10000 --jobs 2 --targets host --summary found.json
"""

from __future__ import annotations

from random_kernels_lib.generate import generate

__all__ = ["generate"]

if __name__ == "__main__":
    from random_kernels_lib.command import main

    raise SystemExit(main())
