"""Which row of the hardware table this machine is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..hwinfo import Capability, detect, find
from .settings import Settings


def current_chip() -> Capability:
    """The row TRITON_MLX_CHIP names, else the row of MLX's default device; the host without MLX.

    Raises UnknownChip for a name, or an Apple or CUDA device, that the table does not have.
    """
    wanted = Settings.from_env().chip
    return find(wanted) if wanted else detect(device_info())


def device_info() -> Mapping[str, Any] | None:
    """What MLX says of its default device; None without a working MLX, or where it says nothing."""
    try:
        import mlx.core as mx
    except Exception:  # noqa: BLE001  a broken MLX may raise anything; doctor says what it was
        return None
    # MLX before 0.30 has the function of the GPU only, which raises where there is no Metal.
    ask = getattr(mx, "device_info", None) or mx.metal.device_info
    try:
        info: Mapping[str, Any] = ask()
    except RuntimeError:
        return None
    return info
