  TILE_NO_CONTRACTION
  const int lane = (int)thread_index_in_simdgroup;
  const int sg = (int)simdgroup_index_in_threadgroup;
  const int tid = (int)thread_index_in_threadgroup;
  alignas(16) threadgroup uchar arena[16];
  const int cols = static_cast<int>(scalars[0]);
  const float eps = float(as_type<float>(scalars[2]));
  // layernorm.py:19-20
  const int x = (int)((uint)(int)threadgroup_position_in_grid.x * (uint)cols);
  const float mean = static_cast<float>(cols);
  // layernorm.py:19-20
  float mean_2;
  float x_2[4];
  {
    const int offset = x;
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 4; ++r0) {
      const int i0 = ((lane << 2) + (sg << 7)) + r0;
      const bool inside = (i0 < cols);
      const float x_3 = inside ? x_ptr[offset + i0] : 0.0f;
      x_2[r0] = x_3;
      mean_2 = r0 == 0 ? x_3 : (mean_2 + x_3);
    }
  }
  {
    const float other = tile_shuffle_xor(mean_2, 1);
    mean_2 = (mean_2 + other);
    const float other_2 = tile_shuffle_xor(mean_2, 2);
    mean_2 = (mean_2 + other_2);
    const float other_3 = tile_shuffle_xor(mean_2, 4);
    mean_2 = (mean_2 + other_3);
    const float other_4 = tile_shuffle_xor(mean_2, 8);
    mean_2 = (mean_2 + other_4);
    const float other_5 = tile_shuffle_xor(mean_2, 16);
    mean_2 = (mean_2 + other_5);
  }
  {
    threadgroup float* shared = (threadgroup float*)arena;
    const int place = sg;
    if (lane == 0) {
      {
        shared[place] = mean_2;
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    {
      const int home = 0;
      mean_2 = shared[home];
      mean_2 = (mean_2 + shared[home + 1]);
      mean_2 = (mean_2 + shared[home + 2]);
      mean_2 = (mean_2 + shared[home + 3]);
    }
  }
  // layernorm.py:20, 28
  const float mean_3 = (mean_2 / mean);
  if (tid == 0) mean_ptr_new[(int)threadgroup_position_in_grid.x] = mean_3;
  // layernorm.py:21-22
  float variance;
  float centred[4];
  {
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 4; ++r0) {
      const int i0 = ((lane << 2) + (sg << 7)) + r0;
      const float centred_2 = (x_2[r0] - mean_3);
      const bool inside_2 = (i0 < cols);
      const float centred_3 = (inside_2 ? centred_2 : 0.0f);
      centred[r0] = centred_3;
      const float variance_2 = (centred_3 * centred_3);
      variance = r0 == 0 ? variance_2 : (variance + variance_2);
    }
  }
  {
    const float other_6 = tile_shuffle_xor(variance, 1);
    variance = (variance + other_6);
    const float other_7 = tile_shuffle_xor(variance, 2);
    variance = (variance + other_7);
    const float other_8 = tile_shuffle_xor(variance, 4);
    variance = (variance + other_8);
    const float other_9 = tile_shuffle_xor(variance, 8);
    variance = (variance + other_9);
    const float other_10 = tile_shuffle_xor(variance, 16);
    variance = (variance + other_10);
  }
  {
    threadgroup_barrier(mem_flags::mem_threadgroup);
    threadgroup float* shared_2 = (threadgroup float*)arena;
    const int place = sg;
    if (lane == 0) {
      {
        shared_2[place] = variance;
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    {
      const int home = 0;
      variance = shared_2[home];
      variance = (variance + shared_2[home + 1]);
      variance = (variance + shared_2[home + 2]);
      variance = (variance + shared_2[home + 3]);
    }
  }
  // layernorm.py:22-23, 29
  const float variance_3 = (variance / mean);
  const float rstd = (variance_3 + eps);
  const float rstd_2 = precise::sqrt(rstd);
  const float rstd_3 = (1.0f / rstd_2);
  if (tid == 0) rstd_ptr_new[(int)threadgroup_position_in_grid.x] = rstd_3;
  // layernorm.py:24-27
  {
    const int offset_2 = x;
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 4; ++r0) {
      const int i0 = ((lane << 2) + (sg << 7)) + r0;
      const bool inside_3 = (i0 < cols);
      const float weight = inside_3 ? weight_ptr[i0] : 0.0f;
      const float bias = inside_3 ? bias_ptr[i0] : 0.0f;
      const float y = (centred[r0] * rstd_3);
      const float y_2 = fma(y, weight, bias);
      if (inside_3) out_ptr_new[offset_2 + i0] = y_2;
    }
  }
