"""Every kernel that is compiled is recorded twice, by Triton's native module and by the stand-in.

A pytest plugin, for any tests that compile kernels:

    python -m pytest -p triton_mlx.tests.frontend.differential tests/oracle/test_language.py

It adds a section to pytest's summary, and fails the run if two records differ, or if none was made.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import importlib
import re
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest

from triton_mlx.fusion.mlir import Block, Operation, parse

_FLOAT = re.compile(r"^(dense<)?(0x[0-9A-F]+|-?\d\.\d+(?:[eE][+-]\d+)?)(>)? : (.*)$")
_FORMATS = {"f64": ("<Q", "<d"), "f32": ("<I", "<f"), "f16": ("<H", "<e")}


@dataclass
class Record:
    """What was compared so far."""

    same: int = 0
    refused: int = 0  # by both
    different: dict[str, str] = field(default_factory=dict)  # kernel → difference


RECORD = Record()


def canonical(text: str) -> list[str]:
    """Generic-form IR, one line an operation, values and blocks numbered as they appear.

    Operations, operands, regions, successors, types, attributes, places and names are kept.
    """
    lines: list[str] = []
    _Writer(lines).operation(parse(text), {}, "", {})
    return lines


class _Writer:
    def __init__(self, lines: list[str]):
        self.lines, self.count = lines, 0

    def define(self, name: str, names: dict[str, str]) -> str:
        """A new number, even for a name that was another value elsewhere."""
        names[name], self.count = f"%{self.count}", self.count + 1
        return names[name]

    def operation(
        self, op: Operation, names: dict[str, str], pad: str, labels: dict[str, str]
    ) -> None:
        attrs = {k: _number(v) for k, v in sorted(op.attrs.items())}
        operands = [names.get(o, o) for o in op.operands]
        results = [self.define(r, names) for r in op.results]
        successors = [labels[s] for s in op.successors]
        self.lines.append(
            f"{pad}{results} {op.name} {operands} {successors} {attrs} {op.operand_types} "
            f"{op.result_types} {op.loc}"
        )
        for region in op.regions:
            self.lines.append(f"{pad}region")
            inner = {block.label: f"^{number}" for number, block in enumerate(region)}
            for block in region:
                self.block(block, names, pad, inner)

    def block(self, block: Block, names: dict[str, str], pad: str, labels: dict[str, str]) -> None:
        args = [(self.define(name, names), kind, loc) for name, kind, loc in block.args]
        self.lines.append(f"{pad}  {labels[block.label]} {args}")
        for op in block.operations:
            self.operation(op, names, pad + "    ", labels)


def _number(text: str) -> str:
    """A float literal as its bits: MLIR chooses between two ways to write it."""
    match = _FLOAT.match(text)
    if not match:
        return text
    kind = match[4].removesuffix(">").rpartition("x")[2] if match[1] else match[4]
    if match[2].startswith("0x"):
        bits = int(match[2], 16)
    elif kind == "bf16":
        bits = struct.unpack("<I", struct.pack("<f", float(match[2])))[0] >> 16
    elif kind in _FORMATS:
        raw, real = _FORMATS[kind]
        bits = struct.unpack(raw, struct.pack(real, float(match[2])))[0]
    else:
        return text
    return f"{match[1] or ''}{bits:x}{match[3] or ''} : {match[4]}"


@functools.cache
def stand_in() -> ModuleType:
    """The stand-in's `ir`, beside the native one."""
    from triton_mlx.runtime.frontend.library import modules

    return modules("triton_mlx_stand_in")["triton_mlx_stand_in.ir"]


@contextlib.contextmanager
def in_place() -> Iterator[ModuleType]:
    """Triton's Python files see the stand-in's `ir` inside."""
    importlib.import_module(
        "triton.compiler.code_generator"
    )  # else it would be first imported here
    from triton._C.libtriton import ir as native

    users = [
        module
        for name, module in list(sys.modules.items())
        if name.startswith("triton.") and vars(module).get("ir") is native
    ]
    for module in users:
        vars(module)["ir"] = stand_in()
    try:
        yield stand_in()
    finally:
        for module in users:
            vars(module)["ir"] = native


