static void program(const float* __restrict q_ptr_0, float* __restrict out_ptr_3, const int queries_4, const int keys_5, const float scale_6, const uint3 threadgroup_position_in_grid, const uint3 threadgroups_per_grid) {
  // attention.py:19-20, 23, 29, 35
  const int q_ptr_17 = (int)((uint)(int)threadgroup_position_in_grid.y * (uint)queries_4);
  const int q_ptr_18 = (int)((uint)q_ptr_17 * (uint)64);
  const int k_ptr_20 = (int)((uint)(int)threadgroup_position_in_grid.y * (uint)keys_5);
  const int k_ptr_21 = (int)((uint)k_ptr_20 * (uint)64);
  const int rows_25 = (int)((uint)(int)threadgroup_position_in_grid.x * (uint)64);
  const float to_exponent_41 = (scale_6 * 1.442695f);
  const int end_42 = (int)((uint)(int)threadgroup_position_in_grid.x + (uint)1);
  const int end_43 = (int)((uint)end_42 * (uint)64);
  const int end_44 = min(keys_5, end_43);
  // attention.py:26
  alignas(64) float q_40[4096];
  {
    const int rows_28 = (rows_25 + 63);
    const bool q_36 = (rows_28 < queries_4);
    if (q_36) {
      {
        const long offset = (long)q_ptr_18;
        TILE_OUTER
        for (int r0 = 0; r0 < 64; ++r0) {
          const int i0 = r0;
          const int rows_28_2 = (rows_25 + i0);
          const int at_rows_30 = (rows_28_2 * 64);
          TILE_LOOP
          for (int r1 = 0; r1 < 64; ++r1) {
            const int i1 = r1;
            const int at_rows_34 = (at_rows_30 + i1);
            const float q_40_2 = q_ptr_0[offset + (long)at_rows_34];
            q_40[(r0 << 6) + r1] = q_40_2;
          }
        }
      }
    }
    else {
      {
        const long offset_2 = (long)q_ptr_18;
        TILE_OUTER
        for (int r0 = 0; r0 < 64; ++r0) {
          const int i0 = r0;
          const int rows_28_3 = (rows_25 + i0);
          const int at_rows_30_2 = (rows_28_3 * 64);
          const bool q_36_2 = (rows_28_3 < queries_4);
          TILE_MASKED
          for (int r1 = 0; r1 < 64; ++r1) {
            const int i1 = r1;
            const int at_rows_34_2 = (at_rows_30_2 + i1);
            const float q_40_3 = q_36_2 ? q_ptr_0[offset_2 + (long)at_rows_34_2] : 0.0f;
            q_40[(r0 << 6) + r1] = q_40_3;
          }
        }
      }
    }
  }
  // attention.py:37
  alignas(64) float peak_99[64];
  alignas(64) float total_99[64];
  alignas(64) float acc_99[4096];
  {
    TILE_LOOP
    for (int r0 = 0; r0 < 64; ++r0) {
      peak_99[r0] = -INFINITY;
    }
  }
  {
    TILE_LOOP
    for (int r0 = 0; r0 < 64; ++r0) {
      total_99[r0] = 0.0f;
    }
  }
  {
    TILE_LOOP
    for (int r0 = 0; r0 < 4096; ++r0) {
      acc_99[r0] = 0.0f;
    }
  }
  for (int start_99 = 0; start_99 < end_44; start_99 += 32) {
    // attention.py:40
    alignas(64) float k_65[2048];
    {
      const int cols_57 = (start_99 + 31);
      const bool k_62 = (cols_57 < keys_5);
      if (k_62) {
        {
          const long offset_3 = (long)k_ptr_21;
          TILE_OUTER
          for (int r0 = 0; r0 < 64; ++r0) {
            const int i0 = r0;
            TILE_LOOP
            for (int r1 = 0; r1 < 32; ++r1) {
              const int i1 = r1;
              const int cols_57_2 = (start_99 + i1);
              const int k_at_59 = (cols_57_2 * 64);
              const int k_at_61 = (k_at_59 + i0);
              const float k_65_2 = q_ptr_0[offset_3 + (long)k_at_61];
              k_65[(r0 << 5) + r1] = k_65_2;
            }
          }
        }
      }
      else {
        {
          const long offset_4 = (long)k_ptr_21;
          TILE_OUTER
          for (int r0 = 0; r0 < 64; ++r0) {
            const int i0 = r0;
            TILE_MASKED
            for (int r1 = 0; r1 < 32; ++r1) {
              const int i1 = r1;
              const int cols_57_3 = (start_99 + i1);
              const int k_at_59_2 = (cols_57_3 * 64);
              const int k_at_61_2 = (k_at_59_2 + i0);
              const bool k_62_2 = (cols_57_3 < keys_5);
              const float k_65_3 = k_62_2 ? q_ptr_0[offset_4 + (long)k_at_61_2] : 0.0f;
              k_65[(r0 << 5) + r1] = k_65_3;
            }
          }
        }
      }
    }
    // attention.py:41
    alignas(64) float scores_66[2048];
    {
      TILE_LOOP
      for (int r0 = 0; r0 < 2048; ++r0) {
        scores_66[r0] = 0.0f;
      }
    }
    {
      host_dot<64, 32, 64, float, float, float>(q_40, 64, 1, k_65, 32, 1, scores_66);
    }
    // attention.py:41, 45-46
    alignas(64) float new_peak_74[2048];
    alignas(64) float scores_71[2048];
    {
      TILE_OUTER
      for (int r0 = 0; r0 < 64; ++r0) {
        const int i0 = r0;
        const int rows_28_4 = (rows_25 + i0);
        TILE_LOOP
        for (int r1 = 0; r1 < 32; ++r1) {
          const int i1 = r1;
          const float scores_67 = (scores_66[(r0 << 5) + r1] * to_exponent_41);
          const int cols_57_4 = (start_99 + i1);
          const bool k_62_3 = (cols_57_4 < keys_5);
          const bool visible_69 = (cols_57_4 <= rows_28_4);
          const bool visible_70 = (k_62_3 && visible_69);
          const float scores_71_2 = (visible_70 ? scores_67 : -INFINITY);
          scores_71[(r0 << 5) + r1] = scores_71_2;
          new_peak_74[(r0) * 32 + r1] = scores_71_2;
        }
      }
    }
    for (int r = 0; r < 2048; r += 32) {
      for (int k = 0; k < 16; ++k) {
        new_peak_74[r + k] = fmax(new_peak_74[r + k], new_peak_74[r + k + 16]);
      }
      for (int k = 0; k < 8; ++k) {
        new_peak_74[r + k] = fmax(new_peak_74[r + k], new_peak_74[r + k + 8]);
      }
      for (int k = 0; k < 4; ++k) {
        new_peak_74[r + k] = fmax(new_peak_74[r + k], new_peak_74[r + k + 4]);
      }
      for (int k = 0; k < 2; ++k) {
        new_peak_74[r + k] = fmax(new_peak_74[r + k], new_peak_74[r + k + 2]);
      }
      for (int k = 0; k < 1; ++k) {
        new_peak_74[r + k] = fmax(new_peak_74[r + k], new_peak_74[r + k + 1]);
      }
    }
    alignas(64) float new_peak_74_2[64];
    for (int r = 0; r < 64; ++r) {
      new_peak_74_2[r] = new_peak_74[r * 32];
    }
    // attention.py:46, 48
    alignas(64) float new_peak_75[64];
    alignas(64) float shrink_81[64];
    {
      TILE_LOOP
      for (int r0 = 0; r0 < 64; ++r0) {
        const float new_peak_75_2 = fmax(peak_99[r0], new_peak_74_2[r0]);
        new_peak_75[r0] = new_peak_75_2;
        const float shrink_80 = (peak_99[r0] - new_peak_75_2);
        const float shrink_81_2 = precise::exp2(shrink_80);
        shrink_81[r0] = shrink_81_2;
      }
    }
    // attention.py:47, 49
    alignas(64) float total_85[2048];
    alignas(64) float weights_79[2048];
    {
      TILE_OUTER
      for (int r0 = 0; r0 < 64; ++r0) {
        TILE_LOOP
        for (int r1 = 0; r1 < 32; ++r1) {
          const float weights_78 = (scores_71[(r0 << 5) + r1] - new_peak_75[r0]);
          const float weights_79_2 = precise::exp2(weights_78);
          weights_79[(r0 << 5) + r1] = weights_79_2;
          total_85[(r0) * 32 + r1] = weights_79_2;
        }
      }
    }
    for (int r = 0; r < 2048; r += 32) {
      for (int k = 0; k < 16; ++k) {
        total_85[r + k] = (total_85[r + k] + total_85[r + k + 16]);
      }
      for (int k = 0; k < 8; ++k) {
        total_85[r + k] = (total_85[r + k] + total_85[r + k + 8]);
      }
      for (int k = 0; k < 4; ++k) {
        total_85[r + k] = (total_85[r + k] + total_85[r + k + 4]);
      }
      for (int k = 0; k < 2; ++k) {
        total_85[r + k] = (total_85[r + k] + total_85[r + k + 2]);
      }
      for (int k = 0; k < 1; ++k) {
        total_85[r + k] = (total_85[r + k] + total_85[r + k + 1]);
      }
    }
    alignas(64) float total_85_2[64];
    for (int r = 0; r < 64; ++r) {
      total_85_2[r] = total_85[r * 32];
    }
    // attention.py:49
    {
      TILE_LOOP
      for (int r0 = 0; r0 < 64; ++r0) {
        const float total_106 = fma(total_99[r0], shrink_81[r0], total_85_2[r0]);
        total_99[r0] = total_106;
      }
    }
    // attention.py:51
    alignas(64) float v_94[2048];
    {
      const int cols_57_5 = (start_99 + 31);
      const bool v_91 = (cols_57_5 < keys_5);
      if (v_91) {
        {
          const long offset_5 = (long)k_ptr_21;
          TILE_OUTER
          for (int r0 = 0; r0 < 32; ++r0) {
            const int i0 = r0;
            const int cols_57_6 = (start_99 + i0);
            const int v_at_88 = (cols_57_6 * 64);
            TILE_LOOP
            for (int r1 = 0; r1 < 64; ++r1) {
              const int i1 = r1;
              const int v_at_90 = (v_at_88 + i1);
              const float v_94_2 = q_ptr_0[offset_5 + (long)v_at_90];
              v_94[(r0 << 6) + r1] = v_94_2;
            }
          }
        }
      }
      else {
        {
          const long offset_6 = (long)k_ptr_21;
          TILE_OUTER
          for (int r0 = 0; r0 < 32; ++r0) {
            const int i0 = r0;
            const int cols_57_7 = (start_99 + i0);
            const int v_at_88_2 = (cols_57_7 * 64);
            const bool v_91_2 = (cols_57_7 < keys_5);
            TILE_MASKED
            for (int r1 = 0; r1 < 64; ++r1) {
              const int i1 = r1;
              const int v_at_90_2 = (v_at_88_2 + i1);
              const float v_94_3 = v_91_2 ? q_ptr_0[offset_6 + (long)v_at_90_2] : 0.0f;
              v_94[(r0 << 6) + r1] = v_94_3;
            }
          }
        }
      }
    }
    // attention.py:52
    {
      TILE_OUTER
      for (int r0 = 0; r0 < 64; ++r0) {
        TILE_LOOP
        for (int r1 = 0; r1 < 64; ++r1) {
          const float acc_97 = (acc_99[(r0 << 6) + r1] * shrink_81[r0]);
          acc_99[(r0 << 6) + r1] = acc_97;
        }
      }
    }
    // attention.py:53
    {
      host_dot<64, 64, 32, float, float, float>(weights_79, 32, 1, v_94, 64, 1, acc_99);
    }
    {
      TILE_LOOP
      for (int r0 = 0; r0 < 64; ++r0) {
        peak_99[r0] = new_peak_75[r0];
      }
    }
  }
  // attention.py:55-56
  {
    const int rows_28_5 = (rows_25 + 63);
    const bool q_36_3 = (rows_28_5 < queries_4);
    if (q_36_3) {
      {
        const long offset_7 = (long)q_ptr_18;
        TILE_OUTER
        for (int r0 = 0; r0 < 64; ++r0) {
          const int i0 = r0;
          const int rows_28_6 = (rows_25 + i0);
          const int at_rows_30_3 = (rows_28_6 * 64);
          TILE_LOOP
          for (int r1 = 0; r1 < 64; ++r1) {
            const int i1 = r1;
            const float acc_102 = (acc_99[(r0 << 6) + r1] / total_99[r0]);
            const int at_rows_34_3 = (at_rows_30_3 + i1);
            out_ptr_3[offset_7 + (long)at_rows_34_3] = acc_102;
          }
        }
      }
    }
    else {
      {
        const long offset_8 = (long)q_ptr_18;
        TILE_OUTER
        for (int r0 = 0; r0 < 64; ++r0) {
          const int i0 = r0;
          const int rows_28_7 = (rows_25 + i0);
          const int at_rows_30_4 = (rows_28_7 * 64);
          const bool q_36_4 = (rows_28_7 < queries_4);
          TILE_MASKED
          for (int r1 = 0; r1 < 64; ++r1) {
            const int i1 = r1;
            const float acc_102_2 = (acc_99[(r0 << 6) + r1] / total_99[r0]);
            const int at_rows_34_4 = (at_rows_30_4 + i1);
            if (q_36_4) out_ptr_3[offset_8 + (long)at_rows_34_4] = acc_102_2;
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
    program((float*)buffers[0], (float*)buffers[1], *(const int*)((const char*)scalars + 0), *(const int*)((const char*)scalars + 8), *(const float*)((const char*)scalars + 16), at, count);
  }
  return 0;
}
