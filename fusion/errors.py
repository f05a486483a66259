"""Why a kernel was refused: one class per cause, each says what, where, why and what to try."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Loc:
    """A place in the user's source. `name` is the variable the value was assigned to, if known."""

    file: str = ""
    line: int = 0
    name: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.file else "unknown location"


class TritonMlxError(Exception):
    """Base of every error that triton-mlx raises on purpose.

    `code` is stable: docs/refusals.md has an entry for each.
    """

    code = "ERROR"

    def __init__(self, what: str, *, where: Loc | None = None, why: str = "", hint: str = ""):
        self.what, self.where, self.why, self.hint = what, where, why, hint
        lines = [f"[{self.code}] {what}"]
        if where is not None:
            lines.append(f"  at {where}")
        if why:
            lines.append(f"  why: {why}")
        if hint:
            lines.append(f"  try: {hint}")
        super().__init__("\n".join(lines))


class UnsupportedOperation(TritonMlxError):
    """The kernel uses an operation, or a form of one, that is not lowered."""

    code = "UNSUPPORTED_OPERATION"


class UnsupportedType(TritonMlxError):
    """A type that the target has no hardware or no lowering for."""

    code = "UNSUPPORTED_TYPE"


class PointerProvenance(TritonMlxError):
    """A pointer cannot be traced back to one argument of the kernel."""

    code = "POINTER_PROVENANCE"


class TileTooLarge(TritonMlxError):
    """A tile that does not fit the target's threads, registers or threadgroup memory."""

    code = "TILE_TOO_LARGE"


class NoForwardProgress(TritonMlxError):
    """A program that waits for another program of its launch, where they need not run at the same time."""

    code = "NO_FORWARD_PROGRESS"


class BadArgument(TritonMlxError, TypeError):
    """An argument of a launch has the wrong type, dtype or place."""

    code = "BAD_ARGUMENT"


class DeviceAssert(TritonMlxError, AssertionError):
    """A tl.device_assert of the kernel failed."""

    code = "DEVICE_ASSERT"


class Untransformable(TritonMlxError, ValueError):
    """A transformation of MLX (compile, grad, vmap) was asked for what a launch cannot do."""

    code = "UNTRANSFORMABLE"


class IRFormatError(TritonMlxError):
    """Triton printed IR in a form that this version does not read."""

    code = "IR_FORMAT"


class VerifyError(TritonMlxError):
    """A graph breaks a rule of its stage: a defect of triton-mlx, never of the kernel."""

    code = "VERIFY"
