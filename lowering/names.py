"""Names in generated code: the user's own words, wherever those are free.

Metal text is meant to be read, so a variable keeps its name and a second one of that name gets a number. On
the host the number is always there: system headers define macros that nobody can list.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from importlib import resources

_KEYWORDS = """
alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl concept const
consteval constexpr constinit const_cast continue co_await co_return co_yield decltype default delete do
double dynamic_cast else enum explicit export extern false float for friend goto if inline int long mutable
namespace new noexcept not not_eq nullptr operator or or_eq private protected public register
reinterpret_cast requires return short signed sizeof static static_assert static_cast struct switch template
this thread_local throw true try typedef typeid typename union unsigned using virtual void volatile wchar_t
while xor xor_eq linux unix assert NULL
half bfloat uchar ushort uint ulong size_t ptrdiff_t vec device constant thread threadgroup
threadgroup_imageblock kernel vertex fragment metal atomic float2 float4 half2 half4 uint2 uint3 uint4 ulong2
int2 int4 as_type precise fast mem_flags simd quad array texture sampler access
"""
# What bodies call: a variable of that name would hide it.
_CALLED = """
fma fmin fmax min max abs fabs floor ceil trunc rint round copysign fmod clamp select sqrt rsqrt exp exp2 exp10
log log2 log10 sin cos tan sinh cosh tanh asin acos atan asinh acosh atanh atan2 pow isnan isinf isfinite
mulhi popcount clz simd_shuffle_xor threadgroup_barrier simdgroup_barrier INFINITY NAN memory_order_relaxed
atomic_fetch_add_explicit atomic_fetch_and_explicit atomic_fetch_or_explicit atomic_fetch_xor_explicit
atomic_fetch_min_explicit atomic_fetch_max_explicit atomic_exchange_explicit atomic_load_explicit
thread_index_in_simdgroup simdgroup_index_in_threadgroup thread_index_in_threadgroup
threadgroup_position_in_grid threadgroups_per_grid thread_position_in_grid threads_per_grid
threads_per_threadgroup thread_position_in_threadgroup dispatch_threads_per_threadgroup
"""
# Words of the emitter itself.
_OWN = "lane sg tid arena scalars report k k0 i j r o batch part place home here before slot"
_COUNTERS = re.compile(r"[rickov]\d+$")


@functools.cache
def _reserved() -> frozenset[str]:
    prelude = resources.files(__package__).joinpath("preludes")
    words = (
        "words.h",
        "thread_words.h",
        "xored_words.h",
        "metal_words.h",
        "metal_tensor.h",
        "cuda_words.h",
    )
    texts = [prelude.joinpath(n).read_text() for n in words]
    defined = re.findall(r"\b([A-Za-z_]\w*)\(", "\n".join(texts))
    return frozenset(f"{_KEYWORDS} {_CALLED} {_OWN}".split()) | frozenset(defined)


class Names:
    """Gives out names, each once. `numbered`: with the number that the caller has for it, always."""

    def __init__(self, *, numbered: bool):
        self.numbered = numbered
        self._taken: set[str] = set()

    def take(self, names: Iterable[str]) -> None:
        """These exist already."""
        self._taken.update(names)

    def named(self, word: str, number: int) -> str:
        """A new name made of the user's `word`."""
        clean = re.sub(r"[^0-9A-Za-z_]", "_", word).strip("_") or "v"
        if clean[0].isdigit():
            clean = "v" + clean
        if self.numbered:
            return self.unique(f"{clean}_{number}")
        if clean in _reserved() or _COUNTERS.match(clean):
            clean += "_"
        return self.unique(clean)

    def unique(self, name: str) -> str:
        """`name`, or `name` with a number if it is taken."""
        candidate, n = name, 1
        while candidate in self._taken:
            n += 1
            candidate = f"{name}{'' if name.endswith('_') else '_'}{n}"
        self._taken.add(candidate)
        return candidate

    def buffer(self, word: str, number: int) -> str:
        """A name for a buffer. MLX declares name_shape, _strides and _ndim where a body has such words."""
        name = self.named(word, number)
        self.take(f"{name}_{end}" for end in ("old", "new", "set", "shape", "strides", "ndim"))
        return name
