"""NVRTC as MLX uses it, for machines without a GPU: compiles text, runs nothing."""

from __future__ import annotations

import ctypes
import functools
import os
import sysconfig
from collections.abc import Iterator
from pathlib import Path

MLX_PREAMBLE = """#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda/std/array>
#include <cuda/std/limits>
#include <cuda/std/tuple>
#include <cooperative_groups.h>
#define inf cuda::std::numeric_limits<float>::infinity()
"""
_TYPES = {
    "bool": "bool",
    "uint8": "uint8_t",
    "uint16": "uint16_t",
    "uint32": "uint32_t",
    "uint64": "uint64_t",
    "int8": "int8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "int64": "int64_t",
    "float16": "__half",
    "bfloat16": "__nv_bfloat16",
    "float32": "float",
}


@functools.cache
def folder() -> Path | None:
    """The CUDA toolkit, as installed or as nvidia's wheels have it."""
    for place in _places():
        if any(place.glob("lib*/libnvrtc.so*")) and (place / "include/cuda_fp16.h").exists():
            return place
    return None


def _places() -> Iterator[Path]:
    yield Path(os.environ.get("CUDA_HOME", "/usr/local/cuda"))
    yield from sorted(Path("/usr/local").glob("cuda-*"))
    yield from Path(sysconfig.get_paths()["purelib"]).glob("nvidia/cu*")


def unit(
    name: str, header: str, body: str, inputs: list[tuple[str, str]], outputs: list[tuple[str, str]]
) -> str:
    """What MLX makes of a kernel (mlx/backend/cuda/custom_kernel.cpp). Inputs: (name, dtype)."""
    parameters = [f"const {_TYPES[t]}* {n}" for n, t in inputs]
    parameters += [f"{_TYPES[t]}* {n}" for n, t in outputs]
    return (
        f"{MLX_PREAMBLE}{header}namespace mlx::core::cu {{\n\n"
        f"namespace cg = cooperative_groups;\n\n"
        f"__global__ void {name}({', '.join(parameters)}) {{\n{body}\n}}\n\n}}\n"
    )


def errors(text: str, architecture: str = "compute_90") -> str:
    """What the compiler says of `text`; empty if it compiles. Raises LookupError without NVRTC."""
    root = folder()
    if root is None:
        raise LookupError("no NVRTC on this machine")
    library = ctypes.CDLL(str(next(root.glob("lib*/libnvrtc.so*"))))
    program = ctypes.c_void_p()
    made = library.nvrtcCreateProgram(
        ctypes.byref(program), text.encode(), b"kernel.cu", 0, None, None
    )
    if made:
        raise LookupError(f"nvrtcCreateProgram failed with {made}")
    options = [
        f"--gpu-architecture={architecture}",
        "--device-as-default-execution-space",
        f"--include-path={root}/include",
        f"--include-path={root}/include/cccl",
    ]
    words = (ctypes.c_char_p * len(options))(*(o.encode() for o in options))
    failed = library.nvrtcCompileProgram(program, len(options), words)
    size = ctypes.c_size_t()
    library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    library.nvrtcGetProgramLog(program, log)
    library.nvrtcDestroyProgram(ctypes.byref(program))
    return log.value.decode() if failed else ""
