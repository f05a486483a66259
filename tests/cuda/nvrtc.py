"""CUDA text through NVIDIA's run-time compiler, which needs no GPU but three of NVIDIA's wheels."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
from pathlib import Path

TYPES = {
    "bool": "bool",
    "int8": "signed char",
    "uint8": "unsigned char",
    "int16": "short",
    "uint16": "unsigned short",
    "int32": "int",
    "uint32": "unsigned int",
    "int64": "long",
    "uint64": "unsigned long",
    "float16": "__half",
    "bfloat16": "__nv_bfloat16",
    "float32": "float",
}


MLX_NAMES = {
    "bool": "bool",
    "char": "int8",
    "uchar": "uint8",
    "short": "int16",
    "ushort": "uint16",
    "int": "int32",
    "uint": "uint32",
    "long": "int64",
    "ulong": "uint64",
    "half": "float16",
    "bfloat": "bfloat16",
    "float": "float32",
}


@functools.cache
def folder() -> Path | None:
    """Where NVIDIA's wheels put `lib` and `include`; None without them."""
    spec = importlib.util.find_spec("nvidia")
    for place in spec.submodule_search_locations or () if spec else ():
        for found in Path(place).glob("cu1*"):
            if next(found.glob("lib/libnvrtc.so*"), None):
                return found
    return None


def whole_text(name: str, header: str, source: str, inputs: list[str], outputs: list[str]) -> str:
    """What MLX makes of a kernel; `inputs` and `outputs` are C++ declarations."""
    parameters = ", ".join([*inputs, *outputs])
    return (
        "#include <cuda_bf16.h>\n#include <cuda_fp16.h>\n#include <cooperative_groups.h>\n"
        f"{header}\nnamespace mlx::core::cu {{\n__global__ void {name}({parameters}) {{\n{source}\n}}\n}}\n"
    )


def compiled(text: str, architecture: str) -> tuple[bytes, str]:
    """(cubin, messages); the cubin is empty if the compiler refused the text."""
    root = folder()
    assert root is not None
    library = ctypes.CDLL(str(next(root.glob("lib/libnvrtc.so*"))))
    program = ctypes.c_void_p()
    library.nvrtcCreateProgram(ctypes.byref(program), text.encode(), b"kernel.cu", 0, None, None)
    options = [
        f"--gpu-architecture={architecture}",
        "--device-as-default-execution-space",
        f"--include-path={root / 'include'}",
        f"--include-path={root / 'include' / 'cccl'}",
    ]
    given = (ctypes.c_char_p * len(options))(*(o.encode() for o in options))
    failed = library.nvrtcCompileProgram(program, len(options), given)
    size = ctypes.c_size_t()
    library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    library.nvrtcGetProgramLog(program, log)
    code = b""
    if not failed:
        library.nvrtcGetCUBINSize(program, ctypes.byref(size))
        cubin = ctypes.create_string_buffer(size.value)
        library.nvrtcGetCUBIN(program, cubin)
        code = cubin.raw
    library.nvrtcDestroyProgram(ctypes.byref(program))
    return code, log.value.decode()
