"""How many addresses a plan evaluates, so that planning takes milliseconds whatever the kernels are.

What linear forms show costs nothing of this. It is a number of addresses and not a time, so that a plan is the
same on every machine.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator

from .codes import Refusal

# Of one plan. A proof in numpy takes tens of nanoseconds for each.
MOST_ADDRESSES = 1 << 19
_left: contextvars.ContextVar[int] = contextvars.ContextVar("addresses", default=MOST_ADDRESSES)


@contextlib.contextmanager
def limited() -> Iterator[None]:
    """The proofs inside share MOST_ADDRESSES."""
    token = _left.set(MOST_ADDRESSES)
    try:
        yield
    finally:
        _left.reset(token)


def spend(name: str, addresses: int) -> None:
    """Take these from what is left. Raises Refusal if that is less, and then takes none."""
    left = _left.get()
    if addresses > left:
        raise Refusal(
            "WORK_LIMIT",
            f"the proof would evaluate {addresses} addresses of {name}; {left} of "
            f"{MOST_ADDRESSES} are left for these launches",
        )
    _left.set(left - addresses)
