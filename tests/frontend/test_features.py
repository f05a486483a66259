"""Kernels of every feature: recorded as the native module does, valid, and lifted alike from both."""

from __future__ import annotations

from typing import Any

import pytest
from differential import compare_one, record_one, stand_in
from features import KERNELS

from triton_mlx.fusion.graph import Function
from triton_mlx.fusion.lift import lift, lift_module
from triton_mlx.fusion.verify import verify
from triton_mlx.runtime.frontend import place
from triton_mlx.runtime.frontend.ready import as_operations, make_ready

native = pytest.mark.skipif(place.is_python(), reason="no native Triton to compare with")
# What lifting refuses, from either front end: an instruction of NVIDIA's.
LIFTED = sorted(set(KERNELS) - {"misc"})


@native
@pytest.mark.parametrize("name", KERNELS)
def test_it_is_recorded_as_the_native_module_does(name: str) -> None:
    assert compare_one(*KERNELS[name]) == ""


@native
def test_a_difference_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    builder: Any = stand_in().builder
    monkeypatch.setattr(builder, "create_fadd", builder.create_fsub)
    assert "arith.subf" in compare_one(*KERNELS["loops"])


@pytest.mark.parametrize("name", KERNELS)
def test_it_is_valid_before_and_after_it_is_made_ready(name: str) -> None:
    module = record_one(*KERNELS[name])
    assert module.verify()
    assert make_ready(module).verify()


@pytest.mark.parametrize("name", LIFTED)
def test_operations_and_their_text_are_lifted_alike(name: str) -> None:
    module = make_ready(record_one(*KERNELS[name]))
    direct: Function = lift_module(as_operations(module))
    verify(direct, "lifted")
    read = lift(str(module))
    assert (direct.parameters, str(direct.body)) == (read.parameters, str(read.body))


def test_a_called_function_has_the_line_of_the_call() -> None:
    function = lift_module(as_operations(make_ready(record_one(*KERNELS["loops"]))))
    files = {node.loc.file.rpartition("/")[2] for node in function.body.walk()}
    assert files == {"features.py"}
