"""What a plan has proved of one pair of launches counts for every pair that differs by nothing but names.

Programs launch the same kernels again and again. Which rule joins two launches depends on their functions,
grids, scalars and arrays, and on which of their arrays are the same; not on the numbers of versions and
launches. So the first pair's joint launch, with other numbers, is the second pair's, and shares its function,
and what that is joined with next is known too.

Kept for one plan, so that a plan does not depend on those before it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Any

from .codes import Refusal
from .records import NOT_WRITTEN, Buffer, Launch

Joined = tuple[str, Launch]  # the code of the rule, and what it made


@dataclass(frozen=True, slots=True)
class _Outcome:
    """`found` for `pair`, which is kept because keys have identities of its functions."""

    pair: tuple[Launch, Launch]
    found: Joined | Refusal


@dataclass(slots=True)
class Known:
    """Pairs of launches that were looked at."""

    outcomes: dict[Any, _Outcome] = field(default_factory=dict)

    def join(
        self,
        earlier: Launch,
        later: Launch,
        needed: Collection[int],
        linked: bool,
        rule: Callable[[], Joined],
    ) -> Joined:
        """What `rule` makes of the pair, which depends on nothing else. Raises its Refusal."""
        key = linked, _pair_key(earlier, later, needed)
        known = self.outcomes.get(key)
        if known is None:
            return self._first(key, earlier, later, rule)
        if isinstance(known.found, Refusal):
            raise Refusal(known.found.code, known.found.what)
        code, made = known.found
        return code, _renamed(made, known.pair, (earlier, later))

    def _first(
        self, key: Any, earlier: Launch, later: Launch, rule: Callable[[], Joined]
    ) -> Joined:
        try:
            found = rule()
        except Refusal as refusal:
            if refusal.code != "WORK_LIMIT":  # which tells of what is left, and not of the pair
                self.outcomes[key] = _Outcome((earlier, later), refusal)
            raise
        self.outcomes[key] = _Outcome((earlier, later), found)
        return found


def _versions(pair: tuple[Launch, Launch]) -> list[int]:
    """Versions of the arrays of both, in order of first sight."""
    every = (v for x in pair for b in x.buffers for v in (b.before, b.after))
    return list(dict.fromkeys(v for v in every if v != NOT_WRITTEN))


def _members(pair: tuple[Launch, Launch]) -> tuple[int, ...]:
    return (*pair[0].members, *pair[1].members)


def _pair_key(earlier: Launch, later: Launch, needed: Collection[int]) -> Any:
    pair = earlier, later
    versions, members = _versions(pair), _members(pair)
    number = {v: k for k, v in enumerate(versions)} | {NOT_WRITTEN: NOT_WRITTEN}
    place = {m: k for k, m in enumerate(members)}
    wanted = tuple([v in needed for v in versions])
    return _key(earlier, number, place), _key(later, number, place), wanted


def _key(launch: Launch, number: dict[int, int], place: dict[int, int]) -> Any:
    """All that rules look at. Scalars as text: 0.0 and -0.0, 1 and True are equal, and are not the same."""
    return (
        launch.name,
        id(launch.function),
        launch.grid,
        launch.num_warps,
        len(launch.members),
        tuple(launch.slots.items()),
        tuple([(k, repr(v)) for k, v in launch.scalars.items()]),
        tuple([(k, place[n], p) for k, (n, p) in launch.origins.items()]),
        tuple(
            [
                (number[b.before], number[b.after], b.elements, b.itemsize, b.storage)
                for b in launch.buffers
            ]
        ),
    )


def _renamed(made: Launch, old: tuple[Launch, Launch], new: tuple[Launch, Launch]) -> Launch:
    """`made` of the pair `old`, for the pair `new`, which has the same key."""
    version = dict(zip(_versions(old), _versions(new), strict=True)) | {NOT_WRITTEN: NOT_WRITTEN}
    member = dict(zip(_members(old), _members(new), strict=True))

    def renamed(b: Buffer) -> Buffer:
        return replace(b, before=version[b.before], after=version[b.after])

    return replace(
        made,
        buffers=tuple([renamed(b) for b in made.buffers]),
        members=tuple(sorted(member[m] for m in made.members)),
        origins={k: (member[n], p) for k, (n, p) in made.origins.items()},
    )
