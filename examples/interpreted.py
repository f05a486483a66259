"""Run a kernel, or a function that launches kernels, under Triton's own interpreter.

Triton decides when it is imported whether its kernels are compiled or interpreted, so the
interpreter runs in a child process. It wants torch tensors; a small stand-in on numpy arrays
is enough. numpy has no bfloat16, and the interpreter stores it as bare 16-bit integers, which it
then adds and multiplies as integers. Hence bfloat16 arrays go through it as float32: inputs are
exact, arithmetic is float32, and what a kernel stored is rounded to bfloat16 (to nearest, ties
to even) when it comes back. Casts to bfloat16 inside a kernel do not round.
"""

from __future__ import annotations

import contextlib
import importlib.util
import pickle
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType, TracebackType
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

NumpyArray = npt.NDArray[Any]

_START = (
    "import os; os.environ['TRITON_INTERPRET'] = '1'; "
    "from triton_mlx.examples.interpreted import serve; serve()"
)


class InterpreterError(RuntimeError):
    """A function failed under Triton's interpreter; the message holds the child's traceback."""


@dataclass(frozen=True, slots=True)
class Packed:
    """An mx.array on its way between the processes: its values, and its MLX dtype by name."""

    values: NumpyArray
    dtype: str


@dataclass(frozen=True, slots=True)
class Request:
    """What the child shall run: `name` of the file `path`, with a grid if that is a kernel."""

    path: str
    name: str
    grid: tuple[int, ...] | None
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """The child's answer: the result or the arguments after a launch, or the error's text."""

    value: Any
    seconds: float
    error: str = ""


class Interpreter:
    """A child process that interprets kernels. Use it as a context manager, or call `close`."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", _START]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> Interpreter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child."""
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        self._child.wait()

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[Any, float]:
        """Call a module-level function of mx.arrays; returns its result and the seconds it took.

        The function's file is loaded anew in the child, where its kernels are interpreted.
        """
        code = function.__code__
        reply = self._ask(Request(code.co_filename, function.__name__, None, args, kwargs))
        return reply.value, reply.seconds

    def launch(self, kernel: Any, grid: Any, *args: Any, **kwargs: Any) -> float:
        """Launch a module-level kernel on numpy arrays, which hold the results afterwards.

        `grid` is a tuple, or a function of the keyword arguments. Returns the seconds it took.
        """
        function = kernel.fn
        shape = grid(kwargs) if callable(grid) else grid
        path = function.__code__.co_filename
        reply = self._ask(Request(path, function.__name__, tuple(shape), args, kwargs))
        for mine, theirs in zip(args, reply.value, strict=True):
            if isinstance(mine, np.ndarray):
                mine[...] = theirs
        return reply.seconds

    def _ask(self, request: Request) -> Reply:
        assert self._child.stdin is not None and self._child.stdout is not None
        packed = Request(
            request.path, request.name, request.grid, _pack(request.args), _pack(request.kwargs)
        )
        try:
            pickle.dump(packed, self._child.stdin)
            self._child.stdin.flush()
            reply = pickle.load(self._child.stdout)
        except (EOFError, BrokenPipeError) as error:
            raise InterpreterError("The interpreter's process ended early.") from error
        if reply.error:
            raise InterpreterError(f"{request.name} failed when interpreted:\n{reply.error}")
        return Reply(_unpack(reply.value), reply.seconds)


def _pack(value: Any) -> Any:
    """Replace the mx.arrays in tuples, lists and dicts by what can be pickled."""
    import mlx.core as mx

    if isinstance(value, mx.array):
        name = str(value.dtype).removeprefix("mlx.core.")
        return Packed(np.array(value.astype(mx.float32) if name == "bfloat16" else value), name)
    if isinstance(value, (tuple, list)):
        return type(value)(_pack(item) for item in value)
    if isinstance(value, dict):
        return {key: _pack(item) for key, item in value.items()}
    return value


def _unpack(value: Any) -> Any:
    """The inverse of `_pack`."""
    import mlx.core as mx

    if isinstance(value, Packed):
        return mx.array(value.values).astype(getattr(mx, value.dtype))
    if isinstance(value, (tuple, list)):
        return type(value)(_unpack(item) for item in value)
    if isinstance(value, dict):
        return {key: _unpack(item) for key, item in value.items()}
    return value


