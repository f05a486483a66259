"""The call into the compiled runtime and kernel."""

from __future__ import annotations

import ctypes
import functools
import threading
from collections.abc import Sequence
from pathlib import Path

from .buffers import Buffer
from .build import runtime_library
from .counts import Traffic
from .findings import RawFinding

# The launcher puts this much into the section of threadgroup variables, so that it always exists.
_ANCHOR_BYTES = 16
_COUNTERS = (
    "threads",
    "threadgroups",
    "threadgroup_barriers",
    "simd_operations",
    "simdgroup_barriers",
    "matrix_multiplies",
    "matrix_transfers",
)
_CHECKED_COUNTERS = (
    "device_bytes_read",
    "device_bytes_written",
    "threadgroup_bytes_read",
    "threadgroup_bytes_written",
    "bank_conflicts",
)

# The runtime has one set of fibers.
_one_at_a_time = threading.Lock()


class _CBuffer(ctypes.Structure):
    _fields_ = (
        ("at", ctypes.c_void_p),
        ("bytes", ctypes.c_size_t),
        ("granule", ctypes.c_uint32),
        ("writable", ctypes.c_uint32),
        ("initialised", ctypes.c_uint32),
        ("name", ctypes.c_char_p),
    )


class _CFinding(ctypes.Structure):
    _fields_ = (
        ("kind", ctypes.c_char * 32),
        ("offset", ctypes.c_uint64),
        ("message", ctypes.c_char * 280),
    )


class _CCounters(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_uint64) for name in (*_COUNTERS, *_CHECKED_COUNTERS, "threadgroup_bytes")
    )


class _CTraffic(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_uint64)
        for name in ("read", "written", "fetched", "distinct_read", "distinct_written")
    )


def dispatch(
    library: Path,
    grid: tuple[int, int, int],
    group: tuple[int, int, int],
    buffers: Sequence[Buffer],
    *,
    checked: bool,
    count_traffic: bool = False,
) -> tuple[list[RawFinding], dict[str, int], dict[str, Traffic]]:
    """Run all threads; findings, counters, traffic by buffer (in checked mode, if asked for).

    `buffers` change in place. One launch at a time.
    """
    runtime, kernel = _runtime(), _loaded(library)
    low, high = kernel.msl_threadgroup_low(), kernel.msl_threadgroup_high()
    described = (_CBuffer * len(buffers))(*map(_described, buffers))
    addresses = (ctypes.c_void_p * len(buffers))(*(b.address for b in buffers))
    counted, count = _CCounters(), ctypes.c_int()
    traffic = (_CTraffic * len(buffers))() if checked and count_traffic else None
    triple = ctypes.c_uint * 3
    with _one_at_a_time:
        ran = runtime.msl_dispatch(
            ctypes.cast(kernel.msl_entry, ctypes.c_void_p),
            addresses,
            triple(*grid),
            triple(*group),
            ctypes.c_void_p(low),
            ctypes.c_void_p(high),
            described,
            len(buffers),
            ctypes.c_bool(checked),
            ctypes.byref(counted),
            traffic,
        )
        raw = runtime.msl_findings(ctypes.byref(count))
        found = [_read(raw[k]) for k in range(count.value)]
    if not ran:
        raise MemoryError("the simulator cannot reserve memory for the stacks of its threads")
    names = (*_COUNTERS, *_CHECKED_COUNTERS) if checked else _COUNTERS
    counters = {name: int(getattr(counted, name)) for name in names}
    # In checked mode gaps lie between the variables, so the runtime adds up their sizes.
    section = max(0, high - low - _ANCHOR_BYTES)
    counters["threadgroup_bytes"] = int(counted.threadgroup_bytes) if checked else section
    return found, counters, _by_name(buffers, traffic)


def _by_name(
    buffers: Sequence[Buffer], traffic: ctypes.Array[_CTraffic] | None
) -> dict[str, Traffic]:
    if traffic is None:
        return {}
    return {
        b.name: Traffic(t.read, t.written, t.fetched, t.distinct_read, t.distinct_written)
        for b, t in zip(buffers, traffic, strict=True)
    }


def _described(b: Buffer) -> _CBuffer:
    return _CBuffer(b.address, b.data.size, b.granule, b.writable, b.initialised, b.name.encode())


def _read(finding: _CFinding) -> RawFinding:
    return RawFinding(finding.kind.decode(), int(finding.offset), finding.message.decode())


@functools.cache
def _runtime() -> ctypes.CDLL:
    library = ctypes.CDLL(str(runtime_library()))
    library.msl_dispatch.restype = ctypes.c_bool
    library.msl_findings.restype = ctypes.POINTER(_CFinding)
    return library


@functools.cache
def _loaded(path: Path) -> ctypes.CDLL:
    _runtime()
    library = ctypes.CDLL(str(path))
    for name in ("msl_threadgroup_low", "msl_threadgroup_high"):
        getattr(library, name).restype = ctypes.c_void_p
    return library
