// Names that MLX puts before every custom kernel (its metal::utils), as far as kernels use them.
#pragma once
using namespace metal;
typedef half float16_t;
typedef bfloat bfloat16_t;
typedef long2 int64_t2;
typedef ulong2 uint64_t2;

template <class T>
struct Limits {
  static constexpr constant T max = is_floating_point_v<T> ? (T)metal::numeric_limits<T>::infinity()
                                                           : metal::numeric_limits<T>::max();
  static constexpr constant T min = is_floating_point_v<T> ? (T)-metal::numeric_limits<T>::infinity()
                                                           : metal::numeric_limits<T>::lowest();
  static constexpr constant T finite_max = metal::numeric_limits<T>::max();
  static constexpr constant T finite_min = metal::numeric_limits<T>::lowest();
};
template <class T, class U>
METAL_FUNC T ceildiv(T n, U m) {
  return (n + m - 1) / m;
}
METAL_FUNC float log1p(float x) {
  float next = 1.0f + x;
  if (next == INFINITY) return INFINITY;
  if (next == 1.0f) return x;
  return x * (metal::log(next) / (next - 1.0f));
}
METAL_FUNC bfloat16_t log1p(bfloat16_t x) { return (bfloat16_t)log1p((float)x); }
METAL_FUNC float hypot(float x, float y) { return __builtin_hypotf(x, y); }
