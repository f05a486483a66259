static void program(const int* x_ptr_0, int* count_ptr_1, const int n_2, const uint3 threadgroup_position_in_grid, const uint3 threadgroups_per_grid) {
  // test_golden.py:71
  const int at_6 = (int)((uint)(int)threadgroup_position_in_grid.x * (uint)1024);
  // test_golden.py:72
  {
    const int at_9 = (at_6 + 1023);
    const bool cmp_11 = (at_9 < n_2);
    if (cmp_11) {
      {
        TILE_LOOP
        for (int r0 = 0; r0 < 1024; ++r0) {
          const int i0 = r0;
          const int at_9_2 = (at_6 + i0);
          const int load_14 = x_ptr_0[at_9_2];
          const int rem_s_15 = (load_14 % 32);
          host_atomic_fetch_add<int>(&count_ptr_1[rem_s_15], (int)(1));
        }
      }
    }
    else {
      {
        TILE_MASKED
        for (int r0 = 0; r0 < 1024; ++r0) {
          const int i0 = r0;
          const int at_9_3 = (at_6 + i0);
          const bool cmp_11_2 = (at_9_3 < n_2);
          const int load_14_2 = cmp_11_2 ? x_ptr_0[at_9_3] : 0;
          const int rem_s_15_2 = (load_14_2 % 32);
          if (cmp_11_2) host_atomic_fetch_add<int>(&count_ptr_1[rem_s_15_2], (int)(1));
        }
      }
    }
  }
}

extern "C" int triton_kernel(void* const* buffers, const void* scalars,
                             const int64_t* grid, int64_t begin, int64_t end) {
  const uint3 count = {(uint)grid[0], (uint)grid[1], (uint)grid[2]};
  for (int64_t p = begin; p < end; ++p) {
    const uint3 at = {(uint)(p % grid[0]), (uint)(p / grid[0] % grid[1]),
                      (uint)(p / (grid[0] * grid[1]))};
    program((int*)buffers[0], (int*)buffers[1], *(const int*)((const char*)scalars + 0), at, count);
  }
  return 0;
}
