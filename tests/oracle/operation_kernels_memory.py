"""Loads, stores, atomics and products."""

import triton
import triton.language as tl


@triton.jit
def memory(ins, outs, n, OPS: tl.constexpr, N: tl.constexpr):
    # Operands: values x and y, a permutation, and N + 1 = n; every operation writes its own array.
    for k in tl.static_range(len(OPS)):
        OPS[k](ins[0], ins[1], ins[2], outs[k], n, N)


@triton.jit
def memory_apart(ins, outs, n, OPS: tl.constexpr, N: tl.constexpr):
    for k in tl.static_range(len(OPS)):
        OPS[k](ins[k][0], ins[k][1], ins[k][2], outs[k], n, N)


@triton.jit
def load_other(x, y, index, out, n, N: tl.constexpr):
    c = tl.arange(0, N)
    three = tl.full((N,), 3.0, tl.float32).to(x.dtype.element_ty)
    tl.store(out + c, tl.load(x + c, mask=c < n - 9, other=three))


@triton.jit
def store_mask(x, y, index, out, n, N: tl.constexpr):
    c = tl.arange(0, N)
    tl.store(out + c, tl.load(x + c), mask=(c % 3 != 1) & (c < n - 9))


@triton.jit
def scalar(x, y, index, out, n, N: tl.constexpr):
    tl.store(out, tl.load(x + n - 9))


@triton.jit
def scalar_masked(x, y, index, out, n, N: tl.constexpr):
    tl.store(out, tl.load(x + n, mask=n < 0), mask=n < 0)
    tl.store(out + 1, tl.load(x + 5, mask=n > 0), mask=n > 0)


@triton.jit
def indexed_load(x, y, index, out, n, N: tl.constexpr):
    c = tl.arange(0, N)
    tl.store(out + c, tl.load(x + tl.load(index + c)))


@triton.jit
def indexed_store(x, y, index, out, n, N: tl.constexpr):
    c = tl.arange(0, N)
    tl.store(out + tl.load(index + c), tl.load(x + c))


@triton.jit
def hinted(x, y, index, out, n, N: tl.constexpr):
    c = tl.arange(0, N)
    v = tl.load(x + c, volatile=True)
    w = tl.load(y + c, cache_modifier=".cg", eviction_policy="evict_first")
    tl.store(out + c, tl.where(c < 9, v, w), cache_modifier=".wb", eviction_policy="evict_last")


