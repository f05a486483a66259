"""Host tensor descriptors (triton.tools.tensor_descriptor) as arguments.

Triton's pass rewrites a descriptor into the base pointer, shape, strides and flags as separate parameters of
the kernel; here the call's arguments are taken apart in the same order.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import sys
from collections.abc import Sequence
from typing import Any

_TYPE = re.compile(r"tensordesc<(\w+)\[([^\]]*)\]")


def is_descriptor(kind: Any) -> bool:
    """True for a signature's type of a descriptor, such as "tensordesc<fp32[16, 32]>"."""
    return isinstance(kind, str) and kind.startswith("tensordesc<")


@functools.cache
def types_of(kind: str) -> tuple[str, ...]:
    """The types of the parameters that a descriptor becomes."""
    match = _TYPE.match(kind)
    assert match is not None, kind
    rank = match[2].count(",") + 1
    flags = ["i1"] * (2 if _rounds() else 1)
    return (f"*{match[1]}", *["i64"] * (2 * rank), *flags, *["i32"] * rank, *["i64"] * rank)


def values_of(descriptor: Any) -> list[Any]:
    """The arguments that a descriptor becomes, parallel to `types_of`."""
    flags = [descriptor.padding == "nan"]
    if _rounds():
        flags.append(bool(descriptor.round_f32_to_tf32))
    sizes: Sequence[int] = [*descriptor.shape, *descriptor.strides]
    return [descriptor.base, *sizes, *flags, *sizes]


@functools.cache
def _rounds() -> bool:
    """Newer versions of Triton have a flag for rounding to tf32."""
    from triton.tools.tensor_descriptor import TensorDescriptor

    return any(f.name == "round_f32_to_tf32" for f in dataclasses.fields(TensorDescriptor))


def allow_arrays() -> None:
    """Triton takes anything with `dtype` and `data_ptr` for a pointer; mx.array lacks only the names.

    An mx.array has no address before it is evaluated. What asks for one (a TensorDescriptor) wants to know
    its alignment alone; kernels get buffers.
    """
    import mlx.core as mx

    if not hasattr(mx.array, "data_ptr"):
        mx.array.data_ptr = lambda array: 0  # type: ignore[attr-defined]
    if not hasattr(mx.Dtype, "itemsize"):
        mx.Dtype.itemsize = property(lambda dtype: dtype.size)  # type: ignore[attr-defined]
        mx.Dtype.is_floating_point = property(  # type: ignore[attr-defined]
            lambda dtype: mx.issubdtype(dtype, mx.floating)
        )


def accept_arrays() -> None:
    """Let a TensorDescriptor be made of an mx.array before anything of ours has run."""
    from triton.tools.tensor_descriptor import TensorDescriptor

    made: Any = TensorDescriptor.__post_init__
    if getattr(made, "accepts_mlx", False):
        return

    def check(self: Any) -> None:
        if "mlx.core" in sys.modules:
            allow_arrays()
        made(self)

    check.accepts_mlx = True  # type: ignore[attr-defined]
    TensorDescriptor.__post_init__ = check
