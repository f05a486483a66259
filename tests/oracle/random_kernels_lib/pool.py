"""Worker processes for a long run: each has its own cache folder, which goes when the worker ends."""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from typing import IO

from .command import Tally, command_of
from .run import WRONG, Outcome

PATIENCE = 180.0  # seconds for one seed; then it counts as hanging
PATIENCE_SHRINKING = 600.0


@dataclass(slots=True)
class Pool:
    """`jobs` threads, each with one worker at a time, take ranges of `batch` seeds."""

    seeds: range
    targets: tuple[str, ...]
    jobs: int
    batch: int
    smaller: bool
    tally: Tally
    seconds: float
    lock: threading.Lock = field(default_factory=threading.Lock)
    next: int = 0

    def run(self) -> None:
        threads = [threading.Thread(target=self._serve) for _ in range(self.jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _take(self) -> range:
        with self.lock:
            if time.monotonic() - self.tally.start > self.seconds:
                return range(0)
            found = self.seeds[self.next : self.next + self.batch]
            self.next += self.batch
            return found

    def _serve(self) -> None:
        while seeds := self._take():
            while seeds:
                done = self._batch(seeds)
                seeds = seeds[done:]

    def _batch(self, seeds: range) -> int:
        """How many of `seeds` one worker has answered, or died of."""
        with tempfile.TemporaryDirectory() as cache:
            shared = os.path.join(cache, "triton")
            places = {"TRITON_MLX_CACHE_DIR": cache, "TRITON_CACHE_DIR": shared, "TMPDIR": cache}
            worker = subprocess.Popen(
                command_of(seeds, self.targets, self.smaller),
                stdout=subprocess.PIPE,
                env={**os.environ, **places},
                start_new_session=True,
            )
            assert worker.stdout is not None
            try:
                done = self._listen(worker.stdout, seeds)
            finally:
                _end(worker)
            if done == 0 or (done < len(seeds) and worker.returncode != 0):
                self._add(Outcome(seeds[done], WRONG, "crash", _cause(worker.returncode)))
                done += 1
        return done

    def _listen(self, answers: IO[bytes], seeds: range) -> int:
        done, rest = 0, b""
        patience = PATIENCE_SHRINKING if self.smaller else PATIENCE
        while done < len(seeds):
            if not select.select([answers], [], [], patience)[0]:
                break
            found = os.read(answers.fileno(), 1 << 16)
            if not found:
                break
            *lines, rest = (rest + found).split(b"\n")
            for line in lines:
                self._add(Outcome(**json.loads(line)))
                done += 1
        return done

    def _add(self, outcome: Outcome) -> None:
        with self.lock:
            self.tally.peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
            self.tally.add(outcome)


def _end(worker: subprocess.Popen[bytes]) -> None:
    """Wait for a worker that is done; end one that hangs, with the compilers that it started."""
    try:
        worker.wait(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()


def _cause(status: int) -> str:
    if status == -signal.SIGKILL:
        return f"hangs: no result within {PATIENCE:.0f} seconds"
    if status < 0:
        return f"crash: {signal.Signals(-status).name}"
    return f"crash: the process ended with status {status}"
