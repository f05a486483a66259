"""Emitted text of kernels that were recorded without Triton's native module.

Numbers in names and the order of lines follow what was recorded, so only what the lines say is compared.
"""

from __future__ import annotations

import re
from collections import Counter

import pytest

from triton_mlx.runtime.frontend import place

# What the native passes find and ours do not.
KNOWN = {("dropout", "host"): "two of its products are computed in two places"}


def same_lines(want: str, text: str) -> None:
    """Fails if one text says what the other does not."""
    left, right = _lines(want), _lines(text)
    assert (left - right, right - left) == (Counter(), Counter())


def _lines(text: str) -> Counter[str]:
    """Without the numbers that make names unique, and without comments."""
    code = (line.strip() for line in text.splitlines() if not line.strip().startswith("//"))
    return Counter(re.sub(r"(_\d+)+\b", "_N", line) for line in code)


def compared(name: str, target: str, want: str, text: str) -> bool:
    """True if the texts were compared here: without the native module."""
    if not place.is_python():
        return False
    if (name, target) in KNOWN:
        pytest.skip(f"without the native module {KNOWN[name, target]}")
    same_lines(want, text)
    return True
