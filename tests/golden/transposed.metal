  TILE_NO_CONTRACTION
  const int lane = (int)thread_index_in_simdgroup;
  const int sg = (int)simdgroup_index_in_threadgroup;
  alignas(16) threadgroup uchar arena[4096];
  const int rows = static_cast<int>(scalars[0]);
  const int cols = static_cast<int>(scalars[2]);
  // test_golden.py:56-57
  const int r_ = (int)((uint)(int)threadgroup_position_in_grid.x * (uint)32);
  const int c = (int)((uint)(int)threadgroup_position_in_grid.y * (uint)32);
  // test_golden.py:59
  float x[8];
  {
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 2; ++r0) {
      const int i0 = ((lane >> 3) + (sg << 2)) + (r0 << 4);
      const int r_2 = (r_ + i0);
      const int x_2 = (r_2 * cols);
      const int offset = x_2;
      const bool inside = (r_2 < rows);
      {
        const int v1 = ((lane & 7) << 2);
        const int c_2 = (c + v1);
        const bool inside_2 = (c_2 < cols);
        const bool inside_3 = (inside && inside_2);
        const float4 x_3 = inside_3 ? float4(tile_load<packed_float4>(&x_ptr[offset + c_2])) : float4(0.0f);
        #pragma clang loop unroll(full)
        for (int k1 = 0; k1 < 4; ++k1) {
          const int r1 = k1;
          x[(r0 << 2) + r1] = x_3[k1];
        }
      }
    }
  }
  // test_golden.py:59
  float x_4[8];
  {
    threadgroup float* shared = (threadgroup float*)arena;
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 8; ++r0) {
        const int i0 = ((lane << 2) + (sg << 7)) + (r0 & 3) + ((r0 >> 2) << 9);
        shared[i0] = x[r0];
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 8; ++r0) {
        const int i0 = ((lane >> 3) + ((lane & 7) << 7) + (sg << 2)) + (r0 << 4);
        x_4[r0] = shared[i0];
      }
    }
  }
  // test_golden.py:60
  {
    #pragma clang loop unroll(full)
    for (int r1 = 0; r1 < 2; ++r1) {
      const int i1 = ((lane >> 3) + (sg << 2)) + (r1 << 4);
      const int c_3 = (c + i1);
      const int mul = (c_3 * rows);
      const int offset_2 = mul;
      const bool inside_5 = (c_3 < cols);
      {
        const int v0 = ((lane & 7) << 2);
        const int r_3 = (r_ + v0);
        const bool inside_4 = (r_3 < rows);
        const bool inside_6 = (inside_4 && inside_5);
        float4 x_5;
        #pragma clang loop unroll(full)
        for (int k0 = 0; k0 < 4; ++k0) {
          const int r0 = k0;
          x_5[k0] = x_4[r1 + (r0 << 1)];
        }
        if (inside_6) tile_store<packed_float4>(&out_ptr_new[offset_2 + r_3], x_5);
      }
    }
  }
