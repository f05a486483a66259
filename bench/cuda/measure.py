"""Ours through MLX on a CUDA GPU against native Triton on torch, MLX's own operations and mx.compile.

`python bench/cuda/measure.py [--rounds 9] [--only NAME ...] > result.json`. Every contender of a case is warmed
up, then measured in alternating rounds; a round queues launches until they fill a few milliseconds and waits
for the last one. Figures are medians of rounds, in microseconds a launch.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import mlx.core as mx
import numpy as np
import torch
import triton
from triton.runtime import driver

import triton_mlx
from triton_mlx.examples import attention, layernorm, softmax

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import kernels  # noqa: E402

Run = Callable[[], Any]
NATIVE = driver.active
TORCH = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
ROUND_SECONDS = 2e-2
ROWS, COLUMNS = 1 << 16, 1024  # of the sequences: each array is five times the second-level cache


@dataclass
class Case:
    """`contenders`: name → a launch (or several); `bytes`, `flops`: what one must move and compute."""

    name: str
    contenders: dict[str, Run]
    bytes: int = 0
    flops: int = 0
    tolerance: float = 2e-2


def native_copy(kernel: Any) -> Any:
    """The same function for Triton's own backend: compiled kernels are kept per JITFunction."""
    return triton.JITFunction(kernel.fn)


def on(name: str, run: Run) -> Any:
    """`run`, on our target or on Triton's own, whatever the name of the contender says."""
    if name.startswith("triton"):
        driver.set_active(NATIVE)
        return run()
    with triton_mlx.use("cuda"):
        return run()


def wait(name: str) -> None:
    if name.startswith("triton"):
        torch.cuda.synchronize()
    else:
        mx.synchronize()


def seconds(name: str, run: Run, count: int) -> float:
    """Seconds of one launch out of `count`, which are queued one after the other on both sides."""
    queue = (lambda made: None) if name.startswith("triton") else mx.async_eval

    def repeated() -> float:
        wait(name)
        start = time.perf_counter()
        for _ in range(count):
            queue(run())
        wait(name)
        return (time.perf_counter() - start) / count

    return float(on(name, repeated))


def _last_bit(dtype: str, largest: float) -> float:
    """Of numbers up to `largest`, rounded to `dtype`; of sums in another order in float32."""
    return 2e-2 if dtype == "float32" else largest * 2.0 ** (-7 if dtype == "bfloat16" else -10)


def pair(*shape: int, dtype: str, seed: int = 0) -> tuple[mx.array, torch.Tensor]:
    values = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
    x = mx.array(values).astype(getattr(mx, dtype))
    mx.eval(x)
    return x, torch.from_numpy(values).cuda().to(TORCH[dtype])


