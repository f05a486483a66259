// <metal_limits>
#pragma once
namespace metal {
template <class T>
struct numeric_limits {
  static_assert(__is_integral(T), "numeric_limits is defined for numbers only");
  static constexpr bool is_integer = true;
  static constexpr bool is_signed = T(-1) < T(0);
  static constexpr int digits = sizeof(T) * 8 - is_signed;
  static constexpr T max() { return (T)(~0ul >> (64 - digits)); }
  static constexpr T min() { return is_signed ? (T)(-(long)max() - 1) : (T)0; }
  static constexpr T lowest() { return min(); }
  static constexpr T infinity() { return 0; }
};
template <>
struct numeric_limits<bool> {
  static constexpr bool is_integer = true, is_signed = false;
  static constexpr int digits = 1;
  static constexpr bool max() { return true; }
  static constexpr bool min() { return false; }
  static constexpr bool lowest() { return false; }
};
#define MSL_FLOAT_LIMITS(T, MAX, MIN, EPSILON, DIGITS)                 \
  template <>                                                          \
  struct numeric_limits<T> {                                           \
    static constexpr bool is_integer = false, is_signed = true;        \
    static constexpr int digits = DIGITS;                              \
    static constexpr T max() { return (T)MAX; }                        \
    static constexpr T lowest() { return (T)-MAX; }                    \
    static constexpr T min() { return (T)MIN; }                        \
    static constexpr T epsilon() { return (T)EPSILON; }                \
    static constexpr T infinity() { return (T)__builtin_inff(); }      \
    static constexpr T quiet_NaN() { return (T)__builtin_nanf(""); }   \
  };
MSL_FLOAT_LIMITS(float, __FLT_MAX__, __FLT_MIN__, __FLT_EPSILON__, 24)
MSL_FLOAT_LIMITS(half, 65504.0f, 6.103515625e-05f, 9.765625e-04f, 11)
MSL_FLOAT_LIMITS(bfloat, 3.38953139e38f, 1.17549435e-38f, 7.8125e-3f, 8)
} // namespace metal
