// Metal's words in CUDA C++, as NVRTC compiles it. MLX puts bodies into this namespace.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

namespace mlx::core::cu {

#define METAL_FUNC __device__ __forceinline__
#define device
#define constant
#define thread
#define threadgroup
#undef inf  // MLX's, a name that a kernel may use

typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;
typedef ::__half half;
typedef ::__nv_bfloat16 bfloat;

#ifndef INFINITY
#define INFINITY __int_as_float(0x7f800000)
#endif
#ifndef NAN
#define NAN __int_as_float(0x7fc00000)
#endif

#define thread_index_in_simdgroup (threadIdx.x & 31u)
#define simdgroup_index_in_threadgroup (threadIdx.x >> 5)
#define thread_index_in_threadgroup threadIdx.x
#define threadgroup_position_in_grid blockIdx
#define threadgroups_per_grid gridDim
#define threadgroup_barrier(flags) __syncthreads()
#define simdgroup_barrier(flags) __syncwarp()

template <typename T, typename S> METAL_FUNC T as_type(const S& from) {
  static_assert(sizeof(T) == sizeof(S), "as_type keeps the size");
  T found;
  memcpy(&found, &from, sizeof(T));
  return found;
}

// Vectors. One of memory is aligned like its elements, so wide accesses ask the address first.
template <typename T, int N> struct alignas(sizeof(T) * N) tile_vector {
  T values[N];
  tile_vector() = default;
  METAL_FUNC explicit tile_vector(T all) {
    for (int k = 0; k < N; ++k) values[k] = all;
  }
  METAL_FUNC tile_vector(T x, T y) : values{x, y} {}
  METAL_FUNC tile_vector(T x, T y, T z, T w) : values{x, y, z, w} {}
  METAL_FUNC T& operator[](int k) { return values[k]; }
  METAL_FUNC const T& operator[](int k) const { return values[k]; }
};
#define TILE_VECTORS(T)                                                 \
  using T##2 = tile_vector<T, 2>;                                       \
  using T##4 = tile_vector<T, 4>;                                       \
  using T##8 = tile_vector<T, 8>;                                       \
  using packed_##T##2 = tile_vector<T, 2>;                              \
  using packed_##T##4 = tile_vector<T, 4>;                              \
  using packed_##T##8 = tile_vector<T, 8>;
TILE_VECTORS(char)
TILE_VECTORS(uchar)
TILE_VECTORS(short)
TILE_VECTORS(ushort)
TILE_VECTORS(int)
TILE_VECTORS(uint)
TILE_VECTORS(half)
TILE_VECTORS(bfloat)
TILE_VECTORS(float)

template <int N> struct tile_word;
template <> struct tile_word<2> { typedef ushort type; };
template <> struct tile_word<4> { typedef uint type; };
template <> struct tile_word<8> { typedef ::uint2 type; };
template <> struct tile_word<16> { typedef ::uint4 type; };

template <typename P, typename T> METAL_FUNC P tile_load(const T* at) {
  typedef typename tile_word<sizeof(P)>::type Word;
  P found;
  if ((size_t(at) & (sizeof(P) - 1)) == 0) {
    const Word word = *reinterpret_cast<const Word*>(at);
    memcpy(&found, &word, sizeof(P));
  } else {
    for (int k = 0; k < int(sizeof(P) / sizeof(T)); ++k) found[k] = at[k];
  }
  return found;
}
template <typename P, typename T, typename V> METAL_FUNC void tile_store(T* at, V value) {
  typedef typename tile_word<sizeof(P)>::type Word;
  if ((size_t(at) & (sizeof(P) - 1)) == 0) {
    Word word;
    memcpy(&word, &value, sizeof(P));
    *reinterpret_cast<Word*>(at) = word;
  } else {
    for (int k = 0; k < int(sizeof(P) / sizeof(T)); ++k) at[k] = value[k];
  }
}

// Accesses that are aligned if their array is. Outputs always are; a kernel asks once for its inputs, and has
// its body twice: `aligned` is the parameter that says which.
struct tile_true { static constexpr bool value = true; };
struct tile_false { static constexpr bool value = false; };
template <typename T> METAL_FUNC bool tile_aligned(const T* at) { return (size_t(at) & 15) == 0; }
template <bool known> struct tile_whole {
  template <typename P, typename T> static METAL_FUNC P tile_get(const T* at) {
    if constexpr (!known) {
      return tile_load<P>(at);
    } else {
      const auto word = *reinterpret_cast<const typename tile_word<sizeof(P)>::type*>(at);
      P found;
      memcpy(&found, &word, sizeof(P));
      return found;
    }
  }
};
#define tile_load_aligned tile_whole<decltype(aligned)::value>::template tile_get
template <typename P, typename T, typename V> METAL_FUNC void tile_store_aligned(T* at, V value) {
  typename tile_word<sizeof(P)>::type word;
  memcpy(&word, &value, sizeof(P));
  *reinterpret_cast<decltype(word)*>(at) = word;
}

// Shuffles, 4 bytes at a time.
template <typename T, typename F> METAL_FUNC T tile_moved(T value, F move) {
  if constexpr (sizeof(T) == 8) {
    const ulong bits = as_type<ulong>(value);
    return as_type<T>((ulong(move(uint(bits >> 32))) << 32) | move(uint(bits)));
  } else if constexpr (sizeof(T) == 4) {
    return as_type<T>(move(as_type<uint>(value)));
  } else if constexpr (sizeof(T) == 2) {
    return as_type<T>(ushort(move(as_type<ushort>(value))));
  } else {
    return as_type<T>(uchar(move(as_type<uchar>(value))));
  }
}
template <typename T> METAL_FUNC T tile_shuffle_xor(T value, ushort mask) {
  return tile_moved(value, [mask](uint bits) { return __shfl_xor_sync(~0u, bits, mask); });
}
template <typename T> METAL_FUNC T tile_shuffle(T value, ushort from) {
  return tile_moved(value, [from](uint bits) { return __shfl_sync(~0u, bits, from); });
}

// A product that never becomes part of a fused multiply-add.
#define TILE_NO_CONTRACTION
METAL_FUNC float tile_product(float a, float b) { return __fmul_rn(a, b); }
METAL_FUNC double tile_product(double a, double b) { return __dmul_rn(a, b); }
METAL_FUNC half tile_product(half a, half b) { return __hmul_rn(a, b); }
METAL_FUNC bfloat tile_product(bfloat a, bfloat b) { return __hmul_rn(a, b); }

template <typename T> METAL_FUNC T max(T a, T b) { return a < b ? b : a; }
template <typename T> METAL_FUNC T min(T a, T b) { return b < a ? b : a; }
template <typename T> METAL_FUNC T abs(T a) { return a < T(0) ? T(0ul - ulong(a)) : a; }
METAL_FUNC ulong mulhi(ulong a, ulong b) { return __umul64hi(a, b); }
METAL_FUNC uint mulhi(uint a, uint b) { return __umulhi(a, b); }
METAL_FUNC ushort mulhi(ushort a, ushort b) { return ushort((uint(a) * b) >> 16); }
METAL_FUNC uchar mulhi(uchar a, uchar b) { return uchar((uint(a) * b) >> 8); }

#define TILE_BOTH(name, single, twice)                        \
  METAL_FUNC float name(float x) { return ::single(x); }      \
  METAL_FUNC double name(double x) { return ::twice(x); }
#define TILE_PAIR(name, single, twice)                                      \
  METAL_FUNC float name(float x, float y) { return ::single(x, y); }        \
  METAL_FUNC double name(double x, double y) { return ::twice(x, y); }
TILE_BOTH(fabs, fabsf, fabs)
TILE_BOTH(floor, floorf, floor)
TILE_BOTH(ceil, ceilf, ceil)
TILE_BOTH(trunc, truncf, trunc)
TILE_BOTH(rint, rintf, rint)
TILE_BOTH(round, roundf, round)
TILE_BOTH(erf_f, erff, erf)
TILE_PAIR(fmax, fmaxf, fmax)
TILE_PAIR(fmin, fminf, fmin)
TILE_PAIR(fmod, fmodf, fmod)
TILE_PAIR(copysign, copysignf, copysign)
METAL_FUNC float fma(float a, float b, float c) { return __fmaf_rn(a, b, c); }
METAL_FUNC double fma(double a, double b, double c) { return __fma_rn(a, b, c); }
METAL_FUNC bool isnan(float x) { return x != x; }
METAL_FUNC bool isinf(float x) { return ::fabsf(x) == INFINITY; }
METAL_FUNC bool isfinite(float x) { return ::fabsf(x) < INFINITY; }
METAL_FUNC float to_zero_float(double x) { return __double2float_rz(x); }
METAL_FUNC double expm1_f(double x) { return ::expm1(x); }
METAL_FUNC double log1p_f(double x) { return ::log1p(x); }

namespace precise {
TILE_BOTH(sqrt, sqrtf, sqrt)
TILE_BOTH(rsqrt, rsqrtf, rsqrt)
// The hardware's, as Triton itself takes on NVIDIA: what is wrong is at most 2 units of the last place and the
// rounding of the exponent, and what is less than 2^-126 becomes 0.
METAL_FUNC float exp2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
METAL_FUNC double exp2(double x) { return ::exp2(x); }
METAL_FUNC float exp(float x) { return exp2(__fmul_rn(x, 1.44269504f)); }
METAL_FUNC double exp(double x) { return ::exp(x); }
TILE_BOTH(exp10, exp10f, exp10)
TILE_BOTH(log, logf, log)
TILE_BOTH(log2, log2f, log2)
TILE_BOTH(log10, log10f, log10)
TILE_BOTH(sin, sinf, sin)
TILE_BOTH(cos, cosf, cos)
TILE_BOTH(tan, tanf, tan)
TILE_BOTH(sinh, sinhf, sinh)
TILE_BOTH(cosh, coshf, cosh)
TILE_BOTH(tanh, tanhf, tanh)
TILE_BOTH(asin, asinf, asin)
TILE_BOTH(acos, acosf, acos)
TILE_BOTH(atan, atanf, atan)
TILE_BOTH(asinh, asinhf, asinh)
TILE_BOTH(acosh, acoshf, acosh)
TILE_BOTH(atanh, atanhf, atanh)
TILE_PAIR(atan2, atan2f, atan2)
TILE_PAIR(pow, powf, pow)
}  // namespace precise

enum tile_order { memory_order_relaxed };
template <typename T> struct atomic { T value; };
#define TILE_ATOMIC(name, call)                                                          \
  template <typename T, typename V>                                                      \
  METAL_FUNC T atomic_##name##_explicit(atomic<T>* at, V value, tile_order) {            \
    return ::call(&at->value, T(value));                                                 \
  }
