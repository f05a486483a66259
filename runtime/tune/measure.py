"""Judges of schedules: by times measured on the device, and by a model where there is no device.

No schedule wins whose results differ by one bit from those of the model's choice.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Sequence

from ...fusion.errors import TritonMlxError
from ...hwinfo import Capability
from ...lowering.occupancy import modelled, resident
from ...lowering.record import Kernel
from ...lowering.schedule import MODEL, Schedule
from ...lowering.targets import target_for
from .. import native
from ..simulator import MissingClang
from .replay import Replay
from .search import Trial, is_better

_LEAST_ROUNDS, _MOST_ROUNDS = 7, 31
_JUDGED_SECONDS = 1.5  # of measuring, for what is judged together
_WARM = 2
# One launch in the simulator, else checking is left out, and with it the schedules to be checked.
_SIMULATED_SECONDS = 20.0


class Untunable(Exception):
    """Why a launch cannot be tuned, as its text."""


class Checked:
    """Results of schedules against those of the model's choice. Raises Untunable if these vary."""

    def __init__(self, replay: Replay):
        if replay.speaks:
            raise Untunable("it prints or asserts")
        self._replay = replay
        self._wanted = replay.outputs(MODEL)
        if replay.outputs(MODEL) != self._wanted:
            raise Untunable("its results differ from run to run")
        self._refused: dict[Schedule, str] = {MODEL: ""}

    def refusal(self, schedule: Schedule) -> str:
        """Why `schedule` is out; empty if it is not."""
        if schedule not in self._refused:
            self._refused[schedule] = self._judged(schedule)
        return self._refused[schedule]

    def _judged(self, schedule: Schedule) -> str:
        try:
            made = self._replay.outputs(schedule)
        except (TritonMlxError, RuntimeError) as error:
            return str(error).split("\n")[0]
        return "" if made == self._wanted else "its results are not those of the model's choice"


class ByTime:
    """Measures schedules in turns; only those with the right results.

    On the host, all on one thread or all on `threads`, whichever is faster for the model's choice: what the
    pool would choose for each (runtime/native/costs.h) depends on what it took before.
    """

    def __init__(self, replay: Replay):
        self._replay = replay
        self._checked = Checked(replay)
        self._warm: set[Schedule] = set()
        self.threads = 0
        if replay.choice.name == "host":
            counts = {1, native.thread_count()}
            took = {n: statistics.median(self._on(n, [MODEL])[MODEL]) for n in sorted(counts)}
            self.threads = min(took, key=lambda n: took[n])

    def __call__(self, schedules: Sequence[Schedule]) -> list[Trial]:
        refused = {s: self._checked.refusal(s) for s in schedules}
        good = [s for s in schedules if not refused[s]]
        times = self._on(self.threads, good)
        return [Trial(s, tuple(times.get(s, ())), refused[s]) for s in schedules]

    def confirmed(self, best: Schedule) -> tuple[Schedule, Trial, Trial]:
        """`best` or, if it does not win again, the model's choice; the trials of both."""
        if best == MODEL:
            (now,) = self([MODEL])
            return MODEL, now, now
        now, new = self([MODEL, best])
        return (best, now, new) if is_better(new, now) else (MODEL, now, now)

    def _on(self, threads: int, schedules: Sequence[Schedule]) -> dict[Schedule, list[float]]:
        with native.on_threads(threads) if threads else contextlib.nullcontext():
            return self._times(schedules)

    def _times(self, schedules: Sequence[Schedule]) -> dict[Schedule, list[float]]:
        for schedule in schedules:
            if schedule not in self._warm:
                self._warm.add(schedule)
                for _ in range(_WARM):
                    self._replay.seconds(schedule)
        found: dict[Schedule, list[float]] = {s: [] for s in schedules}
        end = time.perf_counter() + _JUDGED_SECONDS
        for number in range(_MOST_ROUNDS):
            if number >= _LEAST_ROUNDS and time.perf_counter() > end:
                break
            for k in range(len(schedules)):  # nobody is always the one after the same other
                schedule = schedules[(k + number) % len(schedules)]
                found[schedule].append(self._replay.seconds(schedule))
        return found


class ByModel:
    """Ranks schedules by the modelled clocks of a core; what would win is run in the
    simulator, and its results are compared.

    Raises Untunable for chips whose cores the hardware table does not know.
    """

    def __init__(self, replay: Replay, row: Capability):
        target = target_for(row)
        if target.core is None:
            raise Untunable(
                f"what a core of {row.name} has is not known, so nothing ranks schedules"
            )
        self._replay, self._core, self._lanes = replay, target.core, target.lanes
        self._registers = target.registers
        self._checked: Checked | None = None
        self._why_unchecked = ""

    def __call__(self, schedules: Sequence[Schedule]) -> list[Trial]:
        first, *others = schedules
        now = self._trial(first)
        found = [self._trial(s) for s in others]
        return [now, *(self._if_right(t) if is_better(t, now) else t for t in found)]

    def _trial(self, schedule: Schedule) -> Trial:
        try:
            kernel = self._replay.kernel(schedule)
        except TritonMlxError as error:
            return Trial(schedule, refused=str(error).split("\n")[0])
        if schedule != MODEL and kernel.registers > self._registers:
            return Trial(schedule, refused=f"it would spill: {kernel.registers} registers")
        if schedule != MODEL and self._is_alone(kernel):
            return Trial(schedule, refused="alone on a core, it would leave it idle at barriers")
        return Trial(schedule, (self.cost(kernel),))

    def _is_alone(self, kernel: Kernel) -> bool:
        alone = resident(self._core, kernel, self._lanes).groups < 2
        return alone and kernel.threadgroup_bytes > 0

    def cost(self, kernel: Kernel) -> float:
        """Relative, of one kernel with different numbers of simdgroups. Never a time."""
        return modelled(self._core, kernel, self._lanes).clocks

    def _if_right(self, trial: Trial) -> Trial:
        if self._checked is None and not self._why_unchecked:
            self._begin()
        why = self._why_unchecked or (
            self._checked.refusal(trial.schedule) if self._checked is not None else ""
        )
        return Trial(trial.schedule, refused=why) if why else trial

    def _begin(self) -> None:
        start = time.perf_counter()
        try:
            self._replay.outputs(MODEL)
            taken = time.perf_counter() - start
            if taken > _SIMULATED_SECONDS:
                self._why_unchecked = f"not checked: a launch takes the simulator {taken:.0f} s"
                return
            self._checked = Checked(self._replay)
        except (MissingClang, Untunable) as error:
            self._why_unchecked = f"not checked: {error}".split("\n")[0]
