"""Native code for the host target."""

from __future__ import annotations

import ctypes
import functools

from ..lowering.record import Kernel
from .native import cxx


@functools.lru_cache(maxsize=1024)
def compiled(kernel: Kernel) -> int:
    """Address of the kernel's range function, compiled or taken from the disk cache."""
    source = f"{kernel.header}\n{kernel.body}"
    flags = (*cxx.KERNEL_FLAGS, *cxx.width_flags(kernel.vector_bits))
    path = cxx.compile_shared(source, name=kernel.name, kind="host", flags=flags)
    library = ctypes.CDLL(str(path))
    address = ctypes.cast(library.triton_kernel, ctypes.c_void_p).value
    assert address is not None
    return address
