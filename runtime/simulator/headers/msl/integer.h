// <metal_integer>, <metal_common> and <metal_relational>: min, max, select, bits.
#pragma once
namespace metal {
// On floats the operand that is not NaN wins, as fmax and fmin do.
template <class T>
METAL_FUNC constexpr T max(T x, T y) {
  if constexpr (is_floating_point_v<ve<T>>) return fmax(x, y);
  else return map([](ve<T> a, ve<T> b) { return a < b ? b : a; }, x, y);
}
template <class T>
METAL_FUNC constexpr T min(T x, T y) {
  if constexpr (is_floating_point_v<ve<T>>) return fmin(x, y);
  else return map([](ve<T> a, ve<T> b) { return b < a ? b : a; }, x, y);
}
template <class T>
METAL_FUNC T max3(T x, T y, T z) {
  return max(x, max(y, z));
}
template <class T>
METAL_FUNC T min3(T x, T y, T z) {
  return min(x, min(y, z));
}
template <class T>
METAL_FUNC T clamp(T x, T low, T high) {
  return min(max(x, low), high);
}
template <class T>
METAL_FUNC constexpr T abs(T x) {
  if constexpr (is_floating_point_v<ve<T>>) {
    return fabs(x);
  } else {
    return map([](ve<T> v) { return v < 0 ? (ve<T>)(0ul - (ulong)v) : v; }, x);
  }
}
template <class T, class C>
METAL_FUNC T select(T otherwise, T chosen, C condition) {
  if constexpr (vn<T> == 0) {
    return condition ? chosen : otherwise;
  } else {
    static_assert(vn<C> == vn<T>, "select on vectors takes one bool per component");
    T result;
    for (int i = 0; i < vn<T>; i++) result[i] = condition[i] ? chosen[i] : otherwise[i];
    return result;
  }
}
template <class T>
METAL_FUNC bool any(T v) {
  bool result = false;
  for (int i = 0; i < vn<T>; i++) result |= (bool)v[i];
  return result;
}
template <class T>
METAL_FUNC bool all(T v) {
  bool result = true;
  for (int i = 0; i < vn<T>; i++) result &= (bool)v[i];
  return result;
}

#define MSL_INTEGER class = enable_if_t<is_integral_v<ve<T>>>
template <class T>
METAL_FUNC constexpr ulong bits_of(T v) {
  return (ulong)(make_unsigned_t<T>)v;
}
template <class T, MSL_INTEGER>
METAL_FUNC T popcount(T x) {
  return map([](ve<T> v) { return __builtin_popcountl(bits_of(v)); }, x);
}
template <class T, MSL_INTEGER>
METAL_FUNC T clz(T x) {
  constexpr int width = 8 * sizeof(ve<T>);
  return map([](ve<T> v) { return v ? __builtin_clzl(bits_of(v)) - (64 - width) : width; }, x);
}
template <class T, MSL_INTEGER>
METAL_FUNC T ctz(T x) {
  constexpr int width = 8 * sizeof(ve<T>);
  return map([](ve<T> v) { return v ? __builtin_ctzl(bits_of(v)) : width; }, x);
}
template <class T, MSL_INTEGER>
METAL_FUNC T reverse_bits(T x) {
  constexpr int width = 8 * sizeof(ve<T>);
  return map([](ve<T> v) { return __builtin_bitreverse64(bits_of(v)) >> (64 - width); }, x);
}
template <class T, MSL_INTEGER>
METAL_FUNC T rotate(T x, T by) {
  constexpr ulong width = 8 * sizeof(ve<T>);
  return map(
      [](ve<T> v, ve<T> n) {
        ulong k = (ulong)n & (width - 1);
        return k ? (bits_of(v) << k) | (bits_of(v) >> (width - k)) : bits_of(v);
      },
      x,
      by);
}
template <class T, MSL_INTEGER>
METAL_FUNC T mulhi(T x, T y) {
  constexpr int width = 8 * sizeof(ve<T>);
  return map(
      [](ve<T> a, ve<T> b) {
        if constexpr (is_signed_v<ve<T>>) return (ve<T>)(((__int128)a * b) >> width);
        else return (ve<T>)(((unsigned __int128)a * b) >> width);
      },
      x,
      y);
}
template <class T, MSL_INTEGER>
METAL_FUNC T mad24(T x, T y, T z) {
  return x * y + z;
}
template <class T, MSL_INTEGER>
METAL_FUNC T extract_bits(T x, uint offset, uint bits) {
  if (bits == 0) return 0;
  constexpr uint width = 8 * sizeof(T);
  return (T)((T)(bits_of(x) << (width - bits - offset)) >> (width - bits));
}
} // namespace metal
