"""The compiler half of the Triton plug-in: options, TTIR passes, and the refusal of what cannot run.

The "binary" that Triton keeps is the kernel's generic-form IR. Source is made from it at the first launch,
when it is known which arguments are the same array.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
from dataclasses import dataclass
from typing import Any

from triton._C.libtriton import ir as _ir
from triton._C.libtriton import passes as _passes
from triton.backends.compiler import BaseBackend as _BaseBackend
from triton.backends.compiler import GPUTarget as _GPUTarget

from .descriptors import accept_arrays

with contextlib.suppress(ImportError, AttributeError):  # versions of Triton without descriptors
    accept_arrays()


_LEAST_SHARED = 16  # bytes: threadgroup memory is laid out in units of them


@dataclass(frozen=True)
class Options:
    """Compile options, as Triton's front end and autotuner read them."""

    num_warps: int = 4
    num_ctas: int = 1
    num_stages: int = 1
    warp_size: int = 32
    maxnreg: int | None = None
    ir_override: str | None = None
    extern_libs: tuple[str, ...] = ()
    enable_fp_fusion: bool = True
    launch_cooperative_grid: bool = False
    supported_fp8_dtypes: tuple[str, ...] = ("fp8e4nv", "fp8e5", "fp8e4b8", "fp8e5b16")
    deprecated_fp8_dot_operand_dtypes: tuple[str, ...] = ()
    default_dot_input_precision: str = "ieee"
    allowed_dot_input_precisions: tuple[str, ...] = ("ieee", "tf32", "tf32x3", "bf16x3", "bf16x6")
    max_num_imprecise_acc_default: int = 0
    sanitize_overflow: bool = False
    debug: bool = False
    instrumentation_mode: str = ""
    fpsan_homomorphic_casts: bool = False
    # Hints for other back ends, which kernels in the wild carry in their configurations: of no meaning here.
    waves_per_eu: int = 0
    matrix_instr_nonkdim: int = 0
    kpack: int = 1
    allow_flush_denorm: bool = False
    launch_pdl: bool = False
    backend_name: str = "mlx"
    arch: str = "host"

    def hash(self) -> str:
        return hashlib.sha256(repr(sorted(self.__dict__.items())).encode()).hexdigest()


class MLXBackend(_BaseBackend):
    """Compiles for the targets of triton_mlx; `target.arch` is the target's name."""

    binary_ext = "tmlx"
    # Triton then asks us instead of calling data_ptr, so a lazy array is never evaluated.
    supports_native_tensor_specialization = False

    @staticmethod
    def supports_target(target: _GPUTarget) -> bool:
        return bool(target.backend == "mlx")

    @staticmethod
    def get_tensor_specialization(arg: Any, **kwargs: Any) -> str:
        return ""  # MLX arrays may start anywhere: no alignment is promised

    @functools.cache  # noqa: B019  one backend per process and target
    def hash(self) -> str:
        from .cache import sources_digest
        from .frontend.place import is_python

        recorded = "python" if is_python() else "native"
        return f"{sources_digest()}-{self.target.arch}-{recorded}"

    def parse_options(self, opts: dict[str, Any]) -> Options:
        known = {
            k: v for k, v in opts.items() if k in Options.__dataclass_fields__ and v is not None
        }
        made = Options(**{**known, "arch": self.target.arch})
        assert made.num_warps > 0 and made.num_warps & (made.num_warps - 1) == 0, (
            "num_warps must be a power of 2"
        )
        return made

    def pack_metadata(self, metadata: Any) -> Any:
        return metadata

    def get_codegen_implementation(self, options: Options) -> dict[str, Any]:
        return {"min_dot_size": lambda lhs, rhs: (1, 1, 1)}

    def get_module_map(self) -> dict[str, Any]:
        from . import libdevice

        return {"triton.language.extra.libdevice": libdevice}

    def load_dialects(self, ctx: Any) -> None:
        """No dialect beyond Triton's own."""

    def add_stages(self, stages: dict[str, Any], options: Options, language: Any) -> None:
        from ..fusion.errors import UnsupportedOperation

        if getattr(language, "name", "TRITON") != "TRITON":
            raise UnsupportedOperation(
                f"a kernel in {str(language.name).capitalize()}",
                why="its layouts and instructions are those of NVIDIA's and AMD's GPUs",
                hint="write the kernel in triton.language",
            )
        stages["ttir"] = lambda module, metadata: _optimise(module)
        stages["tmlx"] = lambda module, metadata: _finish(module, metadata, options)


def _optimise(module: Any) -> Any:
    from .frontend.ready import is_recorded, make_ready

    if is_recorded(module):
        return make_ready(module)
    manager = _ir.pass_manager(module.context)
    common, ttir = _passes.common, _passes.ttir
    # Triton up to 3.7 has block pointers.
    rewrite = getattr(ttir, "add_rewrite_tensor_pointer", None)
    for add in (
        common.add_inliner,
        *([] if rewrite is None else [rewrite]),
        ttir.add_rewrite_tensor_descriptor_to_pointer,
        common.add_canonicalizer,
        ttir.add_combine,
        ttir.add_reorder_broadcast,
        common.add_cse,
        ttir.add_triton_licm,
        common.add_symbol_dce,
    ):
        add(manager)
    manager.run(module, "make_ttir")
    return module


def _finish(module: Any, metadata: dict[str, Any], options: Options) -> bytes:
    """Generic-form text of the kernel, after a trial lowering that refuses what cannot run."""
    from ..fusion.lift import lift_module
    from .frontend.ready import as_operations, is_recorded
    from .lowered import remember, trial

    metadata["name"] = module.get_entry_func_name()
    text = _generic_text(module, options.enable_fp_fusion)
    if is_recorded(module):
        remember(text, lift_module(as_operations(module)))
    lowered = trial(text, options.arch, options.num_warps)
    on_host = options.arch.partition(":")[0] == "host"
    # Users divide by it to get the programs of a core: a kernel that needs none counts one slot of it.
    metadata["shared"] = max(_LEAST_SHARED, 0 if on_host else lowered.threadgroup_bytes)
    return text.encode()


def _generic_text(module: Any, contracts: bool = True) -> str:
    """`module` in generic form with locations; `module` is spoilt afterwards.

    MLIR prints an operation that fails verification in generic form, and a module with an attribute
    that has no dialect prefix fails it. fusion/mlir.py checks that the text is what it expects.
    `contracts`: products and sums may become fused multiply-adds; the text says so too.
    """
    number = _ir.builder(module.context).get_int32_attr
    module.set_attr("generic", number(0))
    module.set_attr("contracts", number(int(contracts)))
    return str(module.str() if hasattr(module, "str") else module)
