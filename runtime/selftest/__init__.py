"""Small numeric tests of the paths that a chip's row promises, and what follows where one fails.

`trusted(row, "simdgroup_matrix_half")` is what lowering's callers ask; on Metal the tests then run once.
"""

from __future__ import annotations

from .verdict import SelfTestFailed, trusted

__all__ = ["SelfTestFailed", "trusted"]
