// Words that emitted kernels use on the host alone.

// g++ (seen with 12.2, as in GCC's bug 114375) may unroll a short inner loop, then vectorise the loop around
// it and forget to permute the masks of its loads: wrong results from right code. Loops that are not
// unrolled before they are vectorised are safe (tests/host/test_compiler_bug.py).
// With both pragmas it (12.2) may also store what a local array held before it was filled, where the store
// is conditional: such loops get no ivdep.
#if defined(__clang__)
#define TILE_MASKED _Pragma("clang loop vectorize(assume_safety)")
#define TILE_LOOP _Pragma("clang loop vectorize(assume_safety)")
#define TILE_OUTER
#else
#define TILE_MASKED _Pragma("GCC unroll 1")
#define TILE_LOOP _Pragma("GCC ivdep") _Pragma("GCC unroll 1")
#define TILE_OUTER _Pragma("GCC unroll 1")
#endif

// g++ 12 gathers at -1 where a vectorised index is a comparison that should count as 1 (plain C shows it at
// -O2). Where a boolean becomes part of an index, this hides where it came from.
METAL_FUNC int tile_bit(bool b) {
  int bit = b ? 1 : 0;
#if !defined(__clang__)
  __asm__("" : "+r"(bit));
#endif
  return bit;
}

METAL_FUNC float to_zero_float(double x) {
  const float near = float(x);
  return __builtin_fabs(double(near)) > __builtin_fabs(x) ? as_type<float>(as_type<uint>(near) - 1u)
                                                          : near;
}

METAL_FUNC float erf_f(float x) { return metal::erf(x); }
METAL_FUNC double erf_f(double x) { return metal::erf(x); }
METAL_FUNC double expm1_f(double x) { return __builtin_expm1(x); }
METAL_FUNC double log1p_f(double x) { return __builtin_log1p(x); }

// Atomics on ordinary memory. Types without a native operation use compare and swap.
template <typename T> struct host_bits;
template <> struct host_bits<float> { using type = uint; };
template <> struct host_bits<double> { using type = ulong; };
template <> struct host_bits<half> { using type = ushort; };
template <> struct host_bits<bfloat> { using type = ushort; };
template <> struct host_bits<char> { using type = uchar; };
template <> struct host_bits<uchar> { using type = uchar; };
template <> struct host_bits<short> { using type = ushort; };
template <> struct host_bits<ushort> { using type = ushort; };
template <> struct host_bits<int> { using type = uint; };
template <> struct host_bits<uint> { using type = uint; };
template <> struct host_bits<long> { using type = ulong; };
template <> struct host_bits<ulong> { using type = ulong; };

template <typename T, typename P, typename F> inline T host_atomic_update(P* place, F next) {
  using B = typename host_bits<T>::type;
  static_assert(sizeof(B) == sizeof(P), "an atomic keeps the width of the element");
  B* bits = (B*)place;
  B seen = __atomic_load_n(bits, __ATOMIC_ACQUIRE);
  for (;;) {
    const B wanted = as_type<B>(next(as_type<T>(seen)));
    if (__atomic_compare_exchange_n(bits, &seen, wanted, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
      return as_type<T>(seen);
  }
}
#define HOST_ATOMIC(name, result)                                                      \
  template <typename T, typename P> inline T host_atomic_##name(P* place, T value) {   \
    return host_atomic_update<T>(place, [=](T old) { return T(result); });             \
  }
HOST_ATOMIC(fetch_add, old + value)
HOST_ATOMIC(fetch_and, old & value)
HOST_ATOMIC(fetch_or, old | value)
HOST_ATOMIC(fetch_xor, old ^ value)
HOST_ATOMIC(fetch_max, value > old ? value : old)
HOST_ATOMIC(fetch_min, value < old ? value : old)
HOST_ATOMIC(exchange, value)
HOST_ATOMIC(load, old)
template <typename T, typename P> inline T host_atomic_poll(P* place, T value) {
  using B = typename host_bits<T>::type;
  while (__atomic_load_n((B*)place, __ATOMIC_ACQUIRE) != as_type<B>(value)) {
  }
  return value;
}

// Floats in the order of their bits: -0 is below +0, NaN of either sign is at that end.
template <typename T> inline auto float_order(T x) {
  using B = typename host_bits<T>::type;
  const B bits = as_type<B>(x), top = B(B(1) << (8 * sizeof(B) - 1));
  return B(bits & top ? ~bits : bits ^ top);
}
HOST_ATOMIC(fetch_fmax, float_order(value) > float_order(old) ? value : old)
HOST_ATOMIC(fetch_fmin, float_order(value) < float_order(old) ? value : old)
template <typename T, typename P> inline T host_atomic_cas(P* place, T expected, T value) {
  using B = typename host_bits<T>::type;
  static_assert(sizeof(B) == sizeof(P), "an atomic keeps the width of the element");
  B seen = as_type<B>(expected);
  __atomic_compare_exchange_n((B*)place, &seen, as_type<B>(value), false, __ATOMIC_ACQ_REL,
                              __ATOMIC_ACQUIRE);
  return as_type<T>(seen);
}

// The number of the next message (words.h: tile_report).
inline uint tile_slot(uint* report) { return __atomic_fetch_add(report, 1u, __ATOMIC_RELAXED); }
