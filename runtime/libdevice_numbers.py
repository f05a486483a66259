"""Functions of `tl.extra.libdevice` on bits, integers and single floats, written in Triton.

Meanings: CUDA's libdevice user guide. Conversions round as their suffix says (rn: to nearest even, rz: to zero,
rd: down, ru: up); sums, products and quotients exist in rn alone, which is how every target computes.
"""

# ruff: noqa: RET505 -- Triton compiles what follows a return in a branch, so it stands in an else.

from __future__ import annotations

import triton
from triton import language as tl

from .libdevice_special import _sin_pi, _wide


@triton.jit
def _zero(x):
    return tl.minimum(tl.abs(x), 0.0)


@triton.jit
def popc(x):
    if x.dtype.primitive_bitwidth == 64:
        u = x.to(tl.uint64, bitcast=True)
        low = (u & 0xFFFFFFFF).to(tl.uint32)
        return _popc(low) + _popc((u >> 32).to(tl.uint32))
    else:
        return _popc(x.to(tl.uint32, bitcast=True))


@triton.jit
def _popc(u):
    u = u - ((u >> 1) & 0x55555555)
    u = (u & 0x33333333) + ((u >> 2) & 0x33333333)
    u = (u + (u >> 4)) & 0x0F0F0F0F
    return ((u * 0x01010101) >> 24).to(tl.int32)


@triton.jit
def _bits(x):
    """The same bits, unsigned."""
    return x.to(tl.uint64 if x.dtype.primitive_bitwidth == 64 else tl.uint32, bitcast=True)


@triton.jit
def clz(x):
    u = _bits(x)
    WIDTH: tl.constexpr = x.dtype.primitive_bitwidth
    u |= u >> 1
    u |= u >> 2
    u |= u >> 4
    u |= u >> 8
    u |= u >> 16
    if WIDTH == 64:
        u |= u >> 32
    return WIDTH - popc(u)


@triton.jit
def ffs(x):
    u = _bits(x)
    return tl.where(x == 0, 0, popc(u ^ (u - 1)))


@triton.jit
def brev(x):
    if x.dtype.primitive_bitwidth == 64:
        u = x.to(tl.uint64, bitcast=True)
        low = _brev((u & 0xFFFFFFFF).to(tl.uint32)).to(tl.uint64)
        high = _brev((u >> 32).to(tl.uint32)).to(tl.uint64)
        return ((low << 32) | high).to(x.dtype, bitcast=True)
    else:
        return _brev(x.to(tl.uint32, bitcast=True)).to(x.dtype, bitcast=True)


@triton.jit
def _brev(u):
    u = ((u >> 1) & 0x55555555) | ((u & 0x55555555) << 1)
    u = ((u >> 2) & 0x33333333) | ((u & 0x33333333) << 2)
    u = ((u >> 4) & 0x0F0F0F0F) | ((u & 0x0F0F0F0F) << 4)
    u = ((u >> 8) & 0x00FF00FF) | ((u & 0x00FF00FF) << 8)
    return (u >> 16) | (u << 16)


@triton.jit
def byte_perm(x, y, s):
    both = (y.to(tl.uint32, bitcast=True).to(tl.uint64) << 32) | x.to(tl.uint32, bitcast=True).to(
        tl.uint64
    )
    selector = s.to(tl.uint32, bitcast=True)
    found = (both & 0).to(tl.uint32)
    for k in tl.static_range(4):
        at = ((selector >> (4 * k)) & 7).to(tl.uint64)
        found |= ((both >> (8 * at)) & 0xFF).to(tl.uint32) << (8 * k)
    return found.to(x.dtype, bitcast=True)


@triton.jit
def mulhi(x, y):
    u, v = _bits(x), _bits(y)
    high = tl.umulhi(u, v)
    if x.dtype.is_int_signed():
        high -= tl.where(x < 0, v, 0)
        high -= tl.where(y < 0, u, 0)
    return high.to(x.dtype, bitcast=True)


@triton.jit
def mul24(x, y):
    if x.dtype.is_int_signed():
        return ((x << 8) >> 8) * ((y << 8) >> 8)
    else:
        return (x & 0xFFFFFF) * (y & 0xFFFFFF)


@triton.jit
def sad(x, y, z):
    """|x - y| + z."""
    difference = tl.where(x > y, x - y, y - x)
    return difference.to(tl.uint32, bitcast=True) + z.to(tl.uint32, bitcast=True)


@triton.jit
def hadd(x, y):
    """(x + y) / 2, rounded down, without overflow."""
    return (x & y) + ((x ^ y) >> 1)


@triton.jit
def rhadd(x, y):
    """(x + y + 1) / 2, rounded down, without overflow."""
    return (x | y) - ((x ^ y) >> 1)


