  const int lane = (int)thread_index_in_simdgroup;
  const int sg = (int)simdgroup_index_in_threadgroup;
  const int tid = (int)thread_index_in_threadgroup;
  alignas(16) threadgroup uchar arena[2048];
  // test_golden.py:65
  const int at = (int)((uint)(int)threadgroup_position_in_grid.x * (uint)512);
  // test_golden.py:66
  float load[4];
  {
    {
      const int v0 = ((lane << 2) + (sg << 7));
      const int at_2 = (at + v0);
      const float4 load_2 = float4(tile_load<packed_float4>(&x_ptr[at_2]));
      #pragma clang loop unroll(full)
      for (int k0 = 0; k0 < 4; ++k0) {
        const int r0 = k0;
        load[r0] = load_2[k0];
      }
    }
  }
  // test_golden.py:66
  float scan[4];
  {
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 4; ++r0) {
      scan[r0] = load[r0];
    }
  }
  {
    threadgroup float* shared = (threadgroup float*)arena;
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 4; ++r0) {
        const int i0 = ((lane << 2) + (sg << 7)) + r0;
        shared[i0] = scan[r0];
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 4; ++r0) {
        const int i0 = ((lane << 2) + (sg << 7)) + r0;
        if (i0 >= 1) {
          const float next = (shared[i0 - 1] + scan[r0]);
          scan[r0] = next;
        }
      }
    }
  }
  {
    threadgroup_barrier(mem_flags::mem_threadgroup);
    threadgroup float* shared_2 = (threadgroup float*)arena;
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 4; ++r0) {
        const int i0 = ((lane << 2) + (sg << 7)) + r0;
        shared_2[i0] = scan[r0];
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 4; ++r0) {
        const int i0 = ((lane << 2) + (sg << 7)) + r0;
        if (i0 >= 2) {
          const float next_2 = (shared_2[i0 - 2] + scan[r0]);
          scan[r0] = next_2;
        }
      }
    }
  }
  {
    threadgroup_barrier(mem_flags::mem_threadgroup);
    threadgroup float* shared_3 = (threadgroup float*)arena;
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 4; ++r0) {
        const int i0 = ((lane << 2) + (sg << 7)) + r0;
        shared_3[i0] = scan[r0];
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 4; ++r0) {
        const int i0 = ((lane << 2) + (sg << 7)) + r0;
        if (i0 >= 4) {
          const float next_3 = (shared_3[i0 - 4] + scan[r0]);
          scan[r0] = next_3;
        }
      }
    }
  }
  {
    threadgroup_barrier(mem_flags::mem_threadgroup);
    threadgroup float* shared_4 = (threadgroup float*)arena;
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 4; ++r0) {
        const int i0 = ((lane << 2) + (sg << 7)) + r0;
        shared_4[i0] = scan[r0];
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 4; ++r0) {
        const int i0 = ((lane << 2) + (sg << 7)) + r0;
        if (i0 >= 8) {
          const float next_4 = (shared_4[i0 - 8] + scan[r0]);
          scan[r0] = next_4;
        }
      }
    }
  }
  {
    threadgroup_barrier(mem_flags::mem_threadgroup);
    threadgroup float* shared_5 = (threadgroup float*)arena;
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 4; ++r0) {
        const int i0 = ((lane << 2) + (sg << 7)) + r0;
        shared_5[i0] = scan[r0];
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 4; ++r0) {
        const int i0 = ((lane << 2) + (sg << 7)) + r0;
        if (i0 >= 16) {
          const float next_5 = (shared_5[i0 - 16] + scan[r0]);
          scan[r0] = next_5;
        }
      }
    }
  }
  {
    threadgroup_barrier(mem_flags::mem_threadgroup);
    threadgroup float* shared_6 = (threadgroup float*)arena;
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 4; ++r0) {
        const int i0 = ((lane << 2) + (sg << 7)) + r0;
        shared_6[i0] = scan[r0];
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 4; ++r0) {
        const int i0 = ((lane << 2) + (sg << 7)) + r0;
        if (i0 >= 32) {
          const float next_6 = (shared_6[i0 - 32] + scan[r0]);
          scan[r0] = next_6;
        }
      }
    }
  }
  {
    threadgroup_barrier(mem_flags::mem_threadgroup);
    threadgroup float* shared_7 = (threadgroup float*)arena;
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 4; ++r0) {
        const int i0 = ((lane << 2) + (sg << 7)) + r0;
        shared_7[i0] = scan[r0];
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 4; ++r0) {
        const int i0 = ((lane << 2) + (sg << 7)) + r0;
        if (i0 >= 64) {
          const float next_7 = (shared_7[i0 - 64] + scan[r0]);
          scan[r0] = next_7;
        }
      }
    }
  }
  {
    threadgroup_barrier(mem_flags::mem_threadgroup);
    threadgroup float* shared_8 = (threadgroup float*)arena;
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 4; ++r0) {
        const int i0 = ((lane << 2) + (sg << 7)) + r0;
        shared_8[i0] = scan[r0];
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 4; ++r0) {
        const int i0 = ((lane << 2) + (sg << 7)) + r0;
        if (i0 >= 128) {
          const float next_8 = (shared_8[i0 - 128] + scan[r0]);
          scan[r0] = next_8;
        }
      }
    }
  }
  {
    threadgroup_barrier(mem_flags::mem_threadgroup);
    threadgroup float* shared_9 = (threadgroup float*)arena;
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 4; ++r0) {
        const int i0 = ((lane << 2) + (sg << 7)) + r0;
        shared_9[i0] = scan[r0];
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    {
      #pragma clang loop unroll(full)
      for (int r0 = 0; r0 < 4; ++r0) {
        const int i0 = ((lane << 2) + (sg << 7)) + r0;
        if (i0 >= 256) {
          const float next_9 = (shared_9[i0 - 256] + scan[r0]);
          scan[r0] = next_9;
        }
      }
    }
  }
  // test_golden.py:66
  {
    {
      const int v0 = ((lane << 2) + (sg << 7));
      const int at_3 = (at + v0);
      float4 scan_2;
      #pragma clang loop unroll(full)
      for (int k0 = 0; k0 < 4; ++k0) {
        const int r0 = k0;
        scan_2[k0] = scan[r0];
      }
      tile_store<packed_float4>(&out_ptr_new[at_3], scan_2);
    }
  }
