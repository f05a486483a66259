"""A short run over random kernels: host, checked simulator, evaluator and Triton's interpreter agree.

The long run is a command: python tests/oracle/random_kernels.py --seeds 0:10000 --jobs 2
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import random_kernels
from random_kernels import generate
from random_kernels_lib.check import Refused, check

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


def test_workers_answer_for_every_seed(tmp_path: Path) -> None:
    summary = tmp_path / "found.json"
    command = [sys.executable, random_kernels.__file__, "--seeds", "0:3", "--targets", "host"]
    command += ["--jobs", "1", "--batch", "2", "--summary", str(summary)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"seeds": 3' in summary.read_text()
