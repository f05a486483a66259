// <metal_math>: floating point functions. half and bfloat are computed in float and rounded once.
// Metal has no erf, expm1, log1p or hypot: they are not here either.
#pragma once
#define MSL_FLOATING class = enable_if_t<is_floating_point_v<ve<T>>>

#define MSL_UNARY(name, expression)                           \
  template <class T, MSL_FLOATING>                            \
  METAL_FUNC T name(T x) {                                    \
    return map([](float v) { return (float)(expression); }, x); \
  }
#define MSL_BINARY(name, expression)                                      \
  template <class T, MSL_FLOATING>                                        \
  METAL_FUNC T name(T x, T y) {                                           \
    return map([](float v, float w) { return (float)(expression); }, x, y); \
  }

#define MSL_MATH                                      \
  MSL_UNARY(exp, __builtin_expf(v))                   \
  MSL_UNARY(exp2, __builtin_exp2f(v))                 \
  MSL_UNARY(exp10, __builtin_powf(10.0f, v))          \
  MSL_UNARY(log, __builtin_logf(v))                   \
  MSL_UNARY(log2, __builtin_log2f(v))                 \
  MSL_UNARY(log10, __builtin_log10f(v))               \
  MSL_UNARY(sin, __builtin_sinf(v))                   \
  MSL_UNARY(cos, __builtin_cosf(v))                   \
  MSL_UNARY(tan, __builtin_tanf(v))                   \
  MSL_UNARY(sinpi, __builtin_sinf(M_PI_F * v))        \
  MSL_UNARY(cospi, __builtin_cosf(M_PI_F * v))        \
  MSL_UNARY(asin, __builtin_asinf(v))                 \
  MSL_UNARY(acos, __builtin_acosf(v))                 \
  MSL_UNARY(atan, __builtin_atanf(v))                 \
  MSL_UNARY(sinh, __builtin_sinhf(v))                 \
  MSL_UNARY(cosh, __builtin_coshf(v))                 \
  MSL_UNARY(tanh, __builtin_tanhf(v))                 \
  MSL_UNARY(asinh, __builtin_asinhf(v))               \
  MSL_UNARY(acosh, __builtin_acoshf(v))               \
  MSL_UNARY(atanh, __builtin_atanhf(v))               \
  MSL_UNARY(sqrt, __builtin_sqrtf(v))                 \
  MSL_UNARY(rsqrt, 1.0f / __builtin_sqrtf(v))         \
  MSL_UNARY(floor, __builtin_floorf(v))               \
  MSL_UNARY(ceil, __builtin_ceilf(v))                 \
  MSL_UNARY(trunc, __builtin_truncf(v))               \
  MSL_UNARY(rint, __builtin_rintf(v))                 \
  MSL_UNARY(round, __builtin_roundf(v))               \
  MSL_UNARY(fabs, __builtin_fabsf(v))                 \
  MSL_UNARY(fract, v - __builtin_floorf(v))           \
  MSL_BINARY(pow, __builtin_powf(v, w))               \
  MSL_BINARY(powr, __builtin_powf(v, w))              \
  MSL_BINARY(atan2, __builtin_atan2f(v, w))           \
  MSL_BINARY(fmod, __builtin_fmodf(v, w))             \
  MSL_BINARY(fmax, __builtin_fmaxf(v, w))             \
  MSL_BINARY(fmin, __builtin_fminf(v, w))             \
  MSL_BINARY(fdim, __builtin_fdimf(v, w))             \
  MSL_BINARY(divide, v / w)                           \
  template <class T, MSL_FLOATING>                    \
  METAL_FUNC T sincos(T x, thread T& cosine) {        \
    cosine = cos(x);                                  \
    return sin(x);                                    \
  }

namespace metal {
MSL_MATH
namespace fast {
MSL_MATH
}
namespace precise {
MSL_MATH
}
MSL_BINARY(copysign, __builtin_copysignf(v, w))
MSL_UNARY(sign, v > 0 ? 1.0f : v < 0 ? -1.0f : v)
MSL_UNARY(saturate, __builtin_fminf(__builtin_fmaxf(v, 0.0f), 1.0f))
#define MSL_FMA                                                                           \
  template <class T, MSL_FLOATING>                                                        \
  METAL_FUNC T fma(T x, T y, T z) {                                                       \
    return map([](float a, float b, float c) { return __builtin_fmaf(a, b, c); }, x, y, z); \
  }
MSL_FMA
namespace fast {
MSL_FMA
}
namespace precise {
MSL_FMA
}
template <class T, MSL_FLOATING>
METAL_FUNC T mix(T x, T y, T a) {
  return x + (y - x) * a;
}
template <class T, MSL_FLOATING>
METAL_FUNC T ldexp(T x, int exponent) {
  return (T)__builtin_ldexpf((float)x, exponent);
}
template <class T, MSL_FLOATING>
METAL_FUNC T frexp(T x, thread int& exponent) {
  return (T)__builtin_frexpf((float)x, &exponent);
}
template <class T, MSL_FLOATING>
METAL_FUNC T modf(T x, thread T& whole) {
  whole = trunc(x);
  return x - whole;
}

// Answers about floats: bool, or one bool per component.
#define MSL_QUESTION(name, expression)                                       \
  template <class T, MSL_FLOATING>                                           \
  METAL_FUNC auto name(T x) {                                                \
    auto ask = [](float v) { return (bool)(expression); };                   \
    if constexpr (vn<T> == 0) {                                              \
      return ask((float)x);                                                  \
    } else {                                                                 \
      vec<bool, vn<T>> answer;                                               \
      for (int i = 0; i < vn<T>; i++) answer[i] = ask((float)x[i]);          \
      return answer;                                                         \
    }                                                                        \
  }
MSL_QUESTION(isnan, __builtin_isnan(v))
MSL_QUESTION(isinf, __builtin_isinf(v))
MSL_QUESTION(isfinite, __builtin_isfinite(v))
MSL_QUESTION(isnormal, __builtin_isnormal(v))
MSL_QUESTION(signbit, __builtin_signbit(v))

template <class T, MSL_FLOATING>
METAL_FUNC ve<T> dot(T x, T y) {
  ve<T> sum = 0;
  for (int i = 0; i < vn<T>; i++) sum += x[i] * y[i];
  return sum;
}
} // namespace metal
