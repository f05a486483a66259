// Vector types, their constructors, and element-wise application.
#pragma once
#define MSL_VECTORS(T)          \
  typedef metal::vec<T, 2> T##2; \
  typedef metal::vec<T, 3> T##3; \
  typedef metal::vec<T, 4> T##4;
MSL_VECTORS(bool)
MSL_VECTORS(char)
MSL_VECTORS(uchar)
MSL_VECTORS(short)
MSL_VECTORS(ushort)
MSL_VECTORS(int)
MSL_VECTORS(uint)
MSL_VECTORS(long)
MSL_VECTORS(ulong)
MSL_VECTORS(half)
MSL_VECTORS(bfloat)
MSL_VECTORS(float)

// A packed vector is aligned like one component. Classes cannot be read from an address space, and
// templates forget the alignment of a typedef: the static check has the one, a running kernel the other.
namespace metal {
template <class T, int N>
struct packed_vec {
  T parts[N];
  packed_vec() = default;
  METAL_FUNC packed_vec(vec<T, N> v) {
    for (int i = 0; i < N; i++) parts[i] = v[i];
  }
  METAL_FUNC operator vec<T, N>() const {
    vec<T, N> v;
    for (int i = 0; i < N; i++) v[i] = parts[i];
    return v;
  }
  METAL_FUNC T& operator[](int i) { return parts[i]; }
  METAL_FUNC T operator[](int i) const { return parts[i]; }
};
template <class V>
constexpr bool is_packed = false;
template <class T, int N>
constexpr bool is_packed<packed_vec<T, N>> = true;
template <class T, int N>
METAL_FUNC vec<T, N> unpacked(packed_vec<T, N> v) {
  return v;
}
} // namespace metal
#ifdef MSL_STATIC_CHECK
#define MSL_PACKED_OF(T, N) \
  typedef T packed_##T##N __attribute__((ext_vector_type(N), aligned(sizeof(T))));
#else
#define MSL_PACKED_OF(T, N) typedef metal::packed_vec<T, N> packed_##T##N;
#endif
#define MSL_PACKED(T) MSL_PACKED_OF(T, 2) MSL_PACKED_OF(T, 3) MSL_PACKED_OF(T, 4)
MSL_PACKED(char)
MSL_PACKED(uchar)
MSL_PACKED(short)
MSL_PACKED(ushort)
MSL_PACKED(int)
MSL_PACKED(uint)
MSL_PACKED(long)
MSL_PACKED(half)
MSL_PACKED(bfloat)
MSL_PACKED(float)

namespace metal {
template <class V, class... A>
METAL_FUNC constexpr V make(A... parts) {
  using E = ve<V>;
  constexpr int size = vn<V>;
  if constexpr (sizeof...(A) == 0) {
    return V{};
  } else if constexpr (sizeof...(A) == 1) {
    auto value = (parts, ...);
    if constexpr (is_packed<decltype(value)>) {
      return make<V>(unpacked(value));
    } else if constexpr (vn<decltype(value)> == 0) {
      return (V)(E)value;
    } else {
      static_assert(vn<decltype(value)> == size, "vector size mismatch");
      return __builtin_convertvector(value, V);
    }
  } else {
    static_assert(((vn<A> ? vn<A> : 1) + ...) == size, "wrong number of vector components");
    V result{};
    int next = 0;
    auto put = [&](auto part) {
      if constexpr (vn<decltype(part)> == 0) {
        result[next++] = (E)part;
      } else {
        for (int i = 0; i < vn<decltype(part)>; i++) result[next++] = (E)part[i];
      }
    };
    (put(parts), ...);
    return result;
  }
}

template <class To, class From>
METAL_FUNC constexpr To as_type(From value) {
  static_assert(sizeof(To) == sizeof(From), "as_type needs types of one size");
  return __builtin_bit_cast(To, value);
}

// map(f, x, y...): f on every component of equally shaped vectors, or once on scalars.
template <class F, class T, class... Rest>
METAL_FUNC T map(F f, T x, Rest... rest) {
  if constexpr (vn<T> == 0) {
    return (T)f(x, rest...);
  } else {
    T result;
    for (int i = 0; i < vn<T>; i++) result[i] = (ve<T>)f((ve<T>)x[i], (ve<T>)rest[i]...);
    return result;
  }
}
} // namespace metal
using metal::as_type;
