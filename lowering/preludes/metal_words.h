// Words that Metal lacks.

template <typename T> METAL_FUNC T maximum_nan(T a, T b) {
  return a != a ? a : (b != b ? b : fmax(a, b));
}
template <typename T> METAL_FUNC T minimum_nan(T a, T b) {
  return a != a ? a : (b != b ? b : fmin(a, b));
}

// Shuffles of types that simd_shuffle_xor does not take go through ones that it takes.
template <typename T> METAL_FUNC T tile_shuffle_xor(T value, ushort mask) {
  return simd_shuffle_xor(value, mask);
}
template <> METAL_FUNC bool tile_shuffle_xor<bool>(bool value, ushort mask) {
  return simd_shuffle_xor(uint(value), mask) != 0;
}
template <> METAL_FUNC bfloat tile_shuffle_xor<bfloat>(bfloat value, ushort mask) {
  return as_type<bfloat>(simd_shuffle_xor(as_type<ushort>(value), mask));
}
template <> METAL_FUNC long tile_shuffle_xor<long>(long value, ushort mask) {
  const uint2 halves = as_type<uint2>(value);
  return as_type<long>(uint2(simd_shuffle_xor(halves.x, mask), simd_shuffle_xor(halves.y, mask)));
}

// erf to about 1.5e-7: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26.
METAL_FUNC float erf_f(float x) {
  const float t = 1.0f / (1.0f + 0.3275911f * fabs(x));
  const float p = t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f +
                  t * (-1.453152027f + t * 1.061405429f))));
  const float y = 1.0f - p * precise::exp(-x * x);
  return x < 0.0f ? -y : y;
}

// What a kernel says while it runs: lowering/record.py has the form of the records.
inline void tile_report(device uint* report, uint site, uint3 at, int element, uint low, uint high) {
  const uint slot = atomic_fetch_add_explicit((device atomic<uint>*)report, 1u, memory_order_relaxed);
  if (slot >= 8192u) return;
  device uint* record = report + 1u + 8u * slot;
  record[0] = site;
  record[1] = at.x;
  record[2] = at.y;
  record[3] = at.z;
  record[4] = uint(element);
  record[5] = low;
  record[6] = high;
}

// At the start of a body: no product and sum become a fused multiply-add.
#ifdef __METAL_VERSION__
#define TILE_NO_CONTRACTION _Pragma("METAL fp contract(off)")
#else
#define TILE_NO_CONTRACTION _Pragma("clang fp contract(off)")
#endif

// Unsigned keys in the order of values, reversed for minima (runtime/atomic_keys.py).
METAL_FUNC uint key_umax(uint x) { return x; }
METAL_FUNC uint unkey_umax(uint k) { return k; }
METAL_FUNC uint key_max(int x) { return uint(x) ^ 0x80000000u; }
METAL_FUNC int unkey_max(uint k) { return int(k ^ 0x80000000u); }
METAL_FUNC uint key_fmax(float x) {
  const uint bits = as_type<uint>(x);
  return bits >= 0x80000000u ? ~bits : bits ^ 0x80000000u;
}
METAL_FUNC float unkey_fmax(uint k) {
  return as_type<float>(k >= 0x80000000u ? k ^ 0x80000000u : ~k);
}
METAL_FUNC uint key_umin(uint x) { return ~x; }
METAL_FUNC uint unkey_umin(uint k) { return ~k; }
METAL_FUNC uint key_min(int x) { return ~key_max(x); }
METAL_FUNC int unkey_min(uint k) { return unkey_max(~k); }
METAL_FUNC uint key_fmin(float x) { return ~key_fmax(x); }
METAL_FUNC float unkey_fmin(uint k) { return unkey_fmax(~k); }

// A boolean that becomes part of an index (host_words.h says why it has a name).
METAL_FUNC int tile_bit(bool b) { return b ? 1 : 0; }
