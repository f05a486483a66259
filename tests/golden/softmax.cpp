static void program(const float* __restrict x_ptr_0, float* __restrict out_ptr_1, const int x_stride_2, const int out_stride_3, const int cols_4, const uint3 threadgroup_position_in_grid, const uint3 threadgroups_per_grid) {
  // softmax.py:17, 20
  const int x_6 = (int)((uint)(int)threadgroup_position_in_grid.x * (uint)x_stride_2);
  const int mul_22 = (int)((uint)(int)threadgroup_position_in_grid.x * (uint)out_stride_3);
  // softmax.py:17-18
  alignas(64) float numerator_13[64];
  alignas(64) float x_10[512];
  {
    const bool inside_5 = (511 < cols_4);
    if (inside_5) {
      {
        const long offset = (long)x_6;
        TILE_OUTER
        for (int c0 = 0; c0 < 512; c0 += 64) {
          TILE_LOOP
          for (int k0 = 0; k0 < 64; ++k0) {
            const int r0 = c0 + k0;
            const int i0 = r0;
            const float x_10_2 = x_ptr_0[offset + (long)i0];
            x_10[r0] = x_10_2;
            numerator_13[k0] = c0 == 0 ? x_10_2 : fmax(numerator_13[k0], x_10_2);
          }
        }
      }
    }
    else {
      {
        const long offset_2 = (long)x_6;
        TILE_OUTER
        for (int c0 = 0; c0 < 512; c0 += 64) {
          TILE_MASKED
          for (int k0 = 0; k0 < 64; ++k0) {
            const int r0 = c0 + k0;
            const int i0 = r0;
            const bool inside_5_2 = (i0 < cols_4);
            const float x_10_3 = inside_5_2 ? x_ptr_0[offset_2 + (long)i0] : -INFINITY;
            x_10[r0] = x_10_3;
            numerator_13[k0] = c0 == 0 ? x_10_3 : fmax(numerator_13[k0], x_10_3);
          }
        }
      }
    }
  }
  {
    for (int k = 0; k < 32; ++k) {
      numerator_13[k] = fmax(numerator_13[k], numerator_13[k + 32]);
    }
    for (int k = 0; k < 16; ++k) {
      numerator_13[k] = fmax(numerator_13[k], numerator_13[k + 16]);
    }
    for (int k = 0; k < 8; ++k) {
      numerator_13[k] = fmax(numerator_13[k], numerator_13[k + 8]);
    }
    for (int k = 0; k < 4; ++k) {
      numerator_13[k] = fmax(numerator_13[k], numerator_13[k + 4]);
    }
    for (int k = 0; k < 2; ++k) {
      numerator_13[k] = fmax(numerator_13[k], numerator_13[k + 2]);
    }
    for (int k = 0; k < 1; ++k) {
      numerator_13[k] = fmax(numerator_13[k], numerator_13[k + 1]);
    }
  }
  // softmax.py:18-19
  alignas(64) float y_19[64];
  alignas(64) float numerator_16[512];
  {
    TILE_OUTER
    for (int c0 = 0; c0 < 512; c0 += 64) {
      TILE_LOOP
      for (int k0 = 0; k0 < 64; ++k0) {
        const int r0 = c0 + k0;
        const float numerator_15 = (x_10[r0] - numerator_13[0]);
        const float numerator_16_2 = precise::exp(numerator_15);
        numerator_16[r0] = numerator_16_2;
        y_19[k0] = c0 == 0 ? numerator_16_2 : (y_19[k0] + numerator_16_2);
      }
    }
  }
  {
    for (int k = 0; k < 32; ++k) {
      y_19[k] = (y_19[k] + y_19[k + 32]);
    }
    for (int k = 0; k < 16; ++k) {
      y_19[k] = (y_19[k] + y_19[k + 16]);
    }
    for (int k = 0; k < 8; ++k) {
      y_19[k] = (y_19[k] + y_19[k + 8]);
    }
    for (int k = 0; k < 4; ++k) {
      y_19[k] = (y_19[k] + y_19[k + 4]);
    }
    for (int k = 0; k < 2; ++k) {
      y_19[k] = (y_19[k] + y_19[k + 2]);
    }
    for (int k = 0; k < 1; ++k) {
      y_19[k] = (y_19[k] + y_19[k + 1]);
    }
  }
  // softmax.py:19-20
  {
    const bool inside_5_3 = (511 < cols_4);
    if (inside_5_3) {
      {
        const long offset_3 = (long)mul_22;
        TILE_LOOP
        for (int r0 = 0; r0 < 512; ++r0) {
          const int i0 = r0;
          const float y_21 = (numerator_16[r0] / y_19[0]);
          out_ptr_1[offset_3 + (long)i0] = y_21;
        }
      }
    }
    else {
      {
        const long offset_4 = (long)mul_22;
        TILE_MASKED
        for (int r0 = 0; r0 < 512; ++r0) {
          const int i0 = r0;
          const float y_21_2 = (numerator_16[r0] / y_19[0]);
          const bool inside_5_4 = (i0 < cols_4);
          if (inside_5_4) out_ptr_1[offset_4 + (long)i0] = y_21_2;
        }
      }
    }
  }
}

extern "C" int triton_kernel(void* const* buffers, const void* scalars,
                             const int64_t* grid, int64_t begin, int64_t end) {
  const uint3 count = {(uint)grid[0], (uint)grid[1], (uint)grid[2]};
  for (int64_t p = begin; p < end; ++p) {
    const uint3 at = {(uint)(p % grid[0]), (uint)(p / grid[0] % grid[1]),
                      (uint)(p / (grid[0] * grid[1]))};
    program((float*)buffers[0], (float*)buffers[1], *(const int*)((const char*)scalars + 0), *(const int*)((const char*)scalars + 8), *(const int*)((const char*)scalars + 16), at, count);
  }
  return 0;
}
