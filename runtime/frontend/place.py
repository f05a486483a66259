"""Puts the stand-in where Triton looks for its native module, before Triton is imported.

Two ways lead here: TRITON_MLX_FRONTEND=python, where a native Triton is installed too and triton_mlx is
imported before triton; and the file that `install-triton` writes in the place of the native module.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

from ..settings import Settings

NAME = "triton._C.libtriton"


class _Finder(MetaPathFinder, Loader):
    """Answers for the native module and what is in it, before the files of Triton are looked at."""

    def __init__(self) -> None:
        self.modules: dict[str, ModuleType] = {}

    def made(self) -> dict[str, ModuleType]:
        if not self.modules:
            from .library import modules

            self.modules = modules(NAME)
        return self.modules

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname != NAME and not fullname.startswith(NAME + "."):
            return None
        if fullname not in self.made():
            return None
        return spec_from_loader(fullname, self, is_package=fullname == NAME)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self.modules[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        """It is made whole."""


_FINDER = _Finder()


def put() -> None:
    """Make `import triton` find the stand-in. Nothing happens where it is there already."""
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)


def take_place() -> None:
    """Called by the file that stands for the native module: from then on the stand-in is that module."""
    put()
    sys.modules.update(_FINDER.made())


def is_python() -> bool:
    """True if Triton's native module is the stand-in, in this process."""
    found = sys.modules.get(NAME)
    return found is not None and type(found).__module__ == f"{__package__}.library"


def _native_is_here() -> bool:
    """False if the Triton that is installed has the stand-in: a package, where the native module is a file.

    Triton's wheels have a folder of that name, too, with stubs for type checkers and no `__init__.py`.
    """
    found = find_spec("triton")
    folders = found.submodule_search_locations if found is not None else None
    stand_in = Path("_C", "libtriton", "__init__.py")
    return not any((Path(folder) / stand_in).is_file() for folder in folders or ())


def choose() -> None:
    """What TRITON_MLX_FRONTEND asks for: "python" puts the stand-in, anything else leaves things alone.

    Triton's native module is a file; where it is a folder, it is the stand-in that is about to be imported.
    """
    wanted = Settings.from_env().frontend
    if wanted not in ("", "python", "native"):
        warnings.warn(
            f"TRITON_MLX_FRONTEND={wanted} is not known; it may be python or native", stacklevel=2
        )
    if wanted == "native" and not _native_is_here():
        warnings.warn(
            "TRITON_MLX_FRONTEND=native has no effect: Triton's native module is not installed; "
            "python -m triton_mlx install-triton --uninstall, then pip install triton",
            stacklevel=2,
        )
    if wanted != "python" or is_python():
        return
    if NAME in sys.modules and not hasattr(sys.modules[NAME], "__path__"):
        warnings.warn(
            "TRITON_MLX_FRONTEND=python has no effect: triton was imported before triton_mlx; "
            "import triton_mlx first",
            stacklevel=2,
        )
        return
    put()
