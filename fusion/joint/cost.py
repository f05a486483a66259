"""Whether computing a launch again where it is read is worth what it saves: a model, never a measurement.

Separate launches write the common array and read it. Joint, its elements are computed at every place that reads
them, and some are read at several: by all programs of a row of tiles of a matrix product, say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ..cover import Array
from ..graph import Node
from ..ops import OPS
from .codes import Refusal
from .records import Launch
from .walker import Walker

# Multiply-adds in the time that a byte takes: 12.9 to 20.8 on the chips in hwinfo.
OPERATIONS_PER_BYTE = 16
# Operations in the time of a launch. A launch takes microseconds, in which the smallest chips do millions.
OPERATIONS_PER_LAUNCH = 1 << 20
_PROGRAMS = 1 << 18  # looked at together


def operations(nodes: Iterable[Node]) -> int:
    """Cost of computing one element of each of these."""
    return sum(OPS[n.op].cost for n in nodes if OPS[n.op].kind == "elementwise")


def check_worth(host: Launch, lanes: int, each: int, elements: int, saved_bytes: int) -> None:
    """Raises Refusal if `elements` elements of `each` operations cost more, computed `lanes` times."""
    extra = max(0, lanes - elements) * each
    allowed = saved_bytes * OPERATIONS_PER_BYTE + OPERATIONS_PER_LAUNCH
    if extra > allowed:
        times = lanes / max(1, elements)
        raise Refusal(
            "COST",
            f"{host.name} reads each element {times:.3g} times: {extra:.3g} operations more "
            f"for {saved_bytes:.3g} bytes less",
        )


def lanes(launch: Launch, ids: Collection[int]) -> int:
    """How many elements these loads ask for in the whole launch, masked ones included.

    Raises Refusal if the trips of a loop depend on data.
    """
    counter = _Lanes(launch, ids)
    if not counter.walk():
        raise Refusal(
            "RECOMPUTE", f"{launch.name} loads the common array in a loop of unknown length"
        )
    return counter.total


class _Lanes(Walker):
    def __init__(self, launch: Launch, ids: Collection[int]):
        super().__init__(launch, ids)
        self.step = _PROGRAMS
        self.total = 0

    def touch(self, node: Node, active: Array) -> None:
        if len(active) == 1 < len(self.numbers):
            programs = len(self.numbers) * bool(active.all())
        else:
            programs = int(active.sum())
        self.total += programs * node.inputs[0].type.size