@triton.jit
def pointer_in_loop(x, y, index, out, n, N: tl.constexpr):
    at = x + tl.arange(0, 8)
    to = out + tl.arange(0, 8)
    for _ in range(N // 8):
        tl.store(to, tl.load(at))
        at += 8
        to += 8


@triton.jit
def pointer_chosen(x, y, index, out, n, N: tl.constexpr):
    # One array, two places in it.
    c = tl.arange(0, N)
    at = tl.where(c < 9, x + c, x + (N - 1) - c)
    tl.store(out + c, tl.load(at))


@triton.jit
def pointer_of_two(x, y, index, out, n, N: tl.constexpr):
    if n > 10:
        at = x
    else:
        at = y
    c = tl.arange(0, N)
    tl.store(out + c, tl.load(at + c))


@triton.jit
def pointer_per_element(x, y, index, out, n, N: tl.constexpr):
    c = tl.arange(0, N)
    tl.store(out + c, tl.load(tl.where(c < 9, x + c, y + c)))


@triton.jit
def pointer_to_other_type(x, y, index, out, n, N: tl.constexpr):
    c = tl.arange(0, N)
    at = x.to(tl.pointer_type(tl.int8), bitcast=True)
    to = out.to(tl.pointer_type(tl.int8), bitcast=True)
    tl.store(to + c, tl.load(at + c))


@triton.jit
def descriptor(x, y, index, out, n, N: tl.constexpr):
    # Rows of 16 elements, so that a row has the 16 bytes that a descriptor wants.
    at = tl.make_tensor_descriptor(x, [3, 15], [16, 1], [2, 16])
    to = tl.make_tensor_descriptor(out, [3, 16], [16, 1], [2, 16])
    to.store([0, 0], at.load([0, 0]))
    to.store([2, 0], at.load([2, 0]))


@triton.jit
def atomic_add(x, y, index, out, n, N: tl.constexpr):
    c = tl.arange(0, N)
    tl.atomic_add(out + c % 8, tl.load(x + c), mask=c < n - 9)


@triton.jit
def atomic_max(x, y, index, out, n, N: tl.constexpr):
    c = tl.arange(0, N)
    tl.atomic_max(out + c % 8, tl.load(x + c), mask=c < n - 9)


@triton.jit
def atomic_min(x, y, index, out, n, N: tl.constexpr):
    c = tl.arange(0, N)
    tl.atomic_min(out + c % 8, tl.load(x + c), mask=c < n - 9)


@triton.jit
def atomic_and(x, y, index, out, n, N: tl.constexpr):
    c = tl.arange(0, N)
    tl.atomic_and(out + c % 8, tl.load(x + c), mask=c < n - 9)


@triton.jit
def atomic_or(x, y, index, out, n, N: tl.constexpr):
    c = tl.arange(0, N)
    tl.atomic_or(out + c % 8, tl.load(x + c), mask=c < n - 9)


@triton.jit
def atomic_xor(x, y, index, out, n, N: tl.constexpr):
    c = tl.arange(0, N)
    tl.atomic_xor(out + c % 8, tl.load(x + c), mask=c < n - 9)


@triton.jit
def atomic_xchg(x, y, index, out, n, N: tl.constexpr):
    c = tl.arange(0, N)
    tl.atomic_xchg(out + c, tl.load(x + c), mask=c < n - 9)


@triton.jit
def atomic_scalar(x, y, index, out, n, N: tl.constexpr):
    tl.atomic_add(out, tl.load(x))
    tl.atomic_add(out + 1, tl.load(x + 1))


@triton.jit
def atomic_store(x, y, index, out, n, N: tl.constexpr):
    c = tl.arange(0, N)
    tl.atomic_store(out + c, tl.load(x + c), mask=c < n - 9)


@triton.jit
def atomic_load(x, y, index, out, n, N: tl.constexpr):
    c = tl.arange(0, N)
    tl.store(out + c, tl.atomic_load(x + c))


# With their results: y is updated, its old elements are stored.


@triton.jit
def old_add(x, y, index, out, n, N: tl.constexpr):
    c = tl.arange(0, N)
    tl.store(out + c, tl.atomic_add(y + c, tl.load(x + c)))


@triton.jit
def old_max(x, y, index, out, n, N: tl.constexpr):
    c = tl.arange(0, N)
    tl.store(out + c, tl.atomic_max(y + c, tl.load(x + c)))


@triton.jit
def old_min(x, y, index, out, n, N: tl.constexpr):
    c = tl.arange(0, N)
    tl.store(out + c, tl.atomic_min(y + c, tl.load(x + c)))


@triton.jit
def old_and(x, y, index, out, n, N: tl.constexpr):
    c = tl.arange(0, N)
    tl.store(out + c, tl.atomic_and(y + c, tl.load(x + c)))


@triton.jit
def old_or(x, y, index, out, n, N: tl.constexpr):
    c = tl.arange(0, N)
    tl.store(out + c, tl.atomic_or(y + c, tl.load(x + c)))


@triton.jit
def old_xor(x, y, index, out, n, N: tl.constexpr):
    c = tl.arange(0, N)
    tl.store(out + c, tl.atomic_xor(y + c, tl.load(x + c)))


@triton.jit
def old_xchg(x, y, index, out, n, N: tl.constexpr):
    c = tl.arange(0, N)
    tl.store(out + c, tl.atomic_xchg(y + c, tl.load(x + c)))


@triton.jit
def old_cas(x, y, index, out, n, N: tl.constexpr):
    # Every other element is what it is expected to be; then the new elements are read back.
    c = tl.arange(0, N)
    seen = tl.load(x + c)
    was = tl.atomic_cas(x + c, tl.where(c % 2 == 0, seen, tl.load(y + c)), tl.load(y + c))
    tl.store(out + c, was)


@triton.jit
def cas_result(x, y, index, out, n, N: tl.constexpr):
    c = tl.arange(0, N)
    expected = tl.load(x + c)
    tl.atomic_cas(out + c, expected, tl.load(y + c))


@triton.jit
def atomic_poll(x, y, index, out, n, N: tl.constexpr):
    tl.atomic_poll(x, tl.load(x))
    tl.store(out, tl.load(x))


# Products.


@triton.jit
def products(ins, outs, n, OPS: tl.constexpr, N: tl.constexpr):
    at = tl.arange(0, N)[:, None] * N + tl.arange(0, N)[None, :]
    a = tl.load(ins[0] + at)
    b = tl.load(ins[1] + at)
    for k in tl.static_range(len(OPS)):
        r = OPS[k](a, b)
        tl.store(outs[k] + tl.arange(0, r.numel), tl.reshape(r, (r.numel,)))


@triton.jit
def dot(a, b):
    return tl.dot(a, b)


@triton.jit
def dot_trans(a, b):
    return tl.dot(tl.trans(a), tl.trans(b))


@triton.jit
def dot_acc(a, b):
    acc = tl.dot(a, b)
    for _ in range(2):
        acc = tl.dot(b, a, acc)
    return acc


@triton.jit
def dot_half(a, b):
    return tl.dot(a, b, out_dtype=tl.float16)


@triton.jit
def dot_tf32(a, b):
    return tl.dot(a, b, input_precision="tf32")


@triton.jit
def dot_tf32x3(a, b):
    return tl.dot(a, b, input_precision="tf32x3")


@triton.jit
def dot_batched(a, b):
    n: tl.constexpr = a.shape[0]
    return tl.dot(tl.reshape(a, (2, n // 2, n)), tl.reshape(b, (2, n, n // 2)))


@triton.jit
def dot_scaled(a, b):
    scale = tl.full((a.shape[0], 1), 129, tl.uint8)
    if a.dtype == tl.float8e4nv:
        found = tl.dot_scaled(a, scale, "e4m3", b, None, "e4m3")
    elif a.dtype == tl.float8e5:
        found = tl.dot_scaled(a, scale, "e5m2", b, None, "e5m2")
    elif a.dtype == tl.float16:
        found = tl.dot_scaled(a, None, "fp16", b, None, "fp16")
    else:
        found = tl.dot_scaled(a, None, "bf16", b, None, "bf16")
    return found
