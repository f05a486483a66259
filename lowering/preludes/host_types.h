// Metal's words and scalar types for g++ 12+ and clang 14+.
// System headers must come before this text: `thread`, `device` ... become empty macros.
#ifndef TRITON_MLX_HOST_TYPES_H
#define TRITON_MLX_HOST_TYPES_H

#include <cstdint>

#define device
#define constant
#define threadgroup
#define thread
#define METAL_FUNC inline __attribute__((always_inline))

// glibc declares some of these with the same meaning; repeating an equal typedef is legal C++.
typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;
static_assert(sizeof(long) == 8, "Metal's long has 64 bits");

struct uint3 {
  uint x, y, z;
};

#ifndef INFINITY
#define INFINITY (__builtin_inff())
#endif
#ifndef NAN
#define NAN (__builtin_nanf(""))
#endif

struct half;
struct bfloat;

namespace metal {

template <bool, class T = void> struct enable_if {};
template <class T> struct enable_if<true, T> { typedef T type; };
template <bool C, class T = void> using enable_if_t = typename enable_if<C, T>::type;

template <bool, class T, class F> struct conditional { typedef T type; };
template <class T, class F> struct conditional<false, T, F> { typedef F type; };
template <bool C, class T, class F> using conditional_t = typename conditional<C, T, F>::type;

template <class T, class U> inline constexpr bool is_same_v = false;
template <class T> inline constexpr bool is_same_v<T, T> = true;

template <class T> inline constexpr bool is_integral_v =
    is_same_v<T, bool> || is_same_v<T, char> || is_same_v<T, signed char> || is_same_v<T, uchar> ||
    is_same_v<T, short> || is_same_v<T, ushort> || is_same_v<T, int> || is_same_v<T, uint> ||
    is_same_v<T, long> || is_same_v<T, ulong> || is_same_v<T, long long> ||
    is_same_v<T, unsigned long long>;
template <class T> inline constexpr bool is_small_float_v = is_same_v<T, half> || is_same_v<T, bfloat>;
template <class T> inline constexpr bool is_floating_point_v =
    is_same_v<T, float> || is_same_v<T, double> || is_small_float_v<T>;

}  // namespace metal

// Bit cast between types of equal size.
template <class To, class From> constexpr METAL_FUNC To as_type(From x) {
  static_assert(sizeof(To) == sizeof(From), "as_type keeps the size");
  return __builtin_bit_cast(To, x);
}

namespace host_detail {

// A hardware conversion is used where the compiler turns a loop of it into vector instructions:
// g++ 12 does not (3x slower than the bit tricks), clang before 15 has no _Float16 on x86.
#if defined(__clang__) && \
    (defined(__aarch64__) || (defined(__F16C__) && __clang_major__ >= 15))
#define TRITON_MLX_NATIVE_HALF 1
#else
#define TRITON_MLX_NATIVE_HALF 0
#endif

METAL_FUNC float half_to_float(uint16_t h) {
#if TRITON_MLX_NATIVE_HALF
  return float(as_type<_Float16>(h));
#else
  const uint32_t w = uint32_t(h) << 16;
  const uint32_t twice = w + w;  // drops the sign
  const float normal = as_type<float>((twice >> 4) + (0xE0u << 23)) * 0x1p-112f;
  const float denormal = as_type<float>((twice >> 17) | (126u << 23)) - 0.5f;
  const uint32_t magnitude =
      twice < (1u << 27) ? as_type<uint32_t>(denormal) : as_type<uint32_t>(normal);
  return as_type<float>((w & 0x80000000u) | magnitude);
#endif
}

METAL_FUNC uint16_t float_to_half(float x) {
#if TRITON_MLX_NATIVE_HALF
  return as_type<uint16_t>(_Float16(x));
#else
  // Adding a power of two that is 2^13 units of the last place away rounds at half's last bit.
  const uint32_t w = as_type<uint32_t>(x);
  const uint32_t twice = w + w;
  const float magnitude = as_type<float>(w & 0x7FFFFFFFu) * 0x1p112f * 0x1p-110f;  // too big -> inf
  uint32_t bias = twice & 0xFF000000u;
  bias = bias < 0x71000000u ? 0x71000000u : bias;  // half's denormals share one exponent
  const uint32_t bits = as_type<uint32_t>(as_type<float>((bias >> 1) + 0x07800000u) + magnitude);
  const uint32_t finite = ((bits >> 13) & 0x7C00u) + (bits & 0x0FFFu);
  return uint16_t(((w >> 16) & 0x8000u) | (twice > 0xFF000000u ? 0x7E00u : finite));
#endif
}

METAL_FUNC float bfloat_to_float(uint16_t b) { return as_type<float>(uint32_t(b) << 16); }

METAL_FUNC uint16_t float_to_bfloat(float x) {
  const uint32_t w = as_type<uint32_t>(x);
  const uint32_t rounded = (w + 0x7FFFu + ((w >> 16) & 1u)) >> 16;
  const uint32_t quiet = (w >> 16) | 0x40u;
  return uint16_t((w & 0x7FFFFFFFu) > 0x7F800000u ? quiet : rounded);
}

// Round to odd, so that a second rounding to 16 bits gives the correctly rounded value of `x`.
METAL_FUNC float narrow_to_odd(double x) {
  const float f = float(x);
  const uint32_t w = as_type<uint32_t>(f);
  const uint32_t toward_zero = w - (__builtin_fabs(double(f)) > __builtin_fabs(x) ? 1u : 0u);
  return as_type<float>(double(f) == x ? w : (toward_zero | 1u));
}

}  // namespace host_detail

