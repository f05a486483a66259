"""What MLIR would refuse."""

from __future__ import annotations

import sys

from .values import TERMINATORS, Operation


def report(operation: Operation) -> bool:
    """False, and a line on stderr, if a block does not end where it should."""
    for op in operation.inside():
        for region in op.regions:
            for block in region.blocks:
                if op.name != "builtin.module" and not block.has_terminator():
                    print(f"{op.loc}: '{op.name}' has a block without an end", file=sys.stderr)
                    return False
                if any(o.name in TERMINATORS for o in block.operations[:-1]):
                    print(f"{op.loc}: '{op.name}' ends in the middle of a block", file=sys.stderr)
                    return False
    return True
