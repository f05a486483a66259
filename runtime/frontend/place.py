"""Puts the stand-in where Triton looks for its native module, before Triton is imported.

Two ways lead here: TRITON_MLX_FRONTEND=python, where a native Triton is installed too and triton_mlx is
imported before triton; and the file that `install-triton` writes in the place of the native module.
"""

from __future__ import annotations

import sys
import warnings

from ..settings import Settings

NAME = "triton._C.libtriton"


def put() -> None:
    """Make `import triton` find the stand-in. Nothing happens where it is there already."""
    if is_python():
        return
    from .library import modules

    sys.modules.update(modules(NAME))


def is_python() -> bool:
    """True if Triton's native module is the stand-in, in this process."""
    found = sys.modules.get(NAME)
    return found is not None and type(found).__module__ == f"{__package__}.library"


def choose() -> None:
    """What TRITON_MLX_FRONTEND asks for: "python" puts the stand-in, anything else leaves things alone."""
    wanted = Settings.from_env().frontend
    if wanted not in ("", "python", "native"):
        warnings.warn(
            f"TRITON_MLX_FRONTEND={wanted} is not known; it may be python or native", stacklevel=2
        )
    if wanted != "python" or is_python():
        return
    if NAME in sys.modules:
        warnings.warn(
            "TRITON_MLX_FRONTEND=python has no effect: triton was imported before triton_mlx; "
            "import triton_mlx first",
            stacklevel=2,
        )
        return
    put()
