"""The graphs of one kernel from both front ends, after all passes, and what they compute."""

from __future__ import annotations

from typing import Any

import numpy as np
from differential import _arguments, _source, record_one

from triton_mlx.fusion.errors import TritonMlxError
from triton_mlx.fusion.evaluate import evaluate
from triton_mlx.fusion.graph import Function
from triton_mlx.runtime import lowered
from triton_mlx.runtime.compiler import _generic_text, _optimise

ELEMENTS = 8192
_MEMORY = {"i1": "bool", "bf16": "uint16", "f16": "float16", "f32": "float32", "f64": "float64"}
_MEMORY |= {f"{s}{b}": f"{'u' * (s == 'u')}int{b}" for s in "iu" for b in (8, 16, 32, 64)}


def from_native(kernel: Any, signature: dict[str, Any], constants: dict[str, Any]) -> Function:
    from triton._C.libtriton import ir

    context = ir.context()
    ir.load_dialects(context)
    module = _source(kernel, signature, constants).make_ir(*_arguments(), context)
    return lowered.function_of(_generic_text(_optimise(module)))


def from_python(kernel: Any, signature: dict[str, Any], constants: dict[str, Any]) -> Function:
    from triton_mlx.runtime.frontend.ready import make_ready

    return lowered.function_of(str(make_ready(record_one(kernel, signature, constants))))


def computed(function: Function, seed: int, grid: tuple[int, int, int]) -> list[bytes] | str:
    """All arrays after a launch on random arguments, and what was printed; or why it was refused."""
    rng = np.random.default_rng(seed)
    buffers: dict[int, Any] = {}
    scalars: dict[int, int | float | bool] = {}
    for k, parameter in enumerate(function.parameters):
        scalar = parameter.type.scalar
        if parameter.type.is_pointer:
            buffers[k] = _array(rng, _MEMORY.get(scalar.name, "uint8"))
        elif scalar.is_float:
            scalars[k] = float(np.float32(rng.standard_normal()))
        else:
            scalars[k] = int(rng.integers(1, 12))
    said: list[bytes] = []

    def say(node: Any, program: Any, values: Any) -> None:
        said.append(repr((program, [np.asarray(v).tobytes() for v in values])).encode())

    try:
        with np.errstate(all="ignore"):
            evaluate(function, buffers, scalars, grid, say)
    except TritonMlxError as error:
        return f"{type(error).__name__}: {error.what}"
    return [_bits(b) for b in buffers.values()] + said


def _array(rng: Any, dtype: str) -> Any:
    if dtype.startswith("float"):
        return rng.standard_normal(ELEMENTS).astype(dtype)
    if dtype == "bool":
        return rng.integers(0, 2, ELEMENTS).astype(bool)
    return rng.integers(0, 16, ELEMENTS).astype(dtype)


def _bits(array: Any) -> bytes:
    """All NaN are one."""
    if array.dtype.kind == "f":
        array = np.where(np.isnan(array), np.array(np.nan, array.dtype), array)
    return bytes(array.tobytes())
