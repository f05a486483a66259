"""Every operation of the table on every type, recorded by Triton's native module and by the stand-in.

    python tests/frontend/operation_records.py [FORM ...]

FORM: "unary", "memory" and so on, as the rows of tests/oracle/operations.py have it. Nothing is run.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "oracle"), str(HERE)]

import differential  # noqa: E402
from operations import TABLE  # noqa: E402
from operations_run import _Launch, scope  # noqa: E402
from operations_types import DTYPES  # noqa: E402


def main(forms: Sequence[str]) -> int:
    from triton import knobs

    differential.watch(compile_too=False)
    with tempfile.TemporaryDirectory() as folder, scope("host"):
        knobs.cache.dir = folder  # what was compiled before would not be recorded
        for row in TABLE:
            for dtype in DTYPES if not forms or row.form.name in forms else ():
                # What both refuse, and what was compared, ends here; differences are counted.
                with contextlib.suppress(Exception):
                    _Launch(row.form, dtype, [row]).compile()
    print(differential.summary())
    for name, found in differential.RECORD.different.items():
        print(f"{name}\n{found}")
    return 1 if differential.RECORD.different or not differential.RECORD.same else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
