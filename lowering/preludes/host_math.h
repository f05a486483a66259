// Metal's math for the host. The common float functions are branch-free, so loops over them become
// vector code; rare ones call the C library. Measured error in units of the last place (ulp), over
// all floats: exp exp2 exp10 log log2 log10 erf tanh sin cos <= 2 (tests/host/test_prelude.py).
// Denormal inputs and results are kept.
// half and bfloat compute in float.
#ifndef TRITON_MLX_HOST_MATH_H
#define TRITON_MLX_HOST_MATH_H

namespace host_detail {

using metal::enable_if_t;
using metal::is_integral_v;

// a * b + c for polynomials: fused where the machine does that, never a library call.
METAL_FUNC float mad(float a, float b, float c) {
#if defined(__FMA__) || defined(__aarch64__)
  return __builtin_fmaf(a, b, c);
#else
  return a * b + c;
#endif
}

// Two factors, because 2^n itself may be no normal number; n in [-252, 254].
METAL_FUNC float scale_by_power_of_two(float x, int n) {
  const int half_n = n >> 1;
  const float first = as_type<float>(uint(half_n + 127) << 23);
  return x * first * as_type<float>(uint(n - half_n + 127) << 23);
}

// The nearest integer of |x| < 2^22, as a float and as an int: adding 1.5 * 2^23 drops the fraction.
struct Nearest {
  float value;
  int integer;
};
METAL_FUNC Nearest nearest(float x) {
  const float shifted = x + 12582912.0f;
  return {shifted - 12582912.0f, int(as_type<uint>(shifted) - 0x4B400000u)};
}

// Keeps NaN, unlike metal::clamp.
METAL_FUNC float bound(float x, float low, float high) {
  const float y = x < low ? low : x;
  return y > high ? high : y;
}

// e^r for |r| <= ln(2) / 2.
METAL_FUNC float exp_core(float r) {
  float p = mad(1.37805939e-3f, r, 8.37312452e-3f);
  p = mad(p, r, 4.16695364e-2f);
  p = mad(p, r, 1.66664720e-1f);
  p = mad(p, r, 4.99999851e-1f);
  p = mad(p, r, 1.0f);
  return mad(p, r, 1.0f);
}

METAL_FUNC float exp_float(float x) {
  x = bound(x, -104.5f, 89.0f);
  const Nearest n = nearest(x * 1.442695041f);
  const float r = mad(n.value, -1.42860677e-6f, mad(n.value, -0.693145752f, x));
  return scale_by_power_of_two(exp_core(r), n.integer);
}

METAL_FUNC float exp2_float(float x) {
  x = bound(x, -151.0f, 129.0f);
  const Nearest n = nearest(x);
  const float r = x - n.value;
  float p = mad(1.53720379e-4f, r, 1.33903872e-3f);
  p = mad(p, r, 9.61817801e-3f);
  p = mad(p, r, 5.55036031e-2f);
  p = mad(p, r, 2.40226507e-1f);
  p = mad(p, r, 6.93147182e-1f);
  return scale_by_power_of_two(mad(p, r, 1.0f), n.integer);
}

METAL_FUNC float exp10_float(float x) {
  x = bound(x, -45.5f, 39.0f);
  const Nearest n = nearest(x * 3.321928095f);
  const float r = mad(n.value, -4.605039067e-6f, mad(n.value, -0.3010253906f, x));
  return scale_by_power_of_two(exp_core(r * 2.302585093f), n.integer);
}

// x = 2^exponent * (1 + m), m in [-1/3, 1/3); ln(1 + m) = m + tail.
struct LogParts {
  float exponent, m, tail;
};
METAL_FUNC LogParts log_parts(float x) {
  const bool tiny = x < 0x1p-126f;
  const uint bits = as_type<uint>(tiny ? x * 0x1p23f : x);
  const int e = int(bits - 0x3F2AAAABu) >> 23;
  const float m = as_type<float>(bits - (uint(e) << 23)) - 1.0f;
  float p = mad(-0.129488334f, m, 0.140047625f);
  p = mad(p, m, -0.121671855f);
  p = mad(p, m, 0.140011594f);
  p = mad(p, m, -0.166823030f);
  p = mad(p, m, 0.200107470f);
  p = mad(p, m, -0.249997169f);
  p = mad(p, m, 0.333332092f);
  p = mad(p, m, -0.5f);
  return {float(e) - (tiny ? 23.0f : 0.0f), m, p * (m * m)};
}

// Zero, negative numbers, infinity and NaN.
METAL_FUNC float log_special(float x, float y) {
  y = x < INFINITY ? y : x;
  y = x == 0.0f ? -INFINITY : y;
  return x < 0.0f ? NAN : y;
}

METAL_FUNC float log_float(float x) {
  const LogParts l = log_parts(x);
  return log_special(x, mad(l.exponent, 0.693147182f, l.m + l.tail));
}

METAL_FUNC float log2_float(float x) {
  const LogParts l = log_parts(x);
  const float low = mad(l.m, 1.925963034e-8f, l.tail * 1.442695022f);
  return log_special(x, l.exponent + mad(l.m, 1.442695022f, low));
}

METAL_FUNC float log10_float(float x) {
  const LogParts l = log_parts(x);
  const float low = mad(l.exponent, 4.605039067e-6f, mad(l.m, -1.010304995e-8f, l.tail * 0.434294492f));
  return log_special(x, mad(l.exponent, 0.3010253906f, mad(l.m, 0.434294492f, low)));
}

// x = quadrant * pi / 2 + r. Doubles, with pi / 2 in three parts of 33 bits: no digits lost.
struct Angle {
  float r;
  uint quadrant;
};
// x * 2/pi modulo 4, of any float: 2/pi in pieces of 28 bits, whose products with 24 bits are exact, and
// whose multiples of 4 are dropped one by one (M. Payne and R. Hanek, SIGNUM Newsletter 18, 1983).
METAL_FUNC double quarter_turns(double x) {
  constexpr double pieces[6] = {0x1.45f306c000000p-1,  0x1.c9c882a000000p-29, 0x1.4fe13a8000000p-59,
                                0x1.f47d4d0000000p-86, 0x1.bb81b6c000000p-113, 0x1.4acc9e0000000p-143};
  double turns = 0.0;
#pragma GCC unroll 6
  for (int k = 0; k < 6; ++k) {
    const double product = x * pieces[k];
    turns += product - 4.0 * __builtin_rint(0.25 * product);
  }
  return turns;
}
METAL_FUNC Angle reduce_angle(float x) {
  const bool far = __builtin_fabsf(x) > 1e6f;
  const double turns = far ? quarter_turns(double(x)) : double(x) * 0.63661977236758134308;
  const double shifted = turns + 6755399441055744.0;
  const double n = shifted - 6755399441055744.0;
  if (far) return {float((turns - n) * 1.57079632679489661923), uint(as_type<ulong>(shifted))};
  double r = double(x) - n * 1.57079632673412561417e+00;
  r = r - n * 6.07710050630396597660e-11;
  r = r - n * 2.02226624879595063154e-21;
  return {float(r), uint(as_type<ulong>(shifted))};
}

// sin and cos of |r| <= pi / 4.
METAL_FUNC float sin_core(float r) {
  const float s = r * r;
  float p = mad(2.86567956e-6f, s, -1.98559923e-4f);
  p = mad(p, s, 8.33338592e-3f);
  p = mad(p, s, -1.66666672e-1f);
  return mad(p, r * s, r);
}
METAL_FUNC float cos_core(float r) {
  const float s = r * r;
  float p = mad(2.44677067e-5f, s, -1.38877297e-3f);
  p = mad(p, s, 4.16666567e-2f);
  p = mad(p, s, -0.5f);
  return mad(p, s, 1.0f);
}

METAL_FUNC float sin_in_quadrant(float r, uint quadrant) {
  const float sine = sin_core(r), cosine = cos_core(r);
  const uint bits = (quadrant & 1u) != 0u ? as_type<uint>(cosine) : as_type<uint>(sine);
  return as_type<float>(bits ^ ((quadrant & 2u) << 30));
}

METAL_FUNC float sin_float(float x) {
  const Angle a = reduce_angle(x);
  return sin_in_quadrant(a.r, a.quadrant);
}
METAL_FUNC float cos_float(float x) {
  const Angle a = reduce_angle(x);
  return sin_in_quadrant(a.r, a.quadrant + 1u);
}
METAL_FUNC float tan_float(float x) {
  const Angle a = reduce_angle(x);
  return sin_in_quadrant(a.r, a.quadrant) / sin_in_quadrant(a.r, a.quadrant + 1u);
}

METAL_FUNC float tanh_float(float x) {
  const float t = __builtin_fabsf(x);
  const float large = 1.0f - 2.0f / (exp_float(2.0f * t) + 1.0f);
  const float s = x * x;
  float p = mad(-5.89515036e-3f, s, 2.07959465e-2f);
  p = mad(p, s, -5.37838265e-2f);
  p = mad(p, s, 1.33319244e-1f);
  p = mad(p, s, -3.33332986e-1f);
  const float small = mad(p * s, x, x);
  return t < 0.6f ? small : __builtin_copysignf(large, x);
}

// Fits of our own (weighted least squares towards the smallest maximum): below 0.9375 of erf(x) / x - 1 in
// x^2, above of log(erfc(x)) / x + 1.
METAL_FUNC float erf_float(float x) {
  const float t = __builtin_fabsf(x), s = x * x;
  const float u = t > 4.0f ? 4.0f : t;  // erf(4) rounds to 1
  float p = mad(-1.18903363e-5f, u, 3.29420494e-4f);
  p = mad(p, u, -3.66945192e-3f);
  p = mad(p, u, 2.38193590e-2f);
  p = mad(p, u, -1.06303655e-1f);
  p = mad(p, u, -6.35110795e-1f);
  p = mad(p, u, -1.28658518e-1f);
  const float large = 1.0f - exp_float(mad(p, u, -u));
  float q = mad(-5.91941469e-4f, s, 4.97912988e-3f);
  q = mad(q, s, -2.67570335e-2f);
  q = mad(q, s, 1.12815522e-1f);
  q = mad(q, s, -3.76124680e-1f);
  q = mad(q, s, 1.28379151e-1f);
  return t > 0.9375f ? __builtin_copysignf(large, x) : mad(q, x, x);
}

// Halves go away from zero. __builtin_roundf is a library call without -ffast-math.
METAL_FUNC float round_float(float x) {
  const float whole = __builtin_truncf(x);
  const float step = __builtin_fabsf(x - whole) >= 0.5f ? 1.0f : 0.0f;
  return whole + __builtin_copysignf(step, x);
}

METAL_FUNC float fma_float(float a, float b, float c) {
#if defined(__FMA__) || defined(__aarch64__)
  return __builtin_fmaf(a, b, c);
#else
  return float(double(a) * double(b) + double(c));  // the product is exact, the sum rounds twice
#endif
}

}  // namespace host_detail

