"""The CUDA text of kernels compiles with NVRTC, as MLX compiles it; no GPU is needed.

With NVRTC from a wheel (nvidia-cuda-nvrtc), CUDA_HOME says where it is.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from cuda_kernels import KERNELS, doubled
from nvrtc import errors, folder, unit

import triton_mlx
from triton_mlx.fusion.errors import BadArgument
from triton_mlx.lowering.record import Kernel
from triton_mlx.runtime import lowered
from triton_mlx.runtime.inspect import last_launcher, lowered_last
from triton_mlx.runtime.metal import metal_call
from triton_mlx.runtime.metal_call import mlx_dtype

DTYPES = {
    "bool": "bool",
    "uchar": "uint8",
    "char": "int8",
    "int": "int32",
    "uint": "uint32",
    "long": "int64",
    "half": "float16",
    "bfloat": "bfloat16",
    "float": "float32",
}


class Shape:
    def __init__(self, size: int, dtype: str):
        self.size, self.dtype, self.itemsize = size, dtype, mlx_dtype(dtype).size


def text_of(kernel: Any) -> str:
    """The whole text that MLX hands to NVRTC for the kernel's last launch."""
    made: Kernel = lowered_last(kernel, "cuda:cuda 9.0")
    sizes = last_launcher(kernel).last_sizes
    shapes = [Shape(n, DTYPES[a.storage]) for n, a in zip(sizes, made.accesses, strict=True)]
    call = metal_call(made, shapes, (1, 1, 1))
    assert call.language == "cuda"
    inputs = [(made.accesses[k].old, shapes[k].dtype) for k in made.inputs]
    inputs += [("scalars", "uint32")] * bool(made.scalars)
    outputs = list(zip(call.output_names, call.output_dtypes, strict=True))
    return unit(call.name, call.header, call.source, inputs, outputs)


@pytest.mark.skipif(folder() is None, reason="no NVRTC")
@pytest.mark.parametrize("name", KERNELS)
def test_compiles(name: str) -> None:
    kernel, launch = KERNELS[name]
    with triton_mlx.use("host"):
        launch()
    assert errors(text_of(kernel)) == ""


@pytest.mark.skipif(folder() is None, reason="no NVRTC")
def test_float64_goes_there_as_integers() -> None:
    values = np.ones(256)
    with triton_mlx.use("host"):
        doubled[(1,)](values, values.copy(), 256, BLOCK=256)
    launcher = last_launcher(doubled)
    facts = {k: replace(f, storage="ulong") for k, f in launcher.last_facts.items()}
    kernel = lowered.kernel_for(launcher.text, "cuda:cuda 9.0", 4, facts)
    call = metal_call(kernel, [Shape(256, "uint64")] * 2, (1, 1, 1))
    inputs = [(kernel.accesses[k].old, "uint64") for k in kernel.inputs] + [("scalars", "uint32")]
    outputs = list(zip(call.output_names, call.output_dtypes, strict=True))
    text = unit(call.name, call.header, call.source, inputs, outputs)
    assert "as_type<double>" in text
    assert errors(text) == ""


@pytest.mark.skipif(folder() is None, reason="no NVRTC")
def test_a_wrong_text_is_found() -> None:
    assert "undefined" in errors(unit("wrong", "", "out[0] = nowhere;", [], [("out", "float32")]))


def test_no_word_of_metal_alone() -> None:
    """What the prelude does not define must not be there."""
    kernel, launch = KERNELS["matmul"]
    with triton_mlx.use("host"):
        launch()
    body = lowered_last(kernel, "cuda").body
    assert "#pragma clang" not in body and "simdgroup_matrix" not in body
    assert "__shared__ uchar arena" in body


def test_more_memory_than_a_kernel_may_declare_is_asked_for_at_the_launch() -> None:
    kernel, launch = KERNELS["products_long"]
    with triton_mlx.use("host"):
        launch()
    lowered = lowered_last(kernel, "cuda:cuda 9.0")
    assert lowered.launch_bytes == lowered.threadgroup_bytes > 48 << 10
    assert "extern __shared__" in lowered.body
    shapes = [Shape(n, "float16") for n in last_launcher(kernel).last_sizes]
    assert metal_call(lowered, shapes, (1, 1, 1)).shared_memory == lowered.launch_bytes
    _, launch = KERNELS["products"]
    with triton_mlx.use("host"):
        launch()
    assert lowered_last(kernel, "cuda:cuda 9.0").launch_bytes == 0


def test_what_mlx_hashes_at_each_launch_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The preludes are a file that the text includes, with all that they say."""
    given: dict[str, Any] = {}
    monkeypatch.setattr(mx.fast, "cuda_kernel", lambda **options: given.update(options))
    kernel, launch = KERNELS["add"]
    with triton_mlx.use("host"):
        launch()
    lowered = lowered_last(kernel, "cuda:cuda 9.0")
    metal_call(lowered, [Shape(5000, "float32")] * len(lowered.accesses), (7, 1, 1)).ready()
    word, path = given["header"].split()
    assert word == "#include" and len(given["header"]) < 300
    assert Path(path.strip('"')).read_text() == lowered.header


def test_grid_limit() -> None:
    kernel, launch = KERNELS["add"]
    with triton_mlx.use("host"):
        launch()
    lowered = lowered_last(kernel, "cuda")
    shapes = [Shape(5000, "float32")] * len(lowered.accesses)
    metal_call(lowered, shapes, (1, 65535, 1))
    with pytest.raises(BadArgument, match="65536"):
        metal_call(lowered, shapes, (1, 65536, 1))


def test_target_and_chip() -> None:
    with triton_mlx.use("cuda", chip="cuda 9.0"):
        pass
    with pytest.raises(ValueError, match="M3 Max"):
        triton_mlx.use("cuda", chip="M3 Max")
