"""Random kernels, recorded by Triton's native module and by the stand-in; nothing is run.

python tests/frontend/random_records.py --seeds 0:2000
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
from pathlib import Path
from typing import Any

import triton  # noqa: F401  before anything of ours
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from triton.compiler.compiler import make_backend

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "oracle"))
sys.path.insert(0, str(HERE))

import differential  # noqa: E402
from random_kernels_lib.generate import generate  # noqa: E402

_POINTERS = {"float32": "*fp32", "float16": "*fp16", "bfloat16": "*bf16", "int1": "*i1"}
_POINTERS |= {f"int{w}": f"*i{w}" for w in (8, 16, 32, 64)}
_POINTERS |= {f"uint{w}": f"*u{w}" for w in (8, 16, 32, 64)}
_TARGET = GPUTarget("mlx", "host", 32)


def kernel_of(source: str, folder: Path, seed: int) -> Any:
    path = folder / f"kernel_{seed}.py"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.kernel


def signature(program: Any, names: list[str]) -> dict[str, str]:
    """Types as a launch would find them: arrays, their twins, then scalars."""
    kinds = [_POINTERS[dtype] for _, dtype, _ in program.arrays]
    of = {name: _POINTERS[dtype] for name, dtype, _ in program.arrays}
    kinds += [of[name] for name in program.same.values()]
    kinds += ["fp32" if isinstance(v, float) else "i32" for v in program.scalars.values()]
    assert len(kinds) == len(names), (names, kinds)
    return dict(zip(names, kinds))


def record(seed: int, folder: Path) -> None:
    from triton._C.libtriton import ir

    program = generate(seed)
    kernel = kernel_of(program.source(), folder, seed)
    source = ASTSource(kernel, signature(program, list(kernel.arg_names)), {}, {})
    backend = make_backend(_TARGET)
    options = backend.parse_options({})
    context = ir.context()
    ir.load_dialects(context)
    codegen, modules = backend.get_codegen_implementation(options), backend.get_module_map()
    source.make_ir(_TARGET, options, codegen, modules, context)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0:100", help="first:end")
    first, _, end = parser.parse_args().seeds.partition(":")
    differential.watch(compile_too=False)
    with tempfile.TemporaryDirectory() as name:
        for seed in range(int(first), int(end)):
            before = len(differential.RECORD.different)
            try:
                record(seed, Path(name))
            except differential.Recorded:
                pass
            except Exception as error:  # refused by both, or told apart below
                print(f"seed {seed}: {type(error).__name__}: {str(error).splitlines()[:1]}")
            if len(differential.RECORD.different) > before:
                print(f"seed {seed}: {list(differential.RECORD.different.values())[-1]}")
    found = differential.RECORD
    print(differential.summary())
    return 1 if found.different or not found.same else 0


if __name__ == "__main__":
    sys.exit(main())
