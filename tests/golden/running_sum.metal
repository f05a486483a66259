  TILE_NO_CONTRACTION
  const int lane = (int)thread_index_in_simdgroup;
  const int sg = (int)simdgroup_index_in_threadgroup;
  alignas(16) threadgroup uchar arena[16];
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
  #pragma clang loop unroll(full)
  for (int r = 0; r < 4; ++r) {
    if ((r & 1) != 0) {
      const float next = (scan[(r ^ 1)] + scan[r]);
      scan[r] = next;
    }
  }
  #pragma clang loop unroll(full)
  for (int r = 0; r < 4; ++r) {
    if ((r & 2) != 0) {
      const float next_2 = (scan[((r ^ 2) | 1)] + scan[r]);
      scan[r] = next_2;
    }
  }
  #pragma clang loop unroll(full)
  for (int r = 0; r < 4; ++r) {
    const float before = tile_shuffle(scan[(r | 3)], ushort((lane ^ 1)));
    if ((lane & 1) != 0) {
      const float next_3 = (before + scan[r]);
      scan[r] = next_3;
    }
  }
  #pragma clang loop unroll(full)
  for (int r = 0; r < 4; ++r) {
    const float before_2 = tile_shuffle(scan[(r | 3)], ushort(((lane ^ 2) | 1)));
    if ((lane & 2) != 0) {
      const float next_4 = (before_2 + scan[r]);
      scan[r] = next_4;
    }
  }
  #pragma clang loop unroll(full)
  for (int r = 0; r < 4; ++r) {
    const float before_3 = tile_shuffle(scan[(r | 3)], ushort(((lane ^ 4) | 3)));
    if ((lane & 4) != 0) {
      const float next_5 = (before_3 + scan[r]);
      scan[r] = next_5;
    }
  }
  #pragma clang loop unroll(full)
  for (int r = 0; r < 4; ++r) {
    const float before_4 = tile_shuffle(scan[(r | 3)], ushort(((lane ^ 8) | 7)));
    if ((lane & 8) != 0) {
      const float next_6 = (before_4 + scan[r]);
      scan[r] = next_6;
    }
  }
  #pragma clang loop unroll(full)
  for (int r = 0; r < 4; ++r) {
    const float before_5 = tile_shuffle(scan[(r | 3)], ushort(((lane ^ 16) | 15)));
    if ((lane & 16) != 0) {
      const float next_7 = (before_5 + scan[r]);
      scan[r] = next_7;
    }
  }
  {
    threadgroup float* shared = (threadgroup float*)arena;
    const int place = sg;
    if ((lane & 31) == 31) {
      shared[0 + place] = scan[3];
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    const int part = sg;
    float total = shared[0 + (place & 0)];
    if (part == 1) {
      const float next_8 = (total + scan[0]);
      scan[0] = next_8;
      const float next_9 = (total + scan[1]);
      scan[1] = next_9;
      const float next_10 = (total + scan[2]);
      scan[2] = next_10;
      const float next_11 = (total + scan[3]);
      scan[3] = next_11;
    }
    {
      const float next_12 = (total + shared[1 + (place & 0)]);
      total = next_12;
    }
    if (part == 2) {
      const float next_13 = (total + scan[0]);
      scan[0] = next_13;
      const float next_14 = (total + scan[1]);
      scan[1] = next_14;
      const float next_15 = (total + scan[2]);
      scan[2] = next_15;
      const float next_16 = (total + scan[3]);
      scan[3] = next_16;
    }
    {
      const float next_17 = (total + shared[2 + (place & 0)]);
      total = next_17;
    }
    if (part == 3) {
      const float next_18 = (total + scan[0]);
      scan[0] = next_18;
      const float next_19 = (total + scan[1]);
      scan[1] = next_19;
      const float next_20 = (total + scan[2]);
      scan[2] = next_20;
      const float next_21 = (total + scan[3]);
      scan[3] = next_21;
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