def difference(native: str, python: str) -> str:
    """Empty if the two texts say the same."""
    ours, theirs = canonical(python), canonical(native)
    return "\n".join(list(difflib.unified_diff(theirs, ours, "native", "python", n=1))[:12])


def recorded(make_ir: Any, source: Any, *rest: Any) -> str | Exception:
    """What the stand-in records of an ASTSource, as text, or what it raises."""
    with in_place() as ir:
        try:
            made = make_ir(source, *rest, ir.context())
        except Exception as error:  # to be compared with what the native one raises
            return error
        number = ir.builder(None).get_int32_attr  # type: ignore[attr-defined]
        made.set_attr("generic", number(0))
        made.set_attr("contracts", number(1))
        return str(made)


def compare(make_ir: Any, source: Any, *rest: Any) -> None:
    """Record `source` with both and note the outcome in RECORD; raises what the native one raises."""
    from triton_mlx.runtime.compiler import _generic_text

    python = recorded(make_ir, source, *rest[:-1])
    name = f"{source.name} {sorted(source.signature.items())} {source.constants}"
    try:
        text = _generic_text(make_ir(source, *rest))
    except Exception as error:
        if type(error) is type(python):
            RECORD.refused += 1
        else:
            RECORD.different[name] = f"native raises {error!r}, python {python!r}"
        raise
    failed = isinstance(python, Exception)
    found = f"python raises {python!r}" if failed else difference(text, str(python))
    if found:
        RECORD.different[name] = found
    else:
        RECORD.same += 1


class Recorded(Exception):
    """Instead of compiling what was compared."""


def _watched(make_ir: Any, compile_too: bool) -> Any:
    def watched(source: Any, *rest: Any) -> Any:
        compare(make_ir, source, *rest)
        if not compile_too:
            raise Recorded
        return make_ir(source, *rest)

    return watched


def watch(*, compile_too: bool = True) -> None:
    """From now on, compare whatever is compiled; without `compile_too` a compilation ends there."""
    from triton.compiler.compiler import ASTSource

    ASTSource.make_ir = _watched(ASTSource.make_ir, compile_too)


def summary() -> str:
    """Two lines for people and tests."""
    return (
        f"recorded the same: {RECORD.same}, refused by both: {RECORD.refused}\n"
        f"recorded differently: {len(RECORD.different)}"
    )


def pytest_configure(config: pytest.Config) -> None:
    watch()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if RECORD.different or not RECORD.same:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    line = terminalreporter.write_line
    line(summary())
    for name, found in RECORD.different.items():
        line(f"{name}\n{found}")


def record_one(kernel: Any, signature: dict[str, Any], constants: dict[str, Any]) -> Any:
    """The stand-in's module of one kernel, in a process that may have the native module too."""
    with in_place() as ir:
        return _source(kernel, signature, constants).make_ir(*_arguments(), ir.context())  # type: ignore[attr-defined]


def compare_one(kernel: Any, signature: dict[str, Any], constants: dict[str, Any]) -> str:
    """The difference between the two records of one kernel; empty if there is none."""
    from triton._C.libtriton import ir

    from triton_mlx.runtime.compiler import _generic_text

    source = _source(kernel, signature, constants)
    python = recorded(type(source).make_ir, source, *_arguments())
    if isinstance(python, Exception):
        raise python
    context = ir.context()
    ir.load_dialects(context)
    return difference(_generic_text(source.make_ir(*_arguments(), context)), python)


def _source(kernel: Any, signature: dict[str, Any], constants: dict[str, Any]) -> Any:
    from triton.compiler import ASTSource

    return ASTSource(kernel, signature, constants, {})


@functools.cache
def _arguments() -> tuple[Any, ...]:
    """Target, options, and what the back end adds to the language."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler.compiler import make_backend

    target = GPUTarget("mlx", "host", 32)
    backend = make_backend(target)
    options = backend.parse_options({})
    return target, options, backend.get_codegen_implementation(options), backend.get_module_map()
