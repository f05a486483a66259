"""One kernel for each feature of the language that reaches the builder in a way of its own."""

from __future__ import annotations

from typing import Any, NamedTuple

import triton
import triton.language as tl


class Pair(NamedTuple):
    first: Any
    second: Any


@triton.jit
def larger(a, b):
    if a > b:
        return a
    return b


@triton.jit
def both(a0, a1, b0, b1):
    return a0 + b0, larger(a1, b1)


@triton.jit(noinline=True)
def apart(a, n):
    if n > 4:
        a = a + 1
    return a * 2


@triton.jit
def product(a, b):
    return a * b


@triton.jit
def split_hi_lo(x):
    return x & 15, x >> 4


@triton.jit
def k_branches(x, o, n, m):
    at = tl.arange(0, 16)
    v = tl.load(x + at)
    if n == 3:
        return
    if n > 5 and m < 4:
        v = v + 1
    elif m == 9 or not (n < 2):
        v = v * 2
    else:
        v = tl.where(v > 0, v, -v) if m > 2 else v
    if m > n:
        tl.store(o + at, v)
    else:
        tl.store(o + at, v + 3)


@triton.jit
def k_loops(x, o, n, step):
    at = tl.arange(0, 16)
    total = tl.zeros((16,), tl.float32)
    i = 0
    while i < n:
        j = n
        while j > i:
            total += tl.load(x + at + j) * i
            j -= 2
        i += step
    for k in range(n, 0, -1):
        total = larger(tl.sum(total, 0), k * 1.0) + total
    for k in tl.range(0, n, num_stages=3, loop_unroll_factor=2, disallow_acc_multi_buffer=True):
        if k > 3:
            total += k
    for k in tl.static_range(3):
        total += k
    tl.store(o + at, total)


@triton.jit
def k_combines(x, o):
    at = tl.arange(0, 64)
    v = tl.reshape(tl.load(x + at), (8, 8))
    a, b = tl.reduce((v, v * 2), 1, both)
    c, d = tl.associative_scan((v, v + 1), 0, both, reverse=True)
    value, index = tl.max(v, 0, return_indices=True)
    s = tl.sort(tl.load(x + at)) + tl.flip(tl.load(x + at), 0)
    tl.store(o + at, tl.reshape(c + d + tl.cumsum(v, 1) + tl.xor_sum(v.to(tl.int32), 0), (64,)) + s)
    tl.store(o + tl.arange(0, 8), a + b + value + index + tl.argmin(v, 1))


@triton.jit
def k_shapes(x, o):
    at = tl.arange(0, 32)
    v = tl.load(x + at)
    j = tl.join(v, v + 1)
    a, b = tl.split(j)
    t = tl.trans(tl.reshape(v, (4, 8)))
    w = tl.permute(tl.reshape(v, (2, 4, 4)), (2, 0, 1))
    c = tl.cat(v, v, can_reorder=True)
    i = tl.interleave(a, b)
    g = tl.gather(v, (at * 7) % 32, 0)
    e = tl.expand_dims(v, 0)
    f = tl.broadcast_to(e, (2, 32))
    r = tl.ravel(t) + tl.ravel(w) + g + tl.sum(f, 0)
    tl.store(o + at, r)
    tl.store(o + tl.arange(0, 64), c + i)


