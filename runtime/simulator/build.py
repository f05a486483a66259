"""From Metal text to native code, with errors in terms of the Metal text."""

from __future__ import annotations

import functools
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from .. import cache
from ..metal_call import MetalText, Parameter
from ..settings import Settings

_HERE = Path(__file__).resolve().parent
_HEADERS = _HERE / "headers"
_RUNTIME_SOURCES = ("fibers.cpp", "checker.cpp", "together.cpp", "traps.cpp")
_OLDEST_CLANG = 16
# The name that stands for the Metal text in compiler messages and debug information.
TEXT_NAME = "kernel.metal"

_LANGUAGE = (
    "-x", "c++", "-nostdinc", "-nostdinc++", f"-I{_HEADERS}",
    "-fno-exceptions", "-fno-rtti", "-fno-math-errno", "-ffp-contract=off", "-fno-caret-diagnostics",
    "-fno-color-diagnostics", "-Wno-everything",
    # Metal has no double: 2.0 is a float.
    "-Xclang", "-cl-single-precision-constant",
    # Every half and bfloat operation rounds to its own type.
    "-Xclang", "-ffloat16-excess-precision=none", "-Xclang", "-fbfloat16-excess-precision=none",
)  # fmt: skip
# Metal 4's tensor operations have values of a class as template arguments, which C++ has since 2020.
_TENSOR_HEADER = "<MetalPerformancePrimitives/"
_CODE = (
    "-fPIC", "-shared", "-gdwarf-4", "-gline-tables-only", "-fno-optimize-sibling-calls",
    "-Wl,-Bsymbolic",
    # Lanes meet at the address of a call, so no pass may copy one: neither the calls that
    # MSL_RENDEZVOUS marks, nor those of functions around them, before they are inlined.
    "-Xclang", "-fconvergent-functions",
    # A fiber has 256 KB of stack.
    "-Wframe-larger-than=196608", "-Werror=frame-larger-than",
)  # fmt: skip
_UNDEFINED = "signed-integer-overflow,shift,integer-divide-by-zero,float-cast-overflow,array-bounds"
_CHECKED = (
    "-O1", "-DMSL_CHECKED", "-fsanitize=thread",
    f"-fsanitize={_UNDEFINED}", f"-fsanitize-recover={_UNDEFINED}",
    "-fno-sanitize-link-runtime", "-ftrivial-auto-var-init=pattern",
    # Without this a read before a write of one place, as in out[i] += x, is not reported.
    "-mllvm", "-tsan-instrument-read-before-write", "-mllvm", "-tsan-instrument-func-entry-exit=0",
)  # fmt: skip
_STATIC = (
    "-fsyntax-only", "-DMSL_STATIC_CHECK", "-Wimplicit-float-conversion",
    "-Wimplicit-int-conversion", "-Wshorten-64-to-32", "-Wfloat-conversion",
    "-Wuninitialized", "-Wsometimes-uninitialized",
)  # fmt: skip


class MissingClang(RuntimeError):
    """No clang that is new enough."""


class MissingCompiler(RuntimeError):
    """No C++ compiler for the simulator's runtime, or it fails."""


class UnsupportedMachine(RuntimeError):
    """The simulator's runtime is written for Linux on x86-64."""


class MetalTextError(RuntimeError):
    """The Metal text does not compile. `errors`: one line each, with line numbers of the text."""

    def __init__(self, kernel: str, errors: Sequence[str]) -> None:
        self.errors = tuple(errors)
        super().__init__(f"the Metal text of {kernel} does not compile:\n" + "\n".join(self.errors))


def compile_text(metal: MetalText, *, checked: bool) -> Path:
    """The shared library that runs this text.

    Raises MissingClang, MissingCompiler, UnsupportedMachine, MetalTextError.
    """
    runtime = runtime_library()
    clang = find_clang()
    unit = f'{_unit(metal.text)}#line 1 "launcher"\n{_launcher(metal)}'
    flags = (
        _dialect(metal.text),
        *_LANGUAGE,
        *_CODE,
        *_cpu_flags(),
        *(_CHECKED if checked else ("-O2",)),
    )
    key = cache.digest(unit, *flags, clang, _version(clang), _sources_digest())

    def produce(path: Path) -> None:
        command = [clang, *flags, "-", "-o", str(path), "-x", "none", str(runtime), "-lm"]
        done = subprocess.run(command, input=unit, capture_output=True, text=True, check=False)
        if done.returncode:
            cache.raise_if_full(done.stderr, path)
            raise MetalTextError(
                metal.kernel, tuple(_errors(done.stderr, metal.text)) or (done.stderr[-2000:],)
            )

    return cache.store("simulator", key, "kernel.so", produce)


