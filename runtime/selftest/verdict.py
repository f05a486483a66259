"""Which paths this machine's Metal gets right: found out once, kept on disk, asked by name.

The record is kept per chip, system, version of MLX and our own sources; a change of any of them
runs the tests again. Nothing here has an effect on targets other than Metal.
"""

from __future__ import annotations

import json
import platform
import threading
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ...hwinfo import Capability, find
from .. import cache
from ..chip import current_chip, device_info
from .gates import gated, without
from .judge import Result, judge
from .row import SelfTest

KIND, FILE = "selftest", "verdict.json"
_FAILED = "a self-test failed here"
# Cells that are used on a device only after a test has passed there; others until one has failed.
NEED_PROOF = ("neural_accelerators",)
_lock = threading.RLock()
_known: dict[str, frozenset[str]] = {}
_warned: set[tuple[str, str]] = set()


class SelfTestFailed(UserWarning):
    """A path of this device gives wrong results or cannot run: `trusted` denies it."""


@dataclass(frozen=True, slots=True)
class Device:
    """Where self-tests run: `target` is "metal" or "simulate", `row` what the device has under its macOS.

    The texts are as the system and MLX give them; empty where they say nothing.
    """

    target: str
    row: Capability
    name: str
    architecture: str
    system: str
    mlx: str

    @property
    def key(self) -> str:
        """What a record is kept under."""
        parts = (self.target, self.row.name, self.name, self.architecture, self.system, self.mlx)
        return cache.digest(*parts, cache.sources_digest())


def here() -> Device:
    """Metal where MLX has it, else the simulator. Raises UnknownChip for a GPU not in the table."""
    import mlx.core as mx

    on_metal = bool(mx.metal.is_available())
    macos = platform.mac_ver()[0]
    info = (device_info() if on_metal else None) or {}
    return Device(
        target="metal" if on_metal else "simulate",
        row=gated(current_chip(), macos) if on_metal else find("simulator"),
        name=str(info.get("device_name", "")),
        architecture=str(info.get("architecture", "")),
        system=f"{platform.system()} {macos or platform.release()}",
        mlx=str(getattr(mx, "__version__", "unknown")),
    )


def trusted(capability: Capability, name: str) -> bool:
    """False where a self-test that vouches for this cell has failed on this machine's Metal, or did not run.

    `capability` is the row that a kernel is lowered for, `name` a cell of hwinfo.FACTS. True for any
    row but that of this machine's Metal device, and for cells that no test vouches for: it says
    nothing about what the row promises. The first question runs the tests, unless their results are
    on disk; each path that has failed is warned of once per process (SelfTestFailed).
    Raises UnknownCapability for a wrong name.
    """
    capability.cell(name)
    device = _guarded(capability)
    if device is None:
        return name not in _elsewhere(capability)
    return device.row.cell(name) == capability.cell(name) and name not in _switched_off(device)


def trusted_row(capability: Capability) -> Capability:
    """`capability` without what `trusted` denies: those cells are False, with the reason as source."""
    device = _guarded(capability)
    if device is None:
        return without(capability, _elsewhere(capability))
    off = _switched_off(device)
    reasons = {n: "no self-test has passed here" if n in NEED_PROOF else _FAILED for n in off}
    return without(device.row, {n: why for n, why in reasons.items() if device.row.get(n, True)})


def _elsewhere(capability: Capability) -> dict[str, str]:
    """What of a row is not used, because this machine has Metal, and is another chip."""
    wanted = [n for n in NEED_PROOF if capability.get(n, False)]
    if not wanted or here().target != "metal":
        return {}
    return dict.fromkeys(wanted, "this machine is another chip, on which nothing was tested")


def record(device: Device, results: Sequence[Result]) -> None:
    """Keep these results, those of all tests, as what is known of a device."""
    data = {"results": [asdict(result) for result in results]}
    cache.write(KIND, device.key, FILE, json.dumps(data).encode())
    with _lock:
        _known.pop(device.key, None)


def switched_off(results: Sequence[Result]) -> frozenset[str]:
    """The cells that a failed test vouches for, and those that need a proof for which there was no test."""
    failed = {cell for r in results if r.status == "failed" for cell in r.cells}
    tested = {cell for r in results for cell in r.cells}
    return frozenset(failed | (set(NEED_PROOF) - tested))


def _guarded(capability: Capability) -> Device | None:
    """This machine's Metal device, if the row is its row."""
    if capability.backend != "metal" or capability.name == "simulator":
        return None
    device = here()
    return device if device.target == "metal" and device.row.name == capability.name else None


def _tests() -> tuple[SelfTest, ...]:
    from .table import ROWS

    return ROWS


def _switched_off(device: Device) -> frozenset[str]:
    with _lock:
        key = device.key
        if key not in _known:
            results = _recorded(key)
            if results is None:
                results = judge(_tests(), device.target, device.row)
                record(device, results)
            _known[key] = switched_off(results)
            _warn(device, results)
        return _known[key]


def _recorded(key: str) -> tuple[Result, ...] | None:
    """The results on disk. A record in another form counts as absent."""
    data = cache.read(KIND, key, FILE)
    if data is None:
        return None
    try:
        return tuple(_result(entry) for entry in json.loads(data)["results"])
    except (ValueError, KeyError, TypeError):
        return None


def _result(entry: dict[str, Any]) -> Result:
    cells = tuple(entry["cells"])
    differences = tuple((d[0], d[1], d[2], d[3]) for d in entry["differences"])
    return Result(entry["name"], cells, entry["status"], entry["detail"], differences)


def _warn(device: Device, results: Sequence[Result]) -> None:
    for result in results:
        if result.status != "failed" or (device.key, result.name) in _warned:
            continue
        _warned.add((device.key, result.name))
        text = (
            f"the self-test {result.name!r} failed on {device.name or device.row.name}, so "
            f"{', '.join(result.cells)} is not trusted here: {result.detail}; please report what "
            "python -m triton_mlx doctor --selftest --save report.json writes"
        )
        warnings.warn(text, SelfTestFailed, stacklevel=5)