namespace metal {

// One row per function: float code, double code; half and bfloat go through float.
#define TRITON_MLX_UNARY(name, of_float, of_double)                         \
  METAL_FUNC float name(float x) { return of_float(x); }                    \
  METAL_FUNC double name(double x) { return of_double(x); }                 \
  METAL_FUNC half name(half x) { return half(name(float(x))); }             \
  METAL_FUNC bfloat name(bfloat x) { return bfloat(name(float(x))); }
#define TRITON_MLX_BINARY(name, of_float, of_double)                                            \
  METAL_FUNC float name(float x, float y) { return of_float(x, y); }                            \
  METAL_FUNC double name(double x, double y) { return of_double(x, y); }                        \
  METAL_FUNC half name(half x, half y) { return half(name(float(x), float(y))); }               \
  METAL_FUNC bfloat name(bfloat x, bfloat y) { return bfloat(name(float(x), float(y))); }
#define TRITON_MLX_PREDICATE(name, builtin)                         \
  METAL_FUNC bool name(float x) { return builtin(x); }              \
  METAL_FUNC bool name(double x) { return builtin(x); }             \
  METAL_FUNC bool name(half x) { return builtin(float(x)); }        \
  METAL_FUNC bool name(bfloat x) { return builtin(float(x)); }

TRITON_MLX_UNARY(exp, host_detail::exp_float, __builtin_exp)
TRITON_MLX_UNARY(exp2, host_detail::exp2_float, __builtin_exp2)
TRITON_MLX_UNARY(exp10, host_detail::exp10_float, [](double v) { return __builtin_pow(10.0, v); })
TRITON_MLX_UNARY(log, host_detail::log_float, __builtin_log)
TRITON_MLX_UNARY(log2, host_detail::log2_float, __builtin_log2)
TRITON_MLX_UNARY(log10, host_detail::log10_float, __builtin_log10)
TRITON_MLX_UNARY(sin, host_detail::sin_float, __builtin_sin)
TRITON_MLX_UNARY(cos, host_detail::cos_float, __builtin_cos)
TRITON_MLX_UNARY(tan, host_detail::tan_float, __builtin_tan)
TRITON_MLX_UNARY(sinh, __builtin_sinhf, __builtin_sinh)
TRITON_MLX_UNARY(cosh, __builtin_coshf, __builtin_cosh)
TRITON_MLX_UNARY(tanh, host_detail::tanh_float, __builtin_tanh)
TRITON_MLX_UNARY(asin, __builtin_asinf, __builtin_asin)
TRITON_MLX_UNARY(acos, __builtin_acosf, __builtin_acos)
TRITON_MLX_UNARY(atan, __builtin_atanf, __builtin_atan)
TRITON_MLX_UNARY(asinh, __builtin_asinhf, __builtin_asinh)
TRITON_MLX_UNARY(acosh, __builtin_acoshf, __builtin_acosh)
TRITON_MLX_UNARY(atanh, __builtin_atanhf, __builtin_atanh)
TRITON_MLX_UNARY(erf, host_detail::erf_float, __builtin_erf)
TRITON_MLX_UNARY(sqrt, __builtin_sqrtf, __builtin_sqrt)
TRITON_MLX_UNARY(rsqrt, 1.0f / __builtin_sqrtf, 1.0 / __builtin_sqrt)
TRITON_MLX_UNARY(floor, __builtin_floorf, __builtin_floor)
TRITON_MLX_UNARY(ceil, __builtin_ceilf, __builtin_ceil)
TRITON_MLX_UNARY(trunc, __builtin_truncf, __builtin_trunc)
TRITON_MLX_UNARY(rint, __builtin_rintf, __builtin_rint)
TRITON_MLX_UNARY(round, host_detail::round_float, __builtin_round)
TRITON_MLX_UNARY(fabs, __builtin_fabsf, __builtin_fabs)
TRITON_MLX_BINARY(atan2, __builtin_atan2f, __builtin_atan2)
TRITON_MLX_BINARY(pow, __builtin_powf, __builtin_pow)
TRITON_MLX_BINARY(fmod, __builtin_fmodf, __builtin_fmod)
TRITON_MLX_BINARY(copysign, __builtin_copysignf, __builtin_copysign)
TRITON_MLX_PREDICATE(isnan, __builtin_isnan)
TRITON_MLX_PREDICATE(isinf, __builtin_isinf)
TRITON_MLX_PREDICATE(isfinite, __builtin_isfinite)

}  // namespace metal

