"""Where kernels run: chosen by `triton_mlx.use`, by TRITON_MLX_TARGET, or by what the machine has."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from ..fusion.errors import TritonMlxError
from .settings import Settings

NAMES = ("host", "simulate", "metal", "cuda")
SHAPES = (
    "shapes"  # nothing runs: for reports ahead of time (runtime/report/ahead.py), not for `use`
)


class UnknownTarget(TritonMlxError, ValueError):
    """A target name that does not exist."""

    code = "UNKNOWN_TARGET"


class MissingTriton(TritonMlxError, ImportError):
    """Triton is not installed."""

    code = "MISSING_TRITON"


@dataclass(frozen=True, slots=True)
class Choice:
    """A target, the chip that it lowers for ("": what is there), and whether it checks.

    `tuned`: launches get the schedules that were measured for them.
    """

    name: str
    checked: bool = False
    chip: str = ""
    tuned: bool = True

    @property
    def device(self) -> int:
        """A number of its own: Triton keeps compiled kernels, and facts of a device, by this number."""
        return _numbers.setdefault(self, _FIRST_DEVICE + len(_numbers))

    @property
    def arch(self) -> str:
        """The name that Triton keeps compiled kernels under."""
        return f"{self.name}:{self.chip}" if self.chip else self.name


# Whose rows of the hardware table a target may be told to lower for.
_BACKENDS = {"metal": "metal", "simulate": "metal", "cuda": "cuda"}
_FIRST_DEVICE = 1 << 10  # above the devices of Triton's own back ends in the same process
_numbers: dict[Choice, int] = {}


def _checked_choice(name: str, checked: bool, chip: str, tuned: bool = True) -> Choice:
    if name not in NAMES:
        raise UnknownTarget(
            f"target {name!r}", why=f"targets are {', '.join(NAMES)}", hint="triton_mlx.use('host')"
        )
    if not chip:
        return Choice(name, checked and name == "simulate", tuned=tuned)
    from .. import hwinfo

    row = hwinfo.find(chip)
    if row.backend != _BACKENDS.get(name):
        raise UnknownTarget(
            f"chip {chip!r} on target {name!r}",
            why="metal and simulate take rows of Apple GPUs, cuda takes compute capabilities",
            hint="triton_mlx.use('simulate', chip='M3 Max')",
        )
    return Choice(name, checked and name == "simulate", row.name, tuned)


_chosen: Choice | None = None
_default: Choice | None = None


def current() -> Choice:
    """The target of the next launch."""
    return _chosen or default()


def default() -> Choice:
    """From the environment; else the GPU that MLX has, else the host. Read once per process."""
    global _default
    if _default is None:
        settings = Settings.from_env()
        name = settings.target or best()
        _default = _checked_choice(name, settings.checked, settings.chip if name != "host" else "")
    return _default


def best() -> str:
    """The GPU that MLX has, else the host."""
    try:
        import mlx.core as mx

        return "metal" if mx.metal.is_available() else "cuda" if has_cuda(mx) else "host"
    except Exception:  # noqa: BLE001  a broken MLX must not break the import of triton
        return "host"


def has_cuda(mx: Any) -> bool:
    """True if this MLX is a CUDA build on a machine with a GPU."""
    return hasattr(mx, "cuda") and bool(mx.cuda.is_available())


class use:  # noqa: N801  reads as a verb: use("host")
    """Choose the target from now on, or within a `with` block. See triton_mlx.use."""

    def __init__(
        self,
        target: str,
        *,
        checked: bool | None = None,
        chip: str | None = None,
        tuned: bool = True,
    ):
        global _chosen
        settings = Settings.from_env()
        choice = _checked_choice(
            target,
            settings.checked if checked is None else checked,
            (settings.chip if target != "host" else "") if chip is None else chip,
            tuned,
        )
        self._previous = _chosen
        self._driver = _activate()
        _chosen = choice

    def __enter__(self) -> use:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        global _chosen
        _chosen = self._previous
        _restore(self._driver)


@contextlib.contextmanager
def during(choice: Choice) -> Iterator[None]:
    """Launch on `choice` inside, whatever `use` says."""
    global _chosen
    previous, driver = _chosen, _activate()
    _chosen = choice
    try:
        yield
    finally:
        _chosen = previous
        _restore(driver)


def _restore(driver: Any) -> None:
    if driver is not None:
        from triton.runtime import driver as drivers

        drivers.set_active(driver)


def _activate() -> Any:
    """Make our driver the active one; returns the driver that was active, if it was another's."""
    try:
        from triton.runtime import driver
    except ModuleNotFoundError as error:
        if error.name != "triton":
            raise
        raise MissingTriton(
            "Triton is not installed",
            hint="python -m triton_mlx install-triton, or where it has a wheel: pip install triton",
        ) from None

    from .driver import MLXDriver

    active = driver._active
    if isinstance(active, MLXDriver):
        return None
    if active is None and MLXDriver.is_active():
        previous = None
    else:
        previous = active
    driver.set_active(MLXDriver())
    return previous
