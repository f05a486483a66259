"""Threadgroup memory, all 32 KB of it: what one thread writes another reads after a barrier."""

from __future__ import annotations

import numpy as np

from .row import SelfTest, values

_BYTES, _THREADS = 32 * 1024, 256
_WORDS = _BYTES // 4


def _whole() -> SelfTest:
    """Each thread writes far apart and reads the mirror image, from other simdgroups' writes."""
    x = np.random.default_rng(4).integers(0, 2**32, _WORDS, dtype="uint32")
    return SelfTest(
        name="threadgroup memory 32 KB",
        cells=("threadgroup_memory_bytes",),
        source=f"""
  threadgroup uint tile[{_WORDS}];
  uint t = thread_index_in_threadgroup;
  for (uint k = t; k < {_WORDS}; k += {_THREADS}) tile[k] = x0[k];
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (uint k = t; k < {_WORDS}; k += {_THREADS}) out0[k] = tile[{_WORDS - 1} - k];""",
        inputs=(values(x, "uint32"),),
        expected=(values(x[::-1], "uint32"),),
        threads=_THREADS,
        needs_bytes=_BYTES,
    )


ROWS = (_whole(),)