@triton.jit
def float_as_int(x):
    return x.to(tl.int32, bitcast=True)


@triton.jit
def float_as_uint(x):
    return x.to(tl.uint32, bitcast=True)


@triton.jit
def int_as_float(x):
    return x.to(tl.float32, bitcast=True)


uint_as_float = int_as_float


@triton.jit
def double_as_longlong(x):
    return x.to(tl.int64, bitcast=True)


@triton.jit
def longlong_as_double(x):
    return x.to(tl.float64, bitcast=True)


@triton.jit
def hiloint2double(high, low):
    bits = (high.to(tl.uint32, bitcast=True).to(tl.uint64) << 32) | low.to(
        tl.uint32, bitcast=True
    ).to(tl.uint64)
    return bits.to(tl.float64, bitcast=True)


@triton.jit
def double2hiint(x):
    return (x.to(tl.int64, bitcast=True) >> 32).to(tl.int32)


@triton.jit
def double2loint(x):
    return x.to(tl.int64, bitcast=True).to(tl.int32)


@triton.jit
def signbit(x):
    if x.dtype == tl.float64:
        return (x.to(tl.int64, bitcast=True) < 0).to(tl.int32)
    else:
        return (_wide(x).to(tl.int32, bitcast=True) < 0).to(tl.int32)


@triton.jit
def _integer_of(x):
    return x.to(tl.int64 if x.dtype == tl.float64 else tl.int32, bitcast=True)


@triton.jit
def nextafter(x, y):
    tl.static_assert(x.dtype.primitive_bitwidth >= 32, "nextafter of fp32 or fp64")
    bits = _integer_of(x)
    away = (y > x) == (x > 0)
    moved = (bits + tl.where(away, 1, -1)).to(x.dtype, bitcast=True)
    least = (bits * 0 + 1).to(x.dtype, bitcast=True)
    moved = tl.where(x == 0, tl.where(y < 0, -least, least), moved)
    return tl.where(x == y, y, tl.where((x != x) | (y != y), x + y, moved))


@triton.jit
def _exponent(w):
    """Of w = m 2^e with 1 <= |m| < 2."""
    DOUBLE: tl.constexpr = w.dtype == tl.float64
    FRACTION: tl.constexpr = 52 if DOUBLE else 23
    BIAS: tl.constexpr = 1023 if DOUBLE else 127
    bits = _integer_of(tl.abs(w))
    # Denormals: the place of their highest bit.
    return tl.where((bits >> FRACTION) == 0, 1 - BIAS - FRACTION + (63 if DOUBLE else 31) - clz(bits),
                    (bits >> FRACTION) - BIAS).to(tl.int32)  # fmt: skip


@triton.jit
def ilogb(x):
    w = _wide(x)
    special = tl.where(tl.abs(w) == float("inf"), 2147483647, -2147483648)
    return tl.where((w == 0) | (tl.abs(w) == float("inf")) | (w != w), special, _exponent(w))


@triton.jit
def logb(x):
    w = _wide(x)
    found = tl.where(w == 0, float("-inf"), _exponent(w).to(w.dtype))
    return tl.where(w != w, w, tl.where(tl.abs(w) == float("inf"), float("inf"), found)).to(x.dtype)


@triton.jit
def _power_of_two(n, like):
    """2^n for a normal number."""
    if like.dtype == tl.float64:
        return ((n.to(tl.int64) + 1023) << 52).to(tl.float64, bitcast=True)
    else:
        return ((n + 127) << 23).to(tl.float32, bitcast=True)


@triton.jit
def ldexp(x, n):
    """x 2^n, rounded once: the last step is the only one that may leave the normal numbers."""
    w = _wide(x)
    DOUBLE: tl.constexpr = w.dtype == tl.float64
    TOP: tl.constexpr = 1023 if DOUBLE else 127
    DOWN: tl.constexpr = 969 if DOUBLE else 102  # |w| 2^-DOWN keeps all bits where more is to come
    left = tl.minimum(tl.maximum(n, -4 * TOP), 4 * TOP)
    for _ in tl.static_range(2):
        up, down = left > TOP, left < 1 - TOP
        step = tl.where(up, TOP, tl.where(down, -DOWN, 0))
        w *= _power_of_two(step, w)
        left -= step
    return (w * _power_of_two(tl.minimum(tl.maximum(left, 1 - TOP), TOP), w)).to(x.dtype)


@triton.jit
def scalbn(x, n):
    return ldexp(x, n)


@triton.jit
def fdim(x, y):
    return tl.where(x <= y, _zero(x), x - y)


