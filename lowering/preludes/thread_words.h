// Functions that emitted kernels use wherever many threads run a program, written in Metal.

template <typename T> METAL_FUNC T maximum_nan(T a, T b) {
  return a != a ? a : (b != b ? b : fmax(a, b));
}
template <typename T> METAL_FUNC T minimum_nan(T a, T b) {
  return a != a ? a : (b != b ? b : fmin(a, b));
}

// The number of the next message (words.h: tile_report).
inline uint tile_slot(device uint* report) {
  return atomic_fetch_add_explicit((device atomic<uint>*)report, 1u, memory_order_relaxed);
}

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
