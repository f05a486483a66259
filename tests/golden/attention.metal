  const int lane = (int)thread_index_in_simdgroup;
  const int sg = (int)simdgroup_index_in_threadgroup;
  const int tid = (int)thread_index_in_threadgroup;
  alignas(16) threadgroup uchar arena[24576];
  const int queries_4 = static_cast<int>(scalars[0]);
  const int keys_5 = static_cast<int>(scalars[2]);
  const float scale_6 = float(as_type<float>(scalars[4]));
  const int q_ptr_17 = (int)((uint)(int)threadgroup_position_in_grid.y * (uint)queries_4);
  const int q_ptr_18 = (int)((uint)q_ptr_17 * (uint)64);
  const int k_ptr_20 = (int)((uint)(int)threadgroup_position_in_grid.y * (uint)keys_5);
  const int k_ptr_21 = (int)((uint)k_ptr_20 * (uint)64);
  const int rows_25 = (int)((uint)(int)threadgroup_position_in_grid.x * (uint)64);
  const float to_exponent_41 = (scale_6 * 1.442695f);
  const int end_42 = (int)((uint)(int)threadgroup_position_in_grid.x + (uint)1);
  const int end_43 = (int)((uint)end_42 * (uint)64);
  const int end_44 = min(keys_5, end_43);
  float q_40[32];
  {
    const int offset = q_ptr_18;
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 8; ++r0) {
      const int i0 = ((lane >> 4) + (sg << 1)) + (r0 << 3);
      const int rows_28 = (rows_25 + i0);
      const int at_rows_30 = (rows_28 * 64);
      const bool q_36 = (rows_28 < queries_4);
      #pragma clang loop unroll(full)
      for (int r1 = 0; r1 < 4; ++r1) {
        const int i1 = ((lane & 15) << 2) + r1;
        const int at_rows_34 = (at_rows_30 + i1);
        const float q_40_2 = q_36 ? q_ptr_0[offset + at_rows_34] : 0.0f;
        q_40[(r0 << 2) + r1] = q_40_2;
      }
    }
  }
  float peak_99[4];
  float total_99[4];
  float acc_99[32];
  {
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 4; ++r0) {
      const int i0 = ((lane >> 3) + (sg << 2)) + (r0 << 4);
      peak_99[r0] = -INFINITY;
    }
  }
  {
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 4; ++r0) {
      const int i0 = ((lane >> 3) + (sg << 2)) + (r0 << 4);
      total_99[r0] = 0.0f;
    }
  }
  {
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 32; ++r0) {
      const int i0 = ((lane << 2) + (sg << 7)) + (r0 & 3) + ((r0 >> 2) << 9);
      acc_99[r0] = 0.0f;
    }
  }
  for (int start_99 = 0; start_99 < end_44; start_99 += 32) {
    float k_65[16];
    {
      const int offset_2 = k_ptr_21;
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 4; ++r0) {
        const int i0 = ((lane >> 3) + (sg << 2)) + (r0 << 4);
        #pragma clang loop unroll(full)
        for (int r1 = 0; r1 < 4; ++r1) {
          const int i1 = ((lane & 7) << 2) + r1;
          const int cols_57 = (start_99 + i1);
          const int k_at_59 = (cols_57 * 64);
          const int k_at_61 = (k_at_59 + i0);
          const bool k_62 = (cols_57 < keys_5);
          const float k_65_2 = k_62 ? q_ptr_0[offset_2 + k_at_61] : 0.0f;
          k_65[(r0 << 2) + r1] = k_65_2;
        }
      }
    }
    float scores_66[16];
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 16; ++r0) {
        const int i0 = ((lane << 2) + (sg << 7)) + (r0 & 3) + ((r0 >> 2) << 9);
        scores_66[r0] = 0.0f;
      }
    }
    {
      {
        threadgroup_barrier(mem_flags::mem_threadgroup);
        threadgroup float* shared = (threadgroup float*)arena;
        threadgroup float* shared_2 = (threadgroup float*)arena + 4096;
        {
          #pragma clang loop unroll(full)
          for (int r0 = 0; r0 < 8; ++r0) {
            const int i0 = ((lane >> 4) + (sg << 1)) + (r0 << 3);
            #pragma clang loop unroll(full)
            for (int r1 = 0; r1 < 4; ++r1) {
              const int i1 = ((lane & 15) << 2) + r1;
              shared[i0 * 64 + i1] = q_40[(r0 << 2) + r1];
            }
          }
        }
        {
          #pragma clang loop unroll(full)
          for (int r0 = 0; r0 < 4; ++r0) {
            const int i0 = ((lane >> 3) + (sg << 2)) + (r0 << 4);
            #pragma clang loop unroll(full)
            for (int r1 = 0; r1 < 4; ++r1) {
              const int i1 = ((lane & 7) << 2) + r1;
              shared_2[i0 * 32 + i1] = k_65[(r0 << 2) + r1];
            }
          }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        for (int k = 0; k < 64; ++k) {
          {
            #pragma clang loop unroll(full)
            for (int r0 = 0; r0 < 4; ++r0) {
              const int i0 = ((lane >> 3) + (sg << 2)) + (r0 << 4);
              const float x = float(shared[i0 * 64 + k]);
              #pragma clang loop unroll(full)
              for (int r1 = 0; r1 < 4; ++r1) {
                const int i1 = ((lane & 7) << 2) + r1;
                const float y = float(shared_2[k * 32 + i1]);
                scores_66[(r0 << 2) + r1] = fma(x, y, scores_66[(r0 << 2) + r1]);
              }
            }
          }
        }
      }
    }
    float new_peak_74[4];
    float scores_71[16];
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 4; ++r0) {
        const int i0 = ((lane >> 3) + (sg << 2)) + (r0 << 4);
        const int rows_28_2 = (rows_25 + i0);
        #pragma clang loop unroll(full)
        for (int r1 = 0; r1 < 4; ++r1) {
          const int i1 = ((lane & 7) << 2) + r1;
          const float scores_67 = (scores_66[(r0 << 2) + r1] * to_exponent_41);
          const int cols_57_2 = (start_99 + i1);
          const bool k_62_2 = (cols_57_2 < keys_5);
          const bool visible_69 = (cols_57_2 <= rows_28_2);
          const bool visible_70 = (k_62_2 && visible_69);
          const float scores_71_2 = (visible_70 ? scores_67 : -INFINITY);
          scores_71[(r0 << 2) + r1] = scores_71_2;
          new_peak_74[r0] = r1 == 0 ? scores_71_2 : fmax(new_peak_74[r0], scores_71_2);
        }
      }
    }
    #pragma clang loop unroll(full)
    for (int r = 0; r < 4; ++r) {
      const float other = tile_shuffle_xor(new_peak_74[r], 1);
      new_peak_74[r] = fmax(new_peak_74[r], other);
      const float other_2 = tile_shuffle_xor(new_peak_74[r], 2);
      new_peak_74[r] = fmax(new_peak_74[r], other_2);
      const float other_3 = tile_shuffle_xor(new_peak_74[r], 4);
      new_peak_74[r] = fmax(new_peak_74[r], other_3);
    }
    float new_peak_74_2[4];
    for (int r = 0; r < 4; ++r) {
      new_peak_74_2[r] = new_peak_74[r];
    }
    float new_peak_75[4];
    float shrink_81[4];
    float total_82[4];
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 4; ++r0) {
        const int i0 = ((lane >> 3) + (sg << 2)) + (r0 << 4);
        const float new_peak_75_2 = fmax(peak_99[r0], new_peak_74_2[r0]);
        new_peak_75[r0] = new_peak_75_2;
        const float shrink_80 = (peak_99[r0] - new_peak_75_2);
        const float shrink_81_2 = precise::exp2(shrink_80);
        shrink_81[r0] = shrink_81_2;
        const float total_82_2 = (total_99[r0] * shrink_81_2);
        total_82[r0] = total_82_2;
      }
    }
    float total_85[4];
    float weights_79[16];
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 4; ++r0) {
        const int i0 = ((lane >> 3) + (sg << 2)) + (r0 << 4);
        #pragma clang loop unroll(full)
        for (int r1 = 0; r1 < 4; ++r1) {
          const int i1 = ((lane & 7) << 2) + r1;
          const float weights_78 = (scores_71[(r0 << 2) + r1] - new_peak_75[r0]);
          const float weights_79_2 = precise::exp2(weights_78);
          weights_79[(r0 << 2) + r1] = weights_79_2;
          total_85[r0] = r1 == 0 ? weights_79_2 : (total_85[r0] + weights_79_2);
        }
      }
    }
    #pragma clang loop unroll(full)
    for (int r = 0; r < 4; ++r) {
      const float other_4 = tile_shuffle_xor(total_85[r], 1);
      total_85[r] = (total_85[r] + other_4);
      const float other_5 = tile_shuffle_xor(total_85[r], 2);
      total_85[r] = (total_85[r] + other_5);
      const float other_6 = tile_shuffle_xor(total_85[r], 4);
      total_85[r] = (total_85[r] + other_6);
    }
    float total_85_2[4];
    for (int r = 0; r < 4; ++r) {
      total_85_2[r] = total_85[r];
    }
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 4; ++r0) {
        const int i0 = ((lane >> 3) + (sg << 2)) + (r0 << 4);
        const float total_86 = (total_82[r0] + total_85_2[r0]);
        total_99[r0] = total_86;
      }
    }
    float v_94[16];
    {
      const int offset_3 = k_ptr_21;
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 4; ++r0) {
        const int i0 = ((lane >> 4) + (sg << 1)) + (r0 << 3);
        const int cols_57_3 = (start_99 + i0);
        const int v_at_88 = (cols_57_3 * 64);
        const bool v_91 = (cols_57_3 < keys_5);
        #pragma clang loop unroll(full)
        for (int r1 = 0; r1 < 4; ++r1) {
          const int i1 = ((lane & 15) << 2) + r1;
          const int v_at_90 = (v_at_88 + i1);
          const float v_94_2 = v_91 ? q_ptr_0[offset_3 + v_at_90] : 0.0f;
          v_94[(r0 << 2) + r1] = v_94_2;
        }
      }
    }
    float shrink_81_3[8];
    {
      threadgroup_barrier(mem_flags::mem_threadgroup);
      threadgroup float* shared_3 = (threadgroup float*)arena;
      {
        #pragma clang loop unroll(full)
        for (int r0 = 0; r0 < 4; ++r0) {
          const int i0 = ((lane >> 3) + (sg << 2)) + (r0 << 4);
          if ((lane & 7) == 0) shared_3[i0] = shrink_81[r0];
        }
      }
      threadgroup_barrier(mem_flags::mem_threadgroup);
      {
        #pragma clang loop unroll(full)
        for (int r0 = 0; r0 < 8; ++r0) {
          const int i0 = ((lane >> 4) + (sg << 1)) + (r0 << 3);
          shrink_81_3[r0] = shared_3[i0];
        }
      }
    }
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 8; ++r0) {
        const int i0 = ((lane >> 4) + (sg << 1)) + (r0 << 3);
        #pragma clang loop unroll(full)
        for (int r1 = 0; r1 < 4; ++r1) {
          const int i1 = ((lane & 15) << 2) + r1;
          const float acc_97 = (acc_99[(r0 << 2) + r1] * shrink_81_3[r0]);
          acc_99[(r0 << 2) + r1] = acc_97;
        }
      }
    }
    {
      {
        threadgroup_barrier(mem_flags::mem_threadgroup);
        threadgroup float* shared_4 = (threadgroup float*)arena;
        threadgroup float* shared_5 = (threadgroup float*)arena + 2048;
        {
          #pragma clang loop unroll(full)
          for (int r0 = 0; r0 < 4; ++r0) {
            const int i0 = ((lane >> 3) + (sg << 2)) + (r0 << 4);
            #pragma clang loop unroll(full)
            for (int r1 = 0; r1 < 4; ++r1) {
              const int i1 = ((lane & 7) << 2) + r1;
              shared_4[i0 * 32 + i1] = weights_79[(r0 << 2) + r1];
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
              shared_5[i0 * 64 + i1] = v_94[(r0 << 2) + r1];
            }
          }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        for (int k = 0; k < 32; ++k) {
          {
            #pragma clang loop unroll(full)
            for (int r0 = 0; r0 < 8; ++r0) {
              const int i0 = ((lane >> 4) + (sg << 1)) + (r0 << 3);
              const float x = float(shared_4[i0 * 32 + k]);
              #pragma clang loop unroll(full)
              for (int r1 = 0; r1 < 4; ++r1) {
                const int i1 = ((lane & 15) << 2) + r1;
                const float y = float(shared_5[k * 64 + i1]);
                acc_99[(r0 << 2) + r1] = fma(x, y, acc_99[(r0 << 2) + r1]);
              }
            }
          }
        }
      }
    }
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 4; ++r0) {
        const int i0 = ((lane >> 3) + (sg << 2)) + (r0 << 4);
        peak_99[r0] = new_peak_75[r0];
      }
    }
  }
  float acc_99_2[8];
  {
    threadgroup_barrier(mem_flags::mem_threadgroup);
    threadgroup float* shared_6 = (threadgroup float*)arena;
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 4; ++r0) {
        const int i0 = ((lane >> 3) + (sg << 2)) + (r0 << 4);
        if ((lane & 7) == 0) shared_6[i0] = total_99[r0];
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 8; ++r0) {
        const int i0 = ((lane >> 4) + (sg << 1)) + (r0 << 3);
        acc_99_2[r0] = shared_6[i0];
      }
    }
  }
  {
    const int offset_4 = q_ptr_18;
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 8; ++r0) {
      const int i0 = ((lane >> 4) + (sg << 1)) + (r0 << 3);
      const int rows_28_3 = (rows_25 + i0);
      const int at_rows_30_2 = (rows_28_3 * 64);
      const bool q_36_2 = (rows_28_3 < queries_4);
      #pragma clang loop unroll(full)
      for (int r1 = 0; r1 < 4; ++r1) {
        const int i1 = ((lane & 15) << 2) + r1;
        const float acc_102 = (acc_99[(r0 << 2) + r1] / acc_99_2[r0]);
        const int at_rows_34_2 = (at_rows_30_2 + i1);
        if (q_36_2) out_ptr_3_new[offset_4 + at_rows_34_2] = acc_102;
      }
    }
  }
