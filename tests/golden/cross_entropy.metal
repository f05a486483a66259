  TILE_NO_CONTRACTION
  const int lane = (int)thread_index_in_simdgroup;
  const int sg = (int)simdgroup_index_in_threadgroup;
  const int tid = (int)thread_index_in_threadgroup;
  alignas(16) threadgroup uchar arena[16];
  const int stride = static_cast<int>(scalars[0]);
  const int classes = static_cast<int>(scalars[2]);
  // test_golden.py:32-33, 42
  const int x_ptr_2 = (int)((uint)(int)threadgroup_position_in_grid.x * (uint)stride);
  const int label = label_ptr[(int)threadgroup_position_in_grid.x];
  const float load = x_ptr[x_ptr_2 + label];
  // test_golden.py:36
  float top;
  float total;
  top = -INFINITY;
  total = 0.0f;
  for (int start = 0; start < classes; start += 1024) {
    // test_golden.py:38-39
    float higher;
    float x[8];
    {
      const int offset = x_ptr_2;
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 8; ++r0) {
        const int i0 = ((lane << 2) + (sg << 7)) + (r0 & 3) + ((r0 >> 2) << 9);
        const int at = (start + i0);
        const bool x_2 = (at < classes);
        const float x_3 = x_2 ? x_ptr[offset + at] : -INFINITY;
        x[r0] = x_3;
        higher = r0 == 0 ? x_3 : fmax(higher, x_3);
      }
    }
    {
      const float other = tile_shuffle_xor(higher, 1);
      higher = fmax(higher, other);
      const float other_2 = tile_shuffle_xor(higher, 2);
      higher = fmax(higher, other_2);
      const float other_3 = tile_shuffle_xor(higher, 4);
      higher = fmax(higher, other_3);
      const float other_4 = tile_shuffle_xor(higher, 8);
      higher = fmax(higher, other_4);
      const float other_5 = tile_shuffle_xor(higher, 16);
      higher = fmax(higher, other_5);
    }
    {
      threadgroup_barrier(mem_flags::mem_threadgroup);
      threadgroup float* shared = (threadgroup float*)arena;
      const int place = sg;
      if (lane == 0) {
        {
          shared[place] = higher;
        }
      }
      threadgroup_barrier(mem_flags::mem_threadgroup);
      {
        const int home = 0;
        higher = shared[home];
        higher = fmax(higher, shared[home + 1]);
        higher = fmax(higher, shared[home + 2]);
        higher = fmax(higher, shared[home + 3]);
      }
    }
    // test_golden.py:39-40
    const float higher_2 = fmax(top, higher);
    const float total_2 = (top - higher_2);
    const float total_3 = precise::exp(total_2);
    // test_golden.py:40
    float total_4;
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 8; ++r0) {
        const float total_5 = (x[r0] - higher_2);
        const float total_6 = precise::exp(total_5);
        total_4 = r0 == 0 ? total_6 : (total_4 + total_6);
      }
    }
    {
      const float other_6 = tile_shuffle_xor(total_4, 1);
      total_4 = (total_4 + other_6);
      const float other_7 = tile_shuffle_xor(total_4, 2);
      total_4 = (total_4 + other_7);
      const float other_8 = tile_shuffle_xor(total_4, 4);
      total_4 = (total_4 + other_8);
      const float other_9 = tile_shuffle_xor(total_4, 8);
      total_4 = (total_4 + other_9);
      const float other_10 = tile_shuffle_xor(total_4, 16);
      total_4 = (total_4 + other_10);
    }
    {
      threadgroup_barrier(mem_flags::mem_threadgroup);
      threadgroup float* shared_2 = (threadgroup float*)arena;
      const int place = sg;
      if (lane == 0) {
        {
          shared_2[place] = total_4;
        }
      }
      threadgroup_barrier(mem_flags::mem_threadgroup);
      {
        const int home = 0;
        total_4 = shared_2[home];
        total_4 = (total_4 + shared_2[home + 1]);
        total_4 = (total_4 + shared_2[home + 2]);
        total_4 = (total_4 + shared_2[home + 3]);
      }
    }
    // test_golden.py:40
    const float total_7 = fma(total, total_3, total_4);
    top = higher_2;
    total = total_7;
  }
  // test_golden.py:42
  const float log_ = precise::log(total);
  const float add = (log_ + top);
  const float sub = (add - load);
  if (tid == 0) loss_ptr_new[(int)threadgroup_position_in_grid.x] = sub;
