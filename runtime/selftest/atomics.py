"""Atomics on device memory: every test gives the same numbers in whatever order threads come."""

from __future__ import annotations

import numpy as np

from .row import Array, SelfTest, values

THREADS, GROUPS = 64, 8
_RANDOM = np.random.default_rng(32)
_EACH = "uint i = thread_position_in_grid.x;"
_ORDER = "memory_order_relaxed"


def _at(kind: str, place: str) -> str:
    return f"(device atomic<{kind}>*)&{place}"


def _integers(low: int, high: int, dtype: str) -> Array:
    return _RANDOM.integers(low, high, THREADS * GROUPS, dtype=dtype)


def _float_add() -> SelfTest:
    """Quarters: every partial sum is exact. Two threads in three meet at one place."""
    x = _integers(-1000, 1000, "int32").astype(np.float32) / 4
    places = np.maximum(np.arange(x.size) % 3 - 1, 0)
    sums = [x[places == place].sum() for place in range(2)]
    return SelfTest(
        name="atomic add float",
        cells=("atomic_float_add",),
        source=f"""{_EACH}
  atomic_fetch_add_explicit({_at("float", "out0[max(int(i % 3) - 1, 0)]")}, x0[i], {_ORDER});""",
        inputs=(values(x, "float32"),),
        expected=(values(sums, "float32"),),
        threads=THREADS,
        threadgroups=GROUPS,
        fill=0.0,
    )


def _min_max_32() -> SelfTest:
    """Signed and unsigned, with values that the other sign would order differently."""
    signed, unsigned = _integers(-(2**31), 2**31, "int32"), _integers(0, 2**32, "uint32")
    return SelfTest(
        name="atomic min max 32",
        cells=("atomic_32",),
        source=f"""{_EACH}
  atomic_fetch_min_explicit({_at("int", "out0[0]")}, x0[i], {_ORDER});
  atomic_fetch_max_explicit({_at("int", "out0[1]")}, x0[i], {_ORDER});
  atomic_fetch_max_explicit({_at("uint", "out1[0]")}, x1[i], {_ORDER});""",
        inputs=(values(signed, "int32"), values(unsigned, "uint32")),
        expected=(
            values([signed.min(), signed.max()], "int32"),
            values([unsigned.max()], "uint32"),
        ),
        threads=THREADS,
        threadgroups=GROUPS,
        fill=0.0,
    )


def _sums_and_bits_32() -> SelfTest:
    """Addition wraps around; the number it returns is taken by one thread only."""
    x = _integers(0, 2**32, "uint32")
    with np.errstate(over="ignore"):
        total = x.sum(dtype=np.uint32)
    return SelfTest(
        name="atomic add or xor 32",
        cells=("atomic_32",),
        source=f"""{_EACH}
  atomic_fetch_add_explicit({_at("uint", "out0[0]")}, x0[i], {_ORDER});
  atomic_fetch_or_explicit({_at("uint", "out0[1]")}, x0[i] & 0x0ff00ff0u, {_ORDER});
  atomic_fetch_xor_explicit({_at("uint", "out0[2]")}, x0[i], {_ORDER});
  uint ticket = atomic_fetch_add_explicit({_at("uint", "out0[3]")}, 1u, {_ORDER});
  atomic_fetch_add_explicit({_at("uint", "out1[ticket]")}, 1u, {_ORDER});""",
        inputs=(values(x, "uint32"),),
        expected=(
            values(
                [
                    total,
                    np.bitwise_or.reduce(x & np.uint32(0x0FF00FF0)),
                    np.bitwise_xor.reduce(x),
                    x.size,
                ],
                "uint32",
            ),
            values(np.ones(x.size), "uint32"),
        ),
        threads=THREADS,
        threadgroups=GROUPS,
        fill=0.0,
    )


def _exchange_32() -> SelfTest:
    """Each thread puts its number in and marks what it got; at the end all have been got once."""
    return SelfTest(
        name="atomic exchange 32",
        cells=("atomic_32",),
        source=f"""{_EACH}
  uint got = atomic_exchange_explicit({_at("uint", "out0[0]")}, x0[i], {_ORDER});
  atomic_fetch_add_explicit({_at("uint", "out1[got]")}, 1u, {_ORDER});
  threadgroup_barrier(mem_flags::mem_device);
  if (i == 0) {{
    got = atomic_exchange_explicit({_at("uint", "out0[0]")}, 99u, {_ORDER});
    atomic_fetch_add_explicit({_at("uint", "out1[got]")}, 1u, {_ORDER});
  }}""",
        inputs=(values(np.arange(1, THREADS + 1), "uint32"),),
        expected=(values([99], "uint32"), values(np.ones(THREADS + 1), "uint32")),
        threads=THREADS,
        fill=0.0,
    )


def _compare_exchange_32() -> SelfTest:
    """A sum of floats by compare and exchange of their bits, which loses nothing."""
    x = _integers(-100, 100, "int32").astype(np.float32)
    return SelfTest(
        name="atomic compare exchange 32",
        cells=("atomic_32",),
        source=f"""{_EACH}
  device atomic<uint>* place = {_at("uint", "out0[0]")};
  uint seen = atomic_load_explicit(place, {_ORDER});
  while (!atomic_compare_exchange_weak_explicit(
      place, &seen, as_type<uint>(as_type<float>(seen) + x0[i]), {_ORDER}, {_ORDER})) {{}}""",
        inputs=(values(x, "float32"),),
        expected=(values(np.array([x.sum()], np.float32).view(np.uint32), "uint32"),),
        threads=THREADS,
        threadgroups=GROUPS,
        fill=0.0,
    )


def _min_max_64() -> SelfTest:
    """Two rounds: the extremes differ in their high halves, then in their low halves only."""
    wide = _integers(0, 2**64 - 1, "uint64")
    near = (np.uint64(2**60) + np.arange(wide.size, dtype=np.uint64))[::-1]
    return SelfTest(
        name="atomic min max 64",
        cells=("atomic_min_max_64",),
        source=f"""{_EACH}
  if (i == 0) {{ out0[2] = ~ulong(0); out0[3] = ~ulong(0); }}
  threadgroup_barrier(mem_flags::mem_device);
  for (uint k = i; k < {wide.size}; k += {THREADS}) {{
    atomic_max_explicit({_at("ulong", "out0[0]")}, x0[k], {_ORDER});
    atomic_max_explicit({_at("ulong", "out0[1]")}, x1[k], {_ORDER});
    atomic_min_explicit({_at("ulong", "out0[2]")}, x0[k], {_ORDER});
    atomic_min_explicit({_at("ulong", "out0[3]")}, x1[k], {_ORDER});
  }}""",
        inputs=(values(wide, "uint64"), values(near, "uint64")),
        expected=(values([wide.max(), near.max(), wide.min(), near.min()], "uint64"),),
        threads=THREADS,
        fill=0.0,
    )


def _add_64() -> SelfTest:
    """A carry from the low into the high half; not a word that the simulator has."""
    x = _integers(2**31, 2**33, "uint64")
    return SelfTest(
        name="atomic add 64",
        cells=("atomic_64",),
        source=f"""{_EACH}
  atomic_fetch_add_explicit({_at("ulong", "out0[0]")}, x0[i], {_ORDER});""",
        inputs=(values(x, "uint64"),),
        expected=(values([x.sum()], "uint64"),),
        threads=THREADS,
        threadgroups=GROUPS,
        fill=0.0,
    )


ROWS = (
    _float_add(),
    _min_max_32(),
    _sums_and_bits_32(),
    _exchange_32(),
    _compare_exchange_32(),
    _min_max_64(),
    _add_64(),
)
