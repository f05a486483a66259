"""The C++ compiler of the host target: finding it, and shared libraries through the disk cache."""

from __future__ import annotations

import functools
import platform
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .. import cache
from ..settings import Settings

CANDIDATES = ("g++", "clang++", "c++")
NATIVE = "-march=native"
KERNEL_FLAGS = (
    "-std=c++17",
    "-O3",
    NATIVE,
    "-fPIC",
    "-shared",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=off",  # fusion/passes/contract.py has decided
    "-fno-exceptions",
    "-fno-strict-aliasing",  # kernels may cast pointers to elements of another type
    "-w",
)
# What one kind of compiler needs besides.
FLAGS_OF_KIND: dict[str, tuple[str, ...]] = {
    # g++ 12 drops the memset that fills a tile if the tile is then read by masked loads.
    "gcc": ("-fno-tree-loop-distribute-patterns",),
}
_SECONDS = 300
_SHOWN_LINES = 6
_HOW_TO_INSTALL = (
    "install one (Debian and Ubuntu: apt install g++; Fedora: dnf install gcc-c++; "
    "macOS: xcode-select --install) or set TRITON_MLX_CXX to its path"
)


class NoCompiler(RuntimeError):
    """No C++ compiler was found, or the one asked for does not run."""


class CompileFailed(RuntimeError):
    """The C++ compiler refused a source text, which is kept at `source`."""

    def __init__(self, message: str, source: Path | None = None) -> None:
        super().__init__(message)
        self.source = source


@dataclass(frozen=True, slots=True)
class Compiler:
    """A C++ compiler that runs. `version` is its own first line; `kind` is "gcc" or "clang"."""

    path: str
    version: str
    kind: str


def find() -> Compiler:
    """The compiler: TRITON_MLX_CXX, else the first of g++, clang++, c++ that runs.

    Raises NoCompiler.
    """
    wanted = Settings.from_env().cxx
    names = (wanted,) if wanted else CANDIDATES
    return _find(wanted, tuple(shutil.which(name) for name in names))


@functools.cache
def vector_widths() -> tuple[int, ...]:
    """Bits of the vectors that this CPU has and its compilers can be told to prefer; none off x86-64."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return ()
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return ()
    words = next((line.split() for line in text.splitlines() if line.startswith("flags")), [])
    return (128, *([256] if "avx2" in words else []), *([512] if "avx512f" in words else []))


def width_flags(bits: int) -> tuple[str, ...]:
    """What tells a compiler to prefer vectors of `bits` (0: nothing)."""
    return (f"-mprefer-vector-width={bits}",) if bits else ()


def cpu_name() -> str:
    """What the CPU calls itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(iter(names), "") or platform.processor() or platform.machine()


@functools.cache
def cpu_fingerprint() -> str:
    """32 hex digits that change with the CPU's model and instruction sets."""
    wanted = ("flags", "features", "model name", "cpu part", "cpu implementer")
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    found = {line for line in lines if line.split(":")[0].strip().lower() in wanted}
    return cache.digest(platform.machine(), platform.processor(), *sorted(found))


def compile_shared(
    source: str, *, name: str, kind: str, flags: tuple[str, ...] = KERNEL_FLAGS
) -> Path:
    """The shared library `name` of a C++ source text, compiled once and then taken from the cache.

    The key is the text, the flags, the compiler's version, this CPU and this package's sources
    (headers that the text includes). A compiler that refuses -march=native gets the rest of the
    flags. Raises NoCompiler or CompileFailed.
    """
    compiler = find()
    key = cache.digest(
        source, *flags, compiler.path, compiler.version, cpu_fingerprint(), cache.sources_digest()
    )
    return cache.store(kind, key, name, producer(compiler, source, name, flags))


def producer(
    compiler: Compiler, source: str, name: str, flags: tuple[str, ...], last: tuple[str, ...] = ()
) -> Callable[[Path], None]:
    """A function that compiles `source` to the path it is given. `last` are flags after the source.

    It raises CompileFailed, or OSError(ENOSPC) where the compiler ran out of disk.
    """

    def produce(target: Path) -> None:
        errors = _compile(compiler, source, target, flags, last)
        if errors and NATIVE in flags:
            plain = tuple(flag for flag in flags if flag != NATIVE)
            errors = _compile(compiler, source, target, plain, last)
        if errors:
            raise _failure(compiler, source, name, errors)

    return produce


def _compile(
    compiler: Compiler, source: str, target: Path, flags: tuple[str, ...], last: tuple[str, ...]
) -> str:
    """Empty where it worked, else what the compiler said."""
    flags += FLAGS_OF_KIND.get(compiler.kind, ())
    command = [compiler.path, *flags, "-x", "c++", "-", "-x", "none", *last, "-o", str(target)]
    try:
        done = subprocess.run(
            command, input=source, capture_output=True, text=True, timeout=_SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"error: it did not finish within {_SECONDS} seconds"
    if done.returncode:
        cache.raise_if_full(done.stderr, target)
        return done.stderr.strip() or f"error: it ended with status {done.returncode}"
    return ""


def _failure(compiler: Compiler, source: str, name: str, errors: str) -> CompileFailed:
    kept = _keep_source(source, name)
    lines = errors.splitlines()
    first = [line for line in lines if "error" in line.lower()] or lines
    shown = "\n  ".join(first[:_SHOWN_LINES])
    where = f" Its source is kept at {kept}." if kept else ""
    return CompileFailed(
        f"{compiler.path} ({compiler.version}) could not compile {name}:\n  {shown}\n{where}", kept
    )


def _keep_source(source: str, name: str) -> Path | None:
    def produce(path: Path) -> None:
        path.write_text(source)

    try:
        return cache.store("failed", cache.digest(source), f"{Path(name).stem}.cpp", produce)
    except OSError:
        return None


@functools.cache
def _find(wanted: str, paths: tuple[str | None, ...]) -> Compiler:
    for path in paths:
        version = _version(path) if path else ""
        if path and version:
            return Compiler(path, version, "clang" if "clang" in version.lower() else "gcc")
    if wanted:
        raise NoCompiler(
            f"TRITON_MLX_CXX is {wanted!r}, which is no compiler that runs here: correct it, or "
            f"unset it to use the first of {', '.join(CANDIDATES)} that does"
        )
    raise NoCompiler(
        f"the host target needs a C++ compiler, and none of {', '.join(CANDIDATES)} runs here: "
        f"{_HOW_TO_INSTALL}"
    )


def _version(path: str) -> str:
    """The first line of --version, or nothing for a compiler that does not run."""
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = done.stdout.strip().splitlines()
    return lines[0] if lines and done.returncode == 0 else ""
