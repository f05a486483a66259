"""What tests of native launches share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from native_kernels import Kernels

from triton_mlx.runtime import native


@pytest.fixture(scope="module")
def k() -> Kernels:
    return Kernels()


@pytest.fixture(params=["lazy", "eager"])
def way(request: pytest.FixtureRequest) -> Iterator[str]:
    with native.use_eager() if request.param == "eager" else contextlib.nullcontext():
        yield request.param