@triton.jit
def k_numbers(x, o, p, h, n: tl.int64, u: tl.uint32, f, q):
    at = tl.arange(0, 16)
    v = tl.load(x + at)
    z = tl.exp(v) + tl.log(v) + tl.sin(v) + tl.cos(v) + tl.sqrt(v) + tl.rsqrt(v) + tl.exp2(v)
    z += tl.log2(v) + tl.abs(v) + tl.erf(v) + tl.floor(v) + tl.ceil(v) + tl.fma(v, v, v)
    z += tl.clamp(v, -1.0, 1.0) + tl.math.div_rn(v, 3.0) + tl.sqrt_rn(v) + tl.fdiv(v, 2.0)
    z += tl.minimum(v, 2.0) + tl.maximum(v, 1.0, propagate_nan=tl.PropagateNan.ALL) + v % 3.0
    i = at.to(tl.int64) * n + (at // 3) % 5 + (at << 2) + (at >> 1) - (at ^ 3) + (~at)
    i += tl.umulhi(at.to(tl.uint32), u).to(tl.int64) + (u // 3) + (u % 5) + (u >> 1) + (-n)
    b = (v > 1) & (v <= 4) | (v == 2) ^ (v != v) | (at >= u)
    z += i.to(tl.float32) + b.to(tl.float32) + v.to(tl.float16).to(tl.bfloat16) + f + q
    z += v.to(tl.int8).to(tl.float32) + at.to(tl.float32, bitcast=True) + float("nan") + 1e30
    e = v.to(tl.float8e5).to(tl.float32) + v.to(tl.float16, fp_downcast_rounding="rtz")
    tl.store(o + at, z + e + tl.load(p + at).to(tl.float32) + tl.load(h + at))


@triton.jit
def k_memory(x, o, c):
    at = tl.arange(0, 16)
    m = at < 9
    v = tl.load(x + at, mask=m, other=0.0, cache_modifier=".ca", eviction_policy="evict_last")
    v += tl.load(x + at, mask=m, volatile=True) + tl.load(x)
    tl.store(o + at, v, mask=m, cache_modifier=".cs")
    tl.store(o, 1.0)
    a = tl.atomic_add(o + at, v, mask=m, sem="relaxed", scope="cta")
    a += tl.atomic_max(o + at, v) + tl.atomic_min(o + at, v) + tl.atomic_xchg(o + at, v)
    b = tl.atomic_cas(c + at, at, at + 1) + tl.atomic_and(c + at, at) + tl.atomic_or(c + at, at)
    b += tl.atomic_xor(c + at, at) + tl.atomic_max(c + at, at) + tl.atomic_add(c, 1)
    tl.debug_barrier()
    tl.device_assert(v > 0, "positive")
    tl.device_print("v", v, at)
    tl.assume(tl.program_id(1) < 4)
    tl.store(o + at, a + b, mask=tl.num_programs(2) > at)


@triton.jit
def k_products(x, y, o, s):
    i, j = tl.arange(0, 16)[:, None], tl.arange(0, 16)[None, :]
    a, b = tl.load(x + i * 16 + j), tl.load(y + i * 16 + j)
    acc = tl.dot(a, b, input_precision="tf32x3")
    acc = tl.dot(a, b, acc, out_dtype=tl.float32, max_num_imprecise_acc=4)
    k = tl.reshape(a, (1, 16, 16))
    acc += tl.reshape(tl.dot(k, k), (16, 16))
    h = tl.load(s + tl.arange(0, 16)[:, None] + tl.arange(0, 1)[None, :])
    w = tl.reshape(tl.cat(tl.ravel(a), tl.ravel(a), can_reorder=True), (16, 32)).to(tl.float8e4nv)
    acc += tl.dot_scaled(w, h, "e4m3", tl.trans(w), h, "e4m3")
    tl.store(o + i * 16 + j, acc)


@triton.jit
def k_descriptors(x, d, o, M, N):
    a = tl.make_tensor_descriptor(x, [M, N], [N, 1], [8, 16], padding_option="nan")
    b = tl.make_tensor_descriptor(o, [M, N], [N, 1], [8, 16])
    for k in range(0, N, 16):
        v = a.load([0, k]) + d.load([8, k])
        if k > 16:
            b.store([0, k], v)
        else:
            b.atomic_add([8, k], v)


@triton.jit
def k_misc(x, o, pair, n, SWITCH: tl.constexpr, FN: tl.constexpr, SHAPE: tl.constexpr):
    at = tl.arange(0, 16)
    v = tl.load(x + at).to(tl.int32)
    lo, hi = tl.map_elementwise(split_hi_lo, v)
    if SWITCH:
        v = v + lo
    w = FN(v, n) + apart(n, n) + pair[0] + pair[1]
    z = tl.full(SHAPE, 3, tl.int32) + tl.zeros(SHAPE, tl.int32)
    r = tl.randint(7, at) + tl.rand(n, at).to(tl.int32) + tl.randn(n, at).to(tl.int32)
    i, j = tl.swizzle2d(n, n, 4, 4, 2)
    (y,) = tl.inline_asm_elementwise(
        "mov.b32 $0, $1;", "=r,r", [w], dtype=(tl.int32,), is_pure=True, pack=1
    )
    g = tl.multiple_of(tl.max_contiguous(at, 16), 8)
    q = tl.histogram(v, 16)
    tl.store(o + g, w + z + r + i + j + y + hi + q + tl.cdiv(n, 3))


KERNELS: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    # kernel, types of its parameters, values of its constants
    "branches": (k_branches, {"x": "*fp32", "o": "*fp32", "n": "i32", "m": "i32"}, {}),
    "loops": (k_loops, {"x": "*fp32", "o": "*fp32", "n": "i32", "step": "i32"}, {}),
    "combines": (k_combines, {"x": "*fp32", "o": "*fp32"}, {}),
    "shapes": (k_shapes, {"x": "*fp16", "o": "*fp32"}, {}),
    "numbers": (
        k_numbers,
        {
            **{"x": "*fp32", "o": "*fp32", "p": "*i1", "h": "*bf16", "n": "i64", "u": "u32"},
            **{"f": "fp32", "q": "fp64"},
        },
        {},
    ),
    "memory": (k_memory, {"x": "*fp32", "o": "*fp32", "c": "*i32"}, {}),
    "products": (k_products, {"x": "*fp16", "y": "*fp16", "o": "*fp32", "s": "*u8"}, {}),
    "descriptors": (
        k_descriptors,
        {"x": "*fp32", "d": "tensordesc<fp32[8, 16]>", "o": "*fp32", "M": "i32", "N": "i32"},
        {},
    ),
    "misc": (
        k_misc,
        {
            **{"x": "*fp32", "o": "*fp32", "pair": Pair("i32", "i32"), "n": "i32"},
            **dict.fromkeys(("SWITCH", "FN", "SHAPE"), "constexpr"),
        },
        {"SWITCH": True, "FN": product, "SHAPE": (16,)},
    ),
}
