"""Control flow, hints, messages and random numbers, each as a function of two tiles and a number."""

import triton
import triton.language as tl


@triton.jit
def static_range(x, y, n):
    for i in tl.static_range(3):
        x = tl.where(y > i, x, y)
    return x


@triton.jit
def for_(x, y, n):
    for _ in range(n % 5):
        x, y = y, x
    return x


@triton.jit
def for_down(x, y, n):
    count = 0
    for i in tl.range(n, 0, -7):
        count += i
    return tl.where(count > 100, x, y)


@triton.jit
def while_(x, y, n):
    left = n
    while left > 3:
        left //= 2
        x, y = y, x
    return x


@triton.jit
def if_(x, y, n):
    if n > 10:
        found = x
    else:
        found = y
    return found


@triton.jit
def elif_(x, y, n):
    if n < 10:
        x = y
    elif n % 2 == 0 and n > 20:
        x, y = y, x
    else:
        y = x
    return tl.where(x < y, x, y)


@triton.jit
def conditional(x, y, n):
    return x if n < 10 else y


@triton.jit
def early(x, y, n):
    if n > 10:
        return y
    return x


@triton.jit
def if_in_for(x, y, n):
    for i in range(6):
        if i * n > 100:
            x, y = y, x
    return x


@triton.jit
def assume(x, y, n):
    tl.assume(n > 0)
    return x


@triton.jit
def hints(x, y, n):
    at = tl.max_contiguous(tl.multiple_of(tl.arange(0, 32), 32), 32)
    return tl.max_constancy(at, 1)


@triton.jit
def static_assert(x, y, n):
    tl.static_assert(x.numel > 1)
    return x


@triton.jit
def barrier(x, y, n):
    tl.debug_barrier()
    return x


@triton.jit
def said(x, y, n):
    tl.device_print("n is", n)
    return x


@triton.jit
def asserted(x, y, n):
    tl.device_assert(n > 0, "n is positive")
    return x


@triton.jit(noinline=True)
def twice(n):
    return n * 2


@triton.jit
def noinline(x, y, n):
    return tl.where(twice(n) > n, x, y)


@triton.jit
def lesser(a, b):
    if a < b:
        return a
    return b


@triton.jit
def map_elementwise(x, y, n):
    return tl.map_elementwise(lesser, x, y)


@triton.jit
def tuples(x, y, n):
    pair = (x, y)
    first, second = pair
    return tl.where(pair[0] < pair[1], second, first)


@triton.jit
def programs(x, y, n):
    number = tl.program_id(0) + 10 * tl.program_id(1) + 100 * tl.program_id(2)
    return number + 1000 * (tl.num_programs(0) + tl.num_programs(1) + tl.num_programs(2))


@triton.jit
def cdiv(x, y, n):
    return tl.cdiv(n, 7)


@triton.jit
def swizzle2d(x, y, n):
    i, j = tl.swizzle2d(tl.arange(0, 8)[:, None], tl.arange(0, 4)[None, :], 8, 4, 2)
    return i * 4 + j


@triton.jit
def inline_asm(x, y, n):
    return tl.inline_asm_elementwise("mov.b32 $0, $1;", "=r,r", [x], x.dtype, True, 1)


# Random numbers: x are offsets, n is the seed.


@triton.jit
def randint(x, y, n):
    return tl.randint(n, x)


@triton.jit
def randint4x(x, y, n):
    a, b, c, d = tl.randint4x(n, x)
    return tl.join(tl.join(a, b), tl.join(c, d))


@triton.jit
def rand(x, y, n):
    return tl.rand(n, x)


@triton.jit
def rand4x(x, y, n):
    a, b, c, d = tl.rand4x(n, x)
    return tl.join(tl.join(a, b), tl.join(c, d))


@triton.jit
def randn(x, y, n):
    return tl.randn(n, x)


@triton.jit
def philox(x, y, n):
    a, b, c, d = tl.philox(n, x, x, x + 1, y)
    return tl.join(tl.join(a, b), tl.join(c, d))
