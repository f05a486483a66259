  TILE_NO_CONTRACTION
  const int lane = (int)thread_index_in_simdgroup;
  const int sg = (int)simdgroup_index_in_threadgroup;
  alignas(16) threadgroup uchar arena[16];
  const int x_stride = static_cast<int>(scalars[0]);
  const int out_stride = static_cast<int>(scalars[2]);
  const int cols = static_cast<int>(scalars[4]);
  // softmax.py:28-29
  const int x_ptr_2 = (int)((uint)(int)threadgroup_position_in_grid.x * (uint)x_stride);
  const int out_ptr_2 = (int)((uint)(int)threadgroup_position_in_grid.x * (uint)out_stride);
  // softmax.py:34
  float peak[8];
  float total[8];
  {
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 8; ++r0) {
      peak[r0] = -1e+30f;
    }
  }
  {
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 8; ++r0) {
      total[r0] = 0.0f;
    }
  }
  for (int start = 0; start < cols; start += 1024) {
    // softmax.py:36-38
    float new_peak[8];
    {
      const int offset = x_ptr_2 + start;
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 8; ++r0) {
        const int i0 = ((lane << 2) + (sg << 7)) + (r0 & 3) + ((r0 >> 2) << 9);
        const int inside = (start + i0);
        const bool inside_2 = (inside < cols);
        const float x = inside_2 ? x_ptr[offset + i0] : -INFINITY;
        const float new_peak_2 = fmax(peak[r0], x);
        new_peak[r0] = new_peak_2;
        const float total_2 = (peak[r0] - new_peak_2);
        const float total_3 = precise::exp(total_2);
        const float total_4 = (x - new_peak_2);
        const float total_5 = precise::exp(total_4);
        const float total_6 = fma(total[r0], total_3, total_5);
        total[r0] = total_6;
      }
    }
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 8; ++r0) {
        peak[r0] = new_peak[r0];
      }
    }
  }
  // softmax.py:40
  float row_peak;
  {
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 8; ++r0) {
      row_peak = r0 == 0 ? peak[r0] : fmax(row_peak, peak[r0]);
    }
  }
  {
    const float other = tile_shuffle_xor(row_peak, 1);
    row_peak = fmax(row_peak, other);
    const float other_2 = tile_shuffle_xor(row_peak, 2);
    row_peak = fmax(row_peak, other_2);
    const float other_3 = tile_shuffle_xor(row_peak, 4);
    row_peak = fmax(row_peak, other_3);
    const float other_4 = tile_shuffle_xor(row_peak, 8);
    row_peak = fmax(row_peak, other_4);
    const float other_5 = tile_shuffle_xor(row_peak, 16);
    row_peak = fmax(row_peak, other_5);
  }
  {
    threadgroup float* shared = (threadgroup float*)arena;
    const int place = sg;
    if (lane == 0) {
      {
        shared[place] = row_peak;
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    {
      const int home = 0;
      row_peak = shared[home];
      row_peak = fmax(row_peak, shared[home + 1]);
      row_peak = fmax(row_peak, shared[home + 2]);
      row_peak = fmax(row_peak, shared[home + 3]);
    }
  }
  // softmax.py:41
  float row_total;
  {
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 8; ++r0) {
      const float row_total_2 = (peak[r0] - row_peak);
      const float row_total_3 = precise::exp(row_total_2);
      const float row_total_4 = (total[r0] * row_total_3);
      row_total = r0 == 0 ? row_total_4 : (row_total + row_total_4);
    }
  }
  {
    const float other_6 = tile_shuffle_xor(row_total, 1);
    row_total = (row_total + other_6);
    const float other_7 = tile_shuffle_xor(row_total, 2);
    row_total = (row_total + other_7);
    const float other_8 = tile_shuffle_xor(row_total, 4);
    row_total = (row_total + other_8);
    const float other_9 = tile_shuffle_xor(row_total, 8);
    row_total = (row_total + other_9);
    const float other_10 = tile_shuffle_xor(row_total, 16);
    row_total = (row_total + other_10);
  }
  {
    threadgroup_barrier(mem_flags::mem_threadgroup);
    threadgroup float* shared_2 = (threadgroup float*)arena;
    const int place = sg;
    if (lane == 0) {
      {
        shared_2[place] = row_total;
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    {
      const int home = 0;
      row_total = shared_2[home];
      row_total = (row_total + shared_2[home + 1]);
      row_total = (row_total + shared_2[home + 2]);
      row_total = (row_total + shared_2[home + 3]);
    }
  }
  // softmax.py:42
  for (int start_2 = 0; start_2 < cols; start_2 += 1024) {
    // softmax.py:44-46
    {
      const int offset_2 = x_ptr_2 + start_2;
      const int offset_3 = out_ptr_2 + start_2;
      #pragma clang loop unroll_count(4)
      for (int r0 = 0; r0 < 8; ++r0) {
        const int i0 = ((lane << 2) + (sg << 7)) + (r0 & 3) + ((r0 >> 2) << 9);
        const int inside_3 = (start_2 + i0);
        const bool inside_4 = (inside_3 < cols);
        const float x_2 = inside_4 ? x_ptr[offset_2 + i0] : -INFINITY;
        const float y = (x_2 - row_peak);
        const float y_2 = precise::exp(y);
        const float y_3 = (y_2 / row_total);
        if (inside_4) out_ptr_new[offset_3 + i0] = y_3;
      }
    }
  }
