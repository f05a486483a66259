"""`python -m triton_mlx doctor`: what works on this machine, and what to do about the rest.

A check never raises: whatever goes wrong in one becomes its line. The last checks launch a small
kernel on each target and compare its result with MLX's, because only that shows that a target works.
"""

from __future__ import annotations

import importlib
import platform
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Literal, TextIO

from ..fusion.errors import TritonMlxError
from ..hwinfo import HardwareTableError
from . import tables
from .commands import write_json
from .settings import PREFIX, Settings

Status = Literal["ok", "note", "missing"]
OLDEST_PYTHON = (3, 10)
_STYLES = {"ok": "green", "note": "yellow", "missing": "bold red"}
_ON_MAC = sys.platform == "darwin"
# Triton publishes wheels for Linux only.
_HAS_WHEEL = sys.platform == "linux"
_TRITON = "pip install triton" if _HAS_WHEEL else "python -m triton_mlx install-triton"
_MLX = "pip install mlx" if _ON_MAC else "pip install 'mlx[cpu]'"


@dataclass(frozen=True, slots=True)
class Check:
    """One line. A `note` does not stop kernels from running; `hint` says what to do."""

    name: str
    status: Status
    detail: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All lines; `target` is where launches run, and `ok` whether they can."""

    checks: tuple[Check, ...]
    target: str | None
    ok: bool


def run(json: bool, stream: TextIO) -> int:
    """Examine the machine and write a table, or with `json` a JSON object, to `stream`.

    Returns 0 if kernels run on the target that launches would use, else 1.
    """
    report = examine()
    if json:
        data = [asdict(check) for check in report.checks]
        write_json({"ok": report.ok, "target": report.target, "checks": data}, stream)
        return 0 if report.ok else 1
    lines = [[check.status, check.name, check.detail] for check in report.checks]
    tables.show(stream, ("status", "what", "found"), lines, styles=_STYLES)
    hints = [f"{check.name}: {check.hint}" for check in report.checks if check.hint]
    stream.writelines(f"\n{text}\n" for text in (*hints, _verdict(report)))
    return 0 if report.ok else 1


def examine() -> Report:
    """The report of this process, in its environment. Builds and runs small kernels."""
    checks = [_caught(name, check) for name, check in _CHECKS]
    target = _target_name()
    launches = {name: _caught(f"launch on {name}", _launch_check(name)) for name in _targets()}
    ok = target in launches and launches[target].status != "missing"
    checks += [_weighed(check, name == target) for name, check in launches.items()]
    return Report(tuple(checks), target, ok)


def _verdict(report: Report) -> str:
    if report.target is None:
        return "No target: kernels cannot run."
    able = "run" if report.ok else "CANNOT run"
    return f"Kernels {able} on the target in use, {report.target}."


def _weighed(check: Check, in_use: bool) -> Check:
    """A target that is not in use need not work; for one that is, a way out."""
    if check.status != "missing":
        return check
    if not in_use:
        return replace(check, status="note")
    return replace(check, hint=check.hint or f"set {PREFIX}TARGET to a target that works")


def _caught(name: str, check: Callable[[], Check]) -> Check:
    """The check's line under `name`; a warning becomes a hint, and an error a missing thing."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = replace(check(), name=name)
        except Exception as error:  # noqa: BLE001  a doctor does not die of what it finds
            return _failed(name, error)
    messages = [str(w.message) for w in caught if issubclass(w.category, UserWarning)]
    if messages and found.status == "ok":
        found = replace(found, status="note", hint="; ".join(messages))
    return found


def _failed(name: str, error: Exception) -> Check:
    """What to do is an attribute of our own errors, or what follows a colon in a line of text."""
    if isinstance(error, ModuleNotFoundError):
        return Check(name, "missing", f"{error.name} is not installed", "see the lines above")
    if isinstance(error, (TritonMlxError, HardwareTableError)):
        return Check(name, "missing", error.what, "; ".join(filter(None, (error.why, error.hint))))
    lines = str(error).strip().splitlines() or [type(error).__name__]
    what, _, hint = lines[0].partition(": ")
    return Check(name, "missing", what, hint)


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _python() -> Check:
    found = platform.python_version()
    if sys.version_info < OLDEST_PYTHON:
        needed = ".".join(map(str, OLDEST_PYTHON))
        return Check("", "missing", found, f"Python {needed} or newer is needed")
    return Check("", "ok", f"{found}, {platform.system()} {platform.machine()}")


def _package(module: str, hint: str, *, required: bool = True) -> Callable[[], Check]:
    def check() -> Check:
        try:
            found = importlib.import_module(module)
        except Exception as error:  # noqa: BLE001  a broken package may raise anything
            text = str(error) if isinstance(error, ImportError) else _first_line(error)
            return Check("", "missing" if required else "note", text, hint)
        return Check("", "ok", str(getattr(found, "__version__", "installed")))

    return check


def _cache() -> Check:
    from . import cache

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        root = cache.root()
    if caught:
        return Check("", "note", f"{root} (temporary)", str(caught[0].message))
    return Check("", "ok", str(root))


