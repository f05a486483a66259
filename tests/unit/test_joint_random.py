"""Random programs, joined as planned: the same bits as one launch after the other, never more kernels."""

from __future__ import annotations

import joint_random
import numpy as np
from hypothesis import HealthCheck, given, settings
from joint_program import Program


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(joint_random.programs, joint_random.visible)
def test_random_programs(steps: list[joint_random.Step], visible: set[int]) -> None:
    program, rng = Program(), np.random.default_rng(1)
    arrays = [
        program.array(rng.integers(1, 9, joint_random.SIZE).astype(np.float32))
        for _ in range(joint_random.ARRAYS)
    ]
    for step in steps:
        given_arrays = [arrays[k] for k in step.places]
        program.run(step.kernel, (*given_arrays, *step.numbers), step.grid, **dict(step.constants))
    made = program.check(*(arrays[k] for k in sorted(visible)))
    assert len(made.launches) <= len(steps)
