"""The environment variables of triton-mlx, read in one place.

| variable | meaning | default |
|---|---|---|
| TRITON_MLX_TARGET | "metal", "cuda", "host", "simulate": where launches run | the GPU of MLX, else host |
| TRITON_MLX_CHIP | a row of the capability table, such as "M3 Max" | what is detected |
| TRITON_MLX_CACHE_DIR | folder of the disk cache | the system's user cache folder |
| TRITON_MLX_CXX | C++ compiler for the host target | g++, clang++ or c++, whichever is found first |
| TRITON_MLX_CLANG | clang (16 or newer) for the simulator | clang-19, clang, ..., whichever is found first |
| TRITON_MLX_CHECKED | "1": the simulator runs in checked mode | "0" |
| TRITON_MLX_FRONTEND | "python" or "native": what records kernels | native where it is installed |
| TRITON_MLX_THREADS | threads of the host target | number of cores |
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields

PREFIX = "TRITON_MLX_"


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of this process; see the module's table. Empty string or 0 means "the default"."""

    target: str = ""
    chip: str = ""
    cache_dir: str = ""
    cxx: str = ""
    clang: str = ""
    checked: bool = False
    frontend: str = ""
    threads: int = 0

    @classmethod
    def from_env(cls) -> Settings:
        """Settings as the environment gives them now. An integer that does not parse is ignored."""
        found: dict[str, object] = {}
        for field in fields(cls):
            text = os.environ.get(PREFIX + field.name.upper(), "").strip()
            if not text:
                continue
            if field.type == "bool":
                found[field.name] = text not in ("0", "false", "no")
            elif field.type == "int":
                found[field.name] = int(text) if text.isdigit() else 0
            else:
                found[field.name] = text
        return cls(**found)  # type: ignore[arg-type]


def foreign(name: str) -> str:
    """A variable of another project's, which Triton asks its native module for; empty if not set."""
    return os.environ.get(name, "")


def without(prefix: str, **settings: str) -> dict[str, str]:
    """The environment for a child process, but for the variables whose names begin with `prefix`.

    `settings`: names of fields of Settings, and their values there.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith(prefix)}
    return kept | {PREFIX + name.upper(): value for name, value in settings.items()}
