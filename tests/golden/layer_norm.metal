  const int lane = (int)thread_index_in_simdgroup;
  const int sg = (int)simdgroup_index_in_threadgroup;
  const int tid = (int)thread_index_in_threadgroup;
  alignas(16) threadgroup uchar arena[512];
  const int cols_6 = static_cast<int>(scalars[0]);
  const float eps_7 = float(as_type<float>(scalars[2]));
  const int x_7 = (int)((uint)(int)threadgroup_position_in_grid.x * (uint)cols_6);
  const float mean_15 = static_cast<float>(cols_6);
  float mean_14;
  float x_11[4];
  float weight_30[4];
  float bias_33[4];
  {
    const int offset = x_7;
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 4; ++r0) {
      const int i0 = ((lane << 2) + (sg << 7)) + r0;
      const bool inside_6 = (i0 < cols_6);
      const float x_11_2 = inside_6 ? x_ptr_0[offset + i0] : 0.0f;
      x_11[r0] = x_11_2;
      mean_14 = r0 == 0 ? x_11_2 : (mean_14 + x_11_2);
      const float weight_30_2 = inside_6 ? weight_ptr_1[i0] : 0.0f;
      weight_30[r0] = weight_30_2;
      const float bias_33_2 = inside_6 ? bias_ptr_2[i0] : 0.0f;
      bias_33[r0] = bias_33_2;
    }
  }
  {
    const float other = tile_shuffle_xor(mean_14, 1);
    mean_14 = (mean_14 + other);
    const float other_2 = tile_shuffle_xor(mean_14, 2);
    mean_14 = (mean_14 + other_2);
    const float other_3 = tile_shuffle_xor(mean_14, 4);
    mean_14 = (mean_14 + other_3);
    const float other_4 = tile_shuffle_xor(mean_14, 8);
    mean_14 = (mean_14 + other_4);
    const float other_5 = tile_shuffle_xor(mean_14, 16);
    mean_14 = (mean_14 + other_5);
  }
  {
    threadgroup float* shared = (threadgroup float*)arena;
    {
      shared[tid] = mean_14;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    {
      const int home = (tid & ~96);
      mean_14 = shared[home];
      mean_14 = (mean_14 + shared[home + 32]);
      mean_14 = (mean_14 + shared[home + 64]);
      mean_14 = (mean_14 + shared[home + 96]);
    }
  }
  const float mean_16 = (mean_14 / mean_15);
  if (tid == 0) mean_ptr_4_new[(int)threadgroup_position_in_grid.x] = mean_16;
  float variance_23;
  float centred_19[4];
  {
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 4; ++r0) {
      const int i0 = ((lane << 2) + (sg << 7)) + r0;
      const float centred_18 = (x_11[r0] - mean_16);
      const bool inside_6_2 = (i0 < cols_6);
      const float centred_19_2 = (inside_6_2 ? centred_18 : 0.0f);
      centred_19[r0] = centred_19_2;
      const float variance_20 = (centred_19_2 * centred_19_2);
      variance_23 = r0 == 0 ? variance_20 : (variance_23 + variance_20);
    }
  }
  {
    const float other_6 = tile_shuffle_xor(variance_23, 1);
    variance_23 = (variance_23 + other_6);
    const float other_7 = tile_shuffle_xor(variance_23, 2);
    variance_23 = (variance_23 + other_7);
    const float other_8 = tile_shuffle_xor(variance_23, 4);
    variance_23 = (variance_23 + other_8);
    const float other_9 = tile_shuffle_xor(variance_23, 8);
    variance_23 = (variance_23 + other_9);
    const float other_10 = tile_shuffle_xor(variance_23, 16);
    variance_23 = (variance_23 + other_10);
  }
  {
    threadgroup_barrier(mem_flags::mem_threadgroup);
    threadgroup float* shared_2 = (threadgroup float*)arena;
    {
      shared_2[tid] = variance_23;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    {
      const int home = (tid & ~96);
      variance_23 = shared_2[home];
      variance_23 = (variance_23 + shared_2[home + 32]);
      variance_23 = (variance_23 + shared_2[home + 64]);
      variance_23 = (variance_23 + shared_2[home + 96]);
    }
  }
  const float variance_24 = (variance_23 / mean_15);
  const float rstd_25 = (variance_24 + eps_7);
  const float rstd_26 = precise::sqrt(rstd_25);
  const float rstd_27 = (1.0f / rstd_26);
  if (tid == 0) rstd_ptr_5_new[(int)threadgroup_position_in_grid.x] = rstd_27;
  {
    const int offset_2 = x_7;
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 4; ++r0) {
      const int i0 = ((lane << 2) + (sg << 7)) + r0;
      const float y_35 = (centred_19[r0] * rstd_27);
      const float y_36 = (y_35 * weight_30[r0]);
      const float y_37 = (y_36 + bias_33[r0]);
      const bool inside_6_3 = (i0 < cols_6);
      if (inside_6_3) out_ptr_3_new[offset_2 + i0] = y_37;
    }
  }