def static_check(text: str) -> tuple[str, ...]:
    """Errors of a Metal text, one line each; empty if it is clean. Raises MissingClang.

    Address spaces are distinct here, double and other words that Metal lacks are errors, and so are
    implicit conversions to bfloat, which Metal rejects, and the use of variables without a value.
    """
    command = [find_clang(), _dialect(text), *_LANGUAGE, *_STATIC, "-"]
    done = subprocess.run(command, input=_unit(text), capture_output=True, text=True, check=False)
    return tuple(_errors(done.stderr, text))


def _dialect(text: str) -> str:
    return "-std=c++20" if _TENSOR_HEADER in text else "-std=c++17"


@functools.cache
def runtime_library() -> Path:
    """The compiled fibers and checker. Raises UnsupportedMachine or MissingCompiler."""
    if platform.machine().lower() not in ("x86_64", "amd64") or platform.system() != "Linux":
        raise UnsupportedMachine(
            f"the simulator runs on Linux x86-64, this is {platform.system()} "
            f"{platform.machine()}; on a Mac use the metal target, elsewhere the host target"
        )
    key = cache.digest(_sources_digest(), platform.machine())
    # Kernels name the runtime they were linked with, and find the loaded one by that name.
    name = f"libmsl-{key}.so"

    def produce(path: Path) -> None:
        compiler = _cxx_compiler()
        sources = [str(_HERE / source) for source in _RUNTIME_SOURCES]
        command = [compiler, "-std=c++17", "-O2", "-fPIC", "-shared", f"-I{_HEADERS}", *sources]
        command += [f"-Wl,-soname,{name}", "-o", str(path), "-ldl"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            cache.raise_if_full(done.stderr, path)
            raise MissingCompiler(
                f"{compiler} cannot build the simulator's runtime:\n{done.stderr[-2000:]}"
            )

    return cache.store("simulator", key, name, produce)


def find_clang() -> str:
    """Path of clang 16 or newer: TRITON_MLX_CLANG, else clang-19, another version, clang.

    Raises MissingClang.
    """
    wanted = Settings.from_env().clang
    return _find_clang(wanted)


@functools.cache
def _find_clang(wanted: str) -> str:
    versions = [19, *(v for v in range(24, _OLDEST_CLANG - 1, -1) if v != 19)]
    names = [wanted] if wanted else [*(f"clang-{v}" for v in versions), "clang"]
    for name in names:
        path = shutil.which(name)
        if path and _major_version(path) >= _OLDEST_CLANG:
            return path
    tried = f"TRITON_MLX_CLANG={wanted} is none" if wanted else "none was found"
    raise MissingClang(
        f"the simulator needs clang {_OLDEST_CLANG} or newer, {tried}: "
        "install it, such as apt install clang-19"
    )


def _major_version(clang: str) -> int:
    found = re.search(r"(Apple )?clang version (\d+)", _version(clang))
    # Apple counts its own versions.
    return int(found[2]) if found and not found[1] else 0


@functools.cache
def _version(compiler: str) -> str:
    try:
        done = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout


def _cxx_compiler() -> str:
    for name in (Settings.from_env().cxx, "g++", "clang++", "c++"):
        path = shutil.which(name) if name else None
        if path:
            return path
    raise MissingCompiler(
        "the simulator's runtime needs a C++ compiler: install one, such as apt install g++"
    )


@functools.cache
def _cpu_flags() -> tuple[str, ...]:
    """x86-64-v3 has instructions for half; a fixed level, as machines may share the cache."""
    try:
        flags = set(
            re.findall(
                r"\w+", Path("/proc/cpuinfo").read_text().partition("flags")[2].partition("\n")[0]
            )
        )
    except OSError:
        flags = set()
    return (
        ("-march=x86-64-v3",) if {"avx2", "fma", "f16c", "bmi2"} <= flags else ("-march=x86-64-v2",)
    )


@functools.cache
def _sources_digest() -> str:
    files = [*_HEADERS.rglob("*"), *_HERE.glob("*.cpp"), *_HERE.glob("*.h")]
    return cache.digest(
        *(part for f in sorted(files) if f.is_file() for part in (f.name, f.read_bytes()))
    )


_THREADGROUP = re.compile(
    r"(^|(?<=[;{}]))(\s*(?:alignas\(\w+\)\s*)?)threadgroup\s+((?:[^;(){}*&=\[\]]|\[[^\];]*\])+);",
    re.MULTILINE,
)
_HOST_NAME = re.compile(r"template\s*\[\[\s*host_name\([^)]*\)\s*\]\]\s*(?:\[\[\s*kernel\s*\]\])?")


def rewrite(text: str) -> str:
    """The text with what clang's C++ cannot express said otherwise; every line keeps its number."""

    def declare(match: re.Match[str]) -> str:
        marks = "".join(f" MSL_DECLARED({name})" for name in _declared_names(match[3]))
        return f"{match[1]}{match[2]}MSL_THREADGROUP {match[3]};{marks}"

    return _THREADGROUP.sub(declare, _HOST_NAME.sub("template ", text))


def _unit(text: str) -> str:
    return f'#include "msl/all.h"\n#line 1 "{TEXT_NAME}"\n{rewrite(text)}\n'


def _declared_names(declaration: str) -> list[str]:
    plain = re.sub(r"\[[^\]]*\]|<[^;]*>", "", declaration)
    return [part.split()[-1] for part in plain.split(",") if part.split()]


def _launcher(metal: MetalText) -> str:
    arguments = ",\n    ".join(map(_argument, metal.parameters))
    return f"""
template <class T> MSL_UNCHECKED METAL_FUNC T msl_attribute(unsigned v) {{ return (T)v; }}
template <class T> MSL_UNCHECKED METAL_FUNC T msl_attribute(msl_triple v) {{
  unsigned parts[3] = {{v.x, v.y, v.z}};
  if constexpr (metal::vn<T> == 0) return (T)v.x;
  else {{ T result; for (int i = 0; i < metal::vn<T>; i++) result[i] = parts[i]; return result; }}
}}
__attribute__((section("msltg"), used)) static char msl_anchor[16];
extern "C" {{
__attribute__((visibility("hidden"))) extern char __start_msltg[], __stop_msltg[];
char* msl_threadgroup_low() {{ return __start_msltg; }}
char* msl_threadgroup_high() {{ return __stop_msltg; }}
MSL_UNCHECKED void msl_entry(void** msl_buffers, const msl_position* msl_at) {{
  {metal.kernel}(
    {arguments});
}}
}}
"""


def _argument(parameter: Parameter) -> str:
    kind = parameter.declared_type
    if parameter.index is None:
        return f"msl_attribute<{kind}>(msl_at->{parameter.name})"
    if kind.endswith("&"):
        return f"*({kind[:-1]}*)msl_buffers[{parameter.index}]"
    return f"({kind})msl_buffers[{parameter.index}]"


_DIAGNOSTIC = re.compile(r"^(.*?):(\d+):\d+: (fatal error|error|warning|note): (.*)$", re.MULTILINE)


def _errors(messages: str, text: str) -> Iterator[str]:
    """Errors (and the warnings that are errors in Metal) as "line N: message | that line"."""
    lines = text.split("\n")
    pending = ""
    for file, number, severity, message in _DIAGNOSTIC.findall(messages):
        if severity == "note" and not pending:
            continue
        if severity == "warning" and not _is_error_in_metal(message):
            continue
        if severity != "note":
            if pending:
                yield pending
            pending = message
        if os.path.basename(file) != TEXT_NAME:
            continue  # a note that follows says which line of the text asked for it
        line = int(number)
        source = lines[line - 1].strip() if 0 < line <= len(lines) else ""
        yield f"line {line}: {pending} | {source}"
        pending = ""
    if pending:
        yield pending


def _is_error_in_metal(message: str) -> bool:
    """Bad in Metal, or narrowing that Metal takes in silence: emitted code says what it drops."""
    words = (
        "uninitialized",
        "bfloat",
        "__bf16",
        "implicit conversion loses",
        "implicit conversion turns",
    )
    return any(word in message for word in words)
