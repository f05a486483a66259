static void program(const float* __restrict x_ptr_0, float* __restrict out_ptr_1, const int x_stride_2, const int out_stride_3, const int cols_4, const uint3 threadgroup_position_in_grid, const uint3 threadgroups_per_grid) {
  // softmax.py:28-29
  const int x_ptr_7 = (int)((uint)(int)threadgroup_position_in_grid.x * (uint)x_stride_2);
  const int out_ptr_9 = (int)((uint)(int)threadgroup_position_in_grid.x * (uint)out_stride_3);
  // softmax.py:34
  alignas(64) float peak_28[1024];
  alignas(64) float total_28[1024];
  {
    TILE_LOOP
    for (int r0 = 0; r0 < 1024; ++r0) {
      peak_28[r0] = -1e+30f;
    }
  }
  {
    TILE_LOOP
    for (int r0 = 0; r0 < 1024; ++r0) {
      total_28[r0] = 0.0f;
    }
  }
  for (int start_28 = 0; start_28 < cols_4; start_28 += 1024) {
    // softmax.py:36-38
    alignas(64) float new_peak_21[1024];
    {
      const int inside_15 = (start_28 + 1023);
      const bool inside_16 = (inside_15 < cols_4);
      if (inside_16) {
        {
          const long offset = (long)x_ptr_7 + (long)start_28;
          TILE_LOOP
          for (int r0 = 0; r0 < 1024; ++r0) {
            const int i0 = r0;
            const float x_20 = x_ptr_0[offset + (long)i0];
            const float new_peak_21_2 = fmax(peak_28[r0], x_20);
            new_peak_21[r0] = new_peak_21_2;
            const float total_22 = (peak_28[r0] - new_peak_21_2);
            const float total_23 = precise::exp(total_22);
            const float total_25 = (x_20 - new_peak_21_2);
            const float total_26 = precise::exp(total_25);
            const float total_57 = fma(total_28[r0], total_23, total_26);
            total_28[r0] = total_57;
          }
        }
      }
      else {
        {
          const long offset_2 = (long)x_ptr_7 + (long)start_28;
          TILE_MASKED
          for (int r0 = 0; r0 < 1024; ++r0) {
            const int i0 = r0;
            const int inside_15_2 = (start_28 + i0);
            const bool inside_16_2 = (inside_15_2 < cols_4);
            const float x_20_2 = inside_16_2 ? x_ptr_0[offset_2 + (long)i0] : -INFINITY;
            const float new_peak_21_3 = fmax(peak_28[r0], x_20_2);
            new_peak_21[r0] = new_peak_21_3;
            const float total_22_2 = (peak_28[r0] - new_peak_21_3);
            const float total_23_2 = precise::exp(total_22_2);
            const float total_25_2 = (x_20_2 - new_peak_21_3);
            const float total_26_2 = precise::exp(total_25_2);
            const float total_57_2 = fma(total_28[r0], total_23_2, total_26_2);
            total_28[r0] = total_57_2;
          }
        }
      }
    }
    {
      TILE_LOOP
      for (int r0 = 0; r0 < 1024; ++r0) {
        peak_28[r0] = new_peak_21[r0];
      }
    }
  }
  // softmax.py:40
  alignas(64) float row_peak_31[64];
  {
    TILE_OUTER
    for (int c0 = 0; c0 < 1024; c0 += 64) {
      TILE_LOOP
      for (int k0 = 0; k0 < 64; ++k0) {
        const int r0 = c0 + k0;
        row_peak_31[k0] = c0 == 0 ? peak_28[r0] : fmax(row_peak_31[k0], peak_28[r0]);
      }
    }
  }
  {
    for (int k = 0; k < 32; ++k) {
      row_peak_31[k] = fmax(row_peak_31[k], row_peak_31[k + 32]);
    }
    for (int k = 0; k < 16; ++k) {
      row_peak_31[k] = fmax(row_peak_31[k], row_peak_31[k + 16]);
    }
    for (int k = 0; k < 8; ++k) {
      row_peak_31[k] = fmax(row_peak_31[k], row_peak_31[k + 8]);
    }
    for (int k = 0; k < 4; ++k) {
      row_peak_31[k] = fmax(row_peak_31[k], row_peak_31[k + 4]);
    }
    for (int k = 0; k < 2; ++k) {
      row_peak_31[k] = fmax(row_peak_31[k], row_peak_31[k + 2]);
    }
    for (int k = 0; k < 1; ++k) {
      row_peak_31[k] = fmax(row_peak_31[k], row_peak_31[k + 1]);
    }
  }
  // softmax.py:41
  alignas(64) float row_total_38[64];
  {
    TILE_OUTER
    for (int c0 = 0; c0 < 1024; c0 += 64) {
      TILE_LOOP
      for (int k0 = 0; k0 < 64; ++k0) {
        const int r0 = c0 + k0;
        const float row_total_33 = (peak_28[r0] - row_peak_31[0]);
        const float row_total_34 = precise::exp(row_total_33);
        const float row_total_35 = (total_28[r0] * row_total_34);
        row_total_38[k0] = c0 == 0 ? row_total_35 : (row_total_38[k0] + row_total_35);
      }
    }
  }
  {
    for (int k = 0; k < 32; ++k) {
      row_total_38[k] = (row_total_38[k] + row_total_38[k + 32]);
    }
    for (int k = 0; k < 16; ++k) {
      row_total_38[k] = (row_total_38[k] + row_total_38[k + 16]);
    }
    for (int k = 0; k < 8; ++k) {
      row_total_38[k] = (row_total_38[k] + row_total_38[k + 8]);
    }
    for (int k = 0; k < 4; ++k) {
      row_total_38[k] = (row_total_38[k] + row_total_38[k + 4]);
    }
    for (int k = 0; k < 2; ++k) {
      row_total_38[k] = (row_total_38[k] + row_total_38[k + 2]);
    }
    for (int k = 0; k < 1; ++k) {
      row_total_38[k] = (row_total_38[k] + row_total_38[k + 1]);
    }
  }
  // softmax.py:42
  for (int start_56 = 0; start_56 < cols_4; start_56 += 1024) {
    // softmax.py:44-46
    {
      const int inside_43 = (start_56 + 1023);
      const bool inside_44 = (inside_43 < cols_4);
      if (inside_44) {
        {
          const long offset_3 = (long)x_ptr_7 + (long)start_56;
          const long offset_4 = (long)out_ptr_9 + (long)start_56;
          TILE_LOOP
          for (int r0 = 0; r0 < 1024; ++r0) {
            const int i0 = r0;
            const float x_48 = x_ptr_0[offset_3 + (long)i0];
            const float y_49 = (x_48 - row_peak_31[0]);
            const float y_50 = precise::exp(y_49);
            const float y_51 = (y_50 / row_total_38[0]);
            out_ptr_1[offset_4 + (long)i0] = y_51;
          }
        }
      }
      else {
        {
          const long offset_5 = (long)x_ptr_7 + (long)start_56;
          const long offset_6 = (long)out_ptr_9 + (long)start_56;
          TILE_MASKED
          for (int r0 = 0; r0 < 1024; ++r0) {
            const int i0 = r0;
            const int inside_43_2 = (start_56 + i0);
            const bool inside_44_2 = (inside_43_2 < cols_4);
            const float x_48_2 = inside_44_2 ? x_ptr_0[offset_5 + (long)i0] : -INFINITY;
            const float y_49_2 = (x_48_2 - row_peak_31[0]);
            const float y_50_2 = precise::exp(y_49_2);
            const float y_51_2 = (y_50_2 / row_total_38[0]);
            if (inside_44_2) out_ptr_1[offset_6 + (long)i0] = y_51_2;
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
    program((float*)buffers[0], (float*)buffers[1], *(const int*)((const char*)scalars + 0), *(const int*)((const char*)scalars + 8), *(const int*)((const char*)scalars + 16), at, count);
  }
  return 0;
}
