  TILE_NO_CONTRACTION
  const int lane = (int)thread_index_in_simdgroup;
  const int sg = (int)simdgroup_index_in_threadgroup;
  alignas(16) threadgroup uchar arena[9216];
  const int queries = static_cast<int>(scalars[0]);
  const int keys = static_cast<int>(scalars[2]);
  const float scale = float(as_type<float>(scalars[4]));
  // attention.py:19-20, 23, 29, 35
  const int q_ptr_2 = (int)((uint)(int)threadgroup_position_in_grid.y * (uint)queries);
  const int q_ptr_3 = (int)((uint)q_ptr_2 * (uint)64);
  const int k_ptr = (int)((uint)(int)threadgroup_position_in_grid.y * (uint)keys);
  const int k_ptr_2 = (int)((uint)k_ptr * (uint)64);
  const int rows = (int)((uint)(int)threadgroup_position_in_grid.x * (uint)64);
  const float to_exponent = (scale * 1.442695f);
  const int end = (int)((uint)(int)threadgroup_position_in_grid.x + (uint)1);
  const int end_2 = (int)((uint)end * (uint)64);
  const int end_3 = min(keys, end_2);
  // attention.py:26
  float q[16];
  {
    const int rows_2 = (rows + (((lane >> 1) & 3) + ((lane >> 4) << 2) + (sg << 3)));
    const int at_rows = (rows_2 * 64);
    const int offset = q_ptr_3;
    const bool q_2 = (rows_2 < queries);
    #pragma clang loop unroll(full)
    for (int c1 = 0; c1 < 16; c1 += 2) {
      const int v1 = (((lane & 1) << 1) + (((lane >> 3) & 1) << 2)) + ((c1 >> 1) << 3);
      const int at_rows_2 = (at_rows + v1);
      const float2 q_3 = q_2 ? float2(tile_load<packed_float2>(&q_ptr[offset + at_rows_2])) : float2(0.0f);
      #pragma clang loop unroll(full)
      for (int k1 = 0; k1 < 2; ++k1) {
        const int r1 = c1 + k1;
        q[r1] = q_3[k1];
      }
    }
  }
  // attention.py:37
  float peak;
  float total;
  float acc[16];
  peak = -INFINITY;
  total = 0.0f;
  {
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 16; ++r0) {
      acc[r0] = 0.0f;
    }
  }
  for (int start = 0; start < end_3; start += 32) {
    // attention.py:40
    float k_[8];
    {
      const int offset_2 = k_ptr_2;
      #pragma clang loop unroll(full)
      for (int r1 = 0; r1 < 2; ++r1) {
        const int i1 = ((lane >> 4) + (sg << 1)) + (r1 << 4);
        const int cols = (start + i1);
        const int k_at = (cols * 64);
        const bool k_2 = (cols < keys);
        {
          const int v0 = ((lane & 15) << 2);
          const int k_at_2 = (k_at + v0);
          const float4 k_3 = k_2 ? float4(tile_load<packed_float4>(&q_ptr[offset_2 + k_at_2])) : float4(0.0f);
          #pragma clang loop unroll(full)
          for (int k0 = 0; k0 < 4; ++k0) {
            const int r0 = k0;
            k_[r1 + (r0 << 1)] = k_3[k0];
          }
        }
      }
    }
    // attention.py:41
    float scores[8];
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 8; ++r0) {
        scores[r0] = 0.0f;
      }
    }
    {
      {
        threadgroup_barrier(mem_flags::mem_threadgroup);
        threadgroup float* shared = (threadgroup float*)arena;
        {
          #pragma clang loop unroll(full)
          for (int r1 = 0; r1 < 2; ++r1) {
            const int i1 = ((lane >> 4) + (sg << 1)) + (r1 << 4);
            {
              const int v0 = ((lane & 15) << 2);
              const int at = i1 * 68 + v0;
              float4 part;
              #pragma clang loop unroll(full)
              for (int k0 = 0; k0 < 4; ++k0) {
                const int r0 = k0;
                part[k0] = k_[r1 + (r0 << 1)];
              }
              *(threadgroup float4*)&shared[at] = part;
            }
          }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        #pragma clang loop unroll(full)
        for (int k = 0; k < 64; k += 8) {
          {
            float right[8];
            {
              #pragma clang loop unroll(full)
              for (int r1 = 0; r1 < 8; ++r1) {
                const int i1 = (((lane & 1) << 1) + (((lane >> 3) & 1) << 2)) + (r1 & 1) + ((r1 >> 1) << 3);
                right[r1] = shared[i1 * 68 + k + (((lane >> 1) & 3) + ((lane >> 4) << 2))];
              }
            }
            #pragma clang loop unroll(full)
            for (int i = 0; i < 1; ++i)
            #pragma clang loop unroll(full)
            for (int j = 0; j < 4; ++j)
              tile_multiply(scores + 2 * j, q + 2 * (k / 8), right + 2 * j);
          }
        }
      }
    }
    // attention.py:41, 45-46
    float new_peak;
    float scores_2[8];
    {
      const int rows_3 = (rows + (((lane >> 1) & 3) + ((lane >> 4) << 2) + (sg << 3)));
      #pragma clang loop unroll(full)
      for (int r1 = 0; r1 < 8; ++r1) {
        const int i1 = (((lane & 1) << 1) + (((lane >> 3) & 1) << 2)) + (r1 & 1) + ((r1 >> 1) << 3);
        const float scores_3 = (scores[r1] * to_exponent);
        const int cols_2 = (start + i1);
        const bool k_4 = (cols_2 < keys);
        const bool visible = (cols_2 <= rows_3);
        const bool visible_2 = (k_4 && visible);
        const float scores_4 = (visible_2 ? scores_3 : -INFINITY);
        scores_2[r1] = scores_4;
        new_peak = r1 == 0 ? scores_4 : fmax(new_peak, scores_4);
      }
    }
    {
      const float other = tile_shuffle_xor(new_peak, 1);
      new_peak = fmax(new_peak, other);
      const float other_2 = tile_shuffle_xor(new_peak, 8);
      new_peak = fmax(new_peak, other_2);
    }
    float new_peak_2;
    new_peak_2 = new_peak;
    // attention.py:46, 48
    float new_peak_3;
    float shrink;
    {
      const float new_peak_4 = fmax(peak, new_peak_2);
      new_peak_3 = new_peak_4;
      const float shrink_2 = (peak - new_peak_4);
      const float shrink_3 = precise::exp2(shrink_2);
      shrink = shrink_3;
    }
    // attention.py:47, 49
    float total_2;
    float weights[8];
    {
      #pragma clang loop unroll(full)
      for (int r1 = 0; r1 < 8; ++r1) {
        const float weights_2 = (scores_2[r1] - new_peak_3);
        const float weights_3 = precise::exp2(weights_2);
        weights[r1] = weights_3;
        total_2 = r1 == 0 ? weights_3 : (total_2 + weights_3);
      }
    }
    {
      const float other_3 = tile_shuffle_xor(total_2, 1);
      total_2 = (total_2 + other_3);
      const float other_4 = tile_shuffle_xor(total_2, 8);
      total_2 = (total_2 + other_4);
    }
    float total_3;
    total_3 = total_2;
    // attention.py:49
    {
      const float total_4 = fma(total, shrink, total_3);
      total = total_4;
    }
    // attention.py:51
    float v[8];
    {
      const int offset_3 = k_ptr_2;
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 2; ++r0) {
        const int i0 = ((lane >> 4) + (sg << 1)) + (r0 << 4);
        const int cols_3 = (start + i0);
        const int v_at = (cols_3 * 64);
        const bool v_2 = (cols_3 < keys);
        {
          const int v1 = ((lane & 15) << 2);
          const int v_at_2 = (v_at + v1);
          const float4 v_3 = v_2 ? float4(tile_load<packed_float4>(&q_ptr[offset_3 + v_at_2])) : float4(0.0f);
          #pragma clang loop unroll(full)
          for (int k1 = 0; k1 < 4; ++k1) {
            const int r1 = k1;
            v[(r0 << 2) + r1] = v_3[k1];
          }
        }
      }
    }
    // attention.py:52
    {
      #pragma clang loop unroll(full)
      for (int r1 = 0; r1 < 16; ++r1) {
        const float acc_2 = (acc[r1] * shrink);
        acc[r1] = acc_2;
      }
    }
    // attention.py:53
    {
      {
        threadgroup_barrier(mem_flags::mem_threadgroup);
        threadgroup float* shared_2 = (threadgroup float*)arena;
        {
          #pragma clang loop unroll(full)
          for (int r0 = 0; r0 < 2; ++r0) {
            const int i0 = ((lane >> 4) + (sg << 1)) + (r0 << 4);
            {
              const int v1 = ((lane & 15) << 2);
              const int at_2 = i0 * 72 + v1;
              float4 part_2;
              #pragma clang loop unroll(full)
              for (int k1 = 0; k1 < 4; ++k1) {
                const int r1 = k1;
                part_2[k1] = v[(r0 << 2) + r1];
              }
              *(threadgroup float4*)&shared_2[at_2] = part_2;
            }
          }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        #pragma clang loop unroll(full)
        for (int k = 0; k < 32; k += 8) {
          {
            float right_2[16];
            {
              #pragma clang loop unroll(full)
              for (int c1 = 0; c1 < 16; c1 += 2) {
                const int v1 = (((lane & 1) << 1) + (((lane >> 3) & 1) << 2)) + ((c1 >> 1) << 3);
                const float2 pair = *(const threadgroup float2*)&shared_2[(k + (((lane >> 1) & 3) + ((lane >> 4) << 2))) * 72 + v1];
                #pragma clang loop unroll(full)
                for (int k1 = 0; k1 < 2; ++k1) {
                  const int r1 = c1 + k1;
                  right_2[r1] = pair[k1];
                }
              }
            }
            #pragma clang loop unroll(full)
            for (int i = 0; i < 1; ++i)
            #pragma clang loop unroll(full)
            for (int j = 0; j < 8; ++j)
              tile_multiply(acc + 2 * j, weights + 2 * (k / 8), right_2 + 2 * j);
          }
        }
      }
    }
    peak = new_peak_3;
  }
  // attention.py:55-56
  {
    const int rows_4 = (rows + (((lane >> 1) & 3) + ((lane >> 4) << 2) + (sg << 3)));
    const int at_rows_3 = (rows_4 * 64);
    const int offset_4 = q_ptr_3;
    const bool q_4 = (rows_4 < queries);
    #pragma clang loop unroll(full)
    for (int c1 = 0; c1 < 16; c1 += 2) {
      const int v1 = (((lane & 1) << 1) + (((lane >> 3) & 1) << 2)) + ((c1 >> 1) << 3);
      const int at_rows_4 = (at_rows_3 + v1);
      float2 acc_4;
      #pragma clang loop unroll(full)
      for (int k1 = 0; k1 < 2; ++k1) {
        const int r1 = c1 + k1;
        const float acc_3 = (acc[r1] / total);
        acc_4[k1] = acc_3;
      }
      if (q_4) tile_store<packed_float2>(&out_ptr_new[offset_4 + at_rows_4], acc_4);
    }
  }
