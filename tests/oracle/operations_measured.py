"""What every cell of the operations table does on a target that is here, as JSON; also where no test runs.

python tests/oracle/operations_measured.py --target cuda --jobs 14 --output tests/oracle/cuda_outcomes.json

docs/operations.md shows it beside what the tests measure. Cells not done after --seconds are left out. Where
Triton is not the version of the page, --beside names what this made with it for the host: an outcome that is
wrong in the same way there is the version's, not the target's.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))


def as_text(head: dict[str, str], outcomes: dict[str, dict[str, str]]) -> str:
    """JSON with a line for each row of the table."""
    rows = [f"  {json.dumps(row)}: {json.dumps(outcomes[row])}" for row in sorted(outcomes)]
    start = json.dumps(head, indent=1).rstrip("}\n ")
    return f'{start},\n "outcomes": {{\n' + ",\n".join(rows) + "\n }\n}\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", default="cuda")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--beside", type=Path)
    given = parser.parse_args()
    import mlx.core as mx
    import triton
    from operations import TABLE
    from operations_document import VERSION
    from operations_run import PASSES, measured

    groups = sorted({(row.form.name, dtype) for row in TABLE for dtype in row.dtypes})
    end, outcomes = time.monotonic() + given.seconds, dict[str, dict[str, str]]()
    pool = ProcessPoolExecutor(given.jobs, multiprocessing.get_context("spawn"))
    waiting: dict[Any, Any] = {pool.submit(measured, *g, given.target): g for g in groups}
    try:
        for future in as_completed(waiting, timeout=max(0.0, end - time.monotonic())):
            for cell in future.result():
                outcomes.setdefault(cell.row, {})[cell.dtype] = cell.outcome
    except TimeoutError:
        print(f"{sum(not f.done() for f in waiting)} of {len(groups)} groups left", file=sys.stderr)
    beside = json.loads(given.beside.read_text())["outcomes"] if given.beside else {}
    for row, cells in outcomes.items():
        for dtype, outcome in cells.items():
            if outcome.startswith("wrong") and outcome == beside.get(row, {}).get(dtype):
                cells[dtype] = VERSION
    for process in list(pool._processes.values()):
        process.terminate()
    head = {
        "device": str(mx.device_info().get("device_name", "")),
        "triton": triton.__version__,
        "mlx": mx.__version__,
    }
    given.output.write_text(as_text(head, outcomes))
    all_cells = [o for row in outcomes.values() for o in row.values()]
    passed, refused = all_cells.count(PASSES), sum(o.startswith("refused ") for o in all_cells)
    print(f"{len(all_cells)} cells: {passed} pass, {refused} refused", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
