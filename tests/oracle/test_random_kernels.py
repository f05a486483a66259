"""A few random kernels; `python tests/oracle/random_kernels.py --seeds 0:500` runs many."""

from __future__ import annotations

from pathlib import Path

import pytest
import random_kernels
import random_kernels_run as runner

_SEEDS = 25


def test_a_seed_is_always_the_same_kernel() -> None:
    first, second = random_kernels.generate(3), random_kernels.generate(3)
    assert first.source() == second.source()
    assert first.source() != random_kernels.generate(4).source()


@pytest.mark.parametrize("seed", range(_SEEDS))
def test_targets_and_oracles_agree(seed: int, tmp_path: Path) -> None:
    try:
        runner.check(random_kernels.generate(seed), tmp_path)
    except runner.Refused as refusal:
        pytest.skip(str(refusal))
