// Functions that emitted kernels use on every target, written in Metal.

// Integer division that cannot trap: lanes behind a mask may divide by anything.
template <typename T> METAL_FUNC T div_int(T a, T b) {
  return b == T(0) ? T(0) : (b == T(-1) ? T(T(0) - a) : T(a / b));
}
template <typename T> METAL_FUNC T rem_int(T a, T b) {
  return (b == T(0) || b == T(-1)) ? T(0) : T(a % b);
}
template <typename T> METAL_FUNC T div_uint(T a, T b) { return b == T(0) ? T(0) : T(a / b); }
template <typename T> METAL_FUNC T rem_uint(T a, T b) { return b == T(0) ? T(0) : T(a % b); }

template <typename T> METAL_FUNC T clamp_num(T x, T low, T high) { return fmin(fmax(x, low), high); }
template <typename T> METAL_FUNC T clamp_nan(T x, T low, T high) {
  return x != x ? x : fmin(fmax(x, low), high);
}

// exp(x) - 1 and log(1 + x) without loss near zero (W. Kahan's correction of the rounded argument).
METAL_FUNC float expm1_f(float x) {
  const float u = precise::exp(x);
  if (u == 1.0f) return x;
  const float v = u - 1.0f;
  if (v == -1.0f || u == INFINITY) return v;
  return v * x / precise::log(u);
}
METAL_FUNC float log1p_f(float x) {
  const float u = 1.0f + x;
  return u == 1.0f || u == INFINITY ? (u == 1.0f ? x : u) : precise::log(u) * (x / (u - 1.0f));
}
