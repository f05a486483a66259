  TILE_NO_CONTRACTION
  const int lane = (int)thread_index_in_simdgroup;
  const int sg = (int)simdgroup_index_in_threadgroup;
  const int n = static_cast<int>(scalars[0]);
  // test_golden.py:71
  const int at = (int)((uint)(int)threadgroup_position_in_grid.x * (uint)1024);
  // test_golden.py:72
  {
    #pragma clang loop unroll_count(4)
    for (int c0 = 0; c0 < 8; c0 += 4) {
      const int v0 = ((lane << 2) + (sg << 7)) + ((c0 >> 2) << 9);
      const int at_2 = (at + v0);
      const bool cmp = (at_2 < n);
      const int4 load = cmp ? int4(tile_load<packed_int4>(&x_ptr[at_2])) : int4(0);
      #pragma clang loop unroll_count(4)
      for (int k0 = 0; k0 < 4; ++k0) {
        const int i0 = v0 + k0;
        const int rem_s = (load[k0] % 32);
        const int at_3 = (at + i0);
        const bool cmp_2 = (at_3 < n);
        if (cmp_2) atomic_fetch_add_explicit((device atomic<int>*)&count_ptr_new[rem_s], 1, memory_order_relaxed);
      }
    }
  }
