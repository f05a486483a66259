"""Small numeric tests of the paths that a chip's row promises, and what follows where one fails.

`trusted_row(row)` is what a launch lowers for; on Metal the tests then run once.
"""

from __future__ import annotations

from .verdict import SelfTestFailed, trusted, trusted_row

__all__ = ["SelfTestFailed", "trusted", "trusted_row"]
