  TILE_NO_CONTRACTION
  const int lane = (int)thread_index_in_simdgroup;
  const int sg = (int)simdgroup_index_in_threadgroup;
  alignas(16) threadgroup uchar arena[19456];
  const int M = static_cast<int>(scalars[0]);
  const int N = static_cast<int>(scalars[2]);
  const int K = static_cast<int>(scalars[4]);
  const int stride_am = static_cast<int>(scalars[6]);
  const int stride_bk = static_cast<int>(scalars[8]);
  const int stride_om = static_cast<int>(scalars[10]);
  // matmul.py:21-27, 39
  const int blocks_m = (int)((uint)M + (uint)63);
  const int blocks_m_2 = (blocks_m / 64);
  const int blocks_n = (int)((uint)N + (uint)63);
  const int blocks_n_2 = (blocks_n / 64);
  const int first_m = (int)((uint)blocks_n_2 * (uint)8);
  const int first_m_2 = div_int((int)threadgroup_position_in_grid.x, first_m);
  const int first_m_3 = (int)((uint)first_m_2 * (uint)8);
  const int height = (int)((uint)blocks_m_2 - (uint)first_m_3);
  const int height_2 = min(height, 8);
  const int within = rem_int((int)threadgroup_position_in_grid.x, first_m);
  const int rows = rem_int(within, height_2);
  const int rows_2 = (int)((uint)first_m_3 + (uint)rows);
  const int rows_3 = (int)((uint)rows_2 * (uint)64);
  const int cols = div_int(within, height_2);
  const int cols_2 = (int)((uint)cols * (uint)64);
  const int b_ptrs = (int)((uint)stride_bk * (uint)32);
  // matmul.py:33
  float acc[32];
  {
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 32; ++r0) {
      acc[r0] = 0.0f;
    }
  }
  for (int start = 0; start < K; start += 32) {
    // matmul.py:33-34
    const int acc_2 = (start / 32);
    const int left = (int)((uint)K - (uint)start);
    // matmul.py:35
    float a[16];
    {
      const int acc_3 = (acc_2 * 32);
      const int offset = acc_3;
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 4; ++r0) {
        const int i0 = ((lane >> 3) + (sg << 2)) + (r0 << 4);
        const int rows_4 = (rows_3 + i0);
        const int a_ptrs = (rows_4 * stride_am);
        const int offset_2 = offset + a_ptrs;
        const bool a_2 = (rows_4 < M);
        #pragma clang loop unroll(full)
        for (int r1 = 0; r1 < 4; ++r1) {
          const int i1 = ((lane & 7) << 2) + r1;
          const bool a_3 = (i1 < left);
          const bool a_4 = (a_2 && a_3);
          const float a_5 = a_4 ? a_ptr[offset_2 + i1] : 0.0f;
          a[(r0 << 2) + r1] = a_5;
        }
      }
    }
    // matmul.py:36
    float b[16];
    {
      const int acc_4 = (b_ptrs * acc_2);
      const int offset_3 = acc_4;
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 4; ++r0) {
        const int i0 = ((lane >> 4) + (sg << 1)) + (r0 << 3);
        const int b_ptrs_2 = (i0 * stride_bk);
        const int offset_4 = offset_3 + b_ptrs_2;
        const bool b_2 = (i0 < left);
        #pragma clang loop unroll(full)
        for (int r1 = 0; r1 < 4; ++r1) {
          const int i1 = ((lane & 15) << 2) + r1;
          const int cols_3 = (cols_2 + i1);
          const bool b_3 = (cols_3 < N);
          const bool b_4 = (b_2 && b_3);
          const float b_5 = b_4 ? b_ptr[offset_4 + cols_3] : 0.0f;
          b[(r0 << 2) + r1] = b_5;
        }
      }
    }
    // matmul.py:37
    {
      {
        threadgroup_barrier(mem_flags::mem_threadgroup);
        threadgroup float* shared = (threadgroup float*)arena;
        threadgroup float* shared_2 = (threadgroup float*)arena + 2560;
        {
          #pragma clang loop unroll(full)
          for (int r0 = 0; r0 < 4; ++r0) {
            const int i0 = ((lane >> 3) + (sg << 2)) + (r0 << 4);
            {
              const int v1 = ((lane & 7) << 2);
              const int at = i0 * 40 + v1;
              float4 part;
              #pragma clang loop unroll(full)
              for (int k1 = 0; k1 < 4; ++k1) {
                const int r1 = k1;
                part[k1] = a[(r0 << 2) + r1];
              }
              *(threadgroup float4*)&shared[at] = part;
            }
          }
        }
        {
          #pragma clang loop unroll(full)
          for (int r0 = 0; r0 < 4; ++r0) {
            const int i0 = ((lane >> 4) + (sg << 1)) + (r0 << 3);
            {
              const int v1 = ((lane & 15) << 2);
              const int at_2 = i0 * 72 + v1;
              float4 part_2;
              #pragma clang loop unroll(full)
              for (int k1 = 0; k1 < 4; ++k1) {
                const int r1 = k1;
                part_2[k1] = b[(r0 << 2) + r1];
              }
              *(threadgroup float4*)&shared_2[at_2] = part_2;
            }
          }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        for (int k = 0; k < 32; k += 8) {
          {
            float left_2[8];
            {
              #pragma clang loop unroll(full)
              for (int r0 = 0; r0 < 4; ++r0) {
                const int i0 = (((lane >> 1) & 3) + ((lane >> 4) << 2) + ((sg >> 1) << 5)) + (r0 << 3);
                {
                  const int v1 = (((lane & 1) << 1) + (((lane >> 3) & 1) << 2));
                  const float2 pair = *(const threadgroup float2*)&shared[i0 * 40 + k + v1];
                  #pragma clang loop unroll(full)
                  for (int k1 = 0; k1 < 2; ++k1) {
                    const int r1 = k1;
                    left_2[(r0 << 1) + r1] = pair[k1];
                  }
                }
              }
            }
            float right[8];
            {
              #pragma clang loop unroll(full)
              for (int c1 = 0; c1 < 8; c1 += 2) {
                const int v1 = (((lane & 1) << 1) + (((lane >> 3) & 1) << 2) + ((sg & 1) << 5)) + ((c1 >> 1) << 3);
                const float2 pair_2 = *(const threadgroup float2*)&shared_2[(k + (((lane >> 1) & 3) + ((lane >> 4) << 2))) * 72 + v1];
                #pragma clang loop unroll(full)
                for (int k1 = 0; k1 < 2; ++k1) {
                  const int r1 = c1 + k1;
                  right[r1] = pair_2[k1];
                }
              }
            }
            #pragma clang loop unroll(full)
            for (int i = 0; i < 4; ++i)
            #pragma clang loop unroll(full)
            for (int j = 0; j < 4; ++j)
              tile_multiply(acc + 2 * ((i * 4 + j)), left_2 + 2 * i, right + 2 * j);
          }
        }
      }
    }
  }
  // matmul.py:48
  {
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 4; ++r0) {
      const int i0 = (((lane >> 1) & 3) + ((lane >> 4) << 2) + ((sg >> 1) << 5)) + (r0 << 3);
      const int rows_5 = (rows_3 + i0);
      const int out_ptrs = (rows_5 * stride_om);
      const int offset_5 = out_ptrs;
      const bool a_6 = (rows_5 < M);
      #pragma clang loop unroll(full)
      for (int r1 = 0; r1 < 8; ++r1) {
        const int i1 = (((lane & 1) << 1) + (((lane >> 3) & 1) << 2) + ((sg & 1) << 5)) + (r1 & 1) + ((r1 >> 1) << 3);
        const int cols_4 = (cols_2 + i1);
        const bool b_6 = (cols_4 < N);
        const bool inside = (a_6 && b_6);
        if (inside) out_ptr_new[offset_5 + cols_4] = acc[(r0 << 3) + r1];
      }
    }
  }
