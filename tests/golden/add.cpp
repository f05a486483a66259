static void program(const float* __restrict x_ptr_0, const float* __restrict y_ptr_1, float* __restrict out_ptr_2, const int n_3, const uint3 threadgroup_position_in_grid, const uint3 threadgroups_per_grid) {
  // elementwise.py:12
  const int offsets_3 = (int)((uint)(int)threadgroup_position_in_grid.x * (uint)1024);
  // elementwise.py:14-16
  {
    const int offsets_6 = (offsets_3 + 1023);
    const bool inside_8 = (offsets_6 < n_3);
    if (inside_8) {
      {
        TILE_LOOP
        for (int r0 = 0; r0 < 1024; ++r0) {
          const int i0 = r0;
          const int offsets_6_2 = (offsets_3 + i0);
          const float x_11 = x_ptr_0[offsets_6_2];
          const float y_14 = y_ptr_1[offsets_6_2];
          const float add_17 = (x_11 + y_14);
          out_ptr_2[offsets_6_2] = add_17;
        }
      }
    }
    else {
      {
        TILE_MASKED
        for (int r0 = 0; r0 < 1024; ++r0) {
          const int i0 = r0;
          const int offsets_6_3 = (offsets_3 + i0);
          const bool inside_8_2 = (offsets_6_3 < n_3);
          const float x_11_2 = inside_8_2 ? x_ptr_0[offsets_6_3] : 0.0f;
          const float y_14_2 = inside_8_2 ? y_ptr_1[offsets_6_3] : 0.0f;
          const float add_17_2 = (x_11_2 + y_14_2);
          if (inside_8_2) out_ptr_2[offsets_6_3] = add_17_2;
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
    program((float*)buffers[0], (float*)buffers[1], (float*)buffers[2], *(const int*)((const char*)scalars + 0), at, count);
  }
  return 0;
}
