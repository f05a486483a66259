  const int lane = (int)thread_index_in_simdgroup;
  const int sg = (int)simdgroup_index_in_threadgroup;
  const int tid = (int)thread_index_in_threadgroup;
  alignas(16) threadgroup uchar arena[512];
  const int x_stride_2 = static_cast<int>(scalars[0]);
  const int out_stride_3 = static_cast<int>(scalars[2]);
  const int cols_4 = static_cast<int>(scalars[4]);
  const int x_6 = (int)((uint)(int)threadgroup_position_in_grid.x * (uint)x_stride_2);
  const int mul_22 = (int)((uint)(int)threadgroup_position_in_grid.x * (uint)out_stride_3);
  float numerator_13;
  float x_10[4];
  {
    const int offset = x_6;
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 4; ++r0) {
      const int i0 = ((lane << 2) + (sg << 7)) + r0;
      const bool inside_5 = (i0 < cols_4);
      const float x_10_2 = inside_5 ? x_ptr_0[offset + i0] : -INFINITY;
      x_10[r0] = x_10_2;
      numerator_13 = r0 == 0 ? x_10_2 : fmax(numerator_13, x_10_2);
    }
  }
  {
    const float other = tile_shuffle_xor(numerator_13, 1);
    numerator_13 = fmax(numerator_13, other);
    const float other_2 = tile_shuffle_xor(numerator_13, 2);
    numerator_13 = fmax(numerator_13, other_2);
    const float other_3 = tile_shuffle_xor(numerator_13, 4);
    numerator_13 = fmax(numerator_13, other_3);
    const float other_4 = tile_shuffle_xor(numerator_13, 8);
    numerator_13 = fmax(numerator_13, other_4);
    const float other_5 = tile_shuffle_xor(numerator_13, 16);
    numerator_13 = fmax(numerator_13, other_5);
  }
  {
    threadgroup float* shared = (threadgroup float*)arena;
    {
      shared[tid] = numerator_13;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    {
      const int home = (tid & ~96);
      numerator_13 = shared[home];
      numerator_13 = fmax(numerator_13, shared[home + 32]);
      numerator_13 = fmax(numerator_13, shared[home + 64]);
      numerator_13 = fmax(numerator_13, shared[home + 96]);
    }
  }
  float y_19;
  float numerator_16[4];
  {
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 4; ++r0) {
      const int i0 = ((lane << 2) + (sg << 7)) + r0;
      const float numerator_15 = (x_10[r0] - numerator_13);
      const float numerator_16_2 = precise::exp(numerator_15);
      numerator_16[r0] = numerator_16_2;
      y_19 = r0 == 0 ? numerator_16_2 : (y_19 + numerator_16_2);
    }
  }
  {
    const float other_6 = tile_shuffle_xor(y_19, 1);
    y_19 = (y_19 + other_6);
    const float other_7 = tile_shuffle_xor(y_19, 2);
    y_19 = (y_19 + other_7);
    const float other_8 = tile_shuffle_xor(y_19, 4);
    y_19 = (y_19 + other_8);
    const float other_9 = tile_shuffle_xor(y_19, 8);
    y_19 = (y_19 + other_9);
    const float other_10 = tile_shuffle_xor(y_19, 16);
    y_19 = (y_19 + other_10);
  }
  {
    threadgroup_barrier(mem_flags::mem_threadgroup);
    threadgroup float* shared_2 = (threadgroup float*)arena;
    {
      shared_2[tid] = y_19;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    {
      const int home = (tid & ~96);
      y_19 = shared_2[home];
      y_19 = (y_19 + shared_2[home + 32]);
      y_19 = (y_19 + shared_2[home + 64]);
      y_19 = (y_19 + shared_2[home + 96]);
    }
  }
  {
    const int offset_2 = mul_22;
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 4; ++r0) {
      const int i0 = ((lane << 2) + (sg << 7)) + r0;
      const float y_21 = (numerator_16[r0] / y_19);
      const bool inside_5_2 = (i0 < cols_4);
      if (inside_5_2) out_ptr_1_new[offset_2 + i0] = y_21;
    }
  }
