"""The native runtime of the host target: lazy launches, or eager ones where it cannot be built.

`launch` makes a node in MLX's graph; the kernel runs when MLX evaluates that node.
"""

from __future__ import annotations

import atexit
import contextlib
import contextvars
import os
import subprocess
import sys
import sysconfig
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from .. import cache
from ..settings import Settings
from . import cxx, eager, layout

__all__ = [
    "NativeFallback",
    "adopt",
    "changed",
    "describe",
    "followed",
    "identity",
    "launch",
    "load",
    "on_threads",
    "origin",
    "origins",
    "others",
    "rebind",
    "thread_count",
    "use_eager",
]

_HERE = Path(__file__).resolve().parent
_FLAGS = ("-std=c++20", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-pthread", "-w")
_CHECK_SECONDS = 120
_MODULE_FILE = "_hostprim" + (sysconfig.get_config_var("EXT_SUFFIX") or ".so")


class NativeFallback(UserWarning):
    """The native module cannot be used, so every launch is evaluated at once."""


class _Unusable(Exception):
    """Why the native module cannot be used, as its text."""


_lock = threading.Lock()
_tried = False
_module: ModuleType | None = None
_why_not = ""
_forked = False  # MLX evaluates nothing in such a process
_forced_eager: contextvars.ContextVar[bool] = contextvars.ContextVar("use_eager", default=False)


def launch(
    fn: int,
    arrays: tuple[Any, ...],
    written: tuple[int, ...],
    fresh: tuple[bool, ...],
    scalars: bytes = b"",
    grid: tuple[int, ...] = (1, 1, 1),
    stack_bytes: int = 0,
    name: str = "kernel",
    pure: bool = True,
    stream: Any = None,
) -> tuple[Any, ...]:
    """New arrays, one per entry of `written`: what the kernel at address `fn` makes of them.

    `arrays` are mx.arrays of any dtype, shape and strides; the kernel gets each one's data as a
    contiguous buffer, in this order. `written` are indexes of arrays that the kernel changes.
    `fresh`, parallel to it, says which of them it writes whole: their old contents are not read.
    The arrays themselves do not change (see `rebind`); old contents that nobody else holds are
    changed in place, others are copied. One array given twice is one buffer. A launch that
    writes nothing does nothing.

    `scalars` is passed on as it is; `grid` has up to 3 axes; `stack_bytes` is what one program
    needs. Two `pure` launches with the same arguments may run once. `stream` is an mx.Stream of
    the CPU, or None for the current thread's default.

    A kernel's nonzero code raises RuntimeError at evaluation (MLX 0.32.2 and newer; older ones give
    NaN or -1), or here when launches are eager. Also TypeError and ValueError for wrong arguments.
    """
    module = None if _forced_eager.get() else _module if _tried else load()
    if module is None:
        return eager.launch(
            fn, arrays, written, fresh, scalars, grid, stack_bytes, name, thread_count()
        )
    made: tuple[Any, ...] = module.launch(
        fn, arrays, written, fresh, scalars, grid, stack_bytes, name, pure, stream
    )
    return made


def rebind(dst: Any, src: Any) -> None:
    """Makes the mx.array `dst` refer to the value of `src` from now on.

    Both have the same shape and dtype, else ValueError. As `dst[()] = src`, without a copy.
    """
    module = None if _forced_eager.get() else _module if _tried else load()
    if module is not None:
        module.rebind(dst, src)
        return
    if dst.dtype != src.dtype:
        raise ValueError("rebind: the two arrays have different dtypes")
    if dst.shape != src.shape:
        raise ValueError("rebind: the two arrays have different shapes")
    dst[()] = src


def followed(arrays: Sequence[Any]) -> bool | None:
    """Whether a transformation of MLX (compile, grad, vmap) follows one of the mx.arrays.

    None where nobody can tell, without the native module.
    """
    module = _module if _tried else load()
    if module is None:
        return False if _forked else None
    return any(module.traced(a) for a in arrays)


def nodes(arrays: Sequence[Any]) -> tuple[tuple[Any, ...], tuple[int, ...]] | None:
    """New handles of the nodes of MLX's graph that the arrays are, and the nodes' identities.

    An identity is one of a node while a handle of it lives. None where launches are eager or something is no
    mx.array.
    """
    module = None if _forced_eager.get() else _module if _tried else load()
    found: tuple[tuple[Any, ...], tuple[int, ...]] | None
    found = None if module is None else module.nodes(tuple(arrays))
    return found


def origin(array: Any, known: Mapping[int, int]) -> tuple[Any, int, str, list[int]]:
    """What a lazy mx.array comes from. Launches must not be eager.

    (An array of the same elements in the same order, what a reshape was made of; its identity; the MLX
    operation that makes that one, "" if there is none; which nodes, among the identities in `known`, it was
    made of through it).
    """
    found: tuple[Any, int, str, list[int]] = _ready_module().origin(array, known)
    return found


def origins(
    arrays: Sequence[Any], known: Mapping[int, int]
) -> tuple[tuple[Any, int, tuple[Any, int, str, list[int]]], ...] | None:
    """For each array a handle of its node, the node's identity, and `origin`.

    None where launches are eager or something is no mx.array.
    """
    module = None if _forced_eager.get() else _module if _tried else load()
    found: tuple[tuple[Any, int, tuple[Any, int, str, list[int]]], ...] | None
    found = None if module is None else module.origins(tuple(arrays), known)
    return found


def changed(
    arrays: Sequence[Any], identities: Sequence[int]
) -> tuple[tuple[Any, int, Any, int] | None, ...]:
    """For each mx.array that is another node than it was: (handle, identity, and `origin`: array, identity)."""
    found: tuple[tuple[Any, int, Any, int] | None, ...]
    found = _ready_module().changed(tuple(arrays), tuple(identities))
    return found


def others(nodes: Sequence[Any]) -> tuple[int, ...]:
    """For each result of a launch that has not run: its handles, less those of the launches of `nodes`.

    0 for what is no such result. Launches must not be eager.
    """
    found: tuple[int, ...] = _ready_module().others(tuple(nodes))
    return found


def adopt(pairs: Sequence[tuple[Any, Any]]) -> bool:
    """For (old, new) results of one launch: whatever was made of an old one is made of the new one from now on.

    False, and nothing changes, if the launch ran, has other results too, or a new one depends on an old one.
    """
    return bool(_ready_module().adopt(tuple(pairs)))


def _ready_module() -> ModuleType:
    module = None if _forced_eager.get() else _module if _tried else load()
    assert module is not None
    return module


def load() -> ModuleType | None:
    """The native module, built on first use; None (and one NativeFallback warning) without it."""
    global _tried, _module, _why_not
    if _tried:
        return _module
    with _lock:
        if not _tried:
            try:
                _module = _open()
            except (_Unusable, cxx.NoCompiler, cxx.CompileFailed, OSError, ImportError) as error:
                _why_not = str(error)
            _tried = True
            atexit.register(_finish)
            if _module is None:
                _warn()
    return _module


@contextlib.contextmanager
def use_eager() -> Iterator[None]:
    """Inside, launches of this thread are eager, as where the native module cannot be built."""
    token = _forced_eager.set(True)
    try:
        yield
    finally:
        _forced_eager.reset(token)


@contextlib.contextmanager
def on_threads(count: int) -> Iterator[None]:
    """Launches that are evaluated inside run on `count` threads, whether or not waking them has paid so far.

    Nothing changes where launches are eager.
    """
    module = load()
    if module is None:
        yield
        return
    before = module.set_threads(1 if count == 1 else -count)
    try:
        yield
    finally:
        module.set_threads(before)


def thread_count() -> int:
    """Threads of one launch: TRITON_MLX_THREADS, else the cores this process may use."""
    wanted = Settings.from_env().threads
    if wanted > 0:
        return wanted
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def describe() -> str:
    """One line on how launches run here, and with which compiler and how many threads."""
    try:
        compiler = cxx.find().version
    except cxx.NoCompiler as error:
        compiler = str(error)
    how = "lazy, native module" if load() else f"eager, because {_why_not}"
    return f"launches: {how}; compiler: {compiler}; threads: {thread_count()}"


def _warn() -> None:
    text = (
        "host launches are evaluated at once instead of lazily (results are the same), because "
        f"the native module cannot be used: {_why_not}"
    )
    warnings.warn(text, NativeFallback, stacklevel=4)


def _open() -> ModuleType:
    import mlx.core as mx

    compiler = cxx.find()
    library, include = _mlx_library()
    headers = Path(sysconfig.get_path("include"))
    if not (headers / "Python.h").exists():
        raise _Unusable(f"{headers}/Python.h is missing (Debian, Ubuntu: apt install python3-dev)")
    source = (_HERE / "hostprim.cpp").read_text()
    local = ("-DTMLX_THREAD_LOCAL_STREAM",) if hasattr(mx, "ThreadLocalStream") else ()
    flags = (*_FLAGS, *local, f"-I{headers}", f"-I{include}", f"-I{_HERE}")
    status = library.stat()
    key = cache.digest(
        source,
        *(header.read_text() for header in sorted(_HERE.glob("*.h"))),
        (_HERE / "layout.py").read_text(),
        *flags,
        compiler.path,
        compiler.version,
        # Another build of MLX may load this module and then hang: only the exact one will do.
        f"{library} {status.st_size} {status.st_mtime_ns}",
        sys.version,
    )
    link = (str(library), f"-Wl,-rpath,{library.parent}")
    compile_to = cxx.producer(compiler, source, _MODULE_FILE, flags, link)

    def produce(path: Path) -> None:
        compile_to(path)
        _check_in_child(path)

    path = cache.store("native", key, _MODULE_FILE, produce)
    return layout.open_module(str(path), thread_count())


def _mlx_library() -> tuple[Path, Path]:
    import mlx.core

    package = Path(str(mlx.core.__file__)).resolve().parent
    for name in ("libmlx.so", "libmlx.dylib"):
        library = package / "lib" / name
        if library.exists():
            return library, package / "include"
    raise _Unusable(f"there is no libmlx in {package}/lib to build against")


def _check_in_child(path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, str(_HERE / "layout.py"), str(path)]
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_CHECK_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise _Unusable("it hangs with this build of MLX") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        raise _Unusable(f"it does not fit this build of MLX ({last})")


def _finish() -> None:
    """Lets launches under way end before the interpreter takes their memory away."""
    if _module is None:
        return
    import mlx.core as mx

    try:
        mx.synchronize(mx.default_stream(mx.cpu))
    except RuntimeError as error:
        print(f"triton-mlx: {error}", file=sys.stderr)


def _after_fork() -> None:
    """A forked child has none of MLX's threads, so only eager launches can work there."""
    global _module, _tried, _why_not, _lock, _forked
    _lock, _forked = threading.Lock(), True
    if _module is not None:
        _module, _why_not = None, "this process was forked from one that uses MLX"


os.register_at_fork(after_in_child=_after_fork)