# What follows runs in the child.


class _Storage:
    """What the interpreter uses of a torch storage."""

    def __init__(self, values: NumpyArray) -> None:
        self.values = values

    def data_ptr(self) -> int:
        return int(self.values.ctypes.data)

    def cpu(self) -> _Storage:
        return _Storage(self.values.copy())

    def copy_(self, other: _Storage) -> None:
        self.values[...] = other.values


class _Tensor:
    """What the interpreter uses of a torch tensor, on a C-contiguous numpy array."""

    def __init__(self, values: NumpyArray) -> None:
        self.values = values

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.values.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    def data_ptr(self) -> int:
        return int(self.values.ctypes.data)

    def untyped_storage(self) -> _Storage:
        return _Storage(self.values.reshape(-1))

    def storage_offset(self) -> int:
        return 0

    def size(self) -> tuple[int, ...]:
        return self.values.shape

    def stride(self) -> tuple[int, ...]:
        return tuple(step // self.values.itemsize for step in self.values.strides)

    def element_size(self) -> int:
        return self.values.itemsize

    def new_empty(self, *_: Any, **__: Any) -> _Tensor:
        return _Tensor(np.empty(0, self.values.dtype))

    def set_(self, storage: _Storage, _: int, size: tuple[int, ...], __: tuple[int, ...]) -> None:
        self.values = storage.values.reshape(size)


def _wrapped(value: Any) -> Any:
    """A stand-in tensor for an array argument, anything else as it is."""
    import mlx.core as mx

    if isinstance(value, np.ndarray):
        return _Tensor(np.ascontiguousarray(value))
    if not isinstance(value, mx.array):
        return value
    values = value.astype(mx.float32) if value.dtype == mx.bfloat16 else value
    return _Tensor(np.array(values, order="C"))


def _write_back(value: Any, tensor: Any) -> None:
    """Put what a kernel left in the stand-in into the array that it stood for."""
    import mlx.core as mx

    if isinstance(value, np.ndarray):
        value[...] = tensor.values
    elif isinstance(value, mx.array):
        value[...] = mx.array(tensor.values).astype(value.dtype)


def _accept_arrays() -> None:
    """Let `kernel[grid](...)` of the interpreter take mx.arrays and numpy arrays."""
    from triton.runtime.interpreter import InterpretedFunction

    original = InterpretedFunction.run

    def run(self: Any, *args: Any, **kwargs: Any) -> None:
        tensors = [_wrapped(value) for value in args]
        original(self, *tensors, **kwargs)
        for value, tensor in zip(args, tensors, strict=True):
            _write_back(value, tensor)

    InterpretedFunction.run = run


def _load(path: str, modules: dict[str, ModuleType]) -> ModuleType:
    """The module at `path`, loaded once."""
    if path in modules:
        return modules[path]
    spec = importlib.util.spec_from_file_location(f"interpreted_{len(modules)}", path)
    if spec is None or spec.loader is None:
        raise InterpreterError(f"{path} is not a Python file.")
    modules[path] = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = modules[path]
    spec.loader.exec_module(modules[path])
    return modules[path]


def _answer(request: Request, modules: dict[str, ModuleType]) -> Reply:
    target = getattr(_load(request.path, modules), request.name)
    args, kwargs = _unpack(request.args), _unpack(request.kwargs)
    begin = time.perf_counter()
    if request.grid is None:
        value = _pack(target(*args, **kwargs))
    else:
        target[request.grid](*args, **kwargs)
        value = _pack(args)
    return Reply(value, time.perf_counter() - begin)


def serve() -> None:
    """Answer requests on the standard streams until they are closed."""
    import os

    replies: BinaryIO = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a kernel prints must not end among the replies
    _accept_arrays()
    modules: dict[str, ModuleType] = {}
    while True:
        try:
            request = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            reply = _answer(request, modules)
        except Exception:
            reply = Reply(None, 0.0, traceback.format_exc())
        pickle.dump(reply, replies)
        replies.flush()