namespace host_detail {

// The other operand when one is NaN; C++ comparisons keep the code free of branches.
template <class T> METAL_FUNC T min_ignoring_nan(T x, T y) {
  const T least = x < y ? x : y;  // y when either is NaN
  return y != y ? x : least;
}
template <class T> METAL_FUNC T max_ignoring_nan(T x, T y) {
  const T most = x > y ? x : y;
  return y != y ? x : most;
}
template <class T> METAL_FUNC T min_keeping_nan(T x, T y) {
  const T least = x < y ? x : y;
  return x != x ? x : least;
}
template <class T> METAL_FUNC T max_keeping_nan(T x, T y) {
  const T most = x > y ? x : y;
  return x != x ? x : most;
}
// Metal: zero for NaN, and a zero keeps its sign.
template <class T> METAL_FUNC T sign_of(T x) {
  const T zero_or_x = x == T(0) ? x : T(0);
  return x > T(0) ? T(1) : (x < T(0) ? T(-1) : zero_or_x);
}

}  // namespace host_detail

namespace metal {

TRITON_MLX_BINARY(fmin, host_detail::min_ignoring_nan, host_detail::min_ignoring_nan)
TRITON_MLX_BINARY(fmax, host_detail::max_ignoring_nan, host_detail::max_ignoring_nan)
TRITON_MLX_BINARY(min, host_detail::min_ignoring_nan, host_detail::min_ignoring_nan)
TRITON_MLX_BINARY(max, host_detail::max_ignoring_nan, host_detail::max_ignoring_nan)
TRITON_MLX_BINARY(minimum_nan, host_detail::min_keeping_nan, host_detail::min_keeping_nan)
TRITON_MLX_BINARY(maximum_nan, host_detail::max_keeping_nan, host_detail::max_keeping_nan)
TRITON_MLX_UNARY(sign, host_detail::sign_of, host_detail::sign_of)
TRITON_MLX_UNARY(abs, __builtin_fabsf, __builtin_fabs)
#undef TRITON_MLX_UNARY
#undef TRITON_MLX_BINARY
#undef TRITON_MLX_PREDICATE

#define TRITON_MLX_INTEGRAL template <class T, enable_if_t<is_integral_v<T>, int> = 0> METAL_FUNC
TRITON_MLX_INTEGRAL T min(T x, T y) { return y < x ? y : x; }
TRITON_MLX_INTEGRAL T max(T x, T y) { return x < y ? y : x; }
TRITON_MLX_INTEGRAL T abs(T x) { return x < T(0) ? T(0ul - ulong(x)) : x; }
TRITON_MLX_INTEGRAL T popcount(T x) {
  const ulong mask = ~0ul >> (64 - 8 * sizeof(T));
  const ulong u = ulong(x) & mask;
  return sizeof(T) == 8 ? T(__builtin_popcountl(u)) : T(__builtin_popcount(uint(u)));
}
// Zero has as many leading and trailing zeros as the type has bits.
TRITON_MLX_INTEGRAL T clz(T x) {
  const int bits = 8 * int(sizeof(T));
  const ulong u = ulong(x) & (~0ul >> (64 - bits));
  return u == 0 ? T(bits) : T(__builtin_clzl(u) - (64 - bits));
}
TRITON_MLX_INTEGRAL T ctz(T x) { return x == 0 ? T(8 * sizeof(T)) : T(__builtin_ctzl(ulong(x))); }
#undef TRITON_MLX_INTEGRAL

METAL_FUNC int mulhi(int x, int y) { return int((long(x) * long(y)) >> 32); }
METAL_FUNC uint mulhi(uint x, uint y) { return uint((ulong(x) * ulong(y)) >> 32); }
METAL_FUNC long mulhi(long x, long y) { return long((__int128(x) * y) >> 64); }
METAL_FUNC ulong mulhi(ulong x, ulong y) { return ulong(((unsigned __int128)(x) * y) >> 64); }

METAL_FUNC float fma(float a, float b, float c) { return host_detail::fma_float(a, b, c); }
METAL_FUNC double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
METAL_FUNC half fma(half a, half b, half c) { return half(fma(float(a), float(b), float(c))); }
METAL_FUNC bfloat fma(bfloat a, bfloat b, bfloat c) {
  return bfloat(fma(float(a), float(b), float(c)));
}

template <class T> METAL_FUNC T clamp(T x, T low, T high) { return min(max(x, low), high); }
template <class T> METAL_FUNC T select(T if_false, T if_true, bool condition) {
  return condition ? if_true : if_false;
}

// Metal's two precisions of the same words.
#define TRITON_MLX_FORWARD                                                                          \
  using metal::exp; using metal::exp2; using metal::exp10; using metal::log; using metal::log2;     \
  using metal::log10; using metal::sin; using metal::cos; using metal::tan; using metal::sinh;      \
  using metal::cosh; using metal::tanh; using metal::asin; using metal::acos; using metal::atan;    \
  using metal::atan2; using metal::pow; using metal::erf; using metal::sqrt; using metal::rsqrt;    \
  using metal::floor; using metal::ceil; using metal::trunc; using metal::rint; using metal::round; \
  using metal::fabs; using metal::abs; using metal::fma; using metal::fmin; using metal::fmax;      \
  using metal::min; using metal::max; using metal::clamp; using metal::fmod; using metal::copysign; \
  using metal::asinh; using metal::acosh; using metal::atanh; using metal::sign;
namespace precise { TRITON_MLX_FORWARD }
namespace fast { TRITON_MLX_FORWARD }
#undef TRITON_MLX_FORWARD

}  // namespace metal

#endif  // TRITON_MLX_HOST_MATH_H
