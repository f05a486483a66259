"""The names of the cells of a capability row: what each one means, its type and its unit."""

from __future__ import annotations

from dataclasses import dataclass

Value = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Fact:
    """One column of the table. `kind` is the type of its values; `unit` is empty for plain counts."""

    name: str
    kind: type[bool] | type[int] | type[float] | type[str]
    unit: str
    meaning: str


_ALL = (
    Fact("gpu_family", str, "", "Metal GPU family, such as apple9"),
    Fact("architecture", str, "", "what MLX reports after applegpu_, or sm_XY for CUDA"),
    # The size of the machine. Of a chip that is sold in several sizes: the largest.
    Fact("cores", int, "", "GPU cores, or streaming multiprocessors, of the largest variant"),
    Fact("clock_ghz", float, "GHz", "clock of the GPU under load"),
    Fact("fp32_tflops", float, "TFLOP/s", "peak of float32 fused multiply-add"),
    Fact("matmul_peak_fraction", float, "", "part of that peak that matrix kernels reach"),
    Fact("bandwidth_gbs", float, "GB/s", "memory bandwidth of the largest variant"),
    Fact("slc_mb", int, "MB", "system-level cache; on CUDA the L2 cache"),
    # Limits of one threadgroup (CUDA: block).
    Fact("threadgroup_memory_bytes", int, "bytes", "most static threadgroup memory of a group"),
    Fact("threadgroup_memory_optin_bytes", int, "bytes", "most dynamic shared memory of a block"),
    Fact("threadgroup_memory_core_kb", int, "KB", "threadgroup memory of one core"),
    Fact("max_threads_per_threadgroup", int, "", "most threads of a threadgroup"),
    Fact("max_threads_per_core", int, "", "most threads resident on one core"),
    Fact("simd_width", int, "", "threads of a simdgroup (CUDA: warp)"),
    Fact("max_buffers", int, "", "places of the buffer argument table"),
    Fact("registers_kb_per_core", int, "KB", "register file of one core"),
    Fact("simdgroups_to_saturate", int, "", "simdgroups on one core that keep its ALUs busy"),
    Fact("register_spill_threshold", int, "32-bit registers", "per thread, before they spill"),
    Fact("dynamic_caching", bool, "", "registers and threadgroup memory share one cache"),
    # Types.
    Fact("bfloat", bool, "", "the bfloat type exists"),
    Fact("bfloat_native", bool, "", "bfloat arithmetic is not emulated"),
    Fact("fp64", bool, "", "double exists"),
    Fact("int64", bool, "", "64-bit integers exist"),
    Fact("simd_functions", bool, "", "shuffles, reductions and scans over a simdgroup"),
    # Matrix units.
    Fact("simdgroup_matrix_half", bool, "", "8x8 simdgroup matrices of half"),
    Fact("simdgroup_matrix_float", bool, "", "8x8 simdgroup matrices of float"),
    Fact("simdgroup_matrix_bfloat", bool, "", "8x8 simdgroup matrices of bfloat"),
    Fact("tensor_ops", bool, "", "Metal 4 matmul2d exists (emulated on ALUs before M5)"),
    Fact("tensor_ops_macos", str, "", "oldest macOS with tensor_ops"),
    Fact("tensor_ops_bfloat_macos", str, "", "oldest macOS with matmul2d of bfloat"),
    Fact("neural_accelerators", bool, "", "matrix units in every GPU core (M5)"),
    Fact("neural_accelerators_macos", str, "", "oldest macOS on which they are used"),
    Fact("mma_half", bool, "", "CUDA mma.sync m16n8k16 of half and bfloat16"),
    Fact("mma_tf32", bool, "", "CUDA mma.sync of tf32"),
    Fact("mma_fp8", bool, "", "CUDA mma.sync of fp8"),
    # Atomics on device memory.
    Fact("atomic_32", bool, "", "atomics of 32-bit integers, with a result"),
    Fact("atomic_float_add", bool, "", "atomic add of float32"),
    Fact("atomic_min_max_64", bool, "", "atomic min and max of uint64, without a result"),
    Fact("atomic_64", bool, "", "all atomics of 64-bit integers"),
    # The oldest version of the Metal language that has a word.
    Fact("msl_bfloat", str, "", "oldest Metal language version with bfloat"),
    Fact("msl_simdgroup_matrix", str, "", "... with simdgroup_matrix"),
    Fact("msl_atomic_float", str, "", "... with atomic_float"),
    Fact("msl_atomic_64", str, "", "... with atomic_ulong"),
    Fact("msl_tensor", str, "", "... with tensors"),
    # Rates of one core.
    Fact("fma_fp32_per_clock", int, "per clock and core", "float32 fused multiply-add"),
    Fact("fma_fp16_per_clock", int, "per clock and core", "float16 fused multiply-add"),
    Fact("tensor_fp16_per_clock", int, "per clock and core", "multiply-add of 16-bit matmul2d"),
    Fact("exp2_per_clock", int, "per clock and core", "exp2 and log2"),
    Fact("rsqrt_per_clock", int, "per clock and core", "1 / sqrt(x)"),
    Fact("recip_per_clock", int, "per clock and core", "1 / x"),
    Fact("sin_per_clock", int, "per clock and core", "sin and cos"),
    Fact("int_mul_per_clock", int, "per clock and core", "32-bit integer multiply"),
    Fact("threadgroup_bytes_per_clock", int, "bytes per clock and core", "memory on a core"),
    Fact("l2_bytes_per_clock", int, "bytes per clock and core", "the cache that cores share"),
    Fact("shuffle_bytes_per_clock", int, "bytes per clock and core", "simd shuffles"),
)

FACTS: dict[str, Fact] = {fact.name: fact for fact in _ALL}
