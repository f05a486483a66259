// Words that Metal lacks.

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

template <typename T> METAL_FUNC T tile_shuffle(T value, ushort from) {
  return simd_shuffle(value, from);
}
template <> METAL_FUNC bool tile_shuffle<bool>(bool value, ushort from) {
  return simd_shuffle(uint(value), from) != 0;
}
template <> METAL_FUNC bfloat tile_shuffle<bfloat>(bfloat value, ushort from) {
  return as_type<bfloat>(simd_shuffle(as_type<ushort>(value), from));
}
template <> METAL_FUNC long tile_shuffle<long>(long value, ushort from) {
  const uint2 halves = as_type<uint2>(value);
  return as_type<long>(uint2(simd_shuffle(halves.x, from), simd_shuffle(halves.y, from)));
}

// erf to 2 units in the last place; the polynomials are those of host_math.h.
METAL_FUNC float erf_f(float x) {
  const float t = fabs(x), s = x * x;
  const float u = fmin(t, 4.0f);
  float p = fma(-1.18903363e-5f, u, 3.29420494e-4f);
  p = fma(p, u, -3.66945192e-3f);
  p = fma(p, u, 2.38193590e-2f);
  p = fma(p, u, -1.06303655e-1f);
  p = fma(p, u, -6.35110795e-1f);
  p = fma(p, u, -1.28658518e-1f);
  const float large = 1.0f - precise::exp(fma(p, u, -u));
  float q = fma(-5.91941469e-4f, s, 4.97912988e-3f);
  q = fma(q, s, -2.67570335e-2f);
  q = fma(q, s, 1.12815522e-1f);
  q = fma(q, s, -3.76124680e-1f);
  q = fma(q, s, 1.28379151e-1f);
  return t > 0.9375f ? copysign(large, x) : fma(q, x, x);
}

// At the start of a body: no product and sum become a fused multiply-add.
#ifdef __METAL_VERSION__
#define TILE_NO_CONTRACTION _Pragma("METAL fp contract(off)")
#else
#define TILE_NO_CONTRACTION _Pragma("clang fp contract(off)")
#endif

// d += a x b for 8x8 matrices of which every lane has two elements (lowering/fragments.py).
template <typename T>
METAL_FUNC void tile_multiply(thread float* d, const thread T* a, const thread T* b) {
  simdgroup_matrix<T, 8, 8> left, right;
  simdgroup_matrix<float, 8, 8> sum;
  left.thread_elements()[0] = a[0];
  left.thread_elements()[1] = a[1];
  right.thread_elements()[0] = b[0];
  right.thread_elements()[1] = b[1];
  sum.thread_elements()[0] = d[0];
  sum.thread_elements()[1] = d[1];
  simdgroup_multiply_accumulate(sum, left, right, sum);
  d[0] = sum.thread_elements()[0];
  d[1] = sum.thread_elements()[1];
}

// Neighbours in memory as one vector; P is a packed type, aligned like its elements.
template <typename P, typename T> METAL_FUNC P tile_load(const device T* at) {
  return *(const device P*)at;
}
#ifndef MSL_ONE_ADDRESS_SPACE
template <typename P, typename T> METAL_FUNC P tile_load(const constant T* at) {
  return *(const constant P*)at;
}
#endif
template <typename P, typename T, typename V> METAL_FUNC void tile_store(device T* at, V value) {
  *(device P*)at = P(value);
}
