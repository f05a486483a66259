"""numpy arrays and torch CPU tensors as kernel arguments: memory at an address, changed in place.

As on any Triton back end such an argument is a base pointer; strides are the kernel's business. torch is never
imported here: a tensor is known by its `data_ptr` and `untyped_storage`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from ..fusion.errors import BadArgument

_IN_NUMPY = {
    "bfloat16": "uint16",
    **dict.fromkeys(
        ("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"), "uint8"
    ),
}


@dataclass(frozen=True, slots=True)
class Block:
    """Memory behind one argument: where its first element is, and the bytes that belong to it.

    `low`, `high`: bounds (bytes) of the storage that the kernel may reach from `address`.
    """

    address: int
    low: int
    high: int
    dtype: str
    writable: bool


def is_memory(array: Any) -> bool:
    """True for a numpy array or a torch tensor."""
    numpy = sys.modules.get("numpy")
    return (numpy is not None and isinstance(array, numpy.ndarray)) or (
        hasattr(array, "untyped_storage") and hasattr(array, "data_ptr")
    )


def block_of(array: Any, name: str) -> Block:
    """The memory of a numpy array or torch CPU tensor. Raises BadArgument for tensors elsewhere."""
    if not hasattr(array, "untyped_storage"):
        return _numpy_block(array)
    if array.device.type != "cpu":
        raise BadArgument(
            f"argument {name!r} is a torch tensor on {array.device}",
            why="kernels run on memory of the CPU here",
            hint="tensor.cpu(), or mx.array(tensor.cpu().numpy())",
        )
    storage = array.untyped_storage()
    low = storage.data_ptr()
    return Block(
        array.data_ptr(), low, low + storage.nbytes(), str(array.dtype).rpartition(".")[2], True
    )


def _numpy_block(array: Any) -> Block:
    address: int = array.__array_interface__["data"][0]
    low = high = address
    if array.size:
        high += array.itemsize
        for size, stride in zip(array.shape, array.strides):
            reach = (size - 1) * stride
            low, high = low + min(reach, 0), high + max(reach, 0)
    return Block(address, low, high, str(array.dtype), bool(array.flags.writeable))


def flat(block: Block) -> Any:
    """The elements from the first one to the end of the storage as a numpy array over that memory.

    Types that numpy does not have are integers of their width.
    """
    import ctypes

    import numpy

    dtype = numpy.dtype(_IN_NUMPY.get(block.dtype, block.dtype))
    count = max(0, block.high - block.address) // dtype.itemsize
    if not count:
        return numpy.empty(0, dtype)
    memory = (ctypes.c_char * (count * dtype.itemsize)).from_address(block.address)
    return numpy.frombuffer(memoryview(memory), dtype, count)


class _Pointer:
    """What Triton's argument specialisation looks at."""

    __slots__ = ("dtype",)
    data_ptr = None

    def __init__(self, dtype: Any):
        self.dtype = dtype


def _known(argument: Any, numpy: Any) -> Any:
    """Something that Triton's native code can type in place of a numpy array or number, in tuples too."""
    if isinstance(argument, numpy.ndarray):
        return _Pointer(argument.dtype)
    if isinstance(argument, numpy.generic):
        return argument.item()
    if not isinstance(argument, tuple):
        return argument
    parts = [_known(a, numpy) for a in argument]
    if all(a is b for a, b in zip(parts, argument)):
        return argument
    return type(argument)(*parts) if hasattr(argument, "_fields") else tuple(parts)


def accept_numpy() -> None:
    """Let Triton type numpy arrays and numbers; its native code knows neither."""
    from triton.runtime import jit

    native: Any = getattr(jit, "native_specialize_impl", None)
    if native is None or getattr(native, "accepts_numpy", False):
        return

    known: set[type] = set()  # types that Triton's native code knows: every argument comes by here

    def specialize(backend: Any, argument: Any, *rest: Any) -> Any:
        kind = type(argument)
        if kind not in known:
            numpy = sys.modules.get("numpy")
            if numpy is not None and getattr(backend, "binary_ext", "") == "tmlx":
                given, argument = argument, _known(argument, numpy)
                if given is argument and not isinstance(argument, tuple):
                    known.add(kind)
        try:
            return native(backend, argument, *rest)
        except KeyError as error:  # of Triton's table of element types
            dtype = getattr(argument, "dtype", None)
            if getattr(backend, "binary_ext", "") != "tmlx" or dtype is None:
                raise
            raise BadArgument(
                f"an array of {dtype}",
                why="Triton has no such element type",
                hint="pass a view of its parts, such as the real and imaginary numbers",
            ) from error

    specialize.accepts_numpy = True  # type: ignore[attr-defined]
    jit.native_specialize_impl = specialize
