  const int lane = (int)thread_index_in_simdgroup;
  const int sg = (int)simdgroup_index_in_threadgroup;
  const int tid = (int)thread_index_in_threadgroup;
  const int n_3 = static_cast<int>(scalars[0]);
  const int offsets_3 = (int)((uint)(int)threadgroup_position_in_grid.x * (uint)1024);
  {
    #pragma clang loop unroll(full)
    for (int r0 = 0; r0 < 8; ++r0) {
      const int i0 = ((lane << 2) + (sg << 7)) + (r0 & 3) + ((r0 >> 2) << 9);
      const int offsets_6 = (offsets_3 + i0);
      const bool inside_8 = (offsets_6 < n_3);
      const float x_11 = inside_8 ? x_ptr_0[offsets_6] : 0.0f;
      const float y_14 = inside_8 ? y_ptr_1[offsets_6] : 0.0f;
      const float add_17 = (x_11 + y_14);
      if (inside_8) out_ptr_2_new[offsets_6] = add_17;
    }
  }
