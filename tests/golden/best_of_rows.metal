  TILE_NO_CONTRACTION
  const int lane = (int)thread_index_in_simdgroup;
  const int sg = (int)simdgroup_index_in_threadgroup;
  // test_golden.py:48-49
  float acc[2];
  int acc_2[2];
  {
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 2; ++r0) {
      const int i0 = ((lane >> 4) + (sg << 1)) + (r0 << 3);
      const int x = (i0 * 64);
      const int offset = x;
      {
        const int v1 = ((lane & 15) << 2);
        const float4 x_2 = float4(tile_load<packed_float4>(&x_ptr[offset + v1]));
        #pragma clang loop unroll(full)
        for (int k1 = 0; k1 < 4; ++k1) {
          const int r1 = k1;
          const int i1 = v1 + k1;
          const bool cmp = (acc[r0] == x_2[k1]);
          const bool cmp_2 = (acc_2[r0] < i1);
          const bool and_ = (cmp && cmp_2);
          const bool cmp_3 = (acc[r0] > x_2[k1]);
          const bool or_ = (cmp_3 || and_);
          const float select_ = (or_ ? acc[r0] : x_2[k1]);
          const int select_2 = (or_ ? acc_2[r0] : i1);
          const float next = select_;
          const int next_2 = select_2;
          acc[r0] = r1 == 0 ? x_2[k1] : next;
          acc_2[r0] = r1 == 0 ? i1 : next_2;
        }
      }
    }
  }
  #pragma clang loop unroll(full)
  for (int r = 0; r < 2; ++r) {
    const float other = tile_shuffle_xor(acc[r], 1);
    const int other_2 = tile_shuffle_xor(acc_2[r], 1);
    const bool cmp_4 = (acc[r] == other);
    const bool cmp_5 = (acc_2[r] < other_2);
    const bool and_2 = (cmp_4 && cmp_5);
    const bool cmp_6 = (acc[r] > other);
    const bool or_2 = (cmp_6 || and_2);
    const float select_3 = (or_2 ? acc[r] : other);
    const int select_4 = (or_2 ? acc_2[r] : other_2);
    const float next_3 = select_3;
    const int next_4 = select_4;
    acc[r] = next_3;
    acc_2[r] = next_4;
    const float other_3 = tile_shuffle_xor(acc[r], 2);
    const int other_4 = tile_shuffle_xor(acc_2[r], 2);
    const bool cmp_7 = (acc[r] == other_3);
    const bool cmp_8 = (acc_2[r] < other_4);
    const bool and_3 = (cmp_7 && cmp_8);
    const bool cmp_9 = (acc[r] > other_3);
    const bool or_3 = (cmp_9 || and_3);
    const float select_5 = (or_3 ? acc[r] : other_3);
    const int select_6 = (or_3 ? acc_2[r] : other_4);
    const float next_5 = select_5;
    const int next_6 = select_6;
    acc[r] = next_5;
    acc_2[r] = next_6;
    const float other_5 = tile_shuffle_xor(acc[r], 4);
    const int other_6 = tile_shuffle_xor(acc_2[r], 4);
    const bool cmp_10 = (acc[r] == other_5);
    const bool cmp_11 = (acc_2[r] < other_6);
    const bool and_4 = (cmp_10 && cmp_11);
    const bool cmp_12 = (acc[r] > other_5);
    const bool or_4 = (cmp_12 || and_4);
    const float select_7 = (or_4 ? acc[r] : other_5);
    const int select_8 = (or_4 ? acc_2[r] : other_6);
    const float next_7 = select_7;
    const int next_8 = select_8;
    acc[r] = next_7;
    acc_2[r] = next_8;
    const float other_7 = tile_shuffle_xor(acc[r], 8);
    const int other_8 = tile_shuffle_xor(acc_2[r], 8);
    const bool cmp_13 = (acc[r] == other_7);
    const bool cmp_14 = (acc_2[r] < other_8);
    const bool and_5 = (cmp_13 && cmp_14);
    const bool cmp_15 = (acc[r] > other_7);
    const bool or_5 = (cmp_15 || and_5);
    const float select_9 = (or_5 ? acc[r] : other_7);
    const int select_10 = (or_5 ? acc_2[r] : other_8);
    const float next_9 = select_9;
    const int next_10 = select_10;
    acc[r] = next_9;
    acc_2[r] = next_10;
  }
  float reduce[2];
  for (int r = 0; r < 2; ++r) {
    reduce[r] = acc[r];
  }
  int reduce_2[2];
  for (int r = 0; r < 2; ++r) {
    reduce_2[r] = acc_2[r];
  }
  // test_golden.py:50-51
  {
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 2; ++r0) {
      const int i0 = ((lane >> 4) + (sg << 1)) + (r0 << 3);
      if ((lane & 15) == 0) value_ptr_new[i0] = reduce[r0];
      if ((lane & 15) == 0) index_ptr_new[i0] = reduce_2[r0];
    }
  }