TILE_ATOMIC(fetch_add, atomicAdd)
TILE_ATOMIC(fetch_and, atomicAnd)
TILE_ATOMIC(fetch_or, atomicOr)
TILE_ATOMIC(fetch_xor, atomicXor)
TILE_ATOMIC(fetch_max, atomicMax)
TILE_ATOMIC(fetch_min, atomicMin)
TILE_ATOMIC(exchange, atomicExch)
template <typename T> METAL_FUNC T atomic_load_explicit(atomic<T>* at, tile_order) {
  return *const_cast<volatile T*>(&at->value);
}
template <typename T>
METAL_FUNC bool atomic_compare_exchange_weak_explicit(
    atomic<T>* at, T* expected, T desired, tile_order, tile_order) {
  const T before = *expected;
  *expected = atomicCAS(&at->value, before, desired);
  return *expected == before;
}

// Matrices of threadgroup memory, of which every lane gets two elements: PTX ISA, ldmatrix. Lane 8m + r has the
// address of row r of matrix m, 16 bytes; `turns`: columns become rows.
template <int count, bool turns, typename T> METAL_FUNC void tile_gather(T* to, const T* row) {
  const uint at = uint(__cvta_generic_to_shared(row));
  uint words[count];
#define TILE_LDMATRIX(form, holes, address, ...)                                              \
  if constexpr (turns)                                                                        \
    asm volatile("ldmatrix.sync.aligned.m8n8." form ".trans.shared.b16 " holes ", [" address "];" \
                 : __VA_ARGS__ : "r"(at));                                                    \
  else                                                                                        \
    asm volatile("ldmatrix.sync.aligned.m8n8." form ".shared.b16 " holes ", [" address "];"   \
                 : __VA_ARGS__ : "r"(at));
  if constexpr (count == 4) {
    TILE_LDMATRIX("x4", "{%0, %1, %2, %3}", "%4", "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3]))
  } else if constexpr (count == 2) {
    TILE_LDMATRIX("x2", "{%0, %1}", "%2", "=r"(words[0]), "=r"(words[1]))
  } else {
    TILE_LDMATRIX("x1", "{%0}", "%1", "=r"(words[0]))
  }
  memcpy(to, words, sizeof(words));
}

// d += a x b on tensor cores, for 8x8 matrices of which every lane has two elements (lowering/fragments.py):
// two results above each other, of two matrices above each other and one; and of those and as many beside
// them. Of the result and of a they are neighbours in registers, of b they are `down` registers apart. PTX ISA,
// mma.m16n8k8 and mma.m16n8k16.
template <int apart, typename T> METAL_FUNC uint tile_pair(const T* at) {
  if constexpr (apart == 1) {
    uint word;
    memcpy(&word, at, sizeof(word));
    return word;
  }
  return uint(as_type<ushort>(at[0])) | (uint(as_type<ushort>(at[apart])) << 16);
}
#define TILE_MMA(T, name)                                                                       \
  template <int down>                                                                           \
  METAL_FUNC void tile_multiply(float* d, float* e, const T* a, const T* c, const T* b) {       \
    asm("mma.sync.aligned.m16n8k8.row.col.f32." name "." name ".f32 "                           \
        "{%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"                                   \
        : "+f"(d[0]), "+f"(d[1]), "+f"(e[0]), "+f"(e[1])                                        \
        : "r"(tile_pair<1>(a)), "r"(tile_pair<1>(c)), "r"(tile_pair<down>(b)));                 \
  }                                                                                             \
  template <int down> METAL_FUNC void tile_multiply(float* d, const T* a, const T* b) {         \
    float rest[2] = {0.0f, 0.0f};                                                               \
    const T none[2] = {T(0.0f), T(0.0f)};                                                       \
    tile_multiply<down>(d, rest, a, none, b);                                                   \
  }                                                                                             \
  template <int down>                                                                           \
  METAL_FUNC void tile_multiply(float* d, float* e, const T* a, const T* c, const T* a2,        \
                                const T* c2, const T* b, const T* b2) {                         \
    asm("mma.sync.aligned.m16n8k16.row.col.f32." name "." name ".f32 "                          \
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"                       \
        : "+f"(d[0]), "+f"(d[1]), "+f"(e[0]), "+f"(e[1])                                        \
        : "r"(tile_pair<1>(a)), "r"(tile_pair<1>(c)), "r"(tile_pair<1>(a2)),                    \
          "r"(tile_pair<1>(c2)), "r"(tile_pair<down>(b)), "r"(tile_pair<down>(b2)));            \
  }                                                                                             \
  template <int down>                                                                           \
  METAL_FUNC void tile_multiply(float* d, const T* a, const T* a2, const T* b, const T* b2) {   \
    float rest[2] = {0.0f, 0.0f};                                                               \
    const T none[2] = {T(0.0f), T(0.0f)};                                                       \
    tile_multiply<down>(d, rest, a, none, a2, none, b, b2);                                     \
  }
TILE_MMA(half, "f16")
TILE_MMA(bfloat, "bf16")
