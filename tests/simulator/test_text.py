"""The text is MLX's own, its parameters are read right, and standard output is left alone."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import mlx.core as mx
import pytest

from triton_mlx.runtime import metal_call
from triton_mlx.runtime.metal_call import MetalCall, Parameter

CALL = MetalCall(
    name="txt",
    input_names=("a", "b", "c"),
    output_names=("o", "p"),
    source="uint i = thread_position_in_grid.x; o[i] = a[i] + b[0] + c; "
    "p[i] = a_shape[0] + a_strides[0] + a_ndim;",
    header="// a header\n",
    grid=(8, 1, 1),
    threadgroup=(8, 1, 1),
    output_shapes=((8,), (8,)),
    output_dtypes=("bfloat16", "int64"),
)
INPUTS = [mx.zeros((8, 2), mx.bfloat16), mx.zeros(4, mx.int64), mx.array(True)]


def test_parameters() -> None:
    text = CALL.text(INPUTS)
    assert text.kernel.startswith("custom_kernel_txt_")
    assert f"[[kernel]] void {text.kernel}(" in text.text
    assert text.text.startswith("// a header\n")
    assert text.parameters == (
        Parameter("a", "const device bfloat16_t*", 0, True),
        Parameter("a_shape", "const constant int*", 1, True),
        Parameter("a_strides", "const constant int64_t*", 2, True),
        Parameter("a_ndim", "const constant int&", 3, True),
        Parameter("b", "const constant int64_t*", 4, True),
        Parameter("c", "const constant bool&", 5, True),
        Parameter("o", "device bfloat16_t*", 6, False),
        Parameter("p", "device int64_t*", 7, False),
        Parameter("thread_position_in_grid", "uint3", None, True),
    )


def test_atomic_outputs() -> None:
    atomic = dataclasses.replace(CALL, output_dtypes=("float32", "int32"), atomic_outputs=True)
    assert "device atomic<float>* o" in atomic.text(INPUTS).text


def test_text_depends_on_size_dtype_and_dimensions_only(monkeypatch: pytest.MonkeyPatch) -> None:
    first = CALL.text(INPUTS)
    with monkeypatch.context() as patched:
        patched.setattr(mx, "export_function", None)
        same = dataclasses.replace(CALL, grid=(64, 1, 1), output_shapes=((99,), (99,)))
        assert same.text([mx.zeros((9, 9), mx.bfloat16), *INPUTS[1:]]) is first
    small = CALL.text([mx.zeros((1, 2), mx.bfloat16), *INPUTS[1:]])
    assert "const constant bfloat16_t* a" in small.text
    assert "const device float* a" in CALL.text([mx.zeros((8, 2)), *INPUTS[1:]]).text


def test_inputs_are_not_evaluated() -> None:
    # Evaluating this one would need two terabytes.
    lazy = mx.broadcast_to(mx.array(1.0, mx.bfloat16), (1 << 20, 1 << 20)) + 1
    assert CALL.text([lazy, *INPUTS[1:]]).parameters[0].name == "a"


def test_wrong_number_of_inputs() -> None:
    with pytest.raises(ValueError, match="takes 3 inputs, 2 were given"):
        CALL.text(INPUTS[:2])


def test_unknown_print_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    other = dataclasses.replace(CALL, name="silent")
    monkeypatch.setattr(mx, "export_function", lambda *_: None)
    with pytest.raises(metal_call.TextNotPrinted, match="silent"):
        other.text(INPUTS)


def test_standard_output_is_untouched(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import mlx.core as mx\n"
        "from triton_mlx.runtime.metal_call import MetalCall\n"
        "print('before')\n"
        "c = MetalCall('q', ('a',), ('o',), 'o[thread_position_in_grid.x] = a[0];', '',"
        " (8, 1, 1), (8, 1, 1), ((8,),), ('float32',))\n"
        "assert 'custom_kernel_q' in c.text([mx.zeros(8)]).text\n"
        "print('after')\n"
    )
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True)
    assert done.stdout == "before\nafter\n"


def test_standard_output_comes_back_after_an_error(tmp_path: Path) -> None:
    before = os.fstat(1)
    with (
        pytest.raises(RuntimeError, match="in the middle"),
        metal_call._stdout_to(tmp_path / "file"),
    ):
        assert os.fstat(1).st_ino != before.st_ino
        raise RuntimeError("in the middle")
    assert os.fstat(1).st_ino == before.st_ino


@pytest.mark.skipif(mx.metal.is_available(), reason="there is a Metal back-end here")
def test_run_raises_mlx_own_error() -> None:
    with pytest.raises(RuntimeError, match="No Metal back-end"):
        CALL.run(INPUTS)
