"""One launch of a Metal kernel as data, and the text that MLX makes of it."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import re
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from . import cache

if TYPE_CHECKING:
    import mlx.core as mx

# MLX puts inputs with fewer elements than this into the constant address space.
CONSTANT_BELOW = 8


class TextNotPrinted(RuntimeError):
    """MLX did not print the text of a kernel in the form that this package knows."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of the kernel. `index` is its buffer index, or None for a thread attribute."""

    name: str
    declared_type: str
    index: int | None
    is_input: bool


@dataclass(frozen=True, slots=True)
class MetalText:
    """What MLX hands to Metal's compiler, without MLX's own preamble (which it does not print)."""

    text: str
    kernel: str
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True, slots=True)
class MetalCall:
    """A kernel and how to launch it.

    `name` is an identifier; `source` is the body, `header` goes before the function; `grid` and
    `threadgroup` count threads in (x, y, z); dtypes are MLX names such as "float32" or "bool". With
    `init_value` every output is filled with it first. `atomic_outputs` makes all outputs
    `device atomic<T>*` (Metal only). `language`: "metal" or "cuda". `shared_memory`: bytes that the kernel
    does not declare itself (CUDA only).
    """

    name: str
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    source: str
    header: str
    grid: tuple[int, int, int]
    threadgroup: tuple[int, int, int]
    output_shapes: tuple[tuple[int, ...], ...]
    output_dtypes: tuple[str, ...]
    init_value: float | None = None
    atomic_outputs: bool = False
    language: str = "metal"
    shared_memory: int = 0

    def run(self, inputs: Sequence[mx.array]) -> list[mx.array]:
        """The real launch: lazy arrays, one for each output. Without Metal MLX raises its error."""
        return self.ready()(list(inputs))

    def ready(
        self, shapes: Sequence[tuple[int, ...]] | None = None
    ) -> Callable[[list[mx.array]], list[mx.array]]:
        """`run`, with all that does not depend on the inputs done before.

        `shapes`: of the outputs instead of `output_shapes`, with as many elements each.
        """
        kernel, grid, threadgroup, fill = (
            self._kernel(),
            self.grid,
            self.threadgroup,
            self.init_value,
        )
        made = list(self.output_shapes if shapes is None else shapes)
        dtypes = [mlx_dtype(name) for name in self.output_dtypes]

        # Keywords that are written out: MLX takes them as they are, those of a dict are copied first.
        def launch(inputs: list[mx.array]) -> list[mx.array]:
            found: list[mx.array] = kernel(
                inputs=inputs,
                grid=grid,
                threadgroup=threadgroup,
                output_shapes=made,
                output_dtypes=dtypes,
                init_value=fill,
            )
            return found

        return launch

    def text(self, inputs: Sequence[mx.array]) -> MetalText:
        """The Metal text that MLX makes for these inputs; needs no Metal and evaluates nothing.

        Only the inputs' dtypes, numbers of dimensions and "fewer than 8 elements" matter.
        Raises TextNotPrinted if this version of MLX prints something unknown.
        """
        if len(inputs) != len(self.input_names):
            raise ValueError(
                f"{self.name} takes {len(self.input_names)} inputs, {len(inputs)} were given"
            )
        forms = tuple((dtype_name(x.dtype), x.ndim, x.size < CONSTANT_BELOW) for x in inputs)
        return _text(self._kernel_key(), self.output_dtypes, forms)

    def _kernel_key(self) -> _KernelKey:
        return (
            self.name,
            self.input_names,
            self.output_names,
            self.source,
            self.header,
            self.atomic_outputs,
            self.language,
            self.shared_memory,
        )

    def _kernel(self) -> Callable[..., Any]:
        return _kernel(self._kernel_key())


_KernelKey = tuple[str, tuple[str, ...], tuple[str, ...], str, str, bool, str, int]
_InputForm = tuple[str, int, bool]


def mlx_dtype(name: str) -> mx.Dtype:
    """The MLX dtype of a name such as "float32" or "bool"."""
    import mlx.core as mx

    found: mx.Dtype = getattr(mx, "bool_" if name == "bool" else name)
    return found


