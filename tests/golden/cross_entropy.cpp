static void program(const float* __restrict x_ptr_0, const int* __restrict label_ptr_1, float* __restrict loss_ptr_2, const int stride_3, const int classes_4, const uint3 threadgroup_position_in_grid, const uint3 threadgroups_per_grid) {
  // test_golden.py:32-33, 42
  const int x_ptr_7 = (int)((uint)(int)threadgroup_position_in_grid.x * (uint)stride_3);
  const int label_10 = label_ptr_1[(int)threadgroup_position_in_grid.x];
  const float load_41 = x_ptr_0[(long)x_ptr_7 + (long)label_10];
  // test_golden.py:36
  float top_36;
  float total_36;
  top_36 = -INFINITY;
  total_36 = 0.0f;
  for (int start_36 = 0; start_36 < classes_4; start_36 += 1024) {
    // test_golden.py:38-39
    alignas(64) float higher_23[64];
    alignas(64) float x_19[1024];
    {
      const int at_16 = (start_36 + 1023);
      const bool x_17 = (at_16 < classes_4);
      if (x_17) {
        {
          const long offset = (long)x_ptr_7;
          TILE_OUTER
          for (int c0 = 0; c0 < 1024; c0 += 64) {
            TILE_LOOP
            for (int k0 = 0; k0 < 64; ++k0) {
              const int r0 = c0 + k0;
              const int i0 = r0;
              const int at_16_2 = (start_36 + i0);
              const float x_19_2 = x_ptr_0[offset + (long)at_16_2];
              x_19[r0] = x_19_2;
              higher_23[k0] = c0 == 0 ? x_19_2 : fmax(higher_23[k0], x_19_2);
            }
          }
        }
      }
      else {
        {
          const long offset_2 = (long)x_ptr_7;
          TILE_OUTER
          for (int c0 = 0; c0 < 1024; c0 += 64) {
            TILE_MASKED
            for (int k0 = 0; k0 < 64; ++k0) {
              const int r0 = c0 + k0;
              const int i0 = r0;
              const int at_16_3 = (start_36 + i0);
              const bool x_17_2 = (at_16_3 < classes_4);
              const float x_19_3 = x_17_2 ? x_ptr_0[offset_2 + (long)at_16_3] : -INFINITY;
              x_19[r0] = x_19_3;
              higher_23[k0] = c0 == 0 ? x_19_3 : fmax(higher_23[k0], x_19_3);
            }
          }
        }
      }
    }
    {
      for (int k = 0; k < 32; ++k) {
        higher_23[k] = fmax(higher_23[k], higher_23[k + 32]);
      }
      for (int k = 0; k < 16; ++k) {
        higher_23[k] = fmax(higher_23[k], higher_23[k + 16]);
      }
      for (int k = 0; k < 8; ++k) {
        higher_23[k] = fmax(higher_23[k], higher_23[k + 8]);
      }
      for (int k = 0; k < 4; ++k) {
        higher_23[k] = fmax(higher_23[k], higher_23[k + 4]);
      }
      for (int k = 0; k < 2; ++k) {
        higher_23[k] = fmax(higher_23[k], higher_23[k + 2]);
      }
      for (int k = 0; k < 1; ++k) {
        higher_23[k] = fmax(higher_23[k], higher_23[k + 1]);
      }
    }
    // test_golden.py:39-40
    const float higher_24 = fmax(top_36, higher_23[0]);
    const float total_25 = (top_36 - higher_24);
    const float total_26 = precise::exp(total_25);
    // test_golden.py:40
    alignas(64) float total_34[64];
    {
      TILE_OUTER
      for (int c0 = 0; c0 < 1024; c0 += 64) {
        TILE_LOOP
        for (int k0 = 0; k0 < 64; ++k0) {
          const int r0 = c0 + k0;
          const float total_29 = (x_19[r0] - higher_24);
          const float total_30 = precise::exp(total_29);
          total_34[k0] = c0 == 0 ? total_30 : (total_34[k0] + total_30);
        }
      }
    }
    {
      for (int k = 0; k < 32; ++k) {
        total_34[k] = (total_34[k] + total_34[k + 32]);
      }
      for (int k = 0; k < 16; ++k) {
        total_34[k] = (total_34[k] + total_34[k + 16]);
      }
      for (int k = 0; k < 8; ++k) {
        total_34[k] = (total_34[k] + total_34[k + 8]);
      }
      for (int k = 0; k < 4; ++k) {
        total_34[k] = (total_34[k] + total_34[k + 4]);
      }
      for (int k = 0; k < 2; ++k) {
        total_34[k] = (total_34[k] + total_34[k + 2]);
      }
      for (int k = 0; k < 1; ++k) {
        total_34[k] = (total_34[k] + total_34[k + 1]);
      }
    }
    // test_golden.py:40
    const float total_44 = fma(total_36, total_26, total_34[0]);
    top_36 = higher_24;
    total_36 = total_44;
  }
  // test_golden.py:42
  const float log_38 = precise::log(total_36);
  const float add_39 = (log_38 + top_36);
  const float sub_42 = (add_39 - load_41);
  loss_ptr_2[(int)threadgroup_position_in_grid.x] = sub_42;
}

extern "C" int triton_kernel(void* const* buffers, const void* scalars,
                             const int64_t* grid, int64_t begin, int64_t end) {
  const uint3 count = {(uint)grid[0], (uint)grid[1], (uint)grid[2]};
  for (int64_t p = begin; p < end; ++p) {
    const uint3 at = {(uint)(p % grid[0]), (uint)(p / grid[0] % grid[1]),
                      (uint)(p / (grid[0] * grid[1]))};
    program((float*)buffers[0], (int*)buffers[1], (float*)buffers[2], *(const int*)((const char*)scalars + 0), *(const int*)((const char*)scalars + 8), at, count);
  }
  return 0;
}
