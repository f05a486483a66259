  TILE_NO_CONTRACTION
  const int lane = (int)thread_index_in_simdgroup;
  const int sg = (int)simdgroup_index_in_threadgroup;
  alignas(16) threadgroup uchar arena[16];
  const int x_stride = static_cast<int>(scalars[0]);
  const int out_stride = static_cast<int>(scalars[2]);
  const int cols = static_cast<int>(scalars[4]);
  // softmax.py:17, 20
  const int x = (int)((uint)(int)threadgroup_position_in_grid.x * (uint)x_stride);
  const int mul = (int)((uint)(int)threadgroup_position_in_grid.x * (uint)out_stride);
  // softmax.py:17-18
  float numerator;
  float x_2[4];
  {
    const int offset = x;
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 4; ++r0) {
      const int i0 = ((lane << 2) + (sg << 7)) + r0;
      const bool inside = (i0 < cols);
      const float x_3 = inside ? x_ptr[offset + i0] : -INFINITY;
      x_2[r0] = x_3;
      numerator = r0 == 0 ? x_3 : fmax(numerator, x_3);
    }
  }
  {
    const float other = tile_shuffle_xor(numerator, 1);
    numerator = fmax(numerator, other);
    const float other_2 = tile_shuffle_xor(numerator, 2);
    numerator = fmax(numerator, other_2);
    const float other_3 = tile_shuffle_xor(numerator, 4);
    numerator = fmax(numerator, other_3);
    const float other_4 = tile_shuffle_xor(numerator, 8);
    numerator = fmax(numerator, other_4);
    const float other_5 = tile_shuffle_xor(numerator, 16);
    numerator = fmax(numerator, other_5);
  }
  {
    threadgroup float* shared = (threadgroup float*)arena;
    const int place = sg;
    if (lane == 0) {
      {
        shared[place] = numerator;
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    {
      const int home = 0;
      numerator = shared[home];
      numerator = fmax(numerator, shared[home + 1]);
      numerator = fmax(numerator, shared[home + 2]);
      numerator = fmax(numerator, shared[home + 3]);
    }
  }
  // softmax.py:18-19
  float y;
  float numerator_2[4];
  {
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 4; ++r0) {
      const float numerator_3 = (x_2[r0] - numerator);
      const float numerator_4 = precise::exp(numerator_3);
      numerator_2[r0] = numerator_4;
      y = r0 == 0 ? numerator_4 : (y + numerator_4);
    }
  }
  {
    const float other_6 = tile_shuffle_xor(y, 1);
    y = (y + other_6);
    const float other_7 = tile_shuffle_xor(y, 2);
    y = (y + other_7);
    const float other_8 = tile_shuffle_xor(y, 4);
    y = (y + other_8);
    const float other_9 = tile_shuffle_xor(y, 8);
    y = (y + other_9);
    const float other_10 = tile_shuffle_xor(y, 16);
    y = (y + other_10);
  }
  {
    threadgroup_barrier(mem_flags::mem_threadgroup);
    threadgroup float* shared_2 = (threadgroup float*)arena;
    const int place = sg;
    if (lane == 0) {
      {
        shared_2[place] = y;
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    {
      const int home = 0;
      y = shared_2[home];
      y = (y + shared_2[home + 1]);
      y = (y + shared_2[home + 2]);
      y = (y + shared_2[home + 3]);
    }
  }
  // softmax.py:19-20
  {
    const int offset_2 = mul;
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 4; ++r0) {
      const int i0 = ((lane << 2) + (sg << 7)) + r0;
      const float y_2 = (numerator_2[r0] / y);
      const bool inside_2 = (i0 < cols);
      if (inside_2) out_ptr_new[offset_2 + i0] = y_2;
    }
  }
