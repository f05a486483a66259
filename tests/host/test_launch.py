"""Launching as Triton users do it: autotune, heuristics, hooks, grids, and what goes wrong."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
import triton
import triton.language as tl

import triton_mlx
from triton_mlx.fusion.errors import (
    BadArgument,
    PointerProvenance,
    TileTooLarge,
    UnsupportedOperation,
    UnsupportedType,
)
from triton_mlx.runtime.inspect import last_launcher


@triton.jit
def scale_kernel(x_ptr, out_ptr, n, factor, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offsets, mask=offsets < n)
    tl.store(out_ptr + offsets, x * factor, mask=offsets < n)


autotuned = triton.autotune(
    configs=[triton.Config({"BLOCK": 64}), triton.Config({"BLOCK": 256}, num_warps=8)], key=["n"]
)(scale_kernel)
heuristic = triton.heuristics({"BLOCK": lambda args: triton.next_power_of_2(args["n"])})(
    scale_kernel
)


@triton.jit
def unsupported_kernel(x_ptr, out_ptr, BLOCK: tl.constexpr):
    offsets = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offsets)
    y = tl.inline_asm_elementwise(
        "mov.b32 $0, $1;", "=r,r", [x], dtype=tl.float32, is_pure=True, pack=1
    )
    tl.store(out_ptr + offsets, y)


@triton.jit
def double_kernel(out_ptr, value: tl.float64, BLOCK: tl.constexpr):
    tl.store(out_ptr + tl.arange(0, BLOCK), (tl.zeros((BLOCK,), tl.float64) + value).to(tl.float32))


@triton.jit
def chosen_pointer_kernel(x_ptr, y_ptr, out_ptr, which, BLOCK: tl.constexpr):
    offsets = tl.arange(0, BLOCK)
    pointer = tl.where(offsets < which, x_ptr + offsets, y_ptr + offsets)
    tl.store(out_ptr + offsets, tl.load(pointer))


@triton.jit
def wide_kernel(x_ptr, out_ptr, N: tl.constexpr):
    rows, cols = tl.arange(0, N)[:, None], tl.arange(0, N)[None, :]
    x = tl.load(x_ptr + rows * N + cols)
    tl.store(out_ptr + rows * N + cols, tl.exp(x) / tl.sum(tl.exp(x), axis=1)[:, None])


@pytest.fixture(autouse=True)
def _host() -> Iterator[None]:
    with triton_mlx.use("host"):
        yield


def launch(kernel: Any = scale_kernel, n: int = 1000, **options: Any) -> tuple[mx.array, mx.array]:
    x, out = mx.arange(n, dtype=mx.float32), mx.zeros((n,))
    kernel[lambda meta: (triton.cdiv(n, meta["BLOCK"]),)](x, out, n, 3.0, **options)
    return x, out


def test_callable_grid_and_keywords() -> None:
    x, out = mx.arange(1000, dtype=mx.float32), mx.zeros((1000,))
    scale_kernel[lambda meta: (triton.cdiv(meta["n"], meta["BLOCK"]),)](
        x_ptr=x, out_ptr=out, n=1000, factor=3, BLOCK=128
    )
    assert mx.array_equal(out, x * 3)


@pytest.mark.parametrize("kernel", [autotuned, heuristic])
def test_autotune_and_heuristics(kernel: Any) -> None:
    x, out = launch(kernel)
    assert mx.array_equal(out, x * 3)


def test_launch_hooks_see_the_kernel() -> None:
    seen: list[str] = []
    hooks = triton.knobs.runtime

    def note(metadata: Any) -> None:
        seen.append(metadata.get()["name"])

    hooks.launch_enter_hook.add(note)
    hooks.launch_exit_hook.add(note)
    try:
        launch(BLOCK=64)
    finally:
        hooks.launch_enter_hook.remove(note)
        hooks.launch_exit_hook.remove(note)
    assert seen == ["scale_kernel", "scale_kernel"]


def test_warmup_compiles_without_running() -> None:
    x, out = mx.ones((512,)), mx.zeros((512,))
    compiled = scale_kernel.warmup(x, out, 512, 3.0, BLOCK=512, grid=(1,))
    assert compiled.asm["tmlx"]
    assert not mx.any(out).item()


def test_do_bench_evaluates_what_it_times() -> None:
    x, out = mx.ones((1 << 20,)), mx.zeros((1 << 20,))
    milliseconds = triton.testing.do_bench(
        lambda: scale_kernel[(1 << 10,)](x, out, 1 << 20, 3.0, BLOCK=1024), warmup=5, rep=20
    )
    assert milliseconds > 1e-4  # a graph node alone would be far below


def test_a_launch_is_lazy_and_mixes_with_mlx() -> None:
    x, out = mx.ones((1000,)), mx.zeros((1000,))
    y = mx.exp(x)
    scale_kernel[(8,)](y, out, 1000, 2.0, BLOCK=128)
    total = (out + 1).sum()
    np.testing.assert_allclose(total.item(), 1000 * (2 * np.e + 1), rtol=1e-5)


def test_inside_mx_compile() -> None:
    def scaled(x: mx.array) -> mx.array:
        out = mx.zeros_like(x)
        scale_kernel[(8,)](mx.sin(x), out, 1000, 2.0, BLOCK=128)
        return out + 1

    compiled = mx.compile(scaled)
    for seed in (0, 1):
        x = mx.random.normal((1000,), key=mx.random.key(seed))
        np.testing.assert_allclose(compiled(x), 2 * np.sin(np.array(x)) + 1, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("grid", [(0,), (0, 5), (3, 0, 1)])
def test_an_empty_grid_runs_nothing(grid: tuple[int, ...]) -> None:
    out = mx.full((10,), 7.0)
    scale_kernel[grid](mx.ones((10,)), out, 10, 2.0, BLOCK=16)
    assert mx.all(out == 7).item()


def test_empty_arrays() -> None:
    out = mx.zeros((0,))
    scale_kernel[(1,)](mx.zeros((0,)), out, 0, 2.0, BLOCK=16)
    assert out.shape == (0,)


def test_nan_in_is_nan_out() -> None:
    x, out = mx.array([1.0, float("nan"), float("inf")]), mx.zeros((3,))
    scale_kernel[(1,)](x, out, 3, 2.0, BLOCK=4)
    np.testing.assert_array_equal(np.array(out), [2, np.nan, np.inf])


def test_what_is_no_array_is_named_in_the_error() -> None:
    class Tensor:
        dtype = "float32"

        def data_ptr(self) -> int:
            return 0

    with pytest.raises(BadArgument, match="x_ptr.*Tensor"):
        scale_kernel[(1,)](Tensor(), mx.zeros((4,)), 4, 2.0, BLOCK=4)
    with pytest.raises(TypeError, match="list"):
        scale_kernel[(1,)]([1.0], mx.zeros((4,)), 4, 2.0, BLOCK=4)


def test_complex_arrays_are_refused() -> None:
    with pytest.raises((KeyError, TypeError), match="complex64"):
        scale_kernel[(1,)](mx.zeros((4,), mx.complex64), mx.zeros((4,)), 4, 2.0, BLOCK=4)


def test_unsupported_operations_are_refused_with_their_line() -> None:
    line = unsupported_kernel.starting_line_number + 4
    # Triton 3.6 names the line of the call's arguments.
    place = f"test_launch.py:({line}|{line + 1})"
    with pytest.raises(UnsupportedOperation, match=f"inline assembly(.|\n)*{place}"):
        unsupported_kernel[(1,)](mx.zeros((16,)), mx.zeros((16,)), BLOCK=16)


def test_chosen_pointers_are_refused() -> None:
    with pytest.raises(PointerProvenance, match=r"test_launch\.py"):
        chosen_pointer_kernel[(1,)](*[mx.zeros((16,))] * 2, mx.zeros((16,)), 3, BLOCK=16)


def test_double_precision_is_for_the_host() -> None:
    out = mx.zeros((16,))
    double_kernel[(1,)](out, 1.5, BLOCK=16)
    assert mx.all(out == 1.5).item()
    with triton_mlx.use("simulate"), pytest.raises(UnsupportedType, match="double precision"):
        double_kernel[(1,)](out, 1.5, BLOCK=16)


def test_too_many_threads_and_too_large_tiles_are_refused() -> None:
    x, out = mx.zeros((64, 64)), mx.zeros((64, 64))
    with triton_mlx.use("simulate"), pytest.raises(TileTooLarge, match="num_warps"):
        wide_kernel[(1,)](x, out, N=64, num_warps=64)
    with triton_mlx.use("simulate"), pytest.raises(TileTooLarge, match="1024x1024 f32 takes"):
        wide_kernel[(1,)](x, out, N=1024)


def test_the_metal_target_gets_as_far_as_mlx_allows() -> None:
    if mx.metal.is_available():
        pytest.skip("this machine has Metal")
    with triton_mlx.use("metal"), pytest.raises(RuntimeError, match="No Metal back-end"):
        launch(BLOCK=128)


def test_unknown_target() -> None:
    with pytest.raises(ValueError, match="host, simulate, metal"):
        triton_mlx.use("tpu")


def run_alone(code: str, **environment: str) -> str:
    """Standard output of `code` in a new process that imports this file's kernels."""
    head = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
    import os

    done = subprocess.run(
        [sys.executable, "-c", head + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_nothing_of_ours_needs_to_be_imported() -> None:
    out = run_alone("""
        import mlx.core as mx, plain_user
        print(plain_user.run(mx))
        """)
    assert "6.0" in out


def test_an_unwritable_cache_is_no_obstacle(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    out = run_alone(
        "import mlx.core as mx, plain_user; print(plain_user.run(mx))",
        TRITON_MLX_CACHE_DIR=str(file / "below"),
    )
    assert "6.0" in out
    assert "TRITON_MLX_CACHE_DIR" in out


def test_no_compiler_gives_the_same_results_and_says_so(tmp_path: Path) -> None:
    out = run_alone(
        "import mlx.core as mx, plain_user; print(plain_user.run(mx))",
        TRITON_MLX_CXX=str(tmp_path / "no-compiler"),
        TRITON_MLX_CACHE_DIR=str(tmp_path / "cache"),
    )
    assert "6.0" in out
    assert "compiler" in out


def test_a_broken_mlx_does_not_break_triton(tmp_path: Path) -> None:
    (tmp_path / "mlx").mkdir()
    (tmp_path / "mlx" / "__init__.py").write_text("")
    (tmp_path / "mlx" / "core.py").write_text("raise ImportError('broken')")
    out = run_alone(
        """
        import triton
        from triton.backends import backends
        print("active", backends["mlx"].driver.is_active())
        """,
        PYTHONPATH=str(tmp_path),
    )
    assert "active False" in out


@triton.jit
def stepping_pointer_kernel(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    pointer, step = x_ptr + tl.arange(0, BLOCK), 1
    total = tl.zeros((BLOCK,), tl.float32)
    for _ in range(n):
        total += tl.load(pointer)
        pointer += step
        step += 1
    tl.store(out_ptr + tl.arange(0, BLOCK), total)


@triton.jit
def early_return_kernel(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    if tl.program_id(0) >= n:
        return
    tl.store(out_ptr + tl.arange(0, BLOCK), tl.load(x_ptr + tl.arange(0, BLOCK)))


def test_pointers_with_changing_steps() -> None:
    x, out = mx.arange(99, dtype=mx.float32), mx.zeros((16,))
    stepping_pointer_kernel[(1,)](x, out, 4, BLOCK=16)
    assert mx.array_equal(out, 4 * mx.arange(16) + 0 + 1 + 3 + 6)


def test_early_returns() -> None:
    x, out = mx.ones((16,)), mx.zeros((16,))
    early_return_kernel[(1,)](x, out, 0, BLOCK=16)
    assert not mx.any(out).item()
    early_return_kernel[(1,)](x, out, 1, BLOCK=16)
    assert mx.all(out == 1).item()


def test_numbers_and_arrays_in_each_others_places_name_the_line() -> None:
    with pytest.raises(triton.CompilationError, match="scale_kernel"):
        scale_kernel[(1,)](5, mx.zeros((4,)), 4, 2.0, BLOCK=4)
    with pytest.raises(triton.CompilationError, match="scale_kernel"):
        scale_kernel[(1,)](mx.zeros((4,)), mx.zeros((4,)), mx.array(4), 2.0, BLOCK=4)


def test_a_chip_is_chosen_by_name() -> None:
    with triton_mlx.use("simulate", chip="m3 max", checked=True):
        x, out = launch(BLOCK=64)
    assert mx.array_equal(out, x * 3)
    with pytest.raises(LookupError, match="M3 Max"):
        triton_mlx.use("simulate", chip="M3 Maxx")
    with pytest.raises(ValueError, match="chip"):
        triton_mlx.use("host", chip="M3 Max")


def test_use_puts_back_the_driver_that_was_active() -> None:
    from triton.runtime import driver

    class Other:
        pass

    ours, other = driver.active, Other()
    driver.set_active(other)
    try:
        with triton_mlx.use("host"):
            assert driver.active is not other
        assert driver.active is other
    finally:
        driver.set_active(ours)


@triton.jit
def cast_kernel(x_ptr, out_ptr, MODE: tl.constexpr, BLOCK: tl.constexpr):
    x = tl.load(x_ptr + tl.arange(0, BLOCK))
    tl.store(out_ptr + tl.arange(0, BLOCK), x.to(tl.float16, fp_downcast_rounding=MODE))


def test_casts_round_to_nearest_even_or_towards_zero() -> None:
    x, out = mx.array([2049.9, 2049.0]), mx.zeros((2,), mx.float16)
    cast_kernel[(1,)](x, out, "rtne", BLOCK=2)
    assert out.tolist() == [2050, 2048]
    cast_kernel[(1,)](x, out, "rtz", BLOCK=2)
    assert out.tolist() == [2048, 2048]


def test_what_is_known_of_the_last_launch_is_of_the_last_launch() -> None:
    for size, same in ((64, False), (32, True), (128, False)):
        x = mx.zeros((size,))
        scale_kernel[(1,)](x, x if same else mx.zeros((size,)), size, 2.0, BLOCK=32)
        launcher = last_launcher(scale_kernel)
        assert launcher.last_sizes == (size,) * (1 if same else 2)
        assert launcher.last_facts[1].same_as == (0 if same else 1)
