"""All self-tests: one row for each risky path."""

from __future__ import annotations

from . import atomics, bfloats, fragments, lanes, memory, tensors

ROWS = (*fragments.ROWS, *tensors.ROWS, *atomics.ROWS, *bfloats.ROWS, *lanes.ROWS, *memory.ROWS)
