"""Special functions of `tl.extra.libdevice`, written in Triton: they become operations of the kernel's graph.

fp32 and fp64 are computed as such, fp16 and bf16 in fp32. Formulas: Abramowitz and Stegun, chapters 6, 7 and 9;
the series of runtime/libdevice_tables.py.
"""

# ruff: noqa: RET505 -- Triton compiles what follows a return in a branch, so it stands in an else.

from __future__ import annotations

import triton
from triton import language as tl

from . import libdevice_tables as tables

_ERFCX, _ERFCX_N = tables.ERFCX, tables.ERFCX_N32
_INV, _INV_N = tables.ERFINV_LOW, tables.ERFINV_LOW_N32
_J0, _J0_N, _J1, _J1_N = tables.J0, tables.J0_N32, tables.J1, tables.J1_N32
_P0, _P0_N, _Q0, _Q0_N = tables.P0, tables.P0_N32, tables.Q0, tables.Q0_N32
_P1, _P1_N, _Q1, _Q1_N = tables.P1, tables.P1_N32, tables.Q1, tables.Q1_N32
_Y0, _Y0_N, _Y1, _Y1_N = tables.Y0, tables.Y0_N32, tables.Y1, tables.Y1_N32
_I0L, _I0L_N, _I0H, _I0H_N = tables.I0_LOW, tables.I0_LOW_N32, tables.I0_HIGH, tables.I0_HIGH_N32
_I1L, _I1L_N, _I1H, _I1H_N = tables.I1_LOW, tables.I1_LOW_N32, tables.I1_HIGH, tables.I1_HIGH_N32
_LG, _LG_N, _ST, _ST_N = tables.LGAMMA, tables.LGAMMA_N32, tables.STIRLING, tables.STIRLING_N32

_PI = tl.constexpr(3.141592653589793)
_HALF_LOG_2PI = tl.constexpr(0.9189385332046727)
_TWO_OVER_PI = tl.constexpr(0.6366197723675814)
_ROOT_HALF = tl.constexpr(0.7071067811865476)
_HALF_ROOT_PI = tl.constexpr(0.886226925452758)


@triton.jit
def _wide(x):
    tl.static_assert(x.dtype.is_floating(), "libdevice functions of floats")
    return x if x.dtype == tl.float64 else x.to(tl.float32)


@triton.jit
def _sum(u, TABLE: tl.constexpr, N32: tl.constexpr):
    """Clenshaw's sum of a Chebyshev series at u, -1 to 1."""
    N: tl.constexpr = TABLE.__len__() if u.dtype == tl.float64 else N32
    later = u * 0.0  # u is finite
    now = later
    for k in tl.static_range(N - 1, 0, -1):
        before = 2.0 * u * now - later + TABLE[k]
        later = now
        now = before
    return u * now - later + TABLE[0]


@triton.jit
def _erfcx(x):
    """exp(x²) erfc(x) for x >= 0."""
    t = 2.0 / (2.0 + x)
    return t * _sum(2.0 * t - 1.0, _ERFCX, _ERFCX_N)


@triton.jit
def _square(x):
    """x² as a sum of two numbers, the first of which is exact."""
    if x.dtype == tl.float64:
        high = (x.to(tl.int64, bitcast=True) & -134217728).to(tl.float64, bitcast=True)
    else:
        high = (x.to(tl.int32, bitcast=True) & -4096).to(tl.float32, bitcast=True)
    return high * high, (x - high) * (x + high)


@triton.jit
def erfcx(x):
    w = _wide(x)
    a = tl.abs(w)
    high, low = _square(tl.minimum(a, 30.0))
    right = _erfcx(a)
    left = 2.0 * tl.exp(high) * tl.exp(low) - right
    left = tl.where(a > 30.0, float("inf"), left)
    return tl.where(w >= 0, tl.where(a == float("inf"), 0.0, right), tl.where(w < 0, left, w)).to(
        x.dtype
    )


@triton.jit
def _erfc(w, rest):
    """Of w + rest, where rest is below the rounding of w."""
    a = tl.minimum(tl.abs(w), 30.0)
    high, low = _square(a)
    low += tl.where(w < 0, -2.0, 2.0) * a * rest
    right = _erfcx(a) * tl.exp(-low) * tl.exp(-high)
    return tl.where(w >= 0, right, tl.where(w < 0, 2.0 - right, w))


@triton.jit
def erfc(x):
    return _erfc(_wide(x), 0.0).to(x.dtype)


