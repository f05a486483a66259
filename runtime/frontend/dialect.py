"""How the IR of one version of Triton differs from another's, as data.

What differs in the arguments of a builder's method is not here: methods take both forms.
"""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass, field

from . import attributes
from .attributes import Attribute


@dataclass(frozen=True, slots=True)
class Dialect:
    """`access`: further properties of every tt.load and tt.store.

    `barrier`: the operation of a barrier. `wraps`: a descriptor's type names the type of its block whole.
    `rounds`: a descriptor says whether fp32 is rounded to tf32.
    """

    access: dict[str, Attribute] = field(default_factory=dict)
    barrier: str = "ttg.barrier"
    wraps: bool = False
    rounds: bool = True


# Versions that had block pointers say of every load and store which axes are checked: none.
_CHECKED = {"boundaryCheck": attributes.integers(())}
DIALECTS = {
    "3.6": Dialect(_CHECKED, barrier="gpu.barrier", wraps=True, rounds=False),
    "3.7": Dialect(_CHECKED, wraps=True),
    "3.8": Dialect(),
    "3.9": Dialect(),
}


@functools.cache
def current() -> Dialect:
    """Of the Triton that is imported; of a version that no row names, the newest."""
    version = getattr(sys.modules.get("triton"), "__version__", "")
    return DIALECTS.get(".".join(version.split(".")[:2]), DIALECTS["3.9"])
