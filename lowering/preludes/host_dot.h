// Tile products for the host: C += A x B with a register-blocked kernel of GNU vectors.
#ifndef TRITON_MLX_HOST_DOT_H
#define TRITON_MLX_HOST_DOT_H

namespace host_detail {

// Bytes of a vector, and how many vectors the accumulator block of one row may hold at most.
#if defined(__AVX512F__)
inline constexpr int kVectorBytes = 64, kAccumulators = 16;
#elif defined(__AVX__)
inline constexpr int kVectorBytes = 32, kAccumulators = 12;
#elif defined(__aarch64__)
inline constexpr int kVectorBytes = 16, kAccumulators = 16;
#else
inline constexpr int kVectorBytes = 16, kAccumulators = 8;
#endif

#if defined(__clang__)
#define TRITON_MLX_UNROLL _Pragma("unroll")
#else
#define TRITON_MLX_UNROLL _Pragma("GCC unroll 16")
#endif

// Some CPUs make clang split 64-byte vectors, which then spill.
#if defined(__clang__) && defined(__AVX512F__)
#define TRITON_MLX_WIDE __attribute__((noinline, min_vector_width(512)))
#else
#define TRITON_MLX_WIDE __attribute__((noinline))
#endif

constexpr int smaller(int x, int y) { return x < y ? x : y; }
constexpr int larger(int x, int y) { return x < y ? y : x; }

// Bytes multiply as floats: with K <= 256 every sum is an integer below 2^24, so it is exact.
template <class T> inline constexpr bool is_byte_v = metal::is_integral_v<T> && sizeof(T) == 1;
template <class A, class B> inline constexpr bool either_double_v =
    metal::is_same_v<A, double> || metal::is_same_v<B, double>;
template <class TA, class TB, class TC> struct Accumulator {
  static constexpr bool integral = metal::is_integral_v<TA> && metal::is_integral_v<TB>;
  static constexpr bool bytes = is_byte_v<TA> && is_byte_v<TB>;
  static constexpr bool wide = either_double_v<TA, TB> || metal::is_same_v<TC, double>;
  typedef metal::conditional_t<wide, double, metal::conditional_t<integral && !bytes, int, float>> type;
};

// `lanes` values of T: in registers, and in memory at any address.
template <class T, int lanes> struct Vector {
  typedef T type __attribute__((vector_size(lanes * sizeof(T))));
  typedef T memory __attribute__((vector_size(lanes * sizeof(T)), aligned(alignof(T)), may_alias));
};

// rows x (vectors * lanes) of C; a[i*a_row + k*a_col], b[k*b_row + j], c[i*c_row + j].
template <int rows, int vectors, int lanes, class T, class TC>
METAL_FUNC void dot_block(int depth, const T* a, long a_row, long a_col, const T* b, long b_row, TC* c,
                          long c_row) {
  typedef typename Vector<T, lanes>::type V;
  typedef typename Vector<T, lanes>::memory Stored;
  V sum[rows][vectors];
  TRITON_MLX_UNROLL
  for (int i = 0; i < rows; ++i) {
    TRITON_MLX_UNROLL
    for (int j = 0; j < vectors; ++j) sum[i][j] = V{};
  }
  for (int k = 0; k < depth; ++k) {
    V right[vectors];
    TRITON_MLX_UNROLL
    for (int j = 0; j < vectors; ++j) right[j] = *(const Stored*)(b + k * b_row + j * lanes);
    TRITON_MLX_UNROLL
    for (int i = 0; i < rows; ++i) {
      const T left = a[i * a_row + k * a_col];
      TRITON_MLX_UNROLL
      for (int j = 0; j < vectors; ++j) sum[i][j] = sum[i][j] + left * right[j];
    }
  }
  TRITON_MLX_UNROLL
  for (int i = 0; i < rows; ++i) {
    TRITON_MLX_UNROLL
    for (int j = 0; j < vectors; ++j) {
      TC* out = c + i * c_row + j * lanes;
      if constexpr (metal::is_same_v<T, TC>) {
        *(Stored*)out = *(const Stored*)out + sum[i][j];
      } else {
        typedef typename Vector<TC, lanes>::memory StoredC;
        typedef typename Vector<TC, lanes>::type VC;
        *(StoredC*)out = *(const StoredC*)out + __builtin_convertvector(sum[i][j], VC);
      }
    }
  }
}

// The shape of the register block and of the packed pieces for one tile product.
template <int M, int N, int K, class T> struct Blocking {
  static constexpr int lanes = smaller(kVectorBytes / int(sizeof(T)), N);
  static constexpr int vectors = larger(1, smaller(N / lanes, M < 4 ? 8 : 2));
  static constexpr int width = lanes * vectors;
  static constexpr int rows = smaller(M, larger(1, kAccumulators / vectors));
  static constexpr int depth = smaller(K, 16384 / N);  // a packed B has at most 16384 elements
};

// `count` contiguous values as T.
template <int count, class T, class TA> METAL_FUNC void convert_run(const TA* from, T* to) {
#if defined(__F16C__) && !defined(__clang__)  // g++ does not find this instruction by itself
  if constexpr (metal::is_same_v<TA, half> && metal::is_same_v<T, float> && count % 8 == 0) {
    typedef Vector<short, 8>::memory Halves;
    typedef Vector<float, 8>::memory Floats;
    for (int i = 0; i < count; i += 8)
      *(Floats*)(to + i) = __builtin_ia32_vcvtph2ps256(*(const Halves*)(from + i));
    return;
  }
#endif
  for (int i = 0; i < count; ++i) to[i] = T(from[i]);
}

// An 8 x 8 block: swap bits 2, 1, 0 of row and lane in turn.
template <class V> METAL_FUNC void transpose_block(V (&v)[8]) {
#define TRITON_MLX_SWAP(step, low, high)                          \
  TRITON_MLX_UNROLL for (int i = 0; i < 8; ++i) {                 \
    if ((i & step) != 0) continue;                                \
    const V a = v[i], b = v[i | step];                            \
    v[i] = __builtin_shufflevector(a, b, TRITON_MLX_LIST low);    \
    v[i | step] = __builtin_shufflevector(a, b, TRITON_MLX_LIST high); \
  }
#define TRITON_MLX_LIST(...) __VA_ARGS__
  TRITON_MLX_SWAP(4, (0, 1, 2, 3, 8, 9, 10, 11), (4, 5, 6, 7, 12, 13, 14, 15))
  TRITON_MLX_SWAP(2, (0, 1, 8, 9, 4, 5, 12, 13), (2, 3, 10, 11, 6, 7, 14, 15))
  TRITON_MLX_SWAP(1, (0, 8, 2, 10, 4, 12, 6, 14), (1, 9, 3, 11, 5, 13, 7, 15))
#undef TRITON_MLX_LIST
#undef TRITON_MLX_SWAP
}

// to[k * to_row + l] = from[l * from_col + k] for 8 columns l, whose values are contiguous in k.
template <int depth, class T, class TB>
METAL_FUNC void transpose_columns(const TB* from, long from_col, T* to, long to_row) {
  typedef typename Vector<T, 8>::type V;
  typedef typename Vector<T, 8>::memory Stored;
  const T* columns;
  long stride;
  alignas(64) T converted[metal::is_same_v<TB, T> ? 1 : 8 * depth];
  if constexpr (metal::is_same_v<TB, T>) {
    columns = from, stride = from_col;
  } else {
    for (int l = 0; l < 8; ++l) convert_run<depth>(from + l * from_col, converted + l * depth);
    columns = converted, stride = depth;
  }
  for (int k = 0; k < depth; k += 8) {
    V v[8];
    TRITON_MLX_UNROLL
    for (int l = 0; l < 8; ++l) v[l] = *(const Stored*)(columns + l * stride + k);
    transpose_block(v);
    TRITON_MLX_UNROLL
    for (int l = 0; l < 8; ++l) *(Stored*)(to + (k + l) * to_row) = v[l];
  }
}

template <int rows, int depth, class T, class TA>
METAL_FUNC void pack_rows(const TA* a, long a_row, long a_col, T* packed) {
  if (a_col == 1) {
    for (int i = 0; i < rows; ++i) convert_run<depth>(a + i * a_row, packed + i * depth);
    return;
  }
  for (int k = 0; k < depth; ++k)
    for (int i = 0; i < rows; ++i) packed[i * depth + k] = T(a[i * a_row + k * a_col]);
}

// Column panels of `width`, each depth x width and contiguous.
template <int N, int depth, int width, class T, class TB>
METAL_FUNC void pack_panels(const TB* b, long b_row, long b_col, T* packed) {
  for (int j = 0; j < N; j += width) {
    T* panel = packed + j * depth;
    const TB* from = b + j * b_col;
    if (b_col == 1) {
      for (int k = 0; k < depth; ++k) convert_run<width>(from + k * b_row, panel + k * width);
      continue;
    }
    if constexpr (width % 8 == 0 && depth % 8 == 0) {
      if (b_row == 1) {
        for (int l = 0; l < width; l += 8)
          transpose_columns<depth>(from + l * b_col, b_col, panel + l, width);
        continue;
      }
    }
    for (int l = 0; l < width; ++l)
      for (int k = 0; k < depth; ++k) panel[k * width + l] = T(from[k * b_row + l * b_col]);
  }
}

// One group of rows against every panel of B.
template <int rows, int M, int N, int K, class T, class TA, class TC>
METAL_FUNC void dot_rows(const TA* a, long a_row, long a_col, const T* b, long b_row, long b_panel,
                         TC* c) {
  typedef Blocking<M, N, K, T> Shape;
  constexpr int depth = Shape::depth, width = Shape::width, lanes = Shape::lanes;
  constexpr int vectors = Shape::vectors;
  if constexpr (metal::is_same_v<TA, T>) {
    for (int j = 0; j < N; j += width)
      dot_block<rows, vectors, lanes>(depth, a, a_row, a_col, b + j / width * b_panel, b_row, c + j, N);
  } else {
    alignas(64) T left[rows * depth];
    pack_rows<rows, depth>(a, a_row, a_col, left);
    for (int j = 0; j < N; j += width)
      dot_block<rows, vectors, lanes>(depth, left, depth, 1, b + j / width * b_panel, b_row, c + j, N);
  }
}

template <int M, int N, int K, class T, class TA, class TC>
METAL_FUNC void dot_all_rows(const TA* a, long a_row, long a_col, const T* b, long b_row, long b_panel,
                             TC* c) {
  constexpr int rows = Blocking<M, N, K, T>::rows, rest = M % rows;
  for (int i = 0; i + rows <= M; i += rows)
    dot_rows<rows, M, N, K>(a + i * a_row, a_row, a_col, b, b_row, b_panel, c + i * N);
  if constexpr (rest != 0)
    dot_rows<rest, M, N, K>(a + (M - rest) * a_row, a_row, a_col, b, b_row, b_panel,
                            c + (M - rest) * N);
}

template <int M, int N, int K, class T, class TA, class TB, class TC>
TRITON_MLX_WIDE void dot_blocked(const TA* a, long a_row, long a_col, const TB* b, long b_row,
                                 long b_col, TC* c) {
  typedef Blocking<M, N, K, T> Shape;
  constexpr int depth = Shape::depth, width = Shape::width;
  // Rows of B that are near each other serve as they are; far ones would fight for cache sets.
  if constexpr (metal::is_same_v<TB, T>) {
    if (b_col == 1 && b_row >= 0 && b_row <= 256) {
      for (int k = 0; k < K; k += depth)
        dot_all_rows<M, N, K, T>(a + k * a_col, a_row, a_col, b + k * b_row, b_row, width, c);
      return;
    }
  }
  alignas(64) T packed[depth * N];
  for (int k = 0; k < K; k += depth) {
    pack_panels<N, depth, width>(b + k * b_row, b_row, b_col, packed);
    dot_all_rows<M, N, K, T>(a + k * a_col, a_row, a_col, packed, width, depth * width, c);
  }
}

template <int M, int N, int K, class T, class TA, class TB, class TC>
METAL_FUNC void dot_plain(const TA* a, long a_row, long a_col, const TB* b, long b_row, long b_col,
                          TC* c) {
  for (int i = 0; i < M; ++i)
    for (int j = 0; j < N; ++j) {
      T sum = T(0);
      for (int k = 0; k < K; ++k) sum += T(a[i * a_row + k * a_col]) * T(b[k * b_row + j * b_col]);
      c[i * N + j] += TC(sum);
    }
}

}  // namespace host_detail

