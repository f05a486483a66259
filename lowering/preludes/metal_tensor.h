#include <MetalPerformancePrimitives/MetalPerformancePrimitives.h>

// d += a x b for a 16x16 matrix and two of b and d beside each other (lowering/fragments.py). Of each a lane has
// two rows of four neighbours; from its first to its second row it is so many registers: `down_d` etc.
// Precision is relaxed as in MLX's kernels; operands have 16 bits, sums 32.
template <int down_d, int down_a, int down_b, typename T>
METAL_FUNC void tile_tensor_multiply(thread float* d, const thread T* a, const thread T* b) {
  constexpr auto shape = mpp::tensor_ops::matmul2d_descriptor(
      16, 32, 16, false, false, true,
      mpp::tensor_ops::matmul2d_descriptor::mode::multiply_accumulate);
  mpp::tensor_ops::matmul2d<shape, metal::execution_simdgroup> product;
  using Left = decltype(product.template get_left_input_cooperative_tensor<T, T, float>());
  using Right = decltype(product.template get_right_input_cooperative_tensor<T, T, float>());
  auto left = product.template get_left_input_cooperative_tensor<T, T, float>();
  auto right = product.template get_right_input_cooperative_tensor<T, T, float>();
  auto sum = product.template get_destination_cooperative_tensor<Left, Right, float>();
#pragma clang loop unroll(full)
  for (int i = 0; i < 8; ++i) left[i] = a[i / 4 * down_a + i % 4];
#pragma clang loop unroll(full)
  for (int i = 0; i < 16; ++i) {
    const int beside = i / 8 * 4 + i % 4, row = i / 4 % 2;
    right[i] = b[row * down_b + beside];
    sum[i] = d[row * down_d + beside];
  }
  product.run(left, right, sum);
#pragma clang loop unroll(full)
  for (int i = 0; i < 16; ++i) d[i / 4 % 2 * down_d + i / 8 * 4 + i % 4] = sum[i];
}
