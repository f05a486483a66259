  const int lane = (int)thread_index_in_simdgroup;
  const int sg = (int)simdgroup_index_in_threadgroup;
  const int tid = (int)thread_index_in_threadgroup;
  alignas(16) threadgroup uchar arena[512];
  const int x_stride_2 = static_cast<int>(scalars[0]);
  const int out_stride_3 = static_cast<int>(scalars[2]);
  const int cols_4 = static_cast<int>(scalars[4]);
  const int x_ptr_7 = (int)((uint)(int)threadgroup_position_in_grid.x * (uint)x_stride_2);
  const int out_ptr_9 = (int)((uint)(int)threadgroup_position_in_grid.x * (uint)out_stride_3);
  float peak_28[8];
  float total_28[8];
  {
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 8; ++r0) {
      const int i0 = ((lane << 2) + (sg << 7)) + (r0 & 3) + ((r0 >> 2) << 9);
      peak_28[r0] = -1e+30f;
    }
  }
  {
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 8; ++r0) {
      const int i0 = ((lane << 2) + (sg << 7)) + (r0 & 3) + ((r0 >> 2) << 9);
      total_28[r0] = 0.0f;
    }
  }
  for (int start_28 = 0; start_28 < cols_4; start_28 += 1024) {
    float new_peak_21[8];
    {
      const int offset = x_ptr_7 + start_28;
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 8; ++r0) {
        const int i0 = ((lane << 2) + (sg << 7)) + (r0 & 3) + ((r0 >> 2) << 9);
        const int inside_15 = (start_28 + i0);
        const bool inside_16 = (inside_15 < cols_4);
        const float x_20 = inside_16 ? x_ptr_0[offset + i0] : -INFINITY;
        const float new_peak_21_2 = fmax(peak_28[r0], x_20);
        new_peak_21[r0] = new_peak_21_2;
        const float total_22 = (peak_28[r0] - new_peak_21_2);
        const float total_23 = precise::exp(total_22);
        const float total_24 = (total_28[r0] * total_23);
        const float total_25 = (x_20 - new_peak_21_2);
        const float total_26 = precise::exp(total_25);
        const float total_27 = (total_24 + total_26);
        total_28[r0] = total_27;
      }
    }
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 8; ++r0) {
        const int i0 = ((lane << 2) + (sg << 7)) + (r0 & 3) + ((r0 >> 2) << 9);
        peak_28[r0] = new_peak_21[r0];
      }
    }
  }
  float row_peak_31;
  {
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 8; ++r0) {
      const int i0 = ((lane << 2) + (sg << 7)) + (r0 & 3) + ((r0 >> 2) << 9);
      row_peak_31 = r0 == 0 ? peak_28[r0] : fmax(row_peak_31, peak_28[r0]);
    }
  }
  {
    const float other = tile_shuffle_xor(row_peak_31, 1);
    row_peak_31 = fmax(row_peak_31, other);
    const float other_2 = tile_shuffle_xor(row_peak_31, 2);
    row_peak_31 = fmax(row_peak_31, other_2);
    const float other_3 = tile_shuffle_xor(row_peak_31, 4);
    row_peak_31 = fmax(row_peak_31, other_3);
    const float other_4 = tile_shuffle_xor(row_peak_31, 8);
    row_peak_31 = fmax(row_peak_31, other_4);
    const float other_5 = tile_shuffle_xor(row_peak_31, 16);
    row_peak_31 = fmax(row_peak_31, other_5);
  }
  {
    threadgroup_barrier(mem_flags::mem_threadgroup);
    threadgroup float* shared = (threadgroup float*)arena;
    {
      shared[tid] = row_peak_31;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    {
      const int home = (tid & ~96);
      row_peak_31 = shared[home];
      row_peak_31 = fmax(row_peak_31, shared[home + 32]);
      row_peak_31 = fmax(row_peak_31, shared[home + 64]);
      row_peak_31 = fmax(row_peak_31, shared[home + 96]);
    }
  }
  float row_total_38;
  {
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 8; ++r0) {
      const int i0 = ((lane << 2) + (sg << 7)) + (r0 & 3) + ((r0 >> 2) << 9);
      const float row_total_33 = (peak_28[r0] - row_peak_31);
      const float row_total_34 = precise::exp(row_total_33);
      const float row_total_35 = (total_28[r0] * row_total_34);
      row_total_38 = r0 == 0 ? row_total_35 : (row_total_38 + row_total_35);
    }
  }
  {
    const float other_6 = tile_shuffle_xor(row_total_38, 1);
    row_total_38 = (row_total_38 + other_6);
    const float other_7 = tile_shuffle_xor(row_total_38, 2);
    row_total_38 = (row_total_38 + other_7);
    const float other_8 = tile_shuffle_xor(row_total_38, 4);
    row_total_38 = (row_total_38 + other_8);
    const float other_9 = tile_shuffle_xor(row_total_38, 8);
    row_total_38 = (row_total_38 + other_9);
    const float other_10 = tile_shuffle_xor(row_total_38, 16);
    row_total_38 = (row_total_38 + other_10);
  }
  {
    threadgroup_barrier(mem_flags::mem_threadgroup);
    threadgroup float* shared_2 = (threadgroup float*)arena;
    {
      shared_2[tid] = row_total_38;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    {
      const int home = (tid & ~96);
      row_total_38 = shared_2[home];
      row_total_38 = (row_total_38 + shared_2[home + 32]);
      row_total_38 = (row_total_38 + shared_2[home + 64]);
      row_total_38 = (row_total_38 + shared_2[home + 96]);
    }
  }
  for (int start_56 = 0; start_56 < cols_4; start_56 += 1024) {
    {
      const int offset_2 = x_ptr_7 + start_56;
      const int offset_3 = out_ptr_9 + start_56;
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 8; ++r0) {
        const int i0 = ((lane << 2) + (sg << 7)) + (r0 & 3) + ((r0 >> 2) << 9);
        const int inside_43 = (start_56 + i0);
        const bool inside_44 = (inside_43 < cols_4);
        const float x_48 = inside_44 ? x_ptr_0[offset_2 + i0] : -INFINITY;
        const float y_49 = (x_48 - row_peak_31);
        const float y_50 = precise::exp(y_49);
        const float y_51 = (y_50 / row_total_38);
        if (inside_44) out_ptr_1_new[offset_3 + i0] = y_51;
      }
    }
  }