def dtype_name(dtype: mx.Dtype) -> str:
    """The name of an MLX dtype: "float32", "bool", ..."""
    return str(dtype).rpartition(".")[2].removesuffix("_")


@functools.lru_cache(maxsize=1024)
def _kernel(key: _KernelKey) -> Callable[..., Any]:
    import mlx.core as mx

    name, input_names, output_names, source, header, atomic, language, shared = key
    options: dict[str, Any]
    if language == "cuda":
        header = _included(header)
    make, options = (
        (mx.fast.cuda_kernel, {"shared_memory": shared})
        if language == "cuda"
        else (mx.fast.metal_kernel, {"atomic_outputs": atomic})
    )
    made = make(
        name=name,
        input_names=list(input_names),
        output_names=list(output_names),
        source=source,
        header=header,
        **options,
    )
    return cast("Callable[..., Any]", made)


def _included(header: str) -> str:
    """`header` by one line, for MLX copies and hashes the whole text of a kernel at each launch."""
    found = cache.store("include", cache.digest(header), "words.h", lambda p: _write(p, header))
    return f'#include "{found}"\n'


def _write(path: Path, text: str) -> None:
    path.write_text(text)


@functools.lru_cache(maxsize=1024)
def _text(
    key: _KernelKey, output_dtypes: tuple[str, ...], forms: tuple[_InputForm, ...]
) -> MetalText:
    """MLX makes the text when a launch is traced, without Metal too, and prints it on request."""
    import mlx.core as mx

    def launch(*inputs: mx.array) -> list[mx.array]:
        launched: list[mx.array] = _kernel(key)(
            inputs=list(inputs),
            grid=(1, 1, 1),
            threadgroup=(1, 1, 1),
            output_shapes=[(1,)] * len(output_dtypes),
            output_dtypes=[mlx_dtype(name) for name in output_dtypes],
            verbose=True,
        )
        return launched

    with tempfile.TemporaryDirectory(prefix="triton-mlx-") as folder:
        path = Path(folder, "printed")
        with _stdout_to(path):
            mx.export_function(str(Path(folder, "trace.mlxfn")), launch, *map(_stand_in, forms))
        printed = path.read_text()
    return _parse(printed, key)


def _stand_in(form: _InputForm) -> mx.array:
    import mlx.core as mx

    name, ndim, small = form
    shape = (1 if small else CONSTANT_BELOW,) + (1,) * (ndim - 1)
    return mx.zeros(shape if ndim else (), dtype=mlx_dtype(name))


_stdout_lock = threading.Lock()


@contextlib.contextmanager
def _stdout_to(path: Path) -> Iterator[None]:
    """Send file descriptor 1 to a file: MLX prints from C++, past Python's sys.stdout."""
    flush_c = ctypes.CDLL(None).fflush
    with _stdout_lock, path.open("wb") as file:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        flush_c(None)
        saved = os.dup(1)
        try:
            os.dup2(file.fileno(), 1)
            try:
                yield
            finally:
                flush_c(None)
                os.dup2(saved, 1)
        finally:
            os.close(saved)


_FENCED = re.compile(r"```\n(.*)\n```", re.DOTALL)
_PARAMETER = re.compile(
    r"\s*([^\[\]]+?)\s*\b(\w+)\s*\[\[\s*(\w+)\s*(?:\(\s*(\d+)\s*\))?\s*\]\]\s*,?"
)


def _parse(printed: str, key: _KernelKey) -> MetalText:
    name, _, output_names, *_ = key
    fenced = _FENCED.search(printed)
    text = fenced[1] if fenced else ""
    start = re.search(rf"\[\[kernel\]\] void (custom_kernel_{re.escape(name)}_\w*)\(", text)
    end = text.find(") {", start.end()) if start else -1
    if not start or end < 0:
        raise TextNotPrinted(
            f"kernel {name}: MLX printed no Metal text of the form that MLX 0.32 prints; "
            f"it printed {printed[:200]!r}"
        )
    parameters = [
        Parameter(
            match[2],
            match[1],
            int(match[4]) if match[3] == "buffer" else None,
            match[2] not in output_names,
        )
        for match in _PARAMETER.finditer(text, start.end(), end)
    ]
    return MetalText(text, start[1], tuple(parameters))
