static void program(const float* __restrict x_ptr_0, float* __restrict value_ptr_1, int* __restrict index_ptr_2, const uint3 threadgroup_position_in_grid, const uint3 threadgroups_per_grid) {
  // test_golden.py:48-49
  alignas(64) float acc_21[1024];
  alignas(64) int acc_21_2[1024];
  {
    TILE_OUTER
    for (int r0 = 0; r0 < 16; ++r0) {
      const int i0 = r0;
      const int x_5 = (i0 * 64);
      const long offset = (long)x_5;
      TILE_LOOP
      for (int r1 = 0; r1 < 64; ++r1) {
        const int i1 = r1;
        const float x_12 = x_ptr_0[offset + (long)i1];
        acc_21[(r0) * 64 + r1] = x_12;
        acc_21_2[(r0) * 64 + r1] = i1;
      }
    }
  }
  for (int r = 0; r < 1024; r += 64) {
    for (int k = 0; k < 32; ++k) {
      const bool cmp_14 = (acc_21[r + k] == acc_21[r + k + 32]);
      const bool cmp_15 = (acc_21_2[r + k] < acc_21_2[r + k + 32]);
      const bool and_16 = (cmp_14 && cmp_15);
      const bool cmp_17 = (acc_21[r + k] > acc_21[r + k + 32]);
      const bool or_18 = (cmp_17 || and_16);
      const float select_19 = (or_18 ? acc_21[r + k] : acc_21[r + k + 32]);
      const int select_20 = (or_18 ? acc_21_2[r + k] : acc_21_2[r + k + 32]);
      const float next = select_19;
      const int next_2 = select_20;
      acc_21[r + k] = next;
      acc_21_2[r + k] = next_2;
    }
    for (int k = 0; k < 16; ++k) {
      const bool cmp_14_2 = (acc_21[r + k] == acc_21[r + k + 16]);
      const bool cmp_15_2 = (acc_21_2[r + k] < acc_21_2[r + k + 16]);
      const bool and_16_2 = (cmp_14_2 && cmp_15_2);
      const bool cmp_17_2 = (acc_21[r + k] > acc_21[r + k + 16]);
      const bool or_18_2 = (cmp_17_2 || and_16_2);
      const float select_19_2 = (or_18_2 ? acc_21[r + k] : acc_21[r + k + 16]);
      const int select_20_2 = (or_18_2 ? acc_21_2[r + k] : acc_21_2[r + k + 16]);
      const float next_3 = select_19_2;
      const int next_4 = select_20_2;
      acc_21[r + k] = next_3;
      acc_21_2[r + k] = next_4;
    }
    for (int k = 0; k < 8; ++k) {
      const bool cmp_14_3 = (acc_21[r + k] == acc_21[r + k + 8]);
      const bool cmp_15_3 = (acc_21_2[r + k] < acc_21_2[r + k + 8]);
      const bool and_16_3 = (cmp_14_3 && cmp_15_3);
      const bool cmp_17_3 = (acc_21[r + k] > acc_21[r + k + 8]);
      const bool or_18_3 = (cmp_17_3 || and_16_3);
      const float select_19_3 = (or_18_3 ? acc_21[r + k] : acc_21[r + k + 8]);
      const int select_20_3 = (or_18_3 ? acc_21_2[r + k] : acc_21_2[r + k + 8]);
      const float next_5 = select_19_3;
      const int next_6 = select_20_3;
      acc_21[r + k] = next_5;
      acc_21_2[r + k] = next_6;
    }
    for (int k = 0; k < 4; ++k) {
      const bool cmp_14_4 = (acc_21[r + k] == acc_21[r + k + 4]);
      const bool cmp_15_4 = (acc_21_2[r + k] < acc_21_2[r + k + 4]);
      const bool and_16_4 = (cmp_14_4 && cmp_15_4);
      const bool cmp_17_4 = (acc_21[r + k] > acc_21[r + k + 4]);
      const bool or_18_4 = (cmp_17_4 || and_16_4);
      const float select_19_4 = (or_18_4 ? acc_21[r + k] : acc_21[r + k + 4]);
      const int select_20_4 = (or_18_4 ? acc_21_2[r + k] : acc_21_2[r + k + 4]);
      const float next_7 = select_19_4;
      const int next_8 = select_20_4;
      acc_21[r + k] = next_7;
      acc_21_2[r + k] = next_8;
    }
    for (int k = 0; k < 2; ++k) {
      const bool cmp_14_5 = (acc_21[r + k] == acc_21[r + k + 2]);
      const bool cmp_15_5 = (acc_21_2[r + k] < acc_21_2[r + k + 2]);
      const bool and_16_5 = (cmp_14_5 && cmp_15_5);
      const bool cmp_17_5 = (acc_21[r + k] > acc_21[r + k + 2]);
      const bool or_18_5 = (cmp_17_5 || and_16_5);
      const float select_19_5 = (or_18_5 ? acc_21[r + k] : acc_21[r + k + 2]);
      const int select_20_5 = (or_18_5 ? acc_21_2[r + k] : acc_21_2[r + k + 2]);
      const float next_9 = select_19_5;
      const int next_10 = select_20_5;
      acc_21[r + k] = next_9;
      acc_21_2[r + k] = next_10;
    }
    for (int k = 0; k < 1; ++k) {
      const bool cmp_14_6 = (acc_21[r + k] == acc_21[r + k + 1]);
      const bool cmp_15_6 = (acc_21_2[r + k] < acc_21_2[r + k + 1]);
      const bool and_16_6 = (cmp_14_6 && cmp_15_6);
      const bool cmp_17_6 = (acc_21[r + k] > acc_21[r + k + 1]);
      const bool or_18_6 = (cmp_17_6 || and_16_6);
      const float select_19_6 = (or_18_6 ? acc_21[r + k] : acc_21[r + k + 1]);
      const int select_20_6 = (or_18_6 ? acc_21_2[r + k] : acc_21_2[r + k + 1]);
      const float next_11 = select_19_6;
      const int next_12 = select_20_6;
      acc_21[r + k] = next_11;
      acc_21_2[r + k] = next_12;
    }
  }
  alignas(64) float reduce_21[16];
  for (int r = 0; r < 16; ++r) {
    reduce_21[r] = acc_21[r * 64];
  }
  alignas(64) int reduce_21_2[16];
  for (int r = 0; r < 16; ++r) {
    reduce_21_2[r] = acc_21_2[r * 64];
  }
  // test_golden.py:50-51
  {
    TILE_LOOP
    for (int r0 = 0; r0 < 16; ++r0) {
      const int i0 = r0;
      value_ptr_1[i0] = reduce_21[r0];
      index_ptr_2[i0] = reduce_21_2[r0];
    }
  }
}

extern "C" int triton_kernel(void* const* buffers, const void* scalars,
                             const int64_t* grid, int64_t begin, int64_t end) {
  const uint3 count = {(uint)grid[0], (uint)grid[1], (uint)grid[2]};
  for (int64_t p = begin; p < end; ++p) {
    const uint3 at = {(uint)(p % grid[0]), (uint)(p / grid[0] % grid[1]),
                      (uint)(p / (grid[0] * grid[1]))};
    program((float*)buffers[0], (float*)buffers[1], (int*)buffers[2], at, count);
  }
  return 0;
}
