"""The table of what a tuner may change in a schedule: where each parameter applies, and what values it has.

None of them changes the order of a sum: a tuner takes only schedules with the same bits as the model's choice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..fusion.graph import Function
from ..hwinfo import Capability
from .record import Costs
from .schedule import PARAMETERS

Value = int | str
_ATOMICS = ("atomic_rmw", "atomic_cas")


@dataclass(frozen=True, slots=True)
class Site:
    """What is tuned: a function on a chip and a grid. `costs`: of the model's choice; `widths`: bits of the
    vectors that the processor has, on the host."""

    function: Function
    row: Capability
    grid: tuple[int, int, int]
    costs: Costs
    widths: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Tunable:
    """A field of Schedule. `values`: those to try at a site, none where the parameter changes nothing there;
    whether they fit, lowering says."""

    name: str
    values: Callable[[Site], tuple[Value, ...]]
    meaning: str


def _simdgroups(site: Site) -> tuple[Value, ...]:
    if site.row.backend == "host":
        return ()
    most = site.row.value("max_threads_per_threadgroup") // site.row.value("simd_width")
    return tuple(1 << k for k in range(most.bit_length()))


def _of_products(name: str) -> Callable[[Site], tuple[Value, ...]]:
    """Values of a row of schedule.PARAMETERS, where a product has the costs that it is about."""
    (parameter,) = (p for p in PARAMETERS if p.name == name)

    def values(site: Site) -> tuple[Value, ...]:
        costs = site.costs
        if site.row.backend == "host" or not costs.multiplications:
            return ()
        return parameter.values if getattr(costs, parameter.changes) else ()

    return values


def _vector_bits(site: Site) -> tuple[Value, ...]:
    return site.widths if site.row.backend == "host" else ()


def _axes(site: Site) -> tuple[Value, ...]:
    """Axes with programs. None where programs may wait for each other: they count on those before them."""
    long = [k for k in range(3) if site.grid[k] > 1]
    waits = any(n.op in _ATOMICS for n in site.function.body.walk())
    if site.row.backend != "host" or len(long) < 2 or waits:
        return ()
    return tuple(k for k in long if k > 0)


# In the order in which a tuner goes through them.
TUNABLES = (
    Tunable("simdgroups", _simdgroups, "simdgroups that share a program"),
    Tunable("staging", _of_products("staging"), "how operands of a product reach its simdgroups"),
    Tunable("split", _of_products("split"), "parts into which what is staged of K is divided"),
    Tunable("unroll", _of_products("unroll"), "steps of K in one turn of a product's loop"),
    Tunable("vector_bits", _vector_bits, "width of the vectors that the host's compiler prefers"),
    Tunable("axis", _axes, "axis of the grid along which programs follow each other"),
)


def choices(site: Site) -> Iterator[tuple[str, tuple[Value, ...]]]:
    """The parameters that apply, with their values."""
    for row in TUNABLES:
        if values := row.values(site):
            yield row.name, values
