"""Small kernels, each for one part of the language: control flow, views, memory order, types."""

import triton
import triton.language as tl


@triton.jit
def k_while(x, o, n, BLOCK: tl.constexpr):
    i = 0
    acc = tl.zeros((BLOCK,), tl.float32)
    c = tl.arange(0, BLOCK)
    while i < n:
        v = tl.load(x + i * BLOCK + c)
        if i % 2 == 0:
            acc += v
        else:
            acc -= v * 2
        i += 1
    tl.store(o + c, acc)


@triton.jit
def k_swap(x, y, o, n, BLOCK: tl.constexpr):
    c = tl.arange(0, BLOCK)
    a = tl.load(x + c)
    b = tl.load(y + c)
    for i in range(n):
        a, b = b, a + b
    tl.store(o + c, a)
    tl.store(o + BLOCK + c, b)


@triton.jit
def k_argmax(x, o, oi, N: tl.constexpr, M: tl.constexpr):
    r = tl.arange(0, N)[:, None]
    c = tl.arange(0, M)[None, :]
    v = tl.load(x + r * M + c)
    m, i = tl.max(v, axis=1, return_indices=True)
    tl.store(o + tl.arange(0, N), m)
    tl.store(oi + tl.arange(0, N), i)


@triton.jit
def k_colsum(x, o, N: tl.constexpr, M: tl.constexpr):
    r = tl.arange(0, N)[:, None]
    c = tl.arange(0, M)[None, :]
    v = tl.load(x + r * M + c)
    s = tl.sum(v, axis=0)
    t = tl.sum(v, axis=1)
    tl.store(o + r * M + c, v - s[None, :] + t[:, None])


@triton.jit
def k_trans(x, o, N: tl.constexpr, M: tl.constexpr):
    r = tl.arange(0, N)[:, None]
    c = tl.arange(0, M)[None, :]
    v = tl.load(x + r * M + c)
    t = tl.trans(v * 2.0)
    r2 = tl.arange(0, M)[:, None]
    c2 = tl.arange(0, N)[None, :]
    tl.store(o + r2 * N + c2, t + r2)


@triton.jit
def k_gather(x, idx, o, n, BLOCK: tl.constexpr):
    c = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    i = tl.load(idx + c, mask=c < n, other=0)
    tl.store(o + c, tl.load(x + i, mask=c < n), mask=c < n)


@triton.jit
def k_hist(x, o, n, BLOCK: tl.constexpr):
    c = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    i = tl.load(x + c, mask=c < n, other=0)
    tl.atomic_add(o + i, 1, mask=c < n)


@triton.jit
def k_ticket(o, t):
    pid = tl.program_id(0)
    old = tl.atomic_add(t, 1)
    tl.store(o + old, 1)


@triton.jit
def k_fadd(x, o, n, BLOCK: tl.constexpr):
    c = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + c, mask=c < n, other=0.0)
    tl.atomic_add(o, tl.sum(v))


@triton.jit
def k_inplace(x, n, BLOCK: tl.constexpr):
    c = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + c, mask=c < n)
    tl.store(x + c, v * 2 + 1, mask=c < n)


@triton.jit
def k_partial(x, o, n, BLOCK: tl.constexpr):
    c = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + c, mask=c < n)
    tl.store(o + c, v, mask=(c < n) & (c % 3 == 0))


@triton.jit
def k_twopass(x, o, n, BLOCK: tl.constexpr):
    c = tl.arange(0, BLOCK)
    tl.store(o + c, tl.load(x + c, mask=c < n) * 2, mask=c < n)
    tl.debug_barrier()
    v = tl.load(o + (n - 1 - c), mask=c < n)
    tl.debug_barrier()
    tl.store(o + c, v, mask=c < n)


@triton.jit
def k_shift(x, o, n, BLOCK: tl.constexpr):
    c = tl.arange(0, BLOCK)
    v = tl.load(x + c + 1, mask=c < n - 1, other=0)
    tl.store(o + c, v, mask=c < n)