@triton.jit
def remainder(x, y):
    """IEEE 754's: x - n y, n the integer nearest to x / y, even where two are as near."""
    a, b = _wide(x), tl.abs(_wide(y))
    HUGE: tl.constexpr = 8.0e307 if a.dtype == tl.float64 else 1.0e38
    small = tl.abs(a) % tl.where(b < HUGE, b + b, b)
    SAFE: tl.constexpr = 1e-300 if a.dtype == tl.float64 else 1e-37
    for second in tl.static_range(2):
        # Doubling is exact; halving is not where it makes a denormal.
        twice = small + small
        over = tl.where(b < SAFE, twice - b, small - 0.5 * b)
        past = (over >= 0) if second else (over > 0)
        small = tl.where(past, small - b, small)
        if not second:
            first = past
        else:
            small = tl.where(past & (first == 0), small + b, small)
    found = tl.where(a < 0, -small, small)
    found = tl.where((b == float("inf")) & (tl.abs(a) < float("inf")), a, found)
    return tl.where(
        (b == 0) | (tl.abs(a) == float("inf")) | (a != a) | (b != b), float("nan"), found
    ).to(x.dtype)


@triton.jit
def fma(x, y, z):
    return tl.fma(x, y, z)


fma_rn = fma


@triton.jit
def mul_rn(x, y):
    """A product that stays one, whatever is added to it."""
    return tl.fma(x, y, -_zero(x))


@triton.jit
def add_rn(x, y):
    return x + y


@triton.jit
def sub_rn(x, y):
    return x - y


@triton.jit
def rcp_rn(x):
    return tl.div_rn(_zero(x) + 1.0, x) if x.dtype == tl.float32 else 1.0 / x


@triton.jit
def saturatef(x):
    return tl.where(x > 0, tl.minimum(x, 1.0), _zero(x))


@triton.jit
def sinpi(x):
    w = _wide(x)
    return tl.where(tl.abs(w) == float("inf"), float("nan"), _sin_pi(w)).to(x.dtype)


@triton.jit
def cospi(x):
    a = tl.abs(_wide(x))
    r = a - 2.0 * tl.floor(0.5 * a)  # 0 to 2
    r = tl.where(r > 1.0, 2.0 - r, r)  # 0 to 1
    found = tl.where(r > 0.25, tl.sin(3.141592653589793 * (0.5 - r)), tl.cos(3.141592653589793 * r))
    found = tl.where(r > 0.75, -tl.cos(3.141592653589793 * (1.0 - r)), found)
    return tl.where(a == float("inf"), float("nan"), found).to(x.dtype)


@triton.jit
def _norm(a, b, c, d):
    """√(a² + b² + c² + d²) of sizes, scaled by the largest so that no square leaves the range."""
    top = tl.maximum(tl.maximum(a, b), tl.maximum(c, d))
    inside = (top > 0) & (top < float("inf"))
    by = tl.where(inside, top, 1.0)
    a, b, c, d = a / by, b / by, c / by, d / by
    found = by * tl.sqrt(a * a + b * b + c * c + d * d)
    return tl.where(top == float("inf"), top, tl.where(top == 0, top, found))


@triton.jit
def norm4d(x, y, z, t):
    a, b, c, d = tl.abs(_wide(x)), tl.abs(_wide(y)), tl.abs(_wide(z)), tl.abs(_wide(t))
    found = _norm(a, b, c, d)
    infinite = (a == float("inf")) | (b == float("inf")) | (c == float("inf")) | (d == float("inf"))
    wrong = (a != a) | (b != b) | (c != c) | (d != d)
    return tl.where(infinite, float("inf"), tl.where(wrong, float("nan"), found)).to(x.dtype)


@triton.jit
def norm3d(x, y, z):
    return norm4d(x, y, z, _zero(x))


@triton.jit
def hypot(x, y):
    return norm4d(x, y, _zero(x), _zero(x))


@triton.jit
def rnorm4d(x, y, z, t):
    return (1.0 / _wide(norm4d(x, y, z, t))).to(x.dtype)


@triton.jit
def rnorm3d(x, y, z):
    return (1.0 / _wide(norm3d(x, y, z))).to(x.dtype)


@triton.jit
def rhypot(x, y):
    return (1.0 / _wide(hypot(x, y))).to(x.dtype)


@triton.jit
def _cbrt(w):
    a = tl.abs(w)
    plain = (a > 0) & (a < float("inf"))
    b = tl.where(plain, a, 1.0)
    t = tl.exp2(tl.log2(b) / 3.0)
    STEPS: tl.constexpr = 2
    for _ in tl.static_range(STEPS):
        t -= (t - b / (t * t)) / 3.0
    return tl.where(plain, tl.where(w < 0, -t, t), w)


@triton.jit
def cbrt(x):
    return _cbrt(_wide(x)).to(x.dtype)


@triton.jit
def rcbrt(x):
    return (1.0 / _cbrt(_wide(x))).to(x.dtype)
