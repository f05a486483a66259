"""What a plan asks the cost model, and what it remembers to compare joint kernels with their parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .codes import Refusal
from .cost import UNKNOWN, Chip, check_parallel, too_few
from .records import Launch

Members = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """Two launches that were joined. `needed`: versions that others than these two read."""

    first: Launch
    later: Launch
    needed: frozenset[int]


@dataclass(slots=True)
class Judge:
    """`lost`: joint kernels, by the launches in them, that the model refuses once they are lowered."""

    chip: Chip = UNKNOWN
    lost: dict[Members, Refusal] = field(default_factory=dict)
    steps: dict[Members, Step] = field(default_factory=dict)

    def check(
        self,
        step: Step,
        joint: Launch,
        parts: Callable[[Step], tuple[Launch, Launch]],
        trimmed: Callable[[Launch, frozenset[int]], Launch],
        traffic: Callable[[Launch], int],
    ) -> None:
        """Raises Refusal if the model says that `joint` loses.

        `parts`, `trimmed`: launches as they will be made, without the stores that nobody needs.
        """
        refusal = self.lost.get(joint.members)
        if refusal is not None:
            raise Refusal(refusal.code, refusal.what)
        if too_few(step.first, step.later, joint, self.chip):
            check_parallel(parts(step), trimmed(joint, step.needed), traffic, self.chip)
        self.steps[joint.members] = step
