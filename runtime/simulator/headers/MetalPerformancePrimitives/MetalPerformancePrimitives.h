// Metal 4's tensor operations, as far as kernels use them with operands in registers of one simdgroup.
//
// Apple documents no place of an element. MLX's kernels for the M5 rely on one (steel/gemm/nax.h, get_coord):
// a matrix is made of 16x16 parts in the order of its rows, and of each part a lane has two rows, eight apart,
// of four neighbours. This file says the same from the side of the operation.
#pragma once
#include "../msl/all.h"

namespace metal {
struct execution_simdgroup {};
} // namespace metal

namespace mpp {
namespace tensor_ops {
struct matmul2d_descriptor {
  enum class mode { multiply, multiply_accumulate };
  int rows, columns, depth;
  bool left_turned, right_turned, relaxed;
  mode what;
  constexpr matmul2d_descriptor(int m, int n, int k, bool turn_left = false, bool turn_right = false,
                                bool relaxed_precision = false, mode kind = mode::multiply)
      : rows(m), columns(n), depth(k), left_turned(turn_left), right_turned(turn_right),
        relaxed(relaxed_precision), what(kind) {}
};

// A Rows x Columns matrix in the registers of a simdgroup: one lane's part of it.
template <class T, int Rows, int Columns>
struct part_of_matrix {
  static_assert(Rows % 16 == 0 && Columns % 16 == 0, "parts are 16 by 16");
  static constexpr int count = Rows * Columns / 32;
  using element = T;
  T elements[count];
  METAL_FUNC thread T& operator[](int i) thread { return elements[i]; }
  METAL_FUNC const thread T& operator[](int i) const thread { return elements[i]; }
  METAL_FUNC static constexpr int get_capacity() { return count; }
};

// Which lane has an element, and as which of its own.
struct tensor_place {
  uint lane, index;
};
METAL_FUNC constexpr tensor_place tensor_place_of(uint row, uint column, uint columns) {
  const uint number = row / 16 * (columns / 16) + column / 16;
  const uint lane = (row & 4) << 2 | (column & 8) | (row & 3) << 1 | (column & 4) >> 2;
  return {lane, number * 8 + (row & 8) / 2 + (column & 3)};
}
// The element that a lane has as number `index`.
struct tensor_element {
  uint row, column;
};
METAL_FUNC constexpr tensor_element tensor_element_of(uint lane, uint index, uint columns) {
  const uint number = index / 8, across = columns / 16;
  return {number / across * 16 + (index & 4) * 2 + (lane >> 2 & 4) + (lane >> 1 & 3),
          number % across * 16 + (lane & 8) + (lane & 1) * 4 + (index & 3)};
}

// float operands with relaxed precision keep 10 bits behind the point, as MLX has found on the M5.
template <class T>
MSL_UNCHECKED METAL_FUNC float tensor_operand(T value, bool relaxed) {
  if (!relaxed || sizeof(T) != 4) return (float)value;
  uint bits = __builtin_bit_cast(uint, (float)value);
  if ((bits & 0x7f800000u) == 0x7f800000u) return (float)value;
  bits += 0xfffu + (bits >> 13 & 1);
  return __builtin_bit_cast(float, bits & ~0x1fffu);
}

template <class A, class B>
struct tensor_pair {
  A left;
  B right;
};

template <matmul2d_descriptor shape, class Scope>
struct matmul2d {
  static_assert(metal::is_same_v<Scope, metal::execution_simdgroup>, "one simdgroup is what is known");
  static constexpr int m = shape.rows, n = shape.columns, k = shape.depth;
  template <class T>
  using left_matrix = part_of_matrix<T, shape.left_turned ? k : m, shape.left_turned ? m : k>;
  template <class T>
  using right_matrix = part_of_matrix<T, shape.right_turned ? n : k, shape.right_turned ? k : n>;
  template <class T>
  static constexpr bool known = metal::is_floating_point_v<T>;

  template <class A, class B, class C>
  METAL_FUNC left_matrix<A> get_left_input_cooperative_tensor() const thread {
    static_assert(known<A> && known<B> && known<C>, "matmul2d of float, half or bfloat");
    return {};
  }
  template <class A, class B, class C>
  METAL_FUNC right_matrix<B> get_right_input_cooperative_tensor() const thread {
    static_assert(known<A> && known<B> && known<C>, "matmul2d of float, half or bfloat");
    return {};
  }
  template <class Left, class Right, class C>
  METAL_FUNC part_of_matrix<C, m, n> get_destination_cooperative_tensor() const thread {
    return {};
  }

  // c = a b, or c += a b; sums in float, rounded once.
  template <class Left, class Right, class Sum>
  MSL_RENDEZVOUS void run(thread Left& a, thread Right& b, thread Sum& c) const thread {
    static_assert(metal::is_same_v<Left, left_matrix<typename Left::element>>, "another left operand");
    static_assert(metal::is_same_v<Right, right_matrix<typename Right::element>>, "another right operand");
    static_assert(metal::is_same_v<Sum, part_of_matrix<typename Sum::element, m, n>>, "another result");
    using Pair = tensor_pair<Left, Right>;
    const Pair mine = {a, b};
    msl_matrix_operation(MSL_MATRIX_MULTIPLY, m / 8 * (n / 8) * (k / 8));
    auto all = metal::exchange(mine, MSL_SITE);
    for (int i = 0; i < Sum::count; i++) {
      const tensor_element at = tensor_element_of(all.lane, i, n);
      float sum = shape.what == matmul2d_descriptor::mode::multiply ? 0.0f : (float)c.elements[i];
      for (uint d = 0; d < k; d++) {
        const tensor_place x = shape.left_turned ? tensor_place_of(d, at.row, m) : tensor_place_of(at.row, d, k);
        const tensor_place y =
            shape.right_turned ? tensor_place_of(at.column, d, k) : tensor_place_of(d, at.column, n);
        const float left = tensor_operand(((const Pair*)all.values[x.lane])->left.elements[x.index], shape.relaxed);
        const float right = tensor_operand(((const Pair*)all.values[y.lane])->right.elements[y.index], shape.relaxed);
        sum += left * right;
      }
      c.elements[i] = (typename Sum::element)sum;
    }
  }
};
} // namespace tensor_ops
} // namespace mpp
