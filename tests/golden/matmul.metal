  const int lane = (int)thread_index_in_simdgroup;
  const int sg = (int)simdgroup_index_in_threadgroup;
  const int tid = (int)thread_index_in_threadgroup;
  alignas(16) threadgroup uchar arena[16384];
  const int M_4 = static_cast<int>(scalars[0]);
  const int N_5 = static_cast<int>(scalars[2]);
  const int K_6 = static_cast<int>(scalars[4]);
  const int stride_am_7 = static_cast<int>(scalars[6]);
  const int stride_bk_8 = static_cast<int>(scalars[8]);
  const int stride_om_9 = static_cast<int>(scalars[10]);
  const float slope_10 = float(as_type<float>(scalars[12]));
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
  float acc_102[32];
  {
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 32; ++r0) {
      const int i0 = ((lane << 2) + (sg << 7)) + (r0 & 3) + ((r0 >> 2) << 9);
      acc_102[r0] = 0.0f;
    }
  }
  for (int start_102 = 0; start_102 < K_6; start_102 += 32) {
    const int acc_91 = (start_102 / 32);
    const long acc_92 = static_cast<long>(acc_91);
    const long acc_97 = static_cast<long>(acc_91);
    const int left_59 = (int)((uint)K_6 - (uint)start_102);
    float a_64[16];
    {
      const long acc_95 = (32L * acc_92);
      const long offset = acc_95;
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 4; ++r0) {
        const int i0 = ((lane >> 3) + (sg << 2)) + (r0 << 4);
        const int rows_26 = (rows_23 + i0);
        const int a_ptrs_34 = (rows_26 * stride_am_7);
        const long offset_2 = offset + (long)a_ptrs_34;
        const bool a_51 = (rows_26 < M_4);
        #pragma clang loop unroll(full)
        for (int r1 = 0; r1 < 4; ++r1) {
          const int i1 = ((lane & 7) << 2) + r1;
          const bool a_61 = (i1 < left_59);
          const bool a_63 = (a_51 && a_61);
          const float a_64_2 = a_63 ? a_ptr_0[offset_2 + (long)i1] : 0.0f;
          a_64[(r0 << 2) + r1] = a_64_2;
        }
      }
    }
    float b_69[16];
    {
      const long acc_99 = static_cast<long>(b_ptrs_56);
      const long acc_100 = (acc_99 * acc_97);
      const long offset_3 = acc_100;
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 4; ++r0) {
        const int i0 = ((lane >> 4) + (sg << 1)) + (r0 << 3);
        const int b_ptrs_43 = (i0 * stride_bk_8);
        const long offset_4 = offset_3 + (long)b_ptrs_43;
        const bool b_66 = (i0 < left_59);
        #pragma clang loop unroll(full)
        for (int r1 = 0; r1 < 4; ++r1) {
          const int i1 = ((lane & 15) << 2) + r1;
          const int cols_30 = (cols_28 + i1);
          const bool b_54 = (cols_30 < N_5);
          const bool b_68 = (b_66 && b_54);
          const float b_69_2 = b_68 ? b_ptr_1[offset_4 + (long)cols_30] : 0.0f;
          b_69[(r0 << 2) + r1] = b_69_2;
        }
      }
    }
    {
      {
        threadgroup_barrier(mem_flags::mem_threadgroup);
        threadgroup float* shared = (threadgroup float*)arena;
        threadgroup float* shared_2 = (threadgroup float*)arena + 2048;
        {
          #pragma clang loop unroll(full)
          for (int r0 = 0; r0 < 4; ++r0) {
            const int i0 = ((lane >> 3) + (sg << 2)) + (r0 << 4);
            #pragma clang loop unroll(full)
            for (int r1 = 0; r1 < 4; ++r1) {
              const int i1 = ((lane & 7) << 2) + r1;
              shared[i0 * 32 + i1] = a_64[(r0 << 2) + r1];
            }
          }
        }
        {
          #pragma clang loop unroll(full)
          for (int r0 = 0; r0 < 4; ++r0) {
            const int i0 = ((lane >> 4) + (sg << 1)) + (r0 << 3);
            #pragma clang loop unroll(full)
            for (int r1 = 0; r1 < 4; ++r1) {
              const int i1 = ((lane & 15) << 2) + r1;
              shared_2[i0 * 64 + i1] = b_69[(r0 << 2) + r1];
            }
          }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        for (int k = 0; k < 32; ++k) {
          {
            #pragma clang loop unroll(full)
            for (int r0 = 0; r0 < 8; ++r0) {
              const int i0 = ((lane >> 4) + (sg << 1)) + (r0 << 3);
              const float x = float(shared[i0 * 32 + k]);
              #pragma clang loop unroll(full)
              for (int r1 = 0; r1 < 4; ++r1) {
                const int i1 = ((lane & 15) << 2) + r1;
                const float y = float(shared_2[k * 64 + i1]);
                acc_102[(r0 << 2) + r1] = fma(x, y, acc_102[(r0 << 2) + r1]);
              }
            }
          }
        }
      }
    }
  }
  {
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 8; ++r0) {
      const int i0 = ((lane >> 4) + (sg << 1)) + (r0 << 3);
      const int rows_26_2 = (rows_23 + i0);
      const int out_ptrs_75 = (rows_26_2 * stride_om_9);
      const int offset_5 = out_ptrs_75;
      const bool a_51_2 = (rows_26_2 < M_4);
      #pragma clang loop unroll(full)
      for (int r1 = 0; r1 < 4; ++r1) {
        const int i1 = ((lane & 15) << 2) + r1;
        const int cols_30_2 = (cols_28 + i1);
        const bool b_54_2 = (cols_30_2 < N_5);
        const bool inside_87 = (a_51_2 && b_54_2);
        if (inside_87) out_ptr_3_new[offset_5 + cols_30_2] = acc_102[(r0 << 2) + r1];
      }
    }
  }
