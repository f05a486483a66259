"""What something took: time on the wall, and of the processor."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import NamedTuple


class Taken(NamedTuple):
    """Seconds. `processor`: of all threads of this process, so it is the same on a busy machine."""

    wall: float
    processor: float


def now() -> Taken:
    return Taken(time.perf_counter(), time.process_time())


def since(begin: Taken) -> Taken:
    end = now()
    return Taken(end.wall - begin.wall, end.processor - begin.processor)


def medians(taken: Sequence[Taken]) -> Taken:
    return Taken(*map(statistics.median, zip(*taken)))


def ratios(ours: Sequence[Taken], theirs: Sequence[Taken]) -> dict[str, float]:
    """What `extra_info` says of two things measured in turns."""
    us, them = medians(ours), medians(theirs)
    return {
        "ratio": them.wall / us.wall, "ours_s": us.wall, "theirs_s": them.wall,
        "processor_ratio": them.processor / us.processor,
    }  # fmt: skip
