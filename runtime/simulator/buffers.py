"""Between MLX arrays and the memory that a simulated kernel sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..metal_call import MetalCall, MetalText, mlx_dtype
from .findings import Finding

if TYPE_CHECKING:
    import mlx.core as mx

# checker.cpp knows the size of the red zones too.
_RED_ZONE = 4096
_ALIGNMENT = 64
_POISON = 0xFF
_Bytes = npt.NDArray[np.uint8]


class Buffer:
    """The bytes of one kernel argument between two red zones. `granule` is bytes of one element."""

    def __init__(
        self, name: str, data: _Bytes, granule: int, *, writable: bool, initialised: bool
    ) -> None:
        self.name, self.granule = name, granule
        self.writable, self.initialised = writable, initialised
        self._memory = np.full(data.size + 2 * _RED_ZONE + _ALIGNMENT, _POISON, np.uint8)
        self._start = _RED_ZONE + -(self._memory.ctypes.data + _RED_ZONE) % _ALIGNMENT
        self.data = self._memory[self._start : self._start + data.size]
        self.data[:] = data

    @property
    def address(self) -> int:
        """Where the first byte lies."""
        return int(self._memory.ctypes.data) + self._start

    def overrun(self) -> Finding | None:
        """What a write next to the buffer left there."""
        around = (self._memory[: self._start], self._memory[self._start + self.data.size :])
        if all((zone == _POISON).all() for zone in around):
            return None
        text = f"bytes next to {self.name} were written; checked mode says by which line"
        return Finding("OUT_OF_BOUNDS", None, "", text)


def buffers_of(call: MetalCall, metal: MetalText, inputs: Sequence[mx.array]) -> list[Buffer]:
    """One buffer for each buffer parameter, in the order of their indices."""
    given = dict(zip(call.input_names, inputs, strict=True))
    made: dict[int, Buffer] = {}
    for parameter in metal.parameters:
        if parameter.index is None:
            continue
        name = parameter.name
        if not parameter.is_input:
            made[parameter.index] = _output(call, name)
        elif name in given:
            made[parameter.index] = _input(name, _to_bytes(given[name]), given[name].itemsize)
        else:
            made[parameter.index] = _shape_input(name, given)
    return [made[index] for index in sorted(made)]


def to_mlx(data: _Bytes, shape: tuple[int, ...], dtype_name: str) -> mx.array:
    """A fresh array of these bytes."""
    import mlx.core as mx

    is_bfloat = dtype_name == "bfloat16"
    values = mx.array(data.copy().view("uint16" if is_bfloat else dtype_name))
    return (values.view(mx.bfloat16) if is_bfloat else values).reshape(shape)


def _input(name: str, data: _Bytes, granule: int) -> Buffer:
    return Buffer(name, data, granule, writable=False, initialised=True)


def _shape_input(name: str, given: dict[str, mx.array]) -> Buffer:
    """What MLX binds to x_shape, x_strides (in elements) and x_ndim; x is row-contiguous."""
    base, _, what = name.rpartition("_")
    shape = given[base].shape
    strides = [int(np.prod(shape[k + 1 :], dtype=np.int64)) for k in range(len(shape))]
    values: dict[str, npt.NDArray[Any]] = {
        "shape": np.array(shape, np.int32),
        "strides": np.array(strides, np.int64),
        "ndim": np.array([len(shape)], np.int32),
    }
    return _input(name, values[what].view(np.uint8), values[what].itemsize)


def _output(call: MetalCall, name: str) -> Buffer:
    """Filled with init_value, else with a pattern: Metal gives stale memory, never zeros."""
    import mlx.core as mx

    index = call.output_names.index(name)
    dtype = mlx_dtype(call.output_dtypes[index])
    size = int(np.prod(call.output_shapes[index], dtype=np.int64))
    if call.init_value is None:
        data = np.full(size * dtype.size, _POISON, np.uint8)
        return Buffer(name, data, dtype.size, writable=True, initialised=False)
    data = _to_bytes(mx.full((size,), call.init_value).astype(dtype))
    return Buffer(name, data, dtype.size, writable=True, initialised=True)


def _to_bytes(array: mx.array) -> _Bytes:
    """The elements in row-major order. numpy knows no bfloat16, so it travels as uint16."""
    import mlx.core as mx

    flat = mx.contiguous(array.reshape(-1))
    if flat.dtype == mx.bfloat16:
        flat = flat.view(mx.uint16)
    return np.array(flat).view(np.uint8)
