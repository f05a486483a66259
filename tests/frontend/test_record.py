"""The stand-in records what Triton's native module records, and what it records runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from triton_mlx.runtime.frontend import place

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = "triton_mlx.tests.frontend.differential"
native = pytest.mark.skipif(place.is_python(), reason="no native Triton to compare with")


def child(*command: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python where `import triton_mlx` finds this tree, with caches of its own."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT.parent),
        "TRITON_CACHE_DIR": str(folder / "triton"),
        "TRITON_MLX_CACHE_DIR": str(folder / "mlx"),
        **variables,
    }
    command = (sys.executable, *command)
    return subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=900
    )


def counted(text: str, words: str) -> int:
    """The number after `words` in pytest's summary."""
    return int(text.partition(words)[2].split()[0].rstrip(","))


@native
def test_kernels_are_recorded_the_same(tmp_path: Path) -> None:
    if ROOT.name != "triton_mlx":
        pytest.skip("the plug-in is found by the name of the checkout's folder")
    tests = ["tests/unit/test_lift.py", "tests/oracle/test_language.py", "-k", "not simulate"]
    options = ["-q", "-p", "no:cacheprovider", "-p", PLUGIN]
    done = child("-m", "pytest", *options, *tests, folder=tmp_path)
    assert done.returncode == 0, done.stdout[-3000:]
    assert counted(done.stdout, "recorded differently: ") == 0
    assert counted(done.stdout, "recorded the same: ") >= 80


@native
def test_random_kernels_are_recorded_the_same(tmp_path: Path) -> None:
    done = child(
        str(Path(__file__).parent / "random_records.py"), "--seeds", "0:40", folder=tmp_path
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert counted(done.stdout, "recorded the same: ") >= 30


RUN = """
import triton_mlx, triton, triton.language as tl, numpy as np
from triton._C import libtriton
assert type(libtriton).__module__ == "triton_mlx.runtime.frontend.library", libtriton

@triton.jit
def larger(a, b):
    if a > b:
        return a
    return b

@triton.jit
def kernel(x, o, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    value = tl.load(x + at, mask=at < n, other=0.0)
    top = 0.0
    for k in range(0, 3):
        top = larger(top, tl.sum(value, 0) * k)
    tl.store(o + at, value + top, mask=at < n)

x = np.arange(100, dtype=np.float32)
out = np.full(128, -1, np.float32)
with triton_mlx.use("host"):
    kernel[(1,)](x, out, 100, BLOCK=128)
np.testing.assert_allclose(out, np.append(x + x.sum() * 2, np.full(28, -1)))
print("it runs")
"""


def test_a_kernel_runs_without_the_native_module(tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(RUN)
    done = child(str(script), folder=tmp_path, TRITON_MLX_FRONTEND="python")
    assert done.stdout == "it runs\n", done.stderr[-3000:]


@native
@pytest.mark.parametrize(
    ("order", "variable", "said"),
    [
        ("import triton, triton_mlx", "python", "import triton_mlx first"),
        ("import triton_mlx", "pythom", "is not known"),
    ],
)
def test_a_setting_that_has_no_effect_says_so(
    order: str, variable: str, said: str, tmp_path: Path
) -> None:
    done = child("-c", order, folder=tmp_path, TRITON_MLX_FRONTEND=variable)
    assert done.returncode == 0
    assert said in done.stderr


@native
@pytest.mark.parametrize("variable", ["", "native"])
def test_the_native_module_is_the_default(variable: str, tmp_path: Path) -> None:
    code = "import triton_mlx; from triton._C import libtriton; print(libtriton.__file__)"
    done = child("-c", code, folder=tmp_path, TRITON_MLX_FRONTEND=variable)
    assert Path(done.stdout.strip()).suffix in (".so", ".pyd")
    assert not done.stderr


def test_what_is_missing_says_so(tmp_path: Path) -> None:
    code = (
        "import triton_mlx; from triton._C.libtriton import ir, nvidia, passes\n"
        "for missing in (lambda: nvidia.cublas(1), lambda: passes.ttgpuir.add_pipeline(0),\n"
        "                lambda: ir.parse_mlir_module('x', None)):\n"
        "    try: missing()\n"
        "    except NotImplementedError as error: print('native module' in str(error))\n"
    )
    done = child("-c", code, folder=tmp_path, TRITON_MLX_FRONTEND="python")
    assert done.stdout.split() == ["True"] * 3, done.stderr


@pytest.mark.skipif(not place.is_python(), reason="the native module is here")
def test_the_native_module_is_asked_for_and_not_here(tmp_path: Path) -> None:
    done = child("-c", "import triton_mlx", folder=tmp_path, TRITON_MLX_FRONTEND="native")
    assert done.returncode == 0
    assert "native module is not installed" in done.stderr


GLUON = """
import numpy as np, triton_mlx
from triton.experimental import gluon
from triton.experimental.gluon import language as gl

@gluon.jit
def kernel(x):
    gl.store(x, 1.0)

with triton_mlx.use("host"):
    kernel[(1,)](np.zeros(4, np.float32))
"""


@pytest.mark.parametrize("front_end", ["python", pytest.param("native", marks=native)])
def test_a_kernel_in_gluon_is_refused(front_end: str, tmp_path: Path) -> None:
    script = tmp_path / "in_gluon.py"
    script.write_text(GLUON)
    done = child(str(script), folder=tmp_path, TRITON_MLX_FRONTEND=front_end)
    assert done.returncode == 1
    assert "[UNSUPPORTED_OPERATION] a kernel in Gluon" in done.stderr, done.stderr[-500:]


WRONG_KERNEL = """
import triton_mlx, triton, triton.language as tl, numpy as np

@triton.jit
def kernel(x):
    value = tl.load(x + tl.arange(0, 16))
    tl.store(x + tl.arange(0, 16), tl.fma(value, value, value))  # of integers

with triton_mlx.use("host"):
    kernel[(1,)](np.zeros(16, np.int32))
"""


@pytest.mark.parametrize("front_end", ["python", pytest.param("native", marks=native)])
def test_a_wrong_kernel_is_refused_at_its_line(front_end: str, tmp_path: Path) -> None:
    script = tmp_path / "wrong.py"
    script.write_text(WRONG_KERNEL)
    done = child(str(script), folder=tmp_path, TRITON_MLX_FRONTEND=front_end)
    assert done.returncode == 1
    assert "wrong.py:7:" in done.stderr
    assert "'math.fma' op operand #0 must be floating-point-like" in done.stderr
    assert "error encountered during parsing" in done.stderr
