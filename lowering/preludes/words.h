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