// c[M][N] += A[M][K] x B[K][N]; c is contiguous, A[i][k] = a[i*a_row + k*a_col] and
// B[k][j] = b[k*b_row + j*b_col] with any strides. M, N, K: powers of two, N at most 1024.
// Operands: float, half, bfloat, double, int, 8-bit integers; c: float, double or int. Sums are
// float, or double where a double takes part, or int for integers, exact for 8-bit ones. At most
// 64 KiB of stack (128 KiB for double) hold packed operands.
template <int M, int N, int K, class TA, class TB, class TC>
METAL_FUNC void host_dot(const TA* a, int a_row, int a_col, const TB* b, int b_row, int b_col, TC* c) {
  static_assert(M >= 1 && N >= 1 && K >= 1 && M <= 4096 && N <= 1024, "tile too large");
  static_assert((M & (M - 1)) == 0 && (N & (N - 1)) == 0 && (K & (K - 1)) == 0, "powers of two only");
  typedef typename host_detail::Accumulator<TA, TB, TC>::type T;
  constexpr int lanes = host_detail::kVectorBytes / int(sizeof(T));
  if constexpr (K > 256) {  // sums of 8-bit products are exact up to this length
    for (int k = 0; k < K; k += 256)
      host_dot<M, N, 256>(a + long(k) * a_col, a_row, a_col, b + long(k) * b_row, b_row, b_col, c);
  } else if constexpr (N < lanes && M > N) {  // the long side goes along the vectors: C^T += B^T x A^T
    alignas(64) TC turned[N * M] = {};
    host_detail::dot_blocked<N, M, K, T>(b, b_col, b_row, a, a_col, a_row, turned);
    for (int i = 0; i < M; ++i)
      for (int j = 0; j < N; ++j) c[i * N + j] += turned[j * M + i];
  } else if constexpr (N < 2) {
    host_detail::dot_plain<M, N, K, T>(a, a_row, a_col, b, b_row, b_col, c);
  } else {
    host_detail::dot_blocked<M, N, K, T>(a, a_row, a_col, b, b_row, b_col, c);
  }
}

#undef TRITON_MLX_UNROLL
#undef TRITON_MLX_WIDE

#endif  // TRITON_MLX_HOST_DOT_H
