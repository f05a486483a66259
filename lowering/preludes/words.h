// Functions that emitted kernels use on every target, written in Metal.

// Integer division that cannot trap: lanes behind a mask may divide by anything.
template <typename T> METAL_FUNC T div_int(T a, T b) {
  const bool wraps = b == T(-1) && a == T(T(1) << (8 * sizeof(T) - 1));
  return b == T(0) ? T(0) : (wraps ? a : T(a / b));
}
template <typename T> METAL_FUNC T rem_int(T a, T b) {
  return (b == T(0) || b == T(-1)) ? T(0) : T(a % b);
}
template <typename T> METAL_FUNC T div_uint(T a, T b) { return b == T(0) ? T(0) : T(a / b); }
template <typename T> METAL_FUNC T rem_uint(T a, T b) { return b == T(0) ? T(0) : T(a % b); }

// A float as an integer, towards zero: what is out of range is the nearest end of it, and NaN is 0.
// Selects alone, so that loops over it stay vectors, and no conversion of a float that does not fit.
template <typename T, typename F> METAL_FUNC T tile_integer(F x) {
  const bool negative = T(-1) < T(0);
  const ulong half_range = ulong(1) << (8 * sizeof(T) - 1);
  const F top = negative ? F(half_range) : F(2) * F(half_range), low = negative ? -top : F(0);
  const F above = x > low ? x : low;
  const T inside = T(above < top ? above : low);
  const T most = T(negative ? half_range - 1 : half_range - 1 + half_range);
  return x != x ? T(0) : (x < top ? inside : most);
}

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

// 8-bit floats by their formats (fusion/float8.py): mantissa bits, bias, largest finite code, NaN.
template <int M, int B, int L> METAL_FUNC float float8_decode(uchar code) {
  const uint low = code & 0x7fu;
  if (L == 0x7f ? code == 0x80 : low > uint(L)) {
    const bool infinite = L == 0x7b && low == 0x7cu;
    return infinite ? (code & 0x80 ? -INFINITY : INFINITY) : NAN;
  }
  const uint exponent = low >> M, mantissa = low & ((1u << M) - 1u);
  const float tiny = as_type<float>(uint(128 - B - M) << 23);  // 2 ** (1 - B - M)
  const float size = exponent == 0u
      ? float(mantissa) * tiny
      : as_type<float>((uint(int(exponent) + 127 - B) << 23) | (mantissa << (23 - M)));
  return code & 0x80 ? -size : size;
}
template <int M, int B, int L, int N, bool to_zero> METAL_FUNC uchar float8_encode(float x) {
  const uint bits = as_type<uint>(x), sign = (bits >> 24) & 0x80u, size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) return uchar(N);
  const int exponent = int(size >> 23) - 127 + B;
  const uint mantissa = (size & 0x7fffffu) | (size >= 0x800000u ? 0x800000u : 0u);
  const int shift = 23 - M + (exponent < 1 ? (exponent < -8 ? 9 : 1 - exponent) : 0);
  const uint kept = mantissa >> shift, rest = mantissa & ((1u << shift) - 1u), tie = 1u << (shift - 1);
  const uint up = !to_zero && (rest > tie || (rest == tie && (kept & 1u))) ? 1u : 0u;
  const uint code = (uint(exponent < 1 ? 0 : exponent - 1) << M) + kept + up;
  const uint bounded = code > uint(L) ? uint(L) : code;
  return uchar(L == 0x7f && bounded == 0u ? 0u : (sign | bounded));
}

// Rounding towards zero.
METAL_FUNC half to_zero_half(float x) {
  const half near = half(x);
  return fabs(float(near)) > fabs(x) ? as_type<half>(ushort(as_type<ushort>(near) - 1)) : near;
}
METAL_FUNC bfloat to_zero_bfloat(float x) {
  const uint bits = as_type<uint>(x);
  return as_type<bfloat>(ushort((bits >> 16) | (x != x ? 0x40u : 0u)));
}

// What a kernel says while it runs: a record of `words` words (lowering/record.py), if there is room.
template <uint words, uint most>
inline void tile_report(device uint* report, uint slot, uint site, uint3 at, int element, uint low,
                        uint high) {
  if (slot >= most) return;
  device uint* record = report + 1u + words * slot;
  record[0] = site;
  record[1] = at.x;
  record[2] = at.y;
  record[3] = at.z;
  record[4] = uint(element);
  record[5] = low;
  record[6] = high;
}
