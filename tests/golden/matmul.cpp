static void program(const float* __restrict a_ptr_0, const float* __restrict b_ptr_1, float* __restrict out_ptr_3, const int M_4, const int N_5, const int K_6, const int stride_am_7, const int stride_bk_8, const int stride_om_9, const float slope_10, const uint3 threadgroup_position_in_grid, const uint3 threadgroups_per_grid) {
  // matmul.py:21-27, 39
  const int blocks_m_11 = (int)((uint)M_4 + (uint)63);
  const int blocks_m_12 = (blocks_m_11 / 64);
  const int blocks_n_13 = (int)((uint)N_5 + (uint)63);
  const int blocks_n_14 = (blocks_n_13 / 64);
  const int first_m_15 = (int)((uint)blocks_n_14 * (uint)8);
  const int first_m_16 = div_int((int)threadgroup_position_in_grid.x, first_m_15);
  const int first_m_17 = (int)((uint)first_m_16 * (uint)8);
  const int height_18 = (int)((uint)blocks_m_12 - (uint)first_m_17);
  const int height_19 = min(height_18, 8);
  const int within_20 = rem_int((int)threadgroup_position_in_grid.x, first_m_15);
  const int rows_21 = rem_int(within_20, height_19);
  const int rows_22 = (int)((uint)first_m_17 + (uint)rows_21);
  const int rows_23 = (int)((uint)rows_22 * (uint)64);
  const int cols_27 = div_int(within_20, height_19);
  const int cols_28 = (int)((uint)cols_27 * (uint)64);
  const int b_ptrs_56 = (int)((uint)stride_bk_8 * (uint)32);
  // matmul.py:33
  alignas(64) float acc_102[4096];
  {
    TILE_LOOP
    for (int r0 = 0; r0 < 4096; ++r0) {
      acc_102[r0] = 0.0f;
    }
  }
  for (int start_102 = 0; start_102 < K_6; start_102 += 32) {
    // matmul.py:33-34
    const int acc_91 = (start_102 / 32);
    const long acc_92 = static_cast<long>(acc_91);
    const int left_59 = (int)((uint)K_6 - (uint)start_102);
    // matmul.py:35
    alignas(64) float a_64[2048];
    {
      const int rows_26 = (rows_23 + 63);
      const bool a_51 = (rows_26 < M_4);
      const bool a_61 = (31 < left_59);
      const bool a_63 = (a_51 && a_61);
      if (a_63) {
        {
          const long acc_95 = (acc_92 * 32L);
          const long offset = acc_95;
          TILE_OUTER
          for (int r0 = 0; r0 < 64; ++r0) {
            const int i0 = r0;
            const int rows_26_2 = (rows_23 + i0);
            const int a_ptrs_34 = (rows_26_2 * stride_am_7);
            const long offset_2 = offset + (long)a_ptrs_34;
            TILE_LOOP
            for (int r1 = 0; r1 < 32; ++r1) {
              const int i1 = r1;
              const float a_64_2 = a_ptr_0[offset_2 + (long)i1];
              a_64[(r0 << 5) + r1] = a_64_2;
            }
          }
        }
      }
      else {
        {
          const long acc_95_2 = (acc_92 * 32L);
          const long offset_3 = acc_95_2;
          TILE_OUTER
          for (int r0 = 0; r0 < 64; ++r0) {
            const int i0 = r0;
            const int rows_26_3 = (rows_23 + i0);
            const int a_ptrs_34_2 = (rows_26_3 * stride_am_7);
            const long offset_4 = offset_3 + (long)a_ptrs_34_2;
            const bool a_51_2 = (rows_26_3 < M_4);
            TILE_MASKED
            for (int r1 = 0; r1 < 32; ++r1) {
              const int i1 = r1;
              const bool a_61_2 = (i1 < left_59);
              const bool a_63_2 = (a_51_2 && a_61_2);
              const float a_64_3 = a_63_2 ? a_ptr_0[offset_4 + (long)i1] : 0.0f;
              a_64[(r0 << 5) + r1] = a_64_3;
            }
          }
        }
      }
    }
    // matmul.py:36
    alignas(64) float b_69[2048];
    {
      const bool b_66 = (31 < left_59);
      const int cols_30 = (cols_28 + 63);
      const bool b_54 = (cols_30 < N_5);
      const bool b_68 = (b_66 && b_54);
      if (b_68) {
        {
          const long acc_99 = static_cast<long>(b_ptrs_56);
          const long acc_100 = (acc_99 * acc_92);
          const long offset_5 = acc_100;
          TILE_OUTER
          for (int r0 = 0; r0 < 32; ++r0) {
            const int i0 = r0;
            const int b_ptrs_43 = (i0 * stride_bk_8);
            const long offset_6 = offset_5 + (long)b_ptrs_43;
            TILE_LOOP
            for (int r1 = 0; r1 < 64; ++r1) {
              const int i1 = r1;
              const int cols_30_2 = (cols_28 + i1);
              const float b_69_2 = b_ptr_1[offset_6 + (long)cols_30_2];
              b_69[(r0 << 6) + r1] = b_69_2;
            }
          }
        }
      }
      else {
        {
          const long acc_99_2 = static_cast<long>(b_ptrs_56);
          const long acc_100_2 = (acc_99_2 * acc_92);
          const long offset_7 = acc_100_2;
          TILE_OUTER
          for (int r0 = 0; r0 < 32; ++r0) {
            const int i0 = r0;
            const int b_ptrs_43_2 = (i0 * stride_bk_8);
            const long offset_8 = offset_7 + (long)b_ptrs_43_2;
            const bool b_66_2 = (i0 < left_59);
            TILE_MASKED
            for (int r1 = 0; r1 < 64; ++r1) {
              const int i1 = r1;
              const int cols_30_3 = (cols_28 + i1);
              const bool b_54_2 = (cols_30_3 < N_5);
              const bool b_68_2 = (b_66_2 && b_54_2);
              const float b_69_3 = b_68_2 ? b_ptr_1[offset_8 + (long)cols_30_3] : 0.0f;
              b_69[(r0 << 6) + r1] = b_69_3;
            }
          }
        }
      }
    }
    // matmul.py:37
    {
      host_dot<64, 64, 32, float, float, float>(a_64, 32, 1, b_69, 64, 1, acc_102);
    }
  }
  // matmul.py:48
  {
    const int rows_26_4 = (rows_23 + 63);
    const bool a_51_3 = (rows_26_4 < M_4);
    const int cols_30_4 = (cols_28 + 63);
    const bool b_54_3 = (cols_30_4 < N_5);
    const bool inside_87 = (a_51_3 && b_54_3);
    if (inside_87) {
      {
        TILE_OUTER
        for (int r0 = 0; r0 < 64; ++r0) {
          const int i0 = r0;
          const int rows_26_5 = (rows_23 + i0);
          const int out_ptrs_75 = (rows_26_5 * stride_om_9);
          const long offset_9 = (long)out_ptrs_75;
          TILE_LOOP
          for (int r1 = 0; r1 < 64; ++r1) {
            const int i1 = r1;
            const int cols_30_5 = (cols_28 + i1);
            out_ptr_3[offset_9 + (long)cols_30_5] = acc_102[(r0 << 6) + r1];
          }
        }
      }
    }
    else {
      {
        TILE_OUTER
        for (int r0 = 0; r0 < 64; ++r0) {
          const int i0 = r0;
          const int rows_26_6 = (rows_23 + i0);
          const int out_ptrs_75_2 = (rows_26_6 * stride_om_9);
          const long offset_10 = (long)out_ptrs_75_2;
          const bool a_51_4 = (rows_26_6 < M_4);
          TILE_MASKED
          for (int r1 = 0; r1 < 64; ++r1) {
            const int i1 = r1;
            const int cols_30_6 = (cols_28 + i1);
            const bool b_54_4 = (cols_30_6 < N_5);
            const bool inside_87_2 = (a_51_4 && b_54_4);
            if (inside_87_2) out_ptr_3[offset_10 + (long)cols_30_6] = acc_102[(r0 << 6) + r1];
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
    program((float*)buffers[0], (float*)buffers[1], (float*)buffers[2], *(const int*)((const char*)scalars + 0), *(const int*)((const char*)scalars + 8), *(const int*)((const char*)scalars + 16), *(const int*)((const char*)scalars + 24), *(const int*)((const char*)scalars + 32), *(const int*)((const char*)scalars + 40), *(const float*)((const char*)scalars + 48), at, count);
  }
  return 0;
}