@triton.jit
def k_ints(x, y, o, n, BLOCK: tl.constexpr):
    c = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    a = tl.load(x + c, mask=c < n, other=0)
    b = tl.load(y + c, mask=c < n, other=1)
    tl.store(o + c, (a * b + (a // b) - (a % b)) ^ (a << 2), mask=c < n)


@triton.jit
def k_bool(x, o, n, BLOCK: tl.constexpr):
    c = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    a = tl.load(x + c, mask=c < n, other=0)
    tl.store(o + c, a > 0, mask=c < n)


@triton.jit
def k_scalar(x, o, a, b: tl.float32, flag, none, tup, D: tl.constexpr):
    v = tl.load(x)
    if flag:
        v = v + a
    if none is not None:
        v = v + 100
    tl.store(o, v + b * D + tup[0] + tup[1])


@triton.jit
def k_grid3(o, X, Y):
    x = tl.program_id(0)
    y = tl.program_id(1)
    z = tl.program_id(2)
    tl.store(o + (z * Y + y) * X + x, x + 10 * y + 100 * z + 1000 * tl.num_programs(1))


@triton.jit
def k_dotT(a, b, o, M: tl.constexpr, N: tl.constexpr, K: tl.constexpr):
    m = tl.arange(0, M)
    n = tl.arange(0, N)
    k = tl.arange(0, K)
    A = tl.load(a + m[:, None] * K + k[None, :])
    B = tl.load(b + n[:, None] * K + k[None, :])
    C = tl.dot(A, tl.trans(B), input_precision="ieee")
    D = tl.dot(C, B, input_precision="ieee")
    tl.store(o + m[:, None] * K + k[None, :], D)


@triton.jit
def k_nan(x, y, o, BLOCK: tl.constexpr):
    c = tl.arange(0, BLOCK)
    a = tl.load(x + c)
    b = tl.load(y + c)
    tl.store(o + c, tl.maximum(a, b))
    tl.store(o + BLOCK + c, tl.maximum(a, b, propagate_nan=tl.PropagateNan.ALL))
    tl.store(
        o + 2 * BLOCK + c,
        tl.where(a == b, 1.0, 0.0) + tl.where(a != b, 2.0, 0.0) + tl.where(a < b, 4.0, 0.0),
    )


@triton.jit
def k_colptr(x, o, n, s, BLOCK: tl.constexpr):
    p = x + tl.arange(0, BLOCK) * s
    acc = tl.zeros((BLOCK,), tl.float32)
    for i in range(0, n):
        acc += tl.load(p)
        p += 1
    for i in range(n, 0, -1):
        p -= 1
        acc += tl.load(p)
    tl.store(o + tl.arange(0, BLOCK), acc)


@triton.jit
def k_running(x, n, BLOCK: tl.constexpr):
    # Each step adds the previous row, as this program has just written it, to the next one, reversed.
    c = tl.arange(0, BLOCK)
    for i in range(1, n):
        before = tl.load(x + (i - 1) * BLOCK + (BLOCK - 1 - c))
        tl.debug_barrier()
        now = tl.load(x + i * BLOCK + c)
        tl.store(x + i * BLOCK + c, now + before)


@triton.jit
def k_early(x, o, n, m, BLOCK: tl.constexpr):
    pid = tl.program_id(0)
    if pid >= n:
        return
    c = tl.arange(0, BLOCK)
    v = tl.load(x + pid * BLOCK + c)
    if pid == m:
        tl.store(o + pid * BLOCK + c, v * 2)
        return
    total = tl.sum(v)
    if total > 0:
        v = v + total
    tl.store(o + pid * BLOCK + c, v - 1)


@triton.jit
def combine_affine(a1, b1, a2, b2):
    return a1 * a2, b1 * a2 + b2


@triton.jit
def k_scan(
    x, y, o, p, q, AXIS: tl.constexpr, REVERSE: tl.constexpr, N: tl.constexpr, M: tl.constexpr
):
    at = tl.arange(0, N)[:, None] * M + tl.arange(0, M)[None, :]
    v = tl.load(x + at)
    tl.store(o + at, tl.cumsum(v, axis=AXIS, reverse=REVERSE))
    a, b = tl.associative_scan((tl.load(y + at), v), AXIS, combine_affine, reverse=REVERSE)
    tl.store(p + at, a)
    tl.store(q + at, b)


@triton.jit
def k_middle(x, o, n, N: tl.constexpr, M: tl.constexpr, K: tl.constexpr):
    a, b, c = tl.arange(0, N), tl.arange(0, M), tl.arange(0, K)
    at = (a[:, None, None] * M + b[None, :, None]) * K + c[None, None, :]
    v = tl.load(x + at, mask=at < n, other=0).to(tl.int64)
    tl.store(o + a[:, None] * K + c[None, :], tl.min(v, axis=1))


@triton.jit
def k_pointers(x, o, n, m, BLOCK: tl.constexpr):
    c = tl.arange(0, BLOCK)
    p = x + c
    q = tl.where(c < m, x + c, x + BLOCK + c)
    acc = tl.load(q)
    i = 0
    while i < n:
        acc += tl.load(p)
        if i % 2 == 0:
            p += BLOCK
        else:
            p = x + 2 * c
        i += 1
    tl.store(o + c, acc)
    s = o + BLOCK
    for k in range(n):
        tl.store(s, k)
        s += k + 1


@triton.jit
def k_backwards(x, o, n, N: tl.constexpr, M: tl.constexpr):
    at = tl.arange(0, N)[:, None] * M + tl.arange(0, M)[None, :]
    v = tl.load(x + at + 3, mask=at + 3 < n, other=1)
    tl.store(o + (N * M - 1) - at, v)