@triton.jit
def normcdf(x):
    w = _wide(x)
    w = tl.where(tl.abs(w) > 50.0, tl.where(w > 0, 50.0, -50.0), w)
    scaled = w * -_ROOT_HALF
    LOST: tl.constexpr = 4.8336466567264565e-17 if w.dtype == tl.float64 else -1.2101617e-08
    rest = tl.fma(w, scaled * 0.0 - _ROOT_HALF, -scaled) + w * LOST
    return (0.5 * _erfc(scaled, rest)).to(x.dtype)


@triton.jit
def _tail_inverse(s):
    """The y with erfc(y) = exp(-s²), y > 0, by Newton's rule on logarithms."""
    y = tl.sqrt(tl.maximum(s * s - tl.log(1.0 + 1.7 * s), 0.01))
    STEPS: tl.constexpr = 6 if s.dtype == tl.float64 else 4
    for _ in tl.static_range(STEPS):
        scaled = _erfcx(y)
        y += (tl.log(scaled) - y * y + s * s) * scaled * _HALF_ROOT_PI
    return y


@triton.jit
def _log1p(x):
    """log(1 + x) for -1 <= x <= 0."""
    u = 1.0 + x
    return tl.where(u == 1.0, x, tl.where(u == 0, float("-inf"), tl.log(u) * (x / (u - 1.0))))


@triton.jit
def _erfinv(w):
    a = tl.abs(w)
    level = -(_log1p(-a) + tl.log(1.0 + a))
    near = w * _sum(tl.minimum(level, 6.0) / 3.0 - 1.0, _INV, _INV_N)
    far = _tail_inverse(tl.sqrt(tl.where((a < 1) & (level > 5.0), -_log1p(-a), 5.0)))
    far = tl.where(w < 0, -far, far)
    found = tl.where(level > 6.0, far, near)
    return tl.where(a == 1, w * float("inf"), tl.where(a > 1, float("nan"), found))


@triton.jit
def erfinv(x):
    return _erfinv(_wide(x)).to(x.dtype)


@triton.jit
def _erfcinv(w):
    small = tl.where(w > 1.0, 2.0 - w, w)
    inside = (small > 0) & (small < 0.01)
    far = _tail_inverse(tl.sqrt(-tl.log(tl.where(inside, small, 0.005))))
    found = tl.where(inside, tl.where(w > 1.0, -far, far), _erfinv(1.0 - w))
    found = tl.where(w == 0, float("inf"), tl.where(w == 2.0, float("-inf"), found))
    return tl.where((w >= 0) & (w <= 2.0), found, float("nan"))


@triton.jit
def erfcinv(x):
    return _erfcinv(_wide(x)).to(x.dtype)


@triton.jit
def normcdfinv(x):
    return (-1.4142135623730951 * _erfcinv(2.0 * _wide(x))).to(x.dtype)


@triton.jit
def _lgamma_right(a):
    """log gamma for a >= 1/2."""
    middle = tl.minimum(a, 3.0)
    near = (middle - 1.0) * (middle - 2.0) * _sum((middle - 1.75) / 1.25, _LG, _LG_N)
    large = tl.maximum(a, 3.0)
    v = 3.0 / large
    far = (large - 0.5) * (tl.log(large) - 1.0) + (_HALF_LOG_2PI - 0.5)
    far += _sum(2.0 * v * v - 1.0, _ST, _ST_N) / large
    return tl.where(a <= 3.0, near, tl.where(a == float("inf"), a, far))


@triton.jit
def _sin_pi(x):
    """sin(πx), exact in where its zeros are."""
    r = x - 2.0 * tl.floor(0.5 * x + 0.5)
    size = tl.abs(r)
    size = tl.where(size > 0.5, 1.0 - size, size)
    found = tl.sin(_PI * size)
    return tl.where(r < 0, -found, found)


@triton.jit
def lgamma(x):
    w = _wide(x)
    mirrored = w < 0.5
    right = _lgamma_right(tl.where(mirrored, 1.0 - w, w))
    wave = tl.abs(_sin_pi(w))
    left = tl.log(_PI / wave) - right
    left = tl.where((wave == 0) | (w == float("-inf")), float("inf"), left)
    return tl.where(w != w, w, tl.where(mirrored, left, right)).to(x.dtype)


@triton.jit
def _gamma_right(a):
    """gamma for a >= 1/2. fp32: the recurrence down to 1/2 to 3; fp64: up to Stirling's formula beyond 16."""
    if a.dtype == tl.float32:
        product = a * 0.0 + 1.0
        for _ in range(33):
            high = a > 3.0
            a = tl.where(high, a - 1.0, a)
            product = tl.where(high, product * a, product)
        return product * tl.exp(_lgamma_right(a))
    return _gamma_wide(a)


