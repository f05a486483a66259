static void program(const float* __restrict x_ptr_0, float* __restrict out_ptr_1, const int rows_2, const int cols_3, const uint3 threadgroup_position_in_grid, const uint3 threadgroups_per_grid) {
  // test_golden.py:56-57
  const int r_3 = (int)((uint)(int)threadgroup_position_in_grid.x * (uint)32);
  const int c_8 = (int)((uint)(int)threadgroup_position_in_grid.y * (uint)32);
  // test_golden.py:59-60
  {
    const int r_6 = (r_3 + 31);
    const bool inside_13 = (r_6 < rows_2);
    const int c_10 = (c_8 + 31);
    const bool inside_16 = (c_10 < cols_3);
    const bool inside_19 = (inside_13 && inside_16);
    if (inside_19) {
      {
        TILE_OUTER
        for (int r0 = 0; r0 < 32; ++r0) {
          const int i0 = r0;
          const int r_6_2 = (r_3 + i0);
          const int x_21 = (r_6_2 * cols_3);
          const long offset = (long)x_21;
          const long offset_2 = (long)r_6_2;
          TILE_LOOP
          for (int r1 = 0; r1 < 32; ++r1) {
            const int i1 = r1;
            const int c_10_2 = (c_8 + i1);
            const float x_27 = x_ptr_0[offset + (long)c_10_2];
            const int mul_29 = (c_10_2 * rows_2);
            out_ptr_1[offset_2 + (long)mul_29] = x_27;
          }
        }
      }
    }
    else {
      {
        TILE_OUTER
        for (int r0 = 0; r0 < 32; ++r0) {
          const int i0 = r0;
          const int r_6_3 = (r_3 + i0);
          const int x_21_2 = (r_6_3 * cols_3);
          const long offset_3 = (long)x_21_2;
          const bool inside_13_2 = (r_6_3 < rows_2);
          const long offset_4 = (long)r_6_3;
          TILE_MASKED
          for (int r1 = 0; r1 < 32; ++r1) {
            const int i1 = r1;
            const int c_10_3 = (c_8 + i1);
            const bool inside_16_2 = (c_10_3 < cols_3);
            const bool inside_19_2 = (inside_13_2 && inside_16_2);
            const float x_27_2 = inside_19_2 ? x_ptr_0[offset_3 + (long)c_10_3] : 0.0f;
            const int mul_29_2 = (c_10_3 * rows_2);
            if (inside_19_2) out_ptr_1[offset_4 + (long)mul_29_2] = x_27_2;
          }
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
    program((float*)buffers[0], (float*)buffers[1], *(const int*)((const char*)scalars + 0), *(const int*)((const char*)scalars + 8), at, count);
  }
  return 0;
}
