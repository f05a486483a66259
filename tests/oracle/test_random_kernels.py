"""A short run over random kernels: host, checked simulator, evaluator and Triton's interpreter agree.

The long run is a command: python tests/oracle/random_kernels.py --seeds 0:10000
"""

from __future__ import annotations

from pathlib import Path

import pytest
from random_kernels import generate
from random_kernels_run import Refused, check

SEEDS = range(24)


@pytest.mark.parametrize("seed", SEEDS)
def test_all_agree(seed: int, tmp_path: Path) -> None:
    """To shrink a failure: python tests/oracle/random_kernels.py --seeds SEED --shrink."""
    try:
        check(generate(seed), tmp_path)
    except Refused as reason:
        pytest.skip(str(reason).splitlines()[0])


def test_a_seed_always_gives_the_same_kernel() -> None:
    assert [generate(s).source() for s in SEEDS] == [generate(s).source() for s in SEEDS]
    assert len({generate(s).source() for s in SEEDS}) == len(SEEDS)