@triton.jit
def _gamma_wide(a):
    shifted = a
    product = a * 0.0 + 1.0
    for _ in tl.static_range(16):
        low = shifted < 16.0
        product = tl.where(low, product * shifted, product)
        shifted = tl.where(low, shifted + 1.0, shifted)
    v = 3.0 / shifted
    high, low_part = _log_parts(shifted)
    power = _exp_product(shifted - 0.5, high, low_part, shifted)
    rest = tl.exp(_sum(2.0 * v * v - 1.0, _ST, _ST_N) / shifted)
    return power * rest * 2.5066282746310002 / product


@triton.jit
def _log_parts(x):
    """log(x) in two parts: k log 2 with short bits, and the rest."""
    k = tl.floor(tl.log2(x))
    m = x / tl.exp2(k)
    return k, tl.log(m)


@triton.jit
def _exp_product(p, k, rest, x):
    """exp(p (k log 2 + rest) - x), without the rounding of the large product."""
    t = p * k
    n = tl.floor(t + 0.5)
    fraction = (t - n) * 0.6931471805599453
    other = p * rest - x
    extra = tl.floor(other * 1.4426950408889634 + 0.5)
    left = (other - extra * 0.693359375) + extra * 2.1219444005469057e-4
    total = n + extra
    half = tl.floor(0.5 * total)
    scale = tl.exp2(half)
    return tl.exp(fraction + left) * scale * tl.exp2(total - half)


@triton.jit
def tgamma(x):
    w = _wide(x)
    mirrored = w < 0.5
    a = tl.where(mirrored, 1.0 - w, w)
    LIMIT: tl.constexpr = 172.0 if w.dtype == tl.float64 else 36.0
    right = tl.where(a > LIMIT, float("inf"), _gamma_right(tl.minimum(a, LIMIT)))
    wave = _sin_pi(w)
    left = _PI / (wave * right)
    left = tl.where(
        w == 0, 1.0 / w, tl.where((wave == 0) | (w == float("-inf")), float("nan"), left)
    )
    found = tl.where(mirrored, left, tl.where(w == float("inf"), w, right))
    return tl.where(w != w, w, found).to(x.dtype)


@triton.jit
def _amplitude(a):
    return tl.sqrt(_TWO_OVER_PI / a)


@triton.jit
def _waves(a):
    """cos and sin of a - π/4."""
    c, s = tl.cos(a), tl.sin(a)
    return (c + s) * _ROOT_HALF, (s - c) * _ROOT_HALF


@triton.jit
def _split(a):
    """For x in 0 to 8: the argument of the series; beyond: x, 8/x and the argument of theirs."""
    low = tl.minimum(a, 8.0)
    high = tl.where(a == float("inf"), 8.0, tl.maximum(a, 8.0))
    t = 8.0 / high
    return low, low * low / 32.0 - 1.0, high, t, 2.0 * t * t - 1.0


@triton.jit
def _j0(a):
    low, u, high, t, v = _split(a)
    c, s = _waves(high)
    far = _amplitude(high) * (_sum(v, _P0, _P0_N) * c - t * _sum(v, _Q0, _Q0_N) * s)
    far = tl.where(a == float("inf"), 0.0, far)
    return tl.where(a < 8.0, _sum(u, _J0, _J0_N), tl.where(a >= 8.0, far, a))


@triton.jit
def _j1(a):
    """J1 of a >= 0: cos(x - 3π/4) is sin(x - π/4), and sin(x - 3π/4) is -cos(x - π/4)."""
    low, u, high, t, v = _split(a)
    c, s = _waves(high)
    far = _amplitude(high) * (_sum(v, _P1, _P1_N) * s + t * _sum(v, _Q1, _Q1_N) * c)
    far = tl.where(a == float("inf"), 0.0, far)
    return tl.where(a < 8.0, low * _sum(u, _J1, _J1_N), tl.where(a >= 8.0, far, a))


@triton.jit
def _y0(w):
    low, u, high, t, v = _split(w)
    near = _sum(u, _Y0, _Y0_N) + _TWO_OVER_PI * tl.log(0.5 * low) * _sum(u, _J0, _J0_N)
    c, s = _waves(high)
    far = _amplitude(high) * (_sum(v, _P0, _P0_N) * s + t * _sum(v, _Q0, _Q0_N) * c)
    far = tl.where(w == float("inf"), 0.0, far)
    found = tl.where(w < 8.0, near, tl.where(w >= 8.0, far, w))
    return tl.where(w == 0, float("-inf"), tl.where(w < 0, float("nan"), found))


