// <metal_simdgroup_matrix>: 8x8 matrices, two neighbouring elements of one row per lane.
#pragma once
namespace metal {
// The lane's row, and the column of its first element (its second one is right of it).
struct matrix_place {
  uint row, column;
};
METAL_FUNC constexpr matrix_place place_of(uint lane) {
  return {(lane >> 2 & 4) + (lane >> 1 & 3), (lane >> 1 & 4) + (lane & 1) * 2};
}
METAL_FUNC constexpr uint lane_of(uint row, uint column) {
  return (row & 4) << 2 | (column & 4) << 1 | (row & 3) << 1 | (column & 2) >> 1;
}
// Not inlined: in a kernel's code its reads would count as the kernel's own.
MSL_UNCHECKED __attribute__((noinline)) inline uint own_lane() { return msl_current->lane; }

template <class T, int Columns, int Rows>
struct simdgroup_matrix {
  static_assert(Columns == 8 && Rows == 8, "simdgroup_matrix is 8 by 8");
  static_assert(is_floating_point_v<T>, "simdgroup_matrix of float, half or bfloat");
  vec<T, 2> elements;
  simdgroup_matrix() = default;
  METAL_FUNC explicit simdgroup_matrix(T diagonal) {
    matrix_place at = place_of(own_lane());
    elements[0] = at.row == at.column ? diagonal : T(0);
    elements[1] = at.row == at.column + 1 ? diagonal : T(0);
  }
  METAL_FUNC thread vec<T, 2>& thread_elements() thread { return elements; }
  METAL_FUNC const thread vec<T, 2>& thread_elements() const thread { return elements; }
};
typedef simdgroup_matrix<float, 8, 8> simdgroup_float8x8;
typedef simdgroup_matrix<half, 8, 8> simdgroup_half8x8;
typedef simdgroup_matrix<bfloat, 8, 8> simdgroup_bfloat8x8;

template <class T, int Columns, int Rows>
METAL_FUNC simdgroup_matrix<T, Columns, Rows> make_filled_simdgroup_matrix(T value) {
  simdgroup_matrix<T, Columns, Rows> m;
  m.elements = (vec<T, 2>)value;
  return m;
}

struct matrix_pair {
  float a[2], b[2];
};
// d = a b + c; sums in float, rounded once.
template <class TD, class TA, class TB, class TC>
MSL_RENDEZVOUS void simdgroup_multiply_accumulate(
    thread simdgroup_matrix<TD, 8, 8>& d,
    thread simdgroup_matrix<TA, 8, 8>& a,
    thread simdgroup_matrix<TB, 8, 8>& b,
    thread simdgroup_matrix<TC, 8, 8>& c) {
  matrix_pair mine = {{(float)a.elements[0], (float)a.elements[1]},
                      {(float)b.elements[0], (float)b.elements[1]}};
  msl_matrix_operation(MSL_MATRIX_MULTIPLY, 1);
  auto all = exchange(mine, MSL_SITE);
  matrix_place at = place_of(all.lane);
  float sum0 = (float)c.elements[0], sum1 = (float)c.elements[1];
#pragma clang loop unroll(full)
  for (uint k = 0; k < 8; k++) {
    float left = ((const matrix_pair*)all.values[lane_of(at.row, k)])->a[k & 1];
    const matrix_pair* right = (const matrix_pair*)all.values[lane_of(k, at.column)];
    sum0 += left * right->b[0];
    sum1 += left * right->b[1];
  }
  d.elements[0] = (TD)sum0;
  d.elements[1] = (TD)sum1;
}
template <class TD, class TA, class TB>
METAL_FUNC void simdgroup_multiply(
    thread simdgroup_matrix<TD, 8, 8>& d,
    thread simdgroup_matrix<TA, 8, 8>& a,
    thread simdgroup_matrix<TB, 8, 8>& b) {
  simdgroup_matrix<TD, 8, 8> zero(TD(0));
  simdgroup_multiply_accumulate(d, a, b, zero);
}

template <class T>
T value_of(T);  // the type of an element without const and address space
MSL_RENDEZVOUS inline void matrix_meeting() {
  msl_matrix_operation(MSL_MATRIX_TRANSFER, 1);
  exchange(0u, MSL_SITE);
}

// Element (row, column) lies at memory[(origin.y + row) * stride + origin.x + column].
METAL_FUNC ulong matrix_offset(uint row, uint column, ulong stride, ulong2 origin, bool transposed) {
  return transposed ? (origin.y + column) * stride + origin.x + row
                    : (origin.y + row) * stride + origin.x + column;
}
template <class T, class Memory>
METAL_FUNC void simdgroup_load(
    thread simdgroup_matrix<T, 8, 8>& m,
    Memory memory,
    ulong stride = 8,
    ulong2 origin = 0,
    bool transposed = false) {
  static_assert(is_same_v<decltype(value_of(memory[0])), T>, "simdgroup_load: other element type");
  matrix_meeting();
  matrix_place at = place_of(own_lane());
  for (uint j = 0; j < 2; j++)
    m.elements[j] = memory[matrix_offset(at.row, at.column + j, stride, origin, transposed)];
}
template <class T, class Memory>
METAL_FUNC void simdgroup_store(
    thread const simdgroup_matrix<T, 8, 8>& m,
    Memory memory,
    ulong stride = 8,
    ulong2 origin = 0,
    bool transposed = false) {
  static_assert(is_same_v<decltype(value_of(memory[0])), T>, "simdgroup_store: other element type");
  matrix_meeting();
  matrix_place at = place_of(own_lane());
  for (uint j = 0; j < 2; j++)
    memory[matrix_offset(at.row, at.column + j, stride, origin, transposed)] = m.elements[j];
}
} // namespace metal
