static void program(const float* __restrict x_ptr_0, const float* __restrict weight_ptr_1, const float* __restrict bias_ptr_2, float* __restrict out_ptr_3, float* __restrict mean_ptr_4, float* __restrict rstd_ptr_5, const int cols_6, const float eps_7, const uint3 threadgroup_position_in_grid, const uint3 threadgroups_per_grid) {
  // layernorm.py:19-20
  const int x_7 = (int)((uint)(int)threadgroup_position_in_grid.x * (uint)cols_6);
  const float mean_15 = static_cast<float>(cols_6);
  // layernorm.py:19-20
  alignas(64) float mean_14[64];
  alignas(64) float x_11[512];
  {
    const bool inside_6 = (511 < cols_6);
    if (inside_6) {
      {
        const long offset = (long)x_7;
        TILE_OUTER
        for (int c0 = 0; c0 < 512; c0 += 64) {
          TILE_LOOP
          for (int k0 = 0; k0 < 64; ++k0) {
            const int r0 = c0 + k0;
            const int i0 = r0;
            const float x_11_2 = x_ptr_0[offset + (long)i0];
            x_11[r0] = x_11_2;
            mean_14[k0] = c0 == 0 ? x_11_2 : (mean_14[k0] + x_11_2);
          }
        }
      }
    }
    else {
      {
        const long offset_2 = (long)x_7;
        TILE_OUTER
        for (int c0 = 0; c0 < 512; c0 += 64) {
          TILE_MASKED
          for (int k0 = 0; k0 < 64; ++k0) {
            const int r0 = c0 + k0;
            const int i0 = r0;
            const bool inside_6_2 = (i0 < cols_6);
            const float x_11_3 = inside_6_2 ? x_ptr_0[offset_2 + (long)i0] : 0.0f;
            x_11[r0] = x_11_3;
            mean_14[k0] = c0 == 0 ? x_11_3 : (mean_14[k0] + x_11_3);
          }
        }
      }
    }
  }
  {
    for (int k = 0; k < 32; ++k) {
      mean_14[k] = (mean_14[k] + mean_14[k + 32]);
    }
    for (int k = 0; k < 16; ++k) {
      mean_14[k] = (mean_14[k] + mean_14[k + 16]);
    }
    for (int k = 0; k < 8; ++k) {
      mean_14[k] = (mean_14[k] + mean_14[k + 8]);
    }
    for (int k = 0; k < 4; ++k) {
      mean_14[k] = (mean_14[k] + mean_14[k + 4]);
    }
    for (int k = 0; k < 2; ++k) {
      mean_14[k] = (mean_14[k] + mean_14[k + 2]);
    }
    for (int k = 0; k < 1; ++k) {
      mean_14[k] = (mean_14[k] + mean_14[k + 1]);
    }
  }
  // layernorm.py:20, 28
  const float mean_16 = (mean_14[0] / mean_15);
  mean_ptr_4[(int)threadgroup_position_in_grid.x] = mean_16;
  // layernorm.py:21-22
  alignas(64) float variance_23[64];
  alignas(64) float centred_19[512];
  {
    TILE_OUTER
    for (int c0 = 0; c0 < 512; c0 += 64) {
      TILE_LOOP
      for (int k0 = 0; k0 < 64; ++k0) {
        const int r0 = c0 + k0;
        const int i0 = r0;
        const float centred_18 = (x_11[r0] - mean_16);
        const bool inside_6_3 = (i0 < cols_6);
        const float centred_19_2 = (inside_6_3 ? centred_18 : 0.0f);
        centred_19[r0] = centred_19_2;
        const float variance_20 = (centred_19_2 * centred_19_2);
        variance_23[k0] = c0 == 0 ? variance_20 : (variance_23[k0] + variance_20);
      }
    }
  }
  {
    for (int k = 0; k < 32; ++k) {
      variance_23[k] = (variance_23[k] + variance_23[k + 32]);
    }
    for (int k = 0; k < 16; ++k) {
      variance_23[k] = (variance_23[k] + variance_23[k + 16]);
    }
    for (int k = 0; k < 8; ++k) {
      variance_23[k] = (variance_23[k] + variance_23[k + 8]);
    }
    for (int k = 0; k < 4; ++k) {
      variance_23[k] = (variance_23[k] + variance_23[k + 4]);
    }
    for (int k = 0; k < 2; ++k) {
      variance_23[k] = (variance_23[k] + variance_23[k + 2]);
    }
    for (int k = 0; k < 1; ++k) {
      variance_23[k] = (variance_23[k] + variance_23[k + 1]);
    }
  }
  // layernorm.py:22-23, 29
  const float variance_24 = (variance_23[0] / mean_15);
  const float rstd_25 = (variance_24 + eps_7);
  const float rstd_26 = precise::sqrt(rstd_25);
  const float rstd_27 = (1.0f / rstd_26);
  rstd_ptr_5[(int)threadgroup_position_in_grid.x] = rstd_27;
  // layernorm.py:24-27
  {
    const bool inside_6_4 = (511 < cols_6);
    if (inside_6_4) {
      {
        const long offset_3 = (long)x_7;
        TILE_LOOP
        for (int r0 = 0; r0 < 512; ++r0) {
          const int i0 = r0;
          const float weight_30 = weight_ptr_1[i0];
          const float bias_33 = bias_ptr_2[i0];
          const float y_35 = (centred_19[r0] * rstd_27);
          const float y_46 = fma(y_35, weight_30, bias_33);
          out_ptr_3[offset_3 + (long)i0] = y_46;
        }
      }
    }
    else {
      {
        const long offset_4 = (long)x_7;
        TILE_MASKED
        for (int r0 = 0; r0 < 512; ++r0) {
          const int i0 = r0;
          const bool inside_6_5 = (i0 < cols_6);
          const float weight_30_2 = inside_6_5 ? weight_ptr_1[i0] : 0.0f;
          const float bias_33_2 = inside_6_5 ? bias_ptr_2[i0] : 0.0f;
          const float y_35_2 = (centred_19[r0] * rstd_27);
          const float y_46_2 = fma(y_35_2, weight_30_2, bias_33_2);
          if (inside_6_5) out_ptr_3[offset_4 + (long)i0] = y_46_2;
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
    program((float*)buffers[0], (float*)buffers[1], (float*)buffers[2], (float*)buffers[3], (float*)buffers[4], (float*)buffers[5], *(const int*)((const char*)scalars + 0), *(const float*)((const char*)scalars + 8), at, count);
  }
  return 0;
}