def _tuned() -> Check:
    """Schedules that `tune` kept here, for all chips and versions; those measured apart from those ranked."""
    from . import cache
    from .tune.store import folder

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the line of the cache folder says it
        kinds = [entry.kind for entry in cache.entries()]
    measured, modelled = (kinds.count(folder(k)) for k in ("measured", "modelled"))
    return Check("", "ok", f"{measured} measured, {modelled} ranked by a model")


def _front_end() -> Check:
    import triton  # noqa: F401  without it there is neither

    from .frontend.place import is_python

    found = "Python, without Triton's native module" if is_python() else "Triton's native module"
    return Check("", "ok", found)


def _drivers() -> Check:
    from triton.backends import backends

    if "mlx" not in backends:
        return Check(
            "", "missing", "Triton does not see triton-mlx", "install it again: pip install -e ."
        )
    active = sorted(name for name, backend in backends.items() if _is_active(backend.driver))
    others = [name for name in active if name != "mlx"]
    if others:
        hint = "triton_mlx.use('host') before the first launch, or around launches, chooses ours"
        return Check("", "note", f"active: {', '.join(others)}", hint)
    if not active:
        return Check("", "missing", "no Triton driver is active", f"does MLX work? {_MLX}")
    return Check("", "ok", f"active: {', '.join(active)}")


def _is_active(driver: type) -> bool:
    try:
        return bool(driver.is_active())  # type: ignore[attr-defined]
    except Exception:  # noqa: BLE001  a driver that cannot answer is not active
        return False


def _target() -> Check:
    from .target import current

    choice = current()
    why = f"{PREFIX}TARGET says so" if Settings.from_env().target else "chosen by what is here"
    return Check("", "ok", f"{choice.name}{', checked' if choice.checked else ''} ({why})")


def _chip() -> Check:
    from .chip import current_chip, device_info

    row = current_chip()
    name = (device_info() or {}).get("device_name", "no device")
    return Check("", "ok", f"{name}: row {row.name!r} of the hardware table")


def _metal() -> Check:
    import mlx.core as mx

    if mx.metal.is_available():
        return Check("", "ok", "MLX has Metal")
    hint = "" if not _ON_MAC else "MLX finds no Metal device: a virtual machine, or an old macOS?"
    return Check("", "note", "not on this machine: kernels run on the host", hint)


def _compiler() -> Check:
    from .native import cxx

    try:
        found = cxx.find()
    except cxx.NoCompiler as error:
        what, _, hint = str(error).partition(": ")
        return Check("", "note", what, f"without one kernels run in numpy, slowly; {hint}")
    return Check("", "ok", f"{found.version} ({found.path})")


def _native() -> Check:
    import mlx.core  # noqa: F401  there is nothing to say about the module without MLX

    from . import native

    line = native.describe().removeprefix("launches: ")
    if native.load() is None:
        hint = f"results are the same, but every launch waits for its result ({line})"
        return Check("", "note", "launches are eager", hint)
    return Check("", "ok", f"launches are {line.partition(';')[0]}")


def _simulator() -> Check:
    from .simulator import build

    try:
        clang = build.find_clang()
        build.runtime_library()
    except (build.MissingClang, build.MissingCompiler, build.UnsupportedMachine) as error:
        return replace(_failed("", error), status="note")
    return Check("", "ok", clang)


_CHECKS: tuple[tuple[str, Callable[[], Check]], ...] = (
    ("python", _python),
    ("triton", _package("triton", _TRITON)),
    ("front end", _front_end),
    ("mlx", _package("mlx.core", _MLX)),
    ("numpy", _package("numpy", "pip install numpy")),
    ("networkx", _package("networkx", "pip install networkx")),
    ("platformdirs", _package("platformdirs", "pip install platformdirs")),
    ("filelock", _package("filelock", "pip install filelock")),
    ("rich", _package("rich", "only for nicer tables: pip install rich", required=False)),
    ("scikit-learn", _package("sklearn", "only for the demo's model", required=False)),
    ("cache folder", _cache),
    ("tuned schedules", _tuned),
    ("Triton driver", _drivers),
    ("target in use", _target),
    ("chip", _chip),
    ("Metal", _metal),
    ("C++ compiler", _compiler),
    ("native module", _native),
    ("simulator", _simulator),
)


def _targets() -> Iterator[str]:
    from .target import NAMES, best

    for name in NAMES:
        if name not in ("metal", "cuda") or name in (_target_name(), best()):
            yield name


def _target_name() -> str | None:
    from .target import current

    try:
        return current().name
    except Exception:  # noqa: BLE001  TRITON_MLX_TARGET may name anything; its check says so
        return None


def _launch_check(target: str) -> Callable[[], Check]:
    """A kernel on `target`, its result compared with what MLX makes of the same arrays."""

    def check() -> Check:
        import mlx.core as mx

        from ..examples.elementwise import add
        from .target import use

        x = mx.arange(1000, dtype=mx.float32)
        with use(target):
            result = add(x, x)
            mx.eval(result)
        if not mx.array_equal(result, x + x).item():
            return Check("", "missing", "a kernel ran, and its result is WRONG", "report this")
        return Check("", "ok", "a kernel ran, and its result is right")

    return check
