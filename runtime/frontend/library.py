"""The module object that Triton imports as `triton._C.libtriton`.

What kernels and launches need is here. What only other back ends need (NVIDIA, AMD, Gluon, Proton) is there
by name, so that Triton's own files import, and says when it is used that it is missing.
"""

from __future__ import annotations

import importlib
import types as python
from typing import Any

from . import enums, environment, specialise, structure, values
from .attributes import Attribute, Location, dense
from .builder import Builder, NotInPython, OpBuilder
from .insertion import InsertPoint
from .types import Type

_ABSENT = ("llvm", "gluon_ir", "linear_layout", "nvidia", "amd", "proton", "gsan_testing")


class Context:
    """Nothing is kept per context: types are one per process, modules belong to who made them."""

    def printOpOnDiagnostic(self, on: bool) -> None:
        """Findings always name the operation."""

    def printStackTraceOnDiagnostic(self, on: bool) -> None:
        """There is no stack of native code."""


class PassManager:
    """Runs what was added to it; native passes are not there, see runtime/compiler.py."""

    def __init__(self, context: object):
        self.context = context

    def enable_debug(self) -> bool:
        return False

    def run(self, module: Any, name: str) -> None:
        raise NotInPython(f"the pass pipeline {name}")

    def get_pipeline_str(self) -> str:
        return ""


class SourceManagerDiagnostics:
    """Triton makes one around its passes."""

    def __init__(self, *arguments: object):
        pass


def load_dialects(context: object) -> None:
    """All operations are in one table."""


def extend_dialects_with(path: str) -> None:
    raise NotInPython("loading dialects from a native library")


def parse_mlir_module(path: str, context: object) -> None:
    raise NotInPython("reading IR from a file")


def deduce_scale_factor(
    lhs: Any,
    lhs_scale: Any,
    lhs_format: enums.ScaleDotElemTypeTY,
    lhs_k_pack: bool,
    rhs: Any,
    rhs_scale: Any,
    rhs_format: enums.ScaleDotElemTypeTY,
    rhs_k_pack: bool,
) -> int:
    """Elements along K that share a scale, from the shapes of the operands and their scales."""
    sides = (
        (lhs, lhs_scale, lhs_format, lhs_k_pack, -1),
        (rhs, rhs_scale, rhs_format, rhs_k_pack, -2),
    )
    for shape, scale, form, packed, axis in sides:
        if scale:
            both = 2 if form is enums.ScaleDotElemTypeTY.E2M1 and packed else 1
            return int(shape[axis]) * both // int(scale[-1])
    return 0


_IR: dict[str, Any] = {
    "builder": Builder,
    "op_builder": OpBuilder,
    "context": Context,
    "pass_manager": PassManager,
    "source_mgr_diag": SourceManagerDiagnostics,
    "load_dialects": load_dialects,
    "extend_dialects_with": extend_dialects_with,
    "parse_mlir_module": parse_mlir_module,
    "deduce_scale_factor": deduce_scale_factor,
    "make_attr": dense,
    "type": Type,
    "function_type": Type,
    "attribute": Attribute,
    "integer_attr": Attribute,
    "bool_attr": Attribute,
    "unit_attr": Attribute,
    "location": Location,
    "InsertPoint": InsertPoint,
    "value": values.Value,
    "op_result": values.Result,
    "block_argument": values.Argument,
    "block": values.Block,
    "region": values.Region,
    "operation": values.Operation,
    "OpState": values.Operation,
    "ForOp": structure.ForOp,
    "IfOp": structure.IfOp,
    "WhileOp": structure.WhileOp,
    "YieldOp": structure.YieldOp,
    "ConditionOp": structure.ConditionOp,
    "function": structure.Function,
    "module": structure.Module,
}
_TOP: dict[str, Any] = {
    "getenv": environment.getenv,
    "getenv_bool": environment.getenv_bool,
    "get_cache_invalidating_env_vars": environment.get_cache_invalidating_env_vars,
    "native_specialize_impl": specialise.native_specialize_impl,
    "make_tensordesc_args": specialise.make_tensordesc_args,
}


class _Absent(python.ModuleType):
    """A module in which every name is there, and raises NotInPython when it is used."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        made = _absent(f"{self.__name__.rpartition('.')[2]}.{name}")
        setattr(self, name, made)
        return made


def _absent(what: str) -> type:
    class Absent:
        """A class, because some of Triton's files derive from such names."""

        def __init__(self, *arguments: object, **named: object):
            raise NotInPython(what)

        def __class_getitem__(cls, key: object) -> type:
            return cls

    Absent.__name__ = what.rpartition(".")[2]
    return Absent


class _Library(python.ModuleType):
    """`interpreter` needs numpy, which `import triton` does not: it is made when it is asked for."""

    def __getattr__(self, name: str) -> Any:
        if name != "interpreter":
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        found = importlib.import_module(".interpreter", __package__)
        made = _filled(f"{self.__name__}.interpreter", vars(found))
        for kind in (found.MEM_SEMANTIC, found.RMW_OP):
            for member in kind:
                setattr(made, member.name, member)
        setattr(self, name, made)
        return made


def _filled(name: str, contents: dict[str, Any]) -> python.ModuleType:
    made = python.ModuleType(name)
    public = {key: found for key, found in contents.items() if not key.startswith("_")}
    vars(made).update(public)
    return made


def modules(name: str) -> dict[str, python.ModuleType]:
    """The stand-in under `name`, and its modules under their full names, as sys.modules wants them."""
    library = _Library(name, "Triton's front end in Python, by triton-mlx")
    vars(library).update(_TOP, __path__=[])
    members = {
        member.name: member
        for kind in (*enums.EXPORTED, *enums.EXPORTED_LATER)
        for member in reversed(kind)
    }
    ir = _filled(f"{name}.ir", {**members, **_IR, **{k.__name__: k for k in enums.ALL}})
    found = {name: library, ir.__name__: ir}
    for part in ("passes", *_ABSENT):
        made = _passes(f"{name}.{part}") if part == "passes" else _Absent(f"{name}.{part}")
        found[made.__name__] = made
    for full, made in found.items():
        if full != name:
            setattr(library, full.rpartition(".")[2], made)
    return found


def _passes(name: str) -> python.ModuleType:
    made = python.ModuleType(name)
    for part in ("common", "ttir", "ttgpuir", "convert", "llvmir", "gluon", "plugin", "analysis"):
        setattr(made, part, _Absent(f"{name}.{part}"))
    return made
