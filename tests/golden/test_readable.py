"""What a reader finds in the golden Metal texts: the user's lines, and no name that nothing uses."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

TEXTS = sorted(Path(__file__).parent.glob("*.metal"))
_DECLARED = re.compile(r"\b(?:int|uint|half|float|bool|uchar)[234]? (\w+)(?:\[\d+\])?(?: =|;)")


def test_there_are_twelve() -> None:
    assert len(TEXTS) >= 12


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: p.stem)
def test_text(path: Path) -> None:
    text = path.read_text()
    assert re.search(r"// \w+\.py:\d+", text)
    words = Counter(re.findall(r"\w+", text))
    assert [n for n in _DECLARED.findall(text) if words[n] < 2] == []
