"""@triton.autotune with arrays that are not torch tensors.

Triton's hooks (reset_to_zero, restore_value) call torch's `zero_`, `clone` and `copy_` on the arguments. They
are handed stand-ins that have these words for mx.arrays and numpy arrays; tensors and numbers go through as
they are. Inside mx.compile arrays have no contents: configurations are timed on zeros of their shapes.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

from . import native


class _InNumpy:
    """torch's words on a numpy array."""

    __slots__ = ("array",)

    def __init__(self, array: Any):
        self.array = array

    def zero_(self) -> None:
        self.array[...] = 0

    def clone(self) -> _InNumpy:
        return _InNumpy(self.array.copy())

    def copy_(self, other: _InNumpy) -> None:
        self.array[...] = other.array


class _InMLX:
    """torch's words on an mx.array: the object is bound to new contents."""

    __slots__ = ("array", "mx")

    def __init__(self, array: Any, mx: Any):
        self.array, self.mx = array, mx

    def zero_(self) -> None:
        native.rebind(self.array, self.mx.zeros_like(self.array))

    def clone(self) -> _InMLX:
        return _InMLX(self.mx.array(self.array), self.mx)

    def copy_(self, other: _InMLX) -> None:
        native.rebind(self.array, self.mx.array(other.array))


def _known(argument: Any) -> Any:
    numpy, mx = sys.modules.get("numpy"), sys.modules.get("mlx.core")
    if numpy is not None and isinstance(argument, numpy.ndarray):
        return _InNumpy(argument)
    return _InMLX(argument, mx) if mx is not None and isinstance(argument, mx.array) else argument


def accept_arrays() -> None:
    """Let the hooks of every autotuner, those that exist too, meet arrays of any kind."""
    from triton.runtime.autotuner import Autotuner

    if isinstance(Autotuner.__dict__.get("pre_hook"), property):
        return
    tuner: Any = Autotuner
    tuner._bench = _on_contents(tuner._bench)
    for name in ("pre_hook", "post_hook"):
        setattr(tuner, name, _adapted(name))


def _on_contents(bench: Callable[..., Any]) -> Callable[..., Any]:
    """Autotuner._bench, which times one configuration, on arrays that have contents."""

    @functools.wraps(bench)
    def timed(tuner: Any, *args: Any, **options: Any) -> Any:
        mx: Any = sys.modules.get("mlx.core")
        given = (*args, *options.values()) if mx is not None else ()
        arrays = [a for a in given if isinstance(a, mx.array)]
        zeros = {id(a): mx.zeros(a.shape, a.dtype) for a in arrays if native.followed([a])}
        if not zeros:
            return bench(tuner, *args, **options)
        named = tuner.nargs
        tuner.nargs = {k: zeros.get(id(v), v) for k, v in named.items()}
        try:
            return bench(
                tuner,
                *[zeros.get(id(a), a) for a in args],
                **{k: zeros.get(id(v), v) for k, v in options.items()},
            )
        finally:
            tuner.nargs = named

    return timed


def _adapted(name: str) -> property:
    def get(tuner: Any) -> Callable[..., Any]:
        hook: Callable[..., Any] = tuner.__dict__[name]
        if getattr(tuner, f"user_defined_{name}", False):
            return hook
        return lambda kwargs, *rest, **options: hook(
            {k: _known(v) for k, v in kwargs.items()}, *rest, **options
        )

    def put(tuner: Any, hook: Callable[..., Any]) -> None:
        tuner.__dict__[name] = hook

    return property(get, put)