// A 16-bit float: arithmetic happens in float and is rounded after every operation. With an integer
// the result stays 16-bit, with float it is float, as in Metal.
#define TRITON_MLX_SMALL_FLOAT_OPERATOR(T, op)                                                        \
  friend METAL_FUNC T operator op(T a, T b) { return T(float(a) op float(b)); }                       \
  template <class I, class = metal::enable_if_t<metal::is_integral_v<I>>>                             \
  friend METAL_FUNC T operator op(T a, I b) { return T(float(a) op float(T(b))); }                    \
  template <class I, class = metal::enable_if_t<metal::is_integral_v<I>>>                             \
  friend METAL_FUNC T operator op(I a, T b) { return T(float(T(a)) op float(b)); }                    \
  template <class U> METAL_FUNC T& operator op##=(U b) { return *this = T(*this op b); }

#define TRITON_MLX_SMALL_FLOAT(T, decode, encode)                                                     \
  struct T {                                                                                          \
    uint16_t bits;                                                                                    \
    T() = default;                                                                                    \
    explicit METAL_FUNC T(float x) : bits(host_detail::encode(x)) {}                                  \
    explicit METAL_FUNC T(double x) : bits(host_detail::encode(host_detail::narrow_to_odd(x))) {}     \
    template <class I, class = metal::enable_if_t<metal::is_integral_v<I>>>                           \
    explicit METAL_FUNC T(I x) : bits(host_detail::encode(float(x))) {}                               \
    METAL_FUNC operator float() const { return host_detail::decode(bits); }                           \
    METAL_FUNC T operator-() const { return as_type<T>(uint16_t(bits ^ 0x8000u)); }                   \
    METAL_FUNC T operator+() const { return *this; }                                                  \
    TRITON_MLX_SMALL_FLOAT_OPERATOR(T, +)                                                             \
    TRITON_MLX_SMALL_FLOAT_OPERATOR(T, -)                                                             \
    TRITON_MLX_SMALL_FLOAT_OPERATOR(T, *)                                                             \
    TRITON_MLX_SMALL_FLOAT_OPERATOR(T, /)                                                             \
  };

TRITON_MLX_SMALL_FLOAT(half, half_to_float, float_to_half)
TRITON_MLX_SMALL_FLOAT(bfloat, bfloat_to_float, float_to_bfloat)
#undef TRITON_MLX_SMALL_FLOAT
#undef TRITON_MLX_SMALL_FLOAT_OPERATOR

static_assert(sizeof(half) == 2 && sizeof(bfloat) == 2, "16-bit storage");

#endif  // TRITON_MLX_HOST_TYPES_H
