"""`ir.builder`: the object through which Triton's front end records a kernel."""

from __future__ import annotations

from typing import Any

from .control import Control
from .elementwise import add_methods
from .memory import Memory
from .tiles import Tiles


class NotInPython(NotImplementedError):
    """Something of Triton's native module that the pure-Python front end does not have."""

    def __init__(self, what: str):
        super().__init__(
            f"{what} is not part of the pure-Python front end of triton-mlx. It needs Triton's "
            "native module: install an official Triton, and set TRITON_MLX_FRONTEND=native"
        )


class Builder(Control, Memory, Tiles):
    """All methods of Triton's native builder that kernels reach; others say that they are missing."""

    def get_op_builder(self) -> OpBuilder:
        return OpBuilder(self.context)

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("create_", "get_")):
            raise NotInPython(f"the operation {name.partition('_')[2]}")
        raise AttributeError(name)


class OpBuilder:
    """Empty in Triton too, unless a native extension adds operations of its own."""

    def __init__(self, context: object):
        self.context = context


add_methods(Builder)