@triton.jit
def _y1(w):
    low, u, high, t, v = _split(w)
    logs = tl.log(0.5 * low) * low * _sum(u, _J1, _J1_N) - 1.0 / low
    near = low * _sum(u, _Y1, _Y1_N) + _TWO_OVER_PI * logs
    c, s = _waves(high)
    far = _amplitude(high) * (t * _sum(v, _Q1, _Q1_N) * s - _sum(v, _P1, _P1_N) * c)
    far = tl.where(w == float("inf"), 0.0, far)
    found = tl.where(w < 8.0, near, tl.where(w >= 8.0, far, w))
    return tl.where(w == 0, float("-inf"), tl.where(w < 0, float("nan"), found))


@triton.jit
def j0(x):
    return _j0(tl.abs(_wide(x))).to(x.dtype)


@triton.jit
def j1(x):
    w = _wide(x)
    found = _j1(tl.abs(w))
    return tl.where(w < 0, -found, found).to(x.dtype)


@triton.jit
def y0(x):
    return _y0(_wide(x)).to(x.dtype)


@triton.jit
def y1(x):
    return _y1(_wide(x)).to(x.dtype)


@triton.jit
def _largest(n):
    return tl.max(tl.reshape(n, [n.numel]), axis=0) if n.type.is_block() else n


@triton.jit
def yn(n, x):
    """Upwards from Y0 and Y1. NaN for a negative order, as in CUDA."""
    w = _wide(x)
    n, w = tl.broadcast(n, w)
    before, now = _y0(w), _y1(w)
    found = tl.where(n == 0, before, now)
    for k in range(1, _largest(n)):
        later = 2.0 * k / w * now - before
        later = tl.where(now == float("-inf"), now, later)
        before = now
        now = later
        found = tl.where(n == k + 1, now, found)
    found = tl.where(w == float("inf"), 0.0, tl.where(w == 0, float("-inf"), found))
    return tl.where((n < 0) | (w < 0), float("nan"), found).to(x.dtype)


@triton.jit
def jn(n, x):
    """Upwards from J0 and J1 where the order is below x, else downwards (Miller's rule)."""
    w = _wide(x)
    n, w = tl.broadcast(n, w)
    a = tl.abs(w)
    before, now = _j0(a), _j1(a)
    upwards = tl.where(n == 0, before, now)
    top = tl.maximum(_largest(n), 1)
    for k in range(1, top):
        later = 2.0 * k / tl.maximum(a, 1.0) * now - before
        before = now
        now = later
        upwards = tl.where(n == k + 1, now, upwards)
    b = tl.where((a > 0) & (a < n), a, 1.0)
    EXTRA: tl.constexpr = 60 if w.dtype == tl.float64 else 30
    start = (top + EXTRA) // 2 * 2
    above = b * 0.0
    here = above + 1e-30
    even = above
    wanted = above
    for down in range(0, start):
        k = start - down
        below = 2.0 * k / b * here - above
        above = here
        here = below
        wanted = tl.where(n == k - 1, here, wanted)
        even = tl.where((k - 1) % 2 == 0, even + here, even)
        large = tl.abs(here) > 1e15
        here = tl.where(large, here * 1e-15, here)
        above = tl.where(large, above * 1e-15, above)
        even = tl.where(large, even * 1e-15, even)
        wanted = tl.where(large, wanted * 1e-15, wanted)
    downwards = wanted / (2.0 * even - here)
    found = tl.where((n <= 1) | (a >= n), upwards, tl.where(a == 0, 0.0, downwards))
    found = tl.where((w < 0) & (n % 2 != 0), -found, found)
    return tl.where(n < 0, float("nan"), found).to(x.dtype)


@triton.jit
def _grown(a, value):
    """value exp(a), where exp(a) alone may be too large."""
    half = tl.exp(0.5 * tl.minimum(a, 2000.0))
    return tl.where(a != a, a, value * half * half)


@triton.jit
def cyl_bessel_i0(x):
    a = tl.abs(_wide(x))
    low, high = tl.minimum(a, 8.0), tl.maximum(a, 8.0)
    near = _sum(low * 0.25 - 1.0, _I0L, _I0L_N)
    far = _sum(16.0 / high - 1.0, _I0H, _I0H_N) / tl.sqrt(high)
    return tl.where(a == float("inf"), a, _grown(a, tl.where(a <= 8.0, near, far))).to(x.dtype)


@triton.jit
def cyl_bessel_i1(x):
    w = _wide(x)
    a = tl.abs(w)
    low, high = tl.minimum(a, 8.0), tl.maximum(a, 8.0)
    near = low * _sum(low * 0.25 - 1.0, _I1L, _I1L_N)
    far = _sum(16.0 / high - 1.0, _I1H, _I1H_N) / tl.sqrt(high)
    found = tl.where(a == float("inf"), a, _grown(a, tl.where(a <= 8.0, near, far)))
    return tl.where(w < 0, -found, found).to(x.dtype)
