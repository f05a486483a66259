"""The driver half of the Triton plug-in. Imported by `import triton`: cheap, and it must never fail."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from typing import Any

from triton.backends.compiler import GPUTarget as _GPUTarget
from triton.backends.driver import DriverBase as _DriverBase


class _Event:
    """A point in time after all work so far, for triton.testing.do_bench."""

    def __init__(self, enable_timing: bool = True):
        self.seconds = 0.0

    def record(self, stream: Any = None) -> None:
        _Interface.synchronize()
        self.seconds = time.perf_counter()

    def elapsed_time(self, later: _Event) -> float:
        """Milliseconds; positive, because do_bench divides by it."""
        return max((later.seconds - self.seconds) * 1e3, 1e-6)


class _Interface:
    """What do_bench wants of a device."""

    Event = _Event

    @staticmethod
    def synchronize(device: Any = None) -> None:
        from .pending import finish

        finish()


_SHARED = 32768  # bytes, as all Apple GPUs have
_MEMORY = ("threadgroup_memory_bytes", "threadgroup_memory_optin_bytes")
_THREADS = 1024  # of a program at most, where the table says no more


class _Utils:
    """Loads what the compiler made. "Binaries" are IR text; see runtime/compiler.py."""

    def load_binary(self, name: str, kernel: bytes, shared: int, device: int) -> tuple[Any, ...]:
        from .launch import LoadedKernel

        loaded = LoadedKernel(name, bytes(kernel))
        # module, function, registers (see _properties), spills, most threads of a program
        return loaded, loaded, 1, 0, 1 << 30

    def unload_module(self, module: Any) -> None:
        """Nothing to release: native code stays mapped until the process ends."""

    def get_device_properties(self, device: int) -> dict[str, int]:
        return _properties()


def _properties() -> dict[str, int]:
    """What Triton's users ask of a device to choose their number of programs.

    No compiler here tells how many registers a thread gets. A kernel says one, and a core has one for
    each of its threads: who divides one by the other gets the programs that its threads allow.
    """
    from ..hwinfo import find
    from .chip import current_chip
    from .target import SHAPES, current

    chip = current_chip() if current().name in ("metal", "cuda") else None
    if current().name == SHAPES:
        chip = find(current().chip)
    threads = chip.get("max_threads_per_core", _THREADS) if chip else _THREADS
    return {
        "max_shared_mem": (max(chip.get(n, 0) for n in _MEMORY) if chip else 0) or _SHARED,
        "multiprocessor_count": chip.get("cores", 1) if chip else os.cpu_count() or 1,
        "warpSize": 32,
        "max_num_regs": threads,
        "max_threads_per_sm": threads,
    }


class MLXDriver(_DriverBase):
    """Launches on the target that triton_mlx.use chose."""

    def __init__(self) -> None:
        from . import autotune
        from .arrays import accept_numpy
        from .descriptors import allow_arrays
        from .launch import Launcher
        from .target import current
        from .tritoncache import ensure_writable
        from .tritonkey import remember

        super().__init__()
        ensure_writable()
        remember()
        accept_numpy()
        autotune.accept_arrays()
        self.utils = _Utils()
        self.launcher_cls = Launcher
        self._current = current
        allow_arrays()

    @staticmethod
    def is_active() -> bool:
        """True if mlx works and no other driver of this installation is active."""
        return importlib.util.find_spec("mlx") is not None and _mlx_works() and not _other_active()

    def map_python_to_cpp_type(self, ty: str) -> str:
        return ty

    def get_current_target(self) -> Any:
        from .target import current

        return _GPUTarget("mlx", current().arch, 32)

    def get_current_device(self) -> int:
        return self._current().device  # once a launch: no import here

    def set_current_device(self, device: int) -> None:
        """Targets are chosen with triton_mlx.use."""

    def get_current_stream(self, device: int | None = None) -> int:
        return 0

    def get_device_interface(self) -> Any:
        return _Interface

    def get_active_torch_device(self) -> Any:
        import torch

        return torch.device("cpu")

    def get_empty_cache_for_benchmark(self) -> Any:
        return None

    def clear_cache(self, cache: Any) -> None:
        """MLX owns its buffer cache."""

    def get_benchmarker(self) -> Any:
        from triton.testing import do_bench

        return do_bench


def _mlx_works() -> bool:
    try:
        import mlx.core

        return hasattr(mlx.core, "array")
    except Exception:  # noqa: BLE001  a broken MLX must not break Triton
        return False


# The drivers of these back ends ask torch, which takes long to import. On Linux their devices are files.
_DEVICES = {"nvidia": ("/dev/nvidiactl", "/dev/dxg"), "amd": ("/dev/kfd", "/dev/dxg")}


def _has_device(name: str) -> bool:
    """False if the back end `name` cannot be active on this machine."""
    if not sys.platform.startswith("linux") or name not in _DEVICES or "torch" in sys.modules:
        return True
    return any(os.path.exists(path) for path in _DEVICES[name])


def _other_active() -> bool:
    from triton.backends import backends

    for name, backend in backends.items():
        if backend.driver is MLXDriver or not _has_device(name):
            continue
        try:
            if backend.driver.is_active():
                return True
        except Exception:  # noqa: BLE001  a driver that cannot answer is not active
            continue
    return False