def elementwise(dtype: str) -> Case:
    n = 1 << 26
    x, t = pair(n, dtype=dtype)
    native = native_copy(kernels.gelu)
    compiled = mx.compile(lambda v: 0.5 * v * (1.0 + mx.erf(v * 0.7071067811865476)))

    def ours() -> mx.array:
        o = mx.zeros((n,), x.dtype)
        kernels.gelu[(n // 4096,)](x, o, n, BLOCK=4096, num_warps=8)
        return o

    def theirs() -> Any:
        o = torch.empty_like(t)
        native[(n // 4096,)](t, o, n, BLOCK=4096, num_warps=8)
        return o

    runs = {"ours": ours, "triton": theirs, "mx.compile": lambda: compiled(x)}
    return Case(f"gelu 2^26 {dtype}", runs, 2 * n * x.itemsize)


def rows(dtype: str) -> Case:
    n = 8192
    x, t = pair(n, n, dtype=dtype)
    native = native_copy(softmax.softmax_kernel)

    def ours() -> mx.array:
        o = mx.zeros((n, n), x.dtype)
        softmax.softmax_kernel[(n,)](x, o, n, n, n, BLOCK=n, num_warps=16)
        return o

    def theirs() -> Any:
        o = torch.empty_like(t)
        native[(n,)](t, o, n, n, n, BLOCK=n, num_warps=16)
        return o

    runs = {"ours": ours, "triton": theirs, "mlx": lambda: mx.softmax(x, axis=-1)}
    return Case(f"softmax 8192^2 {dtype}", runs, 2 * n * n * x.itemsize)


def norm(dtype: str) -> Case:
    n = 8192
    (x, t), (w, tw), (b, tb) = (
        pair(*s, dtype=dtype, seed=k) for k, s in enumerate(((n, n), (n,), (n,)))
    )
    native = native_copy(layernorm.layer_norm_kernel)

    def ours() -> mx.array:
        o, mean, rstd = mx.zeros((n, n), x.dtype), mx.zeros((n,)), mx.zeros((n,))
        layernorm.layer_norm_kernel[(n,)](x, w, b, o, mean, rstd, n, 1e-5, BLOCK=n, num_warps=16)
        return o

    def theirs() -> Any:
        o, mean, rstd = (
            torch.empty_like(t),
            torch.empty(n, device="cuda"),
            torch.empty(n, device="cuda"),
        )
        native[(n,)](t, tw, tb, o, mean, rstd, n, 1e-5, BLOCK=n, num_warps=16)
        return o

    runs = {"ours": ours, "triton": theirs, "mlx": lambda: mx.fast.layer_norm(x, w, b, 1e-5)}
    bytes_moved = 2 * n * n * x.itemsize
    return Case(f"layer norm 8192^2 {dtype}", runs, bytes_moved, tolerance=_last_bit(dtype, 8.0))


def losses(dtype: str) -> Case:
    n, classes = 8192, 32000
    x, t = pair(n, classes, dtype=dtype)
    values = np.random.default_rng(1).integers(0, classes, n).astype(np.int32)
    labels, tl_labels = mx.array(values), torch.from_numpy(values).cuda()
    native = native_copy(kernels.cross_entropy)

    def ours() -> mx.array:
        o = mx.zeros((n,))
        kernels.cross_entropy[(n,)](x, labels, o, classes, classes, BLOCK=4096, num_warps=8)
        return o

    def theirs() -> Any:
        o = torch.empty(n, device="cuda")
        native[(n,)](t, tl_labels, o, classes, classes, BLOCK=4096, num_warps=8)
        return o

    return Case(
        f"cross entropy 8192x32000 {dtype}",
        {"ours": ours, "triton": theirs},
        n * classes * x.itemsize,
    )


def product(dtype: str) -> Case:
    n = 4096
    (a, ta), (b, tb), (c, tc) = (
        pair(*s, dtype=dtype, seed=k) for k, s in enumerate(((n, n), (n, n), (n,)))
    )
    native = native_copy(kernels.matmul)
    blocks = {"BM": 128, "BN": 128, "BK": 64, "GROUP": 8}
    grid = ((n // 128) ** 2,)

    def ours(gelu: bool) -> mx.array:
        o = mx.zeros((n, n), a.dtype)
        kernels.matmul[grid](a, b, c, o, n, n, n, GELU=gelu, num_warps=4, **blocks)
        return o

    def theirs() -> Any:
        o = torch.empty_like(ta)
        native[grid](ta, tb, tc, o, n, n, n, GELU=False, num_warps=8, num_stages=3, **blocks)
        return o

    runs = {
        "ours": lambda: ours(False),
        "triton": theirs,
        "mlx": lambda: a @ b,
        "ours, bias and gelu": lambda: ours(True),
    }
    return Case(f"matmul 4096^3 {dtype}", runs, flops=2 * n**3, tolerance=2.0)


def heads() -> Case:
    shape = (4, 16, 4096, 64)
    (q, tq), (k, tk), (v, tv) = (pair(*shape, dtype="float16", seed=s) for s in range(3))
    native = native_copy(attention.attention_kernel)

    def theirs() -> Any:
        o = torch.empty_like(tq)
        native[(4096 // 64, 64)](
            tq, tk, tv, o, 4096, 4096, 0.125, BM=64, BN=32, D=64, CAUSAL=True, num_stages=3
        )
        return o

    runs = {
        "ours": lambda: attention.attention(q, k, v, True),
        "triton": theirs,
        "mlx": lambda: mx.fast.scaled_dot_product_attention(q, k, v, scale=0.125, mask="causal"),
    }
    return Case("attention 4x16x4096x64 causal", runs, flops=4 * 64 * 4096 * 4096 * 64 // 2)


def tiny() -> Case:
    """A chain in which each launch needs the one before; `length` launches a run."""
    x, length = mx.zeros((1024,)), 50
    bare = mx.fast.cuda_kernel(
        name="bare",
        input_names=["x"],
        output_names=["o"],
        source="o[threadIdx.x] = x[threadIdx.x] + 1;",
    )
    add = triton.JITFunction(plus_one.fn)

    def chain(last: mx.array) -> mx.array:
        for _ in range(length):
            o = mx.zeros((1024,))
            add[(1,)](last, o, BLOCK=1024)
            last = o
        return last

    def bare_chain(last: mx.array) -> mx.array:
        for _ in range(length):
            (last,) = bare(
                inputs=[last], grid=(1024, 1, 1), threadgroup=(1024, 1, 1),
                output_shapes=[(1024,)], output_dtypes=[mx.float32],
            )  # fmt: skip
        return last

    with triton_mlx.use("cuda"):
        handle = triton_mlx.prepare(add[(1,)], x, mx.zeros((1024,)), BLOCK=1024)

    def prepared() -> mx.array:
        last = x
        for _ in range(length):
            o = mx.zeros((1024,))
            handle(last, o)
            last = o
        return last

    traced, bare_traced = mx.compile(chain), mx.compile(bare_chain)
    runs = {
        "ours": lambda: chain(x),
        "ours, prepared": prepared,
        "ours, traced": lambda: traced(x),
        "bare mx.fast.cuda_kernel": lambda: bare_chain(x),
        "bare, traced": lambda: bare_traced(x),
    }
    return Case(f"chain of {length} tiny launches", runs)


@triton.jit
def plus_one(x, o, BLOCK: triton.language.constexpr):
    at = triton.language.arange(0, BLOCK)
    triton.language.store(o + at, triton.language.load(x + at) + 1.0)


def module_copy(module: ModuleType) -> Any:
    """The module once more, with functions and kernels of its own."""
    name = f"{module.__name__}_native"
    spec = importlib.util.spec_from_file_location(name, str(module.__file__))
    assert spec is not None
    assert spec.loader is not None
    copy = importlib.util.module_from_spec(spec)
    sys.modules[name] = copy
    spec.loader.exec_module(copy)
    return copy


def sequences() -> Iterator[Case]:
    """The sequences of the examples: fused here, apart here, apart in native Triton, and the formula."""
    from triton_mlx.examples import matmul
    from triton_mlx.examples import sequences as examples

    # Copies, as compiled kernels are kept per JITFunction; they allocate torch tensors.
    native, product = module_copy(examples), module_copy(matmul)
    native.empty = lambda shape, dtype=mx.float32: torch.empty(
        shape, dtype=TORCH[str(dtype).rpartition(".")[2]], device="cuda"
    )
    product.mx = SimpleNamespace(
        zeros=lambda shape, dtype: torch.empty(shape, dtype=dtype, device="cuda")
    )
    native.linear = product.linear
    shapes = ((ROWS, COLUMNS), (ROWS, COLUMNS), (COLUMNS,))
    pairs = [pair(*s, dtype="float32", seed=k) for k, s in enumerate(shapes)]
    ours, theirs = [p[0] for p in pairs], [p[1] for p in pairs]
    for sequence in examples.SEQUENCES:
        name = sequence.name
        fused, compiled = triton_mlx.fuse(sequence.launches), mx.compile(sequence.formula)
        apart = getattr(native, name)
        yield Case(
            f"sequence {name}",
            {
                "ours": lambda fused=fused: fused(*ours),
                "ours, traced": lambda traced=mx.compile(fused): traced(*ours),
                "ours, apart": lambda sequence=sequence: sequence.launches(*ours),
                "triton": lambda apart=apart: apart(*theirs),
                "mx.compile": lambda compiled=compiled: compiled(*ours),
            },
        )


def cases() -> Iterator[Callable[[], Any]]:
    for dtype in ("float32", "bfloat16"):
        for make in (elementwise, rows, norm, losses):
            yield lambda make=make, dtype=dtype: make(dtype)
    yield tiny
    for dtype in ("float16", "bfloat16"):
        yield lambda dtype=dtype: product(dtype)
    yield heads


def as_numpy(value: Any) -> Any:
    first = value[0] if isinstance(value, tuple) else value
    if isinstance(first, mx.array):
        return np.array(first.astype(mx.float32))
    return first.float().cpu().numpy()


def measured(case: Case, rounds: int) -> dict[str, Any]:
    results = {name: as_numpy(on(name, run)) for name, run in case.contenders.items()}
    error = {
        name: float(np.abs(r - results["ours"]).max())
        for name, r in results.items()
        if "gelu" not in name
    }
    counts = {
        name: max(1, min(200, round(ROUND_SECONDS / seconds(name, run, 2))))
        for name, run in case.contenders.items()
    }
    times: dict[str, list[float]] = {name: [] for name in case.contenders}
    for name, run in case.contenders.items():
        # Both allocators grow by as much as is queued, once.
        seconds(name, run, counts[name])
    for _ in range(rounds):
        for name, run in case.contenders.items():
            times[name].append(seconds(name, run, counts[name]))
    ratios = {
        name: statistics.median(t / o for t, o in zip(times[name], times["ours"]))
        for name in case.contenders
    }
    return {
        "case": case.name,
        "microseconds": {k: round(statistics.median(v) * 1e6, 2) for k, v in times.items()},
        "times faster than": {k: round(v, 3) for k, v in ratios.items() if k != "ours"},
        "GB/s": round(case.bytes / statistics.median(times["ours"]) / 1e9) if case.bytes else None,
        "TFLOP/s": round(case.flops / statistics.median(times["ours"]) / 1e12, 1)
        if case.flops
        else None,
        "largest difference": error,
        "right": all(e <= case.tolerance for e in error.values()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", nargs="*", default=[])
    args = parser.parse_args()
    print(
        json.dumps({"device": torch.cuda.get_device_name(), "triton": triton.__version__}),
        flush=True,
    )
    made: list[Callable[[], Any]] = list(cases())
    measured(made[0](), 1)  # whatever comes first in a process waits for memory, in every round
    for make in made:
        report(make, args)
    for case in sequences():
        report(lambda case=case: case, args)


def report(make: Callable[[], Any], args: argparse.Namespace) -> None:
    """One line of JSON; a case that fails says so and the others go on."""
    try:
        case = make()
        if args.only and not any(o in case.name for o in args.only):
            return
        print(json.dumps(measured(case, args.rounds)), flush=True)
    except Exception as error:  # noqa: BLE001  a measurement of many cases must not stop at one
        print(json.dumps({"failed": f"{type(error).__name__}: {error}"[:2000]}), flush=True)
        traceback.print_exc()


if __name__ == "__main__":
    main()
